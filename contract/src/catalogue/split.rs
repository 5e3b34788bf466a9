//! Dividing the common rows into training, validation and test rows.

use crate::{
    Audience, ComponentDescriptor, Disclosure, DisclosureKind, Frequency, ParameterKind,
    PrivacyMode, Role, STRICT, Share, Text,
};

use super::parameter;

/// The agreed split into training, validation and test rows.
pub static SPLIT: ComponentDescriptor = ComponentDescriptor {
    name: "split",
    title: Text::new("Training and test split", "训练集与测试集划分"),
    description: Text::new(
        "Divides the common rows into training and test rows: the latest rows are the test rows \
         (time), or rows drawn with the job's public seed (random), or drawn within each class \
         (stratified). The last part of the training rows is kept for validation. Where items are \
         recommended, interactions are divided in place of rows, by the guest alone: one of each \
         user (leave_one_out), the latest (time), or some drawn (random).",
        "将共有的行划分为训练集与测试集：按时间取最近的行作测试集，或按任务的公开种子随机抽取，\
         或在每个类别内分层抽取。训练集的最后一部分留作验证集。推荐任务中划分的是交互记录而非行，\
         且仅由发起方完成：每个用户留出一条（leave_one_out）、取最近的（time）或随机抽取（random）。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: &[PrivacyMode {
        name: STRICT,
        summary: Text::new(
            "Every party knows which common rows are training, validation and test rows.",
            "各方都知道哪些共有的行属于训练集、验证集和测试集。",
        ),
        several_hosts: true,
        disclosures: &[
            Disclosure::new(
                Audience::Host,
                "split.rows",
                DisclosureKind::Intermediate,
                Frequency::Once,
                Text::new(
                    "which common rows are training, validation and test rows",
                    "哪些共有的行属于训练集、验证集和测试集",
                ),
            ),
            Disclosure::new(
                Audience::Host,
                "split.late_rows",
                DisclosureKind::Inference,
                Frequency::Once,
                Text::new(
                    "with a split by time: which common rows are the late ones in the guest's \
                     table",
                    "按时间划分时：哪些共有的行在发起方的表中时间较晚",
                ),
            ),
        ],
    }],
    parameters: &[
        parameter(
            "by",
            ParameterKind::Choice {
                default: "stratified",
                options: &["time", "random", "stratified", "leave_one_out"],
            },
            Text::new(
                "how test rows are chosen; time needs the guest's `time` column; leave_one_out is \
                 for recommendation only, and its default: of each user with two items or more \
                 the latest by the guest's `time`, without that column one drawn",
                "测试集的选取方式；按时间划分需要发起方的 `time` 列；leave_one_out 仅用于推荐任务且为其默认值：\
                 对有两个及以上物品的用户，按发起方的 `time` 取最近的一个，无该列时随机抽取一个",
            ),
        ),
        parameter(
            "test",
            ParameterKind::Share {
                default: Share::percent(30),
                minimum: Share::percent(1),
                maximum: Share::percent(90),
            },
            Text::new(
                "share of the common rows, or of interactions, kept for the test",
                "留作测试集的行（或交互记录）的比例",
            ),
        ),
        parameter(
            "validation",
            ParameterKind::Share {
                default: Share::percent(20),
                minimum: Share::ZERO,
                maximum: Share::percent(50),
            },
            Text::new(
                "share of the training rows kept for validation, the latest of them with a split \
                 by time",
                "训练集中留作验证集的比例；按时间划分时取其中最晚的部分",
            ),
        ),
    ],
};
