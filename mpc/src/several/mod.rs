//! Blocks for any number of parties: shares among all of them, secure while one is honest.
//!
//! # Functionality
//! n parties hold additive shares modulo 2^64, or XOR shares of bits: all n together are the value,
//! any n - 1 of them say nothing. [`add`](circuit::add) gives the bits of a sum of numbers, of
//! which [`is_negative`] is the top one; [`and_bits`], [`multiply`], [`scale`], [`multiply_by`]
//! (with factors that the first party knows), [`select`] and [`bits_to_words`] products; [`lift`],
//! [`lift_wide`] and [`truncate`] fewer fractional bits, or another modulus; [`matrix`] products of
//! private columns with shared vectors, [`gram`] of such columns with each other under shared
//! weights, [`histogram`] sums over the cells of private codes,
//! [`product`] products of shared vectors modulo 2^128, with all that
//! [`Arithmetic`](crate::Arithmetic) needs, [`sigmoid`], [`exponential`] and [`softmax`] these
//! functions; [`reveal`] opens, [`sum`] gives one party the sum of what the others have.
//! # Messages
//! 1. those of [`TwoParty::setup`], between each two parties
//! 2. of the blocks for two parties that do the products, between each two of them: `boolean`,
//!    `conversion`, `multiplication`, `known`, `matrix`, `gram`
//! 3. `widths`, once between each two: how many columns each party has, of [`matrix`] and [`gram`]
//! 4. those listed in [`histogram`], [`product`], [`sigmoid`], [`exponential`], [`softmax`],
//!    [`reveal`] and [`sum`]
//! # Leaks
//! Nothing but lengths, and what is opened.
//! # Security
//! Semi-honest, against any n - 1 parties that put together what they see. Every product of two
//! shared numbers `x = Σ x_i` and `y = Σ y_i` is a sum of products `x_i·y_j`, of which two parties
//! do each, i and j, by a block for two that leaves them fresh random shares of it; nobody else
//! takes part. So of a product with at least one honest party the others hold uniform shares.
//! Shares of what is opened are blinded by sharings of zero before they travel. No two parties hold
//! everybody's shares, which would be cheaper and asks all others to trust these two.
//! # Cost
//! Between each two parties: an AND of bits 4.4 bytes each way (with silent transfers 0.4), in
//! words of 64; a product of words 768; a selection n - 1 transfers of 8 + 4 bytes at each party. A
//! layer of ANDs takes one flight and one step of a selection 2, of which there are n.
//! # Reference
//! Goldreich, Micali, Wigderson, STOC 1987; carry-save and parallel-prefix addition: Brent, Kung,
//! IEEE Transactions on Computers 1982. Adding up approximate fractions of shares to find how often
//! they wrap around: the argument is at [`lift`].

mod agreement;
mod chain;
pub(crate) mod circuit;
pub mod exponential;
pub mod gram;
pub mod histogram;
pub mod matrix;
pub mod product;
pub mod reveal;
pub mod sigmoid;
pub mod softmax;
pub mod sum;
mod wide;
mod words;

use std::sync::Arc;

use net::{Session, own_place, together};

use crate::reveal::Ledger;
use crate::{MpcError, TwoParty};
pub use agreement::compare;
pub use circuit::{Triples, and_bits, is_negative};
pub(crate) use words::accumulate;
pub use words::{
    Chosen, bits_to_words, choose, lift, lift_wide, multiply, multiply_by, scale, select, truncate,
};

/// The most parties there can be: the more there are, the fewer bits each has in the product of
/// waves that makes a sigmoid.
pub const PARTIES_MAX: usize = 5;

/// One party's end of a computation among several: its ends with each other party, and the ledger.
pub struct Parties {
    /// With every other party, in the order of the job.
    links: Vec<TwoParty>,
    number: usize,
    ledger: Arc<Ledger>,
}

impl Parties {
    /// Runs the base transfers with all others at once. `sessions` are those with all other
    /// parties, in the order in which the job lists these; a party's own place follows from them.
    ///
    /// # Errors
    /// [`MpcError::InvalidInput`] for more than [`PARTIES_MAX`] parties, [`MpcError::Net`] when a
    /// peer fails or the sessions come in another order.
    #[net::boxed]
    pub async fn setup(sessions: Vec<Session>, ledger: Arc<Ledger>) -> Result<Self, MpcError> {
        check_count(1 + sessions.len())?;
        let number = own_place(&sessions)?;
        let setup = |session| TwoParty::setup(session, Arc::clone(&ledger));
        let links = together(sessions.into_iter().map(setup)).await?;
        Ok(Self { links, number, ledger })
    }

    /// How many parties there are.
    pub fn count(&self) -> usize {
        1 + self.links.len()
    }

    /// This party's place among all, from 0.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Whether this is the party that the job lists first.
    pub fn is_first(&self) -> bool {
        self.number == 0
    }

    /// The conversation with the first of the other parties, for work on this party's pool.
    pub fn session(&self) -> &Session {
        &self.links[0].session
    }

    /// The ends with all other parties, in the order of the job.
    pub fn links(&mut self) -> &mut [TwoParty] {
        &mut self.links
    }

    /// This party's share of a public constant: the first party holds it, the others hold zero.
    pub fn share_of_public(&self, value: u64) -> u64 {
        if self.is_first() { value } else { 0 }
    }

    /// The conversations with all other parties, in the order of the job.
    pub fn sessions(&mut self) -> impl Iterator<Item = &mut Session> {
        self.links.iter_mut().map(|link| &mut link.session)
    }

    /// The names of all parties, in the order of the job.
    pub fn names(&self) -> Vec<String> {
        (0..self.count()).map(|place| self.name(place).to_owned()).collect()
    }

    /// The ends with all other parties, with their places.
    fn peers(&mut self) -> impl Iterator<Item = (usize, &mut TwoParty)> {
        let number = self.number;
        let place = move |index| if index < number { index } else { index + 1 };
        self.links.iter_mut().enumerate().map(move |(index, link)| (place(index), link))
    }

    /// The end with the party at this place.
    ///
    /// # Errors
    /// [`MpcError::InvalidInput`] if that is this party, or nobody.
    fn link(&mut self, place: usize) -> Result<&mut TwoParty, MpcError> {
        let found = self.peers().find(|(peer, _)| *peer == place);
        let nobody = || MpcError::InvalidInput(format!("no other party at place {place}"));
        found.map(|(_, link)| link).ok_or_else(nobody)
    }

    /// The name of the party at this place.
    pub fn name(&self, place: usize) -> &str {
        let before = usize::from(place > self.number);
        match self.links.get(place - before) {
            Some(link) if place != self.number => link.session.peer(),
            _ => self.session().me(),
        }
    }
}

/// Whether the blocks are made for so many parties.
fn check_count(parties: usize) -> Result<(), MpcError> {
    if (2..=PARTIES_MAX).contains(&parties) {
        return Ok(());
    }
    Err(MpcError::InvalidInput(format!(
        "{parties} parties, where shares among all are made for 2 to {PARTIES_MAX}"
    )))
}

#[cfg(test)]
pub(crate) mod tests;
