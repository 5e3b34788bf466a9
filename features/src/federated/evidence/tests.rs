use std::sync::Arc;

use mpc::reveal::Ledger;
use net::Session;
use world::{Fault, FaultKind, Outcome, Side, pair_with_fault};

use super::*;
use crate::binned::BinnedFeature;

const ROWS: usize = 1200;
const RULE: MergeRule = MergeRule { rows_min: 50, class_min: 5 };

/// Features with common bins, rare bins, bins of one class, and one that is all missing.
fn features() -> BinnedMatrix {
    let code = |feature: usize, row: usize| match feature {
        0 => 1 + (row % 7) as u8,
        1 => u8::from(!row.is_multiple_of(5)) * (1 + (row / 60 % 9) as u8),
        2 => 1 + u8::from(row >= 1100) + u8::from(row >= 1190),
        _ => 0,
    };
    let feature = |place: usize| BinnedFeature {
        name: place.to_string(),
        codes: (0..ROWS).map(|row| code(place, row)).collect(),
        bins: 10,
    };
    BinnedMatrix::new(ROWS, (0..4).map(feature).collect()).unwrap()
}

fn labels() -> Vec<u8> {
    (0..ROWS).map(|row| u8::from(row % 11 == 0 && row < 1100)).collect()
}

/// The documented scan in plain numbers.
fn reference(codes: &[u8], labels: &[u8]) -> Vec<BinCounts> {
    let mut bins = vec![BinCounts::default(); 11];
    codes.iter().zip(labels).for_each(|(code, label)| bins[usize::from(*code)].add(*label));
    let close = |cells: &[BinCounts], full: &dyn Fn(&BinCounts) -> bool| {
        let (mut groups, mut open) = (Vec::<BinCounts>::new(), BinCounts::default());
        for cell in cells {
            open += *cell;
            if full(&open) {
                groups.push(std::mem::take(&mut open));
            }
        }
        if let Some(last) = groups.last_mut() {
            *last += open;
        }
        groups
    };
    let by_rows = close(&bins, &|counts| counts.rows() >= RULE.rows_min);
    close(&by_rows, &|counts| counts.positives.min(counts.negatives) >= RULE.class_min)
}

#[test]
fn correct() {
    let (features, labels) = (features(), labels());
    let outcome = world::pair(
        1,
        async |session| {
            let ledger = Arc::new(Ledger::new([KEY]));
            let mut party = TwoParty::setup(session, Arc::clone(&ledger)).await.unwrap();
            let learnt = gather(&mut party, &labels, RULE).await.unwrap();
            (learnt, ledger.observed())
        },
        async |session| {
            let mut party = TwoParty::setup(session, Arc::new(Ledger::new([KEY]))).await.unwrap();
            offer(&mut party, &features, RULE).await.unwrap()
        },
    );
    let ((learnt, observed), anonymity) = (outcome.first, outcome.second);
    assert!(observed.iter().all(|line| line.key == KEY && line.to == "first"));
    for (number, feature) in learnt.iter().enumerate() {
        let place = anonymity.feature_of_number[number];
        let codes = &features.features()[place].codes;
        assert_eq!(feature.groups, reference(codes, &labels), "feature {place}");
        // The guest's groups, put on the host's codes, hold the rows that they say.
        let mut counts = vec![BinCounts::default(); feature.groups.len().max(1)];
        for (code, label) in codes.iter().zip(&labels) {
            let bin = anonymity.bin_of_code[number][usize::from(*code)];
            counts[feature.group_of_bin[bin]].add(*label);
        }
        if !feature.groups.is_empty() {
            assert_eq!(counts, feature.groups);
        }
    }
}

async fn gather_labels(session: Session) -> Result<Vec<AnonymousFeature>, FederatedError> {
    let mut party = TwoParty::setup(session, Arc::new(Ledger::new([KEY]))).await?;
    gather(&mut party, &labels(), RULE).await
}

async fn offer_features(session: Session) -> Result<Anonymity, FederatedError> {
    let mut party = TwoParty::setup(session, Arc::new(Ledger::new([KEY]))).await?;
    offer(&mut party, &features(), RULE).await
}

fn run_with(step: &str, kind: FaultKind, from: Side) -> Outcome<Option<String>, Option<String>> {
    let fault = Fault { path_step: step.to_owned(), occurrence: 0, kind, from };
    pair_with_fault(
        6,
        fault,
        async |session| gather_labels(session).await.err().map(|error| error.to_string()),
        async |session| offer_features(session).await.err().map(|error| error.to_string()),
    )
}

#[test]
fn known_answer() {
    let outcome = world::pair(4, gather_labels, offer_features);
    assert!(outcome.first.is_ok() && outcome.second.is_ok());
    assert_eq!(
        outcome.transcript.hash(),
        "6160c46fb700a45acb3b6a8fccdee5b425011bf6e3038ee123ccff31dbfa776d"
    );
}

/// Hints have 116 KiB, queries as much and 18.75 bytes for each row, answers 14 bytes.
#[test]
fn cost() {
    const SHORT: u64 = 116 * 1024;
    let outcome = world::pair(5, gather_labels, offer_features);
    let learnt = outcome.first.unwrap();
    let bins: u64 = learnt.iter().map(|feature| feature.group_of_bin.len() as u64).sum();
    let places = learnt.iter().map(|feature| feature.group_of_bin.len() as u64).max().unwrap();
    let transcript = outcome.transcript;
    assert_eq!(transcript.bytes_of(Side::Second, "shape"), 8 * (1 + 4));
    assert_eq!(transcript.bytes_of(Side::First, "seed"), 32);
    assert_eq!(transcript.bytes_of(Side::Second, "hints"), bins * SHORT);
    let query = SHORT + (ROWS as u64 * 150).div_ceil(8);
    assert_eq!(transcript.bytes_of(Side::First, "query"), query);
    assert_eq!(transcript.bytes_of(Side::Second, "answers"), bins * 14);
    assert_eq!(transcript.bytes_of(Side::Second, "share"), 8 * 3 * 4 * places);
    assert_eq!(transcript.bytes_of(Side::First, "share"), 0);
    assert_eq!((places, transcript.rounds()), (10, 154));
}

#[test]
fn tampered() {
    let targets = [
        ("shape", Side::Second),
        ("seed", Side::First),
        ("hints", Side::Second),
        ("query", Side::First),
        ("answers", Side::Second),
        ("share", Side::Second),
    ];
    for (step, from) in targets {
        for kind in [FaultKind::FlipBit, FaultKind::replace(|bytes| vec![0xff; bytes.len() - 1])] {
            let outcome = run_with(step, kind, from);
            assert!(outcome.first.is_some() || outcome.second.is_some(), "{step}");
        }
    }
}

/// What the guest learns must be counts of groups that hold every row once.
/// Of hints and answers any numbers are possible ones.
#[test]
fn tampered_numbers_are_named() {
    for (step, from, rule) in [
        ("shape", Side::Second, "the shape must list"),
        ("query", Side::First, "misbehaved"),
        ("share", Side::Second, "a group ends or it does not"),
    ] {
        let outcome = run_with(step, FaultKind::replace(|bytes| vec![0xff; bytes.len()]), from);
        let honest = if from == Side::First { outcome.second } else { outcome.first };
        let text = honest.unwrap();
        assert!(text.contains(rule), "{step}: {text}");
    }
}

#[test]
fn peer_drops() {
    for step in ["hints", "answers", "share"] {
        let outcome = run_with(step, FaultKind::Close, Side::Second);
        assert!(outcome.first.is_some() && outcome.second.is_some(), "{step}");
    }
}
