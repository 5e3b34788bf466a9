//! Stage 4b: boosted trees, joint and on the guest's own columns.

use std::collections::BTreeMap;

use contract::{Audience, STRICT};
use features::binned::BinnedMatrix;
use features::binning::{self, Binning, Method};
use features::split::Split;
use models::evaluate::regression::{NumericComparison, NumericEvaluation};
use models::family::Family;
use models::local::boosted_trees::{
    self as local, Direction, Ensemble, Examples, Labels, Loss, OneSide, Settings,
};
use models::vertical::boosted_trees::{
    GuestTrees, HostTrees, train_as_guest_along, train_as_host_along,
};
use models::vertical::course::Course;
use models::vertical::hidden_errors::{Known as KnownTargets, Unit};
use models::vertical::hidden_evaluation::{Figures, Scale};
use models::vertical::multinomial_regression::{CLASSES_MAX, CLASSES_MIN};
use models::vertical::strict_trees::{self, Known, StrictTrees};
use mpc::TwoParty;
use mpc::reveal::{Learner, learn};
use net::{Session, Size, together};

use super::checkpoints::{self, Inputs};
use super::classes::{self, ClassScores};
use super::data::{Data, GuestRows, pick, training_period};
use super::evaluate::{Predicted, Scores};
use super::hidden_scores;
use super::logistic_regression::TEST_SCORES;
use super::multinomial_regression::check_classes;
use super::outcome::HiddenComparison;
use super::prepare::Prepared;
use super::progress::{Run, Step};
use super::several;
use crate::checkpoints::{Store, course};
use crate::error::JobError;
use crate::spec::{BoostedTrees, TreeDirection, TreeEnsemble, TreeLoss};

/// What a party has after training.
pub(super) struct Trained {
    /// The bins of this party's columns; a part of its model.
    pub(super) binnings: Vec<Binning>,
    /// The part of the model that this party keeps.
    pub(super) part: Part,
}

/// A party's part of the trees.
pub(super) enum Part {
    /// The guest's, with the model on its own columns alone and both models' scores.
    Guest {
        /// Shape, own splits and leaves.
        trees: GuestTrees,
        /// The model on the guest's own columns.
        alone: local::BoostedTrees,
        /// What both models predict.
        predicted: Predicted,
    },
    /// A host's.
    Host(HostTrees),
    /// Either party's, in strict privacy.
    Strict {
        /// Own splits, and shares of the leaves.
        trees: StrictTrees,
        /// At the guest: the model on its own columns, and what both models predict.
        guest: Option<(local::BoostedTrees, Predicted)>,
    },
}

/// Which rows are for what.
struct Rows {
    training: Vec<u32>,
    validation: Vec<u32>,
    test: Vec<u32>,
}

impl Rows {
    /// Those that strict trees are grown and stopped by.
    fn used(&self, run: &Run<'_>) -> strict_trees::Rows<'_> {
        let weighted = run.job.guest.weight.is_some();
        let (training, validation) = (&self.training[..], &self.validation[..]);
        strict_trees::Rows { training, validation, weighted }
    }
}

/// What the guest knows of the rows.
fn known(guest: &GuestRows) -> Known<'_> {
    Known { labels: labels(guest), weights: guest.weights.as_deref() }
}

/// Trains over one step's conversations; margins of all rows come with it.
pub(super) async fn train(
    run: &Run<'_>,
    (step, id): (&mut Step, &str),
    (privacy, spec): (&str, &BoostedTrees),
    data: &Data,
    split: &Split,
    prepared: &Prepared,
) -> Result<Trained, JobError> {
    let period = training_period(split);
    let (binnings, matrix) = step.compute(|| bin(spec, data, prepared, &period)).await?;
    check_directions(run, spec, &binnings)?;
    let rows = if spec.patience() > 0 {
        let (training, validation) = (split.training.clone(), split.validation.clone());
        Rows { training, validation, test: split.test.clone() }
    } else {
        Rows { training: period, validation: Vec::new(), test: split.test.clone() }
    };
    run.record("train.rows", Audience::All, 1)?;
    if let Some(guest) = data.guest() {
        check_classes(guest, &rows.training)?;
    }
    let classes = agree_on_classes(run, step, spec, data).await?;
    let settings = settings(spec, classes, run.job.seed);
    if privacy != STRICT {
        // Before the states are opened, which count what was recorded after that again.
        run.record("model.trees", Audience::Guest, 1)?;
        run.record(TEST_SCORES, Audience::Guest, rows.test.len())?;
    }
    let parts = [&rows.training[..], &rows.validation];
    let inputs = Inputs { step: id, rows: parts, guest: data.guest() };
    let origin = || inputs.with_bins(run, &matrix);
    let sessions = step.with_guest(run.is_guest());
    let mut store = checkpoints::agree(run, sessions, id, origin).await?;
    let among_all = privacy == STRICT && run.job.hosts.len() > 1;
    if among_all {
        let mark = store.as_ref().and_then(Store::mark);
        several::compare_told(&mut step.sessions, mark, classes).await?;
    }
    let course = course(&mut store);
    if among_all {
        let (step, spec) = ((step, course), (spec, &settings));
        let part = strict_among_all(run, step, spec, data, &matrix, &rows).await?;
        return Ok(Trained { binnings, part });
    }
    if privacy == STRICT {
        let (session, spec) = ((step.pair()?, course), (spec, &settings));
        let part = strict(run, session, spec, data, &matrix, &rows).await?;
        return Ok(Trained { binnings, part });
    }
    let Some(guest) = data.guest() else {
        let (mut session, training) = (step.pair()?.fork("train")?, &rows.training);
        let part =
            train_as_host_along(&mut session, &matrix, training, &settings, &run.ledger, course)
                .await?;
        return Ok(Trained { binnings, part: Part::Host(part) });
    };
    let (examples, mut hosts) = (examples(guest, &rows), step.fork("train")?);
    let trained =
        train_as_guest_along(&mut hosts, &matrix, &examples, &settings, &run.ledger, course)
            .await?;
    let alone = step.compute(|| local::train(&matrix, &examples, &settings)).await?;
    let outputs = guest.class_names().len().max(1);
    let of_rows = |rows: &[u32]| margins_of_rows(&trained.margins, outputs, rows);
    let joint = Margins { test: of_rows(&rows.test), training: Some(of_rows(&rows.training)) };
    let predicted = predicted(spec, guest, &rows, &alone.margins, joint);
    let part = Part::Guest { trees: trained.model, alone: alone.model, predicted };
    Ok(Trained { binnings, part })
}

/// Joint margins at the guest, row by row with one an output of the loss.
struct Margins {
    test: Vec<f64>,
    /// Where the guest sees them.
    training: Option<Vec<f64>>,
}

/// What both models predict, from margins of all rows by the guest's own model.
fn predicted(
    spec: &BoostedTrees,
    guest: &GuestRows,
    rows: &Rows,
    alone: &[f64],
    joint: Margins,
) -> Predicted {
    let names = guest.class_names();
    if names.is_empty() {
        return Predicted::One(Scores {
            alone_test: predict(spec, pick(alone, &rows.test)),
            alone_training: predict(spec, pick(alone, &rows.training)),
            joint_test: predict(spec, joint.test),
            joint_training: joint.training.map(|margins| predict(spec, margins)),
        });
    }
    let classes = names.len();
    Predicted::Classes(ClassScores {
        names: names.to_vec(),
        labels: Some(guest.labels_of(&rows.test)),
        alone: probabilities_of_rows(&margins_of_rows(alone, classes, &rows.test), classes),
        joint: probabilities_of_rows(&joint.test, classes),
    })
}

/// The margins of some rows, from those of all.
fn margins_of_rows(margins: &[f64], outputs: usize, rows: &[u32]) -> Vec<f64> {
    let of_row = |row: &u32| &margins[*row as usize * outputs..][..outputs];
    rows.iter().flat_map(of_row).copied().collect()
}

/// Where the label is one of several classes, the guest tells the hosts of how many: trees take
/// turns for them. 0 for other labels.
async fn agree_on_classes(
    run: &Run<'_>,
    step: &mut Step,
    spec: &BoostedTrees,
    data: &Data,
) -> Result<usize, JobError> {
    const STEP: &str = "classes";
    if spec.loss != TreeLoss::Softmax {
        return Ok(0);
    }
    run.record("train.classes", Audience::Host, 1)?;
    let sessions = step.with_guest(run.is_guest());
    if let Some(guest) = data.guest() {
        let count = guest.class_names().len();
        let hosts = sessions.iter_mut();
        together(hosts.map(|host| host.send_bytes(STEP, vec![count as u8]))).await?;
        return Ok(count);
    }
    let guest = &mut sessions[0];
    let bytes = guest.receive_bytes(STEP, Size::Exactly(1)).await?;
    let count = bytes.first().map_or(0, |count| usize::from(*count));
    if (CLASSES_MIN..=CLASSES_MAX).contains(&count) {
        return Ok(count);
    }
    let rule = format!("there are {CLASSES_MIN} to {CLASSES_MAX} classes, not {count}");
    Err(guest.misbehaved(STEP, rule).into())
}

/// The party's columns with directions are features of numbers, and no other column of it has the
/// name of one of another party: features are told apart by their names alone.
fn check_directions(
    run: &Run<'_>,
    spec: &BoostedTrees,
    binnings: &[Binning],
) -> Result<(), JobError> {
    let party = &run.own.name;
    let fault = |column: &str, rule: &'static str| {
        Err(JobError::Direction { party: party.clone(), column: column.to_owned(), rule })
    };
    for (owner, columns) in &spec.directions {
        for column in columns.keys() {
            let own = binnings.iter().find(|binning| binning.feature() == column);
            match (owner == party, own) {
                (true, None) => {
                    return fault(column, "is no feature of the party; correct the name");
                }
                (true, Some(own)) if own.cuts().is_none() => {
                    return fault(column, "is a category, which does not grow; leave it out");
                }
                (false, Some(_))
                    if !spec.directions.get(party).is_some_and(|own| own.contains_key(column)) =>
                {
                    return fault(
                        column,
                        "has the name of another party's column with a direction; rename one",
                    );
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// For each class the probabilities of rows, from their margins, row by row.
pub(super) fn probabilities_of_rows(margins: &[f64], classes: usize) -> Vec<Vec<f64>> {
    let of_class = |class| margins.iter().skip(class).step_by(classes).copied();
    let scores: Vec<f64> = (0..classes).flat_map(of_class).collect();
    classes::probabilities(&scores, classes)
}

/// Trains in strict privacy, and tells the guest the joint scores of the test rows.
async fn strict<'a>(
    run: &Run<'_>,
    (session, course): (&mut Session, Course<'a>),
    (spec, settings): (&BoostedTrees, &Settings),
    data: &'a Data,
    matrix: &'a BinnedMatrix,
    rows: &'a Rows,
) -> Result<Part, JobError> {
    let guest = data.guest();
    let (known, used) = (guest.map(known), rows.used(run));
    if let (Some(guest), Some(known)) = (guest, known)
        && run.job.hides_scores()
        && let Some(family) = family(spec)
    {
        let [shift, scale] = strict_trees::unit_of_leaves(matrix, known, used, settings)?;
        check_tested((guest, rows), family, Unit { shift, scale })?;
    }
    let mut party = TwoParty::setup(session.fork("train")?, run.ledger.clone()).await?;
    let trees = strict_trees::train_along(&mut party, matrix, known, used, settings, course);
    let trees = trees.await?.model;
    let test = session.compute(|| matrix.take(&rows.test)).await;
    let shares = strict_trees::score(&mut party, &trees, &test).await?;
    if run.job.hides_scores() {
        let unseen = unseen(run, &mut party, spec, &trees, shares, (guest, rows)).await?;
        let (Some(guest), Some(unseen)) = (guest, unseen) else {
            return Ok(Part::Strict { trees, guest: None });
        };
        let examples = examples(guest, rows);
        let work = || {
            let alone = local::train(matrix, &examples, settings)?;
            let predictions = predict(spec, pick(&alone.margins, &rows.test));
            let predicted = unseen.beside(run, (guest, rows), &predictions)?;
            Ok::<_, JobError>((alone.model, predicted))
        };
        return Ok(Part::Strict { guest: Some(session.compute(work).await?), trees });
    }
    let sums = learn(&mut party, TEST_SCORES, Learner::First, &shares).await?;
    drop(party);
    let work = || strict_part((spec, settings), guest, matrix, rows, (trees, sums));
    session.compute(work).await
}

/// Refuses targets of test rows that cannot be judged unseen: before the training, of which each
/// party gets its part.
fn check_tested(
    (guest, rows): (&GuestRows, &Rows),
    family: Family,
    unit: Unit,
) -> Result<(), JobError> {
    let targets = pick(guest.numbers(), &rows.test);
    Ok(KnownTargets { targets: &targets, filled: None, unit }.check(family)?)
}

/// [`strict`] with several hosts.
async fn strict_among_all<'a>(
    run: &Run<'_>,
    (step, course): (&mut Step, Course<'a>),
    (spec, settings): (&BoostedTrees, &Settings),
    data: &'a Data,
    matrix: &'a BinnedMatrix,
    rows: &'a Rows,
) -> Result<Part, JobError> {
    let guest = data.guest();
    let test = step.compute(|| matrix.take(&rows.test)).await;
    let (known, used) = ((guest.map(known), settings), (matrix, rows.used(run)));
    let trained = several::train_trees(run, (step, course), known, used, &test).await?;
    let work = || strict_part((spec, settings), guest, matrix, rows, trained);
    step.compute(work).await
}

/// What a party has after strict training, from its part of the trees and, at the guest, the sums
/// of leaves of the test rows.
fn strict_part(
    (spec, settings): (&BoostedTrees, &Settings),
    guest: Option<&GuestRows>,
    matrix: &BinnedMatrix,
    rows: &Rows,
    (trees, sums): (StrictTrees, Option<Vec<u64>>),
) -> Result<Part, JobError> {
    let (Some(guest), Some(sums)) = (guest, sums) else {
        return Ok(Part::Strict { trees, guest: None });
    };
    let alone = local::train(matrix, &examples(guest, rows), settings)?;
    let joint = Margins { test: trees.margins(&sums), training: None };
    let predicted = predicted(spec, guest, rows, &alone.margins, joint);
    Ok(Part::Strict { trees, guest: Some((alone.model, predicted)) })
}

/// Figures about joint scores of the test rows that nobody sees.
enum Unseen {
    /// Of a label of two classes.
    Classes(Figures),
    /// Of a number, with the family that it is judged by.
    Numbers(NumericEvaluation, Family),
}

impl Unseen {
    /// Beside what the guest's own model predicts for the test rows.
    fn beside(
        self,
        run: &Run<'_>,
        (guest, rows): (&GuestRows, &Rows),
        alone: &[f64],
    ) -> Result<Predicted, JobError> {
        match self {
            Self::Classes(joint) => {
                let labels = guest.labels_of(&rows.test);
                let guest_alone = hidden_scores::figures_of_known(run, alone, &labels)?;
                Ok(Predicted::Hidden(HiddenComparison { guest_alone, joint }))
            }
            Self::Numbers(joint, family) => {
                let targets = pick(guest.numbers(), &rows.test);
                let guest_alone = NumericEvaluation::new(alone, &targets, None, family)?;
                Ok(Predicted::HiddenNumbers(NumericComparison { guest_alone, joint }))
            }
        }
    }
}

/// Judges the joint scores of the test rows, of which each party has `shares`, at the guest.
async fn unseen(
    run: &Run<'_>,
    party: &mut TwoParty,
    spec: &BoostedTrees,
    trees: &StrictTrees,
    shares: Vec<u64>,
    (guest, rows): (Option<&GuestRows>, &Rows),
) -> Result<Option<Unseen>, JobError> {
    let Some(family) = family(spec) else {
        let labels = guest.map(|guest| guest.labels_of(&rows.test));
        let is_forest = spec.ensemble == TreeEnsemble::Forest;
        let (scores, scale) = if is_forest {
            (trees.shared_probabilities(party, &shares).await?, Scale::Probability)
        } else {
            (trees.shared_margins(shares), Scale::LogOdds)
        };
        let figures = hidden_scores::figures(run, party, &scores, scale, labels.as_deref());
        return Ok(figures.await?.map(Unseen::Classes));
    };
    let targets = guest.map(|guest| pick(guest.numbers(), &rows.test));
    // The sums of leaves are in this unit already.
    let unit = Unit { shift: trees.base_score, scale: trees.scale };
    let known = targets.as_deref().map(|targets| KnownTargets { targets, filled: None, unit });
    let errors = hidden_scores::errors(party, &shares, family, known).await?;
    Ok(errors.map(|errors| Unseen::Numbers(errors, family)))
}

/// Quantile bins, fitted on the training period, of all rows.
fn bin(
    spec: &BoostedTrees,
    data: &Data,
    prepared: &Prepared,
    period: &[u32],
) -> Result<(Vec<Binning>, BinnedMatrix), JobError> {
    let mut columns = features::columns(&data.table);
    columns.retain(|column| prepared.columns.iter().any(|kept| kept == column.name));
    let settings = binning::Settings {
        method: Method::Quantile,
        bins: spec.bins as usize,
        columns: BTreeMap::new(),
    };
    let binnings = binning::fit(&columns, period, &settings, None)?;
    let matrix = binning::apply(&binnings, &columns, data.table.rows())?;
    Ok((binnings, matrix))
}

fn examples<'a>(guest: &'a GuestRows, rows: &'a Rows) -> Examples<'a> {
    Examples {
        labels: labels(guest),
        weights: guest.weights.as_deref(),
        training: &rows.training,
        validation: &rows.validation,
    }
}

fn labels(guest: &GuestRows) -> Labels<'_> {
    if let Some(groups) = guest.groups() {
        return Labels::Graded { grades: guest.numbers(), groups };
    }
    if guest.numbers().is_empty() {
        Labels::Classes(guest.labels())
    } else {
        Labels::Numbers(guest.numbers())
    }
}

/// Probabilities for a label of two classes, else numbers.
pub(super) fn predict(spec: &BoostedTrees, mut margins: Vec<f64>) -> Vec<f64> {
    loss(spec, 1).predict(&mut margins);
    if spec.loss == TreeLoss::Logistic {
        // The shares of a forest are sums of rounded leaves.
        for share in &mut margins {
            *share = share.clamp(0.0, 1.0);
        }
    }
    margins
}

fn settings(spec: &BoostedTrees, classes: usize, seed: u64) -> Settings {
    let loss = loss(spec, classes);
    let direction = |(column, direction): (&String, &TreeDirection)| {
        let direction = match direction {
            TreeDirection::Up => Direction::Increasing,
            TreeDirection::Down => Direction::Decreasing,
        };
        (column.clone(), direction)
    };
    let class_weights = if spec.weighs_classes() && loss.is_of_classes() {
        vec![1.0, spec.positive_weight]
    } else {
        Vec::new()
    };
    Settings {
        loss,
        ensemble: match spec.ensemble {
            TreeEnsemble::Boosting => Ensemble::Boosting,
            TreeEnsemble::Forest => Ensemble::Forest,
        },
        base_score: spec.base_score,
        class_weights,
        trees: spec.trees as usize,
        depth: spec.depth as usize,
        learning_rate: spec.learning_rate,
        l2: spec.lambda,
        min_gain: spec.min_gain,
        min_child_weight: spec.min_child_weight,
        min_split_rows: spec.min_split_rows as usize,
        row_fraction: spec.subsample.fraction(),
        one_side: spec
            .is_one_sided()
            .then(|| OneSide { top: spec.top_rate.fraction(), other: spec.other_rate.fraction() }),
        column_fraction: spec.columns.fraction(),
        early_stopping_rounds: spec.patience() as usize,
        directions: spec.directions.values().flatten().map(direction).collect(),
        seed,
    }
}

/// What training minimises; `classes` of the label, where there are several.
pub(crate) fn loss(spec: &BoostedTrees, classes: usize) -> Loss {
    match (spec.loss, spec.ensemble) {
        (TreeLoss::Softmax, _) => Loss::Softmax { classes },
        // The mean of trees that predict shares is a share: Breiman's forest.
        (TreeLoss::Logistic, TreeEnsemble::Forest) | (TreeLoss::Squared, _) => Loss::Squared,
        (TreeLoss::Logistic, TreeEnsemble::Boosting) => Loss::Logistic,
        (TreeLoss::Poisson, _) => Loss::Poisson,
        (TreeLoss::Gamma, _) => Loss::Gamma,
        (TreeLoss::Tweedie, _) => Loss::Tweedie { power: spec.tweedie_power },
        (TreeLoss::Quantile, _) => Loss::Quantile { level: spec.quantile },
        (TreeLoss::Ranking, _) => Loss::Ranking,
    }
}

/// By which deviance numbers are judged; nothing for classes and for an order.
pub(super) fn family(spec: &BoostedTrees) -> Option<Family> {
    match spec.loss {
        TreeLoss::Logistic | TreeLoss::Softmax | TreeLoss::Ranking => None,
        TreeLoss::Squared | TreeLoss::Quantile => Some(Family::Gaussian),
        TreeLoss::Poisson => Some(Family::Poisson),
        TreeLoss::Gamma => Some(Family::Gamma),
        TreeLoss::Tweedie => Some(Family::Tweedie { power: spec.tweedie_power }),
    }
}
