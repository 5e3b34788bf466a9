//! Known attacks of a curious host: what works on an open variant must fail here.
//!
//! Each attack is one statistic with a fixed seed. Chance is one half; four standard deviations are
//! allowed on what strict training gives the host, and the same statistic must reach 0.9 where the
//! value is open, so that the test can fail.

use super::*;

/// AUC of an attacker's guess of the label, either way round.
fn advantage(guess: &[f64], labels: &[u8]) -> f64 {
    let auc = discrimination::auc(&Ranking::new(guess, labels, None).unwrap());
    auc.max(1.0 - auc)
}

/// One half and four standard deviations of the AUC of a random guess (Hanley and `McNeil`,
/// Radiology 143, 1982: the variance under the null of the Mann-Whitney statistic).
fn chance(labels: &[u8]) -> f64 {
    let positives: f64 = labels.iter().map(|label| f64::from(*label)).sum();
    let negatives = labels.len() as f64 - positives;
    let variance = (positives + negatives + 1.0) / (12.0 * positives * negatives);
    0.5 + 4.0 * variance.sqrt()
}

/// Label inference from per-row values (Fu et al., "Label Inference Attacks Against Vertical
/// Federated Learning", USENIX Security 2022; Li et al., "Label Leakage and Protection in Two-Party
/// Split Learning", ICLR 2022): sign and size of the derivative that a host gets in open schemes.
#[test]
fn what_the_host_holds_of_a_row_says_nothing_about_its_label() {
    let data = data(11, 1200, [2, 2], 6, 0);
    let settings = settings(2, 2);
    let side = async |session| {
        let ledger = Arc::new(Ledger::new(DISCLOSURES));
        let mut party = TwoParty::setup(session, ledger).await.unwrap();
        let guest = party.is_first();
        let matrix = if guest { &data.guest } else { &data.host };
        let known = guest.then(|| data.known());
        train(&mut party, matrix, known, data.rows(), &settings).await.unwrap()
    };
    let outcome = world::pair(11, side, side);
    let labels = &data.labels[..data.training.len()];
    let signed = |word: &u64| *word as i64 as f64;
    let (guest, host) = (outcome.first, outcome.second);
    let host_shares = &host.margins;
    let host: Vec<f64> = host_shares.iter().map(signed).collect();
    let sizes: Vec<f64> = host.iter().map(|share| share.abs()).collect();
    for guess in [&host, &sizes] {
        let found = advantage(guess, labels);
        assert!(found <= chance(labels), "{found} is more than chance");
    }
    // The open variant: the host sees the derivative p - y itself.
    let sums = guest.margins.iter().zip(host_shares);
    let sums: Vec<u64> = sums.map(|(guest, host)| guest.wrapping_add(*host)).collect();
    let margins = guest.model.margins(&sums).into_iter().zip(labels);
    let open: Vec<f64> =
        margins.map(|(margin, label)| local::probability(margin) - f64::from(*label)).collect();
    assert!(advantage(&open, labels) >= 0.9);
}

/// Traffic analysis: other labels and other values, but equal public sizes and an equal shape, give
/// the same messages of the same lengths. The open variant sends the rows of a node.
#[test]
fn lengths_and_numbers_of_messages_depend_on_public_sizes_only() {
    let settings = Settings { min_child_weight: 0.0, ..settings(1, 1) };
    let lengths = |seed: u8| {
        let data = data(seed, 60, [1, 1], 2, 0);
        let side = async |session| play(session, &data, &settings).await.unwrap();
        let outcome = world::pair(u64::from(seed), side, side);
        let steps = &outcome.transcript.steps;
        let lengths = steps.iter().map(|step| (step.label(), step.from, step.messages, step.bytes));
        let nodes = outcome.first.0.trees[0].nodes.clone();
        let owner = match nodes[0] {
            PartNode::Split { owner, .. } => Some(owner),
            PartNode::Leaf { .. } => None,
        };
        // The rows that go left, which open schemes send.
        let left =
            data.training.iter().filter(|row| data.host.features()[0].codes[**row as usize] == 1);
        (lengths.collect::<Vec<_>>(), owner, left.count())
    };
    let runs: Vec<_> = (20..32).map(lengths).collect();
    let of_owner = |owner| runs.iter().filter(move |run| run.1 == Some(owner));
    for owner in [Owner::Guest, Owner::Host] {
        let first = of_owner(owner).next().expect("each party owns the split of some run");
        assert!(of_owner(owner).all(|run| run.0 == first.0));
    }
    assert!(runs.iter().any(|run| run.2 != runs[0].2), "open lengths would differ");
}
