use proptest::prelude::*;
use world::{Fault, FaultKind, MeshFault, MeshOutcome, Side, hostile, mesh, mesh_with_fault};

use super::*;

const KEY: &str = "test.value";

async fn ready(number: usize, sessions: Vec<Session>) -> Result<ThreeParty, MpcError> {
    let sessions = sessions.try_into().unwrap_or_else(|_| panic!("two others"));
    ThreeParty::setup(number, sessions, Arc::new(Ledger::new([KEY]))).await
}

/// What is opened of all that can be computed from the first party's and the second party's
/// numbers.
#[derive(Debug, PartialEq, Eq)]
struct Opened {
    products: Vec<u64>,
    inner: Vec<u64>,
    signs: Vec<bool>,
    selected: Vec<u64>,
}

async fn play(
    number: usize,
    sessions: Vec<Session>,
    inputs: &[Vec<u64>; 2],
) -> Result<Opened, MpcError> {
    let mut party = ready(number, sessions).await?;
    let count = inputs[0].len();
    let of = |owner: usize| if number == owner { &inputs[owner][..] } else { &[] };
    let x = party.input(0, of(0), count).await?;
    let y = party.input(1, of(1), count).await?;
    let products = party.multiply(&x, &y).await?;
    let inner = party.dot(&x, &y).await?;
    let signs = party.signs(&x.minus(&y)).await?;
    let bits = party.bits_to_words(&signs).await?;
    // The smaller one of both, plus three.
    let chosen = party.multiply(&bits, &x.minus(&y)).await?;
    let three = party.constant(&vec![3; count]);
    let selected = y.plus(&chosen).plus(&three);
    let signs = party.open_bits(KEY, &signs).await?;
    Ok(Opened {
        products: party.open(KEY, &products).await?,
        inner: party.open(KEY, &inner).await?,
        signs: (0..signs.len()).map(|index| signs.bit(index) == 1).collect(),
        selected: party.open(KEY, &selected).await?,
    })
}

fn run(seed: u64, inputs: &[Vec<u64>; 2]) -> MeshOutcome<Result<Opened, MpcError>> {
    mesh(seed, PARTIES, |number, sessions| play(number, sessions, inputs))
}

fn check(inputs: &[Vec<u64>; 2]) {
    let outcome = run(1, inputs);
    let pairs = || inputs[0].iter().copied().zip(inputs[1].iter().copied());
    let products: Vec<u64> = pairs().map(|(x, y)| x.wrapping_mul(y)).collect();
    for opened in outcome.results {
        let opened = opened.unwrap();
        let inner = products.iter().fold(0, |sum: u64, product| sum.wrapping_add(*product));
        assert_eq!((&opened.products, &opened.inner[..]), (&products, &[inner][..]));
        let signs: Vec<bool> = pairs().map(|(x, y)| (x.wrapping_sub(y) as i64) < 0).collect();
        assert_eq!(opened.signs, signs);
        let smaller = pairs().zip(&signs).map(|((x, y), sign)| if *sign { x } else { y });
        let selected: Vec<u64> = smaller.map(|number| number.wrapping_add(3)).collect();
        assert_eq!(opened.selected, selected);
    }
}

#[test]
fn correct() {
    let edges = vec![0, 1, 2, u64::MAX, 1 << 63, (1 << 63) - 1, 5, 1 << 32];
    let others = vec![0, 2, 1, 1, 7, u64::MAX, 5, (1 << 32) - 1];
    check(&[edges.clone(), others.clone()]);
    check(&[others, edges]);
    check(&[Vec::new(), Vec::new()]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn correct_for_any_numbers(pairs in prop::collection::vec(any::<(u64, u64)>(), 1..30)) {
        let (left, right) = pairs.into_iter().unzip();
        check(&[left, right]);
    }
}

/// Bits that are shared by XOR: the top bits of numbers.
#[test]
fn correct_for_bits() {
    let numbers: [Vec<u64>; 2] = [vec![0, 0, 1 << 63, 1 << 63], vec![0, 1 << 63, 0, 1 << 63]];
    let outcome = mesh(2, PARTIES, async |number, sessions| {
        let mut party = ready(number, sessions).await.unwrap();
        let mut signs = Vec::new();
        for owner in [2, 1] {
            let own = if number == owner { &numbers[owner - 1][..] } else { &[] };
            let shared = party.input(owner, own, 4).await.unwrap();
            signs.push(party.signs(&shared).await.unwrap());
        }
        let both = party.and(&signs[0], &signs[1]).await.unwrap();
        let either = signs[0].xor(&signs[1]).xor(&both);
        let both = party.open_bits(KEY, &both).await.unwrap();
        let either = party.open_bits(KEY, &either).await.unwrap();
        (both.words()[0], either.words()[0])
    });
    assert!(outcome.results.into_iter().all(|bits| bits == (0b1000, 0b1110)));
}

/// Own shares of zeros are as random as those of other numbers.
#[test]
fn correct_shares_look_random() {
    let outcome = mesh(3, PARTIES, async |number, sessions| {
        let mut party = ready(number, sessions).await.unwrap();
        let zeros = vec![0; if number == 0 { 2000 } else { 0 }];
        let zeros = party.input(0, &zeros, 2000).await.unwrap();
        let products = party.multiply(&zeros, &zeros).await.unwrap();
        [zeros.own, zeros.next, products.own, products.next]
    });
    for shares in outcome.results.iter().flatten() {
        let distinct: std::collections::BTreeSet<&u64> = shares.iter().collect();
        assert_eq!(distinct.len(), shares.len());
        let set: u32 = shares.iter().map(|share| share.count_ones()).sum();
        // Six standard deviations of 128,000 bits.
        assert!((f64::from(set) - 64_000.0).abs() < 1074.0, "{set}");
    }
}

fn few() -> [Vec<u64>; 2] {
    [vec![3, 5], vec![7, 2]]
}

#[test]
fn known_answer() {
    let outcome = run(4, &few());
    let opened = outcome.results[0].as_ref().unwrap();
    assert_eq!((&opened.products[..], &opened.inner[..]), (&[21, 10][..], &[31][..]));
    assert_eq!(outcome.hash(), "4806135b8786ee50814fd5c9d16818fbf7b1f559c090a5d7106a63b340d96536");
}

#[test]
fn cost() {
    let outcome = run(5, &few());
    // To the previous party: two words of products and of choices; one inner product; signs
    // 13 words for each number; and two products for each bit. To the next: what is opened.
    let (products, opened) = (8 * (2 * 2 + 1 + 13 * 2 + 2 * 2), 8 * (3 * 2 + 1));
    for ((first, second), transcript) in &outcome.transcripts {
        // The later one of both is the next one, but for the last pair.
        let is_next = second - first == 1;
        let (previous, next) =
            if is_next { (Side::First, Side::Second) } else { (Side::Second, Side::First) };
        assert_eq!(transcript.bytes_of(next, "key"), 32);
        assert_eq!(transcript.bytes_of(next, "products"), products);
        assert_eq!(transcript.bytes_of(previous, "opened"), opened);
        // Party 0 shares its numbers and, for the signs, sums; party 1 shares its numbers.
        let inputs = [32, 16, 0];
        let numbers = if is_next { [*first, *second] } else { [*second, *first] };
        assert_eq!(transcript.bytes_of(previous, "inputs"), inputs[numbers[0]]);
        assert_eq!(transcript.bytes_of(next, "inputs"), inputs[numbers[1]]);
    }
}

/// A semi-honest protocol cannot see other words of the right length, but every other length.
#[test]
fn tampered() {
    let inputs = few();
    let chosen = |sent: &world::MeshSent| sent.between == (0, 1);
    let report =
        hostile::sweep_mesh(6, PARTIES, chosen, |number, sessions| play(number, sessions, &inputs));
    assert!(report.runs > 20, "{report:?}");
}

#[test]
fn tampered_length_is_named() {
    let inputs = few();
    let kind = FaultKind::replace(|bytes| bytes[1..].to_vec());
    let (path_step, from) = ("products".to_owned(), Side::Second);
    let fault =
        MeshFault { between: (0, 1), fault: Fault { path_step, occurrence: 0, kind, from } };
    let role = |number, sessions| play(number, sessions, &inputs);
    let outcome = mesh_with_fault(7, PARTIES, fault, role);
    let text = outcome.results[0].as_ref().unwrap_err().to_string();
    assert!(text.contains("misbehaved") && text.contains("products"), "{text}");
}

#[test]
fn peer_drops() {
    let inputs = few();
    for (step, from) in [("key", Side::Second), ("products", Side::Second), ("opened", Side::First)]
    {
        let (path_step, kind) = (step.to_owned(), FaultKind::Close);
        let fault =
            MeshFault { between: (0, 1), fault: Fault { path_step, occurrence: 0, kind, from } };
        let role = |number, sessions| play(number, sessions, &inputs);
        let outcome = mesh_with_fault(8, PARTIES, fault, role);
        for number in 0..2 {
            let result = &outcome.results[number];
            assert!(matches!(result, Err(MpcError::Net(_))), "{step}, {number}: {result:?}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let outcome = mesh(9, PARTIES, async |number, sessions| {
        let mut party = ready(number, sessions).await.unwrap();
        let two = party.constant(&[1, 2]);
        let one = party.constant(&[1]);
        let product = party.multiply(&two, &one).await.err();
        let owner = party.input(3, &[], 0).await.err();
        let undeclared = party.open("test.other", &one).await.err();
        (product, owner, undeclared)
    });
    for (product, owner, undeclared) in outcome.results {
        assert!(matches!(product, Some(MpcError::InvalidInput(_))), "{product:?}");
        assert!(matches!(owner, Some(MpcError::InvalidInput(_))), "{owner:?}");
        assert!(matches!(undeclared, Some(MpcError::Undeclared(_))), "{undeclared:?}");
    }
}
