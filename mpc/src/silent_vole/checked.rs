//! Silent vector OLE that holds against a malicious peer.
//!
//! # Functionality
//! As that of [`silent_vole`](super) with A from the whole field, or an error. A dishonest party
//! chooses its own outputs.
//! # Messages
//! 1. base transfers for two keys with proofs, see [`base_ot`]
//! 2. `choice_corrections`, `value_corrections` receiver → sender: as unchecked, with one value
//!    more
//! 3. `choice_proof` receiver → sender: that the choices are the same in all blocks, see
//!    [`ot_extension`](crate::ot_extension). The sender verifies it before it goes on
//! 4. `trees` sender → receiver: as unchecked, of full trees
//! 5. `challenge` receiver → sender: 32 random bytes, which together with the salt of the trees
//!    give a coefficient χ for each leaf; and the sum of noise values times their χ, plus the value
//!    that is one more
//! 6. `commitment` sender → receiver: a hash of 32 random bytes and of V, its sum of leaves times χ
//!    plus the share of the value that is one more plus the sum of step 5 times Δ
//! 7. `sum` receiver → sender: its own sum of leaves times χ, plus its share, which is V too
//! 8. `opening` sender → receiver: the random bytes of step 6
//!
//! No output is used before both have compared V.
//! # Leaks
//! The number of correlations, which is public anyway.
//! # Security
//! Malicious, 128 bits computational and 40 statistical, in the random-oracle model, under the
//! assumptions of the unchecked protocol, of which that about noise becomes: learning parity with
//! regular noise is hard also if one guess about the places of noise is answered, and an error ends
//! the run if it is wrong.
//!
//! *A malicious sender* knows Δ, and what it can do is send trees that do not fit together. The
//! receiver's leaves then depend on where its noise is. V is a random combination of all leaves: it
//! is as the sender committed only where the leaves are those that the sender bet on, but for
//! combinations that meet by chance. With 2^-43 for chance to favour some bet that much, another
//! 2^-43 for bets that pass less often than that, all that the sender learns is that in each tree
//! the place of noise is in a set of its choice, and it learns this with the probability that it
//! is: one bit of the noise's entropy on average. The sum of step 5 is masked by a uniform value.
//! If the run ends with an error, step 7 may tell more about the noise, which nobody uses any more.
//!
//! *A malicious receiver* can choose noise as it likes, which gives it no more than a choice of A.
//! Choices or noise values that differ between the blocks of the key or of Δ are like guesses of
//! the bits in these blocks: it passes with probability 2^-k for k bits, and 128 - k bits remain.
//! Choices are verified before the trees are sent, because keys that it could try out on them would
//! confirm each guess apart. Step 6 hides V until the receiver has named it. Trees are full: a path
//! that leaves a cut tree would give the receiver all of its leaves and Δ with them.
//!
//! What is proven and where: the base transfers, in their reference; the trees of Δ and of the key,
//! the choices and, by the same argument, the noise values in Roy, sections 3 and 4; the comparison
//! through one sacrificed value in Weng et al. (single-point subfield VOLE), for one combination of
//! many trees in Yang et al. That all of it composes as said above is our argument, no theorem of
//! theirs.
//! # Cost
//! 4 flights more than unchecked, 2 KiB for the proofs of the base trees, 512 bytes for each 128
//! more transfers and for one more value, 176 for the rest. Trees of 2^8 to 2^11 leaves make up to
//! twice as many correlations as asked for, at most 204,800 for each batch. Bytes in all:
//! [`bytes`]. Each party holds 16 bytes of memory more for each correlation.
//! # Reference
//! Roy, CRYPTO 2022 (eprint 2022/192), sections 3 and 4, figure 13; Weng, Yang, Katz, Wang,
//! "Wolverine", S&P 2021 (eprint 2020/925), the extension of subfield VOLE; Yang, Weng, Lan, Zhang,
//! Wang, "Ferret", CCS 2020 (eprint 2020/924); Boyle, Couteau, Gilboa, Ishai, Kohl, Rindal, Scholl,
//! CCS 2019 (eprint 2019/1159), for the leakage about noise.

use crypto::expand_convolute::ExpandConvolute;
use crypto::field128::subspace::Subspace;
use crypto::field128::{ELEMENT_BYTES, Gf128, inner_product};
use crypto::hash::digest;
use crypto::random::Generator;
use net::{Session, Size};
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::leaves::{Growing, Puncturing, parts_mut};
use super::noise::Noise;
use super::parameters::{Plan, TREES};
use super::trees::{self, SALT_BYTES};
use super::{VoleReceiver, VoleSender, noise_products};
use crate::MpcError;
use crate::base_ot::{
    self, checked_punctured_trees, checked_whole_trees, random_delta, receive_array,
};
use crate::ot_extension::{
    BLOCKS, ExtensionReceiver, ExtensionSender, MASKS, PROOF_BYTES, Seed, corrections_bytes,
    first_tweak,
};

/// As [`vole_as_sender`](super::vole_as_sender), against a malicious peer, which calls
/// [`vole_as_receiver`].
///
/// # Errors
/// As of [`vole_as_sender`](super::vole_as_sender); [`MpcError::Net`] also when the peer fails a
/// check.
#[net::boxed]
pub async fn vole_as_sender(session: &mut Session, count: usize) -> Result<VoleSender, MpcError> {
    let plan = Plan::with_full_trees(count)?;
    let mut rng = session.rng();
    let keys = Zeroizing::new(std::array::from_fn(|_| random_delta(&mut rng)));
    let bases = checked_punctured_trees(session, &mut rng, &*keys).await?;
    let mut b = send(session, &plan, &keys, bases).await?;
    b.truncate(count);
    Ok(VoleSender { delta: Gf128(keys[1]), b })
}

/// As [`vole_as_receiver`](super::vole_as_receiver), against a malicious peer, which calls
/// [`vole_as_sender`].
///
/// # Errors
/// As of [`vole_as_sender`].
#[net::boxed]
pub async fn vole_as_receiver(
    session: &mut Session,
    count: usize,
) -> Result<VoleReceiver, MpcError> {
    let plan = Plan::with_full_trees(count)?;
    let bases = checked_whole_trees(session, 2).await?;
    let [mut a, mut c] = receive(session, &plan, bases).await?;
    a.truncate(count);
    c.truncate(count);
    Ok(VoleReceiver { a, c })
}

/// Bytes that both parties together send for `count` correlations.
///
/// # Errors
/// [`MpcError::InvalidInput`] for more than [`COUNT_MAX`](super::COUNT_MAX).
pub fn bytes(count: usize) -> Result<usize, MpcError> {
    let plan = Plan::with_full_trees(count)?;
    let corrections = corrections_bytes(plan.transfers() + MASKS)
        + noise_products::bytes(plan.trees() + 1, &Subspace::WHOLE);
    let check = PROOF_BYTES + CHALLENGE_BYTES + COMMITMENT_BYTES + ELEMENT_BYTES + NONCE_BYTES;
    Ok(base_ot::checked_bytes(2) + corrections + trees::bytes(&plan) + check)
}

/// The vector B, after the base transfers.
async fn send(
    session: &mut Session,
    plan: &Plan,
    [transfer_key, delta]: &[u128; 2],
    (mut bases, binding): (Vec<Vec<Option<Seed>>>, Seed),
) -> Result<Vec<Gf128>, MpcError> {
    let mut delta_trees = bases.split_off(BLOCKS);
    let size = Size::Exactly(corrections_bytes(plan.transfers() + MASKS));
    let choices = session.receive_bytes("choice_corrections", size).await?;
    let size = Size::Exactly(noise_products::bytes(plan.trees() + 1, &Subspace::WHOLE));
    let values = session.receive_bytes("value_corrections", size).await?;
    let proof: [u8; PROOF_BYTES] = receive_array(session, "choice_proof").await?;

    let tweak = first_tweak(session.is_first());
    let mut extension = ExtensionSender::new(*transfer_key, bases, tweak);
    let verify = || extension.checked_keys(&binding, &choices, &proof, plan.transfers());
    let keys = session.compute(verify).await.map(Zeroizing::new);
    let Some(keys) = keys else {
        let rule = "the choices are not the same in all blocks";
        return Err(session.misbehaved("choice_proof", rule).into());
    };
    let mut rng = session.rng();
    let (products, mut leaves, message) = session
        .compute(|| {
            let products =
                noise_products::of_sender(*delta, &Subspace::WHOLE, &mut delta_trees, &values);
            let growing = Growing::new(plan, &mut rng, &keys, &products);
            let mut message = growing.message();
            let mut leaves = Leaves::new(plan);
            leaves
                .batches(plan)
                .zip(parts_mut(plan, &mut message))
                .enumerate()
                .for_each(|(batch, (halves, parts))| growing.fill(batch, halves, parts));
            (products, leaves, message)
        })
        .await;
    let salt = message[..SALT_BYTES].to_vec();
    session.send_bytes("trees", message).await?;

    let challenge: [u8; CHALLENGE_BYTES] = receive_array(session, "challenge").await?;
    let (coefficients, noise_sum) = parse_challenge(&salt, &challenge);
    let own = session.compute(|| leaves.combined(plan, &coefficients)).await
        + products[plan.trees()]
        + noise_sum * Gf128(*delta);
    let mut nonce = [0; NONCE_BYTES];
    rng.fill_bytes(&mut nonce);
    session.send_bytes("commitment", commitment(own, &nonce).to_vec()).await?;
    let theirs = Gf128::from_bytes(receive_array(session, "sum").await?);
    if theirs != own {
        let rule = "the sum of leaves does not fit the noise values";
        return Err(session.misbehaved("sum", rule).into());
    }
    session.send_bytes("opening", nonce.to_vec()).await?;
    Ok(session
        .compute(|| {
            leaves.compressed(plan, &ExpandConvolute::new(plan.outputs(), &Subspace::WHOLE))
        })
        .await)
}

/// The vectors A and C, after the base transfers.
async fn receive(
    session: &mut Session,
    plan: &Plan,
    (mut bases, binding): (Vec<Vec<Seed>>, Seed),
) -> Result<[Vec<Gf128>; 2], MpcError> {
    let delta_trees = bases.split_off(BLOCKS);
    let tweak = first_tweak(!session.is_first());
    let mut rng = session.rng();
    let noise = Noise::random(plan, &Subspace::WHOLE, &mut rng);
    let mask = Gf128::random(&mut rng);
    let (choices, proof, keys, values, products) = session
        .compute(|| {
            let mut extension = ExtensionReceiver::new(bases, tweak);
            let choices = noise.choices(plan, MASKS, &mut rng);
            let (choices, proof, keys) = extension.checked_keys(&binding, &choices);
            let masked = Zeroizing::new([&noise.values[..], &[mask]].concat());
            let (values, products) =
                noise_products::of_receiver(&masked, &Subspace::WHOLE, delta_trees);
            (choices, proof, Zeroizing::new(keys), values, products)
        })
        .await;
    session.send_bytes("choice_corrections", choices).await?;
    session.send_bytes("value_corrections", values).await?;
    session.send_bytes("choice_proof", proof.to_vec()).await?;
    // While the sender grows its trees.
    let (code, a) = session
        .compute(|| {
            let code = ExpandConvolute::new(plan.outputs(), &Subspace::WHOLE);
            let a = noise.compressed(plan, &code);
            (code, a)
        })
        .await;
    let message = session.receive_bytes("trees", Size::Exactly(trees::bytes(plan))).await?;

    let mut challenge = [0; CHALLENGE_BYTES];
    rng.fill_bytes(&mut challenge[..SEED_BYTES]);
    let (coefficients, _) = parse_challenge(&message[..SALT_BYTES], &challenge);
    let (mut leaves, sum, noise_sum) = session
        .compute(|| {
            let puncturing = Puncturing::new(plan, &noise, &message, &keys, &products);
            let mut leaves = Leaves::new(plan);
            let batches = leaves.batches(plan).enumerate();
            batches.for_each(|(batch, halves)| puncturing.fill(batch, halves));
            let sum = leaves.combined(plan, &coefficients) + products[plan.trees()];
            (leaves, sum, combined_noise(plan, &noise, &coefficients) + mask)
        })
        .await;
    challenge[SEED_BYTES..].copy_from_slice(&noise_sum.to_bytes());
    session.send_bytes("challenge", challenge.to_vec()).await?;
    let committed: [u8; COMMITMENT_BYTES] = receive_array(session, "commitment").await?;
    session.send_bytes("sum", sum.to_bytes().to_vec()).await?;
    let nonce: [u8; NONCE_BYTES] = receive_array(session, "opening").await?;
    if commitment(sum, &nonce) != committed {
        let rule = "the trees do not fit together";
        return Err(session.misbehaved("opening", rule).into());
    }
    let c = session.compute(|| leaves.compressed(plan, &code)).await;
    Ok([a, c])
}

/// The leaves of all trees, until they are compressed.
struct Leaves {
    kept: Vec<Gf128>,
    folded: Zeroizing<Vec<Gf128>>,
}

impl Leaves {
    fn new(plan: &Plan) -> Self {
        let half = || vec![Gf128::ZERO; plan.batches() * plan.outputs()];
        Self { kept: half(), folded: Zeroizing::new(half()) }
    }

    /// Both halves of each batch.
    fn batches(&mut self, plan: &Plan) -> impl IndexedParallelIterator<Item = [&mut [Gf128]; 2]> {
        let folded = self.folded.par_chunks_mut(plan.outputs());
        self.kept.par_chunks_mut(plan.outputs()).zip(folded).map(|(kept, folded)| [kept, folded])
    }

    /// The sum of all leaves times their coefficients.
    fn combined(&self, plan: &Plan, challenge: &Seed) -> Gf128 {
        let folded = self.folded.par_chunks(plan.outputs());
        let batches = self.kept.par_chunks(plan.outputs()).zip(folded).enumerate();
        let sums = batches.map(|(batch, (kept, folded))| {
            let mut coefficients = Coefficients::new(plan, challenge, batch);
            let trees = kept.chunks_exact(plan.leaves()).chain(folded.chunks_exact(plan.leaves()));
            trees.map(|leaves| inner_product(leaves, coefficients.next_tree())).sum()
        });
        sums.reduce(|| Gf128::ZERO, |left, right| left + right)
    }

    /// The outputs of all batches; the leaves are used up.
    fn compressed(&mut self, plan: &Plan, code: &ExpandConvolute) -> Vec<Gf128> {
        self.batches(plan).for_each(|[kept, folded]| code.compress(kept, folded));
        std::mem::take(&mut self.kept)
    }
}

/// The sum of all noise values times the coefficients of their leaves.
fn combined_noise(plan: &Plan, noise: &Noise, challenge: &Seed) -> Gf128 {
    let of_batch = |batch: usize| {
        let mut coefficients = Coefficients::new(plan, challenge, batch);
        let trees = batch * TREES..(batch + 1) * TREES;
        trees.map(|it| noise.values[it] * coefficients.next_tree()[noise.places[it]]).sum()
    };
    (0..plan.batches()).into_par_iter().map(of_batch).reduce(|| Gf128::ZERO, |one, two| one + two)
}

/// The coefficients of a batch's leaves, tree after tree.
struct Coefficients {
    rng: Generator,
    bytes: Vec<u8>,
    of_tree: Vec<Gf128>,
}

impl Coefficients {
    fn new(plan: &Plan, challenge: &Seed, batch: usize) -> Self {
        let batch = (batch as u64).to_le_bytes();
        let seed = digest("mpc.silent_vole.coefficients", &[challenge, &batch]);
        let bytes = vec![0; plan.leaves() * ELEMENT_BYTES];
        let of_tree = vec![Gf128::ZERO; plan.leaves()];
        Self { rng: Generator::from_seed(seed), bytes, of_tree }
    }

    fn next_tree(&mut self) -> &[Gf128] {
        self.rng.fill_bytes(&mut self.bytes);
        for (element, bytes) in self.of_tree.iter_mut().zip(self.bytes.as_chunks().0) {
            *element = Gf128::from_bytes(*bytes);
        }
        &self.of_tree
    }
}

/// The seed of the coefficients, and the receiver's masked sum. The salt was drawn by the sender
/// after the receiver's last word, the challenge by the receiver after the sender's.
fn parse_challenge(salt: &[u8], challenge: &[u8; CHALLENGE_BYTES]) -> (Seed, Gf128) {
    let (seed, sum) = challenge.split_at(SEED_BYTES);
    let sum = std::array::from_fn(|byte| sum[byte]);
    (digest("mpc.silent_vole.challenge", &[salt, seed]), Gf128::from_bytes(sum))
}

/// What binds the sender to its sum and hides it.
fn commitment(sum: Gf128, nonce: &[u8; NONCE_BYTES]) -> Seed {
    digest("mpc.silent_vole.commitment", &[&sum.to_bytes(), nonce])
}

const SEED_BYTES: usize = size_of::<Seed>();
const CHALLENGE_BYTES: usize = SEED_BYTES + ELEMENT_BYTES;
const COMMITMENT_BYTES: usize = SEED_BYTES;
const NONCE_BYTES: usize = 32;

#[cfg(test)]
mod tests;
