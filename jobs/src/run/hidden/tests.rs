use std::collections::HashMap;

use contract::Role;
use models::evaluate::Evaluation;
use models::evaluate::regression::{NumericComparison, NumericEvaluation};
use models::local::generalized_linear;
use models::local::logistic_regression as local;
use models::vertical::hidden_evaluation::bands::{band_of, middle_of};
use tempfile::TempDir;
use world::{Fault, FaultKind, Side as Sender, hostile};

use super::*;
use crate::run::LinearPart;
use crate::run::evaluate::top_shares;
use crate::spec::{JobSpec, PartySpec};
use crate::{Unwatched, open_rows, run_party};

const JOB: &str = "\
job: hidden
purpose: test
seed: 3
parties:
  first: { role: guest, table: GUEST, key: id, label: y }
  second: { role: host, table: HOST, key: id }
align: { protocol: hidden }
split: { by: random, test: 30% }
train:
  - MODEL
evaluate: { scores: hidden }
";

/// The two tables of `default_credit`, of which the parties have these rows.
struct Scene {
    folder: TempDir,
    job: JobSpec,
}

impl Scene {
    fn new(guest: std::ops::Range<u32>, host: std::ops::Range<u32>) -> Self {
        Self::with("logistic_regression: { l2: 0.01 }", guest, host)
    }

    fn with(model: &str, guest: std::ops::Range<u32>, host: std::ops::Range<u32>) -> Self {
        let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/fate/default_credit_hetero_");
        let folder = tempfile::tempdir().unwrap();
        let whole = job(model, &format!("{data}guest.csv.gz"), &format!("{data}host.csv.gz"));
        for (party, rows) in whole.parties().zip([guest, host]) {
            let place = folder.path();
            let all = open_rows(&whole, party, place, &place.join("work"), &Unwatched).unwrap();
            let rows: Vec<u32> = rows.collect();
            let table = all.table().unwrap().take(&rows).unwrap();
            table.write_parquet(place.join(format!("{}.parquet", party.name))).unwrap();
        }
        Self { folder, job: job(model, "first.parquet", "second.parquet") }
    }

    fn party(&self, role: Role) -> &PartySpec {
        self.job.parties().find(|party| party.role == role).unwrap()
    }

    fn rows(&self, role: Role) -> OwnRows {
        let folder = self.folder.path();
        open_rows(&self.job, self.party(role), folder, &folder.join("work"), &Unwatched).unwrap()
    }

    async fn run(&self, role: Role, session: Session) -> Result<(), JobError> {
        let mut rows = self.rows(role);
        run_party(&self.job, self.party(role), &mut rows, vec![session], &Unwatched).await?;
        Ok(())
    }
}

fn job(model: &str, guest: &str, host: &str) -> JobSpec {
    let text = JOB.replace("GUEST", guest).replace("HOST", host).replace("MODEL", model);
    JobSpec::parse("job.yaml", &text).unwrap_or_else(|error| panic!("{error}"))
}

/// What a party has after the job, and what it worked on.
struct Seen {
    ids: Vec<String>,
    columns: Vec<Vec<f64>>,
    /// At the guest, what is to be predicted.
    targets: Vec<f64>,
    /// At the guest, how its rows are divided.
    split: Option<Split>,
    part: LinearPart,
    figures: Option<HiddenComparison>,
    /// At the guest, of numbers.
    errors: Option<NumericComparison>,
    counts: Counts,
}

async fn see(scene: &Scene, role: Role, session: Session) -> Seen {
    let mut run = Run::new(&scene.job, scene.party(role), vec![session], &Unwatched).unwrap();
    let rows = scene.rows(role);
    let [model_step] = &scene.job.model_steps()[..] else { panic!("one model") };
    let goal = goal(&model_step.train.model).unwrap();
    let side = side(&mut run, &rows, (model_step.split, 100), &goal).await.unwrap();
    let mut step = run.begin("train", "train").unwrap();
    let model = run_step(&run, &mut step, model_step, &goal, &side).await.unwrap();
    let counts = side.counts;
    let (table, targets, split) = match &side.role {
        RoleSide::Guest(placed) => {
            (&placed.data.table, placed.targets(), Some(placed.split.clone()))
        }
        RoleSide::Host(_) => (rows.table().unwrap(), Vec::new(), None),
    };
    let (ModelPart::LogisticRegression(part) | ModelPart::Regression(part)) = model.part else {
        panic!("another part")
    };
    Seen {
        ids: table.ids().unwrap().map(str::to_owned).collect(),
        columns: side.prepared.matrix.columns().iter().map(|it| it.to_vec()).collect(),
        targets,
        split,
        part,
        figures: model.hidden,
        errors: model.numeric,
        counts,
    }
}

/// The columns of both parties, and the targets, of those of the guest's rows that both have.
fn pooled(guest: &Seen, host: &Seen, rows: &[u32]) -> (Vec<Vec<f64>>, Vec<f64>) {
    let places: HashMap<&str, usize> =
        host.ids.iter().enumerate().map(|(place, id)| (id.as_str(), place)).collect();
    let pair = |row: &u32| {
        let row = *row as usize;
        places.get(guest.ids[row].as_str()).map(|place| (row, *place))
    };
    let pairs: Vec<(usize, usize)> = rows.iter().filter_map(pair).collect();
    let own = guest.columns.iter().map(|it| pairs.iter().map(|(row, _)| it[*row]).collect());
    let theirs = host.columns.iter().map(|it| pairs.iter().map(|(_, row)| it[*row]).collect());
    (own.chain(theirs).collect(), pairs.iter().map(|(row, _)| guest.targets[*row]).collect())
}

fn classes(targets: &[f64]) -> Vec<u8> {
    targets.iter().map(|target| *target as u8).collect()
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

/// 6000 rows of the lender and 7000 of its partner, 4000 of them common: the coefficients are those
/// of the optimum over the common training rows, the figures those of its scores on common test
/// rows.
#[test]
fn a_job_reaches_the_optimum_over_the_common_rows() {
    let scene = Scene::new(0..6000, 2000..9000);
    let outcome = world::pair(
        1,
        async |session| see(&scene, Role::Guest, session).await,
        async |session| see(&scene, Role::Host, session).await,
    );
    let (guest, host) = (outcome.first, outcome.second);
    assert_eq!(guest.counts, host.counts);
    assert!(host.figures.is_none());
    let split = guest.split.as_ref().unwrap();
    let (columns, labels) = pooled(&guest, &host, &split.training);
    assert_eq!(labels.len(), guest.counts.training);
    let settings = local::Settings { l2: 0.01, ..local::Settings::default() };
    let optimum = local::fit(&slices(&columns), &classes(&labels), None, settings).unwrap();
    let joint = guest.part.coefficients.iter().chain(&host.part.coefficients);
    let pairs: Vec<(f64, f64)> =
        joint.map(|it| it.weight).zip(optimum.weights.iter().copied()).collect();
    assert_eq!(pairs.len(), optimum.weights.len());
    let worst = pairs.iter().map(|(joint, pooled)| (joint - pooled).abs()).fold(0.0, f64::max);
    let intercept = guest.part.intercept + host.part.intercept;
    assert!(worst < 1e-3 && (intercept - optimum.intercept).abs() < 1e-3, "{worst} {pairs:?}");
    assert!(guest.part.converged);

    let (columns, labels) = pooled(&guest, &host, &split.test);
    assert_eq!(labels.len(), guest.counts.test);
    assert_eq!(labels.len() + guest.counts.training, 4000);
    let scores = generalized_linear::predictors(&optimum, &slices(&columns), labels.len()).unwrap();
    let HiddenComparison { guest_alone, joint } = guest.figures.as_ref().unwrap();
    assert_joint_figures(&scene, joint, &scores, &classes(&labels));
    assert_figures_alone(&scene, guest_alone, &guest);
}

/// The same of a count: 500 of 900 rows are common. The guest's own model is judged on all its test
/// rows.
#[test]
fn a_job_with_a_number_reaches_the_optimum_over_the_common_rows() {
    let scene = Scene::with("poisson_regression: { l2: 0.01 }", 0..900, 400..1300);
    let outcome = world::pair(
        6,
        async |session| see(&scene, Role::Guest, session).await,
        async |session| see(&scene, Role::Host, session).await,
    );
    let (guest, host) = (outcome.first, outcome.second);
    let split = guest.split.as_ref().unwrap();
    let (columns, targets) = pooled(&guest, &host, &split.training);
    let columns = &slices(&columns)[..];
    let rows =
        generalized_linear::Data { columns, targets: &targets, weights: None, offsets: None };
    let settings = generalized_linear::Settings { l2: 0.01, ..Default::default() };
    let optimum = generalized_linear::fit(&rows, Family::Poisson, settings).unwrap();
    let joint = guest.part.coefficients.iter().chain(&host.part.coefficients);
    let pairs: Vec<(f64, f64)> =
        joint.map(|it| it.weight).zip(optimum.weights.iter().copied()).collect();
    assert_eq!(pairs.len(), optimum.weights.len());
    let worst = pairs.iter().map(|(joint, pooled)| (joint - pooled).abs()).fold(0.0, f64::max);
    let intercept = guest.part.intercept + host.part.intercept;
    assert!(worst < 1e-3 && (intercept - optimum.intercept).abs() < 1e-3, "{worst} {pairs:?}");

    let (columns, targets) = pooled(&guest, &host, &split.test);
    let scores =
        generalized_linear::predictors(&optimum, &slices(&columns), targets.len()).unwrap();
    let predictions: Vec<f64> = scores.into_iter().map(f64::exp).collect();
    let plain = NumericEvaluation::new(&predictions, &targets, None, Family::Poisson).unwrap();
    let NumericComparison { guest_alone, joint } = guest.errors.as_ref().unwrap();
    assert_eq!(joint.errors.rows, guest.counts.test);
    assert!((joint.errors.rmse - plain.errors.rmse).abs() < 1e-3, "{joint:?} {plain:?}");
    assert!((joint.errors.mae - plain.errors.mae).abs() < 1e-3, "{joint:?} {plain:?}");
    assert!((joint.deviance - plain.deviance).abs() < 2e-3, "{joint:?} {plain:?}");
    let [r2, plain] = [joint, &plain].map(|it| it.errors.r2.unwrap());
    assert!((r2 - plain).abs() < 0.03, "{r2} {plain}");
    assert!(joint.d2.is_none() && guest_alone.d2.is_some());
    assert_eq!(guest_alone.errors.rows, split.test.len());
    assert!(host.errors.is_none());
}

fn evaluation(scene: &Scene, scores: &[f64], labels: &[u8]) -> Evaluation {
    let scores: Vec<f64> = scores.iter().copied().map(local::sigmoid).collect();
    let settings = models::evaluate::Settings {
        top: top_shares(&scene.job),
        ..models::evaluate::Settings::default()
    };
    Evaluation::new(&scores, labels, None, None, &settings).unwrap()
}

fn assert_joint_figures(scene: &Scene, figures: &Figures, scores: &[f64], labels: &[u8]) {
    let in_bands: Vec<f64> = scores.iter().map(|score| middle_of(band_of(*score))).collect();
    let [rounded, exact] = [&in_bands[..], scores].map(|scores| evaluation(scene, scores, labels));
    assert_eq!(figures.rows, labels.len());
    assert!((figures.positives as f64 - exact.positives).abs() < 1e-9);
    // The shared scores are off by rounding, which may move a few rows to the next band.
    let near = |mine: f64, plain: f64, bound: f64| {
        assert!((mine - plain).abs() < bound, "{mine} {plain} {figures:?}");
    };
    near(figures.auc, rounded.auc, 3e-4);
    near(figures.auc, exact.auc, figures.auc_error + 3e-4);
    near(figures.auc, exact.auc, 1e-3);
    near(figures.ks, exact.ks, 0.02);
    near(figures.lift_5pct, exact.lift_5pct, 4.0 / exact.positives / 0.05);
    let calibration = exact.calibration.as_ref().unwrap();
    near(figures.brier, calibration.brier, 1e-3);
    near(figures.log_loss, calibration.log_loss, 1e-3);
    for (mine, plain) in figures.top.iter().zip(&exact.top) {
        near(mine.positives, plain.positives, 4.0);
    }
}

/// The guest's own model is judged on all its test rows, of which a third are not common: figures
/// over the common ones would tell which these are.
fn assert_figures_alone(scene: &Scene, figures: &Figures, guest: &Seen) {
    let test = &guest.split.as_ref().unwrap().test;
    let targets: Vec<f64> = test.iter().map(|row| guest.targets[*row as usize]).collect();
    let labels = classes(&targets);
    let alone = guest.part.alone.as_ref().unwrap();
    let score = |row: &u32| {
        let terms = alone.coefficients.iter().zip(&guest.columns);
        terms.fold(alone.intercept, |sum, (it, column)| sum + it.weight * column[*row as usize])
    };
    let scores: Vec<f64> = test.iter().map(score).collect();
    let plain = Figures::of_known(&evaluation(scene, &scores, &labels)).unwrap();
    assert!(figures.rows > guest.counts.test && figures.rows == test.len());
    assert_eq!(figures.positives, plain.positives);
    assert!((figures.auc - plain.auc).abs() < 1e-9 && figures.auc_error == 0.0, "{figures:?}");
    assert!((figures.log_loss - plain.log_loss).abs() < 1e-9, "{figures:?}");
}

/// The message of the job itself. Another number of rows that is as plausible is refused by the
/// alignment, which is told it once more.
#[test]
fn sizes_that_were_altered_do_no_harm() {
    let scene = Scene::new(0..400, 100..500);
    let side = async |role, session| scene.run(role, session).await;
    let chosen = |sent: &world::Sent| sent.path_step == "align/hidden_sizes";
    hostile::sweep_where(
        2,
        chosen,
        async |session| side(Role::Guest, session).await,
        async |session| side(Role::Host, session).await,
    );
}

#[test]
fn a_partner_that_is_gone_is_named() {
    let scene = Scene::new(0..600, 100..700);
    for step in
        ["align/hidden_sizes", "align/hidden/hints", "align/hidden/opened", "train.0/train/widths"]
    {
        let (path_step, kind) = (step.to_owned(), FaultKind::Close);
        let fault = Fault { path_step, occurrence: 0, kind, from: Sender::Second };
        let outcome = world::pair_with_fault(
            3,
            fault,
            async |session| scene.run(Role::Guest, session).await.err(),
            async |session| scene.run(Role::Host, session).await.err(),
        );
        let error = outcome.first.unwrap().to_string();
        assert!(error.starts_with("at step "), "{step}: {error}");
    }
}

#[test]
fn too_few_common_rows_are_counted_and_nothing_is_trained() {
    let scene = Scene::new(0..400, 350..800);
    let outcome = world::pair(
        4,
        async |session| scene.run(Role::Guest, session).await.err(),
        async |session| scene.run(Role::Host, session).await.err(),
    );
    for error in [outcome.first, outcome.second] {
        let Some(JobError::AtStep { cause, .. }) = error else { panic!("{error:?}") };
        let JobError::TooFewInCommon { training, test, minimum: 100 } = *cause else {
            panic!("{cause}")
        };
        assert_eq!(training + test, 50);
    }
}

#[test]
fn sizes_beyond_memory_are_refused() {
    let refused = |guest, host, columns| {
        check_sizes(Tables { guest, host }, columns).err().map(|error| error.to_string())
    };
    // 262,110 places for the guest's rows.
    assert_eq!(refused(200_000, 1_000_000, 1024), None);
    let error = refused(200_050, 1_000_000, 1024).unwrap();
    assert!(error.contains("Leave columns of the host out"), "{error}");
    assert!(refused(GUEST_ROWS_MAX + 1, 1, 1).unwrap().contains("Take a sample"));
    assert!(refused(1, hidden_rows::ROWS_MAX + 1, 1).unwrap().contains("Take a sample"));
}
