//! The form in which a version of an agreement is written.

use std::collections::{BTreeMap, BTreeSet};

use contract::catalogue;
use governance::agreements::{Column, Terms};
use governance::canonical::Digest;
use governance::members::MemberId;
use governance::roles::Action;
use http::StatusCode;
use report::markup::Element;

use super::super::forms::{Form, Mistakes};
use super::super::shell::{
    Fields, Page, Reader, bounded, hidden, link, nothing, section, select, table, text,
};
use super::super::terms::{ANYBODY, AS_BEFORE, Ground, blank, form_of, place, terms, use_word};
use super::super::{Answered, At, Reply, Trouble, partners, wording};
use crate::office::OfficeError;

/// Columns of one party that get a choice of their own; others are typed.
const CHOICES_MAX: usize = 500;

/// What the form is about.
pub(in super::super) struct Draft {
    /// The parties by name, the own one first.
    pub(in super::super) parties: Vec<(MemberId, String)>,
    /// Columns that are known of each party, as `table/column`.
    pub(in super::super) known: BTreeMap<MemberId, BTreeSet<String>>,
    /// The version that is changed.
    pub(in super::super) before: Option<(Digest, Terms)>,
}

pub(super) async fn answer(at: &At<'_>, is_post: bool) -> Answered {
    at.reader.need(Action::NegotiateAgreement)?;
    let source = if is_post { at.form } else { at.query };
    let Some(draft) = draft(at, source)? else {
        return Ok(choose(at.reader, &partners::options(at)).shown(at.reader));
    };
    if !is_post {
        let given = match &draft.before {
            Some((_, before)) => form_of(before),
            None => blank(at.reader.now),
        };
        return Ok(page(at.reader, &draft, &given, &Mistakes::new()).shown(at.reader));
    }
    let ground = Ground {
        parties: draft.parties.iter().cloned().collect(),
        before: draft.before.as_ref().map(|(digest, terms)| (*digest, terms)),
        now: at.reader.now,
    };
    let mistakes = match terms(at.form, &ground) {
        Ok(terms) => match at.house.office.propose(at.by, terms).await {
            Ok(version) => return Ok(Reply::see(&format!("/agreements/{version}"))),
            Err(OfficeError::Store(error)) => return Err(error.into()),
            Err(error) => Mistakes::from([(String::new(), error.text())]),
        },
        Err(mistakes) => mistakes,
    };
    let page = page(at.reader, &draft, at.form, &mistakes);
    Ok(page.reply(at.reader, StatusCode::UNPROCESSABLE_ENTITY))
}

/// What a query or a form asks for; `None` if it names no partner yet.
fn draft(at: &At<'_>, source: &Form) -> Result<Option<Draft>, Trouble> {
    let state = at.house.office.state();
    let own = state.own();
    let from = source.text("from");
    let before = if from.is_empty() {
        None
    } else {
        let digest: Digest = from.parse().map_err(|_| Trouble::NotFound)?;
        Some((digest, state.terms(&digest).ok_or(Trouble::NotFound)?))
    };
    let others: BTreeSet<MemberId> = match &before {
        Some((_, terms)) => terms.parties.keys().copied().filter(|it| *it != own).collect(),
        None => source.all("partner").filter_map(|key| key.parse().ok()).collect(),
    };
    let directory = state.books.directory();
    if before.is_none() && !others.iter().all(|it| directory.partner(it).is_ok()) {
        return Err(Trouble::NotFound);
    }
    if others.is_empty() {
        return Ok(None);
    }
    let name = |member: &MemberId| match &before {
        Some((_, terms)) => terms.name_of(member),
        None => state.name_of(member),
    };
    let parties = std::iter::once(&own).chain(&others).map(|it| (*it, name(it))).collect();
    let mut known = BTreeMap::new();
    let tables = state.tables.values().flat_map(|table| {
        let open = table.columns.iter().filter(|(_, column)| !column.is_hidden);
        open.map(|(column, _)| place(&table.name, column))
    });
    known.insert(own, tables.take(CHOICES_MAX).collect());
    for other in &others {
        let member = directory.members().get(other);
        let catalogue = member.and_then(|member| member.catalogue.as_ref());
        let data = catalogue.iter().flat_map(|catalogue| &catalogue.content().data);
        let columns =
            data.flat_map(|(table, it)| it.columns.keys().map(move |column| place(table, column)));
        known.insert(*other, columns.take(CHOICES_MAX).collect());
    }
    Ok(Some(Draft { parties, known, before }))
}

/// The first page: with whom.
fn choose(reader: &Reader, partners: &[(String, String)]) -> Page {
    let page = Page::new(wording::new_agreement());
    if partners.is_empty() {
        let none = nothing(reader, &wording::no_partners())
            .child(link("/partners", reader.say(&wording::invite_partner())));
        return page.part(none);
    }
    let (given, mistakes) = (Form::default(), Mistakes::new());
    let fields = Fields { reader, given: &given, mistakes: &mistakes };
    let form = Element::new("form")
        .set("method", "get")
        .set("action", "/agreements/new")
        .child(fields.choice("partner", &wording::with_partner(), partners))
        .child(reader.button(&wording::go_on()));
    page.part(form)
}

pub(in super::super) fn page(
    reader: &Reader,
    draft: &Draft,
    given: &Form,
    mistakes: &Mistakes,
) -> Page {
    let fields = Fields { reader, given, mistakes };
    let title = match &draft.before {
        Some((_, terms)) => wording::change_of(bounded(&terms.title, 120)),
        None => wording::new_agreement(),
    };
    let mut form = reader.form("/agreements/new").children(fields.whole());
    if let Some((digest, _)) = &draft.before {
        form = form.child(hidden("from", &digest.to_string()));
    } else {
        let others = draft.parties.iter().skip(1);
        form = form.children(others.map(|(it, _)| hidden("partner", &it.to_string())));
    }
    form = form
        .child(fields.line("text", "title", &wording::title()))
        .child(fields.lines("purposes", &wording::purposes_one_a_line(), 2, false))
        .child(fields.line("text", "legal_basis", &wording::legal_basis()));
    for (member, name) in &draft.parties {
        let known = draft.known.get(member);
        form = form.child(gives(&fields, member, name, known));
    }
    form = form.child(components(&fields, draft));
    form = form.child(limits(&fields));
    let note = reader.tag("p", &wording::proposing_is_not_signing()).set("class", "quiet");
    form = form.child(note).child(reader.button(&wording::propose()).set("class", "primary"));
    Page::new(title).part(form)
}

/// What one party gives: a choice for each known column, and lines for others.
fn gives(
    fields: &Fields<'_>,
    member: &MemberId,
    name: &str,
    known: Option<&BTreeSet<String>>,
) -> Element {
    let reader = fields.reader;
    let prefix = format!("give/{member}/");
    let mut places: BTreeSet<&str> = known.into_iter().flatten().map(String::as_str).collect();
    places.extend(fields.given.within(&prefix).map(|(place, _)| place));
    let row = |place: &&str| {
        let field = format!("{prefix}{place}");
        let choice = select(&field, fields.given.text(&field), &uses(reader));
        let choice = choice.set("aria-label", bounded(place, 250));
        vec![text(bounded(place, 250)), choice]
    };
    let mut set = section(reader, &wording::gives(bounded(name, 120)));
    if !places.is_empty() {
        let heads = [wording::column(), wording::used_as()];
        set = set.child(table(reader, &heads, places.iter().map(row).collect()));
    }
    let typed = format!("typed/{member}");
    let label = reader.tag("label", &wording::typed_columns()).set("for", typed.clone());
    let area = Element::classed("textarea", "code")
        .set("id", typed.clone())
        .set("name", typed.clone())
        .set("rows", "3")
        .text(format!("\n{}", fields.given.raw(&typed)));
    let mistake = fields.mistakes.get(&typed);
    let mistake = mistake.map(|it| reader.tag("p", it).set("class", "mistake"));
    set.child(Element::classed("div", "field").child(label).child(area).children(mistake))
}

fn uses(reader: &Reader) -> Vec<(String, String)> {
    let all = [
        Column::Key,
        Column::Label,
        Column::Feature,
        Column::Weight,
        Column::Time,
        Column::Offset,
        Column::Group,
        Column::Item,
        Column::Sum,
        Column::Payload,
    ];
    let none = (String::new(), reader.say(&wording::not_given()).to_owned());
    let option = |it: Column| (use_word(it), reader.say(&it.text()).to_owned());
    std::iter::once(none).chain(all.into_iter().map(option)).collect()
}

/// What may run, and what each mode lets be learnt.
fn components(fields: &Fields<'_>, draft: &Draft) -> Element {
    let reader = fields.reader;
    let mut guests = Vec::new();
    if let Some((_, terms)) = &draft.before {
        let as_before = wording::as_in_version(terms.version.to_string());
        guests.push((AS_BEFORE.to_owned(), reader.say(&as_before).to_owned()));
    }
    guests.push((ANYBODY.to_owned(), reader.say(&wording::any_party()).to_owned()));
    let parties = draft.parties.iter();
    guests.extend(parties.map(|(it, name)| (it.to_string(), bounded(name, 120))));
    let mistake = fields.mistakes.get("components");
    let mistake = mistake.map(|it| reader.tag("p", it).set("class", "mistake"));
    let component = |component: &&'static contract::ComponentDescriptor| {
        let mode = |mode: &contract::PrivacyMode| {
            let label = Element::new("span")
                .child(Element::new("b").text(mode.name))
                .text(format!(" – {}", reader.say(&mode.summary)));
            let tick = fields.tick(&format!("run/{}/{}", component.name, mode.name), label);
            let learn = mode.disclosures.iter().map(|it| {
                let to = match it.to {
                    contract::Audience::Guest => wording::label_side(),
                    contract::Audience::Host => wording::feature_side(),
                    contract::Audience::All => report::message::every_party(),
                };
                let what = format!("{}: {}", reader.say(&to), reader.say(&it.what));
                Element::new("li").text(what)
            });
            let learn = Element::new("details")
                .child(reader.tag("summary", &wording::what_is_learnt()))
                .child(Element::new("ul").children(learn));
            Element::classed("div", "mode").child(tick).child(learn)
        };
        Element::new("fieldset")
            .child(reader.tag("legend", &component.title))
            .children(component.modes.iter().map(mode))
    };
    section(reader, &wording::may_run())
        .children(mistake)
        .child(fields.choice("guest", &wording::who_has_label(), &guests))
        .children(catalogue::all().iter().map(component))
}

fn limits(fields: &Fields<'_>) -> Element {
    section(fields.reader, &wording::limits())
        .child(fields.line("number", "minimum_group", &wording::minimum_group()))
        .child(fields.line("text", "privacy_budget", &wording::privacy_budget()))
        .child(fields.line("number", "runs", &wording::runs_in_all()))
        .child(fields.line("number", "runs_per_month", &wording::runs_per_month()))
        .child(fields.line("number", "attempts", &wording::attempts_of_run()))
        .child(fields.line("date", "valid_from", &wording::valid_from()))
        .child(fields.line("date", "valid_until", &wording::valid_until_day()))
        .child(fields.line("text", "utc_offset", &wording::utc_offset()))
        .child(fields.line("text", "currency", &wording::currency()))
}
