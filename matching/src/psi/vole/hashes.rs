//! The hashes of one run: field elements to tags and proofs.

use crypto::field128::Gf128;
use rayon::prelude::*;

use crate::psi::tweaked::TweakedHash;

/// The hashes under the salt of one run. Tags are cut to `tag_bytes`.
pub(in crate::psi) struct Hashes {
    tags: TweakedHash,
    proofs: TweakedHash,
    /// Bytes of a tag on the wire.
    pub(in crate::psi) tag_bytes: usize,
}

impl Hashes {
    /// The hashes for sets of these two sizes, at least one each.
    pub(in crate::psi) fn new(salt: &[u8; 16], receiver_count: usize, sender_count: usize) -> Self {
        Self {
            tags: TweakedHash::new("matching/psi/vole tag", &[salt]),
            proofs: TweakedHash::new("matching/psi/vole proof", &[salt]),
            tag_bytes: tag_bytes(receiver_count, sender_count),
        }
    }

    /// The tags of keys, from what each evaluates to.
    pub(in crate::psi) fn tags(&self, keys: &[u128], evaluated: &[Gf128]) -> Vec<u128> {
        let kept = self.kept();
        let mut tags = self.tags.hash_each(keys, evaluated);
        tags.par_iter_mut().for_each(|tag| *tag &= kept);
        tags
    }

    /// The proofs that somebody could compute the tags of these keys.
    pub(in crate::psi) fn proofs(&self, keys: &[u128], evaluated: &[Gf128]) -> Vec<u128> {
        self.proofs.hash_each(keys, evaluated)
    }

    /// Tags as bytes on the wire, little endian.
    pub(in crate::psi) fn encode(&self, tags: &[u128]) -> Vec<u8> {
        let mut bytes = vec![0; tags.len() * self.tag_bytes + TAG_BYTES_MAX];
        for (index, tag) in tags.iter().enumerate() {
            // The next tag overwrites the zeros beyond the cut.
            let at = index * self.tag_bytes;
            bytes[at..at + TAG_BYTES_MAX].copy_from_slice(&tag.to_le_bytes());
        }
        bytes.truncate(tags.len() * self.tag_bytes);
        bytes
    }

    /// Tags from bytes on the wire, a whole number of them.
    pub(in crate::psi) fn decode(&self, mut bytes: Vec<u8>) -> Vec<u128> {
        let count = bytes.len() / self.tag_bytes;
        bytes.resize(bytes.len() + TAG_BYTES_MAX, 0);
        let tag = |index: usize| {
            let mut tag = [0; TAG_BYTES_MAX];
            let at = index * self.tag_bytes;
            tag.copy_from_slice(&bytes[at..at + TAG_BYTES_MAX]);
            u128::from_le_bytes(tag) & self.kept()
        };
        (0..count).map(tag).collect()
    }

    /// A mask of the bits that a tag has.
    fn kept(&self) -> u128 {
        u128::MAX >> (8 * (TAG_BYTES_MAX - self.tag_bytes))
    }
}

/// Enough that tags of different keys agree anywhere with probability at most 2^-40.
fn tag_bytes(receiver_count: usize, sender_count: usize) -> usize {
    let pairs = receiver_count as u128 * sender_count as u128;
    let bits = STATISTICAL_BITS + pairs.next_power_of_two().ilog2();
    bits.div_ceil(8) as usize
}

const STATISTICAL_BITS: u32 = 40;

/// What the hash gives before it is cut.
const TAG_BYTES_MAX: usize = size_of::<u128>();

#[cfg(test)]
mod tests {
    use super::*;

    /// 80 bits for two sets of 2^20, 100 for two sets of 2^30.
    #[test]
    fn tags_grow_with_both_sets() {
        let log = |receiver: u32, sender: u32| tag_bytes(1 << receiver, 1 << sender);
        assert_eq!(
            [log(0, 0), log(20, 20), log(24, 24), log(28, 28), log(30, 30)],
            [5, 10, 11, 12, 13]
        );
        assert_eq!(tag_bytes((1 << 20) + 1, 1 << 20), 11);
        assert_eq!(log(0, 30), log(30, 0));
    }

    #[test]
    fn tags_survive_the_wire_and_proofs_are_others() {
        let hashes = Hashes::new(&[1; 16], 1000, 1000);
        let keys: Vec<u128> = (0..3000).collect();
        let evaluated: Vec<Gf128> = keys.iter().map(|key| Gf128(key * 77)).collect();
        let (tags, proofs) = (hashes.tags(&keys, &evaluated), hashes.proofs(&keys, &evaluated));
        let bytes = hashes.encode(&tags);
        assert_eq!(bytes.len(), 8 * 3000);
        assert_eq!(hashes.decode(bytes), tags);
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
