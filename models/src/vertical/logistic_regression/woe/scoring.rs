//! Scores of new rows by a model with weight-of-evidence features.
//!
//! # Functionality
//! The guest knows the value `x_jb` of each bin, the host its bins of the rows and the coefficient
//! `w_j` of each feature; both know their own part of each row's linear predictor without these
//! features. The guest learns the whole linear predictor of each row, the host nothing.
//! # Messages
//! 1. `woe_shape` both ways: numbers of rows and bins
//! 2. the products `x_jb·w_j`, shared (see `mpc::known`)
//! 3. `seed` guest → host, `row_hints` host → guest: set-up of the encrypted sums
//! 4. `weights` guest → host: its shares of the products, encrypted; `scores` host → guest: masked
//! 5. `share` host → guest
//! # Leaks
//! To both: the numbers of rows, features and bins. To the guest: the scores, under the key of the
//! caller.
//! # Security
//! Semi-honest: transfers and ring-LWE (`crypto::lattice::expansion`).
//! # Cost
//! 7 flights; 384 bytes for each bin, 22 bytes for each row, and 150 KiB once and for each T bins
//! and 116 KiB for each 8192/T rows, with the power of two T that makes these the fewest.
//! # Reference
//! `crypto::lattice::expansion`; Gilboa, CRYPTO 1999, section 4.1.

use crypto::lattice::expansion::{Answers, EncryptedWeights, Evaluator, Expansion, Hint, SentHint};
use crypto::lattice::{LatticeError, Parameters, Ring};
use mpc::TwoParty;
use mpc::hints::{self, Expected, blame};
use mpc::known::{multiply_by_own, multiply_by_theirs};
use mpc::reveal::{Learner, learn};
use net::{Session, Size};

use super::{AnonymousColumn, Woe, indicators, repeated};
use crate::ModelError;
use crate::vertical::logistic_regression::Coefficients;

/// Fractional bits of the values of bins.
const VALUE_BITS: u32 = 20;
/// Fractional bits of coefficients.
const COEFFICIENT_BITS: u32 = 26;
/// Bits of the value of a bin as an integer, sign included: values stay below 2048, the root of the
/// largest number of training rows.
const VALUE_WIDTH: u32 = VALUE_BITS + 12;
/// Fractional bits of scores.
const SCORE_BITS: u32 = VALUE_BITS + COEFFICIENT_BITS;
/// Largest magnitude of what one party adds to a score; the ring holds eight times as much.
const SCORE_MAX: f64 = 16_384.0;
/// The step of the hints.
const HINTS: &str = "row_hints";
/// Transformed columns are kept as long as they fit this many bytes.
const CACHE_BYTES: usize = 1 << 28;

/// The linear predictors of `rows` rows, at the guest; `None` at the host. `columns` are the
/// party's own plain columns of these rows, prepared like in training, `woe` its part of the
/// features with weight of evidence, `key` the disclosure under which the guest learns the scores.
///
/// # Errors
/// [`ModelError::InvalidInput`] for columns or coefficients that do not fit the model or the fixed
/// point, [`ModelError::Secure`] when the peer fails or misbehaves.
#[net::boxed]
pub async fn score_with_woe(
    party: &mut TwoParty,
    own: &Coefficients,
    columns: &[&[f64]],
    woe: &Woe<'_>,
    rows: usize,
    key: &str,
) -> Result<Option<Vec<f64>>, ModelError> {
    let plain = plain_scores(own, columns, rows)?;
    let bins = woe.agree(party, rows).await?;
    let mut scores = match woe {
        Woe::Values(values) => {
            let factors =
                values.iter().flatten().copied().map(value_word).collect::<Result<Vec<_>, _>>()?;
            let zeros = vec![0; factors.len()];
            let products = multiply_by_own(party, &factors, VALUE_WIDTH, &zeros).await?;
            query(&mut party.session, &products, rows).await?
        }
        Woe::Bins(binned) => {
            let weights = coefficient_words(own, columns.len(), bins.len())?;
            let words = repeated(&bins, &weights);
            let products = multiply_by_theirs(party, VALUE_WIDTH, &words).await?;
            answer(&mut party.session, binned, &products, rows).await?
        }
    };
    for (score, plain) in scores.iter_mut().zip(plain) {
        *score = score.wrapping_add(plain);
    }
    let learnt = learn(party, key, Learner::First, &scores).await?;
    let unit = (1_u64 << SCORE_BITS) as f64;
    Ok(learnt.map(|words| words.into_iter().map(|word| word as i64 as f64 / unit).collect()))
}

/// The own part of the scores without weight of evidence, as words.
fn plain_scores(
    own: &Coefficients,
    columns: &[&[f64]],
    rows: usize,
) -> Result<Vec<u64>, ModelError> {
    let fits = columns.len() <= own.weights.len();
    if !fits || columns.iter().any(|column| column.len() != rows) {
        return Err(ModelError::InvalidInput(format!(
            "the model's {} coefficients need as many columns of {rows} rows; there are {}",
            own.weights.len(),
            columns.len()
        )));
    }
    let unit = (1_u64 << SCORE_BITS) as f64;
    let word =
        |score: f64| (score.abs() < SCORE_MAX).then_some((score * unit).round() as i64 as u64);
    own.partial_scores(columns, rows).into_iter().map(word).collect::<Option<_>>().ok_or_else(
        || ModelError::InvalidInput("a score is not finite or far too large".to_owned()),
    )
}

fn value_word(value: f64) -> Result<i64, ModelError> {
    let word = (value * f64::from(1 << VALUE_BITS)).round();
    if word.abs() < 2_f64.powi(VALUE_WIDTH as i32 - 1) {
        Ok(word as i64)
    } else {
        Err(ModelError::InvalidInput(format!(
            "the weight of evidence {value} is too large; standardise over the training rows"
        )))
    }
}

/// The coefficients of the features with weight of evidence, which come after those of `plain`
/// columns.
fn coefficient_words(
    own: &Coefficients,
    plain: usize,
    features: usize,
) -> Result<Vec<u64>, ModelError> {
    let weights = own.weights.get(plain..).unwrap_or_default();
    let sound = weights.len() == features && weights.iter().all(|it| it.abs() < SCORE_MAX);
    if !sound {
        return Err(ModelError::InvalidInput(format!(
            "{} coefficients for {plain} plain columns and {features} binned features",
            own.weights.len()
        )));
    }
    let unit = f64::from(1 << COEFFICIENT_BITS);
    Ok(weights.iter().map(|weight| (weight * unit).round() as i64 as u64).collect())
}

/// The guest's shares of each row's sum of the weights of its bins.
async fn query(
    session: &mut Session,
    weights: &[u64],
    rows: usize,
) -> Result<Vec<u64>, ModelError> {
    const ANSWER: &str = "scores";
    let mut rng = session.rng();
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    session.send_bytes("seed", seed.to_vec()).await?;
    let expansion = expansion(session, seed, rows, weights.len()).await?;
    let expected = Expected {
        count: expansion.chunks(),
        bytes: Hint::byte_count(&expansion),
        parse: |bytes: &[u8]| Hint::from_bytes(&expansion, bytes),
    };
    let hints = hints::receive(session, HINTS, expected).await?;
    let (key, query) = session
        .compute(|| {
            let (key, query) = expansion.encrypt(weights, &mut rng)?;
            Ok::<_, LatticeError>((key, query.to_bytes(&expansion)))
        })
        .await?;
    session.send_bytes("weights", query).await?;
    let size = Size::Exactly(Answers::byte_count(&expansion, &(0..expansion.chunks())));
    let answer = session.receive_bytes(ANSWER, size).await?;
    let decrypt = || {
        let answers = Answers::from_bytes(&expansion, 0..expansion.chunks(), &answer)?;
        expansion.decrypt(&key, &hints, &answers)
    };
    Ok(session.compute(decrypt).await.map_err(|error| blame(session, ANSWER, error))?)
}

/// The host's side of [`query`], with its own shares of the weights.
async fn answer(
    session: &mut Session,
    binned: &[AnonymousColumn],
    weights: &[u64],
    rows: usize,
) -> Result<Vec<u64>, ModelError> {
    const QUERY: &str = "weights";
    let mut rng = session.rng();
    let seed = session.receive_bytes("seed", Size::Exactly(32)).await?;
    let seed = seed.try_into().map_err(|_| session.misbehaved("seed", "a seed has 32 bytes"))?;
    let expansion = expansion(session, seed, rows, weights.len()).await?;
    let columns = session.compute(|| indicators(binned, 0)).await;
    let slices = columns.iter().map(Vec::as_slice).collect();
    let evaluator =
        session.compute(|| Evaluator::new(&expansion, slices, CACHE_BYTES, &mut rng)).await?;
    let make = |group| evaluator.hints(group).iter().map(SentHint::to_bytes).collect();
    hints::send(session, HINTS, expansion.chunks(), make).await?;
    let size = Size::Exactly(EncryptedWeights::byte_count(&expansion));
    let query = session.receive_bytes(QUERY, size).await?;
    let (answer, mut scores) = session
        .compute(|| {
            let query = EncryptedWeights::from_bytes(&expansion, &query)?;
            let (answers, shares) = evaluator.answer(&query, 0..expansion.chunks(), &mut rng);
            Ok::<_, LatticeError>((answers.to_bytes(), shares))
        })
        .await
        .map_err(|error| blame(session, QUERY, error))?;
    session.send_bytes("scores", answer).await?;
    let mut rest = weights;
    for column in binned {
        let (own, further) = rest.split_at(column.bins);
        for (score, code) in scores.iter_mut().zip(&column.codes) {
            *score = score.wrapping_add(own[usize::from(*code)]);
        }
        rest = further;
    }
    Ok(scores)
}

async fn expansion(
    session: &Session,
    seed: [u8; 32],
    rows: usize,
    columns: usize,
) -> Result<Expansion, ModelError> {
    let ring = || Ring::new(Parameters::N8192_Q150);
    Ok(session.compute(|| Expansion::new(&ring(), seed, rows, columns, 1)).await?)
}
