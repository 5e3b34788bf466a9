//! The guest: labels, own features, every decision.

use features::binned::{BinnedFeature, BinnedMatrix};
use mpc::reveal::Ledger;
use net::Session;

use super::messages::{BATCH, Terms, agreement};
use super::parts::training_id;
use super::remote::Remote;
use super::{GuestTrees, Question};
use crate::ModelError;
use crate::local::boosted_trees::{
    Bits, Boosting, Cell, Choice, Cut, Examples, Gradients, Grower, Histogram, Layout, Progress,
    Settings, Tree, columns_of_tree, histograms,
};

/// What the guest gets out of a training.
#[derive(Debug, Clone, PartialEq)]
pub struct GuestTraining {
    /// The guest's part of the model, cut back to the best number of trees.
    pub model: GuestTrees,
    /// The margins of every row of the matrix, one an output of the loss, row by row; also of rows
    /// that are in neither part.
    pub margins: Vec<f64>,
    /// Mean loss after each round, also of the rounds that were cut off again.
    pub progress: Vec<Progress>,
}

/// Trains with a host that runs [`train_as_host`](super::train_as_host) on the same rows.
///
/// What is learned is recorded in `ledger`, which must declare [`DISCLOSURES`](super::DISCLOSURES).
#[net::boxed]
pub async fn train_as_guest(
    session: &mut Session,
    matrix: &BinnedMatrix,
    examples: &Examples<'_>,
    settings: &Settings,
    ledger: &Ledger,
) -> Result<GuestTraining, ModelError> {
    let mut boosting = Boosting::new(examples, settings, matrix.rows())?;
    let mut seed = [0; 32];
    session.rng().fill_bytes(&mut seed);
    let terms = Terms { seed, agreement: agreement(matrix.rows(), examples.training, settings) };
    let mut remote =
        Remote::open(session, ledger, &terms, settings, matrix.rows(), examples.training).await?;

    let mut trees = Vec::new();
    while boosting.wants_more() {
        session.report_progress(trees.len(), settings.trees_max());
        trees.push(add_tree(session, matrix, &mut remote, &mut boosting).await?);
    }
    let host_splits = remote.finish(session).await?;

    let (best, margins, progress) = boosting.finish();
    trees.truncate(best.trees);
    let model = GuestTrees {
        training_id: training_id(&seed),
        loss: settings.loss,
        base_scores: best.base_scores,
        features: matrix.features().iter().map(|feature| feature.name.clone()).collect(),
        host_splits,
        trees,
    };
    Ok(GuestTraining { model, margins, progress })
}

/// The features that one tree may use: the guest's first, then the host's.
struct Sample<'a> {
    columns: Vec<usize>,
    own: Vec<&'a BinnedFeature>,
    layout: Layout,
}

impl<'a> Sample<'a> {
    fn new(
        matrix: &'a BinnedMatrix,
        remote: &Remote<'_>,
        settings: &Settings,
        tree: usize,
    ) -> Self {
        let (own_count, bins) = (matrix.features().len(), remote.bins());
        let columns = columns_of_tree(settings, tree, own_count + bins.len());
        let own = columns.iter().filter_map(|&column| matrix.features().get(column)).collect();
        let layout = Layout::new(columns.iter().map(|&column| {
            matrix.features().get(column).map_or_else(|| bins[column - own_count], |own| own.bins)
        }));
        let direction = |&column: &usize| match matrix.features().get(column) {
            Some(own) => settings.direction(&own.name),
            None => remote.directions()[column - own_count],
        };
        let layout = layout.with_directions(columns.iter().map(direction).collect());
        Self { columns, own, layout }
    }

    /// Puts the guest's cells and those of the host's features, of which `host` lays out all,
    /// in one row.
    fn join(&self, own: &Histogram, host: &Layout, theirs: &[Cell], own_count: usize) -> Histogram {
        let mut cells = own.0.clone();
        for &column in &self.columns[self.own.len()..] {
            cells.extend_from_slice(host.of(theirs, column - own_count));
        }
        Histogram(cells)
    }

    /// A cut of a feature of the guest, or of one of the host, both by its owner's numbers.
    fn owner(&self, cut: Cut, own_count: usize) -> Owned {
        match self.columns[cut.feature] {
            feature if feature < own_count => Owned::Guest(Cut { feature, ..cut }),
            feature => Owned::Host(Cut { feature: feature - own_count, ..cut }),
        }
    }
}

enum Owned {
    Guest(Cut),
    Host(Cut),
}

/// Grows one tree and adds it to the margins.
async fn add_tree(
    session: &mut Session,
    matrix: &BinnedMatrix,
    remote: &mut Remote<'_>,
    boosting: &mut Boosting<'_>,
) -> Result<Tree<Question>, ModelError> {
    let settings = boosting.settings();
    let sample = Sample::new(matrix, remote, settings, boosting.trees());
    let gradients = session.compute(|| boosting.gradients()).await;
    let layout = sample.layout.clone();
    let mut grower = Grower::new(settings, &gradients, layout, matrix.rows());
    while !grower.wanted().is_empty() {
        let direct = level(session, matrix, remote, &sample, &grower, &gradients).await?;
        let choices = session.compute(|| grower.choose(direct)).await;
        let questions = ask(session, matrix, remote, &sample, &choices).await?;
        let own_sides = session.compute(|| own_sides(matrix, &questions)).await;
        let mut own_sides = own_sides.iter();
        let answers = questions.into_iter().filter_map(|question| match question {
            Question::Own(_) => own_sides.next().map(|sides| (question, sides)),
            Question::Host { split } => Some((question, remote.sides(split))),
        });
        let answers = answers.collect();
        session.compute(|| grower.divide(answers)).await;
    }
    let (mut tree, leaves) = grower.finish();
    session.compute(|| boosting.add(&mut tree, &leaves)).await;
    Ok(tree)
}

/// The wanted histograms of one level, over both parties' features.
async fn level(
    session: &mut Session,
    matrix: &BinnedMatrix,
    remote: &Remote<'_>,
    sample: &Sample<'_>,
    grower: &Grower<'_, Question>,
    gradients: &Gradients,
) -> Result<Vec<Histogram>, ModelError> {
    let (wanted, totals) = (grower.wanted(), grower.wanted_totals());
    let mut joint = Vec::with_capacity(wanted.len());
    for (nodes, totals) in wanted.chunks(BATCH).zip(totals.chunks(BATCH)) {
        let asked = remote.ask_sums(session, nodes, gradients).await?;
        // While the host is at work.
        let own = session.compute(|| histograms(&sample.own, nodes, gradients)).await;
        let theirs = remote.receive_sums(session, asked, totals).await?;
        let own_count = matrix.features().len();
        let join = |(own, theirs): (&Histogram, &Vec<Cell>)| {
            sample.join(own, remote.layout(), theirs, own_count)
        };
        joint.extend(own.iter().zip(&theirs).map(join));
    }
    Ok(joint)
}

/// Turns the chosen cuts into questions; the host's sides of theirs are known afterwards.
async fn ask(
    session: &mut Session,
    matrix: &BinnedMatrix,
    remote: &mut Remote<'_>,
    sample: &Sample<'_>,
    choices: &[Choice],
) -> Result<Vec<Question>, ModelError> {
    let own_count = matrix.features().len();
    let owned: Vec<Owned> =
        choices.iter().map(|choice| sample.owner(choice.cut, own_count)).collect();
    let host_cuts: Vec<Cut> = owned
        .iter()
        .filter_map(|owned| match owned {
            Owned::Host(cut) => Some(*cut),
            Owned::Guest(_) => None,
        })
        .collect();
    let mut numbers = remote.ask_sides(session, &host_cuts).await?.into_iter();
    let questions = owned.into_iter().filter_map(|owned| match owned {
        Owned::Guest(cut) => Some(Question::Own(cut)),
        Owned::Host(_) => numbers.next().map(|split| Question::Host { split }),
    });
    Ok(questions.collect())
}

/// The sides of all rows at the guest's own questions, in their order.
fn own_sides(matrix: &BinnedMatrix, questions: &[Question]) -> Vec<Bits> {
    let sides = questions.iter().filter_map(|question| match question {
        Question::Own(cut) => Some(cut.sides(&matrix.features()[cut.feature].codes)),
        Question::Host { .. } => None,
    });
    sides.collect()
}
