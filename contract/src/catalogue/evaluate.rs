//! Judging the joint model against the guest's own, and showing it.

use crate::{ComponentDescriptor, ParameterKind, Role, Share, Text};

use super::hidden::SCORES;
use super::{LOCAL, integer, number, parameter};

/// Metrics of the guest's own model, the joint one, and their difference.
pub static EVALUATE: ComponentDescriptor = ComponentDescriptor {
    name: "evaluate",
    title: Text::new("Evaluation", "模型评估"),
    description: Text::new(
        "Compares the joint model with the guest's own on the test rows, with a bootstrap \
         interval of the difference. The guest computes it from the scores that training gave it.",
        "在测试集上比较联合模型与发起方单方模型，并给出差异的自助法区间；由发起方用训练所得的得分计算。",
    ),
    roles: &[Role::Guest],
    modes: LOCAL,
    parameters: &[
        parameter(
            "threshold",
            number(0.5, 0.0, 1.0),
            Text::new("score from which a row counts as positive", "判为正样本的得分阈值"),
        ),
        parameter(
            "bootstrap",
            integer(1_000, 100, 100_000),
            Text::new("number of bootstrap samples", "自助法抽样次数"),
        ),
        parameter(
            "cost",
            ParameterKind::Number { default: None, minimum: 0.0, maximum: 1e12 },
            Text::new(
                "cost of one contact, in the currency of `value`; needed for the profit curve",
                "单次触达的成本，与 `value` 同币种；利润曲线需要",
            ),
        ),
        parameter(
            "value",
            ParameterKind::Number { default: None, minimum: 0.0, maximum: 1e12 },
            Text::new(
                "value of one positive; needed for the profit curve",
                "单个正样本的价值；利润曲线需要",
            ),
        ),
        parameter(
            "scores",
            SCORES,
            Text::new(
                "whether the guest gets the joint scores of the test rows (open), or figures about \
                 them and no score (hidden); hidden for strict models of a label of two classes or \
                 of a number, with one host",
                "发起方是否得到测试行的联合得分（open），或仅得到其指标而不见任何得分（hidden）；\
                 hidden 适用于单个合作方、标签为二分类或数值的 strict 模型",
            ),
        ),
    ],
};

/// The page that each party gets.
pub static REPORT: ComponentDescriptor = ComponentDescriptor {
    name: "report",
    title: Text::new("Report", "报告"),
    description: Text::new(
        "Writes one page for each party with what that party may see.",
        "为各方生成一份报告，只包含该方可见的内容。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: LOCAL,
    parameters: &[
        parameter("bands", integer(20, 2, 100), Text::new("number of score bands", "评分分段数")),
        parameter(
            "top",
            ParameterKind::Shares {
                default: &[
                    Share::percent(1),
                    Share::percent(5),
                    Share::percent(10),
                    Share::percent(20),
                ],
            },
            Text::new(
                "shares of best-scored rows whose precision is shown",
                "展示精确率的高分行比例",
            ),
        ),
    ],
};
