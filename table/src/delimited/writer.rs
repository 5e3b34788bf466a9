//! A table as a CSV file.

use std::io::Write;

use crate::column::Values;
use crate::schema::Kind;
use crate::table::Table;
use crate::value::format_time;

/// Writes a header and all rows: comma, double quotes where needed, line feeds, UTF-8; missing
/// values are empty, numbers have the fewest digits that give the same number back.
pub(crate) fn write(table: &Table, out: impl Write) -> Result<(), csv::Error> {
    let mut writer = csv::Writer::from_writer(out);
    let columns = table.schema().columns();
    writer.write_record(columns.iter().map(|column| column.name.as_bytes()))?;
    let mut text = String::new();
    for row in 0..table.rows() {
        for (column, values) in columns.iter().zip(table.values()) {
            text.clear();
            if !values.is_missing(row) {
                format(values, column.kind, row, &mut text);
            }
            writer.write_field(&text)?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    Ok(writer.flush()?)
}

fn format(values: &Values, kind: Kind, row: usize, out: &mut String) {
    match values {
        Values::Text(texts) => out.push_str(texts.value(row)),
        Values::Numeric(numbers) if kind == Kind::Boolean => {
            out.push_str(if numbers.value(row) > 0.5 { "true" } else { "false" });
        }
        Values::Numeric(numbers) => out.push_str(&numbers.value(row).to_string()),
        Values::Categorical(categories) => {
            out.push_str(categories.view().value(row).unwrap_or_default());
        }
        Values::Time(times) => out.push_str(&format_time(times.value(row))),
    }
}
