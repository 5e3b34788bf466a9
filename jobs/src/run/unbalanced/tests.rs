use matching::psi::Identifiers;
use net::Meter;

use super::*;

fn numbered(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| format!("id-{number}")).collect()
}

fn set(ids: &[String]) -> Identifiers<'_> {
    Identifiers::new(ids.iter().map(String::as_str)).unwrap()
}

/// What is done when a server that had ids 0 to 19 has other ones.
fn change(ids: &[String]) -> (Server, Change) {
    let (mut generator, meter) = (Generator::from_seed([1; 32]), Meter::default());
    let server = prepare(&set(&numbered(0..20)), &mut generator, &meter);
    bring_up_to_date(server, &set(ids), &mut generator, &meter)
}

#[test]
fn only_what_is_needed_is_done() {
    for (ids, expected) in [
        (numbered(0..20), Change::Nothing),
        (numbered(0..23), Change::Added(3)),
        (numbered(0..19), Change::PreparedAnew),
        (numbered(1..21), Change::PreparedAnew),
        (numbered(1..30), Change::PreparedAnew),
    ] {
        let (server, change) = change(&ids);
        assert_eq!(change, expected);
        assert!(server.holds(&set(&ids)));
    }
}
