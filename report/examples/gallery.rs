//! Every chart kind and every part of a page with made-up numbers, to look at after a change:
//! `cargo run -p tombolo-report --example gallery > gallery.html`.

#[path = "../tests/samples/mod.rs"]
mod samples;

use std::io::{self, Write as _};

use report::message::Text;
use report::page::{Card, Part, Provenance, Section};

fn main() -> io::Result<()> {
    let charts = samples::charts().into_iter();
    let cards = charts.map(|(_, chart)| Card { chart, provenance: Provenance::Simulated });
    let gallery =
        Section::new(Text::new("Every chart", "全部图表")).part(Part::Charts(cards.collect()));
    io::stdout().write_all(samples::page().section(gallery).to_html().as_bytes())
}
