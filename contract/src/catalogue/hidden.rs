//! Models over common rows that nobody learns, and figures about scores that nobody sees.

use crate::{
    Audience, ComponentDescriptor, Disclosure, DisclosureKind, Frequency, ParameterKind,
    PrivacyMode, Role, STRICT, Text,
};

use super::regression::LABEL_SCALE;
use super::{integer, parameter};

/// Finds the common rows for training, without anybody learning which they are.
pub static HIDDEN: ComponentDescriptor = ComponentDescriptor {
    name: "align.hidden",
    title: Text::new("Hidden intersection for training", "用于训练的隐藏交集"),
    description: Text::new(
        "Trains on the rows that both parties have, and neither learns which these are: the \
         guest's rows stand in places, and whether the host has them too, and the host's columns \
         there, are secret-shared. For one logistic, linear, Poisson, gamma or Tweedie regression \
         with a random split and hidden scores.",
        "在双方共有的行上训练，而任何一方都不会得知哪些行是共有的：发起方的行各占一个位置，\
         合作方是否也有该行以及合作方在该处的特征均为秘密分享。用于单个逻辑、线性、泊松、伽马或 Tweedie 回归、随机划分、得分隐藏的任务。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: &[PrivacyMode {
        name: STRICT,
        summary: Text::new(
            "Opens how many of the training and of the test rows are common, the size of each \
             side's table, and the host's number of columns.",
            "仅公开训练行与测试行中各有多少行是共有的、双方数据表的规模，以及合作方的列数。",
        ),
        several_hosts: false,
        disclosures: &[
            Disclosure::new(
                Audience::All,
                "table.rows",
                DisclosureKind::Size,
                Frequency::Once,
                Text::new(
                    "the number of rows of the other party's table that take part",
                    "对方参与的行数",
                ),
            ),
            Disclosure::new(
                Audience::All,
                "hidden.columns",
                DisclosureKind::Size,
                Frequency::Once,
                Text::new(
                    "the host's number of encoded columns, which are shared",
                    "合作方被秘密分享的编码后列数",
                ),
            ),
            Disclosure::new(
                Audience::All,
                ROWS,
                DisclosureKind::Size,
                Frequency::Once,
                Text::new(
                    "how many of the training rows, and how many of the test rows, are common",
                    "训练行与测试行中各有多少行是共有的",
                ),
            ),
            Disclosure::new(
                Audience::All,
                "hidden.differences",
                DisclosureKind::Inference,
                Frequency::Once,
                Text::new(
                    "from results of several runs whose tables differ little: whether these few \
                     rows are common",
                    "由数据表相差很少的多次运行的结果，可推断相差的行是否共有",
                ),
            ),
        ],
    }],
    parameters: &[parameter(
        "minimum",
        integer(100, 64, 1_000_000_000),
        Text::new(
            "the least number of common training rows, and of common test rows, with which the job \
             goes on; both numbers are opened in any case",
            "任务继续所需的最少共有训练行数与最少共有测试行数；这两个数总会公开",
        ),
    )],
};

/// What the guest learns about hidden scores.
const FIGURES: Disclosure = Disclosure::new(
    Audience::Guest,
    "evaluate.figures",
    DisclosureKind::Result,
    Frequency::Once,
    Text::new(
        "of the joint score: the AUC with its bound, KS, precision and lift of the best-scored \
         shares, Brier score, log-loss, and the number of positives; no score",
        "联合得分的 AUC 及其误差界、KS、高分段的精确率与提升度、Brier 分数、对数损失和正样本数；不含任何得分",
    ),
);

/// The same where the test rows are hidden, too.
const FIGURES_OF_HIDDEN_ROWS: Disclosure = Disclosure::new(
    Audience::Guest,
    "evaluate.figures",
    DisclosureKind::Result,
    Frequency::Once,
    Text::new(
        "of the joint score over the common test rows: the AUC with its bound, KS, precision and \
         lift of the best-scored shares, Brier score, log-loss, and the number of positives; no \
         score",
        "在共有测试行上，联合得分的 AUC 及其误差界、KS、高分段的精确率与提升度、Brier 分数、对数损失和\
         正样本数；不含任何得分",
    ),
);

/// What the guest learns about hidden predictions of numbers.
const ERRORS: Disclosure = Disclosure::new(
    Audience::Guest,
    "evaluate.figures",
    DisclosureKind::Result,
    Frequency::Once,
    Text::new(
        "of the joint prediction: the root of the mean squared error, the mean absolute error, the \
         bias and the mean deviance; no prediction",
        "联合预测值的均方根误差、平均绝对误差、偏差均值和平均偏差（deviance）；不含任何预测值",
    ),
);

/// The same where the test rows are hidden, too.
const ERRORS_OF_HIDDEN_ROWS: Disclosure = Disclosure::new(
    Audience::Guest,
    "evaluate.figures",
    DisclosureKind::Result,
    Frequency::Once,
    Text::new(
        "of the joint prediction over the common test rows: the root of the mean squared error, \
         the mean absolute error, the bias and the mean deviance, and to two or three digits how \
         far the labels are spread there; no prediction",
        "在共有测试行上，联合预测值的均方根误差、平均绝对误差、偏差均值和平均偏差（deviance），\
         以及标签在这些行上的离散程度（两到三位有效数字）；不含任何预测值",
    ),
);

/// What the guest infers from them where its labels are uneven.
const LARGE_LABELS: Disclosure = Disclosure::new(
    Audience::Guest,
    "evaluate.large_labels",
    DisclosureKind::Inference,
    Frequency::Once,
    Text::new(
        "from the figures: whether test rows whose labels are far beyond the others are common, \
         and of more rows where the joint prediction is hardly another than its own",
        "由指标可推断：标签远超其他行的测试行是否共有；若联合预测与其单方预测相差无几，则还可推断更多行是否共有",
    ),
);

/// What the guest infers from figures about two classes where it knows the joint scores.
const KNOWN_SCORES: Disclosure = Disclosure::new(
    Audience::Guest,
    "evaluate.known_scores",
    DisclosureKind::Inference,
    Frequency::Once,
    Text::new(
        "from the figures, which of its test rows are common: where the joint score is hardly \
         another than its own, from AUC, KS and the best-scored shares; where few of these rows \
         are positive, from the number of positives",
        "由指标可推断其哪些测试行是共有的：若联合得分与其单方得分相差无几，则由 AUC、KS 和高分段指标推断；\
         若这些行中正样本很少，则由正样本数推断",
    ),
);

/// What the guest infers from several runs over rows that it knows.
const DIFFERENCES: Disclosure = Disclosure::new(
    Audience::Guest,
    "evaluate.differences",
    DisclosureKind::Inference,
    Frequency::Once,
    Text::new(
        "from figures of several runs whose test rows or labels differ little: joint scores of the \
         rows in which they differ",
        "由测试行或标签相差很少的多次运行的指标，可推断相差的行的联合得分",
    ),
);

/// The power of two of labels that are numbers, where the host's columns are shared before it is
/// known which rows are for training.
const LABEL_SCALE_OF_ALL: Text = Text::new(
    "the power of two next to the standard deviation (linear regression) or mean of the label over \
     all rows of the guest's table that take part",
    "最接近标签标准差（线性回归）或均值的 2 的幂，按发起方参与的全部行计",
);

/// What the host infers if there is nothing to judge.
const ONE_CLASS: Disclosure = Disclosure::new(
    Audience::Host,
    "evaluate.one_class",
    DisclosureKind::Inference,
    Frequency::Once,
    Text::new(
        "if the guest's evaluation fails: probably that all test rows are of one class, not of \
         which",
        "若发起方评估失败：很可能所有测试行属于同一类别，但不知是哪一类",
    ),
);

/// What a model opens whose `disclosures` are these, where its scores stay hidden, and perhaps its
/// rows too; of numbers if `of_numbers`, else of two classes.
pub fn hidden_of(
    disclosures: &[Disclosure],
    hides_rows: bool,
    of_numbers: bool,
) -> Vec<Disclosure> {
    let of_rows = ["train.rows", "train.weighted"];
    let stays = |it: &&Disclosure| {
        !(it.key.starts_with("score.") || hides_rows && of_rows.contains(&it.key.as_ref()))
    };
    let mut disclosures: Vec<Disclosure> = disclosures.iter().filter(stays).cloned().collect();
    if hides_rows {
        let of_labels = disclosures.iter_mut().filter(|it| it.key == LABEL_SCALE);
        of_labels.for_each(|it| it.what = LABEL_SCALE_OF_ALL);
    }
    disclosures.push(match (of_numbers, hides_rows) {
        (false, false) => FIGURES,
        (false, true) => FIGURES_OF_HIDDEN_ROWS,
        (true, false) => ERRORS,
        (true, true) => ERRORS_OF_HIDDEN_ROWS,
    });
    if !of_numbers {
        disclosures.push(ONE_CLASS);
    }
    if hides_rows {
        disclosures.push(if of_numbers { LARGE_LABELS } else { KNOWN_SCORES });
    }
    if !hides_rows {
        disclosures.push(DIFFERENCES);
    }
    disclosures
}

/// How scores of test rows are judged; a parameter of the evaluation.
pub(super) const SCORES: ParameterKind =
    ParameterKind::Choice { default: "open", options: &["open", "hidden"] };

const ROWS: &str = "hidden.rows";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{LINEAR_REGRESSION, LOGISTIC_REGRESSION};

    #[test]
    fn hidden_scores_and_rows_take_their_disclosures_away() {
        let all = LOGISTIC_REGRESSION.modes[0].disclosures;
        let keys = |hides_rows| -> Vec<String> {
            hidden_of(all, hides_rows, false).into_iter().map(|it| it.key.into_owned()).collect()
        };
        let (scores, rows) = (keys(false), keys(true));
        assert!(scores.iter().chain(&rows).all(|key| !key.starts_with("score.")));
        let has = |keys: &[String], key: &str| keys.iter().any(|it| it == key);
        assert!(has(&scores, "train.rows") && !has(&rows, "train.rows"));
        assert!(has(&scores, "evaluate.figures") && has(&rows, "evaluate.figures"));
        assert!(has(&scores, "evaluate.one_class") && has(&rows, "evaluate.one_class"));
        assert!(has(&rows, "model.own_coefficients") && has(&rows, "train.stop"));
        assert!(has(&scores, "evaluate.differences") && !has(&rows, "evaluate.differences"));
        assert!(has(&rows, "evaluate.known_scores") && !has(&scores, "evaluate.known_scores"));
    }

    #[test]
    fn what_labels_that_are_numbers_tell_is_said() {
        let all = LINEAR_REGRESSION.modes[0].disclosures;
        for hides_rows in [false, true] {
            let numbers = hidden_of(all, hides_rows, true);
            let of = |key: &str| numbers.iter().find(|it| it.key == key);
            assert!(of("evaluate.figures").is_some() && of("evaluate.one_class").is_none());
            assert_eq!(of("evaluate.large_labels").is_some(), hides_rows);
            assert!(of("evaluate.known_scores").is_none());
            let scale = &of(LABEL_SCALE).unwrap().what.en;
            assert_eq!(scale.contains("all rows of the guest"), hides_rows, "{scale}");
        }
    }
}
