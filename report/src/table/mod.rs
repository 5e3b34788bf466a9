//! Rows of cells under headings: on pages, under charts, and in terminals.

mod terminal;

pub use terminal::cells;

use crate::markup::Element;
use crate::message::{Languages, Quantity, Text};

/// A table with one heading per column.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    total: Option<Vec<Cell>>,
}

/// A column's heading and alignment.
#[derive(Clone, Debug)]
pub struct Column {
    title: Text,
    align: Align,
}

/// Which border the cells of a column lean on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// One cell.
#[derive(Clone, Debug)]
pub struct Cell {
    text: Text,
    /// The length of a bar behind the text, as a share of the cell's width in `0.0..=1.0`.
    bar: Option<f64>,
    /// A class of the page's style sheet.
    class: Option<&'static str>,
}

impl Column {
    /// A column called `title`.
    pub fn new(title: Text, align: Align) -> Self {
        Self { title, align }
    }

    /// A column of words.
    pub fn words(title: Text) -> Self {
        Self::new(title, Align::Left)
    }

    /// A column of numbers.
    pub fn numbers(title: Text) -> Self {
        Self::new(title, Align::Right)
    }
}

impl Cell {
    /// A cell with words.
    pub fn text(text: Text) -> Self {
        Self { text, bar: None, class: None }
    }

    /// A cell with a number.
    pub fn quantity(quantity: Quantity) -> Self {
        Self::text(quantity.text())
    }

    /// The same cell with a bar that shows `share` of the largest value of its column; what is not
    /// finite gets no bar.
    #[must_use]
    pub fn with_bar(self, share: f64) -> Self {
        let bar = share.is_finite().then(|| share.clamp(0.0, 1.0));
        Self { bar, ..self }
    }

    /// The same cell in a class of the page's style sheet.
    pub(crate) fn with_class(self, class: &'static str) -> Self {
        Self { class: Some(class), ..self }
    }
}

impl Table {
    /// A table without rows.
    pub fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new(), total: None }
    }

    /// Adds a row. Cells beyond the last column are dropped and lacking ones stay blank.
    pub fn push(&mut self, mut cells: Vec<Cell>) {
        cells.truncate(self.columns.len());
        self.rows.push(cells);
    }

    /// Sets the last row, which sums the others up.
    pub fn set_total(&mut self, mut cells: Vec<Cell>) {
        cells.truncate(self.columns.len());
        self.total = Some(cells);
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as an element of a page in both languages.
    pub(crate) fn draw(&self) -> Element {
        self.element(Languages::Both)
    }

    /// The table as an element; wide tables scroll within their own box.
    pub fn element(&self, languages: Languages) -> Element {
        let headings = self.columns.iter().map(|column| {
            Element::new("th")
                .set("class", column.align.class())
                .set("scope", "col")
                .say_in(&column.title, languages)
        });
        let head = Element::new("thead").child(Element::new("tr").children(headings));
        let body = Element::new("tbody")
            .children(self.rows.iter().map(|cells| self.row(cells, languages)));
        let mut table = Element::new("table").child(head).child(body);
        if let Some(total) = &self.total {
            table = table.child(Element::new("tfoot").child(self.row(total, languages)));
        }
        Element::classed("div", "scroll").child(table)
    }

    fn row(&self, cells: &[Cell], languages: Languages) -> Element {
        let blank = std::iter::repeat_n(None, self.columns.len().saturating_sub(cells.len()));
        let cells = cells.iter().map(Some).chain(blank);
        Element::new("tr").children(
            self.columns.iter().zip(cells).map(|(column, cell)| draw_cell(column, cell, languages)),
        )
    }
}

fn draw_cell(column: &Column, cell: Option<&Cell>, languages: Languages) -> Element {
    let align = column.align.class();
    let Some(cell) = cell else {
        return Element::classed("td", align);
    };
    let class = [Some(align), cell.class, cell.bar.map(|_| "barred")];
    let class: Vec<&str> = class.into_iter().flatten().collect();
    let element = Element::classed("td", class.join(" "));
    match cell.bar {
        None => element.say_in(&cell.text, languages),
        Some(share) => {
            let bar = Element::classed("span", "bar").set("style", format!("--share:{share:.4}"));
            element.child(Element::new("span").say_in(&cell.text, languages)).child(bar)
        }
    }
}

impl Align {
    fn class(self) -> &'static str {
        match self {
            Self::Left => "words",
            Self::Right => "numbers",
        }
    }
}
