//! Known attacks of a curious host: what works on an open variant must fail here.

use super::*;
use crate::vertical::attacks::{advantage, chance, chance_correlation, correlation};

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

/// What both parties hold of a model, and of the margins of training rows.
struct Watched {
    guest: StrictTrees,
    host: StrictTrees,
    shares: [Vec<f64>; 2],
}

fn watch(data: &Data, settings: &Settings) -> Watched {
    let side = async |session| {
        let ledger = Arc::new(Ledger::new(DISCLOSURES));
        let mut party = TwoParty::setup(session, ledger).await.unwrap();
        let guest = party.is_first();
        let matrix = if guest { &data.guest } else { &data.host };
        let known = guest.then(|| data.known());
        let trained = train(&mut party, matrix, known, data.rows(), settings).await.unwrap();
        (trained.model, trained.margins)
    };
    let outcome = world::pair(12, side, side);
    let ((guest, one), (host, other)) = (outcome.first, outcome.second);
    let signed = |words: Vec<u64>| words.into_iter().map(|word| word as i64 as f64).collect();
    Watched { guest, host, shares: [signed(one), signed(other)] }
}

impl Watched {
    /// The leaf of a training row in a tree, by both parties' questions.
    fn leaf(&self, data: &Data, tree: usize, row: usize) -> usize {
        let parts = [(&self.guest, &data.guest), (&self.host, &data.host)];
        let mut place = 0;
        while let PartNode::Split { left, .. } = self.guest.trees[tree].nodes[place] {
            let goes_left = parts.iter().find_map(|(part, matrix)| {
                let PartNode::Split { cut, .. } = part.trees[tree].nodes[place] else {
                    return None;
                };
                cut.map(|cut| cut.is_left(matrix.features()[cut.feature].codes[row]))
            });
            place = left + usize::from(!goes_left.unwrap());
        }
        place
    }

    /// The sides of a row at the host's own splits.
    fn sides_of_host(&self, data: &Data, row: usize) -> impl Iterator<Item = (Cut, bool)> {
        let nodes = self.host.trees.iter().flat_map(|tree| &tree.nodes);
        let cuts = nodes.filter_map(|node| match node {
            PartNode::Split { cut, .. } => *cut,
            PartNode::Leaf { .. } => None,
        });
        cuts.map(move |cut| (cut, cut.is_left(data.host.features()[cut.feature].codes[row])))
    }
}

/// Label inference from who shares a node (Takahashi et al., "Eliminating Label Leakage in
/// Tree-Based Vertical Federated Learning" (`ID2Graph`), arXiv 2307.10318): a host that is told
/// the rows of nodes, as `SecureBoost` tells it, and knows a few labels, guesses the label of a row
/// from those that stand in the same nodes. The host's own features say nothing here, so that
/// whatever it finds comes from training.
#[test]
fn the_host_cannot_tell_who_shares_a_node() {
    const KNOWN: usize = 60;
    let mut data = data(13, 1250, [2, 2], 6, 0);
    let guest = data.guest.features();
    let is_positive = |row| guest[0].codes[row] + guest[1].codes[row] > 6;
    data.labels = (0..1250).map(|row| u8::from(is_positive(row))).collect();
    let watched = watch(&data, &settings(3, 3));
    let rows = data.training.len();
    let truth = &data.labels[KNOWN..rows];
    // The mean label of the known rows, each as often as it shares a mark with this one.
    let success = |marks: &dyn Fn(usize) -> Vec<usize>| {
        let all: Vec<Vec<usize>> = (0..rows).map(marks).collect();
        let guess = |row: usize| {
            let alike = |known: usize| {
                let pairs = all[known].iter().zip(&all[row]);
                pairs.filter(|(known, row)| known == row).count() as f64
            };
            let (sum, of) = (0..KNOWN).fold((0.0, 1e-9), |(sum, of), known| {
                let weight = alike(known);
                (sum + weight * f64::from(data.labels[known]), of + weight)
            });
            sum / of
        };
        advantage(&(KNOWN..rows).map(guess).collect::<Vec<_>>(), truth)
    };
    let held = success(&|row| {
        let sides = watched.sides_of_host(&data, row).map(|(_, left)| usize::from(left));
        sides.chain([usize::from(watched.shares[1][row] > 0.0)]).collect()
    });
    assert!(held <= chance(truth), "{held} is more than chance");
    let open = success(&|row| (0..3).map(|tree| watched.leaf(&data, tree, row)).collect());
    assert!(open >= 0.9, "{open}");
}

/// Reconstruction of a host's feature from the sides of its splits, which `secureboost` tells the
/// guest (Luo et al., "Feature Inference Attack on Model Predictions in Vertical Federated
/// Learning", ICDE 2021, path restriction): the number of splits that a row passes on the left
/// orders the feature's values.
#[test]
fn the_guest_cannot_order_the_hosts_values() {
    let data = data(14, 1250, [1, 1], 12, 0);
    let watched = watch(&data, &settings(6, 3));
    let rows = data.training.len();
    let truth: Vec<f64> =
        data.host.features()[0].codes[..rows].iter().copied().map(f64::from).collect();
    let held = correlation(&watched.shares[0], &truth);
    assert!(held <= chance_correlation(rows), "{held} is more than chance");
    let lefts = |row| watched.sides_of_host(&data, row).filter(|(_, left)| *left).count() as f64;
    let open = correlation(&(0..rows).map(lefts).collect::<Vec<_>>(), &truth);
    assert!(open >= 0.9, "{open}");
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
