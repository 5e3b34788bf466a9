//! How fast text becomes columns: 40 numeric columns and one id, from memory, on one core.
//!
//! `cargo run --release -p tombolo-table --example throughput [ROWS]` prints one JSON line.

use std::fmt::Write;
use std::time::Instant;

use tombolo_table::{CsvOptions, Format, Overrides, Schema, Source, Table, TableError};

const COLUMNS: usize = 40;
const RUNS: usize = 5;

fn main() -> Result<(), TableError> {
    let rows = std::env::args().nth(1).and_then(|rows| rows.parse().ok()).unwrap_or(200_000_usize);
    let text = numbers_as_csv(rows);
    let megabytes = text.len() as f64 / 1e6;
    let source = Source::bytes("numbers.csv", text, Format::Csv(CsvOptions::default()));
    let overrides = Overrides { id: Some("id".to_owned()), ..Overrides::default() };
    let schema = Schema::propose(&source, &overrides)?.confirm()?;
    // The best of a few runs: the machine may have other things to do.
    let mut seconds = f64::INFINITY;
    for _ in 0..RUNS {
        let start = Instant::now();
        Table::read(&source, &schema)?;
        seconds = seconds.min(start.elapsed().as_secs_f64());
    }
    let rate = megabytes / seconds;
    #[expect(clippy::print_stdout, reason = "the figures are what the program is for")]
    {
        println!(
            r#"{{"bench":"csv","rows":{rows},"columns":{COLUMNS},"megabytes":{megabytes:.1},{}}}"#,
            format_args!(r#""seconds":{seconds:.3},"megabytes_per_second":{rate:.0}"#),
        );
    }
    Ok(())
}

/// Standardised features with six decimals, as scoring tables have them.
fn numbers_as_csv(rows: usize) -> String {
    let mut text = String::from("id");
    for column in 0..COLUMNS {
        let _ = write!(text, ",x{column}");
    }
    let mut state = 1_u64;
    for row in 0..rows {
        let _ = write!(text, "\n13{row:09}");
        for _ in 0..COLUMNS {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let number = (state >> 40) as f64 / f64::from(1 << 22) - 2.0;
            let _ = write!(text, ",{number:.6}");
        }
    }
    text.push('\n');
    text
}
