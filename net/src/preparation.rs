//! Long work of one party before the others have anything to wait for.

use std::io;
use std::thread;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::NetError;
use crate::session::Session;
use crate::together::together;

/// Does what a party needs to do alone, such as reading its table, on a thread of its own, and
/// returns when this party and all `peers` have done theirs.
///
/// Each tells the others from time to time that it still works, so that work of any length never
/// meets the longest wait for a step. A party whose work fails returns at once; ending the
/// conversations then is the caller's part. `name` must not have been used for a fork.
///
/// # Errors
/// What `work` returns; [`NetError`] if a peer is gone or stopped, also before the own work is
/// done, and without any peer.
pub async fn prepare<T, E>(
    peers: &mut [Session],
    name: &str,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<NetError> + Send + 'static,
{
    let (mut own, mut theirs) = (Vec::new(), Vec::new());
    for peer in peers {
        let first = peer.fork(&format!("{name}_first"))?;
        let second = peer.fork(&format!("{name}_second"))?;
        let (mine, its) = if peer.is_first() { (first, second) } else { (second, first) };
        own.push(mine);
        theirs.push(its);
    }
    let (done, _) =
        tokio::try_join!(work_and_tell(own, work), together(theirs.into_iter().map(hear)))?;
    Ok(done)
}

async fn work_and_tell<T, E>(
    mut peers: Vec<Session>,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<NetError> + Send + 'static,
{
    let Some(interval) = peers.iter().map(|peer| peer.settings().step_timeout).min() else {
        let what = "there is nobody to prepare anything with".to_owned();
        return Err(NetError::InvalidInput { what }.into());
    };
    let interval = interval / REPORTS_PER_WAIT;
    let (sender, mut done) = oneshot::channel();
    let run = move || {
        // Nobody waits for it any more if the conversations are over.
        let _ = sender.send(work());
    };
    let thread = thread::Builder::new().name("preparation".to_owned());
    thread.spawn(run).map_err(|error| failed(&error))?;
    loop {
        match timeout(interval, &mut done).await {
            Ok(Ok(result)) => {
                let result = result?;
                tell(&mut peers, DONE).await?;
                return Ok(result);
            }
            Ok(Err(_)) => return Err(failed(&io::Error::other("the thread ended early")).into()),
            Err(_) => tell(&mut peers, WORKING).await?,
        }
    }
}

async fn tell(peers: &mut [Session], word: u64) -> Result<(), NetError> {
    for peer in peers {
        peer.send_words(STEP, &[word]).await?;
    }
    Ok(())
}

async fn hear<E: From<NetError>>(mut path: Session) -> Result<(), E> {
    loop {
        match path.receive_words(STEP, 1).await?[..] {
            [DONE] => return Ok(()),
            [WORKING] => {}
            _ => {
                return Err(path.misbehaved(STEP, "told neither that it works nor is done").into());
            }
        }
    }
}

fn failed(cause: &io::Error) -> NetError {
    NetError::Runtime { cause: cause.to_string() }
}

const STEP: &str = "prepared";
const WORKING: u64 = 0;
const DONE: u64 = 1;

/// Reports within the longest wait for a step.
const REPORTS_PER_WAIT: u32 = 10;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::transport::memory;
    use crate::{Seat, Settings, block_on};

    /// A seat with a longest wait of a fifth of a second.
    fn seat(me: &str, peer: &str, is_first: bool) -> Seat {
        let mut seat = Seat::new(me, peer, is_first);
        let step_timeout = Duration::from_millis(200);
        seat.settings = Settings { step_timeout, ..Settings::rendezvous() };
        seat
    }

    /// Both parties at once, over memory.
    fn pair<A, B>(
        first: impl AsyncFnOnce(Session) -> A,
        second: impl AsyncFnOnce(Session) -> B,
    ) -> (A, B) {
        let (mut one, mut two) =
            memory::pair(seat("bank", "shop", true), seat("shop", "bank", false)).unwrap();
        let (first_session, second_session) = (one.session().unwrap(), two.session().unwrap());
        block_on(async { tokio::join!(first(first_session), second(second_session)) }).unwrap()
    }

    fn slow() -> u8 {
        thread::sleep(Duration::from_millis(900));
        7
    }

    #[test]
    fn work_may_take_longer_than_the_longest_wait() {
        let (first, second) = pair(
            async |session| {
                prepare(&mut [session], "rows", || Ok::<_, NetError>(slow())).await.unwrap()
            },
            async |session| prepare(&mut [session], "rows", || Ok::<_, NetError>(8)).await.unwrap(),
        );
        assert_eq!((first, second), (7, 8));
    }

    #[test]
    fn work_that_fails_ends_the_wait() {
        let fails = || Err::<u8, _>(NetError::InvalidInput { what: "no table".to_owned() });
        let (first, second) = pair(
            async |session| prepare(&mut [session], "rows", || Ok::<_, NetError>(slow())).await,
            async |session| prepare(&mut [session], "rows", fails).await,
        );
        assert!(second.unwrap_err().to_string().contains("no table"));
        assert!(first.unwrap_err().is_connection(), "its session was dropped");
    }

    #[test]
    fn one_of_several_peers_may_take_longer_than_the_longest_wait() {
        let pair = |first, second| {
            memory::pair(seat(first, second, true), seat(second, first, false)).unwrap()
        };
        let (mut conversations, mut paths) = (Vec::new(), Vec::new());
        for (first, second) in [("bank", "shop"), ("bank", "telco"), ("shop", "telco")] {
            for mut side in <[_; 2]>::from(pair(first, second)) {
                paths.push(side.session().unwrap());
                conversations.push(side);
            }
        }
        let [a, b, c, d, e, f] = <[Session; 6]>::try_from(paths).unwrap();
        let (mut bank, mut shop, mut telco) = ([a, c], [b, e], [d, f]);
        let quick = || Ok::<_, NetError>(8);
        let work = async {
            tokio::join!(
                prepare(&mut bank, "rows", quick),
                prepare(&mut shop, "rows", || Ok::<_, NetError>(slow())),
                prepare(&mut telco, "rows", quick),
            )
        };
        let done = block_on(work).unwrap();
        assert_eq!((done.0.unwrap(), done.1.unwrap(), done.2.unwrap()), (8, 7, 8));
    }

    #[test]
    fn nobody_prepares_alone() {
        let alone = block_on(prepare(&mut [], "rows", || Ok::<_, NetError>(8))).unwrap();
        assert!(alone.unwrap_err().to_string().contains("nobody"));
    }

    #[test]
    fn a_word_of_another_meaning_is_named() {
        let (first, _) = pair(
            async |session| prepare(&mut [session], "rows", || Ok::<_, NetError>(8)).await,
            async |mut session| {
                let mut path = session.fork("rows_second").unwrap();
                path.send_words(STEP, &[2]).await
            },
        );
        let text = first.unwrap_err().to_string();
        assert!(text.contains("neither") && text.contains("shop"), "{text}");
    }
}
