//! The card of a model: what it is, what it was made of, how good it is, what was opened, and what
//! it is not for, as far as its party may know.

use contract::{Role, STRICT, Text};
use report::message::listed;
use serde_json::{Value, json};

use super::SavedModel;
use crate::run::{ModelOutcome, Outcome, opening};

/// The card as JSON, for people's own registers of models.
pub(crate) fn card(saved: &SavedModel, outcome: &Outcome, model: &ModelOutcome) -> Value {
    let split = outcome.splits.iter().find(|split| split.name == model.split);
    let columns: Vec<Value> =
        saved.columns().map(|(name, kind)| json!({ "name": name, "kind": kind.name() })).collect();
    let parties: Vec<Value> = outcome
        .parties
        .iter()
        .map(|it| json!({ "name": it.name, "role": it.role, "data": it.data }))
        .collect();
    let step = format!("train.{}", model.step);
    let opened: Vec<Value> = outcome
        .steps
        .iter()
        .filter(|it| it.id == step)
        .flat_map(|it| &it.observed)
        .map(opening)
        .collect();
    json!({
        "card": 1,
        "model": {
            "job": saved.job,
            "digest": saved.digest,
            "step": saved.step,
            "model_id": saved.model_id,
            "component": model.component,
            "title": model.title,
            "privacy": model.privacy,
            "program": saved.program,
            "file": format!("{}.json", saved.step),
        },
        "intended_purpose": saved.purpose,
        "parties": parties,
        "seen_by": { "name": outcome.party, "role": outcome.role },
        "data": {
            "common_rows": outcome.common_rows,
            "split": split.map(|it| json!({ "name": it.name, "by": it.by })),
            "training_rows": split.map(|it| it.training_rows),
            "validation_rows": split.map(|it| it.validation_rows),
            "test_rows": split.map(|it| it.test_rows).filter(|rows| *rows > 0),
            "training_period": split.and_then(|it| it.period.as_ref()),
            "own_columns": columns,
            "own_features": model.own_features(),
        },
        "settings": model.settings,
        "warm_start": model.warm_start,
        "seed": outcome.seed,
        "metrics": model.metrics(),
        "opened_in_training": opened,
        "limits": limits(outcome, model),
    })
}

/// What the model is not for, and what using it gives away.
pub(crate) fn limits(outcome: &Outcome, model: &ModelOutcome) -> Vec<Text> {
    let names: Vec<String> = outcome.parties.iter().map(|party| party.name.clone()).collect();
    let guest = names.first().map_or("", String::as_str);
    let host_names = names.get(1..).unwrap_or_default();
    let hosts = listed(host_names);
    let (host, host_zh) = (&hosts.en, &hosts.zh);
    let mut limits = vec![
        Text::owned(
            format!(
                "Agreed on for the purpose {} by {guest} and {host}. Another use needs another \
                 agreement.",
                outcome.purpose
            ),
            format!(
                "{guest} 与 {host_zh} 约定的用途为 {}；用于其他目的须另行约定。",
                outcome.purpose
            ),
        ),
        Text::new(
            "No party can score with its part alone: each keeps its file, and all take part in \
             each scoring.",
            "任何一方都无法仅凭己方部分评分：各方须自行保存文件，并共同参与每一次评分。",
        ),
        Text::new(
            "It was fitted on the rows that all parties have. For people whom not all of them \
             know, or who differ from these, it was not judged.",
            "模型在各方共有的样本上拟合；对并非各方都拥有的、或与之不同的人群，未作评估。",
        ),
        Text::new(
            "Levels of a category that training did not see count as no known level, numbers \
             beyond its limits as the limit or the outermost bin.",
            "训练中未出现的类别按未知类别处理；超出范围的数值按界限值或最外侧的分箱处理。",
        ),
    ];
    limits.push(told_by_scoring(model, guest, host_names));
    if model.part.recommends() {
        limits.push(Text::new(
            "Scores are for ranking and are no probabilities. What was seen is not all that was \
             wanted: the model learns what people took, from what they were shown.",
            "得分仅用于排序，并非概率。已发生的交互不等于全部偏好：模型学到的是人们在所见范围内的选择。",
        ));
    }
    if outcome.role == Role::Host {
        let what = if model.part.recommends() {
            Text::new("the interactions", "交互记录")
        } else {
            Text::new("the labels", "标签")
        };
        limits.push(Text::owned(
            format!("How good the model is only {guest} knows: it has {}.", what.en),
            format!("模型效果仅 {guest} 知晓，因为{}在其手中。", what.zh),
        ));
    }
    limits
}

/// What the guest gets to know with each scoring.
fn told_by_scoring(model: &ModelOutcome, guest: &str, host_names: &[String]) -> Text {
    let hosts = listed(host_names);
    let (host, host_zh) = (&hosts.en, &hosts.zh);
    match (model.privacy == STRICT, !model.part.is_linear()) {
        (true, _) if model.part.recommends() => Text::owned(
            format!(
                "{guest} gets for every scored user a list in order and no score; each place tells \
                 which combination of {host}'s columns is the largest of those that are left. \
                 Lists of the same users by another history or model tell more."
            ),
            format!(
                "{guest} 得到每个被评分用户的有序列表，不含得分；每个位置说明 {host_zh} 各列的哪一个组合在其余组合中最大。\
                 同一批用户按另一份历史或另一个模型得到的列表会透露更多。"
            ),
        ),
        (false, _) if model.part.recommends() => Text::owned(
            format!(
                "{guest} gets the same combinations of {host}'s columns of every user that is \
                 scored, as many as there are factors: users that are alike in all of these \
                 columns have the same ones. From these {guest} can compute columns of few values \
                 (0/1, categories, bins, counts) of nearly every user. Retraining tells {guest} \
                 further combinations."
            ),
            format!(
                "每次评分，{guest} 都得到每个用户在 {host_zh} 各列上的相同若干组合（个数等于因子数）：\
                 各列取值相同的用户，其数值也相同。{guest} 由此可算出几乎每个用户取值很少的列\
                 （0/1、类别、分箱、计数）。重新训练会使 {guest} 得到更多组合。"
            ),
        ),
        (true, false) if host_names.len() > 1 => Text::owned(
            format!(
                "From each score {guest} can compute the sum of the parts of {host}, since it \
                 knows its own coefficients, and none of these parts. Hosts that help {guest} make \
                 it the sum of the others' parts: with the help of all but one, that one's part."
            ),
            format!(
                "{guest} 已知自己的系数，因此由每个评分可算出 {host_zh} 各部分之和，但得不到其中任何一个。\
                 若有合作方协助 {guest}，则可得其余合作方各部分之和；若仅剩一方未协助，即为该方的部分。"
            ),
        ),
        (true, false) => Text::owned(
            format!(
                "From each score {guest} can compute {host}'s part of it, since it knows its own \
                 coefficients."
            ),
            format!("{guest} 已知自己的系数，因此由每个评分可算出 {host_zh} 的部分。"),
        ),
        (true, true) => Text::owned(
            format!(
                "From many scores {guest} may work out leaves, and on which side of {host}'s \
                 splits rows fall."
            ),
            format!(
                "由大量评分，{guest} 可能推断出叶子权重，以及各行落在 {host_zh} 分裂的哪一侧。"
            ),
        ),
        (false, _) => Text::owned(
            format!("Each scoring tells {guest} on which side of {host}'s splits every row falls."),
            format!("每次评分都会使 {guest} 得知每一行落在 {host_zh} 各分裂的哪一侧。"),
        ),
    }
}
