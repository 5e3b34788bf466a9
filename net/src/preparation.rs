//! Long work of one party before the other has anything to wait for.

use std::io;
use std::thread;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::NetError;
use crate::session::Session;

impl Session {
    /// Does what a party needs to do alone, such as reading its table, on a thread of its own, and
    /// returns when both parties have done theirs.
    ///
    /// Each tells the other from time to time that it still works, so that work of any length never
    /// meets the longest wait for a step. A party whose work fails returns at once; ending the
    /// conversation then is the caller's part. `name` must not have been used for a fork.
    ///
    /// # Errors
    /// What `work` returns; [`NetError`] if the peer is gone or stopped, also before the own work
    /// is done.
    pub async fn prepare<T, E>(
        &mut self,
        name: &str,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<NetError> + Send + 'static,
    {
        let first = self.fork(&format!("{name}_first"))?;
        let second = self.fork(&format!("{name}_second"))?;
        let (own, theirs) = if self.is_first() { (first, second) } else { (second, first) };
        let (done, ()) = tokio::try_join!(work_and_tell(own, work), hear(theirs))?;
        Ok(done)
    }
}

async fn work_and_tell<T, E>(
    mut path: Session,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<NetError> + Send + 'static,
{
    let (sender, mut done) = oneshot::channel();
    let run = move || {
        // Nobody waits for it any more if the conversation is over.
        let _ = sender.send(work());
    };
    let thread = thread::Builder::new().name("preparation".to_owned());
    thread.spawn(run).map_err(|error| failed(&error))?;
    let interval = path.settings().step_timeout / REPORTS_PER_WAIT;
    loop {
        match timeout(interval, &mut done).await {
            Ok(Ok(result)) => {
                let result = result?;
                path.send_words(STEP, &[DONE]).await?;
                return Ok(result);
            }
            Ok(Err(_)) => return Err(failed(&io::Error::other("the thread ended early")).into()),
            Err(_) => path.send_words(STEP, &[WORKING]).await?,
        }
    }
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

    /// Both parties at once, over memory, with a longest wait of a fifth of a second.
    fn together<A, B>(
        first: impl AsyncFnOnce(Session) -> A,
        second: impl AsyncFnOnce(Session) -> B,
    ) -> (A, B) {
        let seat = |me, peer, is_first| {
            let mut seat = Seat::new(me, peer, is_first);
            let step_timeout = Duration::from_millis(200);
            seat.settings = Settings { step_timeout, ..Settings::rendezvous() };
            seat
        };
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
        let (first, second) = together(
            async |mut session| {
                session.prepare("rows", || Ok::<_, NetError>(slow())).await.unwrap()
            },
            async |mut session| session.prepare("rows", || Ok::<_, NetError>(8)).await.unwrap(),
        );
        assert_eq!((first, second), (7, 8));
    }

    #[test]
    fn work_that_fails_ends_the_wait() {
        let fails = || Err::<u8, _>(NetError::InvalidInput { what: "no table".to_owned() });
        let (first, second) = together(
            async |mut session| session.prepare("rows", || Ok::<_, NetError>(slow())).await,
            async |mut session| session.prepare("rows", fails).await,
        );
        assert!(second.unwrap_err().to_string().contains("no table"));
        assert!(first.unwrap_err().is_connection(), "its session was dropped");
    }

    #[test]
    fn a_word_of_another_meaning_is_named() {
        let (first, _) = together(
            async |mut session| session.prepare("rows", || Ok::<_, NetError>(8)).await,
            async |mut session| {
                let mut path = session.fork("rows_second").unwrap();
                path.send_words(STEP, &[2]).await
            },
        );
        let text = first.unwrap_err().to_string();
        assert!(text.contains("neither") && text.contains("shop"), "{text}");
    }
}
