//! Conversations with several peers, side by side.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use crate::{NetError, Session};

/// Runs all futures on this task and returns what they give, in their order, or the first error.
///
/// `tokio::try_join!` for a number of futures that is known at run time only.
pub fn together<T, E, F: Future<Output = Result<T, E>>>(
    futures: impl IntoIterator<Item = F>,
) -> impl Future<Output = Result<Vec<T>, E>> {
    let mut running: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    let mut results: Vec<Option<T>> = running.iter().map(|_| None).collect();
    poll_fn(move |context| {
        for (future, result) in running.iter_mut().zip(&mut results) {
            if result.is_none()
                && let Poll::Ready(ready) = future.as_mut().poll(context)
            {
                match ready {
                    Ok(value) => *result = Some(value),
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
        }
        if results.iter().all(Option::is_some) {
            return Poll::Ready(Ok(results.iter_mut().filter_map(Option::take).collect()));
        }
        Poll::Pending
    })
}

/// How many parties the job lists before this one: those that are the first in the session with it.
/// `peers` are the sessions with all other parties, in the order of the job.
///
/// # Errors
/// [`NetError::InvalidInput`] for no session, or one with a party that is listed before this one
/// behind one that is listed after it. The order on either side does not show.
pub fn own_place(peers: &[Session]) -> Result<usize, NetError> {
    let place = peers.iter().take_while(|session| !session.is_first()).count();
    if peers.is_empty() || !peers[place..].iter().all(Session::is_first) {
        let what = "the sessions with all other parties are needed, in the order of the job";
        return Err(NetError::InvalidInput { what: what.to_owned() });
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use tokio::sync::Notify;

    use super::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        crate::block_on(future).unwrap()
    }

    #[test]
    fn results_keep_the_order_although_one_waits_for_a_later_one() {
        let bell = Notify::new();
        let play = async |number| {
            match number {
                0 => bell.notified().await,
                _ => bell.notify_one(),
            }
            Ok::<_, ()>(number)
        };
        assert_eq!(run(together([0, 1].map(play))), Ok(vec![0, 1]));
    }

    #[test]
    fn the_first_error_does_not_wait_for_the_others() {
        let play = async |number: u8| match number {
            0 => std::future::pending().await,
            _ => Err::<(), u8>(number),
        };
        assert_eq!(run(together([0, 1].map(play))), Err(1));
        assert_eq!(run(together([1; 0].map(play))), Ok(vec![]));
    }
}
