//! The factors of users, at the guest.

use mpc::TwoParty;

use crate::ModelError;

/// The guest learns each user's factors, the sum of both parties' parts: k numbers for each user,
/// in an order both know. Each party passes its own part (`GuestPart::user_factors`,
/// `HostPart::user_factors`); the host gets `None`. `key` is the disclosure.
///
/// # Errors
/// [`ModelError::InvalidInput`] for own factors that are not finite, [`ModelError::Secure`] when
/// the peer fails or sends such.
#[net::boxed]
pub async fn learn_user_factors(
    party: &mut TwoParty,
    key: &str,
    own: Vec<f64>,
) -> Result<Option<Vec<f64>>, ModelError> {
    const STEP: &str = "user_factors";
    if own.iter().any(|factor| !factor.is_finite()) {
        return Err(ModelError::InvalidInput(
            "the own part of a user's factors is too large for a number; clip outliers".to_owned(),
        ));
    }
    let first = party.is_first();
    let session = &mut party.session;
    let guest = if first { session.me() } else { session.peer() };
    party.ledger.record(key, guest, own.len() as u64)?;
    if !first {
        let words: Vec<u64> = own.iter().map(|factor| factor.to_bits()).collect();
        session.send_words(STEP, &words).await?;
        return Ok(None);
    }
    let words = session.receive_words(STEP, own.len()).await?;
    let factors: Vec<f64> =
        own.iter().zip(words).map(|(own, word)| own + f64::from_bits(word)).collect();
    if factors.iter().any(|factor| !factor.is_finite()) {
        return Err(session.misbehaved(STEP, "a factor is a finite number").into());
    }
    Ok(Some(factors))
}
