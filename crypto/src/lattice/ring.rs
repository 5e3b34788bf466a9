//! The ring `R_Q = Z_Q[X]/(X^N + 1)`, its elements in two forms, and sums of products.

use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

use super::LatticeError;
use super::modulus::Modulus;
use super::packing::{Packer, Unpacker, packed_bytes};
use super::parameters::Parameters;
use crate::arch::ntt::{Engine, Table};
use crate::hash;
use crate::random::Generator;

/// A ring with its precomputed tables; cloning shares them.
#[derive(Clone, Debug)]
pub struct Ring(Arc<Tables>);

#[derive(Debug)]
struct Tables {
    parameters: Parameters,
    transforms: Vec<Table>,
    engine: Engine,
}

/// An element of the ring as N coefficients, modulo one prime after the other.
#[derive(Clone, Debug, PartialEq, Eq, Zeroize)]
pub struct CoefficientPoly {
    pub(super) words: Vec<u64>,
}

/// An element of the ring as N values at the roots of X^N + 1, modulo one prime after the other:
/// products are taken value by value.
#[derive(Clone, Debug, PartialEq, Eq, Zeroize)]
pub struct TransformedPoly {
    pub(super) words: Vec<u64>,
}

impl Ring {
    /// Prepares the ring for the fastest engine of this processor; takes about a millisecond.
    pub fn new(parameters: Parameters) -> Self {
        Self::with_engine(parameters, Engine::detect())
    }

    pub(crate) fn with_engine(parameters: Parameters, engine: Engine) -> Self {
        let table = |prime: &u64| Table::new(parameters.degree(), Modulus::new(*prime));
        let transforms = parameters.primes().iter().map(table).collect();
        Self(Arc::new(Tables { parameters, transforms, engine }))
    }

    /// The parameter set.
    pub fn parameters(&self) -> Parameters {
        self.0.parameters
    }

    /// N.
    pub fn degree(&self) -> usize {
        self.0.parameters.degree()
    }

    pub(super) fn engine(&self) -> Engine {
        self.0.engine
    }

    pub(super) fn primes(&self) -> usize {
        self.0.transforms.len()
    }

    pub(super) fn modulus(&self, prime: usize) -> &Modulus {
        self.0.transforms[prime].modulus()
    }

    pub(super) fn moduli(&self) -> impl Iterator<Item = &Modulus> {
        self.0.transforms.iter().map(Table::modulus)
    }

    /// Words of an element: one per coefficient and prime.
    pub(super) fn poly_words(&self) -> usize {
        self.primes() * self.degree()
    }

    /// Bytes of an element on the wire: 50 bits per coefficient and prime.
    pub fn poly_bytes(&self) -> usize {
        packed_bytes(self.poly_words())
    }

    pub(super) fn zero(&self) -> CoefficientPoly {
        CoefficientPoly { words: vec![0; self.poly_words()] }
    }

    /// Evaluates at the roots.
    pub fn forward(&self, poly: CoefficientPoly) -> TransformedPoly {
        let mut transformed = TransformedPoly { words: poly.words };
        for (table, values) in self.each_prime(&mut transformed.words) {
            self.0.engine.forward(table, values);
        }
        transformed
    }

    /// Interpolates from the roots.
    pub fn inverse(&self, poly: TransformedPoly) -> CoefficientPoly {
        let mut coefficients = CoefficientPoly { words: poly.words };
        for (table, values) in self.each_prime(&mut coefficients.words) {
            self.0.engine.inverse(table, values);
        }
        coefficients
    }

    /// Multiplies `left` by `right`.
    pub fn multiply(&self, left: &mut TransformedPoly, right: &TransformedPoly) {
        let degree = self.degree();
        let right = right.words.chunks_exact(degree);
        for ((table, left), right) in self.each_prime(&mut left.words).zip(right) {
            self.0.engine.multiply(table.modulus(), left, right);
        }
    }

    /// Adds `right`, in the same form, to `left`.
    pub(super) fn add(&self, left: &mut [u64], right: &[u64]) {
        let right = right.chunks_exact(self.degree());
        for ((table, left), right) in self.each_prime(left).zip(right) {
            self.0.engine.add(table.modulus(), left, right);
        }
    }

    /// Takes `right`, in the same form, off `left`.
    pub(super) fn subtract(&self, left: &mut [u64], right: &[u64]) {
        let right = right.chunks_exact(self.degree());
        for ((table, left), right) in self.each_prime(left).zip(right) {
            self.0.engine.subtract(table.modulus(), left, right);
        }
    }

    /// Adds small numbers to the first coefficients.
    pub(super) fn add_small(&self, poly: &mut CoefficientPoly, numbers: &[i32]) {
        for (table, words) in self.each_prime(&mut poly.words) {
            self.0.engine.add_small(table.modulus(), &mut words[..numbers.len()], numbers);
        }
    }

    /// The element with the given small first coefficients; the others are zero.
    pub(super) fn small(&self, numbers: &[i32]) -> CoefficientPoly {
        let mut poly = self.zero();
        self.add_small(&mut poly, numbers);
        poly
    }

    /// A uniform element; either form of a uniform element is uniform.
    pub(super) fn uniform(&self, rng: &mut Generator) -> Vec<u64> {
        let mut words = vec![0; self.poly_words()];
        rng.fill_words(&mut words);
        for (table, words) in self.each_prime(&mut words) {
            reject(words, table.modulus(), rng);
        }
        words
    }

    /// The public element number `index` of the sequence that `seed` and `domain` name.
    pub(super) fn public(&self, seed: &[u8; 32], domain: &str, index: u64) -> TransformedPoly {
        let seed = hash::digest(domain, &[seed, &index.to_le_bytes()]);
        TransformedPoly { words: self.uniform(&mut Generator::from_seed(seed)) }
    }

    /// Packs the words of one element.
    pub(super) fn pack(&self, words: &[u64]) -> Vec<u8> {
        let mut packer = Packer::new(self.poly_words());
        packer.push(words);
        packer.finish()
    }

    /// Reads one element from exactly [`Ring::poly_bytes`] bytes.
    pub(super) fn unpack(
        &self,
        bytes: &[u8],
        what: &'static str,
    ) -> Result<Vec<u64>, LatticeError> {
        let mut unpacker = Unpacker::new(bytes, self.poly_words(), what)?;
        let words = self.unpack_poly(&mut unpacker)?;
        unpacker.finish()?;
        Ok(words)
    }

    /// Takes the words of one element from `unpacker`.
    pub(super) fn unpack_poly(
        &self,
        unpacker: &mut Unpacker<'_>,
    ) -> Result<Vec<u64>, LatticeError> {
        let mut words = Vec::with_capacity(self.poly_words());
        for modulus in self.moduli() {
            unpacker.take(self.degree(), modulus, &mut words)?;
        }
        Ok(words)
    }

    fn each_prime<'a>(
        &'a self,
        words: &'a mut [u64],
    ) -> impl Iterator<Item = (&'a Table, &'a mut [u64])> {
        debug_assert_eq!(words.len(), self.poly_words());
        self.0.transforms.iter().zip(words.chunks_exact_mut(self.degree()))
    }
}

/// Turns uniform words into uniform residues: words cut to 50 bits that reach the prime are drawn
/// again. What is rejected says nothing about what stays.
pub(super) fn reject(words: &mut [u64], modulus: &Modulus, rng: &mut Generator) {
    let mask = (1u64 << modulus.bits()) - 1;
    for word in words {
        *word &= mask;
        while *word >= modulus.value() {
            *word = rng.next_u64() & mask;
        }
    }
}

/// A sum of products of elements, reduced only at its end.
pub(super) struct Accumulator {
    low: Vec<u64>,
    high: Vec<u64>,
    terms: usize,
}

/// Words of a piece of a sum: its two halves fill half of the first-level cache.
const PIECE_WORDS: usize = 1024;

/// Products that fit into the words of a sum: 2^12 · 2^52 = 2^64.
const TERMS_MAX: usize = (1 << 12) - 1;

impl Accumulator {
    pub(super) fn new(ring: &Ring) -> Self {
        let words = ring.poly_words();
        Self { low: vec![0; words], high: vec![0; words], terms: 0 }
    }

    /// Adds the product of every pair, all of them piece by piece, so that sums stay in cache.
    pub(super) fn add(&mut self, ring: &Ring, pairs: &[(&TransformedPoly, &TransformedPoly)]) {
        for pairs in pairs.chunks(TERMS_MAX / 2) {
            self.make_room(ring, pairs.len());
            let sums = self.low.chunks_mut(PIECE_WORDS).zip(self.high.chunks_mut(PIECE_WORDS));
            for (piece, (low, high)) in sums.enumerate() {
                let words = piece * PIECE_WORDS..piece * PIECE_WORDS + low.len();
                for (left, right) in pairs {
                    let (left, right) = (&left.words[words.clone()], &right.words[words.clone()]);
                    ring.engine().accumulate(low, high, left, right);
                }
            }
        }
    }

    /// Reduces the sum if so many further terms might not fit.
    fn make_room(&mut self, ring: &Ring, terms: usize) {
        if self.terms + terms > TERMS_MAX {
            self.settle(ring);
            // What is left in the lower words is below 2^50, less than a product.
            self.high.fill(0);
            self.terms = 1;
        }
        self.terms += terms;
    }

    /// Adds the product of a small element, given by its coefficients, with another one: prime by
    /// prime, so that what is worked on stays in the second-level cache. `scratch` has room for the
    /// residues modulo one prime.
    pub(super) fn add_small(
        &mut self,
        ring: &Ring,
        numbers: &[i32],
        other: &TransformedPoly,
        scratch: &mut [u64],
    ) {
        self.make_room(ring, 1);
        let degree = ring.degree();
        let sums = self.low.chunks_mut(degree).zip(self.high.chunks_mut(degree));
        let others = other.words.chunks(degree);
        for ((table, other), (low, high)) in ring.0.transforms.iter().zip(others).zip(sums) {
            scratch.fill(0);
            ring.engine().add_small(table.modulus(), scratch, numbers);
            ring.engine().forward(table, scratch);
            ring.engine().accumulate(low, high, scratch, other);
        }
    }

    /// The reduced sum.
    pub(super) fn finish(mut self, ring: &Ring) -> TransformedPoly {
        self.settle(ring);
        TransformedPoly { words: self.low }
    }

    /// The reduced sum; the next sum starts empty in the same memory.
    pub(super) fn take(&mut self, ring: &Ring) -> TransformedPoly {
        self.settle(ring);
        let words = self.low.clone();
        self.low.fill(0);
        self.high.fill(0);
        self.terms = 0;
        TransformedPoly { words }
    }

    fn settle(&mut self, ring: &Ring) {
        let high = self.high.chunks_exact(ring.degree());
        for ((table, low), high) in ring.each_prime(&mut self.low).zip(high) {
            ring.engine().settle(table.modulus(), low, high);
        }
    }
}

/// A secret element, wiped when dropped.
pub(super) type SecretPoly = Zeroizing<TransformedPoly>;
