//! Finding the rows that a guest and all its hosts have.

use crate::{
    Audience, ComponentDescriptor, Disclosure, DisclosureKind, Frequency, ParameterKind,
    PrivacyMode, Role, STRICT, Text,
};

use super::parameter;

/// Private set intersection of two parties or more.
pub static MULTIPARTY: ComponentDescriptor = ComponentDescriptor {
    name: "align.multiparty",
    title: Text::new("Private set intersection of several parties", "多方隐私求交"),
    description: Text::new(
        "Finds the rows that the guest and all hosts have, by symmetric work on hashed keys. Keys \
         that some parties have and others have not stay hidden, also which of them have them.",
        "基于对称运算找出发起方与所有合作方共有的行；只有部分参与方持有的标识不会泄露，\
         也不会透露是哪些参与方持有。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: &[PrivacyMode {
        name: STRICT,
        summary: Text::new(
            "Opens which of its own rows everybody has. The guest learns the number of rows of each \
             host, a host that of the guest, and of another host a party learns nothing else.",
            "仅公开各方自己的哪些行是所有参与方共有的。发起方得知每个合作方的行数，合作方得知发起方的行数；\
             合作方之间不再得知任何其他信息。",
        ),
        several_hosts: true,
        disclosures: &[
            Disclosure::new(
                Audience::Guest,
                "table.rows_of_hosts",
                DisclosureKind::Size,
                Frequency::Once,
                Text::new(
                    "the number of rows of each host's table that take part",
                    "每个合作方数据表中参与匹配的行数",
                ),
            ),
            Disclosure::new(
                Audience::Host,
                "table.rows_of_guest",
                DisclosureKind::Size,
                Frequency::Once,
                Text::new(
                    "the number of rows of the guest's table that take part, and of no other host's",
                    "发起方数据表中参与匹配的行数，不含其他合作方的行数",
                ),
            ),
            Disclosure::new(
                Audience::All,
                "intersection.rows",
                DisclosureKind::Result,
                Frequency::Once,
                Text::new(
                    "which of its own rows all other parties have too, if `learn` names the party",
                    "自己的哪些行其他所有参与方也都有（仅限 `learn` 指定的一方）",
                ),
            ),
            Disclosure::new(
                Audience::All,
                "intersection.membership",
                DisclosureKind::Inference,
                Frequency::Once,
                Text::new(
                    "that each common person is known to every party, and each other person in its \
                     own table is unknown to one of them at least, not to which",
                    "每个共有的人为所有参与方所知；自己表中其余的人至少有一个参与方不知道，但不透露是哪一方",
                ),
            ),
        ],
    }],
    parameters: &[
        parameter(
            "learn",
            ParameterKind::Choice { default: "all", options: &["all", "guest"] },
            Text::new(
                "who learns the common rows; training needs all",
                "由谁得知共有的行；训练需要所有参与方都得知",
            ),
        ),
        parameter(
            "join",
            ParameterKind::Choice { default: "inner", options: &["inner", "anti"] },
            Text::new(
                "which of its own rows a learning party keeps: the common ones, or (`anti`) those \
                 that not all parties have. It opens nothing more. `anti` is for jobs without a \
                 model",
                "得知方保留自己的哪些行：共有的行，或（`anti`）并非所有参与方都有的行。\
                 不增加任何公开内容；`anti` 仅用于不训练模型的任务",
            ),
        ),
    ],
};
