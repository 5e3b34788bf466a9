//! The guest: labels, own features, every decision.

use features::binned::{BinnedFeature, BinnedMatrix};
use mpc::reveal::Ledger;
use net::Session;
use serde::{Deserialize, Serialize};

use super::messages::{BATCH, Terms, agreement};
use super::parts::training_id;
use super::remote::{Remote, lead};
use super::remotes::Remotes;
use super::{GuestTrees, Question};
use crate::ModelError;
use crate::local::boosted_trees::{
    Bits, Boosting, Cell, Choice, Cut, Examples, Gradients, Grower, Histogram, Layout, Progress,
    Settings, Tree, columns_of_tree, histograms,
};
use crate::vertical::course::{Course, State, misfit};

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

/// Trains with hosts that run [`train_as_host`](super::train_as_host) on the same rows, one session
/// each.
///
/// What is learned is recorded in `ledger`, which must declare [`DISCLOSURES`](super::DISCLOSURES).
///
/// # Errors
/// [`ModelError::InvalidInput`] for rows or settings that cannot be trained on, or without any
/// host; [`ModelError::Net`] if a host is gone, or blaming it.
#[net::boxed]
pub async fn train_as_guest(
    hosts: &mut [Session],
    matrix: &BinnedMatrix,
    examples: &Examples<'_>,
    settings: &Settings,
    ledger: &Ledger,
) -> Result<GuestTraining, ModelError> {
    train_as_guest_along(hosts, matrix, examples, settings, ledger, Course::default()).await
}

/// [`train_as_guest`], where the `course` keeps each round, and has what an earlier run kept. Hosts
/// keep their splits at the same time; each of them passes its own course.
///
/// # Errors
/// Those of [`train_as_guest`], and [`ModelError::InvalidInput`] for a checkpoint that is none of
/// this training.
#[net::boxed]
pub async fn train_as_guest_along<'a>(
    hosts: &mut [Session],
    matrix: &'a BinnedMatrix,
    examples: &Examples<'_>,
    settings: &Settings,
    ledger: &Ledger,
    mut course: Course<'a>,
) -> Result<GuestTraining, ModelError> {
    let mut boosting = Boosting::new(examples, settings, matrix.rows())?;
    let mut seed = [0; 32];
    lead(hosts)?.rng().fill_bytes(&mut seed);
    let terms = Terms { seed, agreement: agreement(matrix.rows(), examples.training, settings) };
    let mut remotes =
        Remotes::open(hosts, ledger, &terms, settings, matrix.rows(), examples.training).await?;

    let mut trees = Vec::new();
    if let Some(state) = course.resume_alone()? {
        let kept = Kept::of(&state, matrix, &remotes, &mut boosting)?;
        remotes.take_up(&kept.cuts).await?;
        trees = kept.trees;
    }
    while boosting.wants_more() {
        lead(remotes.sessions)?.report_progress(trees.len(), settings.trees_max());
        trees.push(add_tree(matrix, &mut remotes, &mut boosting).await?);
        if course.checkpoints.is_some() && !boosting.is_amid_round() {
            course.keep(trees.len(), || Kept::state(&trees, &remotes, &boosting));
            remotes.keep(trees.len()).await?;
        }
    }
    let hosts = remotes.finish().await?;

    let (best, margins, progress) = boosting.finish();
    trees.truncate(best.trees);
    let model = GuestTrees {
        training_id: training_id(&seed),
        loss: settings.loss,
        base_scores: best.base_scores,
        features: matrix.features().iter().map(|feature| feature.name.clone()).collect(),
        hosts,
        trees,
    };
    Ok(GuestTraining { model, margins, progress })
}

/// What the guest keeps between rounds, beside the margins.
#[derive(Serialize, Deserialize)]
struct Kept {
    trees: Vec<Tree<Question>>,
    /// Of each host the cuts that were asked for, by number.
    cuts: Vec<Vec<Cut>>,
}

impl Kept {
    fn state(trees: &[Tree<Question>], remotes: &Remotes<'_>, boosting: &Boosting<'_>) -> State {
        let cuts = remotes.hosts.iter().map(Remote::cuts).collect();
        let kept = Self { trees: trees.to_vec(), cuts };
        // Plain numbers, which JSON can hold.
        let part = serde_json::to_vec(&kept).unwrap_or_default();
        State { plain: boosting.save(), part, ..State::default() }
    }

    /// What an earlier run kept; brings the margins to where it was.
    fn of(
        state: &State,
        matrix: &BinnedMatrix,
        remotes: &Remotes<'_>,
        boosting: &mut Boosting<'_>,
    ) -> Result<Self, ModelError> {
        let kept: Self = serde_json::from_slice(&state.part).map_err(|_| misfit())?;
        boosting.load(&state.plain).ok_or_else(misfit)?;
        let holds = |question: &Question| match question {
            Question::Own(cut) => cut.feature < matrix.features().len(),
            Question::Host { host, split } => {
                kept.cuts.get(*host).is_some_and(|cuts| *split < cuts.len())
            }
        };
        let is_sound = kept.trees.iter().all(|tree| tree.is_sound() && tree.questions().all(holds));
        let is_whole =
            kept.trees.len() == boosting.trees() && kept.cuts.len() == remotes.hosts.len();
        if is_sound && is_whole { Ok(kept) } else { Err(misfit()) }
    }
}

/// The features that one tree may use: the guest's first, then those of each host.
struct Sample<'a> {
    owners: Vec<Owner>,
    own: Vec<&'a BinnedFeature>,
    layout: Layout,
}

/// Whose a column of the sample is, and its place among this party's features.
#[derive(Clone, Copy)]
enum Owner {
    Guest { feature: usize },
    Host { host: usize, feature: usize },
}

impl<'a> Sample<'a> {
    fn new(
        matrix: &'a BinnedMatrix,
        remotes: &Remotes<'_>,
        settings: &Settings,
        tree: usize,
    ) -> Self {
        let all = owners(matrix, remotes);
        let columns = columns_of_tree(settings, tree, all.len());
        let owners: Vec<Owner> = columns.into_iter().map(|column| all[column]).collect();
        let (mut own, mut bins, mut directions) = (Vec::new(), Vec::new(), Vec::new());
        for owner in &owners {
            match *owner {
                Owner::Guest { feature } => {
                    let feature = &matrix.features()[feature];
                    own.push(feature);
                    bins.push(feature.bins);
                    directions.push(settings.direction(&feature.name));
                }
                Owner::Host { host, feature } => {
                    bins.push(remotes.hosts[host].bins()[feature]);
                    directions.push(remotes.hosts[host].directions()[feature]);
                }
            }
        }
        Self { owners, own, layout: Layout::new(bins).with_directions(directions) }
    }

    /// Puts the guest's cells of a node and those of the hosts' features in one row; `theirs` has
    /// for each host the cells of all its features.
    fn join(&self, own: &Histogram, remotes: &Remotes<'_>, theirs: &[&Vec<Cell>]) -> Histogram {
        let mut cells = own.0.clone();
        for owner in &self.owners {
            if let Owner::Host { host, feature } = *owner {
                cells.extend_from_slice(remotes.hosts[host].layout().of(theirs[host], feature));
            }
        }
        Histogram(cells)
    }
}

/// The owners of all features, in the order in which trees number them.
fn owners(matrix: &BinnedMatrix, remotes: &Remotes<'_>) -> Vec<Owner> {
    let own = (0..matrix.features().len()).map(|feature| Owner::Guest { feature });
    let theirs = remotes.hosts.iter().enumerate().flat_map(|(host, remote)| {
        (0..remote.bins().len()).map(move |feature| Owner::Host { host, feature })
    });
    own.chain(theirs).collect()
}

/// Grows one tree and adds it to the margins.
async fn add_tree(
    matrix: &BinnedMatrix,
    remotes: &mut Remotes<'_>,
    boosting: &mut Boosting<'_>,
) -> Result<Tree<Question>, ModelError> {
    let settings = boosting.settings();
    let sample = Sample::new(matrix, remotes, settings, boosting.trees());
    let gradients = remotes.compute(|| boosting.gradients()).await?;
    let layout = sample.layout.clone();
    let mut grower = Grower::new(settings, &gradients, layout, matrix.rows());
    while !grower.wanted().is_empty() {
        let direct = level(remotes, &sample, &grower, &gradients).await?;
        let choices = remotes.compute(|| grower.choose(direct)).await?;
        let questions = ask(remotes, &sample, &choices).await?;
        let own_sides = remotes.compute(|| own_sides(matrix, &questions)).await?;
        let mut own_sides = own_sides.iter();
        let answers = questions.into_iter().filter_map(|question| match question {
            Question::Own(_) => own_sides.next().map(|sides| (question, sides)),
            Question::Host { host, split } => Some((question, remotes.hosts[host].sides(split))),
        });
        let answers = answers.collect();
        remotes.compute(|| grower.divide(answers)).await?;
    }
    let (mut tree, leaves) = grower.finish();
    remotes.compute(|| boosting.add(&mut tree, &leaves)).await?;
    Ok(tree)
}

/// The wanted histograms of one level, over all parties' features.
async fn level(
    remotes: &mut Remotes<'_>,
    sample: &Sample<'_>,
    grower: &Grower<'_, Question>,
    gradients: &Gradients,
) -> Result<Vec<Histogram>, ModelError> {
    let (wanted, totals) = (grower.wanted(), grower.wanted_totals());
    let mut joint = Vec::with_capacity(wanted.len());
    for (nodes, totals) in wanted.chunks(BATCH).zip(totals.chunks(BATCH)) {
        let openings = remotes.ask_sums(nodes, gradients).await?;
        // While the hosts are at work.
        let own = remotes.compute(|| histograms(&sample.own, nodes, gradients)).await?;
        let theirs = remotes.receive_sums(openings, totals).await?;
        for (node, own) in own.iter().enumerate() {
            let theirs: Vec<&Vec<Cell>> = theirs.iter().map(|nodes| &nodes[node]).collect();
            joint.push(sample.join(own, remotes, &theirs));
        }
    }
    Ok(joint)
}

/// Turns the chosen cuts into questions; the hosts' sides of theirs are known afterwards.
async fn ask(
    remotes: &mut Remotes<'_>,
    sample: &Sample<'_>,
    choices: &[Choice],
) -> Result<Vec<Question>, ModelError> {
    let mut theirs = vec![Vec::new(); remotes.hosts.len()];
    for choice in choices {
        if let Owner::Host { host, feature } = sample.owners[choice.cut.feature] {
            theirs[host].push(Cut { feature, ..choice.cut });
        }
    }
    let numbers = remotes.ask_sides(&theirs).await?;
    let mut numbers: Vec<_> = numbers.into_iter().map(Vec::into_iter).collect();
    let questions = choices.iter().filter_map(|choice| match sample.owners[choice.cut.feature] {
        Owner::Guest { feature } => Some(Question::Own(Cut { feature, ..choice.cut })),
        Owner::Host { host, .. } => {
            numbers[host].next().map(|split| Question::Host { host, split })
        }
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
