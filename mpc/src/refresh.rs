//! New shares of old secrets: what a party kept from an earlier session goes into a new one.
//!
//! # Functionality
//! All hold shares of the same secrets, each in a [`Shared`] of the same shape. Afterwards they
//! hold other shares of them, which do not fit with the old ones. [`refresh`] is for two parties,
//! [`refresh_among`] for several.
//! # Messages
//! 1. `refresh` both ways, of several parties between each two: a seed
//! # Leaks
//! Nothing. Two parties know the difference between their old and new shares; a third that sees one
//! party's old shares and the other's new ones does not, and learns nothing of the secrets.
//! # Security
//! Semi-honest; the difference between two parties is pseudo-random if one of their seeds is
//! random. Of several, old shares of some parties and new ones of the rest add up to the secret and
//! the masks between these parties and those, which are uniform to whoever lacks one of them.
//! # Cost
//! 1 flight, 32 bytes each way between each two.
//! # Reference
//! Herzberg, Jarecki, Krawczyk, Yung, "Proactive secret sharing", CRYPTO 1995, for parties that add
//! up.

use crypto::hash::digest;
use crypto::random::Generator;
use net::{Session, Size, together};

use crate::several::Parties;
use crate::{MpcError, TwoParty};

/// One party's shares of a state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shared {
    /// Added modulo 2^64.
    pub words: Vec<u64>,
    /// Added modulo 2^128.
    pub wide: Vec<u128>,
    /// Bits, packed as in [`Bits`](crate::boolean::Bits), and added modulo 2.
    pub bits: Vec<u64>,
}

/// Replaces shares by new ones of the same secrets. Both parties pass equally many.
///
/// # Errors
/// [`MpcError::Net`] if the peer fails.
#[net::boxed]
pub async fn refresh(party: &mut TwoParty, shared: &mut Shared) -> Result<(), MpcError> {
    let mut masks = agree_on_masks(&mut party.session).await?;
    shift(shared, &mut masks, party.is_first());
    Ok(())
}

/// [`refresh`] for the shares of several parties.
///
/// # Errors
/// [`MpcError::Net`] if a peer fails.
#[net::boxed]
pub async fn refresh_among(parties: &mut Parties, shared: &mut Shared) -> Result<(), MpcError> {
    let links = parties.links().iter_mut();
    let masks = together(links.map(|link| agree_on_masks(&mut link.session))).await?;
    for (link, mut masks) in parties.links().iter().zip(masks) {
        shift(shared, &mut masks, link.is_first());
    }
    Ok(())
}

/// What only these two parties know.
async fn agree_on_masks(session: &mut Session) -> Result<Generator, MpcError> {
    let mut own = [0; SEED_BYTES];
    session.rng().fill_bytes(&mut own);
    let size = Size::Exactly(SEED_BYTES);
    let theirs = session.exchange_bytes("refresh", own.to_vec(), size).await?;
    let seeds: [&[u8]; 2] = if session.is_first() { [&own, &theirs] } else { [&theirs, &own] };
    Ok(Generator::from_seed(digest("mpc/refresh", &seeds)))
}

/// Adds the masks at one party, and takes them away at the other.
fn shift(shared: &mut Shared, masks: &mut Generator, adds: bool) {
    let Shared { words, wide, bits } = shared;
    for word in words {
        let mask = masks.next_u64();
        *word = if adds { word.wrapping_add(mask) } else { word.wrapping_sub(mask) };
    }
    for word in wide {
        let mask = u128::from(masks.next_u64()) | u128::from(masks.next_u64()) << 64;
        *word = if adds { word.wrapping_add(mask) } else { word.wrapping_sub(mask) };
    }
    for bits in bits {
        *bits ^= masks.next_u64();
    }
}

const SEED_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::test_support::{assert_drop_is_noticed, both_dealt, sweep};

    fn shares(is_first: bool) -> Shared {
        let factor = if is_first { 3 } else { 0x9E37_79B9_7F4A_7C15 };
        let words: Vec<u64> = (1..5_u64).map(|place| place.wrapping_mul(factor)).collect();
        let wide = words.iter().map(|word| u128::from(*word) << 50).collect();
        Shared { bits: words[..2].to_vec(), words, wide }
    }

    async fn play(party: &mut TwoParty) -> Result<Shared, MpcError> {
        let mut shared = shares(party.is_first());
        refresh(party, &mut shared).await?;
        Ok(shared)
    }

    fn run() -> world::Outcome<Shared, Shared> {
        both_dealt(4, async |party| play(party).await.unwrap())
    }

    /// What two parties' shares stand for.
    fn secrets(one: &Shared, other: &Shared) -> Shared {
        let sum = |(one, other): (&u64, &u64)| one.wrapping_add(*other);
        let wide_sum = |(one, other): (&u128, &u128)| one.wrapping_add(*other);
        Shared {
            words: one.words.iter().zip(&other.words).map(sum).collect(),
            wide: one.wide.iter().zip(&other.wide).map(wide_sum).collect(),
            bits: one.bits.iter().zip(&other.bits).map(|(one, other)| one ^ other).collect(),
        }
    }

    /// The secrets stay, and no old share fits with a new one.
    #[test]
    fn correct() {
        let [first, second] = [true, false].map(shares);
        let outcome = run();
        let before = secrets(&first, &second);
        assert_eq!(secrets(&outcome.first, &outcome.second), before);
        for mixed in [secrets(&first, &outcome.second), secrets(&outcome.first, &second)] {
            assert!(mixed.words.iter().zip(&before.words).all(|(one, other)| one != other));
            assert!(mixed.wide.iter().zip(&before.wide).all(|(one, other)| one != other));
            assert!(mixed.bits.iter().zip(&before.bits).all(|(one, other)| one != other));
        }
    }

    /// Of three parties: the secrets stay, and old shares of one or two do not fit with new ones.
    #[test]
    fn correct_among_several() {
        let own = |number: usize| [shares(true), shares(false), shares(true)][number].clone();
        let outcome = world::mesh(5, 3, async |number, sessions| {
            let mut parties = Parties::setup(sessions, Arc::default()).await.unwrap();
            let mut shared = own(number);
            refresh_among(&mut parties, &mut shared).await.unwrap();
            shared
        });
        let [old, new] = [[own(0), own(1), own(2)], outcome.results.try_into().unwrap()];
        let all = |from: [&[Shared; 3]; 3]| {
            let two = secrets(&from[0][0], &from[1][1]);
            secrets(&two, &from[2][2])
        };
        let before = all([&old, &old, &old]);
        assert_eq!(all([&new, &new, &new]), before);
        for mixed in [all([&old, &new, &new]), all([&new, &old, &new]), all([&old, &old, &new])] {
            assert!(mixed.words.iter().zip(&before.words).all(|(one, other)| one != other));
            assert!(mixed.wide.iter().zip(&before.wide).all(|(one, other)| one != other));
            assert!(mixed.bits.iter().zip(&before.bits).all(|(one, other)| one != other));
        }
    }

    #[test]
    fn known_answer() {
        let hash = "1b63a6a88e20b5cd8e3355c243c731148cb2b9c641be800a11c3032b237a8cd1";
        assert_eq!(run().transcript.hash(), hash);
    }

    #[test]
    fn cost() {
        let transcript = run().transcript;
        for side in [world::Side::First, world::Side::Second] {
            assert_eq!(transcript.bytes_of(side, "refresh"), 32);
        }
        assert_eq!(transcript.rounds(), 1);
    }

    /// Any 32 bytes are a seed: another one only makes the shares unusable.
    #[test]
    fn tampered() {
        assert_eq!(sweep(&["refresh"], play), ["refresh"]);
    }

    #[test]
    fn peer_drops() {
        assert_drop_is_noticed("refresh", play);
    }
}
