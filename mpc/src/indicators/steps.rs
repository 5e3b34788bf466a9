//! Steps of which each is done or not, as one party's fixed choices say, again and again.
//!
//! Each step has a correlated transfer of two keys that lasts for the whole training. In a pass
//! each key is expanded under a number of its own into the pad of a word.

use std::ops::Range;

use crypto::hash::CorrelationRobust;
use net::Size;
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::boolean::Bits;
use crate::transfers::transfer;
use crate::{MpcError, TwoParty};

/// Steps whose transfers are made at once, which bounds their messages.
const TRANSFERS_TOGETHER: usize = 1 << 22;
/// Steps whose words make one message: the peer works on them while the next ones are made.
const STEPS_TOGETHER: usize = 1 << 20;
/// Keys that one task expands.
const KEYS_PER_TASK: usize = 1 << 12;

/// Something that a step does to shares if its choice is 1; linear, so that each party does it to
/// its own.
pub(super) trait Step: Sync {
    /// What is multiplied by the choice.
    fn delta(&self, values: &[u64]) -> u64;
    /// Adds the product where it belongs.
    fn add(&self, values: &mut [u64], product: u64);
}

/// Exchanges what is in two places.
impl Step for [u32; 2] {
    fn delta(&self, values: &[u64]) -> u64 {
        let [left, right] = self.map(|place| values[place as usize]);
        right.wrapping_sub(left)
    }

    fn add(&self, values: &mut [u64], product: u64) {
        let [left, right] = self.map(|place| place as usize);
        values[left] = values[left].wrapping_add(product);
        values[right] = values[right].wrapping_sub(product);
    }
}

/// Multiplies what is in a place by a power of two.
pub(super) struct Doubling {
    pub(super) place: u32,
    /// How often it doubles.
    pub(super) times: u32,
}

impl Step for Doubling {
    fn delta(&self, values: &[u64]) -> u64 {
        let value = values[self.place as usize];
        (value << self.times).wrapping_sub(value)
    }

    fn add(&self, values: &mut [u64], product: u64) {
        let value = &mut values[self.place as usize];
        *value = value.wrapping_add(product);
    }
}

/// The transfers of a list of steps.
pub(super) enum Transfers {
    /// Of the party that knows the choices: these, and the keys that they name.
    Own { choices: Bits, keys: Zeroizing<Vec<u128>> },
    /// Of the other party.
    Theirs { keys: Zeroizing<Vec<[u128; 2]>> },
}

/// How a list of steps is run.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// The name of the messages.
    pub(super) step: &'static str,
    /// Whether the last step comes first.
    pub(super) backward: bool,
    /// Bytes of a word: shares count modulo 2 to the power of so many bits.
    pub(super) bytes: usize,
}

impl Transfers {
    /// Makes them, for the party that knows the choices.
    pub(super) async fn of_own(party: &mut TwoParty, choices: Bits) -> Result<Self, MpcError> {
        let count = choices.len();
        let mut keys = Zeroizing::new(Vec::with_capacity(count));
        for start in (0..count).step_by(TRANSFERS_TOGETHER) {
            let length = TRANSFERS_TOGETHER.min(count - start);
            let part = Bits::from_fn(length, |index| choices.bit(start + index) == 1);
            keys.extend(transfer::<u128>(party, &part, 0).await?.received);
        }
        Ok(Self::Own { choices, keys })
    }

    /// Makes so many, for the other party.
    pub(super) async fn of_theirs(party: &mut TwoParty, count: usize) -> Result<Self, MpcError> {
        let mut keys = Zeroizing::new(Vec::with_capacity(count));
        for start in (0..count).step_by(TRANSFERS_TOGETHER) {
            let length = TRANSFERS_TOGETHER.min(count - start);
            keys.extend(transfer::<u128>(party, &Bits::default(), length).await?.sent);
        }
        Ok(Self::Theirs { keys })
    }

    /// Runs the steps of the `span`, which are as many as transfers in all, on the shares in
    /// `values`.
    pub(super) async fn run<S: Step>(
        &self,
        party: &mut TwoParty,
        steps: &[S],
        span: Range<usize>,
        values: &mut [u64],
        manner: Manner,
    ) -> Result<(), MpcError> {
        let count = span.len();
        let places = |start: usize| {
            let Range { start: first, end } = span;
            let place = move |turn| if manner.backward { end - 1 - turn } else { first + turn };
            (start..count.min(start + STEPS_TOGETHER)).map(place)
        };
        match self {
            Self::Own { choices, keys } => {
                let (hash, tweak) = party.as_receiver.next_tweaks(count);
                for start in (0..count).step_by(STEPS_TOGETHER) {
                    let places = places(start);
                    let size = Size::Exactly(places.len() * manner.bytes);
                    let words = party.session.receive_bytes(manner.step, size).await?;
                    let work = || {
                        let pads = places.clone().map(|place| keys[place]).collect();
                        let pads = expanded(&hash, tweak + start as u64, pads);
                        let words = words.chunks_exact(manner.bytes).map(read);
                        for ((place, pad), word) in places.zip(pads.iter()).zip(words) {
                            let step = &steps[place];
                            // The own part and the other party's, both times the choice.
                            let delta = step.delta(values).wrapping_add(word);
                            let chosen = delta & choices.bit(place).wrapping_neg();
                            step.add(values, chosen.wrapping_add(*pad as u64));
                        }
                    };
                    party.session.compute(work).await;
                }
            }
            Self::Theirs { keys } => {
                let (hash, tweak) = party.as_sender.next_tweaks(count);
                for start in (0..count).step_by(STEPS_TOGETHER) {
                    let places = places(start);
                    let work = || {
                        let [zeros, ones] = [0, 1].map(|side: usize| {
                            let pads = places.clone().map(|place| keys[place][side]).collect();
                            expanded(&hash, tweak + start as u64, pads)
                        });
                        let mut words = Vec::with_capacity(places.len() * manner.bytes);
                        for ((place, zero), one) in places.zip(zeros.iter()).zip(ones.iter()) {
                            let (step, zero) = (&steps[place], *zero as u64);
                            let word = step.delta(values).wrapping_add(zero);
                            let word = word.wrapping_sub(*one as u64);
                            words.extend(&word.to_le_bytes()[..manner.bytes]);
                            step.add(values, zero.wrapping_neg());
                        }
                        words
                    };
                    let words = party.session.compute(work).await;
                    party.session.send_bytes(manner.step, words).await?;
                }
            }
        }
        Ok(())
    }
}

/// The pads that keys expand to, under numbers that count up from `tweak`.
fn expanded(hash: &CorrelationRobust, tweak: u64, keys: Vec<u128>) -> Zeroizing<Vec<u128>> {
    let mut pads = Zeroizing::new(keys);
    pads.par_chunks_mut(KEYS_PER_TASK).enumerate().for_each(|(task, pads)| {
        hash.hash_batch(tweak + (task * KEYS_PER_TASK) as u64, pads);
    });
    pads
}

/// A word of at most 8 bytes.
fn read(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.iter_mut().zip(bytes).for_each(|(target, byte)| *target = *byte);
    u64::from_le_bytes(word)
}
