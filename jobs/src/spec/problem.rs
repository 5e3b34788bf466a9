//! What is wrong with a job file, where, and what to do.

use std::fmt::{self, Write as _};

/// A place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    line: usize,
    column: usize,
    width: usize,
}

impl Place {
    /// The start of the file.
    pub const START: Self = Self { line: 1, column: 1, width: 1 };

    /// A place from a line counted from 1 and a column counted from 0, as the YAML reader does.
    pub(super) const fn new(line: usize, column_from_zero: usize, width: usize) -> Self {
        Self { line, column: column_from_zero + 1, width }
    }

    /// The line, counted from 1.
    pub const fn line(&self) -> usize {
        self.line
    }

    /// The column in characters, counted from 1.
    pub const fn column(&self) -> usize {
        self.column
    }
}

/// One mistake in a job file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    place: Place,
    message: String,
    help: Option<String>,
}

impl Problem {
    /// A mistake at a place.
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), help: None }
    }

    /// The same problem with advice on what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Where it is.
    pub const fn place(&self) -> Place {
        self.place
    }

    /// What is wrong, with the offending text and what was expected.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to write instead, when that can be said.
    pub fn advice(&self) -> Option<&str> {
        self.help.as_deref()
    }
}

/// A job file that cannot be used: the author's mistakes, in the order of the file.
///
/// Its text has, for each mistake, `file:line:column`, what is wrong, the line with a mark under
/// the offending part, and advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError {
    file: String,
    problems: Vec<Problem>,
    text: String,
}

impl SpecError {
    /// The mistakes found in the text `source` of a file.
    pub fn new(file: &str, source: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(Problem::place);
        problems.dedup();
        let mut text = String::new();
        for problem in problems.iter().take(SHOWN_MAX) {
            render(&mut text, file, source, problem);
        }
        if problems.len() > SHOWN_MAX {
            let _ = writeln!(text, "and {} more", problems.len() - SHOWN_MAX);
        }
        text.truncate(text.trim_end().len());
        Self { file: file.to_owned(), problems, text }
    }

    /// The name of the file as it was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The mistakes; never empty.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl std::error::Error for SpecError {}

/// More mistakes than this are only counted.
const SHOWN_MAX: usize = 20;

/// Longer lines are not repeated in a message.
const LINE_CHARACTERS_MAX: usize = 160;

fn render(out: &mut String, file: &str, source: &str, problem: &Problem) {
    let Place { line, column, width } = problem.place;
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{file}:{line}:{column}: {}", problem.message);
    let shown = source.lines().nth(line - 1).unwrap_or_default();
    let characters = shown.chars().count();
    if !shown.trim().is_empty() && characters <= LINE_CHARACTERS_MAX {
        let margin = line.to_string().len();
        let lead: String = shown.chars().take(column - 1).map(blank).collect();
        let marked = shown.chars().skip(column - 1).take(width.max(1));
        let marks: String = marked.map(|it| blank(it).replace(['\t', ' '], "^")).collect();
        let marks = if marks.is_empty() { "^".to_owned() } else { marks };
        let _ = writeln!(
            out,
            "{line} | {}",
            shown.trim_end().chars().map(printable).collect::<String>()
        );
        let _ = writeln!(out, "{:margin$} | {lead}{marks}", "");
    }
    if let Some(help) = &problem.help {
        let _ = writeln!(out, "  help: {help}");
    }
    out.push('\n');
}

/// The character, or a substitute for one that would drive a terminal.
pub(super) fn printable(character: char) -> char {
    if character.is_control() && character != '\t' { '\u{fffd}' } else { character }
}

/// Blanks as wide as a character is on a terminal: Chinese characters take two cells.
fn blank(character: char) -> &'static str {
    match character {
        '\t' => "\t",
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{20000}'..='\u{3fffd}' => "  ",
        _ => " ",
    }
}
