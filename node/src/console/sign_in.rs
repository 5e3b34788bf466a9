//! Signing in and out, and choosing a password.

use http::StatusCode;
use report::markup::Element;

use super::forms::{Form, Mistakes};
use super::shell::{Fields, Page, Reader};
use super::{Answered, Call, House, Reply, SessionChange, Trouble, wording};
use crate::people::PeopleError;

/// The page on which somebody signs in; with what went wrong the last time.
pub(super) fn page(reader: &Reader, name: &str, mistake: Option<contract::Text>) -> Reply {
    let status = if mistake.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let given = Form::of([("name", name)]);
    let mistakes: Mistakes = mistake.into_iter().map(|text| (String::new(), text)).collect();
    let fields = Fields { reader, given: &given, mistakes: &mistakes };
    let form = Element::classed("form", "narrow")
        .set("method", "post")
        .set("action", "/sign-in")
        .children(fields.whole())
        .child(fields.line("text", "name", &wording::user_name()))
        .child(fields.line("password", "password", &wording::password()))
        .child(reader.button(&wording::sign_in()));
    Page::new(wording::sign_in()).part(form).reply(reader, status)
}

pub(super) async fn enter(
    house: &House<'_>,
    call: &Call,
    reader: &Reader,
    form: &Form,
) -> Answered {
    let name = form.text("name");
    let signed_in = house.people.sign_in(name, form.raw("password"), &call.origin, call.now);
    match signed_in.await {
        Ok(signed_in) => {
            let choose = signed_in.caller.must_choose_password;
            let mut reply = Reply::see(if choose { "/password" } else { "/inbox" });
            reply.session = SessionChange::Begins(Box::new(signed_in));
            Ok(reply)
        }
        Err(PeopleError::WrongPassword) => {
            Ok(page(reader, name, Some(crate::messages::wrong_password())))
        }
        Err(PeopleError::Wait { seconds }) => {
            let mistake = wording::wait_for(seconds.to_string());
            let mut reply = page(reader, name, Some(mistake));
            reply.status = StatusCode::TOO_MANY_REQUESTS;
            Ok(reply)
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn leave(house: &House<'_>, call: &Call) -> Answered {
    let Some(caller) = &call.caller else { return Err(Trouble::SignIn) };
    house.people.sign_out(caller, call.now).await?;
    let mut reply = Reply::see("/sign-in");
    reply.session = SessionChange::Ends;
    Ok(reply)
}

/// The page on which somebody chooses a password.
pub(super) fn password_page(reader: &Reader, mistake: Option<contract::Text>) -> Reply {
    let status = if mistake.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let given = Form::default();
    let mistakes: Mistakes = mistake.into_iter().map(|text| (String::new(), text)).collect();
    let fields = Fields { reader, given: &given, mistakes: &mistakes };
    let form = reader
        .form("/password")
        .set("class", "narrow")
        .children(fields.whole())
        .child(fields.line("password", "old", &wording::present_password()))
        .child(fields.line("password", "new", &wording::new_password()))
        .child(fields.line("password", "again", &wording::new_password_again()))
        .child(reader.button(&wording::choose_password()));
    Page::new(wording::choose_password())
        .lead(wording::password_rule())
        .part(form)
        .reply(reader, status)
}

pub(super) async fn choose(
    house: &House<'_>,
    call: &Call,
    reader: &Reader,
    form: &Form,
) -> Answered {
    let Some(caller) = &call.caller else { return Err(Trouble::SignIn) };
    let new = form.raw("new");
    if new != form.raw("again") {
        return Ok(password_page(reader, Some(wording::passwords_differ())));
    }
    match house.people.choose_password(caller, form.raw("old"), new, call.now).await {
        Ok(signed_in) => {
            let mut reply = Reply::see("/inbox");
            reply.session = SessionChange::Begins(Box::new(signed_in));
            Ok(reply)
        }
        Err(PeopleError::WrongPassword) => {
            Ok(password_page(reader, Some(wording::wrong_present_password())))
        }
        Err(PeopleError::Weak(_)) => Ok(password_page(reader, Some(wording::weak_password()))),
        Err(error) => Err(error.into()),
    }
}
