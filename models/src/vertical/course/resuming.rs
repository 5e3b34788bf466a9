//! Trainings that are stopped and go on: each family of models ends where it would have ended.

use std::slice;
use std::sync::Arc;

use crypto::random::Generator;
use features::binned::{BinnedFeature, BinnedMatrix};
use mpc::TwoParty;
use mpc::reveal::Ledger;
use net::{Session, wire};

use super::tests::InMemory;
use super::{Checkpoints, Course, Start, State};
use crate::ModelError;
use crate::family::Family;
use crate::local::boosted_trees::{Examples, Labels, Loss, Settings as TreeSettings};
use crate::vertical::boosted_trees::{
    self as secureboost, GuestTraining, HostTrees, train_as_guest_along, train_as_host_along,
};
use crate::vertical::generalized_linear as linear;
use crate::vertical::logistic_regression::{
    self as logistic, Coefficients, EarlyStopping, Settings,
};
use crate::vertical::multinomial_regression as multinomial;
use crate::vertical::strict_trees::{self, PartTree};

const DISCLOSURES: [&str; 5] = [
    "train.stop",
    "model.own_coefficients",
    "train.weighted",
    "train.classes",
    "train.label_scale",
];
const ROWS: usize = 240;

/// Two columns of each party and a score that depends on all.
struct Data {
    columns: [Vec<Vec<f64>>; 2],
    scores: Vec<f64>,
}

fn data() -> Data {
    let mut rng = Generator::from_seed([5; 32]);
    let mut uniform = || rng.next_u64() as f64 / u64::MAX as f64 * 2.0 - 1.0;
    let mut columns = || [(); 2].map(|()| (0..ROWS).map(|_| uniform()).collect::<Vec<f64>>());
    let columns = [columns().to_vec(), columns().to_vec()];
    let score = |row: usize| {
        let all = columns.iter().flatten().zip([1.5, -1.0, 1.0, -0.5]);
        all.map(|(column, weight)| column[row] * weight).sum::<f64>() + uniform()
    };
    let scores = (0..ROWS).map(score).collect();
    Data { columns, scores }
}

impl Data {
    fn columns(&self, guest: bool) -> Vec<&[f64]> {
        self.columns[usize::from(!guest)].iter().map(Vec::as_slice).collect()
    }

    /// Class 1 from 0 on, class 2 from 1 on.
    fn classes(&self) -> Vec<u8> {
        self.scores.iter().map(|score| u8::from(*score > 0.0) + u8::from(*score > 1.0)).collect()
    }

    fn labels(&self) -> Vec<u8> {
        self.classes().into_iter().map(|class| class.min(1)).collect()
    }

    /// Each party's columns in four bins.
    fn binned(&self, guest: bool) -> BinnedMatrix {
        let name = if guest { "guest" } else { "host" };
        let feature = |(number, column): (usize, &&[f64])| {
            let codes = column.iter().map(|value| 1 + (value * 2.0 + 2.0).clamp(0.0, 3.0) as u8);
            BinnedFeature { name: format!("{name}{number}"), codes: codes.collect(), bins: 4 }
        };
        let features = self.columns(guest).iter().enumerate().map(feature).collect();
        BinnedMatrix::new(ROWS, features).unwrap()
    }
}

/// What both parties have, and the states that they kept.
struct Run<A, B = A> {
    parts: (A, B),
    kept: [InMemory; 2],
}

/// Both sides of a training, from what both have kept.
fn run<A: Send, B: Send>(
    seed: u64,
    kept: [InMemory; 2],
    first: impl AsyncFnOnce(Session, &mut InMemory) -> Result<A, ModelError> + Send,
    second: impl AsyncFnOnce(Session, &mut InMemory) -> Result<B, ModelError> + Send,
) -> Result<Run<A, B>, ModelError> {
    let [mut one, mut other] = kept;
    let outcome = {
        let (one, other) = (&mut one, &mut other);
        world::pair(
            seed,
            async move |session| first(session, one).await,
            async move |session| second(session, other).await,
        )
    };
    let parts = (outcome.first?, outcome.second?);
    Ok(Run { parts, kept: [one, other] })
}

/// Trains to the end, and once more from the middle; both.
fn stopped<A: Send, B: Send>(
    number: usize,
    first: impl AsyncFn(Session, &mut InMemory) -> Result<A, ModelError> + Send + Sync,
    second: impl AsyncFn(Session, &mut InMemory) -> Result<B, ModelError> + Send + Sync,
) -> [Run<A, B>; 2] {
    let whole = run(1, Default::default(), &first, &second).unwrap();
    let kept = [0, 1].map(|party| whole.kept[party].resuming(number));
    let resumed = run(2, kept, &first, &second).unwrap();
    for (whole, resumed) in whole.kept.iter().zip(&resumed.kept) {
        let after = whole.numbers().into_iter().filter(|kept| *kept > number);
        let resumed = resumed.numbers();
        assert_eq!(resumed.first(), Some(&(number + 1)), "it goes on behind the checkpoint");
        // Rounding may cost or save some passes.
        assert!(after.count().abs_diff(resumed.len()) <= whole.numbers().len() / 3);
    }
    [whole, resumed]
}

/// The states of both runs after so many passes or trees are the same up to a `bound`, and shares
/// of the one do not fit with the other party's of the other.
fn assert_refreshed<A, B>(runs: &[Run<A, B>; 2], number: usize, bound: u64) {
    let words = |run: usize, party: usize| {
        let kept = runs[run].kept[party].resuming(number).resumed().unwrap();
        wire::decode::<State>(&kept).unwrap().shared.words
    };
    let sums = |one: usize, other: usize| -> Vec<i64> {
        let pairs = words(one, 0).into_iter().zip(words(other, 1));
        pairs.map(|(one, other)| one.wrapping_add(other) as i64).collect()
    };
    let near = |one: &[i64], other: &[i64]| {
        one.iter().zip(other).filter(|(one, other)| one.abs_diff(**other) < bound).count()
    };
    let (together, mixed) = (sums(0, 0), sums(0, 1));
    assert_eq!(near(&together, &sums(1, 1)), together.len(), "the same secrets");
    assert_eq!(near(&together, &mixed), 0, "in other shares");
}

fn assert_near(one: &Coefficients, other: &Coefficients) {
    let pairs = one.weights.iter().chain([&one.intercept]);
    for (one, other) in pairs.zip(other.weights.iter().chain([&other.intercept])) {
        assert!((one - other).abs() < 2e-4, "{one} {other}");
    }
    assert_eq!(one.converged, other.converged);
}

/// What a training goes on from, or the coefficients that it begins with.
type Origin<'a> = (Option<&'a mut InMemory>, Option<Vec<Start>>);

fn course((kept, start): Origin<'_>) -> Course<'_> {
    Course { checkpoints: kept.map(|kept| kept as _), start }
}

async fn logistic_side(
    session: Session,
    data: &Data,
    settings: &Settings,
    kept: &mut InMemory,
) -> Result<Coefficients, ModelError> {
    logistic_from(session, data, settings, (Some(kept), None)).await
}

async fn logistic_from(
    session: Session,
    data: &Data,
    settings: &Settings,
    from: Origin<'_>,
) -> Result<Coefficients, ModelError> {
    let mut party = TwoParty::setup(session, Arc::new(Ledger::new(DISCLOSURES))).await?;
    let guest = party.is_first();
    let (columns, values) = (data.columns(guest), data.labels());
    let labels = guest.then_some(logistic::Labels { values: &values, weights: None });
    logistic::train_with_woe(&mut party, &columns, labels, None, settings, course(from)).await
}

#[test]
fn logistic_regression_goes_on_with_new_shares() {
    let (data, settings) = (data(), Settings::default());
    let side =
        async |session, kept: &mut InMemory| logistic_side(session, &data, &settings, kept).await;
    let runs = stopped(6, side, side);
    let [whole, resumed] = &runs;
    assert_near(&whole.parts.0, &resumed.parts.0);
    assert_near(&whole.parts.1, &resumed.parts.1);
    assert_refreshed(&runs, 7, 1 << 26);
    // A training that had ended opens its coefficients and does nothing else.
    let last = *whole.kept[0].numbers().last().unwrap();
    let kept = [0, 1].map(|party| whole.kept[party].resuming(last));
    let ended = run(3, kept, side, side).unwrap();
    assert!(ended.kept[0].numbers().is_empty());
    assert_near(&whole.parts.0, &ended.parts.0);
}

#[test]
fn early_stopping_keeps_its_count_and_the_earlier_coefficients() {
    let early_stopping = Some(EarlyStopping { patience: 3, validation_rows: 80 });
    let settings = Settings { early_stopping, l2: 0.001, ..Settings::default() };
    let data = data();
    let side =
        async |session, kept: &mut InMemory| logistic_side(session, &data, &settings, kept).await;
    let whole = run(1, Default::default(), side, side).unwrap();
    let passes = whole.parts.0.passes;
    assert!(passes > 4, "{passes}");
    // The pass before the last, when the patience has nearly run out.
    let [whole, resumed] = stopped(passes - 1, side, side);
    assert_near(&whole.parts.0, &resumed.parts.0);
    assert_near(&whole.parts.1, &resumed.parts.1);
}

async fn linear_side(
    session: Session,
    data: &Data,
    family: Family,
    kept: &mut InMemory,
) -> Result<Coefficients, ModelError> {
    linear_from(session, data, family, (Some(kept), None)).await
}

async fn linear_from(
    session: Session,
    data: &Data,
    family: Family,
    from: Origin<'_>,
) -> Result<Coefficients, ModelError> {
    let mut party = TwoParty::setup(session, Arc::new(Ledger::new(DISCLOSURES))).await?;
    let guest = party.is_first();
    let columns = data.columns(guest);
    let values: Vec<f64> = data.scores.iter().map(|score| score.exp()).collect();
    let targets =
        guest.then_some(linear::Targets { values: &values, weights: None, offsets: None });
    let settings = linear::Settings { l1: 0.001, ..linear::Settings::default() };
    let trained =
        linear::train_along(&mut party, &columns, targets, family, &settings, course(from)).await?;
    Ok(trained.0)
}

#[test]
fn regressions_of_numbers_go_on_with_public_and_secret_steps() {
    let data = data();
    for family in [Family::Gaussian, Family::Gamma] {
        let side =
            async |session, kept: &mut InMemory| linear_side(session, &data, family, kept).await;
        let [whole, resumed] = stopped(5, side, side);
        assert_near(&whole.parts.0, &resumed.parts.0);
        assert_near(&whole.parts.1, &resumed.parts.1);
    }
}

async fn multinomial_from(
    session: Session,
    data: &Data,
    from: Origin<'_>,
) -> Result<multinomial::ClassCoefficients, ModelError> {
    let mut party = TwoParty::setup(session, Arc::new(Ledger::new(DISCLOSURES))).await?;
    let guest = party.is_first();
    let (columns, values) = (data.columns(guest), data.classes());
    let labels = multinomial::Labels { classes: 3, values: &values, weights: None };
    let settings = Settings { tolerance: 1e-4, l2: 0.1, ..Settings::default() };
    let labels = guest.then_some(labels);
    multinomial::train_along(&mut party, &columns, labels, &settings, course(from)).await
}

#[test]
fn multinomial_regression_goes_on() {
    let data = data();
    let side = async |session, kept: &mut InMemory| {
        multinomial_from(session, &data, (Some(kept), None)).await
    };
    let [whole, resumed] = stopped(4, side, side);
    let weights = |run: &Run<multinomial::ClassCoefficients>| {
        [run.parts.0.weights.concat(), run.parts.1.weights.concat()].concat()
    };
    for (one, other) in weights(&whole).iter().zip(weights(&resumed)) {
        assert!((one - other).abs() < 2e-3, "{one} {other}");
    }
}

/// A state of another training, or one that was cut, ends in an error at both parties.
#[test]
fn states_that_do_not_fit_are_refused() {
    let (data, settings) = (data(), Settings { passes_max: 1, ..Settings::default() });
    let logistic =
        async |session, kept: &mut InMemory| logistic_side(session, &data, &settings, kept).await;
    let gamma =
        async |session, kept: &mut InMemory| linear_side(session, &data, Family::Gamma, kept).await;
    let whole = run(1, Default::default(), logistic, logistic).unwrap();
    let resuming = || [0, 1].map(|party| whole.kept[party].resuming(1));
    let cut = |kept: InMemory| {
        let mut state: State = wire::decode(kept.start.as_deref().unwrap()).unwrap();
        state.shared.words.pop();
        InMemory { start: Some(wire::encode(&state)), ..InMemory::default() }
    };
    for refused in [
        run(2, resuming(), gamma, gamma).err(),
        run(2, resuming().map(cut), logistic, logistic).err(),
    ] {
        assert!(refused.unwrap().to_string().contains("checkpoint"));
    }
}

fn tree_settings(trees: usize) -> TreeSettings {
    TreeSettings {
        trees,
        depth: 2,
        min_split_rows: 2,
        row_fraction: 0.8,
        early_stopping_rounds: 2,
        loss: Loss::Logistic,
        seed: 9,
        ..TreeSettings::default()
    }
}

/// Three rows in four for training, the others for validation.
fn tree_rows() -> [Vec<u32>; 2] {
    let (training, validation) = (0..ROWS as u32).partition(|row| row % 4 > 0);
    [training, validation]
}

/// The shape and the own cuts of trees.
fn outline(trees: &[PartTree]) -> Vec<String> {
    let node = |node: &strict_trees::PartNode| match node {
        strict_trees::PartNode::Leaf { .. } => "leaf".to_owned(),
        strict_trees::PartNode::Split { .. } => format!("{node:?}"),
    };
    trees.iter().flat_map(|tree| tree.nodes.iter().map(node)).collect()
}

/// One side of strict trees, where the guest knows this of the rows.
async fn strict_side(
    session: Session,
    data: &Data,
    known: strict_trees::Known<'_>,
    settings: &TreeSettings,
    kept: &mut InMemory,
) -> Result<strict_trees::Training, ModelError> {
    let ledger = Arc::new(Ledger::new(strict_trees::DISCLOSURES));
    let mut party = TwoParty::setup(session, ledger).await?;
    let guest = party.is_first();
    let (matrix, [training, validation]) = (data.binned(guest), tree_rows());
    let weighted = known.weights.is_some();
    let rows = strict_trees::Rows { training: &training, validation: &validation, weighted };
    let course = course((Some(kept), None));
    let known = guest.then_some(known);
    strict_trees::train_along(&mut party, &matrix, known, rows, settings, course).await
}

/// The margins of the training rows.
fn strict_margins(run: &Run<strict_trees::Training>) -> Vec<f64> {
    let pairs = run.parts.0.margins.iter().zip(&run.parts.1.margins);
    let sums: Vec<u64> = pairs.map(|(one, other)| one.wrapping_add(*other)).collect();
    run.parts.0.model.margins(&sums)
}

/// The outlines of both parties' parts.
fn strict_outlines(run: &Run<strict_trees::Training>) -> [Vec<String>; 2] {
    [outline(&run.parts.0.model.trees), outline(&run.parts.1.model.trees)]
}

#[test]
fn strict_trees_go_on_with_the_same_trees() {
    let (data, settings) = (data(), tree_settings(5));
    let labels = data.labels();
    let known = strict_trees::Known { labels: Labels::Classes(&labels), weights: None };
    let side = async |session, kept: &mut InMemory| {
        strict_side(session, &data, known, &settings, kept).await
    };
    let runs = stopped(3, side, side);
    assert_refreshed(&runs, 4, 1 << 36);
    let [whole, resumed] = runs;
    assert_eq!(strict_outlines(&whole), strict_outlines(&resumed));
    for (one, other) in strict_margins(&whole).iter().zip(strict_margins(&resumed)) {
        assert!((one - other).abs() < 1e-4, "{one} {other}");
    }
    let leaf_shares = |run: &Run<strict_trees::Training>| {
        let first = &run.parts.0.model.trees[0];
        first.nodes.iter().any(|node| {
            whole.parts.0.model.trees[0].nodes.contains(node)
                && matches!(node, strict_trees::PartNode::Leaf { .. })
        })
    };
    assert!(!leaf_shares(&resumed), "leaves of trees before the checkpoint are shared anew");
}

/// Weights far below the mean, which are rounded by chance, as in the run before: the units of the
/// margins so far hang on them.
#[test]
fn strict_trees_of_weighted_numbers_go_on_in_the_same_units() {
    let data = data();
    let is_light = |row: usize| row.is_multiple_of(3);
    let labels: Vec<f64> = (0..ROWS)
        .map(|row| if is_light(row) { 20.0 * data.scores[row] } else { data.scores[row] })
        .collect();
    let weights: Vec<f64> = (0..ROWS).map(|row| if is_light(row) { 1.0 } else { 1e4 }).collect();
    let settings = TreeSettings {
        loss: Loss::Squared,
        l2: 1e4,
        min_child_weight: 2e4,
        early_stopping_rounds: 0,
        ..tree_settings(3)
    };
    let known = strict_trees::Known { labels: Labels::Numbers(&labels), weights: Some(&weights) };
    let side = async |session, kept: &mut InMemory| {
        strict_side(session, &data, known, &settings, kept).await
    };
    let [whole, resumed] = stopped(2, side, side);
    let scale = |run: &Run<strict_trees::Training>| run.parts.0.model.scale;
    assert!((scale(&whole) - scale(&resumed)).abs() < f64::EPSILON);
    assert_eq!(strict_outlines(&whole), strict_outlines(&resumed));
    for (one, other) in strict_margins(&whole).iter().zip(strict_margins(&resumed)) {
        assert!((one - other).abs() < 1e-3 * scale(&whole), "{one} {other}");
    }
}

#[test]
fn secureboost_trees_go_on_to_the_same_model() {
    let (data, [training, validation]) = (data(), tree_rows());
    let labels = data.labels();
    let settings = TreeSettings { column_fraction: 0.7, ..tree_settings(6) };
    let guest = async |mut session, kept: &mut InMemory| {
        let examples = Examples {
            labels: Labels::Classes(&labels),
            weights: None,
            training: &training,
            validation: &validation,
        };
        let ledger = Ledger::new(secureboost::DISCLOSURES);
        let (hosts, course) = (slice::from_mut(&mut session), course((Some(kept), None)));
        let matrix = data.binned(true);
        train_as_guest_along(hosts, &matrix, &examples, &settings, &ledger, course).await
    };
    let host = async |mut session, kept: &mut InMemory| {
        let ledger = Ledger::new(secureboost::DISCLOSURES);
        let (matrix, course) = (data.binned(false), course((Some(kept), None)));
        train_as_host_along(&mut session, &matrix, &training, &settings, &ledger, course).await
    };
    let [whole, resumed] = stopped(3, guest, host);
    let (one, other): (&GuestTraining, &GuestTraining) = (&whole.parts.0, &resumed.parts.0);
    assert_eq!(one.model.trees, other.model.trees);
    assert_eq!((&one.margins, &one.progress), (&other.margins, &other.progress));
    assert_ne!(one.model.training_id, other.model.training_id, "parts of two runs do not fit");
    let splits = |run: &Run<GuestTraining, HostTrees>| run.parts.1.splits.clone();
    assert_eq!(splits(&whole), splits(&resumed));
    assert!(!splits(&whole).is_empty());
}

mod warm_starts;
