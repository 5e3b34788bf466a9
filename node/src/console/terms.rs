//! Terms of an agreement from what a form says, and a form from terms.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use contract::{Audience, Text, catalogue};
use governance::agreements::{Column, ComponentTerms, PartyTerms, Terms};
use governance::canonical::Digest;
use governance::decimal::Decimal;
use governance::members::MemberId;
use governance::time::Time;

use super::forms::{Form, Mistakes, meant};
use super::wording;

/// What terms have besides what the form says.
pub(super) struct Ground<'a> {
    /// Who takes part, under which names.
    pub(super) parties: BTreeMap<MemberId, String>,
    /// The version that this one changes.
    pub(super) before: Option<(Digest, &'a Terms)>,
    pub(super) now: Time,
}

/// Who has the label, and with it the role of guest, if the form leaves that open.
pub(super) const ANYBODY: &str = "anybody";
/// What may be learnt stays as it was.
pub(super) const AS_BEFORE: &str = "as_before";

/// The terms that a form describes.
///
/// # Errors
/// What is wrong with it, by field.
pub(super) fn terms(form: &Form, ground: &Ground<'_>) -> Result<Terms, Mistakes> {
    let mut mistakes = Mistakes::new();
    let before = ground.before.map(|(_, terms)| terms);
    for field in ["title", "legal_basis", "purposes"] {
        if form.text(field).is_empty() {
            mistakes.insert(field.to_owned(), wording::is_needed());
        }
    }
    let mut parties = BTreeMap::new();
    for (member, name) in &ground.parties {
        let gives = gives(form, member, &mut mistakes);
        parties.insert(*member, PartyTerms { name: name.clone(), gives });
    }
    let components = components(form, before);
    if components.is_empty() {
        mistakes.insert("components".to_owned(), wording::no_component());
    }
    let disclosures = disclosures(form, ground, &components, &mut mistakes);
    let utc_offset_minutes = offset(form, &mut mistakes);
    let mut on = |field: &str, later: u64| {
        let day = day(form.text(field), utc_offset_minutes);
        if day.is_none() {
            mistakes.insert(field.to_owned(), wording::not_a_day());
        }
        day.unwrap_or_default().plus(later)
    };
    let (valid_from, valid_until) = (on("valid_from", 0), on("valid_until", DAY));
    let terms = Terms {
        title: form.text("title").to_owned(),
        version: before.map_or(1, |terms| terms.version.saturating_add(1)),
        parent: ground.before.map(|(digest, _)| digest),
        written_at: ground.now,
        parties,
        purposes: form.lines("purposes").into_iter().collect(),
        legal_basis: form.text("legal_basis").to_owned(),
        components,
        disclosures,
        minimum_group: number(form, "minimum_group", &mut mistakes).unwrap_or_default(),
        privacy_budget: budget(form, &mut mistakes),
        runs_per_month: perhaps(form, "runs_per_month", &mut mistakes),
        runs: number(form, "runs", &mut mistakes).unwrap_or_default(),
        attempts: number(form, "attempts", &mut mistakes).unwrap_or_default(),
        valid_from,
        valid_until,
        utc_offset_minutes,
        currency: form.text("currency").to_owned(),
        prices: before.map(|terms| terms.prices.clone()).unwrap_or_default(),
    };
    if mistakes.is_empty()
        && let Err(flaw) = terms.rules()
    {
        let text = flaw.to_string();
        mistakes.insert(flaw.field.to_owned(), Text::owned(text.clone(), text.clone()));
        mistakes.insert(String::new(), Text::owned(text.clone(), text));
    }
    if mistakes.is_empty() { Ok(terms) } else { Err(mistakes) }
}

/// The tables of one party: columns that were chosen, and those that were typed.
fn gives(
    form: &Form,
    member: &MemberId,
    mistakes: &mut Mistakes,
) -> BTreeMap<String, BTreeMap<String, BTreeSet<Column>>> {
    let mut gives = BTreeMap::<String, BTreeMap<String, BTreeSet<Column>>>::new();
    let mut add = |table: &str, column: &str, used_as: Column| {
        let columns = gives.entry(meant(table.trim())).or_default();
        columns.entry(column.trim().to_owned()).or_default().insert(used_as);
    };
    for (place, used_as) in form.within(&format!("give/{member}/")) {
        let Some((table, column)) = place.split_once('/') else { continue };
        if let Some(used_as) = column_use(used_as) {
            add(table, column, used_as);
        }
    }
    let typed = format!("typed/{member}");
    for line in form.lines(&typed) {
        let parts = line.rsplit_once(' ').and_then(|(place, uses)| {
            let (table, column) = place.trim().split_once('/')?;
            let uses: Option<Vec<Column>> = uses.split(',').map(column_use).collect();
            Some((table, column, uses?))
        });
        match parts {
            Some((table, column, uses)) => uses.into_iter().for_each(|it| add(table, column, it)),
            None => {
                mistakes.insert(typed.clone(), wording::not_a_column(line));
            }
        }
    }
    gives
}

/// A column of a table as forms name it; a slash in the table's name is written otherwise.
pub(super) fn place(table: &str, column: &str) -> String {
    format!("{}/{column}", table.replace('%', "%25").replace('/', "%2F"))
}

/// A use of a column by its name in files.
pub(super) fn column_use(word: &str) -> Option<Column> {
    serde_json::from_value(word.trim().into()).ok()
}

/// The name of a use in files.
pub(super) fn use_word(used_as: Column) -> String {
    let word = serde_json::to_value(used_as).unwrap_or_default();
    word.as_str().unwrap_or_default().to_owned()
}

/// Components with the modes that are ticked; settings stay as they were.
fn components(form: &Form, before: Option<&Terms>) -> BTreeMap<String, ComponentTerms> {
    let mut components = BTreeMap::<String, ComponentTerms>::new();
    for (place, _) in form.within("run/") {
        let Some((name, mode)) = place.split_once('/') else { continue };
        if catalogue::find(name).is_none_or(|component| component.mode(mode).is_none()) {
            continue;
        }
        let terms = components.entry(name.to_owned()).or_insert_with(|| {
            let before = before.and_then(|terms| terms.components.get(name));
            let settings = before.map(|terms| terms.settings.clone()).unwrap_or_default();
            ComponentTerms { privacy: BTreeSet::new(), settings }
        });
        terms.privacy.insert(mode.to_owned());
    }
    components
}

/// Everything that the components let be learnt, by whom.
fn disclosures(
    form: &Form,
    ground: &Ground<'_>,
    components: &BTreeMap<String, ComponentTerms>,
    mistakes: &mut Mistakes,
) -> BTreeMap<String, BTreeSet<MemberId>> {
    let guest = form.text("guest");
    if let (AS_BEFORE, Some((_, before))) = (guest, ground.before) {
        return before.disclosures.clone();
    }
    let guest: Option<MemberId> = match guest {
        ANYBODY => None,
        key => {
            let member = key.parse().ok().filter(|key| ground.parties.contains_key(key));
            if member.is_none() {
                mistakes.insert("guest".to_owned(), wording::is_needed());
                return BTreeMap::new();
            }
            member
        }
    };
    learnt(components, guest, &ground.parties.keys().copied().collect())
}

/// What components let be learnt, if `guest` has the label; if anybody may, by everybody.
fn learnt(
    components: &BTreeMap<String, ComponentTerms>,
    guest: Option<MemberId>,
    parties: &BTreeSet<MemberId>,
) -> BTreeMap<String, BTreeSet<MemberId>> {
    let mut learnt = BTreeMap::<String, BTreeSet<MemberId>>::new();
    for (name, terms) in components {
        let Some(component) = catalogue::find(name) else { continue };
        let modes = terms.privacy.iter().filter_map(|mode| component.mode(mode));
        for disclosure in modes.flat_map(|mode| mode.disclosures) {
            let learns = |party: &&MemberId| match (disclosure.to, guest) {
                (Audience::All, _) | (_, None) => true,
                (Audience::Guest, Some(guest)) => **party == guest,
                (Audience::Host, Some(guest)) => **party != guest,
            };
            let learners = parties.iter().filter(learns).copied();
            learnt.entry(disclosure.key.to_string()).or_default().extend(learners);
        }
    }
    learnt
}

fn offset(form: &Form, mistakes: &mut Mistakes) -> i16 {
    let hours = form.text("utc_offset").parse::<f64>().ok();
    if let Some(hours) = hours.filter(|hours| hours.abs() <= 14.0) {
        return (hours * 60.0).round() as i16;
    }
    mistakes.insert("utc_offset".to_owned(), wording::from_to("-14", "14"));
    0
}

fn number(form: &Form, field: &str, mistakes: &mut Mistakes) -> Option<u32> {
    let number = form.text(field).parse().ok();
    if number.is_none() {
        mistakes.insert(field.to_owned(), wording::not_a_number());
    }
    number
}

fn perhaps(form: &Form, field: &str, mistakes: &mut Mistakes) -> Option<u32> {
    if form.text(field).is_empty() { None } else { number(form, field, mistakes) }
}

fn budget(form: &Form, mistakes: &mut Mistakes) -> Option<Decimal> {
    let given = form.text("privacy_budget");
    if given.is_empty() {
        return None;
    }
    let budget = given.parse().ok();
    if budget.is_none() {
        mistakes.insert("privacy_budget".to_owned(), wording::not_a_number());
    }
    budget
}

/// The first moment of a day, `2027-06-30`, where clocks are so many minutes ahead of UTC.
pub(super) fn day(text: &str, utc_offset_minutes: i16) -> Option<Time> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0)?;
    let there = day.and_utc().timestamp_millis() - i64::from(utc_offset_minutes) * 60_000;
    u64::try_from(there).ok().map(Time::from_milliseconds)
}

/// The day in which a time lies.
fn day_of(time: Time, utc_offset_minutes: i16) -> String {
    let there = time.milliseconds() as i64 + i64::from(utc_offset_minutes) * 60_000;
    let there = Time::from_milliseconds(u64::try_from(there).unwrap_or_default()).to_string();
    there.get(..10).unwrap_or_default().to_owned()
}

/// The form that would give these terms again.
pub(super) fn form_of(terms: &Terms) -> Form {
    let offset = terms.utc_offset_minutes;
    let last = Time::from_milliseconds(terms.valid_until.milliseconds().saturating_sub(1));
    let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join("\n");
    let perhaps = |number: Option<String>| number.unwrap_or_default();
    let mut fields: Vec<(String, String)> = vec![
        ("title".into(), terms.title.clone()),
        ("purposes".into(), list(&terms.purposes)),
        ("legal_basis".into(), terms.legal_basis.clone()),
        ("guest".into(), AS_BEFORE.into()),
        ("minimum_group".into(), terms.minimum_group.to_string()),
        ("privacy_budget".into(), perhaps(terms.privacy_budget.map(|it| it.to_string()))),
        ("runs_per_month".into(), perhaps(terms.runs_per_month.map(|it| it.to_string()))),
        ("runs".into(), terms.runs.to_string()),
        ("attempts".into(), terms.attempts.to_string()),
        ("valid_from".into(), day_of(terms.valid_from, offset)),
        ("valid_until".into(), day_of(last, offset)),
        ("utc_offset".into(), (f64::from(offset) / 60.0).to_string()),
        ("currency".into(), terms.currency.clone()),
    ];
    for (name, component) in &terms.components {
        fields
            .extend(component.privacy.iter().map(|it| (format!("run/{name}/{it}"), "yes".into())));
    }
    for (member, party) in &terms.parties {
        let mut typed = Vec::new();
        for (table, columns) in &party.gives {
            for (column, uses) in columns {
                let words: Vec<String> = uses.iter().map(|it| use_word(*it)).collect();
                let place = place(table, column);
                // A choice takes one use.
                if words.len() == 1 {
                    fields.push((format!("give/{member}/{place}"), words.concat()));
                } else {
                    typed.push(format!("{place} {}", words.join(",")));
                }
            }
        }
        fields.push((format!("typed/{member}"), typed.join("\n")));
    }
    Form::of(fields)
}

/// What a new agreement begins with.
pub(super) fn blank(now: Time) -> Form {
    let last = now.plus(365 * DAY);
    Form::of([
        ("minimum_group", "50".to_owned()),
        ("runs", "20".to_owned()),
        ("attempts", "3".to_owned()),
        ("valid_from", day_of(now, 480)),
        ("valid_until", day_of(last, 480)),
        ("utc_offset", "8".to_owned()),
        ("currency", "CNY".to_owned()),
        ("guest", ANYBODY.to_owned()),
    ])
}

/// A day in milliseconds.
const DAY: u64 = 24 * 60 * 60 * 1000;
