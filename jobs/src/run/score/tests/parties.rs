//! A model knows who trained it.

use std::fs;

use serde_json::json;

use super::{CLASSES, Change, STEP, changed, model_file, trained};
use crate::{Unwatched, open_rows};

/// A host's part of a score is for the guest only as a term of the sum of all parts.
#[test]
fn a_model_is_for_those_who_trained_it() {
    let (scene, _) = trained();
    let file = model_file(&scene, "first");
    let original = fs::read_to_string(&file).unwrap();
    let job = scene.scoring("models", CLASSES, STEP);
    let open = |change: Change| {
        fs::write(&file, changed(&original, change)).unwrap();
        let folder = scene.folder.path();
        let opened = open_rows(&job, &job.guest, folder, &scene.path("work"), &Unwatched);
        opened.map(|_| ()).map_err(|error| error.to_string())
    };
    open(|it| assert_eq!(it["parties"], json!(["first", "second"]))).unwrap();
    open(|it| it["parties"] = json!(["second", "first"])).unwrap();
    // A file from before there could be several hosts.
    open(|it| drop(it.as_object_mut().unwrap().shift_remove("parties"))).unwrap();

    let changes: [(Change, &str); 2] = [
        (|it| it["parties"] = json!(["first", "second", "third"]), "second and third"),
        (|it| it["parties"] = json!(["first", "third"]), "first and third"),
    ];
    for (change, trained) in changes {
        let error = open(change).unwrap_err();
        for part in [trained, "this job names first and second", "made of the parts of all"] {
            assert!(error.contains(part), "{part} is missing in: {error}");
        }
    }
}
