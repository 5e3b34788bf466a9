//! The page of one version of an agreement.

use contract::Text;
use governance::roles::Action;
use report::markup::Element;

use super::super::forms::{Form, Mistakes};
use super::super::shell::{
    Fields, Page, Paging, Reader, Tone, bounded, button_link, hidden, link, name, section, state,
    table, text,
};
use super::super::wording;
use super::{Detail, Saying, VersionRow};

/// Lines of terms on one page.
const LINES_MAX: usize = 300;

pub(in super::super) fn show(reader: &Reader, detail: &Detail, query: &Form) -> Page {
    let mut page = Page::new(name(&detail.title))
        .lead(wording::version_number(detail.number.to_string()))
        .action(state(reader, detail.state.0, &detail.state.1));
    if reader.can(Action::NegotiateAgreement) {
        let path = format!("/agreements/new?from={}", detail.version);
        page = page.action(button_link(reader, path, &wording::propose_change()));
    }
    page = page.part(words(reader, &detail.words));
    page = page.parts(changes(reader, detail));
    page = page.parts(lines(reader, detail, query));
    page = page.part(sayings(reader, detail));
    if reader.can(Action::ApproveJob) {
        page = page.part(rule(reader, detail));
    }
    page.parts(discussion(reader, detail)).part(history(reader, detail))
}

fn words(reader: &Reader, words: &[(String, Tone, Text)]) -> Element {
    let word = |(party, tone, word): &(String, Tone, Text)| {
        Element::new("li").text(format!("{party} ")).child(state(reader, *tone, word))
    };
    Element::classed("ul", "words").children(words.iter().map(word))
}

/// What the version changes, always whole: nobody signs what is not shown.
fn changes(reader: &Reader, detail: &Detail) -> Option<Element> {
    let (before, changes) = detail.changes.as_ref()?;
    let title = wording::changes_since(before.to_string());
    let items = changes.iter().map(|change| reader.tag("li", change));
    Some(section(reader, &title).child(Element::classed("ul", "changes").children(items)))
}

fn lines(reader: &Reader, detail: &Detail, query: &Form) -> Vec<Element> {
    let paging = Paging::by(LINES_MAX, query, detail.lines.len());
    let row = |[line, entry]: &[Text; 2]| vec![text(reader.say(line)), text(reader.say(entry))];
    let rows = detail.lines[paging.range()].iter().map(row).collect();
    let heads = [wording::line(), wording::says()];
    let part = section(reader, &wording::what_it_says()).child(table(reader, &heads, rows));
    [Some(part), paging.links(reader)].into_iter().flatten().collect()
}

/// What the reader can say, each in a form of its own.
fn sayings(reader: &Reader, detail: &Detail) -> Element {
    let may = detail.may.iter().filter(|saying| reader.can(saying.action()));
    let (given, mistakes) = (Form::default(), Mistakes::new());
    let fields = Fields { reader, given: &given, mistakes: &mistakes };
    let form = |saying: &Saying| {
        let path = format!("/agreements/{}/{}", detail.version, saying.word());
        let class = match saying {
            Saying::Sign => "primary",
            Saying::Refuse | Saying::Revoke => "danger",
            _ => "",
        };
        let button = reader.button(&words_of(*saying, detail.number)).set("class", class);
        if !saying.has_text() {
            return reader.form(path).child(button);
        }
        let label = if *saying == Saying::Comment { wording::remark() } else { wording::reason() };
        let field = fields.lines("text", &label, 2, false);
        let form = reader.form(path).child(field).child(button);
        Element::new("details")
            .child(reader.tag("summary", &words_of(*saying, detail.number)))
            .child(form)
    };
    section(reader, &wording::your_word()).set("class", "sayings").children(may.map(form))
}

fn words_of(saying: Saying, number: u32) -> Text {
    let number = number.to_string();
    match saying {
        Saying::Sign => wording::sign_version(number),
        Saying::Refuse => wording::refuse_version(number),
        Saying::Withdraw => wording::withdraw_version(number),
        Saying::Comment => wording::comment(),
        Saying::Suspend => wording::suspend(),
        Saying::Resume => wording::resume(),
        Saying::Revoke => wording::revoke(),
    }
}

fn rule(reader: &Reader, detail: &Detail) -> Element {
    let (value, button, now) = if detail.by_rule {
        ("no", wording::ask_again(), wording::approved_by_rule())
    } else {
        ("yes", wording::approve_by_rule(), wording::approved_by_people())
    };
    let form = reader
        .form(format!("/agreements/{}/rule", detail.version))
        .child(hidden("is_on", value))
        .child(reader.button(&button));
    section(reader, &wording::approval()).child(reader.tag("p", &now)).child(form)
}

fn discussion(reader: &Reader, detail: &Detail) -> Option<Element> {
    if detail.comments.is_empty() {
        return None;
    }
    let comment = |(by, at, text): &(String, governance::time::Time, String)| {
        Element::new("li")
            .child(Element::new("b").text(by.as_str()))
            .text(" ")
            .child(reader.time(*at))
            .child(Element::classed("p", "said").text(bounded(text, 4000)))
    };
    let comments = Element::new("ul").children(detail.comments.iter().map(comment));
    Some(section(reader, &wording::discussion()).child(comments))
}

fn history(reader: &Reader, detail: &Detail) -> Element {
    let row = |row: &VersionRow| {
        let path = format!("/agreements/{}", row.version);
        let number = reader.say(&wording::version_number(row.number.to_string())).to_owned();
        let shown = if row.version == detail.version { text(number) } else { link(path, number) };
        vec![shown, text(row.by.as_str()), reader.time(row.at), words(reader, &row.words)]
    };
    let heads = [wording::version(), wording::proposed_by(), wording::when(), wording::words()];
    let rows = detail.versions.iter().map(row).collect();
    section(reader, &wording::versions()).child(table(reader, &heads, rows))
}
