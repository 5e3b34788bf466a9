//! A Merkle tree over the lines of a record, to prove a line without showing the others.
//!
//! After RFC 9162 (Certificate Transparency 2.0), section 2.1: the tree of n leaves splits at the
//! largest power of two below n; leaves and nodes are hashed in different domains, so that none
//! passes for the other. The hash is that of the house.

use crypto::hash::digest;

/// The root over leaves in order; that of no leaves is a hash of its own.
pub fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => digest("governance/audit empty tree", &[]),
        [leaf] => leaf_of(leaf),
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node(&root(left), &root(right))
        }
    }
}

/// What a leaf's root follows from, from the leaf upwards; `None` for a leaf that is not there.
pub fn path(leaves: &[[u8; 32]], index: usize) -> Option<Vec<[u8; 32]>> {
    if index >= leaves.len() {
        return None;
    }
    if leaves.len() == 1 {
        return Some(Vec::new());
    }
    let at = split(leaves.len());
    let (left, right) = leaves.split_at(at);
    let (mut below, beside) = if index < at {
        (path(left, index)?, root(right))
    } else {
        (path(right, index - at)?, root(left))
    };
    below.push(beside);
    Some(below)
}

/// The root that follows from a leaf at `index` of `count` and its path; `None` if the path is not
/// as long as it has to be.
pub fn root_of_path(
    leaf: &[u8; 32],
    index: u64,
    count: u64,
    path: &[[u8; 32]],
) -> Option<[u8; 32]> {
    if index >= count {
        return None;
    }
    let Some((beside, below)) = path.split_last() else {
        return (count == 1).then(|| leaf_of(leaf));
    };
    if count == 1 {
        return None;
    }
    let at = 1 << (count - 1).ilog2();
    if index < at {
        Some(node(&root_of_path(leaf, index, at, below)?, beside))
    } else {
        Some(node(beside, &root_of_path(leaf, index - at, count - at, below)?))
    }
}

/// Where a tree of two leaves or more divides.
fn split(count: usize) -> usize {
    1 << (count - 1).ilog2()
}

fn leaf_of(hash: &[u8; 32]) -> [u8; 32] {
    digest("governance/audit leaf", &[hash])
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    digest("governance/audit node", &[left, right])
}
