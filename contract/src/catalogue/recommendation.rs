//! Recommendation: the guest's items, ranked for each user by both parties' data.

use crate::{
    Audience, ComponentDescriptor, Disclosure, DisclosureKind, Frequency, PrivacyMode, Role,
    STRICT, Text,
};

use super::{integer, number, parameter};

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
    modes: &[PrivacyMode {
        name: STRICT,
        summary: Text::new(
            "Opens sizes, at the end each party's own factors, and to the guest the host's part of \
             each common user's factors. Interactions, statistics and gradients stay with their \
             owner or shared; there is no stop bit.",
            "仅公开规模、最后各方自己的因子，以及向发起方公开每个共有用户的因子中合作方的部分。\
             交互记录、统计量和梯度始终留在各自一方或为秘密分享；没有停止位。",
        ),
        several_hosts: false,
        disclosures: &[
            Disclosure::new(
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
            ),
            Disclosure::new(
                Audience::All,
                "model.own_factors",
                DisclosureKind::Result,
                Frequency::Once,
                Text::new(
                    "its own factors: the guest those of items, of items in a history and of its \
                     columns, the host those of its columns",
                    "各自的因子：发起方得到物品、历史物品及己方特征的因子，合作方得到己方特征的因子",
                ),
            ),
            Disclosure::new(
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
            ),
            EQUAL_USERS,
            Disclosure::new(
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
            ),
        ],
    }],
    parameters: &[
        parameter(
            "factors",
            integer(16, 4, 64),
            Text::new(
                "numbers in a vector of factors, a multiple of 4; fewer than the host has encoded \
                 columns",
                "因子向量的长度，为 4 的倍数；须小于合作方编码后的列数",
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
    ],
};

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
