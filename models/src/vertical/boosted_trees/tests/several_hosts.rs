//! More hosts than one: the trees are those of the pooled table, whoever owns a column.

use std::collections::BTreeSet;

use world::{MeshFault, MeshOutcome, MeshSent, mesh, mesh_with_fault};

use super::*;

/// What a party ends with.
#[derive(Debug)]
enum Played {
    Guest(Box<GuestTraining>),
    Host(HostTrees),
}

/// The host's features of some data dealt out to hosts, so many to each.
fn dealt(data: &Data, counts: &[usize]) -> Vec<BinnedMatrix> {
    let mut features = data.host.features().iter().cloned();
    let mut take = |count: usize| {
        BinnedMatrix::new(data.labels.len(), features.by_ref().take(count).collect()).unwrap()
    };
    counts.iter().map(|&count| take(count)).collect()
}

async fn play(
    data: &Data,
    hosts: &[BinnedMatrix],
    settings: &Settings,
    number: usize,
    mut peers: Vec<Session>,
) -> Result<Played, ModelError> {
    let ledger = Ledger::new(DISCLOSURES);
    let Some(host) = number.checked_sub(1) else {
        let examples = data.examples();
        let trained = train_as_guest(&mut peers, &data.guest, &examples, settings, &ledger).await?;
        return Ok(Played::Guest(Box::new(trained)));
    };
    let trained =
        train_as_host(&mut peers[0], &hosts[host], &data.training, settings, &ledger).await?;
    Ok(Played::Host(trained))
}

fn parts(outcome: MeshOutcome<Result<Played, ModelError>>) -> (GuestTraining, Vec<HostTrees>) {
    assert!(outcome.closed.iter().all(Result::is_ok), "{:?}", outcome.closed);
    let (mut guest, mut hosts) = (None, Vec::new());
    for result in outcome.results {
        match result.unwrap() {
            Played::Guest(training) => guest = Some(*training),
            Played::Host(trees) => hosts.push(trees),
        }
    }
    (guest.unwrap(), hosts)
}

/// Every node, gain and leaf is the reference's on the guest's columns and then each host's.
fn assert_lossless(data: &Data, counts: &[usize], settings: &Settings) {
    let hosts = dealt(data, counts);
    let outcome =
        mesh(1, 1 + hosts.len(), |number, peers| play(data, &hosts, settings, number, peers));
    let between_hosts = outcome.transcripts.iter().filter(|((first, _), _)| *first > 0);
    assert!(between_hosts.into_iter().all(|(_, transcript)| transcript.messages() == 0));
    let (guest, trees) = parts(outcome);
    assert!(trees.iter().all(|host| !host.splits.is_empty()), "a host took no part: {settings:?}");
    let found = joint_outline(&guest.model, &trees);
    let owner = |name: &String| {
        hosts.iter().position(|host| host.features().iter().any(|it| it.name == *name))
    };
    // Each host shuffles its own features; ties between these depend on it.
    let orders = orders_of_host(data).into_iter().filter(|names| names.is_sorted_by_key(owner));
    let reference = orders.into_iter().find_map(|names| {
        let reference = data.reference(&names, settings);
        let expected = outline(&reference.model.trees, |cut: &Cut| {
            (reference.model.features[cut.feature].clone(), cut.bin, cut.missing_left)
        });
        (expected == found).then_some(reference)
    });
    let reference = reference.expect("the trees are the reference's in no order of features");
    assert_eq!(guest.margins, reference.margins);
    assert_eq!(guest.progress, reference.progress);
}

#[test]
fn correct() {
    let data = data(1, 900, 2, 3, 6);
    for counts in [&[1, 1, 1][..], &[1, 2], &[2, 1]] {
        assert_lossless(&data, counts, &settings(4, 3));
    }
    // More nodes than one batch, and a public choice of columns over all parties.
    let many = Settings { min_child_weight: 0.1, ..settings(1, 6) };
    assert_lossless(&data, &[1, 2], &many);
    assert_lossless(&data, &[2, 1], &Settings { column_fraction: 0.6, ..settings(6, 3) });
}

#[test]
fn every_loss_is_lossless() {
    let data = data(8, 300, 2, 3, 5);
    let forest = Settings {
        ensemble: Ensemble::Forest,
        loss: Loss::Squared,
        row_fraction: 0.6,
        early_stopping_rounds: 0,
        ..settings(3, 3)
    };
    let directions = [("guest0", Direction::Decreasing), ("host1", Direction::Decreasing)];
    let directions = directions.map(|(name, direction)| (name.to_owned(), direction)).into();
    for settings in [
        Settings { loss: Loss::Poisson, ..settings(2, 3) },
        Settings { loss: Loss::Softmax { classes: 2 }, ..settings(2, 3) },
        forest,
        Settings { directions, ..settings(3, 3) },
    ] {
        assert_lossless(&data, &[1, 1, 1], &settings);
    }
}

#[test]
fn scoring_repeats_the_margins_of_training_and_wants_the_same_hosts() {
    let data = data(3, 300, 2, 3, 5);
    let (hosts, settings) = (dealt(&data, &[2, 1]), settings(3, 3));
    let score = |reversed: bool| {
        mesh(2, 3, async |number, mut peers: Vec<Session>| {
            let ledger = Ledger::new(DISCLOSURES);
            let Some(host) = number.checked_sub(1) else {
                let examples = data.examples();
                let training =
                    train_as_guest(&mut peers, &data.guest, &examples, &settings, &ledger).await?;
                if reversed {
                    peers.reverse();
                }
                let margins =
                    score_as_guest(&mut peers, &training.model, &data.guest, &ledger).await?;
                assert_eq!(margins, training.margins);
                return Ok(());
            };
            let (guest, matrix) = (&mut peers[0], &hosts[host]);
            let model = train_as_host(guest, matrix, &data.training, &settings, &ledger).await?;
            score_as_host(guest, &model, matrix, &ledger).await
        })
    };
    let outcome = score(false);
    assert!(outcome.results.iter().all(Result::is_ok), "{:?}", outcome.results);
    let refused = score(true).results.remove(0).unwrap_err().to_string();
    assert!(refused.contains("name the hosts as for the training"), "{refused}");
}

#[test]
fn known_answer() {
    let data = data(4, 200, 1, 2, 3);
    let (hosts, settings) = (dealt(&data, &[1, 1]), settings(1, 2));
    let run = || mesh(5, 3, |number, peers| play(&data, &hosts, &settings, number, peers));
    let (one, two) = (run(), run());
    assert_eq!(one.hash(), two.hash());
    let (guest, trees) = parts(one);
    assert_eq!(joint_outline(&guest.model, &trees)[..3], KNOWN_SPLITS);
}

const KNOWN_SPLITS: [&str; 3] = [
    r#"("host1", 2, true) 18.34317050138929 1"#,
    r#"("host0", 2, true) 11.85103571665764 3"#,
    r#"("guest0", 1, true) 1.2424412161477036 5"#,
];

#[test]
fn cost() {
    let data = data(5, 500, 1, 3, 4);
    let (hosts, settings) = (dealt(&data, &[2, 1]), settings(2, 3));
    let outcome = mesh(1, 3, |number, peers| play(&data, &hosts, &settings, number, peers));
    let of = |host: usize, step: &str| {
        let steps = outcome.transcripts[&(0, host)].steps.iter().filter(|found| found.step == step);
        steps.fold((0, 0), |sum, step| (sum.0 + step.messages, sum.1 + step.bytes))
    };
    // 300 training rows; features of 4 bins and a missing one; words of 50 bits, 3 a number.
    let packed = |numbers: u64| (numbers * 150).div_ceil(8);
    let (nodes, _) = of(1, "gradients");
    for (host, cells) in [(1, 10), (2, 5)] {
        assert_eq!(of(host, "gradients"), (nodes, nodes * packed(300 + 8192)));
        assert_eq!(of(host, "sums"), (nodes, nodes * packed(cells)));
        assert_eq!(of(host, "hints"), (1, cells * 153_600));
    }
}

/// A protocol small enough to be run a few hundred times.
fn small() -> (Data, Vec<BinnedMatrix>, Settings) {
    let data = data(6, 80, 1, 2, 2);
    let hosts = dealt(&data, &[1, 1]);
    (data, hosts, settings(1, 1))
}

#[test]
fn tampered() {
    let (data, hosts, settings) = small();
    let is_chosen = |message: &MeshSent| message.between == (0, 2);
    let report = world::hostile::sweep_mesh(3, 3, is_chosen, |number, peers| {
        play(&data, &hosts, &settings, number, peers)
    });
    // As with one host: see there.
    let steps: BTreeSet<&str> =
        report.unnoticed.iter().map(|fault| fault.fault.path_step.as_str()).collect();
    assert!(steps.is_subset(&BTreeSet::from(["sides", "command"])), "{:?}", report.unnoticed);
}

/// Whoever loses a party says so; the other host is left to whoever ends the conversations.
#[test]
fn peer_drops() {
    let (data, hosts, settings) = small();
    for (path_step, from) in [("hints", Side::Second), ("sums", Side::Second)] {
        let fault =
            Fault { path_step: path_step.into(), occurrence: 0, kind: FaultKind::Close, from };
        let outcome =
            mesh_with_fault(1, 3, MeshFault { between: (0, 2), fault }, |number, peers| {
                play(&data, &hosts, &settings, number, peers)
            });
        let guest = outcome.results[0].as_ref().unwrap_err().to_string();
        assert!(guest.contains("party.2"), "the lost host is named: {guest}");
        assert!(outcome.results.iter().all(Result::is_err));
    }
}

/// A host whose sums are not those of the guest's rows is named among several.
#[test]
fn tampered_sums_are_blamed_on_the_host_that_sent_them() {
    let (data, hosts, settings) = small();
    let kind = FaultKind::replace(|bytes| bytes.iter().map(|byte| byte ^ 1).collect());
    let fault = Fault { path_step: "sums".into(), occurrence: 0, kind, from: Side::Second };
    let outcome = mesh_with_fault(1, 3, MeshFault { between: (0, 2), fault }, |number, peers| {
        play(&data, &hosts, &settings, number, peers)
    });
    let error = outcome.results[0].as_ref().unwrap_err().to_string();
    assert!(error.contains("party.2") && error.contains("must"), "{error}");
}

#[test]
fn nobody_trains_without_a_host() {
    let (data, _, settings) = small();
    let ledger = Ledger::new(DISCLOSURES);
    let examples = data.examples();
    let train = train_as_guest(&mut [], &data.guest, &examples, &settings, &ledger);
    let error = net::block_on(train).unwrap().unwrap_err().to_string();
    assert!(error.contains("at least one host"), "{error}");
}
