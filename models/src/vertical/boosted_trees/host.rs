//! The host: features without names, sums it cannot read, its own splits.

use crypto::lattice::projection::{
    Answers, BinnedColumn, Codes, EncryptedVector, Evaluator, Projection,
};
use crypto::lattice::{LatticeError, Parameters, Ring};
use features::binned::{BinnedFeature, BinnedMatrix};
use mpc::hints;
use mpc::reveal::Ledger;
use net::{Session, Size};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::messages::{Command, HostFeatures, Terms, agreement};
use super::packing::Packing;
use super::parts::training_id;
use super::{
    BIN_SUMS, CELLS_MAX, HOST_BINS, HOST_DIRECTIONS, HostSplit, HostTrees, OWN_SPLITS,
    ROW_PARTITION, SHAPE,
};
use crate::ModelError;
use crate::local::boosted_trees::{Cut, Direction, Settings, check_parts};
use crate::vertical::course::{Course, State, misfit};

/// Trains with a guest that runs [`train_as_guest`](super::train_as_guest) on the same rows.
///
/// `training` lists the rows to learn from, ascending, as the guest has them. What is revealed is
/// recorded in `ledger`, which must declare [`DISCLOSURES`](super::DISCLOSURES).
#[net::boxed]
pub async fn train_as_host(
    session: &mut Session,
    matrix: &BinnedMatrix,
    training: &[u32],
    settings: &Settings,
    ledger: &Ledger,
) -> Result<HostTrees, ModelError> {
    train_as_host_along(session, matrix, training, settings, ledger, Course::default()).await
}

/// [`train_as_host`], where the `course` keeps the splits when the guest says so, and has those of
/// an earlier run, whose sides the guest is told again.
///
/// # Errors
/// Those of [`train_as_host`], and [`ModelError::InvalidInput`] for a checkpoint that is none of
/// this training.
#[net::boxed]
pub async fn train_as_host_along<'a>(
    session: &mut Session,
    matrix: &'a BinnedMatrix,
    training: &[u32],
    settings: &Settings,
    ledger: &Ledger,
    mut course: Course<'a>,
) -> Result<HostTrees, ModelError> {
    check_input(matrix, training, settings)?;
    let terms: Terms = session.receive("terms", Size::Exactly(Terms::BYTES)).await?;
    if terms.agreement != agreement(matrix.rows(), training, settings) {
        let rule = "rows, training rows and settings must be the same on both sides";
        return Err(session.misbehaved("terms", rule).into());
    }
    let mut features: Vec<&BinnedFeature> = matrix.features().iter().collect();
    let mut answered = Answered::default();
    if let Some(state) = course.resume_alone()? {
        answered = Answered::of(&state, &mut features, settings)?;
    } else {
        let mut order: Vec<usize> = (0..features.len()).collect();
        session.rng().shuffle(&mut order);
        features = order.iter().map(|place| features[*place]).collect();
        answered.order = order;
    }
    let bins = features.iter().map(|feature| feature.bins as u8).collect();
    ledger.record(HOST_BINS, session.peer(), features.len() as u64)?;
    let directions: Vec<Direction> =
        features.iter().map(|feature| settings.direction(&feature.name)).collect();
    if !settings.directions.is_empty() {
        ledger.record(HOST_DIRECTIONS, session.peer(), features.len() as u64)?;
    }
    session.send("features", &HostFeatures { bins, directions }).await?;

    let bits = Packing::new(training.len()).plaintext_bits();
    let new_projection =
        || Projection::opened(&Ring::new(Parameters::N8192_Q150), terms.seed, training.len(), bits);
    let projection = session.compute(new_projection).await?;
    let codes: Vec<Vec<u8>> = session.compute(|| training_codes(&features, training)).await;
    let columns = features.iter().zip(&codes).map(|(feature, codes)| BinnedColumn {
        codes: Codes::Narrow(codes),
        bins: feature.bins + 1,
    });
    let (columns, mut rng) = (columns.collect(), session.rng());
    let prepare = || Evaluator::binned(&projection, columns, &mut rng);
    let evaluator = session.compute(prepare).await?;
    let make =
        |group| evaluator.hints(group).iter().map(|hint| hint.to_bytes(&projection)).collect();
    hints::send(session, "hints", evaluator.outputs(), make).await?;

    let host = Host { ledger, features, projection: &projection, evaluator };
    host.repeat(session, &answered.splits).await?;
    let allowance = Allowance::new(settings, answered.trees);
    let splits = host.serve(session, allowance, answered, course).await?;
    Ok(HostTrees { training_id: training_id(&terms.seed), splits })
}

fn check_input(
    matrix: &BinnedMatrix,
    training: &[u32],
    settings: &Settings,
) -> Result<(), ModelError> {
    settings.check()?;
    check_parts(training, &[], matrix.rows())?;
    let cells: usize = matrix.features().iter().map(|feature| feature.bins + 1).sum();
    if (1..=CELLS_MAX).contains(&cells) {
        return Ok(());
    }
    Err(ModelError::InvalidInput(format!(
        "the host's features have {cells} bins in all, missing values counted, where 1 to \
         {CELLS_MAX} are possible: use fewer bins or select features"
    )))
}

/// The codes of the training rows, feature by feature.
fn training_codes(features: &[&BinnedFeature], training: &[u32]) -> Vec<Vec<u8>> {
    let gather = |feature: &&BinnedFeature| {
        training.iter().map(|&row| feature.codes[row as usize]).collect()
    };
    features.iter().map(gather).collect()
}

/// Reads a level's queries.
fn parse(
    projection: &Projection,
    received: Vec<Vec<u8>>,
) -> Result<Vec<EncryptedVector>, LatticeError> {
    let parse = |bytes: Vec<u8>| EncryptedVector::from_bytes(projection, &bytes);
    received.into_par_iter().map(parse).collect()
}

/// What a guest may still ask for: no more than the trees of the settings can need that are not
/// done.
struct Allowance {
    nodes: usize,
    cuts: usize,
    trees_max: usize,
}

impl Allowance {
    fn new(settings: &Settings, done: usize) -> Self {
        let trees_max = settings.trees_max();
        let left = trees_max.saturating_sub(done);
        // The root, and one of each pair of children above the leaves.
        let nodes = left << (settings.depth - 1);
        let cuts = left * ((1 << settings.depth) - 1);
        Self { nodes, cuts, trees_max }
    }

    fn spend(&mut self, command: &Command) -> Result<(), &'static str> {
        let (left, wanted) = match command {
            Command::Sums { nodes } => (&mut self.nodes, *nodes),
            Command::Sides { cuts } => (&mut self.cuts, cuts.len()),
            Command::Keep { trees } if *trees <= self.trees_max => return Ok(()),
            Command::Keep { .. } => return Err("no more trees are done than the settings have"),
            Command::Finished => return Ok(()),
        };
        let rule = "no more may be asked for than the settings' trees can need";
        *left = left.checked_sub(wanted).ok_or(rule)?;
        Ok(())
    }
}

/// What the guest has asked for so far, as it is kept.
#[derive(Default, Serialize, Deserialize)]
struct Answered {
    /// How many trees are done.
    trees: usize,
    /// The places of features in the order that the guest knows.
    order: Vec<usize>,
    splits: Vec<HostSplit>,
}

impl Answered {
    /// What an earlier run kept; brings the features into its order.
    fn of(
        state: &State,
        features: &mut Vec<&BinnedFeature>,
        settings: &Settings,
    ) -> Result<Self, ModelError> {
        let kept: Self = serde_json::from_slice(&state.part).map_err(|_| misfit())?;
        let mut sorted = kept.order.clone();
        sorted.sort_unstable();
        let is_order = sorted.iter().copied().eq(0..features.len());
        if !is_order || kept.trees > settings.trees_max() {
            return Err(misfit());
        }
        *features = kept.order.iter().map(|place| features[*place]).collect();
        // The guest is not to blame for what this party's own file says.
        let exists = |split: &HostSplit| {
            let feature = features.iter().find(|own| own.name == split.feature);
            feature.is_some_and(|own| (1..=own.bins).contains(&usize::from(split.bin)))
        };
        if kept.splits.iter().all(exists) { Ok(kept) } else { Err(misfit()) }
    }

    fn state(&self) -> State {
        // Plain numbers and names, which JSON can hold.
        let part = serde_json::to_vec(self).unwrap_or_default();
        State { part, ..State::default() }
    }
}

struct Host<'a> {
    ledger: &'a Ledger,
    /// In the order that the guest knows.
    features: Vec<&'a BinnedFeature>,
    projection: &'a Projection,
    evaluator: Evaluator<'a>,
}

impl Host<'_> {
    /// Tells the guest the sides at splits that it asked for in an earlier run.
    async fn repeat(&self, session: &mut Session, splits: &[HostSplit]) -> Result<(), ModelError> {
        for HostSplit { feature, bin, missing_left } in splits {
            let feature = self.features.iter().position(|own| own.name == *feature);
            let feature = feature.ok_or_else(misfit)?;
            let cut = Cut { feature, bin: *bin, missing_left: *missing_left };
            self.answer_sides(session, cut).await?;
        }
        Ok(())
    }

    /// Answers commands until the guest has finished; returns the splits it asked for.
    async fn serve(
        &self,
        session: &mut Session,
        mut allowance: Allowance,
        mut answered: Answered,
        mut course: Course<'_>,
    ) -> Result<Vec<HostSplit>, ModelError> {
        loop {
            let command: Command =
                session.receive("command", Size::AtMost(Command::BYTES_MAX)).await?;
            allowance.spend(&command).map_err(|rule| session.misbehaved("command", rule))?;
            match command {
                Command::Sums { nodes } => self.answer_sums(session, nodes).await?,
                Command::Sides { cuts } => {
                    for cut in cuts {
                        answered.splits.push(self.answer_sides(session, cut).await?);
                    }
                }
                Command::Keep { trees } if trees <= answered.trees => {
                    let rule = "trees are kept once, in order";
                    return Err(session.misbehaved("command", rule).into());
                }
                Command::Keep { trees } => {
                    answered.trees = trees;
                    course.keep(trees, || answered.state());
                }
                Command::Finished => return Ok(answered.splits),
            }
        }
    }

    async fn answer_sums(&self, session: &mut Session, nodes: usize) -> Result<(), ModelError> {
        let size = Size::Exactly(EncryptedVector::byte_count(self.projection));
        let mut received = Vec::with_capacity(nodes);
        for _ in 0..nodes {
            received.push(session.receive_bytes("gradients", size).await?);
        }
        let queries = session.compute(|| parse(self.projection, received)).await;
        let blame = |error: LatticeError| session.misbehaved("gradients", error.to_string());
        let queries = queries.map_err(blame)?;
        self.ledger.record(SHAPE, session.me(), nodes as u64)?;
        let sums = (self.evaluator.outputs() * nodes) as u64;
        self.ledger.record(BIN_SUMS, session.peer(), sums)?;
        let mut rng = session.rng();
        let answers =
            session.compute(|| self.evaluator.answer_opened_batch(&queries, &mut rng)).await?;
        for answer in answers.iter().map(Answers::to_bytes) {
            session.send_bytes("sums", answer).await?;
        }
        Ok(())
    }

    async fn answer_sides(&self, session: &mut Session, cut: Cut) -> Result<HostSplit, ModelError> {
        let feature = self
            .features
            .get(cut.feature)
            .filter(|feature| (1..=feature.bins).contains(&usize::from(cut.bin)));
        let Some(feature) = feature else {
            let rule = "a cut must name a feature and a bin that exist";
            return Err(session.misbehaved("command", rule).into());
        };
        self.ledger.record(OWN_SPLITS, session.me(), 1)?;
        self.ledger.record(ROW_PARTITION, session.peer(), 1)?;
        let sides = session.compute(|| cut.sides(&feature.codes)).await;
        session.send_words("sides", sides.words()).await?;
        let Cut { bin, missing_left, .. } = cut;
        Ok(HostSplit { feature: feature.name.clone(), bin, missing_left })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_with_what_is_not_there_is_this_partys_own_fault() {
        let feature =
            |name: &str, bins| BinnedFeature { name: name.to_owned(), codes: vec![1], bins };
        let (small, large) = (feature("small", 2), feature("large", 7));
        let settings = Settings { trees: 3, ..Settings::default() };
        let taken_up = |trees: usize, order: &[usize], (name, bin): (&str, u8)| {
            let split = HostSplit { feature: name.to_owned(), bin, missing_left: true };
            let answered = Answered { trees, order: order.to_vec(), splits: vec![split] };
            let mut features = vec![&small, &large];
            Answered::of(&answered.state(), &mut features, &settings).map(|_| features)
        };
        assert_eq!(taken_up(3, &[1, 0], ("small", 2)).unwrap(), [&large, &small]);
        for refused in [
            taken_up(4, &[1, 0], ("small", 2)),
            taken_up(3, &[1, 1], ("small", 2)),
            taken_up(3, &[1], ("small", 2)),
            taken_up(3, &[0, 1], ("small", 3)),
            taken_up(3, &[0, 1], ("large", 0)),
            taken_up(3, &[0, 1], ("other", 1)),
        ] {
            assert!(refused.is_err_and(|error| error.to_string().contains("checkpoint")));
        }
    }
}
