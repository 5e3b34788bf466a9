mod classes;
mod parties;
mod tampered;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use contract::Role;
use crypto::hash::hex;
use crypto::random::Generator;
use serde_json::Value;
use tempfile::TempDir;
use world::Fault;

use crate::run::Outcome;
use crate::saved_model::{SavedModel, own_part, read, text};
use crate::spec::{ColumnKind, JobSpec, PartySpec};
use crate::{JobError, Unwatched, open_rows, run_party};

/// Rows that both parties have.
const ROWS: u32 = 420;

const HEAD: &str = "\
job: JOB
purpose: test
seed: 5
parties:
  first: { role: guest, table: guest.csv, key: id, missing: [unknown], ROLES }
  second:
    role: host
    table: host.csv
    key: id
    columns: { calls: { kind: number, missing: [\"999\"] } }
";

/// The guest or the only host.
fn party(job: &JobSpec, role: Role) -> &PartySpec {
    match role {
        Role::Guest => &job.guest,
        Role::Host => &job.hosts[0],
    }
}

/// A folder with the tables of both parties, and the models that were trained there.
struct Scene {
    folder: TempDir,
}

/// The label and its offset, and which part of the job is trained.
struct Training<'a> {
    roles: &'a str,
    steps: &'a str,
}

const CLASSES: &str = "label: bought, columns: { claims: ignore, log_days: ignore }";
const COUNTS: &str = "label: claims, offset: log_days, columns: { bought: ignore }";
const NUMBERS: &str = "label: claims, columns: { bought: ignore, log_days: ignore }";

impl Scene {
    /// Tables in which both parties' columns say something about the label. Some values are
    /// missing, and a rare level is in no more than two rows.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut generator = Generator::from_seed([3; 32]);
        let mut uniform = || (generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let mut guest = "id,age,job,balance,bought,claims,log_days\n".to_owned();
        let mut host = "id,calls,plan,minutes\n".to_owned();
        for row in 0..ROWS {
            let (age, calls) = (20.0 + 50.0 * uniform(), (30.0 * uniform()).floor());
            let (balance, minutes) = (900.0 * uniform(), 600.0 * uniform());
            let job = ["clerk", "cook", "nurse", "pilot"][(4.0 * uniform()) as usize];
            let plan = ["basic", "family", "roaming"][(3.0 * uniform()) as usize];
            let days = 0.2 + uniform();
            let drive = age / 20.0 + calls / 10.0 + f64::from(u8::from(plan == "family"))
                - f64::from(u8::from(job == "cook"))
                - 3.5
                + 2.0 * (uniform() - 0.5);
            let claims = (days * drive.exp().min(9.0) * 2.0 * uniform()).round() + 1.0;
            let age = if row % 41 == 0 { "unknown".to_owned() } else { format!("{age:.3}") };
            let calls = if row % 37 == 0 { "999".to_owned() } else { calls.to_string() };
            let job = if row == 7 || row == 8 { "astronaut" } else { job };
            let bought = u8::from(drive > 0.0);
            let _ = writeln!(
                guest,
                "c{row},{age},{job},{balance:.2},{bought},{claims},{:.5}",
                days.ln()
            );
            let _ = writeln!(host, "c{row},{calls},{plan},{minutes:.2}");
        }
        fs::write(folder.path().join("guest.csv"), guest).unwrap();
        fs::write(folder.path().join("host.csv"), host).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn job(name: &str, roles: &str, rest: &str) -> JobSpec {
        let text = HEAD.replace("JOB", name).replace("ROLES", roles);
        JobSpec::parse("job.yaml", &format!("{text}{rest}")).unwrap_or_else(|it| panic!("{it}"))
    }

    fn run(&self, seed: u64, jobs: [&JobSpec; 2]) -> [Result<Outcome, JobError>; 2] {
        self.run_with_fault(seed, jobs, None)
    }

    fn run_with_fault(
        &self,
        seed: u64,
        jobs: [&JobSpec; 2],
        fault: Option<Fault>,
    ) -> [Result<Outcome, JobError>; 2] {
        let side = async |role, session| {
            let job = jobs[usize::from(role == Role::Host)];
            let folder = self.folder.path();
            let mut rows =
                open_rows(job, party(job, role), folder, &self.path("work"), &Unwatched)?;
            run_party(job, party(job, role), &mut rows, vec![session], &Unwatched).await
        };
        let first = async |session| side(Role::Guest, session).await;
        let second = async |session| side(Role::Host, session).await;
        let outcome = match fault {
            Some(fault) => world::pair_with_fault(seed, fault, first, second),
            None => world::pair(seed, first, second),
        };
        [outcome.first, outcome.second]
    }

    /// Trains, writes both parties' models into `folder`, and returns the guest's outcome.
    fn train(&self, seed: u64, folder: &str, training: &Training<'_>) -> Outcome {
        let job = Self::job("trained", training.roles, training.steps);
        let [guest, host] =
            self.run(seed, [&job, &job]).map(|it| it.unwrap_or_else(|it| panic!("{it}")));
        for outcome in [&guest, &host] {
            let models = self.path(folder).join(&outcome.party);
            fs::create_dir_all(&models).unwrap();
            let party = party(&job, outcome.role);
            let rows =
                open_rows(&job, party, self.folder.path(), &self.path("work"), &Unwatched).unwrap();
            for model in &outcome.models {
                let saved = SavedModel::of(&job, rows.table().unwrap(), outcome, model).unwrap();
                fs::write(models.join(format!("{}.json", model.step)), text(&saved).unwrap())
                    .unwrap();
            }
        }
        guest
    }

    /// The job that scores with the models in `folder`.
    fn scoring(&self, folder: &str, roles: &str, score: &str) -> JobSpec {
        let mut job =
            Self::job("scored", roles, &format!("score: {{ model: trained, {score} }}\n"));
        for role in [Role::Guest, Role::Host] {
            let name = party(&job, role).name.clone();
            let own = job.party_named_mut(&name).unwrap();
            own.models = Some(self.path(folder).join(name));
        }
        job
    }

    fn score(&self, folder: &str, roles: &str, score: &str) -> [Result<Outcome, JobError>; 2] {
        let job = self.scoring(folder, roles, score);
        self.run(11, [&job, &job])
    }

    /// The scores of one run, at the guest, with the common rows' positions in its table.
    fn scores(&self, folder: &str, roles: &str, score: &str) -> (Outcome, Vec<f64>, Vec<f64>) {
        let [guest, host] = self.score(folder, roles, score);
        let [host, guest] = [host, guest].map(|it| it.unwrap_or_else(|it| panic!("{it}")));
        let theirs = host.scored.as_ref().unwrap();
        assert!(theirs.scores.is_none() && theirs.rows == ROWS as usize);
        assert_eq!(guest.observed, host.observed, "both count the same openings");
        let scores = guest.scored.as_ref().unwrap().scores.clone().unwrap();
        (guest, scores.alone, scores.joint)
    }
}

/// Trains, scores the same rows again, and compares the scores of the test rows; `bound` is the
/// largest difference.
fn the_same_again(training: &Training<'_>, score: &str, bound: f64) -> (Scene, Outcome) {
    let scene = Scene::new();
    let trained = scene.train(1, "models", training);
    let (scored, alone, joint) = scene.scores("models", training.roles, score);
    let [trained_model] = &trained.models[..] else { panic!("one model") };
    let tests = trained_model.scores.as_ref().unwrap();
    assert_eq!(trained.common_order, scored.common_order, "one order of the same rows");
    assert!(!tests.rows.is_empty());
    for (place, row) in tests.rows.iter().enumerate() {
        let [now, before] = [joint[*row as usize], tests.joint[place]];
        assert!((now - before).abs() <= bound, "row {row}: {now}, in training {before}");
        let [now, before] = [alone[*row as usize], tests.alone[place]];
        assert!((now - before).abs() <= f64::EPSILON, "row {row}: {now}, in training {before}");
    }
    let opened = |key: &str| {
        let of_key = scored.observed.iter().filter(|opened| opened.key == key);
        of_key.map(|opened| opened.count).sum::<u64>()
    };
    assert_eq!((opened("score.rows"), opened("score.count")), (u64::from(ROWS), 1));
    (scene, scored)
}

const SPLIT: &str = "split: { by: stratified, test: 30% }\n";
const SPLIT_OF_NUMBERS: &str = "split: { by: random, test: 30% }\n";

fn with(split: &str, rest: &str) -> String {
    format!("{split}{rest}")
}

#[test]
fn logistic_regression_scores_test_rows_as_in_training() {
    let steps = with(SPLIT, "train: [ logistic_regression: { l2: 0.1, tolerance: 1e-3 } ]\n");
    let training = Training { roles: CLASSES, steps: &steps };
    let (_, scored) = the_same_again(&training, "step: logistic_regression", 0.0);
    let comparison = scored.models[0].comparison.as_ref().unwrap();
    assert!(comparison.joint.auc > 0.8, "{}", comparison.joint.auc);
}

/// The host's bins enter with 20 and its coefficients with 26 fractional bits, in both runs alike,
/// and sums of them are exact.
#[test]
fn weight_of_evidence_scores_test_rows_as_in_training() {
    for mode in ["strict", "woe_known_to_host"] {
        let encode = format!(
            "prepare:\n  - bin: {{ bins: 5, min_bin_rows: 20 }}\n  - encode: {{ privacy: {mode}, \
             numbers: woe }}\ntrain: [ logistic_regression: {{ l2: 0.1, tolerance: 1e-3 }} ]\n"
        );
        let steps = with(SPLIT, &encode);
        let training = Training { roles: CLASSES, steps: &steps };
        the_same_again(&training, "step: logistic_regression.stratified", 0.0);
    }
}

#[test]
fn regressions_score_test_rows_as_in_training() {
    for (roles, model) in [
        (NUMBERS, "linear_regression"),
        (COUNTS, "poisson_regression"),
        (NUMBERS, "gamma_regression"),
        (COUNTS, "tweedie_regression"),
    ] {
        let rest = format!("train: [ {model}: {{ l2: 0.1, tolerance: 1e-3 }} ]\n");
        let steps = with(SPLIT_OF_NUMBERS, &rest);
        let training = Training { roles, steps: &steps };
        let (_, scored) = the_same_again(&training, &format!("step: {model}"), 0.0);
        assert!(scored.models[0].numeric.is_some());
    }
}

const RANKS: &str = "label: claims, group: job, columns: { bought: ignore, log_days: ignore }";
const RANKING: &str = "train:\n  - boosted_trees: { privacy: secureboost, loss: ranking, trees: 4, \
                       depth: 2, bins: 6, min_child_weight: 0.01, early_stopping: 0 }\n";

/// Which customers of one job make the most claims: a ranking within groups.
#[test]
fn rankings_score_test_rows_as_in_training() {
    let steps = with(SPLIT_OF_NUMBERS, RANKING);
    let training = Training { roles: RANKS, steps: &steps };
    let (_, scored) = the_same_again(&training, "step: boosted_trees, privacy: secureboost", 0.0);
    let model = &scored.models[0];
    let orders = model.graded.unwrap();
    assert!(orders.joint.ndcg_10 > orders.guest_alone.ndcg_10, "{orders:?}");
    assert!(orders.joint.ndcg_30 <= 1.0 && model.numeric.is_none());
    assert!((4..=5).contains(&orders.joint.groups), "four jobs, and one of two rows: {orders:?}");
    assert_eq!(model.metrics().unwrap()["test_rows"], u64::from(ROWS));
}

#[test]
fn rankings_score_rows_without_a_group_but_do_not_judge_them() {
    let scene = Scene::new();
    let steps = with(SPLIT_OF_NUMBERS, RANKING);
    scene.train(1, "models", &Training { roles: RANKS, steps: &steps });
    let guest = scene.path("guest.csv");
    let text = fs::read_to_string(&guest).unwrap();
    fs::write(&guest, text.replacen(",cook,", ",unknown,", 1)).unwrap();
    let score = "step: boosted_trees, privacy: secureboost";
    let (outcome, _, joint) = scene.scores("models", RANKS, score);
    assert_eq!(joint.len(), ROWS as usize);
    let scores = outcome.scored.as_ref().unwrap().scores.as_ref().unwrap();
    assert!(scores.labels.is_none() && outcome.models[0].graded.is_none());
}

#[test]
fn secureboost_trees_score_test_rows_as_in_training() {
    for (roles, split, settings) in [
        (CLASSES, SPLIT, "trees: 3"),
        (CLASSES, SPLIT, "trees: 3, ensemble: forest, subsample: 70%"),
        (NUMBERS, SPLIT_OF_NUMBERS, "trees: 3, loss: poisson"),
    ] {
        let rest = format!(
            "train:\n  - boosted_trees: {{ name: grown, privacy: secureboost, depth: 2, bins: 6, \
             early_stopping: 0, {settings} }}\n"
        );
        let steps = with(split, &rest);
        let training = Training { roles, steps: &steps };
        let score = "step: grown, component: boosted_trees, privacy: secureboost";
        let (_, scored) = the_same_again(&training, score, 0.0);
        assert!(scored.observed.iter().any(|opened| opened.key == "trees.row_partition"));
    }
}

#[test]
fn strict_trees_score_test_rows_as_in_training() {
    let weighted = format!("{CLASSES}, weight: balance");
    for (roles, split, settings) in [
        (CLASSES, SPLIT, "min_gain: 0"),
        (&*weighted, SPLIT, "positive_weight: 3, min_gain: 0.5, base_score: 0.3"),
        (NUMBERS, SPLIT_OF_NUMBERS, "loss: squared, subsample: 80%"),
        (NUMBERS, SPLIT_OF_NUMBERS, "loss: gamma, ensemble: forest"),
        (CLASSES, SPLIT, "ensemble: forest"),
    ] {
        let rest = format!(
            "train:\n  - boosted_trees: {{ name: grown, trees: 2, depth: 2, bins: 4, \
             early_stopping: 0, {settings} }}\n"
        );
        let steps = with(split, &rest);
        let training = Training { roles, steps: &steps };
        let score = "step: grown, component: boosted_trees";
        let (_, scored) = the_same_again(&training, score, 0.0);
        let keys: Vec<&str> = scored.observed.iter().map(|it| it.key.as_ref()).collect();
        assert!(!keys.iter().any(|key| key.starts_with("trees.")), "{keys:?}");
    }
}

/// A small model in a scene, for what does not depend on its kind.
fn trained() -> (Scene, Outcome) {
    let scene = Scene::new();
    let steps = with(SPLIT, "train: [ logistic_regression: { l2: 0.1, tolerance: 1e-2 } ]\n");
    let training = Training { roles: CLASSES, steps: &steps };
    let outcome = scene.train(1, "models", &training);
    (scene, outcome)
}

const STEP: &str = "step: logistic_regression";

/// The file of a party's model.
fn model_file(scene: &Scene, party: &str) -> PathBuf {
    scene.path("models").join(party).join("logistic_regression.stratified.json")
}

fn edit(path: &Path, change: impl Fn(&str) -> String) {
    let text = fs::read_to_string(path).unwrap();
    let changed = change(&text);
    assert_ne!(text, changed, "nothing was changed in {}", path.display());
    fs::write(path, changed).unwrap();
}

/// Next month's file: other rows, other columns beside those of the model, in another order.
#[test]
fn next_months_table_may_look_different_and_needs_the_columns_of_the_model() {
    let (scene, _) = trained();
    let (_, _, before) = scene.scores("models", CLASSES, STEP);
    // Columns in another order, one more, none of the label, and no word on missing values.
    let text = fs::read_to_string(scene.path("guest.csv")).unwrap();
    let mut reordered = String::new();
    for line in text.lines() {
        let [id, age, job, balance, ..] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let _ = writeln!(reordered, "{balance},{age},new{id},{id},{job}");
    }
    fs::write(scene.path("guest.csv"), reordered.replace("newid", "remark")).unwrap();
    let mut job = scene.scoring("models", "", STEP);
    job.guest.missing.clear();
    job.hosts[0].columns.clear();
    let [guest, host] = scene.run(11, [&job, &job]);
    host.unwrap();
    let scores = guest.unwrap().scored.unwrap().scores.unwrap();
    assert_eq!(scores.joint, before, "the model brings the kinds and the missing values");
    assert_eq!(scores.labels, None);

    edit(&scene.path("host.csv"), |text| text.replacen("minutes", "seconds", 1));
    let [_, host] = scene.run(11, [&job, &job]);
    let error = host.unwrap_err().to_string();
    assert!(error.contains("`second`") && error.contains("needs column `minutes`"), "{error}");

    edit(&scene.path("host.csv"), |text| text.replacen("seconds", "minutes", 1));
    job.guest.columns.entry("age".to_owned()).or_default().ignore = true;
    let error = scene.run(11, [&job, &job])[0].as_ref().unwrap_err().to_string();
    assert!(error.contains("`age`, which the job ignores"), "{error}");
    let age = job.guest.columns.entry("age".to_owned()).or_default();
    (age.ignore, age.kind) = (false, Some(ColumnKind::Category));
    let error = scene.run(11, [&job, &job])[0].as_ref().unwrap_err().to_string();
    assert!(error.contains("`age` was of the kind `number` in training"), "{error}");
    job.guest.columns.clear();
    job.guest.offset = Some("log_days".to_owned());
    let error = scene.run(11, [&job, &job])[0].as_ref().unwrap_err().to_string();
    assert!(error.contains("trained without an offset"), "{error}");
}

/// What people read of a model gives the same scores as the program, also for values that training
/// did not see.
#[test]
fn the_exported_parts_add_up_to_the_score() {
    let (scene, _) = trained();
    edit(&scene.path("guest.csv"), |text| {
        text.replacen(",clerk,", ",diver,", 3).replacen(",nurse,", ",,", 2)
    });
    edit(&scene.path("host.csv"), |text| text.replacen(",basic,", ",satellite,", 3));
    let (scored, _, joint) = scene.scores("models", CLASSES, STEP);
    let order = scored.common_order.unwrap();
    let mut predictors = vec![0.0; joint.len()];
    for (party, table, id_first) in [("first", "guest.csv", true), ("second", "host.csv", false)] {
        let file = model_file(&scene, party);
        let saved: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let mut saved_without = saved.clone();
        saved_without.as_object_mut().unwrap().remove("hash");
        let model: SavedModel = serde_json::from_value(saved_without).unwrap();
        let text = fs::read_to_string(scene.path(table)).unwrap();
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        let csv = own_part(&model);
        // The host's table has other positions: rows are found by their id.
        let ids: Vec<&str> = rows[1..].iter().map(|row| row[0]).collect();
        let positions: Vec<usize> = order
            .iter()
            .map(|row| {
                let id = format!("c{row}");
                if id_first { *row as usize } else { ids.iter().position(|it| *it == id).unwrap() }
            })
            .collect();
        for line in csv.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let number = |place: usize| fields[place].parse::<f64>().ok();
            if let Some(points) = number(10) {
                for predictor in &mut predictors {
                    *predictor += points;
                }
                continue;
            }
            let column = rows[0].iter().position(|name| *name == fields[1]).unwrap();
            for (predictor, position) in predictors.iter_mut().zip(&positions) {
                let value = rows[position + 1][column];
                let is_missing = ["", "unknown", "999"].contains(&value);
                let x = match fields[2].strip_prefix("= ") {
                    Some(level) => f64::from(u8::from(value == level)),
                    None if fields[2] == "is missing" => f64::from(u8::from(is_missing)),
                    None if is_missing => number(4).unwrap(),
                    None => value.parse::<f64>().unwrap(),
                };
                *predictor += number(9).unwrap() * (x - number(7).unwrap()) / number(8).unwrap();
            }
        }
    }
    for (predictor, joint) in predictors.into_iter().zip(joint) {
        let score = 1.0 / (1.0 + (-predictor).exp());
        assert!((score - joint).abs() < 1e-12, "{score} by hand, {joint}");
    }
}

#[test]
fn parts_of_two_runs_of_one_job_are_refused_by_both() {
    let (scene, _) = trained();
    let steps = with(SPLIT, "train: [ logistic_regression: { l2: 0.1, tolerance: 1e-2 } ]\n");
    let training = Training { roles: CLASSES, steps: &steps };
    scene.train(2, "others", &training);
    let job = scene.scoring("models", CLASSES, STEP);
    let other = scene.scoring("others", CLASSES, STEP);
    for (error, peer) in scene.run(11, [&job, &other]).into_iter().zip(["second", "first"]) {
        let error = error.unwrap_err().to_string();
        assert!(error.contains("incompatible in model") && error.contains(peer), "{error}");
    }
}

/// Folders and files that are not this party's part of the model that is meant.
#[test]
fn wrong_folders_and_foreign_files_are_named() {
    let (scene, _) = trained();
    let read = |party: Role, folder: &str, score: &str| {
        let job = scene.scoring("models", CLASSES, score);
        let read = read(&scene.path(folder), job.score.as_ref().unwrap(), self::party(&job, party));
        read.map(|_| ()).map_err(|error| error.to_string())
    };
    read(Role::Guest, "models/first", STEP).unwrap();
    fs::create_dir_all(scene.path("empty")).unwrap();
    for (party, folder, score, part) in [
        (Role::Guest, "nowhere", STEP, "cannot be read"),
        (Role::Guest, "empty", STEP, "no model in the folder"),
        (Role::Guest, "models/second", STEP, "the part of the host `second`"),
        (Role::Guest, "models/first", "step: poisson_regression", "there are `logistic_regr"),
        (
            Role::Guest,
            "models/first",
            "step: logistic_regression, component: boosted_trees",
            "of the kind `logistic_regression`",
        ),
    ] {
        let error = read(party, folder, score).unwrap_err();
        assert!(error.contains(part), "{part} is not in: {error}");
        assert!(error.contains("`first`"), "{error}");
    }
    let two = scene.path("models/first/logistic_regression.time.json");
    fs::copy(model_file(&scene, "first"), &two).unwrap();
    let error = read(Role::Guest, "models/first", STEP).unwrap_err();
    assert!(error.contains("under several splits") && error.contains(".time`"), "{error}");
    let error = read(Role::Guest, "models/first", "step: logistic_regression.time").unwrap_err();
    assert!(error.contains("the file has another name"), "{error}");
    fs::remove_file(two).unwrap();
    let job = Scene::job("a", CLASSES, "score: { model: other, step: logistic_regression }\n");
    let path = scene.path("models/first");
    let error = crate::saved_model::read(&path, job.score.as_ref().unwrap(), &job.guest);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("trained by the job `trained`"), "{error}");
    let job = Scene::job("a", CLASSES, "score: { model: trained, step: logistic_regression }\n");
    let opened = open_rows(&job, &job.guest, scene.folder.path(), &path, &Unwatched);
    let error = opened.unwrap_err().to_string();
    assert!(error.contains("--models"), "{error}");
}

/// What somebody does to the file of a model.
type Change = fn(&mut Value);

/// The file after a change, with the hash of what it holds then.
fn changed(original: &str, change: Change) -> String {
    let mut document: Value = serde_json::from_str(original).unwrap();
    document.as_object_mut().unwrap().shift_remove("hash");
    change(&mut document);
    let hash = crypto::hash::digest("jobs/saved_model", &[document.to_string().as_bytes()]);
    document["hash"] = hex(&hash).into();
    document.to_string()
}

/// A changed file shows by its hash; a changed file with the right hash by its values.
#[test]
fn files_that_were_changed_are_refused() {
    let (scene, _) = trained();
    let original = fs::read_to_string(model_file(&scene, "first")).unwrap();
    let job = scene.scoring("models", CLASSES, STEP);
    let refused = |text: &str| {
        fs::write(model_file(&scene, "first"), text).unwrap();
        let folder = scene.path("models/first");
        let error = read(&folder, job.score.as_ref().unwrap(), &job.guest).unwrap_err().to_string();
        assert!(error.contains("logistic_regression.stratified.json"), "{error}");
        error
    };
    assert!(refused(&original[..original.len() / 2]).contains("not whole"));
    assert!(refused("{}").contains("not the file of a model"));
    assert!(refused(&original.replacen("\"format\": 1", "\"format\": 2", 1)).contains("form 2"));
    let edited = original.replacen("\"weight\": ", "\"weight\": 1", 1);
    assert_ne!(edited, original);
    assert!(refused(&edited).contains("was changed after training"));
    let changes: [(Change, &str); 8] = [
        (|it| it["model_id"] = "short".into(), "32 hexadecimal digits"),
        (|it| it["surprise"] = 1.into(), "surprise"),
        (|it| it["settings"]["l2"] = "much".into(), "settings"),
        (|it| it["columns"] = serde_json::json!({}), "of what kind column"),
        (|it| it["preparation"]["features"][0]["step"]["number"]["scale"] = 0.into(), "scale"),
        (|it| it["part"]["logistic_regression"]["alone"] = Value::Null, "model of its own"),
        (
            |it| it["part"]["logistic_regression"]["coefficients"][0]["feature"] = "x".into(),
            "other features",
        ),
        (|it| it["role"] = "host".into(), "the part of the host `first`"),
    ];
    for (change, part) in changes {
        let error = refused(&changed(&original, change));
        assert!(error.contains(part), "{part} is not in: {error}");
    }
    refused(&original.replace("trained", "trainee"));
    fs::write(model_file(&scene, "first"), &original).unwrap();
    scene.scores("models", CLASSES, STEP);
}
