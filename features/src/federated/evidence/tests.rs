use std::sync::Arc;

use mpc::reveal::Ledger;

use super::*;
use crate::binned::BinnedFeature;

const ROWS: usize = 1200;
const RULE: MergeRule = MergeRule { rows_min: 50, class_min: 5 };

/// Features with common bins, rare bins, bins of one class, and one that is all missing.
fn features() -> BinnedMatrix {
    let code = |feature: usize, row: usize| match feature {
        0 => 1 + (row % 7) as u8,
        1 => u8::from(row % 5 > 0) * (1 + (row / 60 % 9) as u8),
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
