//! `tombolo audit`: checking audit records.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use contract::Text;
use governance::audit::compare::{Comparison, Difference, Traffic};
use governance::audit::{Proof, Record, compare, verify};
use report::message::{Language, neutral};
use report::table::{Cell, Column, Table};

use crate::arguments::AuditCommand;
use crate::failure::Failure;
use crate::screen;

/// Checks what is asked for and prints what was found.
pub(crate) fn audit(command: &AuditCommand, language: Language) -> Result<(), Failure> {
    match command {
        AuditCommand::Verify { records } => verify_all(records, language),
        AuditCommand::Compare { first, second } => compare_two(first, second, language),
        AuditCommand::Prove { record, line } => prove(record, *line),
    }
}

fn verify_all(paths: &[PathBuf], language: Language) -> Result<(), Failure> {
    let mut table = Table::new(vec![
        Column::words(Text::new("file", "文件")),
        Column::words(Text::new("party", "参与方")),
        Column::words(Text::new("job", "任务")),
        Column::words(Text::new("sealed", "封存时间")),
        Column::words(Text::new("result", "结果")),
    ]);
    let mut proofs = Vec::new();
    let mut faults = Vec::new();
    for path in paths {
        let text = read(path)?;
        let file = path.display().to_string();
        let row = if let Some(proof) = proof_in(&text) {
            let row = verdict_on_proof(&proof);
            proofs.push((file.clone(), proof, row.is_ok()));
            row
        } else {
            verify(&text).map(|record| row_of(&record)).map_err(|fault| fault.to_string())
        };
        let cells = row.unwrap_or_else(|fault| {
            faults.push(format!("{file}: {fault}"));
            let none = || neutral("");
            [none(), none(), none(), Text::new("does NOT hold", "不成立")]
        });
        table.push([neutral(file)].into_iter().chain(cells).map(Cell::text).collect());
    }
    screen::table(&table, language);
    for (file, proof, _) in proofs.iter().filter(|(.., holds)| *holds) {
        let line = plain(&proof.line);
        screen::data(&format!("\n{file}, {}:\n{line}", sealed_by(proof, language)));
    }
    if faults.is_empty() { Ok(()) } else { Err(Failure::Job(faults.join("\nerror: "))) }
}

fn row_of(record: &Record) -> [Text; 4] {
    let lines = record.lines;
    let result = Text::owned(
        format!("holds: {lines} lines, key {}", record.key),
        format!("成立：{lines} 行，密钥 {}", record.key),
    );
    let [party, job, written] =
        [&record.party, &record.job, &record.written].map(|text| neutral(text.clone()));
    [party, job, written, result]
}

fn verdict_on_proof(proof: &Proof) -> Result<[Text; 4], String> {
    let key = proof.verify().map_err(|fault| fault.to_string())?;
    let (number, lines) = (proof.number, proof.lines);
    let result = Text::owned(
        format!("holds: line {number} of {lines}, key {key}"),
        format!("成立：{lines} 行中的第 {number} 行，密钥 {key}"),
    );
    Ok([neutral(""), neutral(""), neutral(proof.written.clone()), result])
}

fn sealed_by(proof: &Proof, language: Language) -> String {
    let text = Text::owned(
        format!("line {}, in a record sealed by {}", proof.number, proof.key),
        format!("第 {} 行，所在记录由 {} 封存", proof.number, proof.key),
    );
    language.of(&text).to_owned()
}

fn compare_two(first: &Path, second: &Path, language: Language) -> Result<(), Failure> {
    let checked = |path: &Path| {
        let fault = |fault| Failure::Job(format!("{}: {fault}", path.display()));
        verify(&read(path)?).map_err(fault)
    };
    let (one, other) = (checked(first)?, checked(second)?);
    let Comparison { steps, messages, bytes, differences } = compare(&one, &other);
    if differences.is_empty() {
        let (first, second) = (&one.party, &other.party);
        let text = Text::owned(
            format!(
                "The records of {first} and {second} fit: the same job, the same declared \
                 disclosures, both signatures, and in {steps} steps {messages} messages of {bytes} \
                 bytes, each received as it was sent."
            ),
            format!(
                "{first} 与 {second} 的记录相符：同一任务、同样的披露声明、双方签名齐全；{steps} 个步骤中的 \
                 {messages} 条消息（{bytes} 字节）收发一致。"
            ),
        );
        screen::data(&plain(language.of(&text)));
        return Ok(());
    }
    let lines: Vec<String> = differences.iter().map(|it| plain(&sentence(it))).collect();
    Err(Failure::Job(format!("the records do not fit:\n  {}", lines.join("\n  "))))
}

fn sentence(difference: &Difference) -> String {
    match difference {
        Difference::Job([one, other]) => format!("they are of two jobs, {one} and {other}"),
        Difference::Party(party) => format!("both are of {party}"),
        Difference::Attestation { of, missing_at } => {
            format!("what {of} has signed does not stand in the record of {missing_at}")
        }
        Difference::Declared { only_at, line } => {
            format!("only the record of {only_at} declares {line}")
        }
        Difference::Messages { from, step, sent, received } => format!(
            "{step}: {from} has sent {}, the other side has received {}",
            traffic(sent),
            traffic(received)
        ),
    }
}

fn traffic(traffic: &Traffic) -> String {
    let Traffic { messages, bytes, hash } = traffic;
    let digits = hash.get(..16).unwrap_or(hash);
    format!("{messages} messages of {bytes} bytes (hash {digits}…)")
}

fn prove(path: &Path, line: usize) -> Result<(), Failure> {
    let text = read(path)?;
    let fault = |fault| Failure::Job(format!("{}: {fault}", path.display()));
    let record = verify(&text).map_err(fault)?;
    let lines = record.lines - 1;
    let missing = || Failure::usage(format!("there are the lines 1 to {lines}, and the seal"));
    let proof = Proof::of(&text, &record, line).ok_or_else(missing)?;
    screen::data(&serde_json::to_string_pretty(&proof).map_err(Failure::job)?);
    Ok(())
}

fn proof_in(text: &str) -> Option<Proof> {
    serde_json::from_str(text).ok()
}

/// Words of somebody else's record, without what a terminal would obey.
fn plain(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { '\u{fffd}' } else { it }).collect()
}

/// A record or proof: the file itself, or `audit.jsonl` in the folder.
fn read(path: &Path) -> Result<String, Failure> {
    let file = if path.is_dir() { path.join("audit.jsonl") } else { path.to_owned() };
    let failed = |error| Failure::usage(format!("could not read {}: {error}", file.display()));
    let mut text = String::new();
    let opened = fs::File::open(&file).map_err(failed)?;
    let read = opened.take(RECORD_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if read as u64 > RECORD_BYTES_MAX {
        let file = file.display();
        return Err(Failure::usage(format!("{file} is no audit record: it has more than 256 MiB")));
    }
    Ok(text)
}

/// A record has a few hundred bytes for each step.
const RECORD_BYTES_MAX: u64 = 256 << 20;
