//! Pages of models whose joint scores nobody sees.

use contract::STRICT;
use models::vertical::hidden_evaluation::Figures;
use serde_json::json;

use super::{guest, written};
use crate::run::HiddenComparison;

fn figures(auc: f64, auc_error: f64) -> Figures {
    Figures {
        rows: 2_000,
        positives: 400,
        base_rate: 0.2,
        auc,
        auc_error,
        ks: 0.3,
        lift_5pct: 2.5,
        top: Vec::new(),
        brier: 0.14,
        log_loss: 0.45,
    }
}

/// The page of trees that are combined in this way.
fn page(ensemble: &str) -> String {
    let mut outcome = guest();
    outcome.models.truncate(2);
    let mut model = outcome.models.remove(1);
    (model.comparison, model.scores) = (None, None);
    model.privacy = STRICT.to_owned();
    model.settings = json!({ "ensemble": ensemble });
    let (guest_alone, joint) = (figures(0.71, 0.0), figures(0.79, 0.0123));
    model.hidden = Some(HiddenComparison { guest_alone, joint });
    outcome.models = vec![model];
    written(&format!("hidden-{ensemble}.html"), &outcome)
}

/// A forest's scores are probabilities, those of other trees log-odds: bands have their unit.
#[test]
fn what_was_rounded_is_said_of_each_model() {
    let bands = [["0.024 in log-odds", "0.024（对数几率）"], ["1/1024", "1/1024（概率）"]];
    for (ensemble, is, is_not) in [("boosting", bands[0], bands[1]), ("forest", bands[1], bands[0])]
    {
        let html = page(ensemble);
        assert!(is.iter().all(|text| html.contains(text)), "{ensemble}");
        assert!(!is_not.iter().any(|text| html.contains(text)), "{ensemble}");
        assert!(html.contains("0.0123") && !html.contains("NaN"));
    }
}
