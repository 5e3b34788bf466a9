//! Silent vector OLE: long correlations over GF(2^128) from short messages.
//!
//! # Functionality
//! The sender gets a random Δ and a vector B, the receiver gets vectors A and C of the same length
//! with `C = A·Δ + B` in every place. A and B are pseudo-random; nobody chooses anything.
//! # Messages
//! 1. base transfers for two keys, see [`base_ot`]: one key for oblivious transfer, the other is Δ
//! 2. `choice_corrections` receiver → sender: the transfers that carry the trees, see
//!    [`ot_extension`](crate::ot_extension)
//! 3. `value_corrections` receiver → sender: the products of the noise values and Δ
//! 4. `trees` sender → receiver: the salt; per tree and level the sums of left and right seeds,
//!    each under its transfer's key; per tree the sum of all leaves
//! # Leaks
//! The number of correlations, which is public anyway.
//! # Security
//! Semi-honest. A is the compression of noise that is zero but in one secret place of each block:
//! it is pseudo-random if learning parity with regular noise is hard for the code, the parameters
//! of which stand in `parameters` with the attacks that they were set against. B is the compression
//! of the leaves of punctured trees, of which the receiver lacks one in each tree (Goldreich,
//! Goldwasser, Micali 1986; AES as an ideal cipher). Δ and the key of the transfers are
//! independent, so that who is told Δ later learns nothing about the trees. Time does not depend on
//! secrets, but addresses in the receiver's own memory depend on its secret places.
//! # Cost
//! 4 flights; 32 KiB for the base transfers, then in each direction, for each batch of at most
//! 2^18 correlations and its 200 trees, about 100 KB. Bytes in all: [`bytes`].
//! The receiver holds 32 bytes of memory for each correlation, the sender 16; both 46 bytes for
//! each of one batch, and on each thread 16 more.
//! # Reference
//! Boyle, Couteau, Gilboa, Ishai, "Compressing Vector OLE", CCS 2018 (eprint 2019/273), section 3;
//! Schoppmann, Gascón, Reichert, Raykova, "Distributed Vector-OLE", CCS 2019 (eprint 2019/1084),
//! for regular noise; Raghuraman, Rindal, Tanguy, CRYPTO 2023 (eprint 2023/882) for the code; Roy,
//! CRYPTO 2022 (eprint 2022/192), section 3 for the products with Δ (subfield VOLE, 4 bits a tree).

mod noise_products;
mod parameters;
mod trees;

use crypto::expand_convolute::ExpandConvolute;
use crypto::field128::{ELEMENT_BYTES, Gf128};
use crypto::hash::SeedDoubling;
use crypto::random::Generator;
use net::{Session, Size};
use rayon::prelude::*;
use zeroize::Zeroizing;

pub use self::parameters::COUNT_MAX;
use self::parameters::{Plan, TREES};
use self::trees::{Nodes, Pair, SALT_BYTES};
use crate::MpcError;
use crate::base_ot::{self, punctured_trees, random_delta, whole_trees};
use crate::boolean::Bits;
use crate::ot_extension::{
    BLOCKS, ExtensionReceiver, ExtensionSender, Seed, corrections_bytes, first_tweak,
};

/// The sender's end: `receiver.c = receiver.a · delta + b`, place by place.
pub struct VoleSender {
    /// The secret factor Δ, fresh for each run.
    pub delta: Gf128,
    /// The vector B.
    pub b: Vec<Gf128>,
}

/// The receiver's end: `c = a · sender.delta + sender.b`, place by place.
pub struct VoleReceiver {
    /// The vector A, unknown to the sender.
    pub a: Vec<Gf128>,
    /// The vector C.
    pub c: Vec<Gf128>,
}

/// Makes `count` correlations as their sender. The peer calls [`vole_as_receiver`] with the same
/// number, at most [`COUNT_MAX`].
///
/// # Errors
/// [`MpcError::InvalidInput`] for too many; [`MpcError::Net`] when the peer is gone or breaks a
/// rule.
pub async fn vole_as_sender(session: &mut Session, count: usize) -> Result<VoleSender, MpcError> {
    let plan = Plan::new(count)?;
    let mut rng = session.rng();
    let keys = Zeroizing::new(std::array::from_fn(|_| random_delta(&mut rng)));
    let trees = punctured_trees(session, &mut rng, &*keys).await?;
    let mut b = send(session, &plan, &keys, trees).await?;
    b.truncate(count);
    Ok(VoleSender { delta: Gf128(keys[1]), b })
}

/// Makes `count` correlations as their receiver. The peer calls [`vole_as_sender`] with the same
/// number, at most [`COUNT_MAX`].
///
/// # Errors
/// As of [`vole_as_sender`].
pub async fn vole_as_receiver(
    session: &mut Session,
    count: usize,
) -> Result<VoleReceiver, MpcError> {
    let plan = Plan::new(count)?;
    let trees = whole_trees(session, 2).await?;
    let [mut a, mut c] = receive(session, &plan, trees).await?;
    a.truncate(count);
    c.truncate(count);
    Ok(VoleReceiver { a, c })
}

/// Bytes that both parties together send for `count` correlations.
///
/// # Errors
/// [`MpcError::InvalidInput`] for more than [`COUNT_MAX`].
pub fn bytes(count: usize) -> Result<usize, MpcError> {
    let plan = Plan::new(count)?;
    let corrections = corrections_bytes(plan.transfers()) + noise_products::bytes(plan.trees());
    Ok(base_ot::bytes(2) + corrections + trees::bytes(&plan))
}

/// The vector B, after the base transfers: the key of the transfers and Δ, and the trees of both.
async fn send(
    session: &mut Session,
    plan: &Plan,
    [transfer_key, delta]: &[u128; 2],
    mut bases: Vec<Vec<Option<Seed>>>,
) -> Result<Vec<Gf128>, MpcError> {
    let mut delta_trees = bases.split_off(BLOCKS);
    let size = Size::Exactly(corrections_bytes(plan.transfers()));
    let choices = session.receive_bytes("choice_corrections", size).await?;
    let size = Size::Exactly(noise_products::bytes(plan.trees()));
    let values = session.receive_bytes("value_corrections", size).await?;
    let tweak = first_tweak(session.is_first());
    let mut rng = session.rng();
    let (b, message) = session
        .compute(|| {
            let mut extension = ExtensionSender::new(*transfer_key, bases, tweak);
            let keys = Zeroizing::new(extension.keys(&choices, plan.transfers()));
            let products = noise_products::of_sender(*delta, &mut delta_trees, &values);
            grow(plan, &mut rng, &keys, &products)
        })
        .await;
    session.send_bytes("trees", message).await?;
    Ok(b)
}

/// The vectors A and C, after the base transfers: the trees of the key of the transfers and of Δ.
async fn receive(
    session: &mut Session,
    plan: &Plan,
    mut bases: Vec<Vec<Seed>>,
) -> Result<[Vec<Gf128>; 2], MpcError> {
    let delta_trees = bases.split_off(BLOCKS);
    let tweak = first_tweak(!session.is_first());
    let noise = Noise::random(plan, &mut session.rng());
    let (choices, keys, values, products) = session
        .compute(|| {
            let mut extension = ExtensionReceiver::new(bases, tweak);
            let (choices, keys) = extension.keys::<u128>(&noise.choices(plan));
            let (values, products) = noise_products::of_receiver(&noise.values, delta_trees);
            (choices, Zeroizing::new(keys), values, products)
        })
        .await;
    session.send_bytes("choice_corrections", choices).await?;
    session.send_bytes("value_corrections", values).await?;
    // While the sender makes B.
    let (code, a) = session
        .compute(|| {
            let code = ExpandConvolute::new(plan.outputs());
            let a = noise.compressed(plan, &code);
            (code, a)
        })
        .await;
    let message = session.receive_bytes("trees", Size::Exactly(trees::bytes(plan))).await?;
    let finish = || puncture(plan, &code, &noise, &message, &keys, &products);
    let c = session.compute(finish).await;
    Ok([a, c])
}

/// The receiver's secret noise: in each tree one place and the value there.
struct Noise {
    places: Zeroizing<Vec<usize>>,
    values: Zeroizing<Vec<Gf128>>,
}

impl Noise {
    fn random(plan: &Plan, rng: &mut Generator) -> Self {
        let places = (0..plan.trees()).map(|_| rng.below(plan.leaves() as u64) as usize).collect();
        let values = (0..plan.trees()).map(|_| Gf128::random(rng)).collect();
        Self { places: Zeroizing::new(places), values: Zeroizing::new(values) }
    }

    /// Which side's sum of seeds is wanted, tree by tree and level by level: the one that the path
    /// to the secret place does not take.
    fn choices(&self, plan: &Plan) -> Bits {
        Bits::from_fn(plan.transfers(), |transfer| {
            let (tree, level) = (transfer / plan.depth(), transfer % plan.depth());
            self.places[tree] >> (plan.depth() - 1 - level) & 1 == 0
        })
    }

    /// The vector A.
    fn compressed(&self, plan: &Plan, code: &ExpandConvolute) -> Vec<Gf128> {
        let mut outputs = vec![Gf128::ZERO; plan.batches() * plan.outputs()];
        outputs.par_chunks_mut(plan.outputs()).enumerate().for_each(|(batch, kept)| {
            let mut folded = vec![Gf128::ZERO; plan.outputs()];
            for (index, leaves) in halves(plan, kept, &mut folded).enumerate() {
                let tree = batch * TREES + index;
                leaves[self.places[tree]] = self.values[tree];
            }
            code.compress(kept, &mut folded);
        });
        outputs
    }
}

/// The trees of one batch: those of the kept half, then those of the folded half.
fn halves<'a>(
    plan: &Plan,
    kept: &'a mut [Gf128],
    folded: &'a mut [Gf128],
) -> impl Iterator<Item = &'a mut [Gf128]> {
    kept.chunks_exact_mut(plan.leaves()).chain(folded.chunks_exact_mut(plan.leaves()))
}

/// The vector B, and the message about the trees that it comes from.
fn grow(
    plan: &Plan,
    rng: &mut Generator,
    keys: &[Pair],
    products: &[Gf128],
) -> (Vec<Gf128>, Vec<u8>) {
    let mut message = vec![0; trees::bytes(plan)];
    let (salt, parts) = message.split_at_mut(SALT_BYTES);
    rng.fill_bytes(salt);
    let roots = Zeroizing::new((0..plan.trees()).map(|_| Gf128::random(rng)).collect::<Vec<_>>());
    let code = ExpandConvolute::new(plan.outputs());
    let mut outputs = vec![Gf128::ZERO; plan.batches() * plan.outputs()];
    outputs
        .par_chunks_mut(plan.outputs())
        .zip(parts.par_chunks_mut(TREES * trees::part_bytes(plan)))
        .enumerate()
        .for_each(|(batch, (kept, parts))| {
            let mut nodes = Nodes::new(plan.leaves());
            let mut folded = vec![Gf128::ZERO; plan.outputs()];
            let parts = parts.chunks_exact_mut(trees::part_bytes(plan));
            for (index, (leaves, part)) in halves(plan, kept, &mut folded).zip(parts).enumerate() {
                let tree = batch * TREES + index;
                let doubling = SeedDoubling::new(salt, tree as u64);
                let keys = &keys[tree * plan.depth()..][..plan.depth()];
                nodes.grow(&doubling, keys, [roots[tree], products[tree]], leaves, part);
            }
            code.compress(kept, &mut folded);
        });
    (outputs, message)
}

/// The vector C, from the sender's message.
fn puncture(
    plan: &Plan,
    code: &ExpandConvolute,
    noise: &Noise,
    message: &[u8],
    keys: &[u128],
    products: &[Gf128],
) -> Vec<Gf128> {
    let (salt, parts) = message.split_at(SALT_BYTES);
    let mut outputs = vec![Gf128::ZERO; plan.batches() * plan.outputs()];
    outputs
        .par_chunks_mut(plan.outputs())
        .zip(parts.par_chunks(TREES * trees::part_bytes(plan)))
        .enumerate()
        .for_each(|(batch, (kept, parts))| {
            let mut nodes = Nodes::new(plan.leaves());
            let mut folded = vec![Gf128::ZERO; plan.outputs()];
            let parts = parts.chunks_exact(trees::part_bytes(plan));
            for (index, (leaves, part)) in halves(plan, kept, &mut folded).zip(parts).enumerate() {
                let tree = batch * TREES + index;
                let doubling = SeedDoubling::new(salt, tree as u64);
                let keys = &keys[tree * plan.depth()..][..plan.depth()];
                let secret = (noise.places[tree], products[tree]);
                nodes.puncture(&doubling, keys, secret, leaves, part);
            }
            code.compress(kept, &mut folded);
        });
    outputs
}

/// The elements of a message.
fn elements(bytes: &[u8]) -> Zeroizing<Vec<Gf128>> {
    let encoded = bytes.as_chunks::<ELEMENT_BYTES>().0;
    Zeroizing::new(encoded.iter().map(|element| Gf128::from_bytes(*element)).collect())
}

#[cfg(test)]
mod tests;
