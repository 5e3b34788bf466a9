use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;

use contract::Role;
use table::{Column, Kind, Schema, Source, Table};
use tempfile::TempDir;
use world::{Fault, FaultKind, Outcome, Side};

use crate::spec::JobSpec;
use crate::{JobError, OwnRows, Unwatched, open_rows, run_party};

const JOB: &str = "\
job: large
purpose: test
parties:
  bank: { role: guest, table: bank.csv, key: KEY }
  shop: { role: host, table: shop.csv, key: KEY }
align: { protocol: rr22, learn: LEARN }
";

/// A job and a folder with the tables of both parties: an id and a number that follows from it.
struct Scene {
    folder: TempDir,
    job: JobSpec,
}

type Ran = Result<Option<usize>, JobError>;

impl Scene {
    fn new(key: &str, learn: &str, bank: Range<u32>, shop: Range<u32>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, numbers) in [("bank", bank), ("shop", shop)] {
            let ids = numbers.map(|number| number * 37 % 10_007);
            let lines: Vec<String> = ids.map(|id| format!("id-{id},{}", id * 2)).collect();
            let text = format!("id,amount\n{}\n", lines.join("\n"));
            fs::write(folder.path().join(format!("{name}.csv")), text).unwrap();
        }
        let job = JOB.replace("KEY", key).replace("LEARN", learn);
        let job = JobSpec::parse("job.yaml", &job).unwrap();
        Self { folder, job }
    }

    /// The rows of a party, divided so that they want eight buckets if `is_large`.
    fn rows(&self, role: Role, is_large: bool) -> OwnRows {
        let party = self.job.parties().find(|party| party.role == role).unwrap();
        let work = self.folder.path().join(format!("{}.divided", party.name));
        let mut rows = open_rows(&self.job, party, self.folder.path(), &work, &Unwatched).unwrap();
        if is_large {
            rows.divide().unwrap().pretend_bytes(8 << 29);
        }
        rows
    }

    fn run(
        &self,
        fault: Option<Fault>,
        bank: &mut OwnRows,
        shop: &mut OwnRows,
    ) -> Outcome<Ran, Ran> {
        let ran = |outcome: Result<crate::Outcome, JobError>| Ok(outcome?.common_rows);
        let (job, [guest, host]) = (&self.job, [&self.job.guest, &self.job.hosts[0]]);
        let first =
            async |session| ran(run_party(job, guest, bank, vec![session], &Unwatched).await);
        let second =
            async |session| ran(run_party(job, host, shop, vec![session], &Unwatched).await);
        match fault {
            Some(fault) => world::pair_with_fault(7, fault, first, second),
            None => world::pair(7, first, second),
        }
    }

    /// The common rows that a party's files hold.
    fn common(&self, rows: &OwnRows) -> Table {
        let path = self.folder.path().join("aligned.parquet");
        rows.division().unwrap().join_common(&path).unwrap();
        let schema = Schema::new(vec![
            Column::new("id", Kind::Text, table::Role::Id),
            Column::new("amount", Kind::Integer, table::Role::Feature),
        ]);
        Table::read(&Source::parquet(path), &schema.unwrap()).unwrap()
    }
}

fn ids(table: &Table) -> Vec<String> {
    table.ids().unwrap().map(str::to_owned).collect()
}

/// Checks that both parties' files hold exactly these ids, in one order, each with its number.
fn check_common(scene: &Scene, rows: [&OwnRows; 2], numbers: Range<u32>) {
    let [bank, shop] = rows.map(|rows| scene.common(rows));
    let expected: BTreeSet<String> =
        numbers.map(|number| format!("id-{}", number * 37 % 10_007)).collect();
    assert_eq!(ids(&bank).into_iter().collect::<BTreeSet<_>>(), expected);
    assert_eq!(bank.rows(), expected.len());
    assert_eq!(ids(&bank), ids(&shop), "one order");
    for (id, amount) in bank.ids().unwrap().zip(bank.numeric("amount").unwrap()) {
        assert_eq!(id, format!("id-{}", amount / 2.0));
    }
}

#[test]
fn every_protocol_runs_in_buckets() {
    for protocol in ["ecdh", "rr22, security: malicious"] {
        let scene = Scene::new("id", "both", 0..90, 60..100);
        let text = JOB.replace("KEY", "id").replace("LEARN", "both").replace("rr22", protocol);
        let scene = Scene { job: JobSpec::parse("job.yaml", &text).unwrap(), ..scene };
        let (mut bank, mut shop) = (scene.rows(Role::Guest, true), scene.rows(Role::Host, true));
        assert_eq!(scene.run(None, &mut bank, &mut shop).first.unwrap(), Some(30));
        check_common(&scene, [&bank, &shop], 60..90);
    }
}

#[test]
fn a_divided_table_and_one_in_memory_find_all_common_rows() {
    let scene = Scene::new("id", "both", 0..900, 600..1000);
    let (mut bank, mut shop) = (scene.rows(Role::Guest, true), scene.rows(Role::Host, false));
    let outcome = scene.run(None, &mut bank, &mut shop);
    assert_eq!(outcome.first.unwrap(), Some(300));
    assert_eq!(outcome.second.unwrap(), Some(300));
    check_common(&scene, [&bank, &shop], 600..900);
    let work = scene.folder.path().join("bank.divided");
    assert!(work.exists());
    bank.remove_files().unwrap();
    assert!(!work.exists());
}

#[test]
fn bucket_sizes_do_not_depend_on_the_ids() {
    let sizes = |shift: u32| {
        let scene = Scene::new("id", "both", shift..shift + 900, 600..1000);
        let (mut bank, mut shop) = (scene.rows(Role::Guest, true), scene.rows(Role::Host, true));
        let transcript = scene.run(None, &mut bank, &mut shop).transcript;
        let bytes = |bucket: usize, step: &str| {
            transcript.bytes_of(
                Side::Second,
                &format!("align/lane_{}/bucket_{bucket:03}/{step}", bucket % 3),
            )
        };
        (0..8).map(|bucket| [bytes(bucket, "cells"), bytes(bucket, "tags")]).collect::<Vec<_>>()
    };
    assert_eq!(sizes(0), sizes(2000));
}

#[test]
fn a_run_that_was_stopped_goes_on_with_what_neither_has_finished() {
    let scene = Scene::new("id", "both", 0..900, 600..1000);
    let (mut bank, mut shop) = (scene.rows(Role::Guest, true), scene.rows(Role::Host, true));
    let fault = Fault {
        path_step: "align/lane_2/bucket_005/cells".to_owned(),
        occurrence: 0,
        kind: FaultKind::Close,
        from: Side::Second,
    };
    let outcome = scene.run(Some(fault), &mut bank, &mut shop);
    assert!(outcome.first.is_err() && outcome.second.is_err());
    drop((bank, shop));

    // Both programs start again and find what they left.
    let (mut bank, mut shop) = (scene.rows(Role::Guest, true), scene.rows(Role::Host, true));
    let finished = |rows: &OwnRows| rows.division().unwrap().progress().unwrap().common.len();
    assert!(finished(&bank) >= 1 && finished(&shop) >= 1, "at least bucket 2");
    let outcome = scene.run(None, &mut bank, &mut shop);
    assert_eq!(outcome.first.unwrap(), Some(300));
    check_common(&scene, [&bank, &shop], 600..900);
    let is_repeated = |step: &str| step.contains("bucket_002/");
    assert!(!outcome.transcript.steps.iter().any(|step| is_repeated(&step.label())));
}

#[test]
fn another_job_or_another_table_begins_anew() {
    let scene = Scene::new("id", "both", 0..900, 600..1000);
    drop(scene.rows(Role::Guest, true));
    let is_divided = |scene: &Scene| scene.rows(Role::Guest, false).division().is_some();
    assert!(is_divided(&scene));
    let text = JOB.replace("KEY", "id").replace("LEARN", "both").replace("large", "other");
    let job = JobSpec::parse("job.yaml", &text).unwrap();
    let scene = Scene { job, ..scene };
    assert!(!is_divided(&scene));
    drop(scene.rows(Role::Guest, true));
    fs::write(scene.folder.path().join("bank.csv"), "id,amount\nx,1\n").unwrap();
    assert!(!is_divided(&scene));
}

#[test]
fn only_who_learns_gets_rows() {
    let scene = Scene::new("id", "host", 0..900, 600..1000);
    let (mut bank, mut shop) = (scene.rows(Role::Guest, true), scene.rows(Role::Host, false));
    let outcome = scene.run(None, &mut bank, &mut shop);
    assert_eq!((outcome.first.unwrap(), outcome.second.unwrap()), (None, Some(300)));
    assert_eq!(scene.common(&shop).rows(), 300);
    assert!(!scene.folder.path().join("bank.divided/common.000.parquet").exists());
}

#[test]
fn policies_for_keys_hold_for_divided_tables_too() {
    let key = "{ column: id, invalid: drop, duplicates: first }";
    let scene = Scene::new(key, "both", 0..900, 600..1000);
    let table = scene.folder.path().join("bank.csv");
    let text = fs::read_to_string(&table).unwrap();
    let again: Vec<&str> = text.lines().skip(1).take(3).collect();
    fs::write(&table, format!("{text} {}\nn/a,5\n", again.join("\n "))).unwrap();
    let (mut bank, mut shop) = (scene.rows(Role::Guest, true), scene.rows(Role::Host, true));
    let division = bank.division().unwrap();
    let counts =
        [division.rows(), division.keys(), division.invalid_rows(), division.duplicate_rows()];
    assert_eq!(counts, [904, 900, 1, 3]);
    assert_eq!(scene.run(None, &mut bank, &mut shop).first.unwrap(), Some(300));
    check_common(&scene, [&bank, &shop], 600..900);

    let scene = Scene { job: Scene::new("id", "both", 0..1, 0..1).job, ..scene };
    let bank = &scene.job.guest;
    let refused = open_rows(
        &scene.job,
        bank,
        scene.folder.path(),
        &scene.folder.path().join("w"),
        &Unwatched,
    );
    assert!(refused.is_err(), "ids have to be unique without a rule");
}

#[test]
fn tampered_plans_are_named() {
    for (word, value) in [(0, 3), (0, 1 << 40), (0, 512)] {
        let scene = Scene::new("id", "both", 0..90, 60..100);
        let (mut bank, mut shop) = (scene.rows(Role::Guest, true), scene.rows(Role::Host, true));
        let change = move |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            bytes[8 * word..8 * word + 8].copy_from_slice(&u64::to_le_bytes(value));
            bytes
        };
        let fault = Fault {
            path_step: "align/plan".to_owned(),
            occurrence: 0,
            kind: FaultKind::replace(change),
            from: Side::First,
        };
        let error = scene.run(Some(fault), &mut bank, &mut shop).second.unwrap_err().to_string();
        assert!(error.contains("first misbehaved") && error.contains("buckets"), "{error}");
    }
}
