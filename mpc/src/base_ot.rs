//! Base oblivious transfers and the punctured trees that the extension grows from.
//!
//! # Functionality
//! The extension's receiver gets 32 trees of 16 random seeds. The extension's sender picks a random
//! 128-bit Δ, four bits for each tree, and gets all seeds of each tree but the one at its four
//! bits. Several sets of trees, each with its own Δ, cost one conversation.
//! # Messages
//! 1. `sender_point` receiver → sender: the base transfers' common point
//! 2. `receiver_points` sender → receiver: two points for each of the 128 base transfers
//! 3. `tree_sums` receiver → sender: per tree level the XOR of all left and of all right seeds,
//!    each under its base key
//! 4. `tree_proofs` receiver → sender, in the checked form: each leaf has two children, of which
//!    the left one is used; per tree the XOR of all right ones, and a hash of those of all trees
//! # Leaks
//! Nothing.
//! # Security
//! The base transfer is endemic (the parties may bias their own outputs, which the tree does not
//! care about), secure in the random-oracle model under computational Diffie-Hellman in
//! ristretto255 (126 bits). The trees are secure as puncturable PRFs (Goldreich, Goldwasser, Micali
//! 1986).
//! # Cost
//! 3 flights; 32 + 128·64 + 128·64 bytes; about 1,000 scalar multiplications over both parties.
//! # Reference
//! Masny, Rindal, "Endemic Oblivious Transfer", CCS 2019 (eprint 2019/706), section 5 (from
//! Diffie-Hellman key agreement, one sender message for the whole batch); tree: Roy, CRYPTO 2022
//! (eprint 2022/192), figure 13, with its consistency check in the checked form only.

use crypto::group::{POINT_BYTES, Point, Scalar, hash_to_group};
use crypto::hash::digest;
use crypto::random::Generator;
use net::{Session, Size};

use crate::MpcError;
use crate::ot_extension::{
    BLOCK_BITS, BLOCKS, ExtensionReceiver, ExtensionSender, LEAVES, Seed, children, first_tweak,
};

/// Base transfers for one Δ.
const TRANSFERS: usize = BLOCKS * BLOCK_BITS;
const SEED_BYTES: usize = 32;

/// The side that will send in the extension: picks Δ and learns all but one seed of each tree.
pub(crate) async fn extension_sender(session: &mut Session) -> Result<ExtensionSender, MpcError> {
    let mut rng = session.rng();
    let delta = random_delta(&mut rng);
    let trees = punctured_trees(session, &mut rng, &[delta]).await?;
    Ok(ExtensionSender::new(delta, trees, first_tweak(session.is_first())))
}

/// The side that will receive in the extension: grows the trees.
pub(crate) async fn extension_receiver(
    session: &mut Session,
) -> Result<ExtensionReceiver, MpcError> {
    let trees = whole_trees(session, 1).await?;
    Ok(ExtensionReceiver::new(trees, first_tweak(!session.is_first())))
}

/// A uniform Δ.
pub(crate) fn random_delta(rng: &mut Generator) -> u128 {
    u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())
}

/// For each of the `deltas` its [`BLOCKS`] trees, one set after the other, each without the leaf
/// that four bits of its Δ name. The peer calls [`whole_trees`].
pub(crate) async fn punctured_trees(
    session: &mut Session,
    rng: &mut Generator,
    deltas: &[u128],
) -> Result<Vec<Vec<Option<Seed>>>, MpcError> {
    let transfers = deltas.len() * TRANSFERS;
    let delta_bit = |index: usize| (deltas[index / TRANSFERS] >> path_bit(index)) as u8 & 1;
    // The seed of the sibling of Δ's path is wanted at every level, hence the complement.
    let choices: Vec<u8> = (0..transfers).map(|index| 1 ^ delta_bit(index)).collect();
    let point: [u8; POINT_BYTES] = receive_array(session, "sender_point").await?;
    let point = decode(session, "sender_point", &point)?;
    let (message, keys) = session.compute(|| choose(&point, &choices, rng)).await;
    session.send_bytes("receiver_points", message).await?;
    let sums_bytes = transfers * 2 * SEED_BYTES;
    let sums = session.receive_bytes("tree_sums", Size::Exactly(sums_bytes)).await?;
    let pairs = sums.as_chunks::<SEED_BYTES>().0.as_chunks::<2>().0;
    let chosen: Vec<Seed> = keys
        .iter()
        .zip(&choices)
        .zip(pairs)
        .map(|((key, choice), [left, right])| xor(key, &select(left, right, *choice)))
        .collect();
    let seeds = chosen.chunks_exact(BLOCK_BITS).enumerate().map(|(block, sums)| {
        let delta = deltas[block / BLOCKS];
        punctured(sums, (delta >> (block % BLOCKS * BLOCK_BITS)) as usize % LEAVES)
    });
    Ok(seeds.collect())
}

/// All leaves of `sets` times [`BLOCKS`] trees. The peer calls [`punctured_trees`].
pub(crate) async fn whole_trees(
    session: &mut Session,
    sets: usize,
) -> Result<Vec<Vec<Seed>>, MpcError> {
    let mut rng = session.rng();
    let secret = Scalar::random(&mut rng);
    let point = Point::generator_times(&secret).encode().to_vec();
    session.send_bytes("sender_point", point).await?;
    let transfers = sets * TRANSFERS;
    let message_bytes = transfers * 2 * POINT_BYTES;
    let message = session.receive_bytes("receiver_points", Size::Exactly(message_bytes)).await?;
    let mut sums = Vec::with_capacity(transfers * 2 * SEED_BYTES);
    let mut seeds = Vec::with_capacity(sets * BLOCKS);
    for block in 0..sets * BLOCKS {
        let levels = grow(random_seed(&mut rng));
        for (level, nodes) in levels.iter().enumerate().skip(1) {
            let index = block * BLOCK_BITS + level - 1;
            let pair = &message[index * 2 * POINT_BYTES..][..2 * POINT_BYTES];
            let keys = sender_keys(session, pair, index, &secret)?;
            for (side, key) in keys.iter().enumerate() {
                let sum = nodes
                    .iter()
                    .skip(side)
                    .step_by(2)
                    .fold([0; SEED_BYTES], |sum, seed| xor(&sum, seed));
                sums.extend_from_slice(&xor(key, &sum));
            }
        }
        seeds.push(levels.into_iter().next_back().unwrap_or_default());
    }
    session.send_bytes("tree_sums", sums).await?;
    Ok(seeds)
}

/// As [`punctured_trees`], of trees that are proven to be grown rightly, and a hash of all leaves.
/// The peer calls [`checked_whole_trees`].
pub(crate) async fn checked_punctured_trees(
    session: &mut Session,
    rng: &mut Generator,
    deltas: &[u128],
) -> Result<(Vec<Vec<Option<Seed>>>, Seed), MpcError> {
    let mut trees = punctured_trees(session, rng, deltas).await?;
    let size = Size::Exactly(proofs_bytes(deltas.len()));
    let proofs = session.receive_bytes("tree_proofs", size).await?;
    let (sums, [binding]) = proofs.as_chunks().0.split_at(trees.len()) else {
        return Err(session.misbehaved("tree_proofs", "proofs have another length").into());
    };
    let mut checks = Vec::with_capacity(trees.len() * LEAVES);
    for (tree, sum) in trees.iter_mut().zip(sums) {
        checks.extend_from_slice(&punctured_checks(tree, sum));
    }
    if bound(&checks) != *binding {
        let rule = "the sums of a tree do not fit its leaves";
        return Err(session.misbehaved("tree_proofs", rule).into());
    }
    Ok((trees, *binding))
}

/// As [`whole_trees`], with a proof that the peer's trees are these, and a hash of all leaves. The
/// peer calls [`checked_punctured_trees`].
pub(crate) async fn checked_whole_trees(
    session: &mut Session,
    sets: usize,
) -> Result<(Vec<Vec<Seed>>, Seed), MpcError> {
    let mut trees = whole_trees(session, sets).await?;
    let mut proofs = Vec::with_capacity(proofs_bytes(sets));
    let mut checks = Vec::with_capacity(trees.len() * LEAVES);
    for seed in trees.iter_mut().map(Vec::as_mut_slice) {
        let start = checks.len();
        for leaf in seed {
            let [kept, check] = children(leaf);
            *leaf = kept;
            checks.push(check);
        }
        let sum = checks[start..].iter().fold([0; SEED_BYTES], |sum, check| xor(&sum, check));
        proofs.extend_from_slice(&sum);
    }
    let binding = bound(&checks);
    proofs.extend_from_slice(&binding);
    session.send_bytes("tree_proofs", proofs).await?;
    Ok((trees, binding))
}

/// Bytes of the conversation about so many sets of trees, with the proof.
pub(crate) fn checked_bytes(sets: usize) -> usize {
    bytes(sets) + proofs_bytes(sets)
}

fn proofs_bytes(sets: usize) -> usize {
    (sets * BLOCKS + 1) * SEED_BYTES
}

/// Replaces each leaf by its left child and returns all right ones, that of the hole from `sum`.
fn punctured_checks(leaves: &mut [Option<Seed>], sum: &Seed) -> [Seed; LEAVES] {
    let mut checks = [[0; SEED_BYTES]; LEAVES];
    let (mut missing, mut hole) = (*sum, 0);
    for (index, leaf) in leaves.iter_mut().enumerate() {
        if let Some(seed) = leaf {
            let [kept, check] = children(seed);
            *seed = kept;
            missing = xor(&missing, &check);
            checks[index] = check;
        } else {
            hole = index;
        }
    }
    checks[hole] = missing;
    checks
}

/// The hash that binds the party that grew the trees to all their leaves.
fn bound(checks: &[Seed]) -> Seed {
    digest("mpc.base_ot.tree_proofs", &[checks.as_flattened()])
}

/// Bytes of the conversation about so many sets of trees.
pub(crate) fn bytes(sets: usize) -> usize {
    POINT_BYTES + sets * TRANSFERS * 2 * (POINT_BYTES + SEED_BYTES)
}

/// Transfers of one block go from the tree's root (the leaf's highest bit) to its leaves.
fn path_bit(index: usize) -> usize {
    let (block, level) = (index / BLOCK_BITS % BLOCKS, index % BLOCK_BITS);
    block * BLOCK_BITS + BLOCK_BITS - 1 - level
}

/// The base receiver's points and its chosen keys.
fn choose(peer: &Point, choices: &[u8], rng: &mut Generator) -> (Vec<u8>, Vec<Seed>) {
    let mut message = Vec::with_capacity(choices.len() * 2 * POINT_BYTES);
    let mut keys = Vec::with_capacity(choices.len());
    for (index, choice) in choices.iter().enumerate() {
        let secret = Scalar::random(rng);
        let other = hash_to_group("mpc.base_ot.random", &random_seed(rng));
        let mask = oracle(index, *choice, &other.encode());
        let own = (Point::generator_times(&secret) - mask).encode();
        // The chosen position holds `own`: a swap under a mask, so that no branch depends on it.
        let (mut left, mut right) = (own, other.encode());
        let swap = choice.wrapping_neg();
        for (left, right) in left.iter_mut().zip(&mut right) {
            let difference = (*left ^ *right) & swap;
            *left ^= difference;
            *right ^= difference;
        }
        message.extend_from_slice(&left);
        message.extend_from_slice(&right);
        keys.push(key(index, &(*peer * &secret)));
    }
    (message, keys)
}

/// Both keys of one base transfer, from the base receiver's pair of points.
fn sender_keys(
    session: &Session,
    pair: &[u8],
    index: usize,
    secret: &Scalar,
) -> Result<[Seed; 2], MpcError> {
    let (left, right) = pair.split_at(POINT_BYTES);
    let mut keys = [[0; SEED_BYTES]; 2];
    for (position, (own, other)) in [(left, right), (right, left)].into_iter().enumerate() {
        let point = decode(session, "receiver_points", own)?;
        let mask = oracle(index, position as u8, other);
        keys[position] = key(index, &((point + mask) * secret));
    }
    Ok(keys)
}

/// The random oracle into the group, for one transfer and position.
fn oracle(index: usize, position: u8, other: &[u8]) -> Point {
    let mut input = Vec::with_capacity(POINT_BYTES + 9);
    input.extend_from_slice(&(index as u64).to_le_bytes());
    input.push(position);
    input.extend_from_slice(other);
    hash_to_group("mpc.base_ot.oracle", &input)
}

fn key(index: usize, point: &Point) -> Seed {
    digest("mpc.base_ot.key", &[&(index as u64).to_le_bytes(), &point.encode()])
}

/// All levels of a tree, the root first.
fn grow(root: Seed) -> Vec<Vec<Seed>> {
    let mut levels = vec![vec![root]];
    for level in 0..BLOCK_BITS {
        let next = levels[level].iter().flat_map(children).collect();
        levels.push(next);
    }
    levels
}

/// All leaves but `hole`, from the sums of the seeds beside the path to it.
fn punctured(sums: &[Seed], hole: usize) -> Vec<Option<Seed>> {
    let mut nodes: Vec<Option<Seed>> = vec![None];
    for (level, sum) in sums.iter().enumerate() {
        let mut next: Vec<Option<Seed>> = nodes
            .iter()
            .flat_map(|node| node.as_ref().map_or([None, None], |seed| children(seed).map(Some)))
            .collect();
        let path = hole >> (BLOCK_BITS - 1 - level);
        let sibling = path ^ 1;
        let known = next.iter().skip(sibling % 2).step_by(2).flatten();
        next[sibling] = Some(known.fold(*sum, |sum, seed| xor(&sum, seed)));
        nodes = next;
    }
    nodes
}

/// The left seed for the choice 0, the right one for 1; reads both in either case.
fn select(left: &Seed, right: &Seed, choice: u8) -> Seed {
    let mask = choice.wrapping_neg();
    std::array::from_fn(|index| left[index] ^ (left[index] ^ right[index]) & mask)
}

fn random_seed(rng: &mut Generator) -> Seed {
    let mut seed = [0; SEED_BYTES];
    rng.fill_bytes(&mut seed);
    seed
}

fn xor(left: &Seed, right: &[u8]) -> Seed {
    let mut sum = *left;
    for (sum, right) in sum.iter_mut().zip(right) {
        *sum ^= right;
    }
    sum
}

/// Receives exactly so many bytes.
pub(crate) async fn receive_array<const LENGTH: usize>(
    session: &mut Session,
    step: &'static str,
) -> Result<[u8; LENGTH], MpcError> {
    let bytes = session.receive_bytes(step, Size::Exactly(LENGTH)).await?;
    bytes.try_into().map_err(|_| session.misbehaved(step, "has another length").into())
}

fn decode(session: &Session, step: &'static str, bytes: &[u8]) -> Result<Point, MpcError> {
    let rule = |what: String| MpcError::from(session.misbehaved(step, what));
    let encoded = bytes.try_into().map_err(|_| rule("a point has 32 bytes".to_owned()))?;
    Point::decode(encoded).map_err(|error| rule(error.to_string()))
}

#[cfg(test)]
mod tests;
