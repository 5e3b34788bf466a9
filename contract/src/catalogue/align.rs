//! Finding the rows that both parties have.

use crate::{
    Audience, ComponentDescriptor, Disclosure, DisclosureKind, Frequency, ParameterDescriptor,
    ParameterKind, PrivacyMode, Role, STRICT, Text,
};

use super::parameter;

/// Private set intersection by commutative blinding on an elliptic curve.
pub static ECDH: ComponentDescriptor = ComponentDescriptor {
    name: "align.ecdh",
    title: Text::new("Private set intersection (ECDH)", "隐私求交（ECDH）"),
    description: Text::new(
        "Finds the rows that both parties have, by blinding the hashed keys twice. Keys that only \
         one party has stay hidden.",
        "通过对哈希后的标识进行双重盲化找出双方共有的行；只有一方持有的标识不会泄露。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: MODES,
    parameters: &[LEARN],
};

/// Private set intersection from a key-value store and vector oblivious linear evaluation.
pub static RR22: ComponentDescriptor = ComponentDescriptor {
    name: "align.rr22",
    title: Text::new("Private set intersection (RR22)", "隐私求交（RR22）"),
    description: Text::new(
        "Finds the rows that both parties have, by symmetric work on hashed keys: much faster than \
         ECDH for many rows. Keys that only one party has stay hidden.",
        "基于对称运算找出双方共有的行：行数多时比 ECDH 快得多；只有一方持有的标识不会泄露。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: MODES,
    parameters: &[LEARN, SECURITY],
};

/// Whatever the protocol, an intersection opens the same.
const MODES: &[PrivacyMode] = &[PrivacyMode {
    name: STRICT,
    summary: Text::new(
        "Opens which of its own rows are common, and the number of rows of each side.",
        "仅公开各方自己的哪些行是共有的，以及双方的行数。",
    ),
    disclosures: &[
        Disclosure::new(
            Audience::All,
            "table.rows",
            DisclosureKind::Size,
            Frequency::Once,
            Text::new("the number of rows of the other party's table", "对方数据表的行数"),
        ),
        Disclosure::new(
            Audience::All,
            "intersection.rows",
            DisclosureKind::Result,
            Frequency::Once,
            Text::new(
                "which of its own rows the other party has too, if `learn` names the party",
                "自己的哪些行对方也有（仅限 `learn` 指定的一方）",
            ),
        ),
        Disclosure::new(
            Audience::All,
            "intersection.membership",
            DisclosureKind::Inference,
            Frequency::Once,
            Text::new(
                "that each common person is a customer of the other party, and each other \
                 person in its own table is not",
                "每个共有的人是对方的客户，而自己表中其余的人不是",
            ),
        ),
    ],
}];

const LEARN: ParameterDescriptor = parameter(
    "learn",
    ParameterKind::Choice { default: "both", options: &["both", "guest", "host"] },
    Text::new(
        "who learns the common rows; training needs both",
        "由谁得知共有的行；训练需要双方都得知",
    ),
);

const SECURITY: ParameterDescriptor = parameter(
    "security",
    ParameterKind::Choice { default: "semi_honest", options: &["semi_honest", "malicious"] },
    Text::new(
        "the partner that is held off: one that follows the protocol, or one that sends what it \
         likes (2 to 3 times the cost)",
        "所防范的对方：遵守协议的（semi_honest），或发送任意消息的（malicious，代价为 2 至 3 倍）",
    ),
);
