use std::collections::BTreeSet;

use contract::JobDigest;

use super::*;
use crate::agreements::Line;
use crate::agreements::tests::{concluded, request, terms};
use crate::members::Nonce;
use crate::sample::{at, bank, clinic, keys, operator};

fn submission(run: u8) -> Submission {
    Submission {
        job: request().job,
        name: "term-deposit".to_owned(),
        agreement: digest_of(&terms()),
        parties: [bank().id(), operator().id()].into(),
        tables: [bank(), operator()].map(|it| (it.id(), "customers".to_owned())).into(),
        submitter: bank().id(),
        submitted_at: at(19),
        nonce: Nonce([run; 16]),
        steps: vec!["train".to_owned()],
    }
}

fn permit(run: u8) -> Permit {
    let Submission { agreement, job, .. } = submission(run);
    let run = submission(run).run();
    Permit { agreement, job, run, issued_at: at(20), expires: at(200) }
}

fn permits(permit: &Permit) -> Permits {
    [bank(), operator()].map(|party| (party.id(), party.sign(permit.clone()))).into()
}

fn claim(log: &RunLog, submission: &Submission, permit: &Permit) -> Result<RunEvent, NoPermit> {
    let request = request();
    log.claim(&concluded(), Run { submission, request: &request }, permit, permit.issued_at)
}

fn open(log: &RunLog, run: u8, permits: &Permits, now: Time) -> Result<RunEvent, NoPermit> {
    let (submission, request) = (submission(run), request());
    let run = Run { submission: &submission, request: &request };
    log.open(&concluded(), run, (permits, &keys()), now)
}

#[test]
fn a_permit_opens_one_run_of_one_job_under_the_terms_in_force() {
    let (permit, mut log) = (permit(1), RunLog::new(&concluded()));
    let both = permits(&permit);
    assert_eq!(open(&log, 1, &both, at(20)), Err(NoPermit::NotCounted));
    for _ in 0..2 {
        log.apply(&claim(&log, &submission(1), &permit).unwrap());
    }
    let opened = RunEvent::Opened(permit.run);
    assert_eq!(open(&log, 1, &both, at(20)), Ok(opened.clone()));
    assert_eq!(open(&log, 2, &both, at(20)), Err(NoPermit::OtherRun), "a replayed permit");
    assert_eq!(open(&log, 1, &both, at(200)), Err(NoPermit::Expired));
    let with = |change: fn(&mut Permit)| {
        let mut other = permit.clone();
        change(&mut other);
        open(&log, 1, &permits(&other), at(20)).unwrap_err()
    };
    assert_eq!(with(|it| it.job = JobDigest::new([8; 32])), NoPermit::OtherJob);
    assert_eq!(with(|it| it.agreement = Digest::new([8; 32])), NoPermit::OtherAgreement);
    assert_eq!(with(|it| it.issued_at = at(120)), NoPermit::Future);
    assert_eq!(with(|it| it.expires = at(201)), NoPermit::OtherPermit, "a second one for the run");
    let not_signed = Err(NoPermit::NotSigned(operator().id()));
    let one = Permits::from([(bank().id(), bank().sign(permit.clone()))]);
    assert_eq!(open(&log, 1, &one, at(20)), not_signed);
    let forged = [bank(), operator()].map(|it| (it.id(), bank().sign(permit.clone())));
    assert_eq!(open(&log, 1, &forged.into(), at(20)), not_signed);
    for _ in 0..terms().attempts {
        log.apply(&open(&log, 1, &both, at(20)).unwrap());
    }
    assert_eq!(open(&log, 1, &both, at(20)), Err(NoPermit::AttemptsUsed(2)));
    log.apply(&log.close(permit.run).unwrap());
    assert_eq!(
        (open(&log, 1, &both, at(20)), log.close(permit.run)),
        (Err(NoPermit::RunOver), None)
    );
}

/// The run of a permit is what was submitted, and that is of the agreement and the job at hand.
#[test]
fn a_run_of_something_else_is_not_claimed() {
    let log = RunLog::new(&concluded());
    let refused = |change: fn(&mut Submission)| {
        let mut submission = submission(1);
        change(&mut submission);
        let permit = Permit { run: submission.run(), ..permit(1) };
        claim(&log, &submission, &permit).unwrap_err()
    };
    assert_eq!(refused(|it| it.agreement = Digest::new([8; 32])), NoPermit::OtherAgreement);
    assert_eq!(refused(|it| it.job = JobDigest::new([8; 32])), NoPermit::OtherJob);
    assert_eq!(
        refused(|it| it.parties = [bank().id(), operator().id(), clinic().id()].into()),
        NoPermit::OtherParties
    );
    assert_eq!(refused(|it| it.parties = BTreeSet::new()), NoPermit::OtherParties);
    assert_eq!(claim(&log, &submission(2), &permit(1)), Err(NoPermit::OtherRun));
    let other = Terms { title: "Other".to_owned(), ..terms() };
    let elsewhere = RunLog::new(&Agreement::new(&other));
    let refused = claim(&elsewhere, &submission(1), &permit(1));
    assert_eq!(refused, Err(NoPermit::OtherAgreement), "another agreement's log");
}

#[test]
fn runs_are_used_up_each_counted_once_with_all_its_attempts() {
    let mut log = RunLog::new(&concluded());
    let mut claims = |run: u8, change: fn(&mut Permit)| {
        let mut permit = permit(run);
        change(&mut permit);
        let event = claim(&log, &submission(run), &permit)?;
        log.apply(&event);
        Ok(event)
    };
    let lines = |result: Result<RunEvent, NoPermit>| -> Vec<Line> {
        let Err(NoPermit::NotCovered(breaches)) = result else { panic!("{result:?}") };
        breaches.into_iter().map(|it| it.line).collect()
    };
    let Ok(RunEvent::Claimed { budget, .. }) = claims(1, |_| {}) else { panic!() };
    assert_eq!(budget.to_string(), "1.6", "two attempts of 0.8");
    assert!(claims(2, |_| {}).is_ok());
    assert!(claims(1, |_| {}).is_ok(), "its own count does not stand in a run's way");
    assert_eq!(claims(1, |it| it.expires = at(201)), Err(NoPermit::OtherPermit));
    assert_eq!(lines(claims(3, |_| {})), [Line::RunsPerMonth, Line::PrivacyBudget]);
    // The next month has runs again, and no budget.
    let next = lines(claims(3, |it| {
        (it.issued_at, it.expires) = (at(50 * 24 * 60), at(51 * 24 * 60));
    }));
    assert_eq!(next, [Line::PrivacyBudget]);
    let (submission, request) = (submission(4), request());
    let run = Run { submission: &submission, request: &request };
    let old = Permit { expires: at(40 * 60), ..permit(4) };
    let refused = RunLog::new(&concluded()).claim(&concluded(), run, &old, at(30 * 60));
    assert_eq!(refused, Err(NoPermit::Old));
}
