//! Scores of new rows by a model that an earlier job trained.

use crate::{
    Audience, ComponentDescriptor, Disclosure, DisclosureKind, Frequency, PrivacyMode, Role,
    STRICT, Text,
};

use super::recommendation::{
    EQUAL_USERS, FACTORIZATION_MACHINE, FEW_VALUES, RANKING_OF_LISTS, SCORED_ITEMS, SCORED_LISTS,
    SCORED_USER_FACTORS, USER_FACTORS_KNOWN_TO_GUEST,
};
use super::train::{BOOSTED_TREES, ROW_PARTITION};

/// The parties' parts of one model, applied together to new rows.
pub static SCORE: ComponentDescriptor = ComponentDescriptor {
    name: "score",
    title: Text::new("Scores of new rows", "对新样本评分"),
    description: Text::new(
        "Applies the model of an earlier job to the common rows of new tables, prepared as in that \
         job. Nothing is fitted. The guest gets the scores, and metrics where it names a label.",
        "将此前任务训练的模型用于新数据表的共有行，特征处理与训练时相同，不做任何拟合。\
         评分归发起方；若发起方给出标签，则同时给出指标。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: &[
        PrivacyMode {
            name: STRICT,
            summary: Text::new(
                "Opens the joint score of each row to the guest, of a model that recommends the \
                 list of each user in place of scores, and nothing else about the rows.",
                "仅向发起方公开每一行的联合评分（推荐模型则公开每个用户的列表而非得分），不公开这些行的其他信息。",
            ),
            several_hosts: true,
            disclosures: &[
                MODEL,
                ROWS,
                SCORES,
                HOST_PART,
                HOSTS_SUM,
                TREES_PART,
                SCORED_ITEMS,
                SCORED_LISTS,
                RANKING_OF_LISTS,
            ],
        },
        PrivacyMode {
            name: "secureboost",
            summary: Text::new(
                "Of trees that were trained in this mode: the guest also learns on which side of \
                 each split of the host every row falls. Weaker than strict.",
                "用于以该模式训练的树：发起方还会得知每一行落在合作方每个分裂的哪一侧。弱于 strict。",
            ),
            several_hosts: false,
            disclosures: &[MODEL, ROWS, SCORES, ROW_PARTITION, ORDER],
        },
        PrivacyMode {
            name: USER_FACTORS_KNOWN_TO_GUEST,
            summary: Text::new(
                "Of a model that recommends, which was trained in this mode: the guest gets the \
                 host's part of each user's factors, from which it can compute columns of few \
                 values (0/1, categories, bins, counts) of nearly every user. Weaker than strict.",
                "用于以该模式训练的推荐模型：发起方得到每个用户的因子中合作方的部分，由此可算出几乎每个用户\
                 取值很少的列（0/1、类别、分箱、计数）。弱于 strict。",
            ),
            several_hosts: false,
            disclosures: &[MODEL, ROWS, SCORED_USER_FACTORS, FEW_VALUES, EQUAL_USERS],
        },
    ],
    parameters: &[],
};

/// What scoring with a model of `component` in this mode opens, to a guest with so many hosts.
pub fn score_of(component: &ComponentDescriptor, mode: &str, hosts: usize) -> Vec<Disclosure> {
    let of_mode = SCORE.mode(mode).map_or(&[][..], |mode| mode.disclosures);
    let is_of_trees = component.name == BOOSTED_TREES.name;
    let is_of_lists = component.name == FACTORIZATION_MACHINE.name;
    let is_linear = !is_of_trees && !is_of_lists;
    let conditions = [
        (SCORES, !is_of_lists),
        (HOST_PART, is_linear && hosts == 1),
        (HOSTS_SUM, is_linear && hosts > 1),
        (TREES_PART, is_of_trees),
        (SCORED_ITEMS, is_of_lists),
        (SCORED_LISTS, is_of_lists),
        (RANKING_OF_LISTS, is_of_lists),
    ];
    let is_own = |disclosure: &&Disclosure| {
        conditions.iter().all(|(other, is_there)| *is_there || other.key != disclosure.key)
    };
    of_mode.iter().filter(is_own).cloned().collect()
}

const MODEL: Disclosure = Disclosure::new(
    Audience::All,
    "score.model",
    DisclosureKind::Size,
    Frequency::Once,
    Text::new(
        "which training job the other party's part of the model comes from, and which run of it",
        "对方所持模型部分来自哪个训练任务及其哪一次运行",
    ),
);

const ROWS: Disclosure = Disclosure::new(
    Audience::All,
    "score.count",
    DisclosureKind::Size,
    Frequency::Once,
    Text::new("the number of rows that are scored", "评分的行数"),
);

const SCORES: Disclosure = Disclosure::new(
    Audience::Guest,
    "score.rows",
    DisclosureKind::Result,
    Frequency::Once,
    Text::new("the joint score of each row", "每一行的联合评分"),
);

const HOST_PART: Disclosure = Disclosure::new(
    Audience::Guest,
    "score.host_part",
    DisclosureKind::Inference,
    Frequency::Once,
    Text::new(
        "since it knows its own coefficients and the joint score, the host's part of the score of \
         each row; scored again next month, how that part has changed",
        "发起方已知自己的系数和联合评分，因此可算出合作方在每一行评分中的部分；下月再次评分时，\
         还可得知该部分的变化",
    ),
);

const HOSTS_SUM: Disclosure = Disclosure::new(
    Audience::Guest,
    "score.hosts_sum",
    DisclosureKind::Inference,
    Frequency::Once,
    Text::new(
        "since it knows its own coefficients and the joint score, the sum of all hosts' parts of \
         the score of each row, and how it changes from month to month; with some hosts' help, the \
         sum of the others' parts",
        "发起方已知自己的系数和联合评分，因此可算出各合作方在每一行评分中部分之和及其逐月变化；\
         若有合作方与其串通，则可算出其余合作方部分之和",
    ),
);

const TREES_PART: Disclosure = Disclosure::new(
    Audience::Guest,
    "score.leaves",
    DisclosureKind::Inference,
    Frequency::Once,
    Text::new(
        "a score is a sum of one leaf of each tree: from many scores, the more so the fewer trees \
         there are, the weights of leaves and on which side of splits of the host a row falls",
        "评分是各棵树叶子权重之和：由大量评分（树越少越容易）可推断叶子权重，\
         以及各行落在合作方分裂的哪一侧",
    ),
);

const ORDER: Disclosure = Disclosure::new(
    Audience::Guest,
    "score.host_order",
    DisclosureKind::Inference,
    Frequency::Once,
    Text::new(
        "since splits of one feature of the host divide the rows in one order, into which of a few \
         groups of that feature's values each row falls",
        "由于合作方同一特征的各分裂按同一顺序划分各行，可得知每一行属于该特征取值的哪一组",
    ),
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{FACTORIZATION_MACHINE, LOGISTIC_REGRESSION};

    fn keys_of(disclosures: Vec<Disclosure>) -> Vec<String> {
        disclosures.into_iter().map(|it| it.key.into_owned()).collect()
    }

    #[test]
    fn what_follows_from_a_score_depends_on_the_model_and_the_hosts() {
        let keys = |component, mode| -> Vec<String> { keys_of(score_of(component, mode, 1)) };
        let common = ["score.model", "score.count", "score.rows"];
        let linear = keys(&LOGISTIC_REGRESSION, STRICT);
        assert_eq!(linear[..3], common);
        assert_eq!(linear[3..], ["score.host_part"]);
        let several = keys_of(score_of(&LOGISTIC_REGRESSION, STRICT, 2));
        assert_eq!(several[3..], ["score.hosts_sum"]);
        assert_eq!(keys(&BOOSTED_TREES, STRICT)[3..], ["score.leaves"]);
        let of_users = keys(&FACTORIZATION_MACHINE, USER_FACTORS_KNOWN_TO_GUEST);
        assert_eq!(of_users[..2], common[..2]);
        let expected = ["score.user_factors", "score.few_valued_columns", "score.equal_users"];
        assert_eq!(of_users[2..], expected);
        let lists = keys(&FACTORIZATION_MACHINE, STRICT);
        assert_eq!(lists[2..], ["score.items", "score.lists", "score.order_of_lists"]);
        let weaker = keys(&BOOSTED_TREES, "secureboost");
        assert_eq!(weaker[3..], ["trees.row_partition", "score.host_order"]);
        // Every mode in which a model is trained has its way of scoring.
        let mut trained = BOOSTED_TREES.mode_names();
        trained.push(USER_FACTORS_KNOWN_TO_GUEST);
        assert!(FACTORIZATION_MACHINE.mode_names().iter().all(|mode| trained.contains(mode)));
        assert_eq!(SCORE.mode_names(), trained);
    }
}
