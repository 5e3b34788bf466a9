//! What a peer sends in place of its messages.

use world::{Fault, FaultKind, Side};

use super::{CLASSES, ROWS, STEP, trained};
use crate::run::score::is_name;

#[test]
fn names_of_models_have_one_form() {
    for name in ["", "a b c", "\u{ff}", &"0".repeat(98)] {
        assert!(!is_name(name), "{name}");
    }
    let name = format!("{} {} boosted_trees.time", "a".repeat(64), "0".repeat(32));
    assert!(is_name(&name));
    assert!(!is_name(&format!("{name} ")) && !is_name(&format!("{name}\n")));
}

/// What a host sends in place of the name of its model or of its part of the scores.
#[test]
fn tampered_names_and_scores_are_named() {
    let (scene, _) = trained();
    let job = scene.scoring("models", CLASSES, STEP);
    let nan = f64::NAN.to_bits().to_le_bytes();
    for (path_step, message, part) in [
        ("score.model/model", vec![], "the name of a model is text"),
        ("score.model/model", vec![0xff; 40], "the name of a model is text"),
        ("score.model/model", vec![b'0'; 300], "model"),
        ("score/host_scores", nan.repeat(ROWS as usize), "a score is a finite number"),
        ("score/host_scores", vec![0; 8], "host_scores"),
    ] {
        let kind = FaultKind::replace(move |_: &[u8]| message.clone());
        let fault =
            Fault { path_step: path_step.to_owned(), occurrence: 0, kind, from: Side::Second };
        let [guest, _] = scene.run_with_fault(11, [&job, &job], Some(fault));
        let error = guest.unwrap_err().to_string();
        assert!(error.contains("second misbehaved") && error.contains(part), "{error}");
    }
}
