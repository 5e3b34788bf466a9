//! The page of a month: differences before signing, and who has signed.

use governance::members::MemberId;
use governance::metering::{Difference, Statement, UsageKey, UsageKind};

use super::*;
use crate::console::forms::Mistakes;
use crate::console::statements::{MonthWith, page};
use crate::office::{Account, Settling};

fn shown(month: &str, signed_by: &[usize]) -> String {
    let member = |byte: u8| MemberId::of_key(crypto::signature::PublicKey::new([byte; 32]));
    let [own, partner] = [member(1), member(2)];
    let statement = Statement {
        payer: own,
        payee: partner,
        month: month.parse().unwrap(),
        currency: "CNY".to_owned(),
        lines: Vec::new(),
        total: 1_005,
    };
    let key = UsageKey {
        payer: own,
        payee: partner,
        run: Digest::new([3; 32]),
        step: 0,
        attempt: 1,
        kind: UsageKind::Hits,
    };
    let signed_by = signed_by.iter().map(|it| [own, partner][*it]).collect();
    let settling = Settling { statement, digest: Digest::new([4; 32]), signed_by };
    let differences = vec![Difference { key, ours: None, theirs: None }];
    let found = MonthWith {
        own: (own, "Bank".to_owned()),
        partner: (partner, "<b>Operator".to_owned()),
        month: month.parse().unwrap(),
        account: Ok(Account { statements: vec![settling], differences }),
    };
    let reader = reader(Language::English);
    page(&reader, &Form::default(), &[], &Mistakes::new(), Some(&found)).html(&reader)
}

#[test]
fn a_month_that_is_over_is_signed_once() {
    let form = "action=\"/trust/statements/sign\"";
    let open = shown("2026-11", &[]);
    let (differences, sign) = (open.find("Counted here").unwrap(), open.find(form).unwrap());
    assert!(differences < sign && !open.contains("<b>"), "{open}");
    assert!(shown("2026-11", &[1]).contains("signed by &lt;b&gt;Operator"));
    let signed = shown("2026-11", &[0]);
    assert!(signed.contains("signed by Bank") && !signed.contains(form), "{signed}");
    assert!(shown("2026-11", &[0, 1]).contains("signed by both sides"));
    // The reader's clock stands in January 2027.
    assert!(!shown("2027-01", &[]).contains(form));
}
