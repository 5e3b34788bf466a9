use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::slice;

use contract::Observed;
use net::NetError;

use super::*;
use crate::run::logistic_regression::TEST_SCORES;
use crate::spec::{JobSpec, PartySpec};
use crate::{Unwatched, open_rows, run_party};

fn mark(run: u8, number: u64) -> Mark {
    Mark { run: [run; RUN_BYTES], number }
}

/// What both sides go on from, with these states; both must be of one mind.
fn agreed(guest: &[Mark], host: &[Mark]) -> Option<Mark> {
    let outcome = world::pair(
        1,
        async |mut session: Session| choose(slice::from_mut(&mut session), guest).await.unwrap(),
        async |mut session: Session| follow(slice::from_mut(&mut session), host).await.unwrap(),
    );
    assert_eq!(outcome.first, outcome.second);
    outcome.first.1
}

#[test]
fn parties_go_on_from_the_newest_state_that_both_have() {
    let [four, five] = [4, 5].map(|number| mark(1, number));
    assert_eq!(agreed(&[four, five], &[five, four]), Some(five));
    // One is a pass ahead, on either side.
    assert_eq!(agreed(&[four, five], &[mark(1, 3), four]), Some(four));
    assert_eq!(agreed(&[mark(1, 3), four], &[five, four]), Some(four));
    // The same pass, reached again after a stop, is another state.
    assert_eq!(agreed(&[four, five], &[mark(2, 5), four]), Some(four));
    for (guest, host) in [(&[five][..], &[][..]), (&[], &[five]), (&[five], &[mark(1, 7)])] {
        assert_eq!(agreed(guest, host), None);
    }
}

/// A guest that names a state which the host has not, whatever it is.
#[test]
fn only_what_was_offered_can_be_chosen() {
    let own = [mark(1, 4), mark(1, 5)];
    for chosen in [mark(1, 3), mark(2, 5), mark(1, u64::MAX)] {
        let outcome = world::pair(
            2,
            async |mut session: Session| {
                let size = Size::Exactly(2 * MARK_BYTES);
                session.receive_bytes(OFFERS, size).await.unwrap();
                let bytes = [&[9; RUN_BYTES][..], &encode(Some(chosen))].concat();
                session.send_bytes(CHOICE, bytes).await.unwrap();
            },
            async |mut session: Session| follow(slice::from_mut(&mut session), &own).await,
        );
        let refused = outcome.second.unwrap_err();
        assert!(matches!(refused, JobError::Net(NetError::PeerMisbehaved { .. })), "{refused}");
    }
}

const TREES: &str = "\
job: resumed
purpose: test
seed: 5
parties:
  first: { role: guest, table: guest.csv, key: id, label: bought }
  second: { role: host, table: host.csv, key: id }
split: { by: stratified, test: 30% }
train:
  - boosted_trees: { privacy: secureboost, trees: 2, depth: 1, bins: 4, early_stopping: 0 }
evaluate: { bootstrap: 100 }
";

/// Tables in which the label follows from what the host knows, six times in seven.
fn write_tables(folder: &Path) {
    let (mut guest, mut host) = ("id,age,bought\n".to_owned(), "id,calls\n".to_owned());
    for row in 0..160_u32 {
        let (age, calls) = (row * 37 % 61, row * 59 % 43);
        let bought = u8::from((calls > 20) != (row % 7 == 0));
        let _ = writeln!(guest, "c{row},{age}.5,{bought}");
        let _ = writeln!(host, "c{row},{calls}.25");
    }
    fs::write(folder.join("guest.csv"), guest).unwrap();
    fs::write(folder.join("host.csv"), host).unwrap();
}

/// What the guest and the host count as opened in a run whose states stay.
fn openings(folder: &Path, seed: u64) -> [Vec<Observed>; 2] {
    let job = JobSpec::parse("job.yaml", TREES).unwrap();
    let side = async |party: &PartySpec, session: Session| {
        let rows = open_rows(&job, party, folder, &folder.join("work"), &Unwatched).unwrap();
        let mut rows = rows.checkpoints_in(folder.join(&party.name));
        run_party(&job, party, &mut rows, vec![session], &Unwatched).await.unwrap().observed
    };
    let guest = async |session| side(&job.guest, session).await;
    let host = async |session| side(&job.hosts[0], session).await;
    let outcome = world::pair(seed, guest, host);
    [outcome.first, outcome.second]
}

/// The second run goes on behind the last tree.
#[test]
fn what_a_training_says_once_counts_once_when_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    write_tables(folder.path());
    let [whole, resumed] = [1, 2].map(|seed| openings(folder.path(), seed));
    for (whole, resumed) in whole.iter().zip(&resumed) {
        let counts = |key: &str| {
            [whole, resumed].map(|observed| {
                observed.iter().filter(|it| it.key == key).map(|it| it.count).sum::<u64>()
            })
        };
        for key in ["train.rows", "model.trees", TEST_SCORES, "trees.bin_sums"] {
            let [before, after] = counts(key);
            assert!(before > 0 && before == after, "{key}: {before}, then {after}");
        }
        // The guest is told the sides at the host's splits again.
        let [before, after] = counts("trees.row_partition");
        assert!(before > 0 && after == 2 * before, "{before}, then {after}");
    }
}
