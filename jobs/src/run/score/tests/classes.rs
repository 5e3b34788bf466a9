//! Models of several classes: scored again, damaged, and given other labels.

use std::fs;

use serde_json::json;
use world::{Fault, FaultKind, Side};

use super::{Change, SPLIT, Scene, Training, changed, edit, read, with};

/// What customers do for a living, from what else is known: three classes, one of which goes with
/// the label of the other tests.
const ROLES: &str = "label: job, columns: { bought: number, claims: ignore, log_days: ignore }";
const LINEAR: &str = "train: [ multinomial_regression: { l2: 0.1, tolerance: 1e-2 } ]\n";
const TREES: &str = "train:\n  - boosted_trees: { privacy: secureboost, loss: softmax, trees: 2, \
                     depth: 2, bins: 6, early_stopping: 0 }\n";
const STRICT_TREES: &str = "train:\n  - boosted_trees: { privacy: strict, loss: softmax, trees: 1, \
                            depth: 1, bins: 4, early_stopping: 0 }\n";

/// Two pilots have no class of their own: it would be too small.
fn scene() -> Scene {
    let scene = Scene::new();
    edit(&scene.path("guest.csv"), |text| {
        text.replace("astronaut", "pilot").replace("nurse", "pilot")
    });
    scene
}

#[test]
fn all_kinds_of_models_score_test_rows_as_in_training() {
    for (steps, score) in [
        (LINEAR, "step: multinomial_regression"),
        (TREES, "step: boosted_trees, privacy: secureboost"),
        (STRICT_TREES, "step: boosted_trees"),
    ] {
        let (scene, steps) = (scene(), with(SPLIT, steps));
        let trained = scene.train(1, "models", &Training { roles: ROLES, steps: &steps });
        let tests = trained.models[0].class_scores.as_ref().unwrap();
        assert_eq!(tests.scores.names, ["clerk", "cook", "pilot"]);
        let [guest, host] = scene.score("models", ROLES, score).map(Result::unwrap);
        assert_eq!(guest.observed, host.observed, "both count the same openings");
        assert!(host.scored.unwrap().class_scores.is_none());
        assert!(guest.models[0].classes.is_some());
        let now = guest.scored.unwrap().class_scores.unwrap();
        for class in 0..3 {
            for (now, before) in
                [(&now.joint, &tests.scores.joint), (&now.alone, &tests.scores.alone)]
            {
                for (place, row) in tests.rows.iter().enumerate() {
                    let (now, before) = (now[class][*row as usize], before[class][place]);
                    assert!((now - before).abs() < 1e-12, "row {row}: {now}, before {before}");
                }
            }
        }
        // A class that the model does not know.
        edit(&scene.path("guest.csv"), |text| text.replacen(",cook,", ",baker,", 1));
        let [guest, _] = scene.score("models", ROLES, score);
        let error = guest.unwrap_err().to_string();
        assert!(error.contains("\"baker\"") && error.contains("no other classes"), "{error}");
    }
}

#[test]
fn damaged_classes_are_refused() {
    let (scene, steps) = (scene(), with(SPLIT, LINEAR));
    scene.train(1, "models", &Training { roles: ROLES, steps: &steps });
    let file = scene.path("models/first/multinomial_regression.stratified.json");
    let original = fs::read_to_string(&file).unwrap();
    let job = scene.scoring("models", ROLES, "step: multinomial_regression");
    let changes: [(Change, &str); 5] = [
        (
            |it| it["part"]["multinomial_regression"]["names"] = json!(["a", "a", "b"]),
            "two of its classes have one name",
        ),
        (
            |it| it["part"]["multinomial_regression"]["names"] = json!(["a", "b"]),
            "has the names of the classes",
        ),
        (
            |it| it["part"]["multinomial_regression"]["classes"] = json!([]),
            "a model of several classes has 3 to 32",
        ),
        (
            |it| it["part"]["multinomial_regression"]["alone"] = json!(null),
            "a model of its own columns",
        ),
        (
            |it| {
                let class = &mut it["part"]["multinomial_regression"]["classes"][1];
                class["coefficients"].as_array_mut().unwrap().rotate_left(1);
            },
            "in different orders",
        ),
    ];
    for (change, part) in changes {
        fs::write(&file, changed(&original, change)).unwrap();
        let folder = scene.path("models/first");
        let error = read(&folder, job.score.as_ref().unwrap(), &job.guest).unwrap_err().to_string();
        assert!(error.contains(part), "{part} is not in: {error}");
    }
}

/// A number of classes that no guest has.
#[test]
fn tampered_numbers_of_classes_are_named() {
    let (scene, steps) = (scene(), with(SPLIT, TREES));
    let job = Scene::job("trained", ROLES, &steps);
    for message in [vec![0], vec![33], vec![3, 3], Vec::new()] {
        let path_step = "train.0/classes".to_owned();
        let kind = FaultKind::replace(move |_: &[u8]| message.clone());
        let fault = Fault { path_step, occurrence: 0, kind, from: Side::First };
        let [_, host] = scene.run_with_fault(11, [&job, &job], Some(fault));
        let error = host.unwrap_err().to_string();
        assert!(error.contains("first misbehaved") && error.contains("classes"), "{error}");
    }
}
