//! Whether all parties were told the same: what one tells two others differently would make these
//! two blame each other later.

use net::{Session, together};

use super::Parties;
use crate::MpcError;

/// Compares numbers that all parties know of with every other party, in a message of the name
/// `step`. Each hears all of them before it judges, so that nobody who finds a difference keeps it
/// from others. Of a number that differs `says` gives the name of the party that it comes from, and
/// what is wrong, from what the peer knows of it and what this party does.
///
/// # Errors
/// [`MpcError::Net`] when a peer fails or knows of another number; the error names the peer, and
/// whom the number comes from.
pub async fn compare<'a>(
    sessions: impl IntoIterator<Item = &'a mut Session>,
    step: &'static str,
    ours: &[u64],
    says: impl Fn(usize, [u64; 2]) -> (String, String),
) -> Result<(), MpcError> {
    let heard = together(sessions.into_iter().map(|session| async move {
        let theirs = session.exchange_words(step, ours, ours.len()).await?;
        Ok::<_, MpcError>((session, theirs))
    }))
    .await?;
    for (session, theirs) in heard {
        let Some(place) = (0..ours.len()).find(|place| ours[*place] != theirs[*place]) else {
            continue;
        };
        let (source, rule) = says(place, [theirs[place], ours[place]]);
        let hint = if [session.me(), session.peer()].contains(&source.as_str()) {
            String::new()
        } else {
            format!("; either it is wrong, or {source} told you two different things")
        };
        return Err(session.misbehaved(step, format!("{rule}{hint}")).into());
    }
    Ok(())
}

/// Makes sure that every party told all others the same number of its columns.
pub(super) async fn compare_widths(
    parties: &mut Parties,
    widths: &[usize],
) -> Result<(), MpcError> {
    let ours: Vec<u64> = widths.iter().map(|width| *width as u64).collect();
    let names = parties.names();
    let says = |place: usize, [theirs, ours]: [u64; 2]| {
        let name = &names[place];
        let rule = format!("it says that {name} has {theirs} columns, and we know of {ours}");
        (name.clone(), rule)
    };
    compare(parties.sessions(), "widths", &ours, says).await
}
