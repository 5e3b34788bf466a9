//! `tombolo demo`: the main job on real data that the program brings along.
//!
//! The calls of a bank's campaign are cut into the table of the bank, which knows who subscribed,
//! and the table of a telephone operator. A call's place in the file is its customer number and its
//! time. Each side lacks about 5 % of the customers, not the same ones. `duration` is left out: it
//! is known only when the call is over.

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use report::message::Language;

use crate::failure::Failure;
use crate::launch::{self, Folders, Here};
use crate::run::default_folder;
use crate::work_folder::WorkFolder;
use crate::{run, summary};

/// Writes the two tables and the job file, and runs the job.
pub(crate) fn demo(out: Option<&Path>, language: Language) -> Result<(), Failure> {
    let out = out.map_or_else(|| default_folder("term-deposit"), Path::to_path_buf);
    let folder = WorkFolder::create(&out)?;
    write(folder.path())?;
    let path = folder.path().join(JOB_FILE);
    let job = run::read_job(&path)?;
    let folders = Folders { out: &out, cache: None, models: None };
    let outcomes = launch::launch(&path, &job, &Here::All, folders, language)?;
    summary::print(&job, &outcomes, language);
    Ok(())
}

/// Writes the two tables and the job file into a folder, which is made if need be.
pub(crate) fn write(folder: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::job(format!("could not write {}: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(failed)?;
    let calls = unpack()?;
    let (bank, operator) = tables(&calls)?;
    let files = [(JOB_FILE, JOB), ("bank.csv", &bank), ("operator.csv", &operator)];
    files.iter().try_for_each(|(name, text)| fs::write(folder.join(name), text)).map_err(failed)
}

/// The table of one of the two parties, as CSV.
pub(crate) fn table(party: &str) -> Result<String, Failure> {
    let (bank, operator) = tables(&unpack()?)?;
    Ok(if party == "bank" { bank } else { operator })
}

fn unpack() -> Result<String, Failure> {
    let mut text = String::new();
    GzDecoder::new(CALLS)
        .read_to_string(&mut text)
        .map_err(|error| Failure::job(format!("the bundled data are damaged: {error}")))?;
    Ok(text)
}

/// The tables of the bank and of the operator, as CSV.
fn tables(calls: &str) -> Result<(String, String), Failure> {
    let mut lines = calls.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(';').map(unquoted).collect();
    let place = |name: &&str| {
        let missing = || Failure::job(format!("the bundled data have no column {name}"));
        header.iter().position(|column| column == name).ok_or_else(missing)
    };
    let bank_places = BANK.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    let operator_places = OPERATOR.iter().map(place).collect::<Result<Vec<_>, _>>()?;

    let mut bank =
        format!("customer,contact_order,{},subscribed\n", BANK[..BANK.len() - 1].join(","));
    let mut operator = format!("customer,{}\n", OPERATOR.join(","));
    for (row, line) in lines.enumerate() {
        let fields: Vec<&str> = line.split(';').map(unquoted).collect();
        let chosen = |places: &[usize]| {
            let fields = places.iter().map(|place| fields.get(*place).copied().unwrap_or_default());
            fields.collect::<Vec<_>>().join(",")
        };
        let number = row + 1;
        let draw = scattered(number as u64) % 20;
        if draw != 0 {
            writeln_to(&mut bank, format_args!("c{number:05},{number},{}", chosen(&bank_places)));
        }
        if draw != 1 {
            writeln_to(&mut operator, format_args!("c{number:05},{}", chosen(&operator_places)));
        }
    }
    Ok((bank, operator))
}

fn writeln_to(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

fn unquoted(field: &str) -> &str {
    field.trim_matches('"')
}

/// Spreads numbers evenly (the finaliser of `SplitMix64`: Steele, Lea, Flood, OOPSLA 2014).
fn scattered(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

const JOB_FILE: &str = "term-deposit.yaml";

/// The job; also an example to read.
const JOB: &str = include_str!("../../examples/term-deposit.yaml");

/// The calls; see `data/bank_marketing/README.md`.
const CALLS: &[u8] = include_bytes!("../../data/bank_marketing/bank-additional-full.csv.gz");

/// What the bank has; the last one is the label, `subscribed` in its table.
const BANK: [&str; 8] = ["age", "job", "marital", "education", "default", "housing", "loan", "y"];

/// What the operator has.
const OPERATOR: [&str; 12] = [
    "contact",
    "month",
    "day_of_week",
    "campaign",
    "pdays",
    "previous",
    "poutcome",
    "emp.var.rate",
    "cons.price.idx",
    "cons.conf.idx",
    "euribor3m",
    "nr.employed",
];
