//! The people of the node, and the member's own card.

use contract::Text;
use governance::members::Card;
use governance::roles::Action;
use governance::time::Time;
use http::StatusCode;
use report::markup::Element;

use super::forms::{Form, Mistakes, encoded, meant};
use super::shell::{
    Fields, Page, Reader, Tone, bounded, button_link, facts, hidden, listed_roles, roles_of,
    section, state, table, text,
};
use super::{Answered, At, Reply, Trouble, wording};
use crate::people::{PeopleError, Role, Roles};
use crate::store::Person;

/// A password that is shown once.
pub(super) struct Shown {
    pub(super) name: String,
    pub(super) password: String,
}

pub(super) async fn answer(at: &At<'_>, is_post: bool, rest: &[&str]) -> Answered {
    at.reader.need(Action::ManagePeople)?;
    match (is_post, rest) {
        (false, []) => shown(at, None, &Mistakes::new(), StatusCode::OK).await,
        (true, []) => add(at).await,
        (true, [id, "roles"]) => {
            let id = meant(id);
            let roles = roles(at.form);
            let active = at.form.text("is_active") == "yes";
            let change =
                at.house.people.change(at.by, &id, Some(&roles), Some(active), at.call.now);
            match change.await {
                Ok(_) => Ok(Reply::see("/people")),
                Err(error) => wrong(at, error).await,
            }
        }
        (true, [id, "reset"]) => {
            let id = meant(id);
            let password = at.house.people.reset_password(at.by, &id, at.call.now).await?;
            let people = at.house.people.people().await?;
            let person = people.into_iter().find(|person| person.id == id);
            let name = person.map(|person| person.name).unwrap_or_default();
            let password = Shown { name, password: password.to_string() };
            shown(at, Some(&password), &Mistakes::new(), StatusCode::OK).await
        }
        _ => Err(Trouble::NotFound),
    }
}

async fn add(at: &At<'_>) -> Answered {
    let roles = roles(at.form);
    let name = at.form.text("name");
    match at.house.people.add(at.by, name, &roles, at.call.now).await {
        Ok((person, password)) => {
            let password = Shown { name: person.name, password: password.to_string() };
            shown(at, Some(&password), &Mistakes::new(), StatusCode::CREATED).await
        }
        Err(error) => wrong(at, error).await,
    }
}

/// The form again, with what is wrong.
async fn wrong(at: &At<'_>, error: PeopleError) -> Answered {
    let (field, text) = match &error {
        PeopleError::BadName => ("name", wording::bad_name()),
        PeopleError::Taken(_) => ("name", crate::messages::name_taken()),
        PeopleError::NoRole => ("roles", wording::no_role()),
        PeopleError::LastOperator => ("", crate::messages::last_operator()),
        _ => return Err(error.into()),
    };
    let mistakes = Mistakes::from([(field.to_owned(), text)]);
    shown(at, None, &mistakes, StatusCode::UNPROCESSABLE_ENTITY).await
}

async fn shown(
    at: &At<'_>,
    password: Option<&Shown>,
    mistakes: &Mistakes,
    status: StatusCode,
) -> Answered {
    let people = at.house.people.people().await?;
    Ok(page(at.reader, &people, at.form, password, mistakes).reply(at.reader, status))
}

fn roles(form: &Form) -> Roles {
    let ticked = |role: &&Role| form.has(&format!("role/{}", role.word()));
    Roles::of(&Role::ALL.iter().filter(ticked).copied().collect::<Vec<_>>())
}

pub(super) fn page(
    reader: &Reader,
    people: &[Person],
    given: &Form,
    password: Option<&Shown>,
    mistakes: &Mistakes,
) -> Page {
    let fields = Fields { reader, given, mistakes };
    let mut page = Page::new(wording::people()).parts(fields.whole());
    page = page.parts(password.map(|shown| one_time(reader, shown)));
    let row = |person: &Person| {
        let (tone, word) = match (person.is_active, person.password_until) {
            (false, _) => (Tone::Quiet, wording::switched_off()),
            (true, Some(_)) => (Tone::Waiting, wording::has_one_time_password()),
            (true, None) => (Tone::Good, wording::can_sign_in()),
        };
        let roles = roles_of(&person.roles.parse().unwrap_or_default());
        vec![
            text(person.name.as_str()),
            text(reader.say(&listed_roles(&roles))),
            state(reader, tone, &word),
            change(reader, person),
        ]
    };
    let heads = [wording::user_name(), wording::roles(), wording::state(), wording::change()];
    page = page.part(table(reader, &heads, people.iter().map(row).collect()));
    let no_role = mistakes.get("roles");
    let no_role = no_role.map(|it| reader.tag("p", it).set("class", "mistake"));
    let add = reader
        .form("/people")
        .child(fields.line("text", "name", &wording::user_name()))
        .child(role_boxes(&fields))
        .children(no_role)
        .child(reader.button(&wording::add_person()));
    page.part(section(reader, &wording::add_person()).child(add))
}

fn role_boxes(fields: &Fields<'_>) -> Element {
    let reader = fields.reader;
    let tick = |role: &Role| {
        let title = roles_of(&Roles::of(&[*role]));
        let field = format!("role/{}", role.word());
        fields.tick(&field, text(reader.say(&listed_roles(&title))))
    };
    Element::new("fieldset")
        .child(reader.tag("legend", &wording::roles()))
        .children(Role::ALL.iter().map(tick))
}

fn one_time(reader: &Reader, shown: &Shown) -> Element {
    let title = wording::one_time_password_of(bounded(&shown.name, 64));
    section(reader, &title)
        .set("role", "status")
        .child(reader.tag("p", &wording::shown_once()))
        .child(Element::classed("pre", "copy").set("data-copy", "").text(shown.password.as_str()))
}

fn change(reader: &Reader, person: &Person) -> Element {
    let id = encoded(&person.id);
    let roles: Roles = person.roles.parse().unwrap_or_default();
    let given = Form::of(
        Role::ALL
            .iter()
            .filter(|it| roles.has(**it))
            .map(|it| (format!("role/{}", it.word()), "yes")),
    );
    let mistakes = Mistakes::new();
    let fields = Fields { reader, given: &given, mistakes: &mistakes };
    let path = format!("/people/{id}/roles");
    let other = |value: &str, text: &Text| {
        let boxes = Role::ALL.iter().filter(|it| roles.has(**it));
        let boxes = boxes.map(|it| {
            Element::new("input")
                .set("type", "hidden")
                .set("name", format!("role/{}", it.word()))
                .set("value", "yes")
        });
        reader
            .form(path.as_str())
            .children(boxes)
            .child(hidden("is_active", value))
            .child(reader.button(text))
    };
    let is_active = if person.is_active { "yes" } else { "no" };
    let switch = if person.is_active {
        other("no", &wording::switch_off())
    } else {
        other("yes", &wording::switch_on())
    };
    let roles = reader
        .form(path.as_str())
        .child(role_boxes(&fields))
        .child(hidden("is_active", is_active))
        .child(reader.button(&wording::set_roles()));
    Element::new("details")
        .child(reader.tag("summary", &wording::change()))
        .child(roles)
        .child(switch)
        .child(reader.button_to(format!("/people/{id}/reset"), &wording::reset_password()))
}

pub(super) fn settings(at: &At<'_>) -> Reply {
    let card = at.house.office.state().books.directory().own().clone();
    settings_page(at.reader, card.content(), &card.key().to_string()).shown(at.reader)
}

/// The member's own card, and the reader's own account.
pub(super) fn settings_page(reader: &Reader, card: &Card, key: &str) -> Page {
    let address = if card.endpoints.is_empty() {
        text(reader.say(&wording::only_dials()))
    } else {
        text(card.endpoints.join(", "))
    };
    let known = vec![
        (wording::organisation(), text(card.name.as_str())),
        (wording::contact(), text(card.contact.as_str())),
        (wording::address(), address),
        (wording::software(), text(card.software.as_str())),
        (wording::key_fingerprint(), Element::new("code").text(key)),
        (wording::first_key(), Element::new("code").text(card.member.to_string())),
        (wording::card_version(), text(card.version.to_string())),
        (wording::when(), reader.time(Time::from_milliseconds(card.issued_at.milliseconds()))),
    ];
    let account = vec![
        (wording::user_name(), text(reader.name.as_str())),
        (wording::roles(), text(reader.say(&listed_roles(&reader.roles)))),
    ];
    let password = button_link(reader, "/password", &wording::choose_password());
    Page::new(wording::settings())
        .part(
            section(reader, &wording::own_card())
                .child(reader.tag("p", &wording::card_from_file()))
                .child(facts(reader, known)),
        )
        .part(
            section(reader, &wording::own_account()).child(facts(reader, account)).child(password),
        )
}
