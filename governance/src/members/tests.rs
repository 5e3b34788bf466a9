use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::canonical::Signed;
use crate::sample::{Party, at, bank, clinic, operator};

fn directory(of: &Party) -> Directory {
    Directory::new(of.sign(of.card(1)))
}

fn apply(directory: &mut Directory, events: Result<Vec<Event>, Refusal>) {
    for event in events.unwrap() {
        directory.apply(event);
    }
}

fn invitation(by: &Party, nonce: u8) -> Signed<Invitation> {
    let (card, nonce) = (by.sign(by.card(1)), Nonce([nonce; 16]));
    by.sign(Invitation { card, nonce, meant_for: "operator, Ms Li".to_owned(), expires: at(60) })
}

fn acceptance(of: &Signed<Invitation>, by: &Party) -> Signed<Acceptance> {
    let (invitation, nonce) = (of.digest(), of.content().nonce);
    by.sign(Acceptance { invitation, nonce, card: by.sign(by.card(1)) })
}

/// The bank's directory with the operator as a partner by invitation.
fn with_partner() -> Directory {
    let mut directory = directory(&bank());
    let invitation = invitation(&bank(), 7);
    let issued = directory.issue(invitation.clone());
    apply(&mut directory, issued);
    let accepted = directory.accepted(&acceptance(&invitation, &operator()), at(1));
    apply(&mut directory, accepted);
    directory
}

#[test]
fn an_invitation_survives_mail_and_makes_both_sides_partners() {
    let sent = invitation(&bank(), 7);
    let line = sent.to_line();
    assert!(!line.contains(char::is_whitespace) && line.len() < 2500, "{}", line.len());
    let wrapped: Vec<String> =
        line.as_bytes().chunks(76).map(|part| String::from_utf8(part.to_vec()).unwrap()).collect();
    let received = Signed::from_line(&format!(" <{}>\r\n", wrapped.join("\r\n"))).unwrap();
    assert_eq!(received, sent);

    let mut theirs = directory(&operator());
    let accepted = theirs.accept(&received, at(1));
    apply(&mut theirs, accepted);
    let ours = with_partner();
    assert_eq!(
        ours.partner(&operator().id()).unwrap().standing,
        Standing::Invited { since: at(1) }
    );
    assert_eq!(theirs.keys().current(&bank().id()), Some(bank().key()));
    assert_eq!(
        pair_code(&bank().key(), &operator().key()),
        pair_code(&operator().key(), &bank().key())
    );
    assert_ne!(
        pair_code(&bank().key(), &operator().key()),
        pair_code(&bank().key(), &clinic().key())
    );
}

#[test]
fn what_is_no_whole_invitation_is_refused_by_name() {
    let line = invitation(&bank(), 7).to_line();
    let read = |text: &str| Signed::<Invitation>::from_line(text).unwrap_err();
    assert_eq!(read("hello"), InvitationError::NoInvitation);
    assert_eq!(read(&"x".repeat(1 << 20)), InvitationError::NoInvitation);
    assert_eq!(read(&format!("{line}!")), InvitationError::CutOff);
    let cut = &line[..line.len() - 4];
    assert!(matches!(read(cut), InvitationError::Document(_)));
    assert!(matches!(read(&line.replacen('J', "K", 1)), InvitationError::Document(_)));
}

#[test]
fn an_invitation_is_good_once_until_it_expires_or_is_withdrawn() {
    let ours = with_partner();
    let used = invitation(&bank(), 7);
    assert_eq!(ours.accepted(&acceptance(&used, &operator()), at(2)), Ok(Vec::new()));
    assert_eq!(ours.accepted(&acceptance(&used, &clinic()), at(2)), Err(Refusal::Used));
    assert_eq!(ours.withdraw(Nonce([7; 16])), Err(Refusal::Used));
    let mut ours = directory(&bank());
    let unknown = ours.accepted(&acceptance(&used, &operator()), at(2));
    assert_eq!(unknown, Err(Refusal::NoInvitation));
    assert_eq!(ours.issue(invitation(&operator(), 7)), Err(Refusal::NoInvitation));
    let issued = ours.issue(used.clone());
    apply(&mut ours, issued);
    assert_eq!(ours.issue(used.clone()), Err(Refusal::Already));
    let late = ours.accepted(&acceptance(&used, &operator()), at(60));
    assert_eq!(late, Err(Refusal::Expired));
    // The nonce of an invitation with other words of it.
    let other = Invitation { meant_for: "anybody".to_owned(), ..used.content().clone() };
    let forged = acceptance(&bank().sign(other), &operator());
    assert_eq!(ours.accepted(&forged, at(2)), Err(Refusal::NoInvitation));
    let withdrawn = ours.withdraw(Nonce([7; 16]));
    apply(&mut ours, withdrawn);
    let withdrawn = ours.accepted(&acceptance(&used, &operator()), at(2));
    assert_eq!(withdrawn, Err(Refusal::Withdrawn));
    assert_eq!(directory(&bank()).accept(&used, at(1)), Err(Refusal::Own));
    assert_eq!(directory(&operator()).accept(&used, at(60)), Err(Refusal::Expired));
}

#[test]
fn newer_cards_succeed_and_forged_ones_do_not() {
    let mut ours = with_partner();
    let operator = operator();
    let renamed = operator.sign(Card { name: "Operator Ltd".to_owned(), ..operator.card(2) });
    let events = ours.card(&renamed);
    apply(&mut ours, events);
    assert_eq!(ours.members()[&operator.id()].card, renamed);
    assert_eq!(ours.card(&operator.sign(operator.card(1))), Err(Refusal::Already));
    assert_eq!(ours.card(&renamed), Err(Refusal::Already));
    assert_eq!(ours.card(&clinic().sign(clinic().card(1))), Err(Refusal::Unknown));
    // Of two cards of one version the same one counts everywhere.
    let other = operator.sign(operator.card(2));
    let larger = if other.digest() > renamed.digest() { &other } else { &renamed };
    let events = ours.card(&other);
    assert_eq!(events.is_ok(), *larger == other);
    events.into_iter().flatten().for_each(|event| ours.apply(event));
    assert_eq!(ours.members()[&operator.id()].card, *larger);
    // A card in another's name does not exist as a signed value.
    let forger = clinic();
    assert_eq!(forger.flaw(operator.card(3)), "member");
    let versions = [0, 10_001].map(|version| operator.flaw(operator.card(version)));
    assert_eq!(versions, ["version"; 2]);
    let bank = bank();
    assert_eq!(ours.card(&bank.sign(bank.card(5))), Err(Refusal::Own));
    // This node's own key changes; its earlier cards that come back are no alarm.
    let (new, thief) = (Party::new("bank", 11), Party::new("thief", 13));
    let rotated = |to: &Party| {
        to.sign(Card { rotations: vec![bank.rotation(bank.id(), 1, to)], ..bank.card(2) })
    };
    assert_eq!(ours.card(&rotated(&new)), Err(Refusal::OwnKeyElsewhere));
    let events = ours.renew(&rotated(&new));
    apply(&mut ours, events);
    assert_eq!(ours.keys().current(&bank.id()), Some(new.key()));
    assert_eq!(ours.card(&bank.sign(bank.card(5))), Err(Refusal::Own));
    assert_eq!(ours.card(&rotated(&thief)), Err(Refusal::OwnKeyElsewhere));
    assert_eq!(ours.renew(&rotated(&thief)), Err(Refusal::OwnKeyElsewhere));
    assert_eq!(ours.renew(&rotated(&new)), Err(Refusal::Already));
}

#[test]
fn a_rotated_key_is_believed_by_its_chain_and_never_taken_back() {
    let mut ours = with_partner();
    let (operator, new, thief) = (operator(), Party::new("operator", 12), Party::new("thief", 13));
    let rotation = operator.rotation(operator.id(), 1, &new);
    let card = Card { rotations: vec![rotation.clone()], ..operator.card(2) };
    let events = ours.card(&new.sign(card.clone()));
    apply(&mut ours, events);
    let (id, keys) = (operator.id(), ours.keys());
    assert_eq!(keys.current(&id), Some(new.key()));
    assert!(keys.speaks_for(&operator.key(), &id) && keys.speaks_for(&new.key(), &id));
    assert!(!keys.speaks_for(&thief.key(), &id));
    // A card by the old key, however new, is an earlier one.
    assert_eq!(ours.card(&operator.sign(operator.card(9))), Err(Refusal::Already));
    // A card by the old key, or with a chain of another member, is not even well formed.
    assert_eq!(operator.flaw(card), "member");
    let foreign = vec![operator.rotation(clinic().id(), 1, &new)];
    assert_eq!(new.flaw(Card { rotations: foreign, ..operator.card(3) }), "rotations");
    let twice = vec![rotation.clone(), new.rotation(id, 2, &operator)];
    assert_eq!(operator.flaw(Card { rotations: twice, ..operator.card(3) }), "rotations");
    // After a theft the earlier keys say nothing any more.
    let newest = Party::new("operator", 14);
    let stolen = Rotation { compromised: true, ..new.rotation(id, 2, &newest).content().clone() };
    let rotations = vec![rotation, new.sign(stolen)];
    let events = ours.card(&newest.sign(Card { rotations, ..operator.card(3) }));
    apply(&mut ours, events);
    let keys = ours.keys();
    assert!(!keys.speaks_for(&operator.key(), &id) && !keys.speaks_for(&new.key(), &id));
    assert!(keys.speaks_for(&newest.key(), &id));
    // An invitation by the stolen key that somebody kept makes no partner any more.
    let old = invitation(&operator, 9);
    assert_eq!(ours.accept(&old, at(1)), Err(Refusal::OldKey));
    let events = ours.block(id, "stolen".to_owned(), at(5));
    apply(&mut ours, events);
    assert_eq!(ours.accept(&old, at(1)), Err(Refusal::Blocked));
    let events = ours.unblock(id);
    apply(&mut ours, events);
    assert_eq!(ours.accept(&old, at(1)), Err(Refusal::OldKey), "a block forgets no keys");
}

/// A thief of a key that rotates it first is taken for the owner. The owner's own rotation shows
/// it, and stops everything under that name.
#[test]
fn a_thief_that_rotates_first_is_noticed_by_the_owners_card() {
    let mut ours = with_partner();
    let (operator, new, thief) = (operator(), Party::new("operator", 12), Party::new("thief", 13));
    let id = operator.id();
    let rotated = |to: &Party| {
        to.sign(Card { rotations: vec![operator.rotation(id, 1, to)], ..operator.card(2) })
    };
    let (stolen, owners) = (rotated(&thief), rotated(&new));
    let events = ours.card(&stolen);
    apply(&mut ours, events);
    assert!(ours.keys().speaks_for(&thief.key(), &id), "nobody can tell yet");
    let events = ours.card(&owners);
    assert_eq!(events, Ok(vec![Event::Forked(owners.clone())]));
    apply(&mut ours, events);
    assert_eq!(ours.partner(&id), Err(Refusal::Forked));
    assert!(!ours.keys().has(&id) && ours.partners().is_empty());
    assert_eq!(ours.card(&owners), Err(Refusal::Forked), "once is enough");
    let invitation =
        new.sign(Invitation { card: owners, ..invitation(&operator, 9).content().clone() });
    assert_eq!(ours.accept(&invitation, at(1)), Err(Refusal::Forked));
    // Whoever compared the pair code of the card known here can say that it is right.
    let mut settled = ours.clone();
    let events = settled.settle(id);
    apply(&mut settled, events);
    assert!(settled.partner(&id).is_ok() && settled.keys().has(&id));
    assert_eq!(settled.settle(id), Err(Refusal::Already));
    let events = ours.block(id, "stolen".to_owned(), at(5));
    apply(&mut ours, events);
    let events = ours.unblock(id);
    apply(&mut ours, events);
    assert_eq!(ours.partner(&id), Err(Refusal::Forked), "a block settles nothing");
}

#[test]
fn introductions_make_known_and_only_a_person_makes_a_partner() {
    let mut ours = with_partner();
    let (operator, clinic, stranger) = (operator(), clinic(), Party::new("stranger", 4));
    let introduce = |by: &Party, who: &Party| {
        let (card, alliance) = (who.sign(who.card(1)), Some("health".to_owned()));
        by.sign(Introduction { card, alliance, at: at(2) })
    };
    let word = introduce(&operator, &clinic);
    assert_eq!(ours.introduce(clinic.id(), &word), Err(Refusal::Unknown));
    let forged = introduce(&stranger, &clinic);
    assert_eq!(ours.introduce(operator.id(), &forged), Err(Refusal::Key));
    let events = ours.introduce(operator.id(), &word);
    apply(&mut ours, events);
    assert_eq!(ours.introduce(operator.id(), &word), Err(Refusal::Already));
    assert_eq!(ours.partner(&clinic.id()), Err(Refusal::NoPartner));
    assert!(!ours.keys().has(&clinic.id()));
    assert_eq!(ours.adopt(clinic.id(), stranger.id(), at(3)), Err(Refusal::NotIntroduced));
    let events = ours.adopt(clinic.id(), operator.id(), at(3));
    apply(&mut ours, events);
    let standing = Standing::Introduced { by: operator.id(), since: at(3) };
    assert_eq!(ours.partner(&clinic.id()).unwrap().standing, standing);
    // Trust does not travel further.
    let chained = ours.introduce(clinic.id(), &introduce(&clinic, &stranger));
    assert_eq!(chained, Err(Refusal::NoIntroducer));
    assert_eq!(ours.alliance("health")[&clinic.id()], [operator.id()].into());
    assert!(ours.alliance("energy").is_empty());
    let events = ours.block(clinic.id(), "left the alliance".to_owned(), at(4));
    apply(&mut ours, events);
    assert!(ours.alliance("health").is_empty() && !ours.keys().has(&clinic.id()));
    assert_eq!(ours.card(&clinic.sign(clinic.card(2))), Err(Refusal::Blocked));
    let events = ours.unblock(clinic.id());
    apply(&mut ours, events);
    assert_eq!(ours.partner(&clinic.id()), Err(Refusal::NoPartner));
    let thief = Party::new("thief", 13);
    let rotations = vec![clinic.rotation(clinic.id(), 1, &thief)];
    let one = thief.sign(Card { rotations, ..clinic.card(3) });
    let rotations = vec![clinic.rotation(clinic.id(), 1, &stranger)];
    let other = stranger.sign(Card { rotations, ..clinic.card(3) });
    let events = ours.card(&one);
    apply(&mut ours, events);
    let word = Introduction { card: other.clone(), alliance: None, at: at(5) };
    let events = ours.introduce(operator.id(), &operator.sign(word));
    assert_eq!(events, Ok(vec![Event::Forked(other)]));
    apply(&mut ours, events);
    assert_eq!(ours.adopt(clinic.id(), operator.id(), at(6)), Err(Refusal::Forked));
}

/// A new card is passed on to partners in an alliance with its owner, and to nobody else.
#[test]
fn gossip_stays_in_the_alliance() {
    let mut ours = with_partner();
    let (bank, operator, clinic) = (bank(), operator(), clinic());
    let word = |who: &Party, alliance: &str| {
        let (card, alliance) = (who.sign(who.card(1)), Some(alliance.to_owned()));
        operator.sign(Introduction { card, alliance, at: at(2) })
    };
    let insurer = Party::new("insurer", 5);
    for (who, alliance) in [(&clinic, "health"), (&insurer, "health")] {
        let events = ours.introduce(operator.id(), &word(who, alliance));
        apply(&mut ours, events);
        let events = ours.adopt(who.id(), operator.id(), at(3));
        apply(&mut ours, events);
    }
    assert_eq!(ours.hear_of(&clinic.id()), [insurer.id()].into());
    assert_eq!((ours.hear_of(&operator.id()), ours.hear_of(&bank.id())), ([].into(), [].into()));
    let events = ours.introduce(operator.id(), &word(&insurer, "energy"));
    apply(&mut ours, events);
    assert_eq!(ours.hear_of(&clinic.id()), [].into());
}

fn catalogue(of: &Party, version: u32) -> Catalogue {
    let column = |kind, meaning: &str, unit: Option<&str>| ColumnDescription {
        kind,
        meaning: meaning.to_owned(),
        unit: unit.map(str::to_owned),
        known_percent: 98,
    };
    let columns = BTreeMap::from([
        ("phone_sm3".to_owned(), column(ColumnKind::Key, "telephone number, hashed", None)),
        ("arpu".to_owned(), column(ColumnKind::Number, "月均消费 monthly bill", Some("CNY"))),
    ]);
    let data = DataDescription {
        about: "Telephone contracts".to_owned(),
        coverage: "全国, adults, 2024 to 2026".to_owned(),
        rows: rounded_rows(18_234_771),
        freshness: "daily, two days behind".to_owned(),
        price: None,
        columns,
    };
    let data = BTreeMap::from([("contacts".to_owned(), data)]);
    Catalogue { member: of.id(), version, issued_at: at(1), data }
}

#[test]
fn catalogues_are_found_by_words_and_say_no_exact_number() {
    let mut ours = with_partner();
    let operator = operator();
    let events = ours.catalogue(&operator.sign(catalogue(&operator, 1)));
    apply(&mut ours, events);
    assert_eq!(ours.catalogue(&operator.sign(catalogue(&operator, 1))), Err(Refusal::Already));
    let foreign = clinic().sign(catalogue(&operator, 2));
    assert_eq!(ours.catalogue(&foreign), Err(Refusal::Key));
    let known = [ours.members()[&operator.id()].catalogue.clone().unwrap()];
    let found = |words| search(&known, words).into_iter().flat_map(|hit| hit.columns).collect();
    let found: Vec<Vec<&str>> =
        vec![found("消费"), found("Monthly CNY contracts"), found("income")];
    assert_eq!(found, [vec!["arpu"], vec!["arpu"], vec![]]);
    assert_eq!(search(&known, "telephone").len(), 1);
    let mut exact = catalogue(&operator, 2);
    exact.data.get_mut("contacts").unwrap().rows = 18_234_771;
    assert_eq!(operator.flaw(exact), "rows");
    let rounded = [0, 9, 10, 99, 100, 101, 18_234_771, u64::MAX].map(rounded_rows);
    assert_eq!(rounded, [10, 10, 10, 99, 100, 110, 19_000_000, 18_000_000_000_000_000_000]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Cards travel in any order, more than once: all directories end with the newest.
    #[test]
    fn cards_in_any_order_end_alike(order in Just(vec![1_u32, 2, 3, 2, 1, 3]).prop_shuffle()) {
        let operator = operator();
        let mut ours = with_partner();
        for version in order {
            if let Ok(events) = ours.card(&operator.sign(operator.card(version))) {
                for event in events {
                    ours.apply(event);
                }
            }
        }
        let member = &ours.members()[&operator.id()];
        prop_assert_eq!(member.card.content().version, 3);
        prop_assert!(member.fork.is_none());
    }

    /// No changed byte of an invitation gives another invitation, and none a panic.
    #[test]
    fn a_changed_invitation_is_refused(at in any::<prop::sample::Index>(), to in 33_u8..127) {
        let line = invitation(&bank(), 7).to_line();
        let mut bytes = line.clone().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        prop_assert!(Signed::<Invitation>::from_line(&String::from_utf8(bytes).unwrap()).is_err());
    }
}
