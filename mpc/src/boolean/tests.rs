use world::Side;

use super::*;
use crate::test_support::{assert_drop_is_noticed, both, both_dealt, sweep};

#[test]
fn correct() {
    let outcome = both(3, async |party| {
        let mut triples = bit_triples(party, 4).await.unwrap();
        let mut rng = party.session.rng();
        let mut words = vec![0; 4];
        rng.fill_words(&mut words);
        let x = Bits::from_words(words[..2].to_vec(), 100);
        let y = Bits::from_words(words[2..].to_vec(), 100);
        let products = and_many(party, &mut triples, &[(&x, &y), (&y, &y)]).await.unwrap();
        (x, y, products)
    });
    let (x0, y0, products0) = outcome.first;
    let (x1, y1, products1) = outcome.second;
    let (x, y) = (x0.xor(&x1), y0.xor(&y1));
    for index in 0..100 {
        assert_eq!(products0[0].xor(&products1[0]).bit(index), x.bit(index) & y.bit(index));
        assert_eq!(products0[1].xor(&products1[1]).bit(index), y.bit(index));
    }
}

/// Three products of 100 bits, two of them with one factor in common.
async fn program(party: &mut TwoParty) -> Result<[Bits; 3], MpcError> {
    let side = u64::from(party.is_first());
    let bits = |seed: u64| {
        Bits::from_words(vec![(seed + side).wrapping_mul(0x9E37_79B9_7F4A_7C15); 2], 100)
    };
    let (x, y, z) = (bits(1), bits(5), bits(9));
    let mut triples = bit_triples(party, 2).await?;
    let product = and_many(party, &mut triples, &[(&x, &y)]).await?.remove(0);
    let mut triples = bit_triples::<2>(party, 2).await?;
    let [left, right] = and_shared(party, &mut triples, &[(&x, [&y, &z])]).await?.remove(0);
    Ok([product, left, right])
}

#[test]
fn known_answer() {
    let outcome = both_dealt(1, program);
    let (first, second) = (outcome.first.unwrap(), outcome.second.unwrap());
    let product = |index: usize| first[index].xor(&second[index]);
    assert!(product(0) == product(1) && product(1) != product(2));
    assert_eq!(
        outcome.transcript.hash(),
        "1d54472a7617a0224dde97cfb83377407af74a61ca0afeadfb1958eca8dcc126"
    );
}

#[test]
fn cost() {
    let transcript = both_dealt(2, program).transcript;
    for side in [Side::First, Side::Second] {
        assert_eq!(transcript.bytes_of(side, "corrections"), 2 * 128 * 4);
        assert_eq!(transcript.bytes_of(side, "triple_bits"), (1 + 2) * 128 / 8);
        assert_eq!(transcript.bytes_of(side, "masked_bits"), (2 + 3) * 128 / 8);
    }
    assert_eq!(transcript.rounds(), 2 * 3);
}

#[test]
fn tampered() {
    sweep(&["triple_bits", "masked_bits"], program);
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("triple_bits", program);
    assert_drop_is_noticed("masked_bits", program);
}

#[test]
fn misuse_is_refused() {
    let outcome = both_dealt(3, async |party| {
        let mut triples = bit_triples(party, 1).await?;
        let (short, long) = (Bits::zeros(3), Bits::zeros(65));
        let mixed = and_many(party, &mut triples, &[(&short, &long)]).await.err();
        let empty = and_many(party, &mut triples, &[(&long, &long)]).await.err();
        Ok::<_, MpcError>([mixed, empty])
    });
    for error in outcome.first.unwrap() {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
}
