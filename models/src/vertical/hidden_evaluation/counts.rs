//! How many places of each class are in each band.

use mpc::boolean::{BitTriples, Bits, and_many, bit_triples};
use mpc::comparison::less_than;
use mpc::conversion::bits_to_words;
use mpc::matrix::{Blocks, Geometry, SharedProduct};
use mpc::{MpcError, TwoParty};

use super::Places;
use super::bands::{BITS, bits_of, one_hot};
use crate::ModelError;

/// Values of half of a band's bits.
const VALUES: usize = 1 << (BITS / 2);
/// Columns of the product: upper halves of places that count, and of the positive ones.
const COLUMNS: usize = 2 * VALUES;
/// Bits of a count, and of the integers that columns consist of.
const COUNT_BITS: u32 = 20;
/// Places that are worked on at once, which bounds memory.
const GROUP: usize = 1 << 15;

/// Shares modulo 2^64, for each band, the lowest first.
pub(super) struct Counts {
    /// Of the number of places that count.
    pub(super) all: Vec<u64>,
    /// Of the number of positive ones among them.
    pub(super) positives: Vec<u64>,
}

pub(super) async fn count(party: &mut TwoParty, places: &Places<'_>) -> Result<Counts, ModelError> {
    let mut sums = vec![0_u64; COLUMNS * VALUES];
    for start in (0..places.scores.len()).step_by(GROUP) {
        let group = start..places.scores.len().min(start + GROUP);
        let present = Bits::from_fn(group.len(), |at| places.present.bit(start + at) == 1);
        let labels = places.labels.map(|labels| &labels[group.clone()]);
        let part = count_group(party, &places.scores[group], &present, labels).await?;
        sums.iter_mut().zip(part).for_each(|(sum, part)| *sum = sum.wrapping_add(part));
    }
    let mut all = whole(party, &sums).await?;
    let positives = all.split_off(all.len() / 2);
    Ok(Counts { all, positives })
}

/// Shares modulo 2^[`COUNT_BITS`], column after column.
async fn count_group(
    party: &mut TwoParty,
    scores: &[u64],
    present: &Bits,
    labels: Option<&[u8]>,
) -> Result<Vec<u64>, ModelError> {
    let (first, rows) = (party.is_first(), scores.len());
    let bits = bits_of(party, scores).await?;
    let highest_first: Vec<&Bits> = bits.iter().rev().collect();
    let (high, low) = highest_first.split_at(BITS / 2);
    let labels = labels.unwrap_or_default();
    let positive = Bits::from_fn(rows, |row| labels.get(row) == Some(&1));
    let mut triples: BitTriples = bit_triples(party, present.words().len()).await?;
    let positive = and_many(party, &mut triples, &[(&positive, present)]).await?;
    let positive = positive.into_iter().next().unwrap_or_default();
    let mut one_of = one_hot(party, present, high).await?;
    one_of.extend(one_hot(party, &positive, high).await?);
    let zeros = Bits::zeros(rows);
    let ones = if first { zeros.complement() } else { zeros };
    one_of.extend(one_hot(party, &ones, low).await?);
    let words = to_words(party, &one_of, rows).await?;
    let (columns, vectors) = words.split_at(COLUMNS * rows);
    let columns = columns.chunks_exact(rows).map(integers).collect::<Vec<_>>();
    let geometry = Geometry::agree(party, rows, COLUMNS, 1).await?;
    if geometry.their_columns() != COLUMNS {
        let rule = format!("each party has {COLUMNS} columns, theirs are not as many");
        return Err(party.session.misbehaved("shape", rule).into());
    }
    let product = SharedProduct::prepare(party, &geometry, &columns).await?;
    let none = Blocks { own: vec![0; COLUMNS], theirs: vec![0; COLUMNS] };
    let mut sums = vec![0_u64; COLUMNS * VALUES];
    let vectors: Vec<(&[u64], &Blocks)> =
        vectors.chunks_exact(rows).map(|vector| (vector, &none)).collect();
    let products = product.backward(party, &vectors).await?;
    for (value, Blocks { own, theirs }) in products.into_iter().enumerate() {
        for (column, (own, theirs)) in own.iter().zip(theirs).enumerate() {
            sums[column * VALUES + value] = own.wrapping_add(theirs);
        }
    }
    Ok(sums)
}

/// Shared bits as numbers, vector after vector.
async fn to_words(
    party: &mut TwoParty,
    vectors: &[Bits],
    rows: usize,
) -> Result<Vec<u64>, MpcError> {
    let mut words = Vec::with_capacity(vectors.len() * rows);
    for vectors in vectors.chunks(VALUES) {
        let joined =
            Bits::from_fn(vectors.len() * rows, |at| vectors[at / rows].bit(at % rows) == 1);
        words.extend(bits_to_words::<u64>(party, &joined).await?);
    }
    Ok(words)
}

/// Own shares of a column modulo 2^[`COUNT_BITS`], and zeros in the rows that belong to penalties:
/// a sum of products with them is right modulo this.
fn integers(shares: &[u64]) -> Vec<i32> {
    let reduced = shares.iter().map(|share| (share & MASK) as i32);
    reduced.chain(std::iter::repeat_n(0, COLUMNS)).collect()
}

/// Shares modulo 2^64 of numbers below 2^[`COUNT_BITS`], from shares modulo that.
async fn whole(party: &mut TwoParty, shares: &[u64]) -> Result<Vec<u64>, MpcError> {
    let first = party.is_first();
    let reduced: Vec<u64> = shares.iter().map(|share| share & MASK).collect();
    let operand = |share: &u64| if first { MASK - share } else { *share };
    let operands: Vec<u64> = reduced.iter().map(operand).collect();
    // They wrap exactly if 2^20 - 1 - first < second.
    let wraps = less_than(party, &operands, COUNT_BITS as usize).await?;
    let wraps = bits_to_words::<u64>(party, &wraps).await?;
    let pairs = reduced.iter().zip(wraps);
    Ok(pairs.map(|(share, wrap)| share.wrapping_sub(wrap << COUNT_BITS)).collect())
}

const MASK: u64 = (1 << COUNT_BITS) - 1;
