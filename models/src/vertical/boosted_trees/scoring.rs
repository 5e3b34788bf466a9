//! Applying a joint model to new rows.

use features::binned::{BinnedFeature, BinnedMatrix};
use mpc::reveal::Ledger;
use net::{NetError, Session, Size, together};
use rayon::prelude::*;

use super::messages::ScoringTerms;
use super::remote::{lead, receive_sides};
use super::{GuestTrees, HostPart, HostSplit, HostTrees, Question, ROW_PARTITION};
use crate::ModelError;
use crate::local::boosted_trees::{Bits, Cut, check_features, margins_of_row};

/// The margins of all rows of `matrix`, one an output of the loss, row by row. Its features are
/// those of the training, binned by the same edges. Each host runs [`score_as_host`] on the same
/// rows; `hosts` are the sessions with those of the training, in its order.
///
/// The guest learns on which side of every split of each host each row is, recorded in `ledger`.
///
/// # Errors
/// [`ModelError::InvalidInput`] for a damaged model, a table without its features, or sessions with
/// other hosts; [`ModelError::Net`] if a host is gone, or blaming it.
#[net::boxed]
pub async fn score_as_guest(
    hosts: &mut [Session],
    model: &GuestTrees,
    matrix: &BinnedMatrix,
    ledger: &Ledger,
) -> Result<Vec<f64>, ModelError> {
    model.check()?;
    check_features(&model.features, matrix)?;
    check_hosts(hosts, &model.hosts)?;
    let ask = |(session, part)| ask_all_sides(session, model, part, matrix.rows(), ledger);
    let sides = together(hosts.iter_mut().zip(&model.hosts).map(ask)).await?;
    Ok(lead(hosts)?.compute(|| margins(model, matrix, &sides)).await)
}

/// The sides of all rows at every split of one host.
async fn ask_all_sides(
    session: &mut Session,
    model: &GuestTrees,
    part: &HostPart,
    rows: usize,
    ledger: &Ledger,
) -> Result<Vec<Bits>, ModelError> {
    let terms = ScoringTerms {
        training_id: model.training_id.clone(),
        rows: rows as u32,
        splits: part.splits as u32,
    };
    session.send("model", &terms).await?;
    ledger.record(ROW_PARTITION, session.me(), part.splits as u64)?;
    let mut sides = Vec::new();
    for _ in 0..part.splits {
        sides.push(receive_sides(session, rows).await?);
    }
    Ok(sides)
}

/// Splits are numbered host by host, so that the order of the hosts must be that of the training.
fn check_hosts(sessions: &[Session], parts: &[HostPart]) -> Result<(), ModelError> {
    let present: Vec<&str> = sessions.iter().map(Session::peer).collect();
    let wanted: Vec<&str> = parts.iter().map(|part| part.party.as_str()).collect();
    if present == wanted {
        return Ok(());
    }
    Err(ModelError::InvalidInput(format!(
        "the model was trained with {} in this order, and is applied with {}: name the hosts as \
         for the training",
        wanted.join(", "),
        present.join(", ")
    )))
}

/// Tells the guest the sides of all rows of `matrix` at this party's splits.
///
/// A guest that applies another model or has another number of rows is
/// [`NetError::PeerIncompatible`].
#[net::boxed]
pub async fn score_as_host(
    session: &mut Session,
    model: &HostTrees,
    matrix: &BinnedMatrix,
    ledger: &Ledger,
) -> Result<(), ModelError> {
    let splits: Vec<(&BinnedFeature, Cut)> =
        model.splits.iter().map(|split| find(split, matrix)).collect::<Result<_, _>>()?;
    let terms: ScoringTerms =
        session.receive("model", Size::AtMost(ScoringTerms::BYTES_MAX)).await?;
    let ours = ScoringTerms {
        training_id: model.training_id.clone(),
        rows: matrix.rows() as u32,
        splits: splits.len() as u32,
    };
    if terms != ours {
        return Err(incompatible(session, &ours, &terms).into());
    }
    ledger.record(ROW_PARTITION, session.peer(), splits.len() as u64)?;
    for (feature, cut) in splits {
        let sides = session.compute(|| cut.sides(&feature.codes)).await;
        session.send_words("sides", sides.words()).await?;
    }
    Ok(())
}

fn incompatible(session: &Session, ours: &ScoringTerms, theirs: &ScoringTerms) -> NetError {
    let text = |terms: &ScoringTerms| {
        let ScoringTerms { training_id, rows, splits } = terms;
        format!("training {training_id} with {splits} splits, on {rows} rows")
    };
    NetError::PeerIncompatible {
        peer: session.peer().into(),
        what: "model".into(),
        ours: text(ours),
        theirs: text(theirs),
        hint: "apply parts of one training to the same aligned rows".into(),
    }
}

/// The feature of a split; its place in the cut means nothing here.
fn find<'a>(
    split: &HostSplit,
    matrix: &'a BinnedMatrix,
) -> Result<(&'a BinnedFeature, Cut), ModelError> {
    let HostSplit { feature: name, bin, missing_left } = split;
    let feature = matrix.features().iter().find(|feature| feature.name == *name);
    match feature {
        Some(feature) if (1..=feature.bins).contains(&usize::from(*bin)) => {
            Ok((feature, Cut { feature: 0, bin: *bin, missing_left: *missing_left }))
        }
        _ => Err(ModelError::InvalidInput(format!(
            "the model splits feature {name:?} at bin {bin}, which the table does not have: bin \
             the table as for the training"
        ))),
    }
}

/// Walks every row down every tree.
fn margins(model: &GuestTrees, matrix: &BinnedMatrix, sides: &[Vec<Bits>]) -> Vec<f64> {
    let codes: Vec<&[u8]> = matrix.features().iter().map(|f| f.codes.as_slice()).collect();
    let margins = |row: usize| {
        let is_left = |question: &Question| match *question {
            Question::Own(cut) => cut.is_left(codes[cut.feature][row]),
            Question::Host { host, split } => sides[host][split].is_set(row),
        };
        margins_of_row(&model.base_scores, &model.trees, is_left)
    };
    (0..matrix.rows()).into_par_iter().with_min_len(1024).flat_map_iter(margins).collect()
}
