//! The terminal: data to the standard output, messages to the standard error.

use std::io::{self, IsTerminal, Write};

use report::message::Language;
use report::table::Table;

/// Prints data. A closed pipe (`tombolo plan … | head`) is no error.
pub(crate) fn data(text: &str) {
    // Nobody is left to read it, nor an error about it.
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Prints a table of data, as wide as it needs to be or the terminal allows.
pub(crate) fn table(table: &Table, language: Language) {
    data(table.to_text(language, WIDTH_MAX).trim_end());
}

/// Prints a message for people.
pub(crate) fn message(text: &str) {
    // As for data.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints an error.
pub(crate) fn error(text: &str) {
    message(&format!("error: {text}"));
}

/// Whether messages go to somebody who watches.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// The widest table, in terminal cells.
const WIDTH_MAX: usize = 118;
