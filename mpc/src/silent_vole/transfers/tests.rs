use world::{Side, Transcript};

use super::*;
use crate::test_support::{assert_drop_is_noticed, both_dealt, sweep};
use crate::{MpcError, TwoParty};

/// Batches that the first party receives, and that the second one does.
const BATCHES: [usize; 2] = [2, 1];

/// One refill: what this party sent and received.
async fn program(party: &mut TwoParty) -> Result<(SentColumns, ReceivedColumns), MpcError> {
    let [mine, theirs] = if party.is_first() { BATCHES } else { [BATCHES[1], BATCHES[0]] };
    let TwoParty { session, as_sender, as_receiver, .. } = party;
    let mut stock = Stock::default();
    refill(session, (as_sender, as_receiver), &mut stock, [mine, theirs]).await?;
    assert_eq!([stock.to_receive(), stock.to_send()], [mine * BATCH, theirs * BATCH]);
    let (mut sent, mut received) = (SentColumns::default(), ReceivedColumns::default());
    // In two steps, with an end within a batch, then all that is left.
    for count in [BATCH / 2 + 64, usize::MAX / 2] {
        stock.send(count, &mut sent);
        stock.receive(count, &mut received);
    }
    assert_eq!([stock.to_receive(), stock.to_send()], [0; 2]);
    Ok((sent, received))
}

fn check(sent: &SentColumns, received: &ReceivedColumns, batches: usize) {
    assert_eq!([sent.columns.len(), received.columns.len()], [batches * BATCH; 2]);
    let choices = Bits::from_words(received.choices.clone(), batches * BATCH);
    let deltas = sent.deltas.iter().flat_map(|(count, delta)| (0..*count).map(|_| **delta));
    let columns = sent.columns.iter().zip(received.columns.iter()).zip(deltas);
    for (index, ((sent, received), delta)) in columns.enumerate() {
        assert_eq!(*received, sent ^ (delta * u128::from(choices.bit(index))), "{index}");
    }
    // Six standard deviations.
    let count = (batches * BATCH) as f64;
    let set: u32 = received.choices.iter().map(|word| word.count_ones()).sum();
    assert!((f64::from(set) - count / 2.0).abs() < 3.0 * count.sqrt(), "{set} choices");
    for bit in 0..128 {
        let set = sent.columns.iter().filter(|column| *column >> bit & 1 == 1).count() as f64;
        assert!((set - count / 2.0).abs() < 3.0 * count.sqrt(), "bit {bit}: {set}");
    }
}

#[test]
fn correct() {
    let outcome = both_dealt(1, program);
    let (first, second) = (outcome.first.unwrap(), outcome.second.unwrap());
    check(&second.0, &first.1, BATCHES[0]);
    check(&first.0, &second.1, BATCHES[1]);
    assert_ne!(first.0.deltas[0].1, second.0.deltas[0].1);
}

/// Two refills have nothing in common.
#[test]
fn correct_again() {
    let outcome =
        both_dealt(2, async |party| [program(party).await.unwrap(), program(party).await.unwrap()]);
    let ([one, two], [first, second]) = (&outcome.first, &outcome.second);
    check(&one.0, &first.1, BATCHES[1]);
    check(&two.0, &second.1, BATCHES[1]);
    assert_ne!(one.0.deltas[0].1, two.0.deltas[0].1);
    assert_ne!(first.1.choices, second.1.choices);
    let columns: std::collections::BTreeSet<u128> =
        one.0.columns.iter().chain(two.0.columns.iter()).copied().collect();
    assert_eq!(columns.len(), 2 * BATCH);
}

#[test]
fn known_answer() {
    let outcome = both_dealt(3, program);
    assert_eq!(
        outcome.transcript.hash(),
        "5726a81937b3aa422af47d059686c02987b5b4e234b76bace13e1a98fa549b1d"
    );
}

#[test]
fn cost() {
    let transcript: Transcript = both_dealt(4, program).transcript;
    assert_eq!(bytes(1), [9216, 16 + 200 * (2 * 11 + 1) * 16]);
    for (side, received, sent) in
        [(Side::First, BATCHES[0], BATCHES[1]), (Side::Second, BATCHES[1], BATCHES[0])]
    {
        assert_eq!(transcript.bytes_of(side, "corrections") as usize, bytes(received)[0]);
        assert_eq!(transcript.bytes_of(side, "trees") as usize, bytes(sent)[1]);
    }
    assert_eq!((transcript.messages(), transcript.rounds()), (4, 2));
}

/// A semi-honest protocol cannot see other bytes of the right length, but every other length.
#[test]
fn tampered() {
    sweep(&["corrections", "trees"], async |party| program(party).await.map(drop));
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("trees", async |party| program(party).await.map(drop));
}
