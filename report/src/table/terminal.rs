//! Tables for terminals: columns aligned by what a character takes on the screen.

use super::{Align, Cell, Table};
use crate::message::Language;

/// Free space between two columns.
const GAP: usize = 2;

/// A wrapped column never gets narrower than this.
const WIDTH_MIN: usize = 16;

impl Table {
    /// The table as lines of plain text, at most `width_max` terminal cells wide where wrapping its
    /// widest column of words allows that. Every line ends with a line feed.
    pub fn to_text(&self, language: Language, width_max: usize) -> String {
        let headings = self.columns.iter().map(|column| language.of(&column.title).to_owned());
        let words = |row: &Vec<Cell>| -> Vec<String> {
            let text = |index| row.get(index).map_or("", |cell: &Cell| language.of(&cell.text));
            (0..self.columns.len()).map(|index| text(index).to_owned()).collect()
        };
        let mut rows: Vec<Vec<String>> = vec![headings.collect()];
        rows.extend(self.rows.iter().map(words));
        rows.extend(self.total.iter().map(words));
        let widths = self.widths(&rows, width_max);
        let mut out = String::new();
        for (index, row) in rows.iter().enumerate() {
            self.write_row(row, &widths, &mut out);
            if index == 0 {
                let rules: Vec<String> = widths.iter().map(|&width| "─".repeat(width)).collect();
                self.write_row(&rules, &widths, &mut out);
            }
        }
        out
    }

    /// The natural width of each column, the widest column of words cut back to `width_max`.
    fn widths(&self, rows: &[Vec<String>], width_max: usize) -> Vec<usize> {
        let natural = |index: usize| rows.iter().map(|row| cells(&row[index])).max().unwrap_or(0);
        let mut widths: Vec<usize> = (0..self.columns.len()).map(natural).collect();
        let total = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        let is_words = |index: &usize| self.columns[*index].align == Align::Left;
        let widest = (0..widths.len()).filter(is_words).max_by_key(|&index| widths[index]);
        if let Some(widest) = widest {
            let excess = total.saturating_sub(width_max);
            let cut = widths[widest].saturating_sub(excess);
            widths[widest] = cut.max(WIDTH_MIN.min(widths[widest]));
        }
        widths
    }

    /// Writes one row, which takes as many lines as its most wrapped cell.
    fn write_row(&self, row: &[String], widths: &[usize], out: &mut String) {
        let wrapped: Vec<Vec<String>> =
            row.iter().zip(widths).map(|(text, &width)| wrapped(text, width)).collect();
        let lines = wrapped.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..lines {
            let mut written = String::new();
            for ((column, cell), &width) in self.columns.iter().zip(&wrapped).zip(widths) {
                if !written.is_empty() || width == 0 {
                    written.push_str(&" ".repeat(GAP));
                }
                let text = cell.get(line).map_or("", String::as_str);
                let space = " ".repeat(width.saturating_sub(cells(text)));
                match column.align {
                    Align::Left => written.extend([text, &space]),
                    Align::Right => written.extend([&*space, text]),
                }
            }
            out.push_str(written.trim_end());
            out.push('\n');
        }
    }
}

/// How many terminal cells a text takes: East Asian wide characters take two.
pub fn cells(text: &str) -> usize {
    text.chars().map(character_cells).sum()
}

fn character_cells(character: char) -> usize {
    match character {
        '\u{0300}'..='\u{036F}' | '\u{200B}'..='\u{200F}' | '\u{FE00}'..='\u{FE0F}' => 0,
        _ if character.is_control() => 0,
        '\u{1100}'..='\u{115F}'
        | '\u{2E80}'..='\u{303E}'
        | '\u{3041}'..='\u{A4CF}'
        | '\u{AC00}'..='\u{D7A3}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FE30}'..='\u{FE6F}'
        | '\u{FF00}'..='\u{FF60}'
        | '\u{FFE0}'..='\u{FFE6}'
        | '\u{1F300}'..='\u{1FAFF}'
        | '\u{20000}'..='\u{3FFFD}' => 2,
        _ => 1,
    }
}

/// The text in lines of at most `width` cells, broken at spaces and between wide characters.
/// Control characters, which could move a terminal's cursor, are left out.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for piece in pieces(text) {
        let is_full = cells(&line) + cells(piece.trim_end()) > width;
        if is_full && !line.trim().is_empty() {
            lines.push(line.trim_end().to_owned());
            line.clear();
        }
        line.extend(piece.chars().filter(|character| !character.is_control()));
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// The text cut where a line may end: after a space, and after a wide character unless punctuation
/// follows, which must not begin a line.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        let is_kept = next.is_some_and(|next| "，。；：、）」”？！".contains(next));
        let may_end = character == ' ' || (character_cells(character) == 2 && !is_kept);
        if may_end {
            let end = at + character.len_utf8();
            pieces.push(&text[start..end]);
            start = end;
        }
    }
    pieces.push(&text[start..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Quantity, Text};
    use crate::table::Column;

    fn table() -> Table {
        let mut table = Table::new(vec![
            Column::words(Text::new("What", "内容")),
            Column::numbers(Text::new("Count", "数量")),
        ]);
        let what = Text::new("the number of common customers", "双方共有的客户数，不含身份");
        table.push(vec![Cell::text(what), Cell::quantity(Quantity::count(41_188))]);
        table.push(vec![Cell::text(Text::new("rows", "样本"))]);
        table
    }

    #[test]
    fn columns_are_aligned() {
        let expected = "\
What                             Count
──────────────────────────────  ──────
the number of common customers  41,188
rows
";
        assert_eq!(table().to_text(Language::English, 80), expected);
    }

    #[test]
    fn wide_columns_are_wrapped_in_either_language() {
        let english = table().to_text(Language::English, 28);
        assert!(english.contains("the number of common  41,188\ncustomers\n"), "{english}");
        let chinese = table().to_text(Language::Chinese, 26);
        assert!(chinese.contains("双方共有的客户数，  41,188\n不含身份\n"), "{chinese}");
        for line in english.lines().chain(chinese.lines()) {
            assert!(cells(line) <= 28, "{line}");
        }
    }

    #[test]
    fn a_text_cannot_move_the_cursor() {
        let mut table = Table::new(vec![Column::words(Text::new("Name", "名称"))]);
        table.push(vec![Cell::text(Text::new("a\u{1b}[2Jb\nc", "甲"))]);
        assert!(table.to_text(Language::English, 80).ends_with("a[2Jbc\n"));
    }
}
