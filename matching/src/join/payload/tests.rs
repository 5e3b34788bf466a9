use proptest::prelude::*;
use table::{MISSING_TIME, Values};
use world::{Fault, FaultKind, Outcome, Side, hostile, pair_with_fault};

use super::*;

/// So small that texts and rows fill several chunks.
const SMALL: Limits = Limits { rows: 5, texts_bytes: 40 };

type Received = Result<Vec<(Kind, Values)>, MatchingError>;
type Sent = Result<(), MatchingError>;

/// One column of each kind, with a missing value in each.
fn columns(rows: usize) -> Vec<(Kind, Values)> {
    let is_missing = |row: usize| row % 7 == 3;
    let number = |row: usize, value: f64| if is_missing(row) { f64::NAN } else { value };
    let text = |row: usize, text: String| (!is_missing(row)).then_some(text);
    let notes = (0..rows).map(|row| text(row, format!("note {}", "客".repeat(row % 5))));
    let levels = (0..rows).map(|row| text(row, format!("level {}", row % 4)));
    let time = |row: usize| if is_missing(row) { MISSING_TIME } else { -5 + row as i64 };
    let numbers = |value: &dyn Fn(usize) -> f64| {
        Values::numbers((0..rows).map(|row| number(row, value(row))).collect())
    };
    vec![
        (Kind::Text, Values::texts(notes)),
        (Kind::Number, numbers(&|row| row as f64 / 3.0)),
        (Kind::Integer, numbers(&|row| row as f64 - 9.0)),
        (Kind::Category, Values::categories(levels).unwrap()),
        (Kind::Boolean, numbers(&|row| f64::from(u8::from(row % 2 == 0)))),
        (Kind::Time, Values::times((0..rows).map(time).collect())),
    ]
}

async fn give(mut session: Session, columns: &[(Kind, Values)], order: &[u32]) -> Sent {
    let column = columns.iter();
    let offered: Vec<Offered<'_>> =
        column.map(|(kind, values)| Offered { name: "x", kind: *kind, values }).collect();
    send_in_chunks(&mut session, &offered, order, SMALL).await
}

async fn take(mut session: Session, kinds: &[Option<Kind>], rows: usize) -> Received {
    let expected: Vec<_> = kinds.iter().map(|kind| Expected { name: "x", kind: *kind }).collect();
    receive_in_chunks(&mut session, &expected, rows, SMALL).await
}

fn run(columns: &[(Kind, Values)], order: &[u32]) -> Outcome<Sent, Received> {
    let kinds: Vec<_> = columns.iter().map(|(kind, _)| Some(*kind)).collect();
    world::pair(
        7,
        |session| give(session, columns, order),
        |session| take(session, &kinds, order.len()),
    )
}

/// The value of a row in words, which tells all that there are apart.
fn shown(values: &Values, row: usize) -> String {
    match values {
        Values::Text(_) | Values::Categorical(_) => format!("{:?}", values.text(row)),
        Values::Numeric(numbers) => format!("{:?}", numbers.value(row)),
        Values::Time(times) => format!("{:?}", times.value(row)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn correct(rows in 1_usize..40, order in prop::collection::vec(0_u32..40, 0..40)) {
        let columns = columns(rows);
        let order: Vec<u32> = order.into_iter().map(|row| row % rows as u32).collect();
        let outcome = run(&columns, &order);
        outcome.first.unwrap();
        let received = outcome.second.unwrap();
        prop_assert_eq!(received.len(), columns.len());
        for ((kind, values), (expected_kind, expected)) in received.iter().zip(&columns) {
            prop_assert_eq!((*kind, values.len()), (*expected_kind, order.len()));
            for (place, row) in order.iter().enumerate() {
                prop_assert_eq!(shown(values, place), shown(expected, *row as usize));
            }
        }
    }
}

/// A level that only other rows have must not travel.
#[test]
fn correct_and_no_level_of_other_rows_is_sent() {
    let levels = Values::categories([Some("common"), Some("elsewhere")]).unwrap();
    let received = run(&[(Kind::Category, levels)], &[0]).second.unwrap();
    let Values::Categorical(categories) = &received[0].1 else { panic!("a category") };
    assert_eq!(categories.view().levels, ["common"]);
}

#[test]
fn known_answer() {
    let outcome = run(&columns(12), &[11, 0, 3, 4, 5, 9, 2, 1]);
    assert_eq!(shown(&outcome.second.unwrap()[0].1, 0), "Some(\"note 客\")");
    let hash = "2adaf2ba0eab66651c79af4619abd198b8bf4d5d0b284216019d10bd30a5fb67";
    assert_eq!(outcome.transcript.hash(), hash);
}

#[test]
fn cost() {
    let (columns, order) = (columns(30), (0..23).collect::<Vec<u32>>());
    // Three of the 23 rows have no value; chunks of 5, 5, 5, 5 and 3 rows take a byte of bits each.
    let fixed = |size: u64| 5 * (4 + 1) + 20 * size;
    assert_eq!(run(&columns[1..2], &order).transcript.bytes(), 9 + fixed(8));
    assert_eq!(run(&columns[4..5], &order).transcript.bytes(), 9 + fixed(1));
    let texts = |column: usize| -> (u64, u64) {
        let present = order.iter().filter_map(|row| columns[column].1.text(*row as usize));
        present.fold((0, 0), |(count, sum), text| (count + 1, sum + text.len() as u64 + 2))
    };
    let transcript = run(&columns[0..1], &order).transcript;
    let chunks = transcript.messages() - 1;
    assert_eq!(transcript.bytes(), 9 + chunks * 5 + texts(0).1);
    assert_eq!(texts(0).0, 20);
    let all = run(&columns, &order).transcript;
    assert_eq!(all.bytes_of(Side::First, "header"), 8 + 6);
    assert_eq!((all.rounds(), all.bytes_of(Side::Second, "")), (0, 0));
}

#[test]
fn tampered_messages_are_noticed() {
    let (columns, order) = (columns(9), (0..9).collect::<Vec<u32>>());
    let kinds = vec![None; columns.len()];
    let report = hostile::sweep(
        7,
        |session| give(session, &columns, &order),
        |session| take(session, &kinds, 9),
    );
    assert!(report.unnoticed.is_empty(), "{:?}", report.unnoticed);
}

/// What a receiver of one column and two rows says about a peer that sends these messages.
fn against(kind: u8, rows: u64, chunk: &[u8]) -> String {
    let outcome = world::pair(
        7,
        |mut session| async move {
            let header = [rows.to_le_bytes().as_slice(), &[kind]].concat();
            session.send_bytes("header", header).await?;
            session.send_bytes("values", chunk.to_vec()).await
        },
        |session| take(session, &[None], 2),
    );
    let Err(error) = outcome.second else { panic!("it was taken") };
    assert!(matches!(error, MatchingError::Net(_)), "{error}");
    error.to_string()
}

#[test]
fn tampered_values_are_named() {
    let number = |value: f64| [&[1, 0, 0, 0, 1][..], &value.to_le_bytes()].concat();
    let text = |text: &[u8]| [&[1, 0, 0, 0, 1, text.len() as u8, 0], text].concat();
    let endless = [&[1, 0, 0, 0, 1][..], &MISSING_TIME.to_le_bytes()].concat();
    for (kind, chunk, rule) in [
        (1, number(f64::NAN), "a value of kind number is NaN"),
        (1, number(f64::INFINITY), "a value of kind number is inf"),
        (2, number(0.5), "a value of kind integer is 0.5"),
        (2, number(1e300), "a value of kind integer is 1"),
        (4, vec![1, 0, 0, 0, 1, 2], "2 is not a truth value"),
        (5, endless, "the one that means missing"),
        (0, text(&[0xff, 0xfe]), "a text is not UTF-8"),
        (3, text(&[0xc3]), "a text is not UTF-8"),
        (0, vec![1, 0, 0, 0, 1, 9, 0, b'x'], "message ends 8 bytes early"),
        (0, vec![3, 0, 0, 0, 0], "length 3 of rows is above the limit 2"),
        (0, vec![0, 0, 0, 0], "a chunk has no row"),
        (0, vec![1, 0, 0, 0, 2], "behind the last row of a chunk"),
        (0, vec![1, 0, 0, 0, 0, 7], "1 bytes left after the message"),
        (0, vec![0; 80], "announced 80 bytes where AtMost(45) was due"),
    ] {
        let text = against(kind, 2, &chunk);
        assert!(text.contains(rule), "{text}");
        assert!(text.contains("values") && !text.contains("header"), "{text}");
    }
    for (kind, rows, rule) in [
        (6, 2, "has the kind 6, which there is not"),
        (1, 3, "announced 3 rows where 2 are common"),
    ] {
        let text = against(kind, rows, &[]);
        assert!(text.contains(rule) && text.contains("header"), "{text}");
    }
}

#[test]
fn tampered_kinds_are_held_against_the_job() {
    let columns = columns(3);
    let outcome = world::pair(
        7,
        |session| give(session, &columns[1..2], &[0, 1]),
        |session| take(session, &[Some(Kind::Text)], 2),
    );
    let text = outcome.second.err().unwrap().to_string();
    assert!(text.contains("column `x` is of kind number where the job says text"), "{text}");
}

#[test]
fn what_no_receiver_takes_is_refused_before_anything_is_sent() {
    for texts in [vec!["x".repeat(70_000)], vec!["x".repeat(60_000); 20]] {
        let order: Vec<u32> = (0..texts.len() as u32).collect();
        let outcome = run(&[(Kind::Text, Values::texts(texts.into_iter().map(Some)))], &order);
        assert!(matches!(outcome.first, Err(MatchingError::PayloadTooLong { .. })));
        assert_eq!(outcome.transcript.bytes(), 0);
    }
}

#[test]
fn peer_drops_and_both_sides_say_so() {
    let (columns, order) = (columns(9), (0..9).collect::<Vec<u32>>());
    let fault = Fault {
        path_step: "values".to_owned(),
        occurrence: 2,
        kind: FaultKind::Close,
        from: Side::First,
    };
    let kinds = vec![None; columns.len()];
    let outcome = pair_with_fault(
        7,
        fault,
        |session| give(session, &columns, &order),
        |session| take(session, &kinds, 9),
    );
    assert!(matches!(outcome.first, Err(MatchingError::Net(_))));
    assert!(matches!(outcome.second, Err(MatchingError::Net(_))));
}
