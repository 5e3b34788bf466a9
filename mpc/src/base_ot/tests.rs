use crate::boolean::Bits;
use crate::ot_extension::extend;
use crate::test_support::both;

/// The base transfers are right exactly if the extension that grows from them is.
#[test]
fn correct() {
    for seed in 0..3 {
        let count = 300;
        let choice = |index: usize| (index * index + seed as usize) % 3 == 1;
        let outcome = both(seed, async |party| {
            let choices = Bits::from_fn(count, choice);
            extend(party, &choices, count).await.unwrap()
        });
        for (receiver, sender) in
            [(&outcome.first, &outcome.second), (&outcome.second, &outcome.first)]
        {
            for index in 0..count {
                let pair = sender.sent[index];
                assert_eq!(receiver.received[index], pair[usize::from(choice(index))]);
                assert_ne!(pair[0], pair[1]);
            }
        }
    }
}
