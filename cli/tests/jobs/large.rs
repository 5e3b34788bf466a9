//! A table that is larger than memory, and a party that is killed half-way.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use table::{Column, Kind, Role, Schema, Source, Table};

use crate::support::{Parties, json};

const JOB: &str = "\
job: large
purpose: test
parties:
  clinic: { role: guest, table: guest.csv, key: id }
  laboratory: { role: host, table: host.csv, key: id }
align: { protocol: rr22 }
";

/// Rows of each table, half of them common.
const ROWS: u64 = 5_000_000;

/// The longest that half of the buckets may take.
const PATIENCE: Duration = Duration::from_mins(10);

#[test]
#[ignore = "large: minutes and gigabytes; `cargo xtask nightly` runs it"]
fn a_large_alignment_survives_a_kill_half_way() {
    let folder = tempfile::tempdir().unwrap();
    write_table(&folder.path().join("guest.csv"), 0..ROWS);
    write_table(&folder.path().join("host.csv"), ROWS / 2..ROWS / 2 + ROWS);
    fs::write(folder.path().join("job.yaml"), JOB).unwrap();
    let parties = Parties::new(folder.path(), 1);

    let (guest, address) = parties.guest("job.yaml");
    let host = parties.host("job.yaml", &address);
    let division = folder.path().join("out/.clinic.divided");
    // The smallest division into buckets has eight.
    let begun = Instant::now();
    while finished(&division) < 4 {
        assert!(begun.elapsed() < PATIENCE, "no bucket is finished");
        thread::sleep(Duration::from_millis(20));
    }
    guest.kill();
    assert!(host.error().contains("clinic"));
    let done = finished(&division);

    let (guest, address) = parties.guest("job.yaml");
    let host = parties.host("job.yaml", &address);
    guest.succeed();
    host.succeed();
    assert!(!division.exists(), "nothing is left beside the results");
    let out = folder.path().join("out");
    let disclosed = &json(&out.join("clinic/metrics.json"))["disclosed"];
    assert!(disclosed.to_string().contains(&format!("\"count\":{}", ROWS / 2)));
    let (ours, theirs) = (Ids::read(&out.join("clinic")), Ids::read(&out.join("laboratory")));
    assert_eq!(ours.count, ROWS / 2, "after a kill with {done} buckets done");
    assert_eq!(ours.sum, (ROWS / 2..ROWS).map(u128::from).sum::<u128>());
    assert!(ours == theirs, "both have the same ids in the same order");
}

fn write_table(path: &Path, numbers: std::ops::Range<u64>) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    writeln!(file, "id,amount").unwrap();
    for number in numbers {
        writeln!(file, "9{number:016},{}", number % 1000).unwrap();
    }
    file.flush().unwrap();
}

/// How many buckets have their common rows on the disk.
fn finished(division: &Path) -> usize {
    let Ok(entries) = fs::read_dir(division) else { return 0 };
    let is_common = |name: &std::ffi::OsStr| {
        name.to_str().is_some_and(|name| name.starts_with("common.") && name.ends_with(".parquet"))
    };
    entries.filter(|entry| entry.as_ref().is_ok_and(|entry| is_common(&entry.file_name()))).count()
}

/// What is known of a sequence of ids without holding it.
#[derive(PartialEq)]
struct Ids {
    count: u64,
    sum: u128,
    /// Depends on the order.
    chained: u64,
}

impl Ids {
    fn read(results: &Path) -> Self {
        let schema = Schema::new(vec![
            Column::new("id", Kind::Text, Role::Id),
            Column::new("amount", Kind::Integer, Role::Feature),
        ]);
        let source = Source::parquet(results.join("tables/aligned.parquet"));
        let mut ids = Self { count: 0, sum: 0, chained: 0 };
        for batch in Table::batches(&source, &schema.unwrap(), 1 << 20) {
            let batch = batch.unwrap();
            for (id, amount) in batch.ids().unwrap().zip(batch.numeric("amount").unwrap()) {
                let number: u64 = id[1..].parse().unwrap();
                assert_eq!(number % 1000, *amount as u64, "the row belongs to the id");
                ids.count += 1;
                ids.sum += u128::from(number);
                ids.chained = (ids.chained ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            }
        }
        ids
    }
}
