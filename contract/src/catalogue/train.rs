//! Joint models over the columns of both parties.

use crate::{
    Audience, ComponentDescriptor, Disclosure, DisclosureKind, Frequency, ParameterDescriptor,
    ParameterKind, PrivacyMode, Role, STRICT, Share, Text,
};

use super::classes::CLASSES;
use super::{integer, number, parameter};

/// Logistic regression between two parties without a third.
pub static LOGISTIC_REGRESSION: ComponentDescriptor = ComponentDescriptor {
    name: "train.logistic_regression",
    title: Text::new("Logistic regression", "逻辑回归"),
    description: Text::new(
        "Minimises mean log-loss + l2/2·‖w‖² + l1·‖w‖₁ over the columns of all parties; the \
         intercept is free. Each party ends with its own coefficients. With early stopping, \
         training on the training rows ends when the loss of the validation rows rises.",
        "在各方的特征上最小化 平均对数损失 + l2/2·‖w‖² + l1·‖w‖₁，截距不受惩罚。\
         各方得到自己特征的系数。启用早停时，仅用训练行训练，验证行的损失上升时结束。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: &[PrivacyMode {
        name: STRICT,
        summary: Text::new(
            "Opens the number of rounds, one stop bit a round, and at the end each party's own \
             coefficients. Scores and gradients of training rows stay shared.",
            "仅公开轮数、每轮一个停止位，以及最后各方自己的系数。训练行的得分和梯度始终为秘密分享。",
        ),
        several_hosts: true,
        disclosures: &[
            ROWS,
            COLUMNS,
            EARLY_STOP,
            WEIGHTED,
            WARM_START,
            LEVELS,
            LABELS_OF_LEVELS,
            ROWS_OF_LEVELS,
            OWN_COEFFICIENTS,
            COLLINEAR,
            STANDARD_ERRORS,
            SCORES,
            HOST_SCORES,
            HOSTS_SCORES,
            Disclosure::new(
                Audience::All,
                "model.labels_from_coefficients",
                DisclosureKind::Inference,
                Frequency::Once,
                Text::new(
                    "from its own coefficients, how its own columns go together with the label \
                     over all training rows",
                    "由自己的系数可得知自己的特征与标签在全部训练行上的整体关系",
                ),
            ),
        ],
    }],
    parameters: LOGISTIC_REGRESSION_PARAMETERS,
};

const LOGISTIC_REGRESSION_PARAMETERS: &[ParameterDescriptor] = &[
    parameter(
        "l2",
        number(0.01, 0.0, 1_000.0),
        Text::new("weight of the squared penalty", "二次惩罚的权重"),
    ),
    parameter(
        "l1",
        number(0.0, 0.0, 1_000.0),
        Text::new("weight of the absolute penalty", "绝对值惩罚的权重"),
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
            "training stops when the norm of the gradient, in whitened variables, is at most this",
            "梯度（白化变量下）的范数不大于此值时停止",
        ),
    ),
    parameter(
        "early_stopping",
        integer(0, 0, 1_000),
        Text::new(
            "stop when the validation loss has risen for this many rounds in a row, and keep the \
             coefficients from before; validation rows are then not trained on; 0: never",
            "验证损失连续若干轮上升时停止，并保留上升之前的系数；此时验证行不参与训练；0 表示不启用",
        ),
    ),
    ERRORS,
];

pub(super) const ERRORS: ParameterDescriptor = parameter(
    "standard_errors",
    ParameterKind::Flag { default: false },
    Text::new(
        "whether each party also learns the standard errors, z and p-values of its own \
         coefficients; without l1 only, and for at most 126 coefficients",
        "各方是否还得到自己系数的标准误、z 值和 p 值；仅适用于 l1 为 0、系数总数不超过 126 的情形",
    ),
);

/// Gradient-boosted decision trees between two parties.
pub static BOOSTED_TREES: ComponentDescriptor = ComponentDescriptor {
    name: "train.boosted_trees",
    title: Text::new("Gradient-boosted trees", "梯度提升树"),
    description: Text::new(
        "Grows trees level by level on the gradients of a loss, for a label of two classes, of \
         several, or a number; boosted, or averaged as a forest. Each split belongs to the party \
         whose feature it uses.",
        "按损失的梯度逐层生长决策树，标签可为二分类、多分类或数值；可逐棵提升，或作为森林取平均。\
         每个分裂归属其所用特征的一方。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: &[
        STRICT_TREES,
        PrivacyMode {
            name: "secureboost",
            summary: Text::new(
                "The host never sees a label, a gradient or which rows are in a node. The guest sees \
             the per-bin sums of the host's anonymous features and how the host's splits divide \
             the rows. Weaker than strict.",
                "合作方看不到标签、梯度，也不知道节点包含哪些行。发起方能看到合作方匿名特征的每箱汇总值，\
             以及合作方的分裂如何划分各行。弱于 strict。",
            ),
            several_hosts: true,
            disclosures: SECUREBOOST_DISCLOSURES,
        },
    ],
    parameters: BOOSTED_TREES_PARAMETERS,
};

const STRICT_TREES: PrivacyMode = PrivacyMode {
    name: STRICT,
    summary: Text::new(
        "Opens the shape of the trees, who owns each split, each split to its owner, and one bit a \
         round with early stopping, with the squared loss on samples of rows and with the losses \
         of counts and amounts. Sums, gains, the rows of a node, weights of rows, scores of \
         training rows and the weights of leaves stay shared.",
        "仅公开树的结构、每个分裂的归属方、各分裂对其归属方的内容，以及启用早停、对行抽样做平方损失提升或使用计数与金额类损失时\
         每轮一个停止位。汇总值、增益、节点包含的行、行权重、训练行得分和叶子权重始终为秘密分享。",
    ),
    several_hosts: true,
    disclosures: &[
        ROWS,
        CLASSES,
        Disclosure::new(
            Audience::All,
            "trees.feature_sizes",
            DisclosureKind::Size,
            Frequency::Once,
            Text::new(
                "the bins of each feature of each other party, without names or edges, and for \
                 which of them values are missing",
                "其他各方每个特征的分箱数（不含名称与边界），以及哪些特征有缺失值",
            ),
        ),
        Disclosure::new(
            Audience::All,
            "trees.shape",
            DisclosureKind::Size,
            Frequency::PerLevel,
            Text::new("which nodes of each tree are split", "每棵树的哪些节点发生分裂"),
        ),
        Disclosure::new(
            Audience::All,
            "trees.split_owner",
            DisclosureKind::Intermediate,
            Frequency::PerSplit,
            Text::new("which party's feature each split asks for", "每个分裂使用哪一方的特征"),
        ),
        Disclosure::new(
            Audience::All,
            "trees.own_splits",
            DisclosureKind::Result,
            Frequency::PerSplit,
            Text::new(
                "which of its own features and bins are split on, and at which node",
                "自己的哪些特征和分箱被选为分裂，以及所在的节点",
            ),
        ),
        Disclosure::new(
            Audience::All,
            "train.stop",
            DisclosureKind::Intermediate,
            Frequency::PerRound,
            Text::new(
                "with early stopping, where the squared loss is boosted on samples of rows, and where \
                 the Poisson, gamma or Tweedie loss is boosted: whether another round of trees is \
                 grown",
                "启用早停、在行抽样上做平方损失提升，或以泊松、伽马、Tweedie 损失做提升时，是否继续下一轮",
            ),
        ),
        Disclosure::new(
            Audience::All,
            "trees.labels_from_splits",
            DisclosureKind::Inference,
            Frequency::PerSplit,
            Text::new(
                "from its own splits, which of its features and values divide the labels of all \
                 training rows best, given the splits above",
                "由自己的分裂可得知：在上层分裂的条件下，自己的哪些特征和取值最能区分全部训练行的标签",
            ),
        ),
        SCORES,
    ],
};

/// What training a model opens in a job with so many hosts, of all that `disclosures` list.
pub fn model_of(disclosures: &[Disclosure], hosts: usize) -> Vec<Disclosure> {
    let is_left_out = |key: &str| {
        if hosts == 1 {
            [ACROSS_HOSTS.key, HOSTS_SCORES.key].iter().any(|it| *it == key)
        } else {
            HOST_SCORES.key == key
        }
    };
    disclosures.iter().filter(|disclosure| !is_left_out(&disclosure.key)).cloned().collect()
}

/// Of trees in `secureboost`, in training and in scoring.
pub(super) const ROW_PARTITION: Disclosure = Disclosure::new(
    Audience::Guest,
    "trees.row_partition",
    DisclosureKind::Intermediate,
    Frequency::PerSplit,
    Text::new(
        "for every row, on which side of each split of the host it falls",
        "每一行落在合作方每个分裂的哪一侧",
    ),
);

/// What follows from the sides of several hosts' splits; nothing with one.
const ACROSS_HOSTS: Disclosure = Disclosure::new(
    Audience::Guest,
    "trees.across_hosts",
    DisclosureKind::Inference,
    Frequency::PerSplit,
    Text::new(
        "since it has the sides of all hosts' splits for the same rows, which groups of one host's \
         values go together with which of another's",
        "发起方掌握同一批行在各合作方分裂中的两侧，因此可得知某一合作方的取值分组与另一合作方的取值分组如何对应",
    ),
);

/// Of a model with directions; nothing without.
const HOST_DIRECTIONS: Disclosure = Disclosure::new(
    Audience::Guest,
    "trees.host_directions",
    DisclosureKind::Intermediate,
    Frequency::Once,
    Text::new(
        "which of the host's anonymous features have a direction, and which one; since the job names \
         the columns with directions, also which feature may be which of them",
        "合作方的哪些匿名特征带有方向及其方向；由于任务文件写明了带方向的字段，也可得知这些特征可能对应哪个字段",
    ),
);

const SECUREBOOST_DISCLOSURES: &[Disclosure] = &[
    ROWS,
    CLASSES,
    HOST_DIRECTIONS,
    Disclosure::new(
        Audience::Guest,
        "trees.host_bins",
        DisclosureKind::Size,
        Frequency::Once,
        Text::new(
            "the number of the host's features and of the bins of each, without names or edges",
            "合作方的特征数和每个特征的分箱数，不含名称与边界",
        ),
    ),
    Disclosure::new(
        Audience::Guest,
        "trees.bin_sums",
        DisclosureKind::Intermediate,
        Frequency::PerLevel,
        Text::new(
            "for the nodes of each level, the sums of the gradients over the rows in each bin of \
             the host's anonymous features",
            "每一层各节点在合作方匿名特征每个分箱上的梯度之和",
        ),
    ),
    ROW_PARTITION,
    Disclosure::new(
        Audience::Guest,
        "trees.bin_membership",
        DisclosureKind::Inference,
        Frequency::PerLevel,
        Text::new(
            "since the guest knows the gradients, the sums of small bins can tell which rows are \
             in them; over many trees it may learn the order of the host's values for its rows",
            "发起方已知梯度，因此小分箱的汇总值可能透露其中有哪些行；经过许多棵树，\
             可能得知合作方特征值在各行之间的大小顺序",
        ),
    ),
    ACROSS_HOSTS,
    Disclosure::new(
        Audience::Host,
        "trees.own_splits",
        DisclosureKind::Result,
        Frequency::PerSplit,
        Text::new(
            "which of its own features and bins are split on, and in which tree and level",
            "自己的哪些特征和分箱被选为分裂，以及所在的树和层",
        ),
    ),
    Disclosure::new(
        Audience::Host,
        "trees.shape",
        DisclosureKind::Size,
        Frequency::PerLevel,
        Text::new(
            "the number of trees and levels, and the number of nodes asked for at each level",
            "树的数量与层数，以及每一层查询的节点数",
        ),
    ),
    Disclosure::new(
        Audience::Guest,
        "model.trees",
        DisclosureKind::Result,
        Frequency::Once,
        Text::new(
            "the shape of the trees, its own splits and all leaf weights",
            "树的结构、自己的分裂以及所有叶子权重",
        ),
    ),
    SCORES,
];

const BOOSTED_TREES_PARAMETERS: &[ParameterDescriptor] = &[
    parameter(
        "loss",
        ParameterKind::Choice {
            default: "logistic",
            options: &[
                "logistic", "softmax", "squared", "poisson", "gamma", "tweedie", "quantile",
                "ranking",
            ],
        },
        Text::new(
            "what is minimised: logistic for a label of two classes, softmax for one of several, \
             ranking for grades within groups, the others for numbers",
            "要最小化的损失：logistic 用于二分类标签，softmax 用于多分类标签，ranking 用于组内等级，其余用于数值标签",
        ),
    ),
    parameter(
        "tweedie_power",
        number(1.5, 1.01, 1.99),
        Text::new(
            "for the Tweedie loss, the power of the mean with which variance grows",
            "Tweedie 损失中方差随均值增长的幂次",
        ),
    ),
    parameter(
        "quantile",
        number(0.5, 0.001, 0.999),
        Text::new(
            "for the quantile loss, the share of rows that lie below the prediction",
            "分位数损失中低于预测值的行所占比例",
        ),
    ),
    parameter(
        "ensemble",
        ParameterKind::Choice { default: "boosting", options: &["boosting", "forest"] },
        Text::new(
            "boosting: each tree corrects those before it; forest: trees on samples of rows and \
             features, averaged, without learning rate and early stopping",
            "boosting：每棵树修正之前的树；forest：在行与特征的抽样上建树并取平均，\
             不使用学习率与早停",
        ),
    ),
    parameter("trees", integer(50, 1, 10_000), Text::new("number of trees", "树的数量")),
    parameter("depth", integer(5, 1, 12), Text::new("levels of splits of a tree", "树的深度")),
    parameter("bins", integer(32, 2, 255), Text::new("bins of a feature", "每个特征的分箱数")),
    parameter(
        "learning_rate",
        number(0.1, 0.001, 1.0),
        Text::new("weight of each new tree", "每棵新树的权重（学习率）"),
    ),
    parameter(
        "lambda",
        number(1.0, 0.0, 1e6),
        Text::new("squared penalty on leaf weights", "叶子权重的二次惩罚"),
    ),
    parameter(
        "min_gain",
        number(0.0, 0.0, 1e6),
        Text::new("the smallest gain that is worth a split", "分裂所需的最小增益"),
    ),
    parameter(
        "min_child_weight",
        number(1.0, 0.0, 1e6),
        Text::new("the smallest sum of second derivatives in a child", "子节点二阶导数之和的下限"),
    ),
    parameter(
        "min_split_rows",
        integer(20, 2, 1_000_000),
        Text::new(
            "a node in which a tree sees fewer training rows is not split; not used in strict, where \
             nobody may count the rows of a node",
            "节点内（该树抽取的）训练行少于此值时不再分裂；strict 模式下任何一方都不得统计节点行数，故不使用",
        ),
    ),
    parameter(
        "subsample",
        SAMPLED,
        Text::new("share of the rows drawn for each tree", "每棵树抽取的行的比例"),
    ),
    parameter(
        "sampling",
        ParameterKind::Choice { default: "uniform", options: &["uniform", "goss"] },
        Text::new(
            "how rows are drawn for each tree: uniform, a share of them (subsample); goss, all with \
             great derivatives and a share of the others, which then count for those left out",
            "每棵树如何抽取行：uniform 按比例随机抽取（subsample）；goss 保留导数大的全部行，\
             其余行按比例抽取并按倍数放大，以代表未抽中的行",
        ),
    ),
    parameter(
        "top_rate",
        ParameterKind::Share {
            default: Share::percent(20),
            minimum: Share::percent(1),
            maximum: Share::percent(90),
        },
        Text::new(
            "with goss, the share of the rows, those with the greatest derivatives, that a tree sees \
             all of",
            "goss 中按导数从大到小全部保留的行所占比例",
        ),
    ),
    parameter(
        "other_rate",
        ParameterKind::Share {
            default: Share::percent(10),
            minimum: Share::percent(1),
            maximum: Share::percent(90),
        },
        Text::new(
            "with goss, the share of the rows that is drawn from the others",
            "goss 中从其余行抽取的行所占比例（相对全部训练行）",
        ),
    ),
    parameter(
        "columns",
        SAMPLED,
        Text::new("share of the features drawn for each tree", "每棵树抽取的特征的比例"),
    ),
    parameter(
        "base_score",
        ParameterKind::Number { default: None, minimum: -1e12, maximum: 1e12 },
        Text::new(
            "the prediction before the first tree; left out: the constant that fits best",
            "第一棵树之前的预测值；不填则取拟合最好的常数",
        ),
    ),
    parameter(
        "positive_weight",
        number(1.0, 0.001, 1_000.0),
        Text::new(
            "factor on the weights of positive rows, in a boosted model of two classes",
            "正样本权重的倍数，用于二分类的提升模型",
        ),
    ),
    parameter(
        "directions",
        ParameterKind::OfColumns { options: &["up", "down"] },
        Text::new(
            "in which direction predictions may move when a column of numbers grows, all others \
             being equal: up, or down",
            "在其余特征不变时，某数值字段增大，预测值只可上升（up）或只可下降（down）",
        ),
    ),
    parameter(
        "early_stopping",
        integer(10, 0, 1_000),
        Text::new(
            "stop after this many trees without a better validation loss; 0: never",
            "验证损失连续若干棵树没有改善时停止；0 表示不启用",
        ),
    ),
];

const SAMPLED: ParameterKind = ParameterKind::Share {
    default: Share::WHOLE,
    minimum: Share::percent(5),
    maximum: Share::WHOLE,
};

pub(super) const EARLY_STOP: Disclosure = Disclosure::new(
    Audience::All,
    "train.stop",
    DisclosureKind::Intermediate,
    Frequency::PerRound,
    Text::new(
        "whether training goes on; with early stopping, not for which of its two reasons it ends",
        "训练是否继续；启用早停时，不公开因何种原因结束",
    ),
);

pub(super) const STOP: Disclosure = Disclosure::new(
    Audience::All,
    "train.stop",
    DisclosureKind::Intermediate,
    Frequency::PerRound,
    Text::new("whether training goes on", "训练是否继续"),
);

pub(super) const WEIGHTED: Disclosure = Disclosure::new(
    Audience::Host,
    "train.weighted",
    DisclosureKind::Intermediate,
    Frequency::Once,
    Text::new(
        "whether the guest's rows have weights, not which",
        "发起方的行是否带有权重，不含权重值",
    ),
);

/// Of trainings that begin with an earlier model.
pub const WARM_START: Disclosure = Disclosure::new(
    Audience::All,
    "train.warm_start",
    DisclosureKind::Intermediate,
    Frequency::Once,
    Text::new(
        "from which training job and run the other party's earlier model comes, not its \
         coefficients; the number of rounds then tells how far the optimum has moved since",
        "对方的旧模型来自哪个训练任务及哪次运行，不含其系数；迭代轮数随之反映最优解自那时起移动了多远",
    ),
);

pub(super) const OWN_COEFFICIENTS: Disclosure = Disclosure::new(
    Audience::All,
    "model.own_coefficients",
    DisclosureKind::Result,
    Frequency::Once,
    Text::new("the coefficients of its own columns", "自己特征的系数"),
);

pub(super) const STANDARD_ERRORS: Disclosure = Disclosure::new(
    Audience::All,
    "model.standard_errors",
    DisclosureKind::Result,
    Frequency::Once,
    Text::new(
        "the standard errors of the coefficients of its own columns; they also say how well the \
         other columns together, the other party's included, predict each of them",
        "自己特征系数的标准误；由此也可得知其余特征（包括对方特征）合起来能在多大程度上预测自己的每个特征",
    ),
);

pub(super) const COLLINEAR: Disclosure = Disclosure::new(
    Audience::All,
    "train.collinear",
    DisclosureKind::Intermediate,
    Frequency::Once,
    Text::new(
        "whether some column of either party is nearly a combination of others, not which",
        "是否有某一方的特征几乎是其他特征的组合，不含具体是哪个",
    ),
);

pub(super) const ROWS: Disclosure = Disclosure::new(
    Audience::All,
    "train.rows",
    DisclosureKind::Size,
    Frequency::Once,
    Text::new("the number of training, validation and test rows", "训练集、验证集和测试集的行数"),
);

pub(super) const COLUMNS: Disclosure = Disclosure::new(
    Audience::All,
    "train.columns",
    DisclosureKind::Size,
    Frequency::Once,
    Text::new(
        "the number of encoded columns of each other party, without names",
        "其他各方编码后的列数，不含列名",
    ),
);

/// Of trainings with sparse categories.
pub const LEVELS: Disclosure = Disclosure::new(
    Audience::All,
    "train.levels",
    DisclosureKind::Size,
    Frequency::Once,
    Text::new(
        "how many sparse categories the other party has, and the number of levels of each, rounded \
         up by at most a sixteenth, without names",
        "对方有多少个稀疏类别，以及每个类别的水平数（向上取整，至多多出十六分之一），不含名称",
    ),
);

/// What follows from the coefficients of levels.
pub const LABELS_OF_LEVELS: Disclosure = Disclosure::new(
    Audience::All,
    "model.labels_of_levels",
    DisclosureKind::Inference,
    Frequency::PerFeature,
    Text::new(
        "from the coefficient of a level of its own, about how many of this level's training rows \
         have which label: with `min_level_rows: 1` the label of a single row",
        "由自己某个水平的系数可大致得知该水平的训练行中各标签的行数；若 `min_level_rows: 1`，\
         则可得知单独一行的标签",
    ),
);

/// The same where labels are numbers.
pub const MEANS_OF_LEVELS: Disclosure = Disclosure::new(
    Audience::All,
    "model.means_of_levels",
    DisclosureKind::Inference,
    Frequency::PerFeature,
    Text::new(
        "from the coefficient of a level of its own, about the mean label of this level's training \
         rows: with `min_level_rows: 1` the label of a single row",
        "由自己某个水平的系数可大致得知该水平的训练行的标签均值；若 `min_level_rows: 1`，\
         则可得知单独一行的标签",
    ),
);

/// What follows from the host's parts of scores where its levels make them up.
pub const ROWS_OF_LEVELS: Disclosure = Disclosure::new(
    Audience::Guest,
    "score.rows_of_levels",
    DisclosureKind::Inference,
    Frequency::Once,
    Text::new(
        "from the host's part of the score of test rows: where the host has few other values, which \
         of these rows are of one level",
        "由测试行得分中合作方的部分：若合作方其他取值很少，可得知哪些测试行属于同一水平",
    ),
);

const SCORES: Disclosure = Disclosure::new(
    Audience::Guest,
    "score.test_rows",
    DisclosureKind::Result,
    Frequency::Once,
    Text::new("the joint score of each test row", "每个测试行的联合得分"),
);

pub(super) const HOST_SCORES: Disclosure = Disclosure::new(
    Audience::Guest,
    "score.host_part",
    DisclosureKind::Inference,
    Frequency::Once,
    Text::new(
        "since it knows its own coefficients and the joint score, the host's part of the score of \
         each test row",
        "发起方已知自己的系数和联合得分，因此可算出合作方在每个测试行得分中的部分",
    ),
);

/// In place of [`HOST_SCORES`] with several hosts; nothing with one.
pub(super) const HOSTS_SCORES: Disclosure = Disclosure::new(
    Audience::Guest,
    "score.hosts_sum",
    DisclosureKind::Inference,
    Frequency::Once,
    Text::new(
        "since it knows its own coefficients and the joint score, the sum of all hosts' parts of \
         the score of each test row; with some hosts' help, the sum of the others' parts",
        "发起方已知自己的系数和联合得分，因此可算出各合作方在每个测试行得分中部分之和；\
         若有合作方与其串通，则可算出其余合作方部分之和",
    ),
);
