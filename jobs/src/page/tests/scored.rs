//! Pages of scores, and the cards of models.

use contract::Role;

use super::{guest, host, written};
use crate::page::report_html;
use crate::run::{NewScores, ScoredOutcome};

#[test]
fn a_page_of_scores_shows_them_to_the_guest_only() {
    let scored = |scores| ScoredOutcome {
        model: "term-deposit".to_owned(),
        purpose: "marketing.activation".to_owned(),
        digest: "ab".repeat(32),
        step: "logistic_regression.time".to_owned(),
        model_id: "00112233445566778899aabbccddeeff".to_owned(),
        rows: 3,
        scores,
        class_scores: None,
        recommended: None,
    };
    let [mut guest, mut host] = [guest(), host()];
    for outcome in [&mut guest, &mut host] {
        outcome.models.truncate(1);
        outcome.models[0].split.clear();
        (outcome.models[0].comparison, outcome.models[0].scores) = (None, None);
        outcome.splits.clear();
    }
    let scores =
        NewScores { labels: None, alone: vec![0.2, 0.1, 0.3], joint: vec![0.25, 0.5, 0.125] };
    guest.scored = Some(scored(Some(scores)));
    host.scored = Some(scored(None));
    let html = written("scored.html", &guest);
    for part in [
        "scored by a model that they trained before",
        "How the scores are spread",
        "0.1250",
        "tables/scores.parquet",
        "score the same rows again with",
        "由任务 term-deposit 的模型",
    ] {
        assert!(html.contains(part), "{part}");
    }
    for part in ["NaN", "Model cards", "was agreed on for the purpose"] {
        assert!(!html.contains(part), "{part}");
    }
    guest.purpose = "risk.credit".to_owned();
    assert!(report_html(&guest).contains("was agreed on for the purpose marketing.activation"));
    let html = written("scored-host.html", &host);
    assert!(html.contains("The scores are bank") && html.contains("评分归 bank 所有"));
    assert!(!html.contains("0.1250") && !html.contains("How the scores are spread"));
}

#[test]
fn each_model_has_a_card() {
    for outcome in [guest(), host()] {
        let html = report_html(&outcome);
        for part in [
            "Model cards",
            "模型卡",
            "00112233445566778899aabbccddeeff",
            "Agreed on for the purpose marketing.activation",
            "model/logistic_regression.time.json",
        ] {
            assert!(html.contains(part), "{part}");
        }
        let is_host = outcome.role == Role::Host;
        assert_eq!(html.contains("How good the model is only bank knows"), is_host);
    }
}
