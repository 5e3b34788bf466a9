//! Recommendation: the guest's items, ranked for each user by both parties' data.

use crate::{
    Audience, ComponentDescriptor, Disclosure, DisclosureKind, Frequency, PrivacyMode, Role,
    STRICT, Text,
};

use super::{integer, number, parameter};

/// A mode of [`FACTORIZATION_MACHINE`] that is weaker than `strict`: the guest gets the host's part
/// of each user's factors, from which columns of few values can be computed.
pub const USER_FACTORS_KNOWN_TO_GUEST: &str = "user_factors_known_to_guest";

/// A factorisation machine between two parties without a third.
pub static FACTORIZATION_MACHINE: ComponentDescriptor = ComponentDescriptor {
    name: "train.factorization_machine",
    title: Text::new("Factorisation machine", "因子分解机"),
    description: Text::new(
        "For a guest whose table says which user had to do with which item: ranks the items for \
         each user by the items of its history, columns of the guest and columns of the host, \
         each of which has a vector of factors, as every item has. Minimises the squared error \
         over all pairs of user and item, seen or not. The guest ends with the factors of items \
         and of its columns, and with a list of items for each user; the host with those of its \
         columns.",
        "用于发起方的表记录哪个用户与哪个物品有过交互的情形：由用户的历史物品、发起方的特征和合作方的特征为每个用户\
         对物品排序；每个特征与每个物品各有一个因子向量。在全部“用户—物品”对（无论是否有过交互）上最小化平方误差。\
         发起方得到物品及己方特征的因子和每个用户的推荐列表，合作方得到己方特征的因子。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: &[
        PrivacyMode {
            name: STRICT,
            summary: Text::new(
                "The guest gets figures over all users who are judged and, unless `list_users` is \
                 0, for each user a list of items in order; no score and no user's factors are \
                 opened, to nobody. Interactions, statistics and gradients stay with their owner \
                 or shared; there is no stop bit.",
                "发起方得到全体测试用户的汇总指标，以及（`list_users` 不为 0 时）每个用户的有序物品列表；任何一方都看不到得分或用户因子。\
                 交互记录、统计量和梯度始终留在各自一方或为秘密分享；没有停止位。",
            ),
            several_hosts: false,
            disclosures: &[
                SHAPE,
                OWN_FACTORS,
                RANKING_SHAPE,
                RANKING_FIGURES,
                RANKING_DIFFERENCES,
                LISTS,
                RANKING_OF_LISTS,
                TASTES,
            ],
        },
        PrivacyMode {
            name: USER_FACTORS_KNOWN_TO_GUEST,
            summary: Text::new(
                "The guest gets the host's part of each common user's factors, from which it can \
                 compute columns of few values (0/1, categories, bins, counts) of nearly every \
                 user: only columns that the host may tell the guest should go in. Interactions, \
                 statistics and gradients stay with their owner or shared; there is no stop bit. \
                 Weaker than strict.",
                "发起方得到每个共有用户的因子中合作方的部分，由此可算出几乎每个用户取值很少的列\
                 （0/1、类别、分箱、计数）：只应使用合作方可以告知发起方的列。\
                 交互记录、统计量和梯度始终留在各自一方或为秘密分享；没有停止位。弱于 strict。",
            ),
            several_hosts: false,
            disclosures: &[SHAPE, OWN_FACTORS, USER_FACTORS, FEW_VALUES, EQUAL_USERS, TASTES],
        },
    ],
    parameters: &[
        parameter(
            "factors",
            integer(16, 4, 64),
            Text::new(
                "numbers in a vector of factors, a multiple of 4; fewer than the host has \
                 independent encoded columns, which is a necessary minimum and hides no column of \
                 few values",
                "因子向量的长度，为 4 的倍数；须小于合作方编码后相互独立的列数。这只是必要的最低要求，\
                 并不能隐藏取值很少的列",
            ),
        ),
        parameter(
            "directions",
            integer(64, 4, 256),
            Text::new(
                "directions of items in which item factors lie, a multiple of 4, at least the \
                 factors; more are slower and follow rarer items",
                "物品因子所在的方向数，为 4 的倍数且不小于因子数；越多越慢，但能反映更少见的物品",
            ),
        ),
        parameter(
            "l2",
            number(0.3, 1e-6, 1_000.0),
            Text::new("weight of the squared penalty", "二次惩罚的权重"),
        ),
        parameter(
            "hidden",
            number(0.5, 0.01, 0.99),
            Text::new(
                "share of a history that is hidden in training and predicted from the rest",
                "训练时历史中被隐藏、由其余部分预测的比例",
            ),
        ),
        parameter("passes", integer(20, 1, 1_000), Text::new("steps of the descent", "下降的步数")),
        parameter(
            "top",
            integer(10, 1, 1_000),
            Text::new(
                "items that are recommended to each user; NDCG and hit rate look at as many places",
                "为每个用户推荐的物品数；NDCG 与命中率也只看这么多个位置",
            ),
        ),
        parameter(
            "min_item_users",
            integer(1, 1, 1_000_000),
            Text::new(
                "an item that fewer common users have is neither learnt nor recommended",
                "共有用户中拥有者少于此数的物品既不参与学习也不被推荐",
            ),
        ),
        parameter(
            "test_users",
            integer(5_000, 200, 1_000_000),
            Text::new(
                "only in strict: users among whom those are judged of whom an item was left out, \
                 at least 200 of them; of more common users a sample is drawn with the job's seed. \
                 Each costs a comparison for each item",
                "仅用于 strict 模式：参与测试的用户数上限，其中留出了物品的用户用于评估，至少须有 200 个；共有用户更多时按任务种子抽样。\
                 每个用户需与每个物品做一次比较",
            ),
        ),
        parameter(
            "list_users",
            integer(20_000, 0, 1_000_000),
            Text::new(
                "only in strict: most common users for whom training makes lists; with more of \
                 them the job is refused before it trains. 0 makes no lists: a job that scores \
                 makes them for the users of its tables",
                "仅用于 strict 模式：训练任务生成推荐列表的共有用户数上限；超过则在训练前拒绝。0 表示不生成列表，\
                 可由评分任务为其表中的用户生成",
            ),
        ),
    ],
};

/// What both parties know of each other's data in training.
const SHAPE: Disclosure = Disclosure::new(
    Audience::All,
    "train.shape",
    DisclosureKind::Size,
    Frequency::Once,
    Text::new(
        "the numbers of common users, of factors and passes, of the host's encoded \
         columns, and in whole fours of the guest's encoded columns and of directions \
         (the setting, or the number of items if that is smaller)",
        "共有用户数、因子数和遍数、合作方编码后的列数，以及（按四取整的）发起方编码后的列数和方向数\
         （即设置值；物品数更少时为物品数）",
    ),
);

/// What each party ends with.
const OWN_FACTORS: Disclosure = Disclosure::new(
    Audience::All,
    "model.own_factors",
    DisclosureKind::Result,
    Frequency::Once,
    Text::new(
        "its own factors: the guest those of items, of items in a history and of its \
         columns, the host those of its columns",
        "各自的因子：发起方得到物品、历史物品及己方特征的因子，合作方得到己方特征的因子",
    ),
);

/// The host's part of users' factors.
const USER_FACTORS: Disclosure = Disclosure::new(
    Audience::Guest,
    "train.user_factors",
    DisclosureKind::Result,
    Frequency::Once,
    Text::new(
        "the host's part of each common user's factors: as many numbers as there are \
         factors, which are combinations of the host's columns that the guest does not \
         know",
        "每个共有用户的因子中合作方的部分：与因子数相同个数的数值，是合作方各列的组合，组合方式不为发起方所知",
    ),
);

/// What own factors say of the other party's data as a whole.
const TASTES: Disclosure = Disclosure::new(
    Audience::All,
    "model.tastes_from_factors",
    DisclosureKind::Inference,
    Frequency::Once,
    Text::new(
        "from its own factors: the guest, how the host's columns as a whole go \
         together with its items and features, through as many combinations of them \
         as there are factors; the host, which of its columns tell tastes apart, not \
         of which items",
        "由自己的因子：发起方可得知合作方各列的若干组合（个数等于因子数）与其物品及特征的整体关系；\
         合作方可得知自己的哪些列能区分偏好，但不知对应哪些物品",
    ),
);

/// What the host learns of the catalogue where scores stay shared.
pub(super) const RANKING_SHAPE: Disclosure = Disclosure::new(
    Audience::All,
    "train.ranking_shape",
    DisclosureKind::Size,
    Frequency::Once,
    Text::new(
        "the number of the guest's items, of users among whom some are judged, and of users who \
         get lists; not which of them are judged, or how many",
        "发起方的物品数、参与测试的用户数以及获得列表的用户数；但不包括其中哪些、多少用户实际被评估",
    ),
);

/// How good the ranking is.
const RANKING_FIGURES: Disclosure = Disclosure::new(
    Audience::Guest,
    "evaluate.ranking",
    DisclosureKind::Result,
    Frequency::Once,
    Text::new(
        "over all judged users together, at least 200: how many have the item that was left out \
         among the first 1, 2, … places, the sum of their AUC, and the sums of squared differences \
         of AUC, NDCG and hit rate from the guest's own model, whose ranks the guest can match \
         with these sums: where few users' ranks differ, it can tell of whom",
        "全体被评估用户（至少 200 个）合计：留出物品位于前 1、2、… 位的用户数、AUC 之和，\
         以及 AUC、NDCG、命中率与发起方单独模型之差的平方和。发起方可将己方模型给出的每个用户的名次与这些合计值对照：\
         若仅少数用户的名次不同，便可推知是哪些用户",
    ),
);

/// What the figures of two jobs say together.
const RANKING_DIFFERENCES: Disclosure = Disclosure::new(
    Audience::Guest,
    "evaluate.ranking_differences",
    DisclosureKind::Inference,
    Frequency::Once,
    Text::new(
        "from two jobs whose judged users differ by one, such as the same one before and after a \
         user's last interaction is dropped: at which place that user's item stands",
        "若两个任务的被评估用户仅差一人（例如删去某用户最后一条交互前后的同一任务），由两者的指标可得知该用户的物品排在第几位",
    ),
);

/// The agreed result of training.
const LISTS: Disclosure = Disclosure::new(
    Audience::Guest,
    "train.lists",
    DisclosureKind::Result,
    Frequency::Once,
    Text::new(
        "for each common user the best items that it does not have, in order, without scores",
        "每个共有用户尚未拥有的最佳物品，按次序排列，不含得分",
    ),
);

/// The same of users that are scored.
pub(super) const SCORED_LISTS: Disclosure = Disclosure::new(
    Audience::Guest,
    "score.lists",
    DisclosureKind::Result,
    Frequency::Once,
    Text::new(
        "for each scored user the best items that it does not have, in order, without scores",
        "每个被评分用户尚未拥有的最佳物品，按次序排列，不含得分",
    ),
);

/// The number of items, in scoring.
pub(super) const SCORED_ITEMS: Disclosure = Disclosure::new(
    Audience::All,
    "score.items",
    DisclosureKind::Size,
    Frequency::Once,
    Text::new("the number of the guest's items", "发起方的物品数"),
);

/// What lists say of the host's columns.
pub(super) const RANKING_OF_LISTS: Disclosure = Disclosure::new(
    Audience::Guest,
    "score.order_of_lists",
    DisclosureKind::Inference,
    Frequency::Once,
    Text::new(
        "from a list, the order of some inner products of known vectors with the host's part of \
         the user's factors: 10 items of 142 are at most 71 bits about a user. Whoever knows the \
         columns of many users can learn what lists go with which values, and guess those of the \
         others; lists of the same users by another history, or later, tell more",
        "由列表可得知若干已知向量与该用户合作方因子之内积的大小次序：142 个物品中的 10 个至多为每个用户 71 比特。\
         若已知许多用户的列值，可学习列表与取值的对应关系，并据此推测其他用户；同一批用户按另一份历史或日后再次得到的列表会透露更多",
    ),
);

/// The host's part of the factors of users that are scored by a model of an earlier job.
pub(super) const SCORED_USER_FACTORS: Disclosure = Disclosure::new(
    Audience::Guest,
    "score.user_factors",
    DisclosureKind::Result,
    Frequency::Once,
    Text::new(
        "the host's part of each scored user's factors: as many numbers as there are factors, \
         combinations of the host's columns that the guest does not know; the same ones as in \
         training, so that it sees how they moved of users that it has seen before",
        "每个被评分用户的因子中合作方的部分：与因子数相同个数的数值，是合作方各列的组合，组合方式不为发起方所知；\
         与训练时的组合相同，因此对见过的用户可得知其变化",
    ),
);

/// What the numbers say of columns with few values.
pub(super) const FEW_VALUES: Disclosure = Disclosure::new(
    Audience::Guest,
    "score.few_valued_columns",
    DisclosureKind::Inference,
    Frequency::Once,
    Text::new(
        "the host's columns with few values (0/1, categories, bins, counts) of nearly every user, \
         up to their names, since a combination of such values determines them: of 32 columns of \
         0 and 1 and 16 factors all values of 94.6 % of 15,844 users, from the opened numbers \
         alone; whoever knows all columns of one user more than there are factors can compute the \
         combinations, and with them such columns of everybody",
        "几乎每个用户在合作方取值很少的列（0/1、类别、分箱、计数）上的取值，仅列名未知，因为这类取值的组合\
         即可确定它们：32 个 0/1 列、16 个因子时，仅凭公开的数值即可得到 15,844 个用户中 94.6% 的全部取值；\
         若已知的用户（及其全部列）比因子数多一个，即可算出组合方式，从而得知所有人的这类列",
    ),
);

/// What equal numbers say.
pub(super) const EQUAL_USERS: Disclosure = Disclosure::new(
    Audience::Guest,
    "score.equal_users",
    DisclosureKind::Inference,
    Frequency::Once,
    Text::new(
        "which users are alike in the host's columns: users with the same values in all of them \
         have the same numbers, and whoever knows the columns of some users can guess at others'",
        "哪些用户在合作方的特征上相似：所有列取值相同的用户，其数值也相同；若已知部分用户的列值，可据此推测其他用户",
    ),
);
