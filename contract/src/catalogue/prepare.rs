//! Turning columns into features; everything is fitted on training rows only.

use crate::{
    Audience, ComponentDescriptor, Disclosure, DisclosureKind, Frequency, ParameterKind,
    PrivacyMode, Role, STRICT, Share, Text,
};

use super::{LOCAL, integer, number, parameter};

/// Replaces missing values.
pub static MISSING: ComponentDescriptor = ComponentDescriptor {
    name: "prepare.missing",
    title: Text::new("Missing values", "缺失值处理"),
    description: Text::new(
        "Replaces missing numbers by a value fitted on the training rows. A missing category is a \
         level of its own.",
        "用训练集上拟合的值填补缺失的数值；类别缺失自成一类。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: LOCAL,
    parameters: &[
        parameter(
            "numbers",
            ParameterKind::Choice { default: "median", options: &["median", "mean", "zero"] },
            Text::new("what replaces a missing number", "用什么填补缺失的数值"),
        ),
        parameter(
            "indicator",
            ParameterKind::Flag { default: true },
            Text::new(
                "add a column that says which numbers were missing",
                "增加一列标明哪些数值原本缺失",
            ),
        ),
    ],
};

/// Pulls extreme numbers in.
pub static OUTLIERS: ComponentDescriptor = ComponentDescriptor {
    name: "prepare.outliers",
    title: Text::new("Outliers", "异常值处理"),
    description: Text::new(
        "Pulls extreme numbers to limits fitted on the training rows: two quantiles, or a number \
         of standard deviations around the mean.",
        "将极端数值截断到训练集上拟合的界限：两个分位数，或均值两侧若干倍标准差。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: LOCAL,
    parameters: &[
        parameter(
            "method",
            ParameterKind::Choice { default: "quantiles", options: &["quantiles", "deviations"] },
            Text::new("how the limits are found", "界限的确定方式"),
        ),
        parameter(
            "lower",
            ParameterKind::Share {
                default: Share::percent(1),
                minimum: Share::ZERO,
                maximum: Share::percent(49),
            },
            Text::new("the lower quantile", "下分位数"),
        ),
        parameter(
            "upper",
            ParameterKind::Share {
                default: Share::percent(99),
                minimum: Share::percent(51),
                maximum: Share::WHOLE,
            },
            Text::new("the upper quantile", "上分位数"),
        ),
        parameter(
            "deviations",
            number(5.0, 1.0, 100.0),
            Text::new("standard deviations from the mean", "距均值的标准差倍数"),
        ),
    ],
};

/// Groups values into bins.
pub static BIN: ComponentDescriptor = ComponentDescriptor {
    name: "prepare.bin",
    title: Text::new("Binning", "分箱"),
    description: Text::new(
        "Groups the values of each column into bins, for WOE, information value and selection. \
         Chi-merge looks at labels, so it applies to the guest's columns; the host's are then \
         binned by quantile.",
        "将每一列的取值分箱，用于 WOE、信息值和特征选择。卡方分箱需要标签，只用于发起方的列，\
         此时合作方的列按分位数分箱。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: LOCAL,
    parameters: &[
        parameter(
            "method",
            ParameterKind::Choice {
                default: "quantile",
                options: &["quantile", "equal_width", "chi_merge"],
            },
            Text::new("how bin edges are found", "分箱边界的确定方式"),
        ),
        parameter(
            "bins",
            integer(10, 2, 255),
            Text::new("the largest number of bins of a column", "每列的最大分箱数"),
        ),
        parameter(
            "min_bin_rows",
            integer(50, 1, 1_000_000),
            Text::new(
                "bins with fewer training rows are merged before anything is opened",
                "训练行数少于此值的分箱在公开任何内容之前合并",
            ),
        ),
        parameter(
            "min_class_rows",
            integer(5, 0, 1_000_000),
            Text::new(
                "bins with fewer rows of one class are merged before anything is opened",
                "任一类别的行数少于此值的分箱在公开任何内容之前合并",
            ),
        ),
    ],
};

/// Keeps the features that are worth it.
pub static SELECT: ComponentDescriptor = ComponentDescriptor {
    name: "prepare.select",
    title: Text::new("Feature selection", "特征选择"),
    description: Text::new(
        "Drops features with too little information value, and of each pair that is correlated \
         too strongly the one with less, also across the parties.",
        "剔除信息值过低的特征；对相关性过强的一对特征（包括跨方的），剔除信息值较低者。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: &[PrivacyMode {
        name: STRICT,
        summary: Text::new(
            "The guest learns class counts per bin of the host's anonymous features; the host \
             learns no label, not even in aggregate.",
            "发起方得知合作方匿名特征每个分箱的类别计数；合作方得不到任何标签，包括汇总值。",
        ),
        several_hosts: true,
        disclosures: SELECT_DISCLOSURES,
    }],
    parameters: &[
        parameter(
            "iv",
            number(0.02, 0.0, 100.0),
            Text::new("the smallest information value that is kept", "保留特征的最小信息值"),
        ),
        parameter(
            "correlation",
            number(0.8, 0.0, 1.0),
            Text::new(
                "the largest absolute correlation of two kept features; 1 compares none, as a job \
                 with several hosts must",
                "保留的两个特征之间相关系数绝对值的上限；取 1 时不比较（有多个合作方的任务须取 1）",
            ),
        ),
    ],
};

const SELECT_DISCLOSURES: &[Disclosure] = &[
    Disclosure::new(
        Audience::Guest,
        "select.host_bins",
        DisclosureKind::Size,
        Frequency::Once,
        Text::new(
            "the number of the host's features and of the bins of each, without names or edges",
            "合作方的特征数和每个特征的分箱数，不含名称与边界",
        ),
    ),
    Disclosure::new(
        Audience::Guest,
        "select.host_bin_counts",
        DisclosureKind::Intermediate,
        Frequency::PerFeature,
        Text::new(
            "for each bin of each anonymous feature of the host, the number of training rows of \
             each class, after small bins were merged",
            "合作方每个匿名特征的每个分箱中各类别的训练行数（小分箱已合并）",
        ),
    ),
    Disclosure::new(
        Audience::All,
        "select.correlated_pairs",
        DisclosureKind::Intermediate,
        Frequency::Once,
        Text::new(
            "which pairs of features across the parties are correlated above the threshold",
            "跨方特征中哪些对的相关性超过阈值",
        ),
    ),
    Disclosure::new(
        Audience::Host,
        "select.kept",
        DisclosureKind::Result,
        Frequency::Once,
        Text::new(
            "which of its own features are kept, and which of them a model gets that takes the best \
             only",
            "自己的哪些特征被保留，以及只取最优特征的模型使用其中哪些",
        ),
    ),
    Disclosure::new(
        Audience::Host,
        "select.usefulness",
        DisclosureKind::Inference,
        Frequency::Once,
        Text::new(
            "that a feature of its own dropped for itself says little about the label",
            "自己被剔除的特征对标签的信息量很低",
        ),
    ),
];

/// The mode of [`ENCODE`] in which the host gets the weight of evidence of its own bins.
pub const WOE_KNOWN_TO_HOST: &str = "woe_known_to_host";

/// Makes numbers of every column.
pub static ENCODE: ComponentDescriptor = ComponentDescriptor {
    name: "prepare.encode",
    title: Text::new("Encoding", "特征编码"),
    description: Text::new(
        "Makes a number of every value: numbers are standardised or replaced by the weight of \
         evidence of their bin, categories become indicator columns or the weight of evidence of \
         their level.",
        "将所有取值变为数值：数值标准化或替换为所在分箱的 WOE；类别变为指示列或其水平的 WOE。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: &[
        PrivacyMode {
            name: STRICT,
            summary: Text::new(
                "The weight of evidence of the host's bins stays with the guest and enters \
                 training as a secret; the host learns no label, not even in aggregate.",
                "合作方分箱的 WOE 保留在发起方，并以秘密形式参与训练；合作方得不到任何标签，\
                 包括汇总值。",
            ),
            several_hosts: false,
            disclosures: &[
                ENCODE_COUNTS,
                Disclosure::new(
                    Audience::Host,
                    "encode.host_without_groups",
                    DisclosureKind::Inference,
                    Frequency::PerFeature,
                    Text::new(
                        "from a coefficient of exactly 0, unless the model has an l1 penalty, that \
                         the guest found no two groups of that feature's bins to tell apart",
                        "若某特征的系数恰为 0（且模型没有 l1 惩罚），则可得知发起方在该特征的分箱中\
                         未发现可区分的两组",
                    ),
                ),
            ],
        },
        PrivacyMode {
            name: WOE_KNOWN_TO_HOST,
            summary: Text::new(
                "The host gets the weight of evidence of its own bins, hence the class ratio in \
                 each of them. Cheaper, and weaker.",
                "合作方得知自己每个分箱的 WOE，从而得知其中的类别比例。更快，但保护更弱。",
            ),
            several_hosts: false,
            disclosures: &[
                ENCODE_COUNTS,
                Disclosure::new(
                    Audience::Host,
                    "encode.host_woe",
                    DisclosureKind::Intermediate,
                    Frequency::PerFeature,
                    Text::new(
                        "the weight of evidence of each bin of its own features, standardised over \
                         the training rows",
                        "自己的特征每个分箱的 WOE（在训练集上标准化）",
                    ),
                ),
                Disclosure::new(
                    Audience::Host,
                    "encode.host_class_ratio",
                    DisclosureKind::Inference,
                    Frequency::PerFeature,
                    Text::new(
                        "how much more frequent the positive label is in each bin of its own \
                         features than over all",
                        "自己的特征每个分箱中正样本比总体高出多少",
                    ),
                ),
            ],
        },
    ],
    parameters: &[
        parameter(
            "numbers",
            ParameterKind::Choice {
                default: "standardise",
                options: &["standardise", "woe", "none"],
            },
            Text::new("how numbers are encoded", "数值的编码方式"),
        ),
        parameter(
            "categories",
            ParameterKind::Choice { default: "one_hot", options: &["one_hot", "woe"] },
            Text::new(
                "how categories are encoded; `one_hot` is a standardised indicator of each level",
                "类别的编码方式；`one_hot` 为每个水平的标准化指示变量",
            ),
        ),
        parameter(
            "min_level_rows",
            integer(10, 1, 1_000_000),
            Text::new(
                "levels with fewer training rows get no indicator column of their own",
                "训练行数少于此值的水平不单独设指示列",
            ),
        ),
        parameter(
            "sparse_above",
            integer(0, 0, 100_000),
            Text::new(
                "categories of more levels than this are sparse: regressions of two classes or a \
                 number learn a coefficient of each level without a column for it; 0: none is",
                "水平数超过此值的类别按稀疏方式处理：二分类或数值标签的回归学习每个水平的系数，\
                 但不为其设列；0 表示不启用",
            ),
        ),
        parameter(
            "level_rows",
            integer(20, 1, 1_000_000),
            Text::new(
                "with `sparse_above`: the penalty of the levels of sparse categories; their \
                 coefficients are drawn to 0 as if by so many rows",
                "与 `sparse_above` 一起使用：稀疏类别各水平的惩罚，相当于用这么多行将其系数拉向 0",
            ),
        ),
    ],
};

const ENCODE_COUNTS: Disclosure = Disclosure::new(
    Audience::Guest,
    "select.host_bin_counts",
    DisclosureKind::Intermediate,
    Frequency::PerFeature,
    Text::new(
        "with weight of evidence: for each bin of each anonymous feature of the host, the number \
         of training rows of each class, after small bins were merged",
        "使用 WOE 时：合作方每个匿名特征的每个分箱中各类别的训练行数（小分箱已合并）",
    ),
);
