use proptest::prelude::*;

use super::*;
use crate::agreements::tests::{request, terms};
use crate::canonical::digest_of;
use crate::jobs::{JobAct, State, Submission};
use crate::letter::{Letter, Rejection};
use crate::members::{Acceptance, Invitation, Nonce, Refusal as MemberRefusal, Rotation};
use crate::metering::{UsageEvent, UsageKey, UsageKind, UsageReport};
use crate::permit::NoPermit;
use crate::sample::{Party, at, bank, clinic, operator};

/// A member with its store.
struct Node {
    /// The first key, and those that follow it.
    keys: Vec<Party>,
    books: Books,
    store: Vec<Record>,
}

impl Node {
    fn new(party: Party) -> Self {
        let books = Books::new(party.sign(party.card(1)));
        Self { keys: vec![party], books, store: Vec::new() }
    }

    fn key(&self) -> &Party {
        self.keys.last().unwrap()
    }

    fn apply(&mut self, record: &Record) {
        self.store.push(record.clone());
        self.books.apply(record.clone());
    }

    fn take_in(&mut self, from: Option<MemberId>, letter: &Letter) -> Result<usize, Refusal> {
        let letter = Letter::decode(&letter.encode()).unwrap();
        let records = self.books.take_in(from, &letter, at(5))?;
        for record in &records {
            self.apply(record);
        }
        Ok(records.len())
    }

    /// Something is decided here, and what follows is brought to `other`, twice.
    fn says(&mut self, other: &mut Self, record: Result<Record, Refusal>) {
        let record = record.unwrap();
        self.apply(&record);
        let from = Some(self.books.own());
        for (to, letter) in self.books.letters(&record) {
            assert_eq!(to, other.books.own());
            other.take_in(from, &letter).unwrap();
            assert_eq!(other.take_in(from, &letter), Ok(0), "a repetition changes nothing");
        }
    }

    /// The node starts again from the first `records` of its store; its key file is the newest.
    fn restart(&mut self, records: usize) {
        self.books = Books::new(self.keys[0].sign(self.keys[0].card(1)));
        self.store.truncate(records);
        self.store.iter().for_each(|record| self.books.apply(record.clone()));
        let card = self.card();
        if let Ok(events) = self.books.directory().renew(&card) {
            for event in events {
                self.apply(&event.into());
            }
        }
    }

    fn card(&self) -> Signed<Card> {
        let first = &self.keys[0];
        let rotation = |(number, pair): (usize, &[Party])| {
            let (member, number, to) = (first.id(), number as u32 + 1, pair[1].key());
            pair[0].sign(Rotation { member, number, to, at: at(0), compromised: true })
        };
        let rotations = self.keys.windows(2).enumerate().map(rotation).collect();
        let version = self.keys.len() as u32;
        self.key().sign(Card { rotations, ..first.card(version) })
    }

    /// Its key is stolen, and it takes another one.
    fn rotate(&mut self, other: &mut Self) {
        let seed = 20 + 2 * self.keys.len() as u8 + u8::from(self.keys[0].name == "bank");
        let party = Party::new(self.keys[0].name, seed);
        self.keys.push(party);
        let card = self.card();
        for event in self.books.directory().renew(&card).unwrap() {
            self.says(other, Ok(event.into()));
        }
        for record in self.books.sign_again(self.key()).unwrap() {
            self.says(other, Ok(record));
        }
    }
}

/// The bank and the operator, partners by the bank's invitation.
fn partners() -> [Node; 2] {
    let (mut ours, mut theirs) = (Node::new(bank()), Node::new(operator()));
    let card = ours.books.directory().own().clone();
    let (nonce, meant_for) = (Nonce([7; 16]), "operator".to_owned());
    let invitation = bank().sign(Invitation { card, nonce, meant_for, expires: at(60) });
    for event in ours.books.directory().issue(invitation.clone()).unwrap() {
        ours.apply(&event.into());
    }
    for event in theirs.books.directory().accept(&invitation, at(1)).unwrap() {
        theirs.apply(&event.into());
    }
    let card = theirs.books.directory().own().clone();
    let acceptance = Acceptance { invitation: invitation.digest(), nonce, card };
    let letter = Letter::Acceptance(Box::new(operator().sign(acceptance)));
    assert_eq!(ours.take_in(None, &letter), Ok(3));
    [ours, theirs]
}

fn version() -> Digest {
    digest_of(&terms())
}

/// The same, with the terms of the tests signed by both.
fn agreed() -> [Node; 2] {
    let [mut ours, mut theirs] = partners();
    let proposal = ours.books.propose(&terms(), at(1), &bank());
    ours.says(&mut theirs, proposal);
    let sign = AgreementAct::Sign { version: version() };
    let signed = ours.books.negotiate(&version(), sign.clone(), at(2), &bank());
    ours.says(&mut theirs, signed);
    let waiting = ours.books.waiting(at(3));
    assert_eq!((waiting.len(), waiting[0].party, waiting[0].since), (1, operator().id(), at(1)));
    let signed = theirs.books.negotiate(&version(), sign, at(3), &operator());
    theirs.says(&mut ours, signed);
    [ours, theirs]
}

fn submission() -> Submission {
    Submission {
        job: request().job,
        name: "term-deposit".to_owned(),
        agreement: version(),
        parties: [bank().id(), operator().id()].into(),
        tables: [bank(), operator()].map(|it| (it.id(), "customers".to_owned())).into(),
        submitter: bank().id(),
        submitted_at: at(11),
        nonce: Nonce([9; 16]),
        steps: vec!["train".to_owned()],
    }
}

#[test]
fn a_run_opens_on_both_sides_when_all_have_approved_and_signed() {
    let [mut ours, mut theirs] = agreed();
    let (run, request) = (submission().run(), request());
    let submitted = ours.books.submit(submission(), &bank());
    ours.says(&mut theirs, submitted);
    let early = ours.books.permit((&run, &request), at(90), at(12), &bank()).unwrap_err();
    assert_eq!(early, Refusal::Job(crate::jobs::Refusal::NotApproved));
    let approved = theirs.books.say(&run, JobAct::Approve, at(12), &operator());
    theirs.says(&mut ours, approved);
    let first = theirs.books.permit((&run, &request), at(90), at(13), &operator());
    assert_eq!(first, Err(Refusal::NoPermitYet));
    for record in ours.books.permit((&run, &request), at(90), at(13), &bank()).unwrap() {
        ours.says(&mut theirs, Ok(record));
    }
    let lacking = ours.books.open((&run, &request), at(14));
    assert_eq!(lacking, Err(NoPermit::NotSigned(operator().id()).into()));
    let mut other = request.clone();
    other.purpose = "credit".to_owned();
    let outside = theirs.books.permit((&run, &other), at(90), at(14), &operator());
    assert!(matches!(outside, Err(Refusal::Permit(NoPermit::NotCovered(_)))));
    for record in theirs.books.permit((&run, &request), at(99), at(14), &operator()).unwrap() {
        theirs.says(&mut ours, Ok(record));
    }
    for node in [&mut ours, &mut theirs] {
        for _ in 0..terms().attempts {
            let record = node.books.open((&run, &request), at(15)).unwrap();
            node.apply(&record);
        }
        let again = node.books.open((&run, &request), at(15));
        assert_eq!(again, Err(NoPermit::AttemptsUsed(2).into()));
    }
    let cancel = JobAct::Cancel { reason: "enough".to_owned() };
    let cancelled = theirs.books.say(&run, cancel, at(16), &operator());
    theirs.says(&mut ours, cancelled);
    assert!(matches!(ours.books.job(&run).unwrap().view().state, State::Cancelled(_)));
    let over = ours.books.open((&run, &request), at(17));
    assert_eq!(over, Err(crate::jobs::Refusal::Over.into()));
    let closed = ours.books.close(&run).unwrap();
    ours.apply(&closed);
    assert_eq!(ours.books.close(&run), None);
}

#[test]
fn letters_that_say_nothing_here_are_refused_by_name() {
    let [mut ours, theirs] = agreed();
    let (us, them, stranger) = (ours.books.own(), Some(theirs.books.own()), clinic());
    let submitted = Letter::Submission(Box::new(bank().sign(submission())));
    assert_eq!(ours.take_in(None, &submitted), Err(Refusal::Stranger));
    let unknown = Err(Refusal::Member(MemberRefusal::Unknown));
    assert_eq!(ours.take_in(Some(stranger.id()), &submitted), unknown);
    let card = Letter::Card(Box::new(stranger.sign(stranger.card(1))));
    assert_eq!(ours.take_in(them, &card), unknown);
    let theirs_in_our_name = Letter::Submission(Box::new(operator().sign(submission())));
    let flaw = ours.take_in(them, &theirs_in_our_name).unwrap_err();
    assert_eq!(flaw.to_string(), "submitter is not who signed");
    let unknown = Submission { agreement: Digest::new([1; 32]), ..submission() };
    let unknown = Letter::Submission(Box::new(bank().sign(unknown)));
    assert_eq!(ours.take_in(them, &unknown), Err(Refusal::UnknownTopic));
    let alone = Submission {
        parties: [us, stranger.id()].into(),
        tables: [us, stranger.id()].map(|it| (it, "customers".to_owned())).into(),
        ..submission()
    };
    let alone = Letter::Submission(Box::new(bank().sign(alone)));
    assert_eq!(ours.take_in(them, &alone), Err(Refusal::OtherParties));
    // An agreement whose other party is no partner here.
    let mut foreign = terms();
    let party = foreign.parties.remove(&operator().id()).unwrap();
    foreign.parties.insert(stranger.id(), party);
    (foreign.prices, foreign.title) = ([].into(), "Other".to_owned());
    let proposal = ours.books.propose(&foreign, at(1), &bank());
    assert_eq!(proposal, Err(Refusal::Member(MemberRefusal::Unknown)));
    let rejection = Rejection { document: version(), reason: "not here".to_owned() };
    let forged = Letter::Rejection(Box::new(stranger.sign(rejection.clone())));
    assert_eq!(ours.take_in(them, &forged), Err(Refusal::Key));
    assert_eq!(ours.take_in(them, &Letter::Rejection(Box::new(operator().sign(rejection)))), Ok(1));
    assert_eq!(ours.books.rejections(&operator().id()).count(), 1);
}

#[test]
fn both_sides_counts_meet_in_one_statement() {
    let [mut ours, mut theirs] = agreed();
    let (payer, payee, run) = (bank().id(), operator().id(), submission().run());
    let kind = UsageKind::Hits;
    let key = UsageKey { payer, payee, run, step: 0, attempt: 1, kind };
    let event = UsageEvent { key, terms: version(), count: 150, at: at(20) };
    let counted = ours.books.count(event.clone()).unwrap().unwrap();
    ours.apply(&counted);
    assert_eq!(ours.books.count(event.clone()), Ok(None));
    let report = UsageReport { by: payer, events: vec![event.clone()] };
    let report = Letter::Usage(Box::new(bank().sign(report)));
    assert_eq!(theirs.take_in(Some(payer), &report), Ok(1));
    assert_eq!(theirs.take_in(Some(payer), &report), Ok(0));
    assert_eq!(theirs.books.differences(payer).len(), 1, "the bank counts more");
    let counted = theirs.books.count(event).unwrap().unwrap();
    theirs.apply(&counted);
    assert_eq!(theirs.books.differences(payer), []);
    let month = at(20).month(480);
    let [paid, _] = ours.books.month(payee, month).unwrap();
    let [_, earned] = theirs.books.month(payer, month).unwrap();
    assert_eq!((paid[0].total, &paid), (100, &earned));
    let digest = digest_of(&paid[0]);
    let settled = ours.books.settle(paid[0].clone(), &bank());
    ours.says(&mut theirs, settled);
    let settled = theirs.books.settle(earned[0].clone(), &operator());
    theirs.says(&mut ours, settled);
    assert_eq!(ours.books.signatures(&digest), theirs.books.signatures(&digest));
    assert_eq!(ours.books.signatures(&digest).len(), 2);
}

/// Of three parties one hears the others' entries in either order.
#[test]
fn what_was_said_before_goes_along() {
    let parties = [bank(), operator(), clinic()];
    let mut nodes = parties.map(Node::new);
    for index in 0..3 {
        for other in (0..3).filter(|other| *other != index) {
            let (key, nonce) = (&nodes[other].keys[0], Nonce([index as u8; 16]));
            let (card, meant_for) = (key.sign(key.card(1)), "you".to_owned());
            let invitation = key.sign(Invitation { card, nonce, meant_for, expires: at(60) });
            let events = nodes[index].books.directory().accept(&invitation, at(1)).unwrap();
            for event in events {
                nodes[index].apply(&event.into());
            }
        }
    }
    let mut terms = terms();
    let party = crate::agreements::PartyTerms { name: "Clinic".to_owned(), gives: [].into() };
    terms.parties.insert(clinic().id(), party);
    let version = digest_of(&terms);
    let proposal = nodes[0].books.propose(&terms, at(1), &bank()).unwrap();
    nodes[0].apply(&proposal);
    let late = nodes[0].books.letters(&proposal);
    assert_eq!(late.len(), 2);
    nodes[1].take_in(Some(bank().id()), &late[0].1).unwrap();
    let sign = AgreementAct::Sign { version };
    let signed = nodes[1].books.negotiate(&version, sign, at(2), &operator()).unwrap();
    nodes[1].apply(&signed);
    for (to, letter) in nodes[1].books.letters(&signed) {
        let node = nodes.iter_mut().find(|node| node.books.own() == to).unwrap();
        node.take_in(Some(operator().id()), &letter).unwrap();
    }
    assert_eq!(nodes[2].take_in(Some(bank().id()), &late[1].1), Ok(0));
    let ours = nodes.each_ref().map(|node| node.books.agreement(&version).cloned().unwrap());
    assert!(ours[0] == ours[1] && ours[1] == ours[2]);
}

#[derive(Clone, Debug)]
enum Step {
    Suspend,
    Resume,
    Rotate,
    Restart,
    /// From a backup that lacks the last records.
    Restore(usize),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Keys change and nodes are restored: after both have brought each other what they may lack,
    /// they hold the same, and nobody has contradicted itself.
    #[test]
    fn rotations_and_restored_backups_leave_both_sides_alike(
        steps in prop::collection::vec((any::<bool>(), prop_oneof![
            3 => Just(Step::Suspend),
            3 => Just(Step::Resume),
            2 => Just(Step::Rotate),
            1 => Just(Step::Restart),
            2 => (1_usize..4).prop_map(Step::Restore),
        ]), 1..8),
    ) {
        let [mut ours, mut theirs] = agreed();
        let joined = ours.store.len() - 3;
        for (swap, step) in steps {
            let both = (&mut ours, &mut theirs);
            let (one, other) = if swap { (both.1, both.0) } else { both };
            let say = |node: &Node, act| node.books.negotiate(&version(), act, at(20), node.key());
            let said = match step {
                Step::Suspend => say(one, AgreementAct::Suspend { reason: "audit".to_owned() }),
                Step::Resume => say(one, AgreementAct::Resume),
                Step::Rotate => {
                    one.rotate(other);
                    continue;
                }
                Step::Restart => {
                    let before = one.books.clone();
                    one.restart(usize::MAX);
                    prop_assert_eq!(&one.books, &before);
                    continue;
                }
                Step::Restore(lost) => {
                    one.restart(joined.max(one.store.len().saturating_sub(lost)));
                    let from = other.books.own();
                    for letter in other.books.letters_for(&one.books.own()) {
                        one.take_in(Some(from), &letter).unwrap();
                    }
                    continue;
                }
            };
            // What makes no sense now is refused here, and nobody hears of it.
            if said.is_ok() {
                one.says(other, said);
            }
        }
        let [one, other] = [&ours, &theirs].map(|it| it.books.agreement(&version()).unwrap());
        prop_assert_eq!(one.state(at(20)), other.state(at(20)));
        prop_assert!(one == other && one.journal().contradictions().is_empty());
        for (node, key) in [(&ours, theirs.key()), (&theirs, ours.key())] {
            prop_assert!(node.books.directory().partners().values().any(|it| *it == key.key()));
        }
    }

    #[test]
    fn any_bytes_are_no_letter_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Letter::decode(&bytes).is_err());
    }
}
