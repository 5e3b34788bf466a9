use proptest::prelude::*;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::compare::{Comparison, Difference, Traffic};
use super::verify::Why;
use super::*;
use crate::permit;
use crypto::signature::PublicKey;

const CANONICAL: &str = "{\"job\":\"test\"}";

struct Party {
    name: &'static str,
    keys: Ed25519KeyPair,
}

impl Party {
    fn new(name: &'static str, seed: u8) -> Self {
        Self { name, keys: Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap() }
    }

    fn key(&self) -> PublicKey {
        PublicKey::new(self.keys.public_key().as_ref().try_into().unwrap())
    }

    fn sign(&self, statement: &[u8]) -> Vec<u8> {
        self.keys.sign(statement).as_ref().to_vec()
    }

    fn attestation(&self, whose: &str) -> Value {
        let mut statement = b"tombolo session v1".to_vec();
        statement.extend(1_u32.to_le_bytes());
        statement.extend(permit::digest(CANONICAL).as_bytes());
        statement.extend(self.name.bytes());
        json!({
            "record": "attestation", "whose": whose, "party": self.name,
            "key": self.key().to_string(), "statement": hex(&statement),
            "signature": hex(&self.sign(&statement)),
        })
    }
}

fn parties() -> [Party; 2] {
    [Party::new("bank", 1), Party::new("operator", 2)]
}

/// The lines of a record of this one of both parties, without its seal.
fn lines(own: &Party, peer: &Party) -> Vec<Value> {
    let hashes = [("bank", "aa"), ("operator", "bb")];
    let of = |party: &Party| hashes.iter().find(|(name, _)| *name == party.name).unwrap().1;
    let messages = |step: &str| {
        json!({
            "record": "messages", "peer": peer.name, "path": "align", "step": step,
            "sent": 2, "bytes_sent": 64, "hash_sent": of(own).repeat(32),
            "received": 2, "bytes_received": 64, "hash_received": of(peer).repeat(32),
        })
    };
    vec![
        json!({
            "record": "job", "job": "test", "purpose": "tests", "party": own.name,
            "digest": permit::digest(CANONICAL).to_string(), "canonical": CANONICAL,
        }),
        own.attestation("own"),
        peer.attestation("peer"),
        json!({ "record": "declared", "step": "align", "what": "rows" }),
        json!({ "record": "opened", "what": "rows", "count": 5 }),
        messages("points"),
        messages("answers"),
    ]
}

fn unsealed(lines: impl IntoIterator<Item = Value>) -> Writer {
    let mut writer = Writer::default();
    for line in lines {
        writer.add(line);
    }
    writer
}

fn sealed_record(own: &Party, lines: Vec<Value>) -> String {
    let writer = unsealed(lines);
    writer.seal("2026-11-30T12:00:00Z", own.key(), |statement| own.sign(statement))
}

fn record() -> String {
    let [bank, operator] = parties();
    sealed_record(&bank, lines(&bank, &operator))
}

fn fault(text: &str) -> (usize, Why) {
    let Fault { line, why } = verify(text).unwrap_err();
    (line, why)
}

#[test]
fn an_unchanged_record_holds() {
    let record = verify(&record()).unwrap();
    assert_eq!((record.party.as_str(), record.lines, record.opened), ("bank", 8, 1));
    assert_eq!((record.messages.len(), record.attestations.len()), (2, 2));
    assert_eq!(record.key, parties()[0].key());
}

#[test]
fn what_is_missing_moved_or_added_is_located() {
    let text = record();
    let lines: Vec<&str> = text.lines().collect();
    let without = |removed: usize| {
        let mut rest = lines.clone();
        rest.remove(removed);
        rest.join("\n") + "\n"
    };
    assert_eq!(fault(&without(3)), (4, Why::Order));
    assert_eq!(fault(&without(0)), (1, Why::Order));
    assert_eq!(fault(&without(7)), (8, Why::NoSeal));
    let tail = text.find("{\"record\":\"opened\"").unwrap();
    assert_eq!(fault(&text[..tail]), (5, Why::NoSeal));
    assert_eq!(fault(text.trim_end()), (8, Why::Form));
    assert_eq!(fault(&format!("{text}\n")), (9, Why::Form));
    assert_eq!(fault(&format!("{text}{}\n", lines[3])), (9, Why::Order));
    assert_eq!(fault(""), (1, Why::Form));
}

#[test]
fn a_record_that_somebody_else_wrote_anew_is_found() {
    let [bank, operator] = parties();
    let mut changed = lines(&bank, &operator);
    changed[4]["count"] = 6.into();
    assert_eq!(fault(&sealed_record(&operator, changed)), (8, Why::Key));

    let writer = unsealed(lines(&bank, &operator));
    let forged = writer.seal("later", bank.key(), |statement| operator.sign(statement));
    assert_eq!(fault(&forged), (8, Why::Signature));

    let mut other_job = lines(&bank, &operator);
    other_job[0]["canonical"] = "{}".into();
    assert_eq!(fault(&sealed_record(&bank, other_job.clone())), (1, Why::Digest));
    other_job[0]["digest"] = permit::digest("{}").to_string().into();
    assert_eq!(fault(&sealed_record(&bank, other_job)), (2, Why::OtherJob));

    let mut unsigned = lines(&bank, &operator);
    unsigned[2]["key"] = bank.key().to_string().into();
    assert_eq!(fault(&sealed_record(&bank, unsigned)), (3, Why::Attestation));
}

#[test]
fn lines_behind_the_seal_and_seals_of_other_lines_are_found() {
    let [bank, operator] = parties();
    let text = record();
    let seal: Value = serde_json::from_str(text.lines().next_back().unwrap()).unwrap();
    let mut two_seals = lines(&bank, &operator);
    two_seals.push(seal.clone());
    assert_eq!(fault(&sealed_record(&bank, two_seals)), (9, Why::AfterSeal));

    let writer = unsealed(lines(&bank, &operator).into_iter().take(6));
    let cut = writer.seal("later", bank.key(), |statement| bank.sign(statement));
    let moved = cut.replace("\"lines\":6", "\"lines\":7");
    assert_eq!(fault(&moved), (7, Why::Content));
}

#[test]
fn a_record_that_its_owner_wrote_anew_does_not_fit_the_other() {
    let [bank, operator] = parties();
    let [ours, theirs] = [(&bank, &operator), (&operator, &bank)]
        .map(|(own, peer)| verify(&sealed_record(own, lines(own, peer))).unwrap());
    let fits = Comparison { steps: 2, messages: 8, bytes: 256, differences: Vec::new() };
    assert_eq!(compare(&ours, &theirs), fits);
    assert_eq!(compare(&theirs, &ours), fits);

    let differences = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut changed = lines(&operator, &bank);
        change(&mut changed);
        compare(&ours, &verify(&sealed_record(&operator, changed)).unwrap()).differences
    };
    let traffic = |hash: &str| Traffic { messages: 2, bytes: 64, hash: hash.repeat(32) };
    let messages = |from: &str, step: &str, sent, received| {
        vec![Difference::Messages { from: from.into(), step: step.into(), sent, received }]
    };
    let changed = differences(&|lines| lines[5]["hash_sent"] = "cc".repeat(32).into());
    let expected = messages("operator", "align points", traffic("cc"), traffic("bb"));
    assert_eq!(changed, expected);
    let removed = differences(&|lines| {
        lines.pop();
    });
    let expected = [
        messages("bank", "align answers", traffic("aa"), Traffic::default()),
        messages("operator", "align answers", Traffic::default(), traffic("bb")),
    ];
    assert_eq!(removed, expected.concat());
    let undeclared = differences(&|lines| {
        lines.remove(3);
    });
    assert!(matches!(&undeclared[..], [Difference::Declared { only_at, .. }] if only_at == "bank"));
    let unsigned = differences(&|lines| {
        lines.remove(1);
    });
    let of = |name: &str| name.to_owned();
    let expected = [Difference::Attestation { of: of("operator"), missing_at: of("bank") }];
    assert_eq!(unsigned, expected);
    assert_eq!(compare(&ours, &ours).differences, [Difference::Party(of("bank"))]);
}

#[test]
fn a_proof_holds_for_its_line_only() {
    let text = record();
    let record = verify(&text).unwrap();
    for number in 1..=7 {
        let proof = Proof::of(&text, &record, number).unwrap();
        assert_eq!(proof.verify(), Ok(record.key));
        let mut other = proof.clone();
        other.number = number as u64 % 7 + 1;
        assert!(other.verify().is_err());
        let mut other = proof.clone();
        other.line = other.line.replace("record", "recorD");
        assert!(other.verify().is_err());
        let mut other = proof.clone();
        other.written = "earlier".into();
        assert!(other.verify().is_err());
        let mut other = proof;
        other.lines = u64::MAX;
        assert!(other.verify().is_err());
    }
    assert!(Proof::of(&text, &record, 0).is_none());
    assert!(Proof::of(&text, &record, 8).is_none());
}

proptest! {
    #[test]
    fn one_changed_byte_is_found_in_its_line(at in any::<prop::sample::Index>(), to in 32_u8..127) {
        let text = record();
        let mut bytes = text.clone().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        let line = text[..at].matches('\n').count() + 1;
        bytes[at] = to;
        let fault = verify(str::from_utf8(&bytes).unwrap()).unwrap_err();
        prop_assert!(fault.line == line, "{} for {}", fault.line, line);
    }

    #[test]
    fn any_text_is_refused_without_a_panic(text in "[{}\":,a-z0-9\n]{0,300}") {
        prop_assert!(verify(&text).is_err());
    }

    #[test]
    fn every_leaf_leads_to_the_root(count in 1_usize..70, index in any::<prop::sample::Index>()) {
        let leaves: Vec<[u8; 32]> = (0..count as u8).map(|leaf| [leaf; 32]).collect();
        let index = index.index(count);
        let path = tree::path(&leaves, index).unwrap();
        let [at, of] = [index, count].map(|it| it as u64);
        let root_of = |leaf: &[u8; 32], path: &[_]| tree::root_of_path(leaf, at, of, path);
        prop_assert_eq!(root_of(&leaves[index], &path), Some(tree::root(&leaves)));
        prop_assert_ne!(root_of(&[255; 32], &path), Some(tree::root(&leaves)));
        prop_assert_eq!(root_of(&leaves[index], &[path, vec![[0; 32]]].concat()), None);
    }
}
