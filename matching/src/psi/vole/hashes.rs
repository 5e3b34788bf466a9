//! The hashes of one run: field elements to tags and proofs.

use crypto::field128::Gf128;
use rayon::prelude::*;

use crate::psi::sets::bits_for_pairs;
use crate::psi::tweaked::TweakedHash;

/// The hashes under the salt of one run. Tags are cut to `tag_bits`.
pub(in crate::psi) struct Hashes {
    tags: TweakedHash,
    proofs: TweakedHash,
    /// Bits of a tag: enough that tags of different keys agree anywhere with probability at most
    /// 2^-40.
    pub(in crate::psi) tag_bits: u32,
}

impl Hashes {
    /// The hashes for sets of these two sizes, at least one each.
    pub(in crate::psi) fn new(salt: &[u8; 16], receiver_count: usize, sender_count: usize) -> Self {
        Self {
            tags: TweakedHash::new("matching/psi/vole tag", &[salt]),
            proofs: TweakedHash::new("matching/psi/vole proof", &[salt]),
            tag_bits: bits_for_pairs(receiver_count, sender_count) as u32,
        }
    }

    /// The tags of keys, from what each evaluates to.
    pub(in crate::psi) fn tags(&self, keys: &[u128], evaluated: &[Gf128]) -> Vec<u128> {
        let kept = u128::MAX >> (u128::BITS - self.tag_bits);
        let mut tags = self.tags.hash_each(keys, evaluated);
        tags.par_iter_mut().for_each(|tag| *tag &= kept);
        tags
    }

    /// The proofs that somebody could compute the tags of these keys.
    pub(in crate::psi) fn proofs(&self, keys: &[u128], evaluated: &[Gf128]) -> Vec<u128> {
        self.proofs.hash_each(keys, evaluated)
    }

    /// Bytes of a tag that is sent by itself.
    pub(in crate::psi) fn tag_bytes(&self) -> usize {
        self.tag_bits.div_ceil(8) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_cut_and_proofs_are_others() {
        let hashes = Hashes::new(&[1; 16], 1000, 1000);
        let keys: Vec<u128> = (0..3000).collect();
        let evaluated: Vec<Gf128> = keys.iter().map(|key| Gf128(key * 77)).collect();
        let (tags, proofs) = (hashes.tags(&keys, &evaluated), hashes.proofs(&keys, &evaluated));
        assert_eq!((hashes.tag_bits, hashes.tag_bytes()), (60, 8));
        assert!(tags.iter().all(|tag| *tag < 1 << 60));
        assert!(tags.iter().zip(&proofs).all(|(tag, proof)| tag != proof));
        assert_ne!(tags, Hashes::new(&[2; 16], 1000, 1000).tags(&keys, &evaluated));
    }

    #[test]
    fn each_tag_depends_on_key_and_element_alone() {
        let hashes = Hashes::new(&[1; 16], 1000, 1000);
        let keys: Vec<u128> = (0..2000).collect();
        let evaluated = vec![Gf128(5); 2000];
        let tags = hashes.tags(&keys, &evaluated);
        assert_eq!(tags[1999], hashes.tags(&[1999], &[Gf128(5)])[0]);
        assert_ne!(tags[1999], tags[1998]);
        assert_ne!(tags[1999], hashes.tags(&[1999], &[Gf128(6)])[0]);
    }
}
