//! Keeps the line to a partner with an address open.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crypto::random::Generator;
use tokio::time::{sleep, timeout};

use super::correspondence::Partner;
use super::exchange;
use super::greeting::{self, Unwelcome, greet, hello};
use super::line::{Admitted, Line};
use super::post::Shared;
use super::stream::Wire;
use crate::channel::{self, Dialling, Windows};
use crate::error::NetError;
use crate::generated::control::Hello;

/// Dials whenever no stream is open, with growing pauses, until the partner is one no more.
pub(super) async fn keep_dialling(line: Arc<Line>, shared: Arc<Shared>) {
    let mut pause = shared.settings.first_pause;
    while !line.is_revoked() {
        let ready = async {
            line.until_open(false).await;
            if line.partner().address.is_none() {
                line.dial.notified().await;
            }
        };
        tokio::select! {
            () = ready => {}
            () = line.revoked() => return,
        }
        let partner = line.partner();
        if partner.address.is_none() {
            continue;
        }
        let lasted = dial_once(&line, &shared, &partner).await;
        pause = if lasted > pause { shared.settings.first_pause } else { pause };
        let wait = less_a_random_part(pause);
        line.dials_at(Some(SystemTime::now() + wait));
        tokio::select! {
            () = sleep(wait) => pause = (pause * 2).min(shared.settings.longest_pause),
            // Somebody knows that it may work now.
            () = line.dial.notified() => pause = shared.settings.first_pause,
            () = line.until_open(true) => {}
            () = line.revoked() => return,
        }
        line.dials_at(None);
    }
}

/// Dials, and carries letters until the stream ends; says how long it lasted.
async fn dial_once(line: &Arc<Line>, shared: &Arc<Shared>, partner: &Partner) -> Duration {
    let attempt = timeout(shared.settings.attempt_timeout, attempt(line, shared, partner));
    let outcome = tokio::select! {
        outcome = attempt => outcome,
        () = line.revoked() => return Duration::ZERO,
    };
    match outcome {
        Ok(Ok((admitted, wire, theirs))) => {
            let begun = Instant::now();
            // The line keeps what went wrong.
            exchange::run(admitted, Arc::clone(shared), wire, theirs).await;
            return begun.elapsed();
        }
        Ok(Err(Unwelcome::OpenAlready)) => {}
        Ok(Err(Unwelcome::Stranger)) => line.failed(NetError::Unreachable {
            peer: partner.name.clone(),
            cause: "it does not know this node's key, or knows it no more".to_owned(),
        }),
        Ok(Err(Unwelcome::Version(error) | Unwelcome::Failed(error))) => line.failed(error),
        Err(_) => line.failed(NetError::Unreachable {
            peer: partner.name.clone(),
            cause: "it does not answer".to_owned(),
        }),
    }
    Duration::ZERO
}

async fn attempt(
    line: &Arc<Line>,
    shared: &Arc<Shared>,
    partner: &Partner,
) -> Result<(Admitted, Wire, Hello), Unwelcome> {
    let address = partner.address.as_deref().unwrap_or_default();
    let dialling = Dialling {
        identity: &shared.identity,
        peer: &partner.name,
        key: partner.key,
        server_name: CONTROL_NAME,
    };
    let channel = channel::open(address, dialling, WINDOWS).await.map_err(Unwelcome::Failed)?;
    let standing = shared.correspondence.standing(partner.key).await;
    let standing = standing.map_err(|error| {
        let peer = partner.name.clone();
        Unwelcome::Failed(NetError::Letters { peer, cause: error.to_string() })
    })?;
    let (wire, theirs) = greet(channel, partner, hello(standing.received, false)).await?;
    line.note(|report| greeting::note(report, &theirs));
    let admitted = line.admit(true).await.map_err(|_| Unwelcome::OpenAlready)?;
    Ok((admitted, wire, theirs))
}

/// Between a half and all of a pause, so that those who were cut at once do not come at once.
fn less_a_random_part(pause: Duration) -> Duration {
    let random = Generator::from_os().below(1 << 16) as u32;
    pause / 2 + pause / 2 * random / (1 << 16)
}

/// The TLS server name under which a node answers for itself.
pub(super) const CONTROL_NAME: &str = "control.tombolo";
/// Letters are short and few: a line needs little memory.
pub(super) const WINDOWS: Windows =
    Windows { stream: 256 << 10, connection: 1 << 20, frame: 64 << 10 };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_vary_between_half_and_whole() {
        let pauses: Vec<_> = (0..100).map(|_| less_a_random_part(Duration::from_mins(1))).collect();
        for pause in &pauses {
            assert!((30.0..60.0).contains(&pause.as_secs_f64()), "{pause:?}");
        }
        assert_ne!(pauses.iter().min(), pauses.iter().max());
    }
}
