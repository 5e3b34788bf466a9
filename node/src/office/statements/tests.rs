//! Two members count a finished run, compare, and sign a month.

use std::collections::BTreeMap;

use governance::agreements::AgreementAct;
use governance::books::Record;
use governance::canonical::Signed;
use governance::jobs::JobAct;
use governance::letter::Letter;
use governance::metering::{PriceLine, UsageEvent, UsageKey, UsageKind, UsageReport};
use governance::permit;
use serde_json::{Value, json};

use super::*;
use crate::office::Figures;
use crate::office::event::OfficeEvent;
use crate::office::mail::Mail;
use crate::office::tests::{BANK, JOB, OPERATOR, introduce, member, run, terms, until};

const CANONICAL: &str = "{\"job\":\"test\"}";

fn sealed(opened: &Value) -> String {
    let key = net::Identity::generate("bank").unwrap();
    let mut record = governance::audit::Writer::default();
    record.add(json!({
        "record": "job", "job": "test", "purpose": "tests", "party": "bank",
        "digest": permit::digest(CANONICAL).to_string(), "canonical": CANONICAL,
    }));
    record.add(opened.clone());
    record.seal("2026-11-30T00:00:00Z", key.public_key(), |statement| key.sign(statement))
}

#[test]
fn hits_are_those_of_a_sealed_record_of_the_run() {
    let opened = |party: &str| {
        json!({ "record": "opened", "to": "guest", "party": party, "what": "intersection.rows",
                "count": 7 })
    };
    let job = permit::digest(CANONICAL);
    let text = sealed(&opened("bank"));
    assert_eq!(Figures::of_record(&text, &job), Figures { hits: Some(7) });
    let changed = text.replace("\"count\":7", "\"count\":8");
    assert_eq!(Figures::of_record(&changed, &job), Figures::default());
    assert_eq!(Figures::of_record(&text, &permit::digest("{}")), Figures::default());
    // Who learns the rows is not this party.
    assert_eq!(Figures::of_record(&sealed(&opened("operator")), &job), Figures::default());
}

/// Both sign terms with a price of a run and of hits, which the bank pays.
async fn priced(ours: &Office, theirs: &Office) -> Digest {
    let (payer, payee) = (ours.state().own(), theirs.state().own());
    let price = |kind, price, included| PriceLine {
        payer,
        payee,
        kind,
        price,
        per: 1,
        included,
        at_most: None,
    };
    let mut terms = terms(ours, theirs);
    terms.prices = [
        price(UsageKind::Jobs, 1_000, 0),
        price(UsageKind::Hits, 5, 1),
        price(UsageKind::Rows, 1, 0),
    ]
    .into();
    let version = ours.propose("ann", terms).await.unwrap();
    ours.negotiate("ann", version, AgreementAct::Sign { version }).await.unwrap();
    until(theirs, |state| state.terms(&version).is_some()).await;
    theirs.negotiate("bob", version, AgreementAct::Sign { version }).await.unwrap();
    for office in [ours, theirs] {
        until(office, |state| {
            let agreement = state.books.agreement(&version);
            agreement.is_some_and(|it| it.in_force(time()).is_ok())
        })
        .await;
    }
    version
}

/// Counts hits of a run long ago.
async fn count_earlier(office: &Office, to: MemberId, event: UsageEvent) {
    let report = UsageReport { by: office.state().own(), events: vec![event.clone()] };
    let report = Box::new(Signed::new(report, &office.signer()).unwrap());
    let events = vec![OfficeEvent::Book(Record::Usage(Box::new(event)))];
    let outcome = Outcome { events, mail: vec![(to, Mail::Letter(Letter::Usage(report)))] };
    office.commit(&office.turn().await, "node", outcome, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finished_run_is_counted_once_and_a_month_is_signed_by_both() {
    let bank = member("bank", BANK).await;
    let operator = member("operator", OPERATOR).await;
    introduce(&bank, &operator).await;
    let (ours, theirs) = (&bank.office, &operator.office);
    let (own, partner) = (ours.state().own(), theirs.state().own());
    let agreement = priced(ours, theirs).await;

    let run = ours.submit("ann", &run(ours, theirs, agreement, JOB)).await.unwrap();
    until(theirs, |state| state.books.job(&run).is_some()).await;
    theirs.approve("bob", run).await.unwrap();
    until(ours, |state| state.books.job(&run).unwrap().view().approvals.len() == 2).await;
    ours.permit(run).await.unwrap();
    until(theirs, |state| state.books.permits(&run).is_some_and(|it| it.len() == 1)).await;
    theirs.permit(run).await.unwrap();
    until(ours, |state| state.books.permits(&run).is_some_and(|it| it.len() == 2)).await;
    for office in [ours, theirs] {
        office.open_attempt(run).await.unwrap();
        let finished = JobAct::Finished { attempt: 1, results: BTreeMap::new() };
        office.say("node", run, finished).await.unwrap();
    }
    for office in [ours, theirs] {
        until(office, |state| state.books.job(&run).unwrap().view().state.is_final()).await;
        for hits in [2, 3] {
            // Only the first time counts.
            office.close_run(run, Figures { hits: Some(hits) }).await.unwrap();
        }
    }
    let month = time().month(0);
    let of = |state: &State, other| Account::of(state, other, month).unwrap();
    until(ours, |state| of(state, partner).differences.is_empty()).await;
    until(theirs, |state| of(state, own).differences.is_empty()).await;
    let account = of(&ours.state(), partner);
    assert_eq!(of(&theirs.state(), own).statements[0].digest, account.statements[0].digest);
    let counted: Vec<_> =
        account.statements[0].statement.lines.iter().map(|it| (it.kind, it.count)).collect();
    assert_eq!(counted, [(UsageKind::Hits, 2), (UsageKind::Jobs, 1)], "and no rows");
    assert_eq!(account.statements[0].statement.total, 1_005);
    let early = ours.settle("ann", partner, month, account.statements[0].digest).await;
    assert!(matches!(early, Err(OfficeError::MonthGoesOn(_))), "{early:?}");

    sign_an_earlier_month([ours, theirs], agreement).await;
    // A restart changes nothing.
    let again = ours.folded_anew().await;
    assert_eq!(again.books, ours.state().books);
}

/// Differences show until both have counted; then both sign the same.
async fn sign_an_earlier_month([ours, theirs]: [&Office; 2], agreement: Digest) {
    let (own, partner) = (ours.state().own(), theirs.state().own());
    let at = Time::from_milliseconds(1_700_000_000_000);
    let key = UsageKey {
        payer: own,
        payee: partner,
        run: Digest::new([9; 32]),
        step: 0,
        attempt: 1,
        kind: UsageKind::Hits,
    };
    let event = UsageEvent { key, terms: agreement, count: 11, at };
    let of = |state: &State, other| Account::of(state, other, at.month(0)).unwrap();
    count_earlier(ours, partner, event.clone()).await;
    until(theirs, |state| of(state, own).differences.len() == 1).await;
    count_earlier(theirs, own, event).await;
    until(ours, |state| of(state, partner).differences.is_empty()).await;

    let account = of(&ours.state(), partner);
    let digest = account.statements[0].digest;
    let table = account.csv(|_| "=1+1".to_owned());
    assert!(table.contains("2023-11,'=1+1,'=1+1,CNY,"), "{table}");
    assert_eq!(table.lines().count(), 2);
    let other = ours.settle("ann", partner, at.month(0), Digest::new([1; 32])).await;
    assert!(matches!(other, Err(OfficeError::Unknown("statement"))), "{other:?}");
    for _ in 0..2 {
        ours.settle("ann", partner, at.month(0), digest).await.unwrap();
    }
    until(theirs, |state| of(state, own).statements[0].signed_by == [own]).await;
    theirs.settle("bob", own, at.month(0), digest).await.unwrap();
    until(ours, |state| of(state, partner).statements[0].signed_by.len() == 2).await;
}
