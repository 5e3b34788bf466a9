//! Silent oblivious transfer: random transfers in batches, from short messages.
//!
//! # Functionality
//! For each batch the receiver gets [`BATCH`] random bits `a_j` and columns `c_j` of 128 bits, the
//! sender a random Δ and columns `b_j`, with `c_j = b_j ⊕ a_j·Δ`: correlated transfers, which a
//! hash turns into transfers of keys (see [`transfers`](crate::transfers)). `refill` runs both
//! directions at once.
//! # Messages
//! 1. `corrections` receiver → sender: the transfers that carry the trees, see
//!    [`ot_extension`](crate::ot_extension) (both directions in one exchange)
//! 2. `trees` sender → receiver: as in [`silent_vole`](super) (both directions in one exchange)
//! # Leaks
//! The number of batches, which is public anyway.
//! # Security
//! Semi-honest. This is vector OLE with A in GF(2): a noise value is one, its product with Δ is Δ
//! itself, and nothing has to be sent about it. `a` is pseudo-random if learning parity with
//! regular noise is hard over GF(2) for the binary code, see `parameters` and ADR 18; `b` and the
//! trees are those of [`silent_vole`](super). Δ has 128 bits, is drawn afresh for each refill, and
//! is told nobody.
//! # Cost
//! 2 flights for any number of batches in both directions. A batch takes 9,216 bytes from its
//! receiver (fewer if there are several) and 73,600 from its sender: 0.4 for each transfer, where
//! the extension takes 4. Bytes of a direction: [`bytes`]. The parties work twice as long as in the
//! extension. The code takes 10 MB of memory, a transfer that is in stock 16 bytes.
//! # Reference
//! Boyle, Couteau, Gilboa, Ishai, Kohl, Rindal, Scholl, "Efficient Two-Round OT Extension and
//! Silent Non-Interactive Secure Computation", CCS 2019 (eprint 2019/1159), section 5; code and
//! trees as of [`silent_vole`](super).

use std::collections::VecDeque;

use crypto::expand_convolute::ExpandConvolute;
use crypto::field128::Gf128;
use crypto::random::Generator;
use net::Session;
use zeroize::Zeroizing;

use super::leaves::{Growing, Puncturing, compressed, parts_mut};
use super::noise::Noise;
use super::parameters::{Plan, TRANSFERS};
use super::trees::{self, Pair};
use crate::MpcError;
use crate::base_ot::random_delta;
use crate::boolean::{Bits, gather};
use crate::ot_extension::{ExtensionReceiver, ExtensionSender, corrections_bytes, exchange};
use rayon::prelude::*;

/// Transfers of one batch; a multiple of 64.
pub const BATCH: usize = TRANSFERS;

/// Batches of one refill in one direction at most: the receiver's bits of a place fit into a byte,
/// and what is made and not yet used stays below 32 MiB for each direction.
pub(crate) const BATCHES_MAX: usize = u8::BITS as usize;

/// What one party holds of transfers that were made and not used.
#[derive(Default)]
pub(crate) struct Stock {
    /// Made when it is needed first.
    code: Option<ExpandConvolute>,
    sent: VecDeque<Lot<Zeroizing<u128>>>,
    received: VecDeque<Lot<Bits>>,
}

/// Transfers of one refill, as their sender (with Δ) or as their receiver (with the bits).
struct Lot<S> {
    secret: S,
    columns: Zeroizing<Vec<u128>>,
    used: usize,
}

/// Transfers that were taken by their sender: its columns, and how many of them have which Δ.
#[derive(Default)]
pub(crate) struct SentColumns {
    pub(crate) columns: Zeroizing<Vec<u128>>,
    pub(crate) deltas: Vec<(usize, Zeroizing<u128>)>,
}

/// Transfers that were taken by their receiver: its columns, and its bits in words.
#[derive(Default)]
pub(crate) struct ReceivedColumns {
    pub(crate) columns: Zeroizing<Vec<u128>>,
    pub(crate) choices: Vec<u64>,
}

/// Bytes that a refill takes in one direction: from the receiver and from the sender.
pub fn bytes(batches: usize) -> [usize; 2] {
    let plan = Plan::of_transfers(batches);
    [corrections_bytes(plan.transfers()), trees_bytes(&plan)]
}

impl<S> Lot<S> {
    fn left(&self) -> usize {
        self.columns.len() - self.used
    }

    /// The places of the next transfers, at most `count`.
    fn advance(&mut self, count: usize) -> std::ops::Range<usize> {
        let start = self.used;
        self.used += count.min(self.left());
        start..self.used
    }
}

impl Stock {
    /// Transfers that are left to be received.
    pub(crate) fn to_receive(&self) -> usize {
        self.received.iter().map(Lot::left).sum()
    }

    /// Transfers that are left to be sent.
    pub(crate) fn to_send(&self) -> usize {
        self.sent.iter().map(Lot::left).sum()
    }

    /// Takes the next `count` transfers, or all that are left, as their receiver. The count is
    /// whole words of 64.
    pub(crate) fn receive(&mut self, count: usize, taken: &mut ReceivedColumns) {
        let end = taken.columns.len() + count;
        while taken.columns.len() < end
            && let Some(lot) = self.received.front_mut()
        {
            let span = lot.advance(end - taken.columns.len());
            taken.columns.extend_from_slice(&lot.columns[span.clone()]);
            taken.choices.extend_from_slice(&lot.secret.words()[span.start / 64..span.end / 64]);
            if lot.left() > 0 {
                break;
            }
            self.received.pop_front();
        }
    }

    /// As [`receive`](Self::receive), as their sender.
    pub(crate) fn send(&mut self, count: usize, taken: &mut SentColumns) {
        let end = taken.columns.len() + count;
        while taken.columns.len() < end
            && let Some(lot) = self.sent.front_mut()
        {
            let span = lot.advance(end - taken.columns.len());
            taken.deltas.push((span.len(), lot.secret.clone()));
            taken.columns.extend_from_slice(&lot.columns[span]);
            if lot.left() > 0 {
                break;
            }
            self.sent.pop_front();
        }
    }
}

/// Makes so many batches to receive and to send, at most [`BATCHES_MAX`] each; the peer calls it
/// with the mirrored numbers.
pub(crate) async fn refill(
    session: &mut Session,
    extension: (&mut ExtensionSender, &mut ExtensionReceiver),
    stock: &mut Stock,
    [receive, send]: [usize; 2],
) -> Result<(), MpcError> {
    let (as_sender, as_receiver) = extension;
    let [incoming, outgoing] = [receive, send].map(Plan::of_transfers);
    let mut rng = session.rng();
    let noise = Noise::of_ones(&incoming, &mut rng);
    let choices = noise.choices(&incoming, 0, &mut rng);
    let (mine, own_keys) = session.compute(|| as_receiver.keys::<u128>(&choices)).await;
    let own_keys = Zeroizing::new(own_keys);
    let theirs = exchange(session, "corrections", mine, corrections_bytes(outgoing.transfers()));
    let theirs = theirs.await?;

    let made = stock.code.take();
    let (code, lot, message) = session
        .compute(|| {
            let code = made.unwrap_or_else(|| ExpandConvolute::for_bits(BATCH));
            let keys = Zeroizing::new(as_sender.keys::<u128>(&theirs, outgoing.transfers()));
            let (lot, message) = grow(&outgoing, &code, &mut rng, &keys);
            (code, lot, message)
        })
        .await;
    let code = stock.code.insert(code);
    let theirs = exchange(session, "trees", message, trees_bytes(&incoming)).await?;
    if send > 0 {
        stock.sent.push_back(lot);
    }
    if receive > 0 {
        let lot = session.compute(|| puncture(&incoming, code, &noise, &theirs, &own_keys)).await;
        stock.received.push_back(lot);
    }
    Ok(())
}

/// Bytes of the message about the trees; none about no trees.
fn trees_bytes(plan: &Plan) -> usize {
    if plan.trees() == 0 { 0 } else { trees::bytes(plan) }
}

/// The sender's columns, and its message about the trees.
fn grow(
    plan: &Plan,
    code: &ExpandConvolute,
    rng: &mut Generator,
    keys: &[Pair],
) -> (Lot<Zeroizing<u128>>, Vec<u8>) {
    let secret = Zeroizing::new(random_delta(rng));
    if plan.trees() == 0 {
        return (Lot { secret, columns: Zeroizing::default(), used: 0 }, Vec::new());
    }
    let products = Zeroizing::new(vec![Gf128(*secret); plan.trees()]);
    let growing = Growing::new(plan, rng, keys, &products);
    let mut message = growing.message();
    let parts = parts_mut(plan, &mut message);
    let columns = compressed(plan, code, parts, |batch, halves, parts| {
        growing.fill(batch, halves, parts);
    });
    (Lot { secret, columns: words(columns), used: 0 }, message)
}

/// The receiver's bits and columns, from the sender's message and the keys.
fn puncture(
    plan: &Plan,
    code: &ExpandConvolute,
    noise: &Noise,
    message: &[u8],
    keys: &[u128],
) -> Lot<Bits> {
    let products = vec![Gf128::ZERO; plan.trees()];
    let puncturing = Puncturing::new(plan, noise, message, keys, &products);
    let batches = (0..plan.batches()).into_par_iter();
    let columns =
        compressed(plan, code, batches, |batch, halves, _| puncturing.fill(batch, halves));
    let [mut kept, mut folded] = noise.bits(plan);
    code.compress_bits(&mut kept, &mut folded);
    let choices: Vec<Vec<u64>> = (0..plan.batches())
        .into_par_iter()
        .map(|batch| gather(&kept, |bits| u64::from(bits >> batch)))
        .collect();
    let choices = Bits::from_words(choices.concat(), columns.len());
    Lot { secret: choices, columns: words(columns), used: 0 }
}

fn words(elements: Vec<Gf128>) -> Zeroizing<Vec<u128>> {
    Zeroizing::new(elements.into_iter().map(|element| element.0).collect())
}

#[cfg(test)]
mod tests;
