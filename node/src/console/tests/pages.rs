//! Each page as text: whole, escaped, in both languages, and shown to those alone who may see it.

use contract::Text;

use super::*;
use crate::console::forms::Mistakes;
use crate::console::shell::{Fields, Paging, Tone};
use crate::office::tests::{BANK, member};

/// What somebody hostile calls things.
pub(super) const HOSTILE: &str = "\"><script>alert(1)</script>' onload='x\u{0}\u{202e}&amp;";

/// Checks that a page is well-formed, and that nothing in it is run.
pub(super) fn check(html: &str) {
    let document = roxmltree::Document::parse_with_options(
        html,
        roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() },
    );
    let document = document.unwrap_or_else(|error| panic!("{error}\n{html}"));
    let mut ids = std::collections::BTreeSet::new();
    for element in document.descendants().filter(roxmltree::Node::is_element) {
        for attribute in element.attributes() {
            let name = attribute.name();
            assert!(!name.starts_with("on") && name != "style", "{name} in {html}");
            if ["href", "src", "action"].contains(&name) {
                let inside = attribute.value().starts_with(['/', '#']);
                assert!(inside && !attribute.value().starts_with("//"), "{}", attribute.value());
            }
        }
        match element.tag_name().name() {
            "script" => assert!(element.attribute("src").unwrap().starts_with("/assets/")),
            "style" | "iframe" | "object" => panic!("{html}"),
            "form" if element.attribute("method") == Some("post") => {
                let csrf = element.descendants().find(|it| it.attribute("name") == Some("csrf"));
                assert!(
                    element.attribute("action") == Some("/sign-in") || csrf.is_some(),
                    "{html}"
                );
            }
            "html" => assert!(["en", "zh"].contains(&element.attribute("lang").unwrap())),
            _ => {}
        }
        if let Some(id) = element.attribute("id").filter(|id| !REPEATED.contains(id)) {
            assert!(ids.insert(id.to_owned()), "two elements are called {id} in {html}");
        }
    }
}

/// Fields of small forms that stand on one page more than once.
const REPEATED: [&str; 2] = ["text", "reason"];

fn waited(name: &str) -> inbox::Waited {
    let since = governance::time::Time::from_milliseconds(1_799_996_000_000);
    let path = format!("/agreements/{}", Digest::new([7; 32]));
    inbox::Waited { what: wording::to_sign(name, "3"), path, since }
}

fn run_row(name: &str) -> runs::Row {
    runs::Row {
        run: Digest::new([9; 32]),
        name: name.to_owned(),
        by: name.to_owned(),
        at: governance::time::Time::from_milliseconds(1_799_990_000_000),
        state: (Tone::Going, wording::running("3", "7")),
    }
}

fn schedule_of(name: &str) -> runs::schedules::Row {
    let at = governance::time::Time::from_milliseconds(1_799_990_000_000);
    let why = Text::owned(name.to_owned(), name.to_owned());
    runs::schedules::Row {
        number: 3,
        agreement: (Digest::new([7; 32]), name.to_owned()),
        when: name.to_owned(),
        by: name.to_owned(),
        next: Some(at),
        last: Some((at, Some(Digest::new([9; 32])), Some(why))),
    }
}

fn inbox_of(name: &str) -> inbox::Inbox {
    inbox::Inbox {
        own: vec![waited(name)],
        others: Vec::new(),
        more: 0,
        lines: [1, 2],
        tables: 1,
        agreements: 1,
        recent: vec![run_row(name)],
    }
}

fn agreement_of(name: &str) -> agreements::Detail {
    let same = |text: &str| Text::owned(text.to_owned(), text.to_owned());
    let at = governance::time::Time::from_milliseconds(1_799_990_000_000);
    let words = || vec![(name.to_owned(), Tone::Good, wording::signed())];
    agreements::Detail {
        version: Digest::new([7; 32]),
        title: name.to_owned(),
        number: 2,
        state: (Tone::Waiting, wording::negotiating()),
        versions: vec![agreements::VersionRow {
            version: Digest::new([7; 32]),
            number: 2,
            by: name.to_owned(),
            at,
            words: words(),
        }],
        lines: vec![[same(name), same(name)]],
        changes: Some((1, vec![same(name)])),
        words: words(),
        comments: vec![(name.to_owned(), at, name.to_owned())],
        by_rule: false,
        may: agreements::Saying::ALL.to_vec(),
    }
}

pub(super) fn run_of(name: &str) -> runs::Detail {
    use governance::jobs::Progress;
    let at = governance::time::Time::from_milliseconds(1_799_990_000_000);
    let party = |progress| runs::PartyProgress {
        party: name.to_owned(),
        progress,
        at,
        other: name.to_owned(),
    };
    let job = jobs::spec::JobSpec::parse("job.yaml", crate::office::tests::JOB).unwrap();
    let request = governance::agreements::Request {
        job: job.digest(),
        purpose: job.purpose.clone(),
        parties: std::collections::BTreeMap::new(),
        components: Vec::new(),
        disclosures: std::collections::BTreeSet::new(),
        minimum_group: 1,
        privacy_budget: governance::decimal::Decimal::default(),
    };
    let member = governance::members::MemberId::of_key(crypto::signature::PublicKey::new([3; 32]));
    runs::Detail {
        run: Digest::new([9; 32]),
        name: name.to_owned(),
        by: name.to_owned(),
        at,
        state: (Tone::Bad, wording::failed_at(name)),
        is_final: false,
        agreement: (Digest::new([7; 32]), name.to_owned()),
        tables: vec![(name.to_owned(), name.to_owned())],
        approvals: vec![(name.to_owned(), Some(at)), (name.to_owned(), None)],
        waiting: vec![(wording::to_retry(name), at)],
        steps: vec![name.to_owned(), "train".to_owned()],
        attempts: vec![(
            1,
            vec![
                party(Progress::Step(0)),
                party(Progress::Failed("disk_full".to_owned(), member, name.to_owned())),
            ],
        )],
        plan: Ok(office_plan(job, request)),
        file: Some(name.to_owned()),
        has_report: true,
        findings: vec![crate::office::Finding {
            what: Text::owned(format!("Table {name}"), format!("数据表 {name}")),
            verdict: crate::office::Verdict::Bad,
            found: Text::owned(name.to_owned(), name.to_owned()),
        }],
        trained: Vec::new(),
        may: runs::Saying::ALL.to_vec(),
    }
}

fn office_plan(
    job: jobs::spec::JobSpec,
    request: governance::agreements::Request,
) -> crate::office::Plan {
    crate::office::Plan { job, request }
}

#[test]
fn whatever_partners_write_is_escaped() {
    for language in [Language::English, Language::Chinese] {
        let mut reader = reader(language);
        reader.name = HOSTILE.to_owned();
        reader.node = HOSTILE.to_owned();
        let query = Form::default();
        let given = Form::of([("title", HOSTILE), ("kind", HOSTILE), ("job", HOSTILE)]);
        let wrong = Text::owned(HOSTILE.to_owned(), HOSTILE.to_owned());
        let mistakes = Mistakes::from([(String::new(), wrong.clone()), ("job".to_owned(), wrong)]);
        let member =
            governance::members::MemberId::of_key(crypto::signature::PublicKey::new([3; 32]));
        let event = crate::store::Event {
            sequence: 7,
            at: 1_799_990_000_000,
            author: HOSTILE.to_owned(),
            number: None,
            kind: HOSTILE.to_owned(),
            subject: HOSTILE.to_owned(),
            bytes: HOSTILE.into(),
        };
        let under = runs::new::Under {
            agreement: Digest::new([7; 32]),
            title: HOSTILE.to_owned(),
            parties: vec![(member, HOSTILE.to_owned(), vec![HOSTILE.to_owned()])],
        };
        let draft = agreements::draft::Draft {
            parties: vec![(member, HOSTILE.to_owned())],
            known: [(member, [terms::place(HOSTILE, HOSTILE)].into())].into(),
            before: None,
        };
        let proposed = [tables::Proposed {
            name: HOSTILE.to_owned(),
            kind: wording::kind_text(),
            missing: 1,
            examples: vec![HOSTILE.to_owned()],
        }];
        let fields = Fields { reader: &reader, given: &given, mistakes: &mistakes };
        let partners = [(HOSTILE.to_owned(), HOSTILE.to_owned())];
        let register = tables::register_form(&reader, &fields, &proposed, &partners);
        let (scheduled, paging) = ([schedule_of(HOSTILE)], Paging::of(&given, 1));
        let pages = [
            inbox::page(&reader, &inbox_of(HOSTILE)),
            agreements::show(&reader, &agreement_of(HOSTILE), &query),
            runs::show(&reader, &run_of(HOSTILE)),
            runs::new::page(&reader, &under, &given, &mistakes, None, &[]),
            runs::list_page(&reader, &[run_row(HOSTILE)], &scheduled, &paging),
            agreements::draft::page(&reader, &draft, &given, &mistakes),
            trust::page(&reader, &given, &[(event, HOSTILE.to_owned())], 7, true),
            Page::new(wording::data()).part(register),
        ];
        for page in pages {
            let html = page.html(&reader);
            assert!(!html.contains("<script>"), "{html}");
            check(&html);
        }
    }
}

#[test]
fn pages_read_as_they_did() {
    for (language, tag) in [(Language::English, "en"), (Language::Chinese, "zh")] {
        let mut reader = reader(language);
        reader.path = "/inbox".to_owned();
        let pages = [
            ("inbox", inbox::page(&reader, &inbox_of("Card marketing"))),
            ("agreement", agreements::show(&reader, &agreement_of("Bank"), &Form::default())),
            ("run", runs::show(&reader, &run_of("Bank"))),
        ];
        for (name, page) in pages {
            let html = page.html(&reader);
            check(&html);
            // The names of the style sheet and the script change with their content.
            let html = html.replace(&assets::style(), "STYLE").replace(&assets::script(), "SCRIPT");
            let path =
                format!("{}/src/console/tests/{name}.{tag}.html", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                std::fs::write(&path, &html).unwrap();
            }
            let golden = std::fs::read_to_string(&path).unwrap();
            assert!(html == golden, "{path} is out of date; run with UPDATE_GOLDEN=1");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_for_every_role() {
    let desk = Desk::of(member("bank", BANK).await).await;
    let pages = [
        ("/inbox", Action::See),
        ("/partners", Action::See),
        ("/data", Action::See),
        ("/data/customers", Action::See),
        ("/data/new", Action::ManageData),
        ("/data/new?path=table.csv", Action::ManageData),
        ("/agreements", Action::See),
        ("/agreements/new", Action::NegotiateAgreement),
        ("/jobs", Action::See),
        ("/jobs/new", Action::SubmitJob),
        ("/models", Action::SeeResults),
        ("/trust", Action::ReadAudit),
        ("/trust/statements", Action::ReadAudit),
        ("/people", Action::ManagePeople),
        ("/settings", Action::See),
    ];
    let other = forms::encoded(&desk.member.office.state().own().to_string());
    let digest = Digest::new([1; 32]);
    let forms = [
        ("/partners/invite".to_owned(), Action::Invite),
        ("/partners/accept".to_owned(), Action::Invite),
        (format!("/partners/{other}/check"), Action::Invite),
        (format!("/partners/{other}/block"), Action::Block),
        (format!("/partners/{other}/unblock"), Action::Block),
        (format!("/partners/{other}/adopt"), Action::Adopt),
        ("/data/new".to_owned(), Action::ManageData),
        ("/data/nothing/retire".to_owned(), Action::ManageData),
        ("/agreements/new".to_owned(), Action::NegotiateAgreement),
        (format!("/agreements/{digest}/sign"), Action::SignAgreement),
        (format!("/agreements/{digest}/refuse"), Action::SignAgreement),
        (format!("/agreements/{digest}/withdraw"), Action::NegotiateAgreement),
        (format!("/agreements/{digest}/comment"), Action::NegotiateAgreement),
        (format!("/agreements/{digest}/suspend"), Action::EndAgreement),
        (format!("/agreements/{digest}/resume"), Action::EndAgreement),
        (format!("/agreements/{digest}/revoke"), Action::EndAgreement),
        (format!("/agreements/{digest}/rule"), Action::ApproveJob),
        ("/jobs/new".to_owned(), Action::SubmitJob),
        (format!("/jobs/{digest}/approve"), Action::ApproveJob),
        (format!("/jobs/{digest}/refuse"), Action::ApproveJob),
        (format!("/jobs/{digest}/retry"), Action::SteerJob),
        (format!("/jobs/{digest}/cancel"), Action::SteerJob),
        ("/jobs/schedules/9/end".to_owned(), Action::SteerJob),
        ("/models/register".to_owned(), Action::SubmitJob),
        ("/models/a/b/1/publish".to_owned(), Action::PublishModel),
        ("/trust/statements/sign".to_owned(), Action::SettleStatement),
        ("/people".to_owned(), Action::ManagePeople),
        ("/people/per_9/roles".to_owned(), Action::ManagePeople),
        ("/people/per_9/reset".to_owned(), Action::ManagePeople),
    ];
    for role in Role::ALL {
        let known = shell::roles_of(&Roles::of(&[role]));
        for (path, action) in pages {
            let reply = desk.ask(&[role], Method::GET, path, "").await;
            let text = reply.text();
            let is_allowed = reply.status == StatusCode::OK;
            assert_eq!(is_allowed, action.is_allowed(&known), "{role:?} {path}: {text}");
            check(&text);
            // Nothing is offered that would be refused.
            for (form, action) in &forms {
                let is_offered = text.contains(&format!("action=\"{form}\""));
                assert!(!is_offered || action.is_allowed(&known), "{role:?} {path} {form}");
            }
        }
        for (path, action) in &forms {
            let reply = desk.ask(&[role], Method::POST, path, "csrf=token").await;
            let is_refused = reply.status == StatusCode::FORBIDDEN;
            assert_eq!(is_refused, !action.is_allowed(&known), "{role:?} {path}: {}", reply.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_that_are_wrong_come_back() {
    let desk = Desk::of(member("bank", BANK).await).await;
    let all = &Role::ALL;
    let foreign = desk.ask(all, Method::POST, "/partners/invite", "csrf=other&days=7").await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let wrong = [
        ("/partners/invite", "days=31", "id=\"days-mistake\""),
        ("/partners/invite", "meant_for=&days=7", "id=\"meant_for-mistake\""),
        ("/partners/accept", "line=hello", "id=\"line-mistake\""),
        ("/data/new", "path=table.csv&name=a&until=never", "id=\"until-mistake\""),
        ("/data/new", "path=..%2Fx&name=a&about=b&legal_basis=c", "notice caution"),
        ("/people", "name=bob", "class=\"mistake\""),
        ("/people", "name=%20%3C&role%2Foperator=yes", "id=\"name-mistake\""),
    ];
    for (path, form, sign) in wrong {
        let reply = desk.ask(all, Method::POST, path, &format!("csrf=token&{form}")).await;
        let text = reply.text();
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {form}: {text}");
        assert!(text.contains(sign), "{path} {form}: {text}");
        check(&text);
    }
    let path = "/data/new";
    let form = [
        ("path", "table.csv"),
        ("name", "second"),
        ("about", "customers"),
        ("legal_basis", "contract"),
        ("hide/age", "yes"),
        ("minimum_group", "50"),
        ("until", "2099-01-01"),
    ];
    assert_eq!(desk.send(path, &form).await, "/data/second");
    let page = desk.page("/data/second").await;
    assert!(page.contains("hidden") && page.contains("2099-01-01"), "{page}");
    assert_eq!(desk.send("/data/second/retire", &[]).await, "/data");
    let gone = desk.ask(all, Method::GET, "/data/second", "").await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}

#[test]
fn terms_come_out_of_their_form_as_they_went_in() {
    use governance::agreements::Column;
    let keys = [5, 3].map(|it| {
        governance::members::MemberId::of_key(crypto::signature::PublicKey::new([it; 32]))
    });
    let names = ["bank".to_owned(), "运营商".to_owned()];
    let parties: std::collections::BTreeMap<_, _> = keys.into_iter().zip(names).collect();
    let now = governance::time::Time::from_milliseconds(1_800_000_000_000);
    let ground = terms::Ground { parties: parties.clone(), before: None, now };
    let fields = vec![
        ("title".to_owned(), "Card".to_owned()),
        ("purposes".to_owned(), "marketing\r\nrisk".to_owned()),
        ("legal_basis".to_owned(), "consent".to_owned()),
        (format!("give/{}/a%2Fb/phone", keys[0]), "key".to_owned()),
        (format!("give/{}/a%2Fb/age", keys[0]), String::new()),
        (format!("typed/{}", keys[1]), "t/号码 key,payload\nt/x y feature".to_owned()),
        ("run/align.ecdh/strict".to_owned(), "yes".to_owned()),
        ("run/nothing/strict".to_owned(), "yes".to_owned()),
        ("guest".to_owned(), keys[0].to_string()),
        ("minimum_group".to_owned(), "50".to_owned()),
        ("privacy_budget".to_owned(), "4.5".to_owned()),
        ("runs".to_owned(), "20".to_owned()),
        ("attempts".to_owned(), "3".to_owned()),
        ("valid_from".to_owned(), "2026-12-01".to_owned()),
        ("valid_until".to_owned(), "2026-12-31".to_owned()),
        ("utc_offset".to_owned(), "5.5".to_owned()),
        ("currency".to_owned(), "CNY".to_owned()),
    ];
    let first = terms::terms(&Form::of(fields.clone()), &ground).unwrap();
    assert_eq!(first.utc_offset_minutes, 330);
    assert_eq!(first.valid_from.to_string(), "2026-11-30T18:30:00.000Z");
    assert_eq!(first.valid_until.to_string(), "2026-12-31T18:30:00.000Z");
    assert_eq!(first.purposes.len(), 2);
    assert_eq!(first.components.keys().collect::<Vec<_>>(), ["align.ecdh"]);
    let columns = &first.parties[&keys[0]].gives["a/b"];
    assert_eq!(columns.keys().collect::<Vec<_>>(), ["phone"]);
    let columns = &first.parties[&keys[1]].gives["t"];
    assert_eq!(columns["号码"], [Column::Key, Column::Payload].into());
    assert_eq!(columns["x y"], [Column::Feature].into());

    // A change that changes nothing differs in what makes it another version alone.
    let digest = governance::canonical::digest_of(&first);
    let ground = terms::Ground { parties, before: Some((digest, &first)), now };
    let second = terms::terms(&terms::form_of(&first), &ground).unwrap();
    assert_eq!((second.version, second.parent), (2, Some(digest)));
    assert_eq!(governance::agreements::diff(&first, &second), []);

    for (field, value) in [
        ("title", ""),
        ("guest", "nobody"),
        ("runs", "-1"),
        ("runs_per_month", "x"),
        ("valid_until", "2026-13-01"),
        ("utc_offset", "99"),
        ("privacy_budget", "a lot"),
    ] {
        let mut fields = fields.clone();
        fields.retain(|(name, _)| name != field);
        fields.push((field.to_owned(), value.to_owned()));
        let mistakes = terms::terms(&Form::of(fields), &ground).unwrap_err();
        assert!(mistakes.contains_key(field), "{field}: {mistakes:?}");
    }
    let mut fields = fields;
    fields.push((format!("typed/{}", keys[0]), "no column".to_owned()));
    let mistakes = terms::terms(&Form::of(fields), &ground).unwrap_err();
    assert!(mistakes.contains_key(&format!("typed/{}", keys[0])));
}

#[test]
fn lists_are_bounded() {
    let reader = reader(Language::English);
    let rows: Vec<runs::Row> = (0..120).map(|_| run_row("Bank")).collect();
    let query = Form::parse(b"from=50");
    let paging = Paging::of(&query, rows.len());
    let html = runs::list_page(&reader, &rows[paging.range()], &[], &paging).html(&reader);
    assert_eq!(html.matches("Bank").count(), 100 + 2, "{html}");
    assert!(html.contains("?from=0") && html.contains("?from=100"), "{html}");
    assert_eq!(Paging::of(&Form::parse(b"from=999999999999999999999"), 3).range(), 0..3);
}
