//! Hints and the last part of queries, as exactly as their use needs them.

use super::{Projection, Purpose};
use crate::lattice::LatticeError;
use crate::lattice::fraction::FractionPoly;
use crate::lattice::ring::CoefficientPoly;

/// An element whose products with ternary numbers are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// For shared answers.
    Fractions(FractionPoly),
    /// For opened answers.
    Residues(CoefficientPoly),
}

impl Element {
    pub(super) fn new(projection: &Projection, poly: CoefficientPoly) -> Self {
        match projection.purpose {
            Purpose::Shared => {
                Self::Fractions(FractionPoly::of(&projection.ring, &projection.fractions, &poly))
            }
            Purpose::Opened => Self::Residues(poly),
        }
    }

    /// The form of elements for shared answers.
    pub(super) fn fractions(&self) -> Option<&FractionPoly> {
        match self {
            Self::Fractions(poly) => Some(poly),
            Self::Residues(_) => None,
        }
    }

    /// The form of elements for opened answers.
    pub(super) fn residues(&self) -> Option<&[u64]> {
        match self {
            Self::Fractions(_) => None,
            Self::Residues(poly) => Some(&poly.words),
        }
    }

    pub(super) fn byte_count(projection: &Projection) -> usize {
        match projection.purpose {
            Purpose::Shared => FractionPoly::byte_count(&projection.ring),
            Purpose::Opened => projection.ring.poly_bytes(),
        }
    }

    pub(super) fn to_bytes(&self, projection: &Projection) -> Vec<u8> {
        match self {
            Self::Fractions(poly) => poly.to_bytes(),
            Self::Residues(poly) => projection.ring.pack(&poly.words),
        }
    }

    pub(super) fn from_bytes(
        projection: &Projection,
        bytes: &[u8],
        what: &'static str,
    ) -> Result<Self, LatticeError> {
        let ring = &projection.ring;
        Ok(match projection.purpose {
            Purpose::Shared => Self::Fractions(FractionPoly::from_bytes(ring, bytes, what)?),
            Purpose::Opened => Self::Residues(CoefficientPoly { words: ring.unpack(bytes, what)? }),
        })
    }
}
