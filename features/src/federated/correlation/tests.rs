use std::sync::Arc;

use mpc::reveal::Ledger;

use super::*;
const ROWS: usize = 700;

/// Standardised columns; every third of the second party's follows one of the first's.
fn columns(party: usize) -> Vec<Vec<f64>> {
    let raw = |index: usize, row: usize| {
        let noise = ((row * 7919 + index * 104_729 + party * 31) as f64).sin();
        let common = ((row * (index + 2)) as f64 * 0.7).cos();
        if party == 1 && index % 3 == 0 {
            0.2 * noise - common
        } else {
            common + party as f64 * 3.0 * noise
        }
    };
    (0..4 - party)
        .map(|index| {
            let values: Vec<f64> = (0..ROWS).map(|row| raw(index, row)).collect();
            let mean = values.iter().sum::<f64>() / ROWS as f64;
            let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / ROWS as f64;
            values.iter().map(|x| (x - mean) / variance.sqrt()).collect()
        })
        .collect()
}

#[test]
fn correct() {
    let sides = [columns(0), columns(1)];
    let side = async |session: net::Session| {
        let mut party = TwoParty::setup(session, Arc::new(Ledger::new([KEY]))).await.unwrap();
        let own = &sides[usize::from(!party.is_first())];
        let own: Vec<&[f64]> = own.iter().map(Vec::as_slice).collect();
        correlated_pairs(&mut party, &own, ROWS, 0.8).await.unwrap()
    };
    let outcome = world::pair(3, side, side);
    assert_eq!(outcome.first, outcome.second);
    let mut expected = Vec::new();
    for (guest, left) in sides[0].iter().enumerate() {
        for (host, right) in sides[1].iter().enumerate() {
            let product: f64 = left.iter().zip(right).map(|(x, y)| x * y).sum();
            if (product / ROWS as f64).abs() > 0.8 {
                expected.push(Pair { guest, host });
            }
        }
    }
    assert!(!expected.is_empty());
    assert_eq!(outcome.first, expected);
}
