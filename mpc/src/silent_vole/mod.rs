//! Silent vector OLE: long correlations over GF(2^128) from short messages.
//!
//! # Functionality
//! The sender gets a random Δ and a vector B, the receiver gets vectors A and C of the same length
//! with `C = A·Δ + B` in every place. B is pseudo-random in the field, A in the *range*: the field
//! or a [`Subspace`] of it, which both sides name. Nobody chooses anything else.
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
//! Semi-honest; [`checked`] holds against a malicious peer. A is the compression of noise that is
//! zero but in one secret place of each block: it is pseudo-random if learning parity with regular
//! noise is hard for the code, the parameters of which stand in `parameters` with the attacks that
//! they were set against. Noise values are from the range, in which the code stays. B is the
//! compression of the leaves of punctured trees, of which the
//! receiver lacks one in each tree (Goldreich, Goldwasser, Micali 1986; AES as an ideal cipher). Δ
//! and the key of the transfers are independent, so that who is told Δ later learns nothing about
//! the trees. Time does not depend on secrets, but addresses in the receiver's own memory depend on
//! its secret places.
//! # Cost
//! 4 flights; 32 KiB for the base transfers, then in each direction, for each batch of at most 2^18
//! correlations and its 200 trees, about 100 KB (less from the receiver if the range is small).
//! Bytes in all: [`bytes`]. The receiver holds 32 bytes of memory for each correlation, the sender
//! 16; both 46 bytes for each of one batch, and on each thread 16 more.
//! # Reference
//! Boyle, Couteau, Gilboa, Ishai, "Compressing Vector OLE", CCS 2018 (eprint 2019/273), section 3;
//! Schoppmann, Gascón, Reichert, Raykova, "Distributed Vector-OLE", CCS 2019 (eprint 2019/1084),
//! for regular noise; Raghuraman, Rindal, Tanguy, CRYPTO 2023 (eprint 2023/882) for the code; Roy,
//! CRYPTO 2022 (eprint 2022/192), section 3 for the products with Δ (subfield VOLE, 4 bits a tree).

pub mod checked;
mod leaves;
mod noise;
mod noise_products;
mod parameters;
pub mod transfers;
mod trees;

use crypto::expand_convolute::ExpandConvolute;
use crypto::field128::Gf128;
use crypto::field128::subspace::Subspace;
use crypto::random::Generator;
use net::{Session, Size};
use rayon::prelude::*;
use zeroize::Zeroizing;

use self::leaves::{Growing, Puncturing, compressed, parts_mut};
use self::noise::Noise;
pub use self::parameters::COUNT_MAX;
use self::parameters::Plan;
use self::trees::Pair;
use crate::MpcError;
use crate::base_ot::{self, punctured_trees, random_delta, whole_trees};
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
/// number, at most [`COUNT_MAX`], and the same range of A.
///
/// # Errors
/// [`MpcError::InvalidInput`] for too many; [`MpcError::Net`] when the peer is gone or breaks a
/// rule.
#[net::boxed]
pub async fn vole_as_sender(
    session: &mut Session,
    count: usize,
    range: &Subspace,
) -> Result<VoleSender, MpcError> {
    let plan = Plan::new(count)?;
    let mut rng = session.rng();
    let keys = Zeroizing::new(std::array::from_fn(|_| random_delta(&mut rng)));
    let trees = punctured_trees(session, &mut rng, &*keys).await?;
    let mut b = send(session, (&plan, range), &keys, trees).await?;
    b.truncate(count);
    Ok(VoleSender { delta: Gf128(keys[1]), b })
}

/// Makes `count` correlations as their receiver. The peer calls [`vole_as_sender`] with the same
/// number, at most [`COUNT_MAX`], and the same range of A.
///
/// # Errors
/// As of [`vole_as_sender`].
#[net::boxed]
pub async fn vole_as_receiver(
    session: &mut Session,
    count: usize,
    range: &Subspace,
) -> Result<VoleReceiver, MpcError> {
    let plan = Plan::new(count)?;
    let trees = whole_trees(session, 2).await?;
    let [mut a, mut c] = receive(session, (&plan, range), trees).await?;
    a.truncate(count);
    c.truncate(count);
    Ok(VoleReceiver { a, c })
}

/// Bytes that both parties together send for `count` correlations with this range of A.
///
/// # Errors
/// [`MpcError::InvalidInput`] for more than [`COUNT_MAX`].
pub fn bytes(count: usize, range: &Subspace) -> Result<usize, MpcError> {
    let plan = Plan::new(count)?;
    let corrections =
        corrections_bytes(plan.transfers()) + noise_products::bytes(plan.trees(), range);
    Ok(base_ot::bytes(2) + corrections + trees::bytes(&plan))
}

/// The vector B, after the base transfers: the key of the transfers and Δ, and the trees of both.
async fn send(
    session: &mut Session,
    (plan, range): (&Plan, &Subspace),
    [transfer_key, delta]: &[u128; 2],
    mut bases: Vec<Vec<Option<Seed>>>,
) -> Result<Vec<Gf128>, MpcError> {
    let mut delta_trees = bases.split_off(BLOCKS);
    let size = Size::Exactly(corrections_bytes(plan.transfers()));
    let choices = session.receive_bytes("choice_corrections", size).await?;
    let size = Size::Exactly(noise_products::bytes(plan.trees(), range));
    let values = session.receive_bytes("value_corrections", size).await?;
    let tweak = first_tweak(session.is_first());
    let mut rng = session.rng();
    let (b, message) = session
        .compute(|| {
            let mut extension = ExtensionSender::new(*transfer_key, bases, tweak);
            let keys = Zeroizing::new(extension.keys(&choices, plan.transfers()));
            let products = noise_products::of_sender(*delta, range, &mut delta_trees, &values);
            grow((plan, range), &mut rng, &keys, &products)
        })
        .await;
    session.send_bytes("trees", message).await?;
    Ok(b)
}

/// The vectors A and C, after the base transfers: the trees of the key of the transfers and of Δ.
async fn receive(
    session: &mut Session,
    (plan, range): (&Plan, &Subspace),
    mut bases: Vec<Vec<Seed>>,
) -> Result<[Vec<Gf128>; 2], MpcError> {
    let delta_trees = bases.split_off(BLOCKS);
    let tweak = first_tweak(!session.is_first());
    let mut rng = session.rng();
    let noise = Noise::random(plan, range, &mut rng);
    let (choices, keys, values, products) = session
        .compute(|| {
            let mut extension = ExtensionReceiver::new(bases, tweak);
            let (choices, keys) = extension.keys::<u128>(&noise.choices(plan, 0, &mut rng));
            let (values, products) = noise_products::of_receiver(&noise.values, range, delta_trees);
            (choices, Zeroizing::new(keys), values, products)
        })
        .await;
    session.send_bytes("choice_corrections", choices).await?;
    session.send_bytes("value_corrections", values).await?;
    // While the sender makes B.
    let (code, a) = session
        .compute(|| {
            let code = ExpandConvolute::new(plan.outputs(), range);
            let a = noise.compressed(plan, &code);
            (code, a)
        })
        .await;
    let message = session.receive_bytes("trees", Size::Exactly(trees::bytes(plan))).await?;
    let finish = || puncture(plan, &code, &noise, &message, (&keys, &products));
    let c = session.compute(finish).await;
    Ok([a, c])
}

/// The vector B, and the message about the trees that it comes from.
fn grow(
    (plan, range): (&Plan, &Subspace),
    rng: &mut Generator,
    keys: &[Pair],
    products: &[Gf128],
) -> (Vec<Gf128>, Vec<u8>) {
    let growing = Growing::new(plan, rng, keys, products);
    let mut message = growing.message();
    let code = ExpandConvolute::new(plan.outputs(), range);
    let parts = parts_mut(plan, &mut message);
    let outputs = compressed(plan, &code, parts, |batch, halves, parts| {
        growing.fill(batch, halves, parts);
    });
    (outputs, message)
}

/// The vector C, from the sender's message, the keys and the shares of products.
fn puncture(
    plan: &Plan,
    code: &ExpandConvolute,
    noise: &Noise,
    message: &[u8],
    (keys, products): (&[u128], &[Gf128]),
) -> Vec<Gf128> {
    let puncturing = Puncturing::new(plan, noise, message, keys, products);
    let batches = (0..plan.batches()).into_par_iter();
    compressed(plan, code, batches, |batch, halves, _| puncturing.fill(batch, halves))
}

#[cfg(test)]
mod tests;
