//! Shares of inner products of a user's factors, which the host knows, with vectors of the guest's.

use std::ops::Range;

use crypto::lattice::slots::{
    EncryptedSlots, MaskedSlots, PAIR_MODULI, PublicKey, SecretKey, SlotRing,
};
use crypto::lattice::{LatticeError, Parameters, Ring};
use crypto::random::Generator;
use mpc::TwoParty;
use mpc::conversion::lift;
use mpc::hints::blame;
use net::Size;
use rayon::prelude::*;

use super::{Catalogue, Shape, Side};
use crate::ModelError;

/// A host's factor of a user beyond this counts as this, with its sign.
pub const FACTOR_MAX: f64 = 32.0;
/// Most users of a group: each has a slot.
pub(super) const USERS_MAX: usize = Parameters::N8192_Q150.degree();

/// Fractional bits of the host's factors.
const FACTOR_BITS: i32 = 15;
/// No score is above 2 to this power before it is shortened, so that a difference of two stays
/// below a sixth of the slot modulus.
const SCORE_BITS: i32 = 39;
/// What scores are shortened by.
const SHIFT: u32 = 15;
/// Scores are below 2 to this power when they are shortened, which puts them off by at most two
/// units.
pub(super) const BITS: u32 = SCORE_BITS as u32 - SHIFT;
/// Answers in one message.
const ANSWERS: usize = 16;
/// Numbers that are brought to words at once, which bounds memory.
const BATCH: usize = 1 << 17;

/// One number that the guest asks for of a user: the score's part of the host for `plus`, less that
/// for `minus`, and a number of its own.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ask {
    pub(super) plus: Option<u32>,
    pub(super) minus: Option<u32>,
    /// In the units of [`Scale`].
    pub(super) own: i64,
}

/// A guest's vectors of items, and the unit of each user's scores.
pub(super) struct Scale<'a> {
    items: &'a [f64],
    factors: usize,
    /// For each user a score of 1. Only scores of one user are compared, so that a user with large
    /// ones coarsens no other's.
    units: Vec<f64>,
}

impl<'a> Scale<'a> {
    /// That of the guest; none at the host.
    pub(super) async fn of(
        party: &mut TwoParty,
        side: &Side<'a>,
    ) -> Result<Option<Self>, ModelError> {
        match side.guest() {
            Some(catalogue) => party.session.compute(|| Self::new(catalogue)).await.map(Some),
            None => Ok(None),
        }
    }

    /// For each user the largest unit in which no score can be out of range.
    fn new(catalogue: &Catalogue<'a>) -> Result<Self, ModelError> {
        let part = catalogue.part;
        let factors = part.offset.len();
        let of_items = part.item_factors.chunks_exact(factors.max(1));
        let length = |item: &[f64]| item.iter().map(|factor| factor.abs()).sum::<f64>();
        let theirs = largest(of_items.map(length)) * FACTOR_MAX;
        let unit = |user| {
            let own = (0..part.item_biases.len()).map(|item| catalogue.own(user, item).abs());
            let most = theirs + largest(own);
            // A bit is left for what rounding adds.
            let unit = f64::from(SCORE_BITS - 1).exp2() / most.max(f64::MIN_POSITIVE.sqrt());
            most.is_finite().then_some(unit)
        };
        let units: Option<Vec<f64>> =
            (0..catalogue.taken.len()).into_par_iter().map(unit).collect();
        let Some(units) = units else {
            return Err(ModelError::InvalidInput(
                "the scores of items are too large for numbers; clip outliers".to_owned(),
            ));
        };
        Ok(Self { items: &part.item_factors, factors, units })
    }

    /// A number in the units of a user's scores.
    pub(super) fn whole(&self, user: usize, score: f64) -> i64 {
        (score * self.units[user]).round() as i64
    }

    /// One number of the vector that is asked for of a user.
    fn weight(&self, user: usize, ask: &Ask, factor: usize) -> i64 {
        let of = |item: Option<u32>| {
            item.map_or(0.0, |item| self.items[item as usize * self.factors + factor])
        };
        let unit = self.units[user] / f64::from(FACTOR_BITS).exp2();
        ((of(ask.plus) - of(ask.minus)) * unit).round() as i64
    }
}

/// The largest of numbers of at least 0; infinite where one of them is no number.
fn largest(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(0.0, |most: f64, it| if it.is_finite() { most.max(it) } else { f64::INFINITY })
}

impl Catalogue<'_> {
    /// The guest's part of a score.
    pub(super) fn own(&self, user: usize, item: usize) -> f64 {
        let k = self.part.offset.len();
        self.part.score(&self.user_factors[user * k..][..k], item)
    }
}

/// The factors of a group of users, encrypted by the host.
pub(super) struct Products<'a> {
    slots: SlotRing,
    group: Range<usize>,
    keys: Keys<'a>,
}

enum Keys<'a> {
    Guest(Evaluator<'a>),
    Host(SecretKey),
}

/// The guest's answer for a ciphertext of slots, in wire form, and its shares.
type Answer = (Vec<u8>, Vec<u64>);

/// What the guest answers with.
struct Evaluator<'a> {
    key: PublicKey,
    factors: Vec<EncryptedSlots>,
    scale: &'a Scale<'a>,
}

impl<'a> Products<'a> {
    /// The host hands the factors of the `group` over; the guest brings its scale.
    pub(super) async fn prepare(
        party: &mut TwoParty,
        side: &Side<'_>,
        scale: Option<&'a Scale<'a>>,
        shape: Shape,
        group: &Range<usize>,
    ) -> Result<Self, ModelError> {
        const KEY: &str = "public_key";
        const FACTORS: &str = "factors";
        let session = &mut party.session;
        let slots = session.compute(slot_ring).await;
        let factors = shape.factors;
        let keys = match (side, scale) {
            (Side::Host { user_factors, .. }, _) => {
                let own = &user_factors[group.start * factors..group.end * factors];
                let mut rng = session.rng();
                let (secret, public) = session.compute(|| slots.generate_keys(&mut rng)).await;
                session.send_bytes(KEY, public.to_bytes(&slots)).await?;
                let encrypt = || encrypt(&slots, &secret, own, factors, &mut rng);
                let bytes = session.compute(encrypt).await?;
                session.send_bytes(FACTORS, bytes).await?;
                Keys::Host(secret)
            }
            (Side::Guest(_), Some(scale)) => {
                let size = slots.seeded_bytes();
                let bytes = session.receive_bytes(KEY, Size::Exactly(size)).await?;
                let key = PublicKey::from_bytes(&slots, &bytes);
                let key = key.map_err(|error| blame(session, KEY, error))?;
                let bytes = session.receive_bytes(FACTORS, Size::Exactly(factors * size)).await?;
                let factors = session.compute(|| read(&slots, &bytes)).await;
                let factors = factors.map_err(|error| blame(session, FACTORS, error))?;
                Keys::Guest(Evaluator { key, factors, scale })
            }
            (Side::Guest(_), None) => {
                return Err(ModelError::InvalidInput("a guest without a scale".to_owned()));
            }
        };
        Ok(Self { slots, group: group.clone(), keys })
    }

    /// The number of users.
    pub(super) fn users(&self) -> usize {
        self.group.len()
    }

    /// Shares modulo 2^64 of `columns` numbers for each user, in 2^15 of the user's units, column
    /// after column. The guest asks, the host passes none.
    pub(super) async fn evaluate(
        &self,
        party: &mut TwoParty,
        columns: usize,
        asks: &[Ask],
    ) -> Result<Vec<u64>, ModelError> {
        const STEP: &str = "products";
        let count = columns * self.users();
        let answers = count.div_ceil(self.used());
        let session = &mut party.session;
        let mut rng = session.rng();
        let mut shares: Vec<u64> = Vec::with_capacity(answers * self.used());
        for start in (0..answers).step_by(ANSWERS) {
            let answers = start..answers.min(start + ANSWERS);
            let parts = match &self.keys {
                Keys::Guest(evaluator) => {
                    let answer = || self.answers(evaluator, answers, asks, &mut rng);
                    let (bytes, shares): (Vec<_>, Vec<_>) =
                        session.compute(answer).await?.into_iter().unzip();
                    session.send_bytes(STEP, bytes.concat()).await?;
                    shares
                }
                Keys::Host(secret) => {
                    let size = Size::Exactly(answers.len() * self.slots.masked_bytes());
                    let bytes = session.receive_bytes(STEP, size).await?;
                    let decrypted = session.compute(|| self.decrypt(secret, &bytes)).await;
                    decrypted.map_err(|error| blame(session, STEP, error))?
                }
            };
            shares.extend(parts.iter().flat_map(|part| &part[..self.used()]));
        }
        shares.truncate(count);
        let mut words = Vec::with_capacity(count);
        for part in shares.chunks(BATCH) {
            words.extend(lift(party, part, self.slots.modulus(), SHIFT).await?);
        }
        Ok(words)
    }

    /// Slots of an answer: the whole group, as often as it fits.
    fn used(&self) -> usize {
        self.slots.slots() / self.users() * self.users()
    }

    /// Some of the guest's answers.
    fn answers(
        &self,
        evaluator: &Evaluator<'_>,
        answers: Range<usize>,
        asks: &[Ask],
        rng: &mut Generator,
    ) -> Result<Vec<Answer>, LatticeError> {
        let asked = |answer: usize| {
            let asks = asks.get(answer * self.used()..).unwrap_or_default();
            &asks[..self.used().min(asks.len())]
        };
        let each: Vec<(usize, Generator)> = answers.map(|answer| (answer, rng.child())).collect();
        let answer = |(answer, mut rng)| self.answer(evaluator, asked(answer), &mut rng);
        each.into_par_iter().map(answer).collect()
    }

    /// What the guest answers of a ciphertext of slots.
    fn answer(
        &self,
        Evaluator { key, factors, scale }: &Evaluator<'_>,
        asks: &[Ask],
        rng: &mut Generator,
    ) -> Result<Answer, LatticeError> {
        let slots = &self.slots;
        // Of an answer, as of all of them, the first slot is the group's first user.
        let asked = || self.group.clone().cycle().zip(asks);
        let mut sum = slots.start_sum();
        for (factor, encrypted) in factors.iter().enumerate() {
            let weight = |(user, ask)| residue(slots, scale.weight(user, ask, factor));
            slots.add_product(&mut sum, encrypted, &asked().map(weight).collect::<Vec<u64>>())?;
        }
        let (masked, mut shares) = slots.mask_and_rerandomise(sum, key, rng);
        for (share, ask) in shares.iter_mut().zip(asks) {
            *share = slots.add(*share, residue(slots, ask.own));
        }
        Ok((masked.to_bytes(slots), shares))
    }

    /// The host's shares from some answers.
    fn decrypt(&self, secret: &SecretKey, bytes: &[u8]) -> Result<Vec<Vec<u64>>, LatticeError> {
        let answer = |bytes: &[u8]| {
            let masked = MaskedSlots::from_bytes(&self.slots, bytes)?;
            Ok(self.slots.decrypt(secret, &masked))
        };
        bytes.par_chunks_exact(self.slots.masked_bytes()).map(answer).collect()
    }
}

/// The encrypted factors from their wire form.
fn read(slots: &SlotRing, bytes: &[u8]) -> Result<Vec<EncryptedSlots>, LatticeError> {
    let parts = bytes.par_chunks_exact(slots.seeded_bytes());
    parts.map(|part| EncryptedSlots::from_bytes(slots, part)).collect()
}

fn slot_ring() -> SlotRing {
    SlotRing::with_modulus(&Ring::new(Parameters::N8192_Q150), PAIR_MODULI[0])
}

/// Each factor as a vector over the users, as often as it fits into the slots.
fn encrypt(
    slots: &SlotRing,
    key: &SecretKey,
    own: &[f64],
    factors: usize,
    rng: &mut Generator,
) -> Result<Vec<u8>, LatticeError> {
    let copies = slots.slots() / (own.len() / factors);
    let unit = f64::from(FACTOR_BITS).exp2();
    let whole = |factor: &f64| {
        let factor = factor.clamp(-FACTOR_MAX, FACTOR_MAX);
        residue(slots, (factor * unit).round() as i64)
    };
    let vectors = (0..factors).map(|factor| {
        let vector: Vec<u64> = own.iter().skip(factor).step_by(factors).map(whole).collect();
        vector.repeat(copies)
    });
    let encrypted = slots.encrypt_many(key, &vectors.collect::<Vec<Vec<u64>>>(), rng)?;
    Ok(encrypted.iter().flat_map(|it| it.to_bytes(slots)).collect())
}

/// A number modulo the slots' prime, in constant time.
fn residue(slots: &SlotRing, number: i64) -> u64 {
    let negative = (number >> 63) as u64;
    (number as u64).wrapping_add(slots.modulus() & negative)
}
