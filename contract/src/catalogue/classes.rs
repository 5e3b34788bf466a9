//! Joint models of a label of several classes.

use crate::{
    Audience, ComponentDescriptor, Disclosure, DisclosureKind, Frequency, PrivacyMode, Role,
    STRICT, Text,
};

use super::train::{COLUMNS, EARLY_STOP, HOST_SCORES, HOSTS_SCORES, ROWS, WARM_START, WEIGHTED};
use super::{integer, number, parameter};

/// Multinomial logistic regression between the parties without another one.
pub static MULTINOMIAL_REGRESSION: ComponentDescriptor = ComponentDescriptor {
    name: "train.multinomial_regression",
    title: Text::new("Multinomial logistic regression", "多分类逻辑回归"),
    description: Text::new(
        "For a label of three to 32 classes: minimises mean log-loss of the softmax + l2/2·‖w‖² \
         over the columns of all parties, with coefficients for each class; the intercepts are \
         free. Classes are the different values of the label. Each party ends with the \
         coefficients of its own columns, the host without the names of the classes.",
        "用于三至 32 个类别的标签：在各方的特征上最小化 softmax 的平均对数损失 + l2/2·‖w‖²，\
         每个类别各有一组系数，截距不受惩罚。类别即标签的不同取值。各方得到自己特征的系数，\
         合作方不知道类别名称。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: &[PrivacyMode {
        name: STRICT,
        summary: Text::new(
            "Opens the number of rounds, one stop bit a round, to the host the number of classes, \
             and at the end each party's own coefficients. Scores and gradients of training rows \
             stay shared.",
            "仅公开轮数、每轮一个停止位、对合作方公开类别数，以及最后各方自己的系数。\
             训练行的得分和梯度始终为秘密分享。",
        ),
        several_hosts: true,
        disclosures: &[
            ROWS,
            COLUMNS,
            CLASSES,
            EARLY_STOP,
            WEIGHTED,
            WARM_START,
            Disclosure::new(
                Audience::All,
                "model.own_coefficients",
                DisclosureKind::Result,
                Frequency::Once,
                Text::new(
                    "the coefficients of its own columns for each class",
                    "自己特征在各类别上的系数",
                ),
            ),
            Disclosure::new(
                Audience::Guest,
                "score.test_rows",
                DisclosureKind::Result,
                Frequency::Once,
                Text::new(
                    "the joint score of each test row for each class",
                    "每个测试行在各类别上的联合得分",
                ),
            ),
            HOST_SCORES,
            HOSTS_SCORES,
            Disclosure::new(
                Audience::All,
                "model.labels_from_coefficients",
                DisclosureKind::Inference,
                Frequency::Once,
                Text::new(
                    "from its own coefficients, how its own columns go together with each class over \
                     all training rows; classes come in the order of their names, so that who \
                     knows the names knows which class is which",
                    "由自己的系数可得知自己的特征与各类别在全部训练行上的整体关系；类别按名称顺序排列，\
                     因此知道全部名称的一方即知道各类别具体指什么",
                ),
            ),
        ],
    }],
    parameters: &[
        parameter(
            "l2",
            number(0.01, 0.0, 1_000.0),
            Text::new("weight of the squared penalty", "二次惩罚的权重"),
        ),
        parameter(
            "rounds",
            integer(500, 1, 10_000),
            Text::new("the largest number of training rounds", "最大训练轮数"),
        ),
        parameter(
            "tolerance",
            number(5e-6, 1e-7, 0.1),
            Text::new(
                "training stops when the norm of the gradient, in whitened variables, is at most \
                 this",
                "梯度（白化变量下）的范数不大于此值时停止",
            ),
        ),
        parameter(
            "early_stopping",
            integer(0, 0, 1_000),
            Text::new(
                "stop when the validation loss has risen for this many rounds in a row, and keep \
                 the coefficients from before; validation rows are then not trained on; 0: never",
                "验证损失连续若干轮上升时停止，并保留上升之前的系数；此时验证行不参与训练；0 表示不启用",
            ),
        ),
    ],
};

/// How many classes the label has, told to a host that takes part in training for them.
pub(super) const CLASSES: Disclosure = Disclosure::new(
    Audience::Host,
    "train.classes",
    DisclosureKind::Size,
    Frequency::Once,
    Text::new(
        "how many classes the label has, without their names or numbers of rows",
        "标签的类别数，不含类别名称和各类行数",
    ),
);
