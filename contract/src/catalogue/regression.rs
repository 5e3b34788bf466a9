//! Joint models of numbers over the columns of all parties: generalised linear models.

use crate::{
    Audience, ComponentDescriptor, Disclosure, DisclosureKind, Frequency, ParameterDescriptor,
    PrivacyMode, Role, STRICT, Text,
};

use super::train::{
    COLLINEAR, COLUMNS, ERRORS, HOST_SCORES, HOSTS_SCORES, LEVELS, MEANS_OF_LEVELS,
    OWN_COEFFICIENTS, ROWS, ROWS_OF_LEVELS, STANDARD_ERRORS, STOP, WARM_START, WEIGHTED,
};
use super::{integer, number, parameter};

/// Linear regression: ridge, lasso and elastic net by its two penalties.
pub static LINEAR_REGRESSION: ComponentDescriptor = ComponentDescriptor {
    name: "train.linear_regression",
    title: Text::new("Linear regression", "线性回归"),
    description: Text::new(
        "Minimises half the mean squared error + l2/2·‖w‖² + l1·‖w‖₁ over the columns of all \
         parties; the intercept is free. The label is any number. Each party ends with its own \
         coefficients.",
        "在各方的特征上最小化 均方误差的一半 + l2/2·‖w‖² + l1·‖w‖₁，截距不受惩罚。标签可为任意数值。\
         各方得到自己特征的系数。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: SCALED,
    parameters: PARAMETERS,
};

/// Poisson regression.
pub static POISSON_REGRESSION: ComponentDescriptor = ComponentDescriptor {
    name: "train.poisson_regression",
    title: Text::new("Poisson regression", "泊松回归"),
    description: Text::new(
        "For counts, such as claims or visits: the logarithm of the mean is linear in the columns of \
         all parties. Minimises half the mean Poisson deviance + l2/2·‖w‖² + l1·‖w‖₁. Means are \
         clamped at 518 times their average.",
        "用于计数（如理赔次数、就诊次数）：均值的对数是各方特征的线性函数。\
         最小化 平均泊松偏差的一半 + l2/2·‖w‖² + l1·‖w‖₁。均值的上限为其平均值的 518 倍。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: SCALED,
    parameters: PARAMETERS,
};

/// Gamma regression.
pub static GAMMA_REGRESSION: ComponentDescriptor = ComponentDescriptor {
    name: "train.gamma_regression",
    title: Text::new("Gamma regression", "伽马回归"),
    description: Text::new(
        "For amounts above 0, such as the cost of a claim: the logarithm of the mean is linear in \
         the columns of all parties, and amounts deviate in proportion to it. Minimises half the \
         mean gamma deviance + l2/2·‖w‖² + l1·‖w‖₁.",
        "用于大于 0 的金额（如每次理赔的金额）：均值的对数是各方特征的线性函数，偏离程度与均值成正比。\
         最小化 平均伽马偏差的一半 + l2/2·‖w‖² + l1·‖w‖₁。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: UNSCALED,
    parameters: PARAMETERS,
};

/// Tweedie regression.
pub static TWEEDIE_REGRESSION: ComponentDescriptor = ComponentDescriptor {
    name: "train.tweedie_regression",
    title: Text::new("Tweedie regression", "Tweedie 回归"),
    description: Text::new(
        "For amounts that are often 0, such as the yearly cost of a policy: the logarithm of the \
         mean is linear in the columns of all parties, and the variance is a power of the mean. \
         Minimises half the mean Tweedie deviance + l2/2·‖w‖² + l1·‖w‖₁.",
        "用于常为 0 的金额（如保单的年度赔付）：均值的对数是各方特征的线性函数，方差为均值的幂。\
         最小化 平均 Tweedie 偏差的一半 + l2/2·‖w‖² + l1·‖w‖₁。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: SCALED,
    parameters: &[L2, L1, ROUNDS, TOLERANCE, ERRORS, POWER],
};

const PARAMETERS: &[ParameterDescriptor] = &[L2, L1, ROUNDS, TOLERANCE, ERRORS];

const L2: ParameterDescriptor = parameter(
    "l2",
    number(0.01, 0.0, 1_000.0),
    Text::new("weight of the squared penalty (ridge)", "二次惩罚（岭回归）的权重"),
);

const L1: ParameterDescriptor = parameter(
    "l1",
    number(0.0, 0.0, 1_000.0),
    Text::new(
        "weight of the absolute penalty (lasso; with both an elastic net)",
        "绝对值惩罚（lasso）的权重；两者并用即弹性网络",
    ),
);

const ROUNDS: ParameterDescriptor = parameter(
    "rounds",
    integer(500, 1, 10_000),
    Text::new("the largest number of training rounds", "最大训练轮数"),
);

const TOLERANCE: ParameterDescriptor = parameter(
    "tolerance",
    number(5e-6, 1e-7, 0.1),
    Text::new(
        "training stops when the norm of the gradient, in whitened variables and units of the \
         label's scale, is at most this",
        "梯度（白化变量下，以标签的尺度为单位）的范数不大于此值时停止",
    ),
);

const POWER: ParameterDescriptor = parameter(
    "power",
    number(1.5, 1.01, 1.99),
    Text::new(
        "the power of the mean that the variance is: towards 1 as with counts, towards 2 as with \
         amounts",
        "方差为均值的多少次幂：接近 1 类似计数，接近 2 类似金额",
    ),
);

const SUMMARY: Text = Text::new(
    "Opens the number of rounds, one stop bit a round, and at the end each party's own \
     coefficients; to the host also how large the label is, as a power of two. Scores and \
     gradients of training rows stay shared.",
    "仅公开轮数、每轮一个停止位，以及最后各方自己的系数；另向合作方公开标签的数量级（2 的幂）。\
     训练行的得分和梯度始终为秘密分享。",
);

const UNSCALED_SUMMARY: Text = Text::new(
    "Opens the number of rounds, one stop bit a round, and at the end each party's own \
     coefficients. Scores and gradients of training rows stay shared.",
    "仅公开轮数、每轮一个停止位，以及最后各方自己的系数。训练行的得分和梯度始终为秘密分享。",
);

pub(super) const LABEL_SCALE: &str = "train.label_scale";

const SCALED: &[PrivacyMode] = &[PrivacyMode {
    name: STRICT,
    summary: SUMMARY,
    several_hosts: true,
    disclosures: &[
        ROWS,
        COLUMNS,
        STOP,
        WEIGHTED,
        WARM_START,
        LEVELS,
        MEANS_OF_LEVELS,
        ROWS_OF_LEVELS,
        Disclosure::new(
            Audience::Host,
            LABEL_SCALE,
            DisclosureKind::Intermediate,
            Frequency::Once,
            Text::new(
                "the power of two next to the label's standard deviation (linear regression) or \
                 mean",
                "最接近标签标准差（线性回归）或均值的 2 的幂",
            ),
        ),
        OWN_COEFFICIENTS,
        COLLINEAR,
        STANDARD_ERRORS,
        PREDICTIONS,
        HOST_SCORES,
        HOSTS_SCORES,
        FROM_COEFFICIENTS,
    ],
}];

const UNSCALED: &[PrivacyMode] = &[PrivacyMode {
    name: STRICT,
    summary: UNSCALED_SUMMARY,
    several_hosts: true,
    disclosures: &[
        ROWS,
        COLUMNS,
        STOP,
        WEIGHTED,
        WARM_START,
        LEVELS,
        MEANS_OF_LEVELS,
        ROWS_OF_LEVELS,
        OWN_COEFFICIENTS,
        COLLINEAR,
        STANDARD_ERRORS,
        PREDICTIONS,
        HOST_SCORES,
        HOSTS_SCORES,
        FROM_COEFFICIENTS,
    ],
}];

const PREDICTIONS: Disclosure = Disclosure::new(
    Audience::Guest,
    "score.test_rows",
    DisclosureKind::Result,
    Frequency::Once,
    Text::new("the joint prediction of each test row", "每个测试行的联合预测值"),
);

const FROM_COEFFICIENTS: Disclosure = Disclosure::new(
    Audience::All,
    "model.labels_from_coefficients",
    DisclosureKind::Inference,
    Frequency::Once,
    Text::new(
        "from its own coefficients, how its own columns go together with the label over all \
         training rows",
        "由自己的系数可得知自己的特征与标签在全部训练行上的整体关系",
    ),
);
