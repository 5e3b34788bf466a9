//! Where the blocks get their oblivious transfers from: the extension, or silent batches.
//!
//! # Functionality
//! [`transfer`]: as [`ot_extension::extend`](crate::ot_extension::extend), the receiver chooses
//! bits, the sender gets pairs of keys, the receiver the chosen ones. [`transfer_random`]: any
//! random choices will do, in both directions. Over a line of at most [`SILENT_BANDWIDTH_MAX`], as
//! the parties agreed on, or after [`use_silent`], they come from batches of
//! [`silent_vole::transfers`](crate::silent_vole::transfers) once many are needed: see
//! [`SILENT_MIN`]. What is left of a batch serves later calls. [`produce_ahead`] makes batches
//! before they are needed.
//! # Messages
//! 1. `corrections`, `trees` for new batches, see `silent_vole::transfers`
//! 2. `corrections` receiver → sender: 32 bits for each transfer of the extension; for each silent
//!    one the sum of the choice and the random bit, and nothing if choices may be random
//! # Leaks
//! The number of transfers, which is public anyway.
//! # Security
//! Semi-honest, from the extension and the silent batches. The sum of a choice and a pseudo-random
//! bit, which is used once, says nothing about the choice. Keys are hashes of columns as in the
//! extension, under the same counter: no two transfers of a pair of parties have one tweak.
//! # Cost
//! One flight, none for random silent transfers. From the receiver of n transfers of the extension
//! `⌈n/128⌉·512` bytes, of silent ones `⌈n/64⌉·8` (none if random). New batches take 2 flights
//! for each 8 of them.
//! # Reference
//! Choices for random transfers: Beaver, "Precomputing Oblivious Transfer", CRYPTO 1995.

use rayon::prelude::*;

use crate::boolean::Bits;
use crate::ot_extension::{
    Extended, Key, TRANSFERS_MAX, corrections_bytes, exchange, hash_columns, hash_pairs,
};
use crate::silent_vole::transfers::{
    BATCH, BATCHES_MAX, ReceivedColumns, SentColumns, Stock, refill,
};
use crate::{MpcError, TwoParty};

/// A new batch is made once so many transfers of a direction were missing since the last one: by
/// the extension they take as many bytes as a batch. Fewer are made by the extension.
pub const SILENT_MIN: usize = BATCH / 10;

/// Silent transfers of one party.
#[derive(Default)]
pub(crate) struct Silent {
    stock: Stock,
    /// Transfers that the extension made since the last batch, to receive and to send.
    extended: [usize; 2],
}

impl Silent {
    /// Whether a request for so many transfers is served silently; both parties decide the same.
    fn serves(&mut self, receive: usize, send: usize) -> [bool; 2] {
        let stock = [self.stock.to_receive(), self.stock.to_send()];
        let mut serves = [false; 2];
        for (direction, count) in [receive, send].into_iter().enumerate() {
            let missing = count > stock[direction];
            let extended = &mut self.extended[direction];
            *extended += if missing { count } else { 0 };
            serves[direction] = count > 0 && (!missing || *extended >= SILENT_MIN);
            if missing && serves[direction] {
                *extended = 0;
            }
        }
        serves
    }
}

/// Megabits per second up to which silent transfers are worth their work: both parties together
/// take 0.08 µs of computation more for each transfer that sends 3.5 bytes less.
pub const SILENT_BANDWIDTH_MAX: u32 = 200;

/// Whether a line that the parties agreed on is so slow that silent transfers are worth their work.
pub fn are_silent(bandwidth: Option<u32>) -> bool {
    bandwidth.is_some_and(|bandwidth| bandwidth <= SILENT_BANDWIDTH_MAX)
}

/// From now on many transfers are taken from silent batches, whatever line the parties agreed on.
/// Both parties call it at the same point, or neither.
pub fn use_silent(party: &mut TwoParty) {
    party.silent.get_or_insert_default();
}

/// Makes batches until there are so many transfers to receive and to send. The peer calls it with
/// the mirrored numbers.
///
/// # Errors
/// [`MpcError::InvalidInput`] for a party without silent transfers, or for more than
/// [`TRANSFERS_MAX`]; [`MpcError::Net`] when the peer fails.
#[net::boxed]
pub async fn produce_ahead(
    party: &mut TwoParty,
    receive: usize,
    send: usize,
) -> Result<(), MpcError> {
    check(receive.max(send))?;
    while let Some(silent) = &party.silent {
        let stock = [silent.stock.to_receive(), silent.stock.to_send()];
        let missing = [receive.saturating_sub(stock[0]), send.saturating_sub(stock[1])];
        if missing == [0; 2] {
            return Ok(());
        }
        make_batches(party, missing).await?;
    }
    Err(MpcError::InvalidInput("transfers ahead need silent transfers".to_owned()))
}

/// Runs transfers in both directions at once: this party receives `choices.len()` keys by its
/// choices and sends `send` pairs; the peer calls it with the mirrored numbers.
///
/// # Errors
/// [`MpcError::InvalidInput`] for more than [`TRANSFERS_MAX`] transfers, [`MpcError::Net`] when the
/// peer is gone or its message has another length.
pub async fn transfer<K: Key>(
    party: &mut TwoParty,
    choices: &Bits,
    send: usize,
) -> Result<Extended<K>, MpcError> {
    check(choices.len().max(send))?;
    let [silent_receive, silent_send] = serves(party, choices.len(), send);
    let (received, sent) = take(party, choices.len(), send, [silent_receive, silent_send]).await?;
    let mut keys = Vec::new();
    let message = if silent_receive {
        let random = Bits::from_words(received.choices, choices.len());
        choices.xor(&random).words().iter().flat_map(|word| word.to_le_bytes()).collect()
    } else {
        let TwoParty { session, as_receiver, .. } = &mut *party;
        let (corrections, extended) = session.compute(|| as_receiver.keys(choices)).await;
        keys = extended;
        corrections
    };
    let expected = if silent_send { send.div_ceil(64) * 8 } else { corrections_bytes(send) };
    let theirs = exchange(&mut party.session, "corrections", message, expected).await?;
    if silent_receive {
        keys = keys_of_receiver(party, &received.columns, choices.len()).await;
    }
    let sent = if silent_send {
        let sums = Bits::from_words(net::wire::words_from_bytes(&theirs), send);
        keys_of_sender(party, sent, send, Some(&sums)).await
    } else {
        let TwoParty { session, as_sender, .. } = &mut *party;
        session.compute(|| as_sender.keys(&theirs, send)).await
    };
    Ok(Extended { received: keys, sent })
}

/// As [`transfer`] with as many choices of either party, which may be any random ones: returned are
/// those that were made, `random` itself where the extension makes them.
///
/// # Errors
/// Those of [`transfer`].
pub async fn transfer_random<K: Key>(
    party: &mut TwoParty,
    random: Bits,
) -> Result<(Bits, Extended<K>), MpcError> {
    let count = random.len();
    check(count)?;
    let serves = serves(party, count, count);
    let (received, sent) = take(party, count, count, serves).await?;
    let [silent_receive, silent_send] = serves;
    let mut extended = Extended { received: Vec::new(), sent: Vec::new() };
    let (mut message, mut choices) = (Vec::new(), random);
    if silent_receive {
        choices = Bits::from_words(received.choices, count);
    } else {
        let TwoParty { session, as_receiver, .. } = &mut *party;
        (message, extended.received) = session.compute(|| as_receiver.keys(&choices)).await;
    }
    let expected = if silent_send { 0 } else { corrections_bytes(count) };
    let theirs = exchange(&mut party.session, "corrections", message, expected).await?;
    if silent_receive {
        extended.received = keys_of_receiver(party, &received.columns, count).await;
    }
    extended.sent = if silent_send {
        keys_of_sender(party, sent, count, None).await
    } else {
        let TwoParty { session, as_sender, .. } = &mut *party;
        session.compute(|| as_sender.keys(&theirs, count)).await
    };
    Ok((choices, extended))
}

fn check(count: usize) -> Result<(), MpcError> {
    if count > TRANSFERS_MAX {
        return Err(MpcError::InvalidInput(format!(
            "at most {TRANSFERS_MAX} transfers at once, asked for {count}"
        )));
    }
    Ok(())
}

fn serves(party: &mut TwoParty, receive: usize, send: usize) -> [bool; 2] {
    party.silent.as_mut().map_or([false; 2], |silent| silent.serves(receive, send))
}

/// Takes silent transfers in the directions that are served silently, in whole words of 64; new
/// batches are made as they are needed, so that no more of them are held than of one refill.
async fn take(
    party: &mut TwoParty,
    receive: usize,
    send: usize,
    serves: [bool; 2],
) -> Result<(ReceivedColumns, SentColumns), MpcError> {
    let (mut received, mut sent) = (ReceivedColumns::default(), SentColumns::default());
    let whole = |count: usize, served: bool| if served { count.next_multiple_of(64) } else { 0 };
    let [receive, send] = [whole(receive, serves[0]), whole(send, serves[1])];
    received.columns.reserve_exact(receive);
    sent.columns.reserve_exact(send);
    while let Some(silent) = &mut party.silent {
        silent.stock.receive(receive - received.columns.len(), &mut received);
        silent.stock.send(send - sent.columns.len(), &mut sent);
        let missing = [receive - received.columns.len(), send - sent.columns.len()];
        if missing == [0; 2] {
            break;
        }
        make_batches(party, missing).await?;
    }
    Ok((received, sent))
}

/// Makes at least so many transfers, or as many batches as one refill makes.
async fn make_batches(party: &mut TwoParty, missing: [usize; 2]) -> Result<(), MpcError> {
    let batches = missing.map(|count| count.div_ceil(BATCH).min(BATCHES_MAX));
    let TwoParty { session, as_sender, as_receiver, silent, .. } = party;
    let Some(silent) = silent else { return Ok(()) };
    refill(session, (as_sender, as_receiver), &mut silent.stock, batches).await
}

/// The chosen keys of silent transfers.
async fn keys_of_receiver<K: Key>(party: &mut TwoParty, columns: &[u128], count: usize) -> Vec<K> {
    let (hash, tweak) = party.as_receiver.next_tweaks(count);
    let hash = || {
        let mut keys = vec![K::default(); count];
        hash_columns(&hash, tweak, &columns[..count], &mut keys);
        keys
    };
    party.session.compute(hash).await
}

/// Both keys of silent transfers, in the order of the receiver's choices if their sums with its
/// random bits are given.
async fn keys_of_sender<K: Key>(
    party: &mut TwoParty,
    sent: SentColumns,
    count: usize,
    sums: Option<&Bits>,
) -> Vec<[K; 2]> {
    let (hash, tweak) = party.as_sender.next_tweaks(count);
    let keys = || {
        let SentColumns { mut columns, deltas } = sent;
        let mut keys = vec![[K::default(); 2]; count];
        let mut start = 0;
        for (length, delta) in &deltas {
            let span = start.min(count)..count.min(start + length);
            let columns = &mut columns[span.clone()];
            if let Some(sums) = sums {
                put_in_order(columns, &sums.words()[start / 64..], **delta);
            }
            hash_pairs(&hash, tweak + start as u64, **delta, columns, &mut keys[span]);
            start += length;
        }
        keys
    };
    party.session.compute(keys).await
}

/// Adds Δ to the columns of which the receiver wants the other key: their keys change places.
fn put_in_order(columns: &mut [u128], sums: &[u64], delta: u128) {
    columns.par_chunks_mut(64).zip(sums).for_each(|(columns, word)| {
        for (place, column) in columns.iter_mut().enumerate() {
            *column ^= delta & u128::from(word >> place & 1).wrapping_neg();
        }
    });
}

#[cfg(test)]
mod tests;
