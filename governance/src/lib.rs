//! The rules that organisations keep with each other, as pure functions of records: no files, no
//! clock, no network.
//!
//! | module | what it holds |
//! |---|---|
//! | [`books`] | all that one member knows and has agreed: what a node works with |
//! | [`letter`] | what members send each other |
//! | [`canonical`] | one byte form for each value; documents that carry their signature |
//! | [`members`] | cards, key rotation, invitations, introductions, the directory, search |
//! | [`journal`] | what several parties say about one topic, the same at all of them in the end |
//! | [`agreements`] | terms line by line, signing, differences, whether a job is covered |
//! | [`permit`] | the digest of a job, and the leave of all parties for one run of it |
//! | [`jobs`] | the states of a run, and who is waited for |
//! | [`metering`] | use counted once, priced, stated by month, reconciled |
//! | [`recurrence`] | times that come again |
//! | [`audit`] | the sealed record of a job |
//! | [`roles`] | which people may do what at a node |
//!
//! Everything works alike: a method that *decides* takes what is known and the time, and returns
//! records or a refusal that says why; a method that *applies*, *takes* or *restores* folds what
//! happened into the state. A node stores records, and gets every state by folding them again.
//!
//! # Two members, from an invitation to a bill
//!
//! ```
//! use std::collections::{BTreeMap, BTreeSet};
//!
//! use crypto::signature::PublicKey;
//! use governance::agreements::{
//!     AgreementAct, Column, ComponentRequest, ComponentTerms, PartyTerms, Request, Terms,
//! };
//! use governance::books::{Books, Record};
//! use governance::canonical::{Signed, Signer, digest_of};
//! use governance::jobs::{JobAct, State, Submission};
//! use governance::letter::Letter;
//! use governance::members::{Acceptance, Card, Invitation, MemberId, Nonce};
//! use governance::metering::{PriceLine, UsageEvent, UsageKey, UsageKind};
//! use governance::time::Time;
//! use ring::signature::{Ed25519KeyPair, KeyPair as _};
//!
//! struct Key(Ed25519KeyPair);
//!
//! impl Signer for Key {
//!     fn key(&self) -> PublicKey {
//!         PublicKey::new(self.0.public_key().as_ref().try_into().unwrap())
//!     }
//!     fn signature_of(&self, statement: &[u8]) -> Vec<u8> {
//!         self.0.sign(statement).as_ref().to_vec()
//!     }
//! }
//!
//! /// A member with its key, its books and its store.
//! struct Member(Key, Books, Vec<Record>);
//!
//! fn member(name: &str, seed: u8) -> Member {
//!     let key = Key(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap());
//!     let card = Card {
//!         member: MemberId::of_key(key.key()),
//!         version: 1,
//!         name: name.to_owned(),
//!         contact: "Data office".to_owned(),
//!         endpoints: Vec::new(),
//!         software: "0.1.0".to_owned(),
//!         issued_at: Time::from_milliseconds(0),
//!         rotations: Vec::new(),
//!     };
//!     let card = Signed::new(card, &key).unwrap();
//!     Member(key, Books::new(card), Vec::new())
//! }
//!
//! /// Stores a record, applies it, and brings what follows from it to the other member.
//! fn happens(at: &mut Member, other: &mut Member, record: Record, now: Time) {
//!     at.2.push(record.clone());
//!     at.1.apply(record.clone());
//!     for (_, letter) in at.1.letters(&record) {
//!         let letter = Letter::decode(&letter.encode()).unwrap();
//!         let from = Some(at.1.own());
//!         for record in other.1.take_in(from, &letter, now).unwrap() {
//!             other.2.push(record.clone());
//!             other.1.apply(record);
//!         }
//!     }
//! }
//!
//! let (mut bank, mut operator) = (member("Bank", 1), member("Operator", 2));
//! let [b, o] = [bank.1.own(), operator.1.own()];
//! let hour = |hours: u64| Time::from_milliseconds(1_800_000_000_000 + hours * 3_600_000);
//!
//! // The bank invites, by a line of text; the operator accepts, by a letter.
//! let invitation = Invitation {
//!     card: bank.1.directory().own().clone(),
//!     nonce: Nonce([7; 16]),
//!     meant_for: "Operator".to_owned(),
//!     expires: hour(48),
//! };
//! let invitation = Signed::new(invitation, &bank.0)?;
//! for event in bank.1.directory().issue(invitation.clone())? {
//!     happens(&mut bank, &mut operator, event.into(), hour(0));
//! }
//! let invitation = Signed::from_line(&invitation.to_line())?;
//! for event in operator.1.directory().accept(&invitation, hour(1))? {
//!     happens(&mut operator, &mut bank, event.into(), hour(1));
//! }
//! let acceptance = Acceptance {
//!     invitation: invitation.digest(),
//!     nonce: invitation.content().nonce,
//!     card: operator.1.directory().own().clone(),
//! };
//! let letter = Letter::Acceptance(Box::new(Signed::new(acceptance, &operator.0)?));
//! for record in bank.1.take_in(None, &letter, hour(1))? {
//!     happens(&mut bank, &mut operator, record, hour(1));
//! }
//! assert!(bank.1.directory().partner(&o).is_ok() && operator.1.directory().partner(&b).is_ok());
//!
//! // The bank proposes terms and signs them; the operator sees who waits for what, and signs too.
//! let columns = |names: &[(&str, Column)]| -> BTreeMap<String, BTreeSet<Column>> {
//!     names.iter().map(|(name, used_as)| ((*name).to_owned(), [*used_as].into())).collect()
//! };
//! let gives = |name: &str, table: &str, given| PartyTerms {
//!     name: name.to_owned(),
//!     gives: [(table.to_owned(), given)].into(),
//! };
//! let banks = columns(&[("phone", Column::Key), ("bought", Column::Label)]);
//! let operators = columns(&[("phone", Column::Key), ("age", Column::Feature)]);
//! let trees = ComponentTerms { privacy: ["strict".to_owned()].into(), settings: [].into() };
//! let price = PriceLine {
//!     payer: b,
//!     payee: o,
//!     kind: UsageKind::Hits,
//!     price: 2,
//!     per: 1,
//!     included: 100,
//!     at_most: None,
//! };
//! let terms = Terms {
//!     title: "Card marketing".to_owned(),
//!     version: 1,
//!     parent: None,
//!     written_at: hour(2),
//!     parties: [
//!         (b, gives("Bank", "customers", banks)),
//!         (o, gives("Operator", "contacts", operators)),
//!     ]
//!     .into(),
//!     purposes: ["marketing".to_owned()].into(),
//!     legal_basis: "consent".to_owned(),
//!     components: [("train.boosted_trees".to_owned(), trees)].into(),
//!     disclosures: [("intersection.rows".to_owned(), [b].into())].into(),
//!     minimum_group: 50,
//!     privacy_budget: None,
//!     runs_per_month: Some(2),
//!     runs: 10,
//!     attempts: 3,
//!     valid_from: hour(0),
//!     valid_until: hour(10_000),
//!     utc_offset_minutes: 480,
//!     currency: "CNY".to_owned(),
//!     prices: [price].into(),
//! };
//! let version = digest_of(&terms);
//! let record = bank.1.propose(&terms, hour(2), &bank.0)?;
//! happens(&mut bank, &mut operator, record, hour(2));
//! let record =
//!     bank.1.negotiate(&version, AgreementAct::Sign { version }, hour(2), &bank.0)?;
//! happens(&mut bank, &mut operator, record, hour(2));
//! let waiting = operator.1.waiting(hour(3));
//! assert_eq!((waiting[0].party, waiting[0].since), (o, hour(2)));
//! let record =
//!     operator.1.negotiate(&version, AgreementAct::Sign { version }, hour(4), &operator.0)?;
//! happens(&mut operator, &mut bank, record, hour(4));
//! assert!(bank.1.agreement(&version).unwrap().in_force(hour(5)).is_ok());
//!
//! // The bank submits a job; the operator approves it.
//! let job = governance::permit::digest("the canonical form of the job file");
//! let submission = Submission {
//!     job,
//!     name: "term deposit".to_owned(),
//!     agreement: version,
//!     parties: [b, o].into(),
//!     tables: [b, o].map(|member| (member, "customers".to_owned())).into(),
//!     submitter: b,
//!     submitted_at: hour(5),
//!     nonce: Nonce([8; 16]),
//!     steps: vec!["align".to_owned(), "train".to_owned()],
//! };
//! let run = submission.run();
//! let record = bank.1.submit(submission, &bank.0)?;
//! happens(&mut bank, &mut operator, record, hour(5));
//! let record = operator.1.say(&run, JobAct::Approve, hour(6), &operator.0)?;
//! happens(&mut operator, &mut bank, record, hour(6));
//! assert_eq!(bank.1.job(&run).unwrap().view().state, State::Queued);
//!
//! // Each node checks the job by its own copy, counts the run, and signs the permit.
//! let request = Request {
//!     job,
//!     purpose: "marketing".to_owned(),
//!     parties: terms.parties.iter().map(|(party, it)| (*party, it.gives.clone())).collect(),
//!     components: vec![ComponentRequest {
//!         component: "train.boosted_trees".to_owned(),
//!         privacy: "strict".to_owned(),
//!         settings: BTreeMap::new(),
//!     }],
//!     disclosures: [("intersection.rows".to_owned(), b)].into(),
//!     minimum_group: 50,
//!     privacy_budget: "0".parse()?,
//! };
//! for record in bank.1.permit((&run, &request), hour(30), hour(7), &bank.0)? {
//!     happens(&mut bank, &mut operator, record, hour(7));
//! }
//! for record in operator.1.permit((&run, &request), hour(30), hour(7), &operator.0)? {
//!     happens(&mut operator, &mut bank, record, hour(7));
//! }
//!
//! // Both open a session, and say how far they are.
//! let record = bank.1.open((&run, &request), hour(8))?;
//! happens(&mut bank, &mut operator, record, hour(8));
//! let record = operator.1.open((&run, &request), hour(8))?;
//! happens(&mut operator, &mut bank, record, hour(8));
//! for act in [
//!     JobAct::Step { attempt: 1, step: 0 },
//!     JobAct::Finished { attempt: 1, results: BTreeMap::new() },
//! ] {
//!     let record = bank.1.say(&run, act.clone(), hour(9), &bank.0)?;
//!     happens(&mut bank, &mut operator, record, hour(9));
//!     let record = operator.1.say(&run, act, hour(9), &operator.0)?;
//!     happens(&mut operator, &mut bank, record, hour(9));
//! }
//! let states = [&bank, &operator].map(|it| it.1.job(&run).unwrap().view().state);
//! assert_eq!(states[0], states[1]);
//! assert!(matches!(states[0], State::Finished { attempt: 1, .. }));
//!
//! // The bank counts its hits, and pays for those above a hundred.
//! let kind = UsageKind::Hits;
//! let key = UsageKey { payer: b, payee: o, run, step: 0, attempt: 1, kind };
//! let event = UsageEvent { key, terms: version, count: 150, at: hour(7) };
//! let record = bank.1.count(event)?.unwrap();
//! happens(&mut bank, &mut operator, record, hour(9));
//! let [paid, earned] = bank.1.month(o, hour(7).month(480))?;
//! assert_eq!((paid[0].total, earned.len()), (100, 0));
//!
//! // A node that starts again reads its store, and knows the same.
//! let mut again = Books::new(bank.1.directory().own().clone());
//! bank.2.into_iter().for_each(|record| again.apply(record));
//! assert_eq!(again, bank.1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

pub mod agreements;
pub mod audit;
pub mod books;
pub mod canonical;
pub mod decimal;
pub mod jobs;
pub mod journal;
pub mod letter;
pub mod members;
pub mod metering;
pub mod permit;
pub mod recurrence;
pub mod roles;
#[cfg(test)]
mod sample;
pub mod time;
