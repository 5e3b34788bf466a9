//! What all pages have: who reads, the bar at the left, headings, tables, forms and states.

use contract::Text;
use governance::members::MemberId;
use governance::roles::{Action, Role};
use governance::time::Time;
use http::StatusCode;
use report::markup::Element;
use report::message::{Language, listed, neutral};

use super::forms::{Form, Mistakes, encoded};
use super::{Call, House, Reply, Trouble, assets, models, wording};
use crate::people::{Roles, Via};

/// Somebody who looks at a page.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pub(super) language: Language,
    /// The person's name; empty before signing in.
    pub(super) name: String,
    pub(super) roles: Vec<Role>,
    /// What forms send back.
    pub(super) csrf: String,
    /// The member whose node this is.
    pub(super) node: String,
    /// Where the page is.
    pub(super) path: String,
    /// How much waits for this member.
    pub(super) waiting: usize,
    pub(super) now: Time,
}

impl Reader {
    /// Somebody of whom nothing is known.
    pub(super) fn nobody(language: Language) -> Self {
        Self {
            language,
            name: String::new(),
            roles: Vec::new(),
            csrf: String::new(),
            node: String::new(),
            path: "/sign-in".to_owned(),
            waiting: 0,
            now: Time::default(),
        }
    }

    pub(super) fn new(house: &House<'_>, call: &Call) -> Self {
        let now = Time::from_milliseconds(call.now);
        let (name, roles, csrf) = match &call.caller {
            Some(caller) => {
                let csrf = match &caller.via {
                    Via::Session { csrf, .. } => csrf.clone(),
                    Via::Token { .. } => String::new(),
                };
                (caller.name.clone(), roles_of(&caller.roles), csrf)
            }
            None => Default::default(),
        };
        let state = house.office.state();
        let own = state.own();
        let waiting = if name.is_empty() {
            0
        } else {
            state.books.waiting(now).iter().filter(|wait| wait.party == own).count()
        };
        let node = if name.is_empty() { String::new() } else { state.name_of(&own) };
        let (path, language) = (call.path.clone(), call.language);
        Self { language, name, roles, csrf, node, path, waiting, now }
    }

    /// The text in the reader's language.
    pub(super) fn say<'t>(&self, text: &'t Text) -> &'t str {
        self.language.of(text)
    }

    /// Whether the reader may do it.
    pub(super) fn can(&self, action: Action) -> bool {
        action.is_allowed(&self.roles)
    }

    pub(super) fn need(&self, action: Action) -> Result<(), Trouble> {
        if self.can(action) { Ok(()) } else { Err(Trouble::Forbidden(action)) }
    }

    /// An element with a text.
    pub(super) fn tag(&self, name: &'static str, text: &Text) -> Element {
        Element::new(name).text(self.say(text))
    }

    /// A form that sends to a path.
    pub(super) fn form(&self, action: impl Into<String>) -> Element {
        let csrf = hidden("csrf", &self.csrf);
        Element::new("form").set("method", "post").set("action", action).child(csrf)
    }

    /// A form that is one button.
    pub(super) fn button_to(&self, action: impl Into<String>, text: &Text) -> Element {
        self.form(action).set("class", "inline").child(self.button(text))
    }

    pub(super) fn button(&self, text: &Text) -> Element {
        self.tag("button", text).set("type", "submit")
    }

    /// A point in time; the script writes it in the reader's own zone.
    #[expect(clippy::unused_self, reason = "said like everything else that a reader reads")]
    pub(super) fn time(&self, time: Time) -> Element {
        let text = time.to_string();
        let short = format!("{} {} UTC", &text[..10], text.get(11..16).unwrap_or_default());
        Element::new("time").set("datetime", text).text(short)
    }

    /// How long ago.
    pub(super) fn ago(&self, time: Time) -> Text {
        let seconds = self.now.milliseconds().saturating_sub(time.milliseconds()) / 1000;
        match seconds {
            0..60 => wording::just_now(),
            60..3600 => wording::minutes_ago((seconds / 60).to_string()),
            3600..172_800 => wording::hours_ago((seconds / 3600).to_string()),
            _ => wording::days_ago((seconds / 86_400).to_string()),
        }
    }
}

/// The roles of a person, as governance knows them.
pub(super) fn roles_of(roles: &Roles) -> Vec<Role> {
    use crate::people::Role as Here;
    let role = |role: &Here| match role {
        Here::Operator => Role::Operator,
        Here::DataOwner => Role::DataOwner,
        Here::Modeller => Role::Modeller,
        Here::Compliance => Role::Compliance,
        Here::ReadOnly => Role::ReadOnly,
    };
    Here::ALL.iter().filter(|it| roles.has(**it)).map(role).collect()
}

/// Roles one after the other, as people call them.
pub(super) fn listed_roles(roles: &[Role]) -> Text {
    let titles: Vec<Text> = roles.iter().map(|role| role.title()).collect();
    let en: Vec<String> = titles.iter().map(|it| it.en.to_string()).collect();
    let zh: Vec<String> = titles.iter().map(|it| it.zh.to_string()).collect();
    Text::owned(listed(&en).en.into_owned(), listed(&zh).zh.into_owned())
}

/// A page, before somebody looks at it.
pub(super) struct Page {
    title: Text,
    lead: Option<Text>,
    actions: Vec<Element>,
    parts: Vec<Element>,
}

impl Page {
    pub(super) fn new(title: Text) -> Self {
        Self { title, lead: None, actions: Vec::new(), parts: Vec::new() }
    }

    pub(super) fn lead(self, lead: Text) -> Self {
        Self { lead: Some(lead), ..self }
    }

    /// Something to do beside the title.
    pub(super) fn action(mut self, action: Element) -> Self {
        self.actions.push(action);
        self
    }

    pub(super) fn part(mut self, part: Element) -> Self {
        self.parts.push(part);
        self
    }

    pub(super) fn parts(mut self, parts: impl IntoIterator<Item = Element>) -> Self {
        self.parts.extend(parts);
        self
    }

    pub(super) fn reply(self, reader: &Reader, status: StatusCode) -> Reply {
        Reply::html(status, self.html(reader))
    }

    pub(super) fn shown(self, reader: &Reader) -> Reply {
        self.reply(reader, StatusCode::OK)
    }

    /// The whole page as a file.
    pub(super) fn html(self, reader: &Reader) -> String {
        let title = format!("{} · {}", reader.say(&self.title), site(reader));
        let head = Element::new("head")
            .child(Element::new("meta").set("charset", "utf-8"))
            .child(
                Element::new("meta")
                    .set("name", "viewport")
                    .set("content", "width=device-width, initial-scale=1"),
            )
            .child(Element::new("title").text(title))
            .child(Element::new("link").set("rel", "stylesheet").set("href", assets::style()))
            .child(Element::new("script").set("src", assets::script()).set("defer", ""));
        let heading = Element::classed("div", "heading")
            .child(reader.tag("h1", &self.title))
            .children(self.actions);
        let main = Element::new("main")
            .set("id", "content")
            .child(heading)
            .children(self.lead.iter().map(|lead| reader.tag("p", lead).set("class", "lead")))
            .children(self.parts);
        let mut body = Element::new("body")
            .child(reader.tag("a", &wording::skip()).set("class", "skip").set("href", "#content"));
        body = body.child(top(reader));
        if !reader.name.is_empty() {
            body = body.child(bar(reader));
        }
        let html = Element::new("html")
            .set("lang", reader.language.tag())
            .child(head)
            .child(body.child(main));
        format!("<!DOCTYPE html>\n{html}")
    }
}

fn site(reader: &Reader) -> String {
    if reader.node.is_empty() {
        "Tombolo".to_owned()
    } else {
        format!("{} · Tombolo", reader.node)
    }
}

fn top(reader: &Reader) -> Element {
    let (other, word) = match reader.language {
        Language::English => ("zh", "中文"),
        Language::Chinese => ("en", "English"),
    };
    let language = Element::new("a")
        .set("href", format!("{}?language={other}", reader.path))
        .set("lang", other)
        .text(word);
    let theme = reader
        .tag("button", &report::message::change_theme())
        .set("type", "button")
        .set("data-theme-switch", "")
        .set("hidden", "");
    let mut end = Element::classed("div", "end").child(language).child(theme);
    if !reader.name.is_empty() {
        let who = format!("{} · {}", reader.name, reader.say(&listed_roles(&reader.roles)));
        end = end
            .child(Element::classed("a", "who").set("href", "/settings").text(who))
            .child(reader.button_to("/sign-out", &wording::sign_out()));
    }
    Element::new("header")
        .child(Element::classed("a", "brand").set("href", "/inbox").text(site(reader)))
        .child(end)
}

fn bar(reader: &Reader) -> Element {
    let entries = [
        ("/inbox", wording::inbox(), Action::See),
        ("/partners", wording::partners(), Action::See),
        ("/data", wording::data(), Action::See),
        ("/agreements", wording::agreements(), Action::See),
        ("/jobs", wording::jobs(), Action::See),
        ("/models", models::wording::models(), Action::SeeResults),
        ("/trust", wording::trust(), Action::ReadAudit),
        ("/people", wording::people(), Action::ManagePeople),
        ("/settings", wording::settings(), Action::See),
    ];
    let shown = entries.into_iter().filter(|(_, _, action)| reader.can(*action));
    let links = shown.map(|(path, title, _)| {
        let mut link = reader.tag("a", &title).set("href", path);
        if path == "/inbox" && reader.waiting > 0 {
            link = link.child(Element::classed("span", "badge").text(reader.waiting.to_string()));
        }
        let is_here = reader.path == path || reader.path.starts_with(&format!("{path}/"));
        if is_here { link.set("aria-current", "page") } else { link }
    });
    Element::new("nav").set("aria-label", reader.say(&wording::pages()).to_owned()).children(links)
}

/// A state: a word, a shape and a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Going,
    Waiting,
    Bad,
    Quiet,
}

pub(super) fn state(reader: &Reader, tone: Tone, word: &Text) -> Element {
    let (class, shape) = match tone {
        Tone::Good => ("state good", "■"),
        Tone::Going => ("state going", "◔"),
        Tone::Waiting => ("state waiting", "◷"),
        Tone::Bad => ("state bad", "▲"),
        Tone::Quiet => ("state quiet", "○"),
    };
    let shape = Element::new("span").set("aria-hidden", "true").text(shape);
    Element::classed("span", class).child(shape).text(format!(" {}", reader.say(word)))
}

pub(super) fn caution(reader: &Reader, text: &Text) -> Element {
    Element::classed("div", "notice caution").set("role", "alert").child(reader.tag("p", text))
}

pub(super) fn remark(reader: &Reader, text: &Text) -> Element {
    Element::classed("div", "notice").child(reader.tag("p", text))
}

/// A part of a page under its own heading.
pub(super) fn section(reader: &Reader, title: &Text) -> Element {
    Element::new("section").child(reader.tag("h2", title))
}

/// A page's empty state: what it is, and one thing to do.
pub(super) fn nothing(reader: &Reader, text: &Text) -> Element {
    Element::classed("div", "empty").child(reader.tag("p", text))
}

pub(super) fn link(path: impl Into<String>, text: impl Into<String>) -> Element {
    Element::new("a").set("href", path).text(text)
}

pub(super) fn button_link(reader: &Reader, path: impl Into<String>, text: &Text) -> Element {
    reader.tag("a", text).set("class", "button").set("href", path)
}

pub(super) fn text(text: impl Into<String>) -> Element {
    Element::new("span").text(text)
}

/// A table in a box of its own that scrolls where it is wide.
pub(super) fn table(reader: &Reader, heads: &[Text], rows: Vec<Vec<Element>>) -> Element {
    let head = heads.iter().map(|head| reader.tag("th", head).set("scope", "col"));
    let head = Element::new("thead").child(Element::new("tr").children(head));
    let row = |cells: Vec<Element>| {
        let cells = cells.into_iter().map(|cell| Element::new("td").child(cell));
        Element::new("tr").children(cells)
    };
    let body = Element::new("tbody").children(rows.into_iter().map(row));
    Element::classed("div", "scroll").child(Element::new("table").child(head).child(body))
}

/// Names and values, one below the other.
pub(super) fn facts(reader: &Reader, facts: Vec<(Text, Element)>) -> Element {
    let fact = |(name, value): (Text, Element)| {
        Element::new("div").child(reader.tag("dt", &name)).child(Element::new("dd").child(value))
    };
    Element::classed("dl", "facts").children(facts.into_iter().map(fact))
}

pub(super) fn hidden(name: &'static str, value: &str) -> Element {
    Element::new("input").set("type", "hidden").set("name", name).set("value", value)
}

/// The fields of a form, with what was given and what is wrong with it.
pub(super) struct Fields<'a> {
    pub(super) reader: &'a Reader,
    pub(super) given: &'a Form,
    pub(super) mistakes: &'a Mistakes,
}

impl Fields<'_> {
    /// A line of text of some kind: `text`, `password`, `date`, `number`.
    pub(super) fn line(&self, kind: &'static str, name: &'static str, label: &Text) -> Element {
        let mut input = Element::new("input").set("type", kind).set("id", name).set("name", name);
        if kind != "password" {
            input = input.set("value", self.given.text(name));
        }
        self.labelled(name, label, input)
    }

    /// Several lines of text.
    pub(super) fn lines(
        &self,
        name: &'static str,
        label: &Text,
        rows: u32,
        is_code: bool,
    ) -> Element {
        let class = if is_code { "code" } else { "" };
        // A parser drops the first line break of a text area.
        let content = format!("\n{}", self.given.raw(name));
        let area = Element::classed("textarea", class)
            .set("id", name)
            .set("name", name)
            .set("rows", rows.to_string())
            .text(content);
        self.labelled(name, label, area)
    }

    /// One of several.
    pub(super) fn choice(&self, name: &str, label: &Text, options: &[(String, String)]) -> Element {
        self.labelled(name, label, select(name, self.given.text(name), options))
    }

    /// A box to tick.
    pub(super) fn tick(&self, name: &str, label: Element) -> Element {
        let mut input =
            Element::new("input").set("type", "checkbox").set("name", name).set("value", "yes");
        if self.given.has(name) {
            input = input.set("checked", "");
        }
        Element::classed("label", "tick").child(input).child(label)
    }

    /// What is wrong with the form as a whole.
    pub(super) fn whole(&self) -> Option<Element> {
        self.mistakes.get("").map(|text| caution(self.reader, text))
    }

    fn labelled(&self, name: &str, label: &Text, input: Element) -> Element {
        let label = self.reader.tag("label", label).set("for", name);
        let mut field = Element::classed("div", "field").child(label);
        match self.mistakes.get(name) {
            None => field.child(input),
            Some(mistake) => {
                let id = format!("{name}-mistake");
                let input = input.set("aria-invalid", "true").set("aria-describedby", id.clone());
                let mistake = self.reader.tag("p", mistake).set("class", "mistake").set("id", id);
                field = field.child(input);
                field.child(mistake)
            }
        }
    }
}

pub(super) fn select(name: &str, chosen: &str, options: &[(String, String)]) -> Element {
    let option = |(value, text): &(String, String)| {
        let option = Element::new("option").set("value", value.as_str()).text(text.as_str());
        if value == chosen { option.set("selected", "") } else { option }
    };
    Element::new("select").set("id", name).set("name", name).children(options.iter().map(option))
}

/// A page of a long list: which items, and links to those before and behind.
pub(super) struct Paging {
    pub(super) from: usize,
    pub(super) total: usize,
    pub(super) size: usize,
}

impl Paging {
    /// The page that a query asks for: `from=` items are before it.
    pub(super) fn of(query: &Form, total: usize) -> Self {
        Self::by(ROWS_MAX, query, total)
    }

    /// The same with so many items on a page.
    pub(super) fn by(size: usize, query: &Form, total: usize) -> Self {
        let from = query.text("from").parse().unwrap_or(0);
        Self { from: if from < total { from } else { 0 }, total, size }
    }

    pub(super) fn range(&self) -> std::ops::Range<usize> {
        self.from..self.total.min(self.from + self.size)
    }

    pub(super) fn links(&self, reader: &Reader) -> Option<Element> {
        if self.total <= self.size {
            return None;
        }
        let range = self.range();
        let place =
            wording::items_of(format!("{}–{}", range.start + 1, range.end), self.total.to_string());
        let to = |from: usize, text: Text| {
            reader.tag("a", &text).set("href", format!("{}?from={from}", reader.path))
        };
        let mut links = Element::classed("p", "paging").child(reader.tag("span", &place));
        if self.from > 0 {
            links = links.child(to(self.from.saturating_sub(self.size), wording::earlier()));
        }
        if range.end < self.total {
            links = links.child(to(range.end, wording::later()));
        }
        Some(links)
    }
}

/// The path of a member's page.
pub(super) fn member_path(member: &MemberId) -> String {
    format!("/partners/{}", encoded(&member.to_string()))
}

/// A name that others have chosen, cut to what a page has room for.
pub(super) fn bounded(text: &str, characters_max: usize) -> String {
    if text.chars().count() <= characters_max {
        return text.to_owned();
    }
    let cut: String = text.chars().take(characters_max).collect();
    format!("{cut}…")
}

/// A name in both languages.
pub(super) fn name(text: &str) -> Text {
    neutral(bounded(text, 120))
}

/// Rows of one page of a list.
pub(super) const ROWS_MAX: usize = 50;
