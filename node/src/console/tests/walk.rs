//! Two members become partners, agree, and begin a run, with forms alone.

use governance::jobs::State as RunState;

use super::*;
use crate::office::tests::{BANK, JOB, OPERATOR, member, until};

/// What the `pre` of a page holds.
fn shown(page: &str) -> &str {
    let (_, rest) = page.split_once("data-copy=\"\">").unwrap();
    rest.split_once("</pre>").unwrap().0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_members_agree_and_begin_a_run() {
    let bank = Desk::of(member("bank", BANK).await).await;
    let operator = Desk::of(member("operator", OPERATOR).await).await;
    become_partners(&bank, &operator).await;
    let version = sign(&bank, &operator).await;
    let place = begin(&bank, &operator, version).await;

    // A report is shown in an origin of its own, to those who may see results.
    std::fs::write(bank.folder.path().join("report.html"), "<p>report</p>").unwrap();
    let report = format!("{place}/report");
    let refused = bank.ask(&[Role::Operator], Method::GET, &report, "").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let reply = bank.ask(&[Role::Modeller], Method::GET, &report, "").await;
    let policy = reply.headers.iter().find(|it| it.0 == header::CONTENT_SECURITY_POLICY);
    let policy = policy.unwrap().1.to_str().unwrap();
    assert!(policy.ends_with("sandbox allow-scripts"), "{policy}");
    assert_eq!(reply.text(), "<p>report</p>");
}

async fn become_partners(bank: &Desk, operator: &Desk) {
    let (ours, theirs) = (&bank.member.office, &operator.member.office);
    // The line of an invitation stands in the answer alone.
    let invite = written(&[("meant_for", "the operator"), ("days", "7")]);
    let reply = bank.ask(&Role::ALL, Method::POST, "/partners/invite", &invite).await;
    let page = reply.text();
    let partner = operator.send("/partners/accept", &[("line", shown(&page))]).await;
    assert!(operator.page(&partner).await.contains("bank"));
    let key = theirs.state().own();
    until(ours, |state| state.books.directory().partners().contains_key(&key)).await;
    assert!(bank.page("/partners").await.contains("operator"));
}

/// The version that both have signed.
async fn sign(bank: &Desk, operator: &Desk) -> Digest {
    let (ours, theirs) = (&bank.member.office, &operator.member.office);
    let key = theirs.state().own();
    // An agreement is written, and a mistake in it is named where it is.
    let own = ours.state().own();
    let new = format!("/agreements/new?partner={}", forms::encoded(&key.to_string()));
    assert!(bank.page(&new).await.contains("customers/customer"));
    let given = [own, key].map(|it| format!("give/{it}/customers/customer"));
    let partner_key = key.to_string();
    let mut form = vec![
        ("partner", partner_key.as_str()),
        ("title", "Overlap"),
        ("purposes", "insight.overlap"),
        ("legal_basis", "contract"),
        (given[0].as_str(), "key"),
        (given[1].as_str(), "key"),
        ("run/align.ecdh/strict", "yes"),
        ("guest", "anybody"),
        ("minimum_group", "1"),
        ("runs", "3"),
        ("attempts", "3"),
        ("valid_from", "2026-01-01"),
        ("valid_until", "2099-12-31"),
        ("utc_offset", "8"),
        ("currency", "CNY"),
    ];
    form[9].1 = "many";
    let wrong = bank.ask(&Role::ALL, Method::POST, "/agreements/new", &written(&form)).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text().contains("id=\"runs-mistake\""), "{}", wrong.text());
    form[9].1 = "3";
    let agreement = bank.send("/agreements/new", &form).await;
    bank.send(&format!("{agreement}/sign"), &[]).await;
    let version: Digest = agreement.rsplit('/').next().unwrap().parse().unwrap();
    until(theirs, |state| state.terms(&version).is_some()).await;
    assert!(operator.page("/inbox").await.contains("Overlap"));
    operator.send(&format!("{agreement}/comment"), &[("text", "fine\r\nwith us")]).await;
    operator.send(&format!("{agreement}/sign"), &[]).await;
    until(ours, |state| {
        let agreement = state.books.agreement(&version);
        agreement.is_some_and(|it| it.in_force(time()).is_ok())
    })
    .await;
    assert!(bank.page(&agreement).await.contains("in force"));
    let changed = bank.page(&format!("/agreements/new?from={version}")).await;
    assert!(changed.contains("value=\"2099-12-31\""), "{changed}");
    version
}

/// The address of a run that is checked, sent, and approved at the other side.
async fn begin(bank: &Desk, operator: &Desk, version: Digest) -> String {
    let (ours, theirs) = (&bank.member.office, &operator.member.office);
    let (own, key) = (ours.state().own(), theirs.state().own());
    let tables = [own, key].map(|it| format!("table/{it}"));
    let agreement = version.to_string();
    let mut run = vec![
        ("agreement", agreement.as_str()),
        (tables[0].as_str(), "customers"),
        (tables[1].as_str(), "customers"),
        ("job", JOB),
        ("do", "check"),
    ];
    let checked = bank.ask(&Role::ALL, Method::POST, "/jobs/new", &written(&run)).await;
    assert_eq!(checked.status, StatusCode::OK);
    assert!(checked.text().contains("Who learns what"), "{}", checked.text());
    run[3].1 = "job: none";
    let wrong = bank.ask(&Role::ALL, Method::POST, "/jobs/new", &written(&run)).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    (run[3].1, run[4].1) = (JOB, "send");
    let place = bank.send("/jobs/new", &run).await;
    let name: Digest = place.rsplit('/').next().unwrap().parse().unwrap();
    until(theirs, |state| {
        state.books.job(&name).is_some_and(|job| !job.view().approvals.is_empty())
    })
    .await;
    assert!(operator.page(&place).await.contains("Approve the run"));
    operator.send(&format!("{place}/approve"), &[]).await;
    until(ours, |state| state.books.job(&name).unwrap().view().state == RunState::Queued).await;
    let live = bank.page(&format!("{place}/live")).await;
    assert!(live.contains("queued") && !live.contains("<html"), "{live}");
    let partner = forms::encoded(&key.to_string());
    let query = format!("partner={partner}&month=2026-11");
    bank.page(&format!("/trust/statements?{query}")).await;
    let csv = format!("/trust/statements/csv?{query}");
    let reply = bank.ask(&[Role::Operator], Method::GET, &csv, "").await;
    let named = reply.headers.iter().find(|it| it.0 == header::CONTENT_DISPOSITION).unwrap();
    assert_eq!(named.1, "attachment; filename=\"statements-2026-11.csv\"");
    let refused = bank.ask(&[Role::Modeller], Method::GET, &csv, "").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    place
}
