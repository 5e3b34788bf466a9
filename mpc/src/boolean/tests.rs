use super::*;
use crate::test_support::both;

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
