//! Pages of a model that recommends items.

use models::evaluate::recommendation::{Judged, RecommendationComparison, Recommendations};
use models::local::factorization_machine::{GuestPart, HostPart};

use super::{guest, host, written};
use crate::run::{
    GuestFactors, HistoryGroup, HostFactors, ModelPart, Outcome, RecommendationOutcome,
    Recommended, ScoredOutcome,
};
use crate::saved_model::limits;
use crate::spec::SplitBy;
use contract::catalogue;

fn part() -> GuestPart {
    GuestPart {
        item_biases: vec![0.5, 0.25, 0.1],
        item_factors: vec![0.1, 0.2, 0.3, 0.4, 3.0, 4.0],
        history_factors: vec![0.1; 6],
        column_factors: Vec::new(),
        offset: vec![0.0, 0.5],
    }
}

fn items() -> Vec<String> {
    ["tea", "mug <b>", "coffee"].map(str::to_owned).to_vec()
}

/// Users of whom each second one gets what it wanted at the first place, the others at this one.
fn judged(place: usize) -> Judged {
    let mut users = Recommendations::new(3).unwrap();
    for user in 0..40 {
        let wanted = if user % 2 == 0 { 0 } else { place };
        let relevant: Vec<bool> = (0..5).map(|it| it == wanted).collect();
        users.add(&[5.0, 4.0, 3.0, 2.0, 1.0], &relevant).unwrap();
    }
    Judged { figures: users.finish().unwrap(), coverage: Some(0.5) }
}

fn outcome_of([popularity, alone, joint]: [usize; 3]) -> RecommendationOutcome {
    let [popularity, guest_alone, joint] = [popularity, alone, joint].map(judged);
    RecommendationOutcome {
        items: 3,
        interactions: 1_234,
        left_out: 40,
        comparison: RecommendationComparison::new(popularity, guest_alone, joint).unwrap(),
        by_history: vec![
            HistoryGroup {
                from: 0,
                to: Some(1),
                users: 30,
                popularity: 0.1,
                guest_alone: 0.2,
                joint: 0.4,
            },
            HistoryGroup {
                from: 32,
                to: None,
                users: 10,
                popularity: 0.1,
                guest_alone: 0.3,
                joint: 0.3,
            },
        ],
        recommended: Some(recommended()),
    }
}

fn recommended() -> Recommended {
    Recommended {
        rows: vec![0, 0, 1],
        places: vec![1, 2, 1],
        items: ["mug <b>", "tea", "mug <b>"].map(str::to_owned).to_vec(),
        joint: Some(vec![0.9, 0.5, 0.4]),
        alone: vec![0.3, 0.5, 0.4],
    }
}

fn of_items(mut outcome: Outcome, part: ModelPart, judged: Option<[usize; 3]>) -> Outcome {
    outcome.models.truncate(1);
    outcome.splits.truncate(1);
    let split = &mut outcome.splits[0];
    (split.name, split.by) = ("leave_one_out".to_owned(), SplitBy::LeaveOneOut);
    split.test_rows = if judged.is_some() { 40 } else { 0 };
    let model = &mut outcome.models[0];
    model.component = catalogue::FACTORIZATION_MACHINE.name;
    model.title = catalogue::FACTORIZATION_MACHINE.title.clone();
    model.privacy = catalogue::USER_FACTORS_KNOWN_TO_GUEST.to_owned();
    model.split = "leave_one_out".to_owned();
    model.step = "factorization_machine.leave_one_out".to_owned();
    (model.comparison, model.scores) = (None, None);
    model.recommendation = judged.map(outcome_of);
    model.part = part;
    outcome
}

fn of_guest() -> ModelPart {
    let [joint, alone] = [part(), part()];
    ModelPart::GuestFactors(GuestFactors { items: items(), features: Vec::new(), joint, alone })
}

#[test]
fn the_guest_sees_how_its_items_are_ranked() {
    let html = written("recommendation.html", &of_items(guest(), of_guest(), Some([4, 2, 1])));
    for text in [
        "NDCG@3",
        "Hit rate by the length of the list",
        "历史物品数",
        "0–1 (30)",
        "≥ 32 (10)",
        "by popularity",
        "one interaction of each user left out",
        "mug &lt;b&gt;",
        "tables/recommendations.factorization_machine.leave_one_out.parquet",
        "Interactions that were trained on: 1,234",
        "no probabilities",
        "user_factors_known_to_guest",
    ] {
        assert!(html.contains(text), "{text}");
    }
    assert!(!html.contains("NaN") && !html.contains("mug <b>") && !html.contains("No measurable"));
}

/// Where nobody saw a score there is no share of items and no figure of groups.
#[test]
fn the_guest_sees_figures_of_scores_that_nobody_saw() {
    let mut outcome = of_items(guest(), of_guest(), Some([4, 2, 1]));
    outcome.models[0].privacy = contract::STRICT.to_owned();
    let of_model = outcome.models[0].recommendation.as_mut().unwrap();
    of_model.by_history.clear();
    of_model.comparison.joint.coverage = None;
    of_model.recommended.as_mut().unwrap().joint = None;
    let html = written("recommendation-strict.html", &outcome);
    for text in
        ["NDCG@3", "Hit rate by the length of the list", "Nobody saw those of the joint one"]
    {
        assert!(html.contains(text), "{text}");
    }
    assert!(!html.contains("shown to somebody") && !html.contains("length of the history"));
    assert!(!html.contains("NaN"));
    outcome.models[0].recommendation.as_mut().unwrap().recommended = None;
    let html = written("recommendation-without-lists.html", &outcome);
    assert!(!html.contains("tables/recommendations") && html.contains("NDCG@3"));
}

/// What scoring tells depends on the mode.
#[test]
fn the_card_says_what_each_mode_tells() {
    const LISTS: [&str; 2] = ["the largest of those that are left", "在其余组合中最大"];
    const COLUMNS: [&str; 2] = ["can compute columns of few values", "取值很少的列"];
    let mut outcome = of_items(guest(), of_guest(), Some([4, 2, 1]));
    for (mode, said, unsaid) in [
        (contract::STRICT, LISTS, COLUMNS),
        (catalogue::USER_FACTORS_KNOWN_TO_GUEST, COLUMNS, LISTS),
    ] {
        outcome.models[0].privacy = mode.to_owned();
        let limits = limits(&outcome, &outcome.models[0]);
        let has = |[en, zh]: [&str; 2]| {
            limits.iter().filter(|text| text.en.contains(en) && text.zh.contains(zh)).count()
        };
        assert_eq!((has(said), has(unsaid)), (1, 0), "{mode}: {limits:?}");
    }
}

#[test]
fn the_interval_decides_what_is_said_of_a_gain() {
    for (places, remark) in
        [([4, 2, 2], "No measurable gain: NDCG"), ([4, 1, 2], "ranks worse than bank alone")]
    {
        let html =
            written("recommendation-no-gain.html", &of_items(guest(), of_guest(), Some(places)));
        assert!(html.contains(remark), "{remark}");
    }
}

fn of_host() -> ModelPart {
    let features = ["age", "city = Basel"].map(str::to_owned).to_vec();
    let joint = HostPart { column_factors: vec![0.1, 0.2, 3.0, 4.0], offset: vec![0.0; 2] };
    ModelPart::HostFactors(HostFactors { features, joint })
}

#[test]
fn the_host_sees_its_columns_and_no_item() {
    let html = written("recommendation-host.html", &of_items(host(), of_host(), None));
    for text in ["city = Basel", "Prepared columns of yours: 2", "it has the interactions"] {
        assert!(html.contains(text), "{text}");
    }
    assert!(!html.contains("coffee") && !html.contains("NDCG@") && !html.contains("Test rows"));
}

/// The outcome of a job that made lists for two users by a saved model.
fn of_lists(outcome: Outcome, part: ModelPart, recommended: Option<Recommended>) -> Outcome {
    let mut outcome = of_items(outcome, part, None);
    outcome.splits.clear();
    outcome.models[0].split.clear();
    outcome.scored = Some(ScoredOutcome {
        model: "shop".to_owned(),
        purpose: "marketing.activation".to_owned(),
        digest: "ab".repeat(32),
        step: "factorization_machine.leave_one_out".to_owned(),
        model_id: "00112233445566778899aabbccddeeff".to_owned(),
        rows: 2,
        scores: None,
        class_scores: None,
        recommended,
    });
    outcome
}

#[test]
fn new_users_get_lists() {
    let outcome = of_lists(guest(), of_guest(), Some(recommended()));
    let html = written("recommendation-scored.html", &outcome);
    for text in
        ["ranked its items for 2 users", "tables/recommendations.parquet", "推荐次数最多的物品"]
    {
        assert!(html.contains(text), "{text}");
    }
}

/// In strict the host learns the number of items too.
#[test]
fn the_host_reads_what_it_learnt_of_the_lists() {
    let mut outcome = of_lists(host(), of_host(), None);
    for (mode, has_items) in
        [(contract::STRICT, true), (catalogue::USER_FACTORS_KNOWN_TO_GUEST, false)]
    {
        outcome.models[0].privacy = mode.to_owned();
        let html = written("recommendation-scored-host.html", &outcome);
        assert!(
            html.contains("You learnt for how many users") && html.contains("己方仅得知用户数")
        );
        for text in ["and among how many items", "用户数和物品数"] {
            assert_eq!(html.contains(text), has_items, "{mode}: {text}");
        }
    }
}
