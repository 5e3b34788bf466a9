//! Partners, tables, agreements and runs.

mod agreements;
mod catalogue;
mod models;
mod partners;
mod runs;
mod schedules;
mod statements;
mod tables;

use std::sync::LazyLock;

use http::{Method, StatusCode};
use schemars::{JsonSchema, SchemaGenerator};
// What governance writes has its own form, which its documents describe.
use serde_json::Value as Json;

use super::super::endpoint::{Access, Call, Content, Endpoint, Gives, Running};
use super::super::problem::Problem;
use super::{NOTHING, json};
use crate::people::Role;

/// What runs when an endpoint is called.
macro_rules! run {
    ($function:path) => {
        |call| Box::pin($function(call))
    };
}

/// Everybody who has signed in may see what is agreed and what runs.
const EVERYBODY: Access = Access::SignedIn;
/// Whoever may make partners.
const INVITERS: Access = Access::Roles(&[Role::Operator, Role::DataOwner]);
/// Whoever sees a danger first can stop it.
const BLOCKERS: Access = Access::Roles(&[Role::Operator, Role::DataOwner, Role::Compliance]);
/// Whoever answers for data.
const OWNERS: Access = Access::Roles(&[Role::DataOwner]);
/// Whoever may write versions of agreements.
const NEGOTIATORS: Access = Access::Roles(&[Role::DataOwner, Role::Modeller, Role::Compliance]);
/// Whoever may bind the member: sign, end, approve.
const SIGNERS: Access = Access::Roles(&[Role::DataOwner, Role::Compliance]);
/// Whoever makes jobs.
const MODELLERS: Access = Access::Roles(&[Role::Modeller]);
/// Whoever may stop a run or begin a further attempt.
const STEERERS: Access = Access::Roles(&[Role::Operator, Role::Modeller]);
/// Whoever may see reports and models.
const READERS: Access =
    Access::Roles(&[Role::DataOwner, Role::Modeller, Role::Compliance, Role::ReadOnly]);

/// Whoever may see what happened and what it cost.
const AUDITORS: Access =
    Access::Roles(&[Role::Operator, Role::DataOwner, Role::Compliance, Role::ReadOnly]);

/// The endpoints, in the order of the OpenAPI document.
pub(in super::super) static ENDPOINTS: LazyLock<Vec<Endpoint>> = LazyLock::new(table);

fn table() -> Vec<Endpoint> {
    [
        of_partners(),
        of_tables(),
        of_catalogues(),
        of_terms(),
        of_agreements(),
        of_runs(),
        of_decisions(),
        of_schedules(),
        of_models(),
        of_statements(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn of_partners() -> Vec<Endpoint> {
    vec![
        get(
            "/api/v1/partners",
            "list_partners",
            "Other members, and how they can be reached",
            run!(partners::list),
        )
        .gives::<partners::PartnerList>(),
        post(
            "/api/v1/invitations",
            "invite",
            "Write an invitation for one organisation",
            run!(partners::invite),
        )
        .access(INVITERS)
        .takes::<partners::NewInvitation>()
        .gives::<partners::WrittenInvitation>(),
        post(
            "/api/v1/partners",
            "accept_invitation",
            "Accept another member's invitation",
            run!(partners::accept),
        )
        .access(INVITERS)
        .takes::<partners::Acceptance>()
        .gives::<partners::NewPartner>(),
        post(
            "/api/v1/partners/{member}/check",
            "check_partner",
            "Check the connection to a partner step by step",
            run!(partners::check),
        )
        .access(INVITERS)
        .gives::<partners::Check>(),
        post(
            "/api/v1/partners/{member}/block",
            "block_partner",
            "Take nothing from a member any more",
            run!(partners::block),
        )
        .access(BLOCKERS)
        .takes::<Reason>()
        .nothing(),
        post(
            "/api/v1/partners/{member}/unblock",
            "unblock_partner",
            "End a block",
            run!(partners::unblock),
        )
        .access(BLOCKERS)
        .nothing(),
    ]
}

fn of_tables() -> Vec<Endpoint> {
    vec![
        get("/api/v1/tables", "list_tables", "This member's registered tables", run!(tables::list))
            .gives::<Json>(),
        post(
            "/api/v1/tables",
            "register_table",
            "Register a table of the folder of data, or describe it anew",
            run!(tables::register),
        )
        .access(OWNERS)
        .takes::<tables::NewTable>()
        .gives::<Json>(),
        Endpoint {
            method: Method::DELETE,
            ..post(
                "/api/v1/tables/{name}",
                "retire_table",
                "Let nothing new use a table",
                run!(tables::retire),
            )
            .access(OWNERS)
            .nothing()
        },
    ]
}

fn of_catalogues() -> Vec<Endpoint> {
    vec![
        post(
            "/api/v1/tables/{name}/description",
            "describe_table",
            "Describe a table for partners; nothing is shown by that",
            run!(catalogue::describe),
        )
        .access(OWNERS)
        .takes::<catalogue::NewDescription>()
        .gives::<Json>(),
        post(
            "/api/v1/tables/{name}/shown",
            "show_table",
            "Choose whether the next catalogue has a table",
            run!(catalogue::choose),
        )
        .access(OWNERS)
        .takes::<catalogue::Choice>()
        .nothing(),
        get(
            "/api/v1/catalogue",
            "preview_catalogue",
            "The catalogue that partners have, and exactly what they would get next",
            run!(catalogue::preview),
        )
        .access(OWNERS)
        .gives::<Json>(),
        post(
            "/api/v1/catalogue",
            "publish_catalogue",
            "Sign the next catalogue and send it to all partners",
            run!(catalogue::publish),
        )
        .access(OWNERS)
        .gives::<Json>(),
        Endpoint {
            query: Some(SchemaGenerator::subschema_for::<catalogue::DataQuery>),
            ..get(
                "/api/v1/catalogues",
                "find_data",
                "What partners say of their data, by words; at most 100 data sets",
                run!(catalogue::find),
            )
            .gives::<Json>()
        },
    ]
}

fn of_terms() -> Vec<Endpoint> {
    vec![
        get(
            "/api/v1/agreements",
            "list_agreements",
            "Agreements and where they stand",
            run!(agreements::list),
        )
        .gives::<Json>(),
        get(
            "/api/v1/agreements/{version}",
            "show_agreement",
            "An agreement with all its versions",
            run!(agreements::show),
        )
        .gives::<Json>(),
        post(
            "/api/v1/agreements",
            "propose_terms",
            "Propose a first version, or the next one",
            run!(agreements::propose),
        )
        .access(NEGOTIATORS)
        .takes::<Json>()
        .gives::<Json>(),
        post(
            "/api/v1/agreements/{version}/comments",
            "comment_on_terms",
            "Remark on a version",
            run!(agreements::comment),
        )
        .access(NEGOTIATORS)
        .takes::<Reason>()
        .nothing(),
        post(
            "/api/v1/agreements/{version}/withdrawal",
            "withdraw_terms",
            "Take back a version of one's own",
            run!(agreements::withdraw),
        )
        .access(NEGOTIATORS)
        .nothing(),
    ]
}

fn of_agreements() -> Vec<Endpoint> {
    vec![
        post(
            "/api/v1/agreements/{version}/signature",
            "sign_terms",
            "Sign a version for this member",
            run!(agreements::sign),
        )
        .access(SIGNERS)
        .nothing(),
        post(
            "/api/v1/agreements/{version}/refusal",
            "refuse_terms",
            "Refuse a version",
            run!(agreements::refuse),
        )
        .access(SIGNERS)
        .takes::<Reason>()
        .nothing(),
        post(
            "/api/v1/agreements/{version}/suspension",
            "suspend_agreement",
            "Let nothing run under an agreement",
            run!(agreements::suspend),
        )
        .access(SIGNERS)
        .takes::<Reason>()
        .nothing(),
        Endpoint {
            method: Method::DELETE,
            ..post(
                "/api/v1/agreements/{version}/suspension",
                "resume_agreement",
                "No longer suspend an agreement",
                run!(agreements::resume),
            )
            .access(SIGNERS)
            .nothing()
        },
        post(
            "/api/v1/agreements/{version}/revocation",
            "revoke_agreement",
            "End an agreement for good",
            run!(agreements::revoke),
        )
        .access(SIGNERS)
        .takes::<Reason>()
        .nothing(),
        post(
            "/api/v1/agreements/{version}/rule",
            "approve_by_rule",
            "Approve runs under an agreement without asking, or no longer",
            run!(agreements::rule),
        )
        .access(SIGNERS)
        .takes::<agreements::Rule>()
        .nothing(),
    ]
}

fn of_runs() -> Vec<Endpoint> {
    vec![
        get("/api/v1/runs", "list_runs", "Runs, and who is waited for", run!(runs::list))
            .gives::<Json>(),
        get(
            "/api/v1/runs/{run}",
            "show_run",
            "A run: its state, attempts and steps",
            run!(runs::show),
        )
        .gives::<Json>(),
        post(
            "/api/v1/runs/check",
            "check_run",
            "What a run would do and who would learn what, or what keeps it from running",
            run!(runs::check),
        )
        .access(MODELLERS)
        .takes::<runs::NewRun>()
        .gives::<Json>(),
        post("/api/v1/runs", "submit_run", "Submit a run of a job", run!(runs::submit))
            .access(MODELLERS)
            .takes::<runs::NewRun>()
            .gives::<Json>(),
    ]
}

fn of_decisions() -> Vec<Endpoint> {
    vec![
        post("/api/v1/runs/{run}/approval", "approve_run", "Approve a run", run!(runs::approve))
            .access(SIGNERS)
            .nothing(),
        post("/api/v1/runs/{run}/refusal", "refuse_run", "Refuse a run", run!(runs::refuse))
            .access(SIGNERS)
            .takes::<Reason>()
            .nothing(),
        post("/api/v1/runs/{run}/cancellation", "cancel_run", "Cancel a run", run!(runs::cancel))
            .access(STEERERS)
            .takes::<Reason>()
            .nothing(),
        post(
            "/api/v1/runs/{run}/attempts",
            "retry_run",
            "Begin a further attempt of a failed run",
            run!(runs::retry),
        )
        .access(STEERERS)
        .nothing(),
        Endpoint {
            gives: super::TEXT,
            ..get(
                "/api/v1/runs/{run}/report",
                "run_report",
                "The report of a finished run, as a page",
                run!(runs::report),
            )
            .access(READERS)
        },
    ]
}

fn of_models() -> Vec<Endpoint> {
    vec![
        get("/api/v1/models", "list_models", "Models and their versions", run!(models::list))
            .access(READERS)
            .gives::<Json>(),
        get(
            "/api/v1/models/{job}/{step}",
            "show_model",
            "A model: where its versions come from, and who decided what",
            run!(models::show),
        )
        .access(READERS)
        .gives::<Json>(),
        post(
            "/api/v1/models",
            "register_model",
            "Register what a finished run has trained as a model's next version",
            run!(models::register),
        )
        .access(MODELLERS)
        .takes::<models::NewModel>()
        .gives::<Json>(),
        post(
            "/api/v1/models/{job}/{step}/{version}/decision",
            "decide_on_model",
            "Publish a version, also an earlier one again, refuse it or retire it",
            run!(models::decide),
        )
        .access(SIGNERS)
        .takes::<models::NewDecision>()
        .nothing(),
    ]
}

fn of_statements() -> Vec<Endpoint> {
    vec![
        get(
            "/api/v1/statements/{member}/{month}",
            "show_statements",
            "What a month has cost with a partner, who has signed it, and where counts differ",
            run!(statements::show),
        )
        .access(AUDITORS)
        .gives::<Json>(),
        Endpoint {
            gives: super::TEXT,
            ..get(
                "/api/v1/statements/{member}/{month}/csv",
                "export_statements",
                "The statements of a month with a partner as CSV",
                run!(statements::csv),
            )
            .access(AUDITORS)
        },
        post(
            "/api/v1/statements/{member}/{month}/signature",
            "settle_statement",
            "Sign a statement of a month that is over",
            run!(statements::settle),
        )
        .access(SIGNERS)
        .takes::<statements::Signing>()
        .nothing(),
    ]
}

/// Why somebody does something.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Reason {
    /// In a sentence, for all parties.
    reason: String,
}

type Run = fn(Call) -> Running;

/// An endpoint that looks.
fn get(path: &'static str, name: &'static str, summary: &'static str, run: Run) -> Endpoint {
    let gives = json(StatusCode::OK, SchemaGenerator::subschema_for::<Json>);
    let (method, access) = (Method::GET, EVERYBODY);
    Endpoint { method, path, name, summary, access, takes: None, query: None, gives, run }
}

/// An endpoint that changes something.
fn post(path: &'static str, name: &'static str, summary: &'static str, run: Run) -> Endpoint {
    let gives = json(StatusCode::CREATED, SchemaGenerator::subschema_for::<Json>);
    let (method, access) = (Method::POST, EVERYBODY);
    Endpoint { method, path, name, summary, access, takes: None, query: None, gives, run }
}

impl Endpoint {
    fn access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    fn takes<T: JsonSchema>(self) -> Self {
        Self { takes: Some(SchemaGenerator::subschema_for::<T>), ..self }
    }

    fn gives<T: JsonSchema>(self) -> Self {
        let content = Content::Json(SchemaGenerator::subschema_for::<T>);
        Self { gives: Gives { status: self.gives.status, content }, ..self }
    }

    fn nothing(self) -> Self {
        Self { gives: NOTHING, ..self }
    }
}

fn of_schedules() -> Vec<Endpoint> {
    vec![
        get(
            "/api/v1/schedules",
            "list_schedules",
            "Runs that are asked for again and again, when next, and what followed last",
            run!(schedules::list),
        )
        .gives::<schedules::ScheduleList>(),
        post(
            "/api/v1/schedules",
            "schedule_run",
            "Ask for a run whenever it is time",
            run!(schedules::make),
        )
        .access(MODELLERS)
        .takes::<schedules::NewSchedule>()
        .gives::<schedules::Made>(),
        post(
            "/api/v1/schedules/{number}/end",
            "end_schedule",
            "End a schedule; runs that it has led to go on",
            run!(schedules::end),
        )
        .access(STEERERS)
        .nothing(),
    ]
}

/// A parameter that names something by its digest or key.
fn named<T: std::str::FromStr>(call: &Call, index: usize, what: &str) -> Result<T, Problem> {
    let text = call.parameter(index)?;
    text.parse().map_err(|_| Problem::not_found(format!("{text:.80?} names no {what}")))
}
