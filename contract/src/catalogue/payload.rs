//! Columns that one party sends to the other after the alignment.

use crate::{
    Audience, ComponentDescriptor, Disclosure, DisclosureKind, Frequency, PrivacyMode, Role,
    STRICT, Text,
};

/// Columns of the common rows, sent as they are.
pub static PAYLOAD: ComponentDescriptor = ComponentDescriptor {
    name: "payload",
    title: Text::new("Columns of the common rows", "共有行的附加字段"),
    description: Text::new(
        "Sends the columns that a party lists under `payload` to the other party, as they are, for \
         the common rows and no others. Only for jobs without a model.",
        "将一方在 `payload` 中列出的字段按原值发送给对方，仅限共有的行；只用于不训练模型的任务。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: &[PrivacyMode {
        name: STRICT,
        summary: Text::new(
            "Opens the listed columns of the common rows to the other party.",
            "向对方公开所列字段在共有行上的值。",
        ),
        several_hosts: false,
        disclosures: &[to_party(Audience::Guest), to_party(Audience::Host)],
    }],
    parameters: &[],
};

const fn to_party(to: Audience) -> Disclosure {
    Disclosure::new(
        to,
        VALUES,
        DisclosureKind::Result,
        Frequency::Once,
        Text::new(
            "the values of the columns that the other party lists under `payload`, for each \
             common row",
            "对方在 `payload` 中列出的字段在每个共有行上的值",
        ),
    )
}

/// What a job opens to one party: the `columns` of the party `from`, by name.
pub fn payload_of(to: Audience, from: &str, columns: &[String]) -> Disclosure {
    let what = Text::owned(
        format!("the values of {from}'s columns {} for each common row", columns.join(", ")),
        format!("{from} 的字段 {} 在每个共有行上的值", columns.join("、")),
    );
    Disclosure {
        to,
        key: VALUES.into(),
        what,
        kind: DisclosureKind::Result,
        count: Frequency::Once,
    }
}

const VALUES: &str = "payload.values";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_names_the_columns() {
        let disclosure = payload_of(Audience::Guest, "shop", &["age".into(), "city".into()]);
        assert_eq!(
            disclosure.what.en,
            "the values of shop's columns age, city for each common row"
        );
        assert!(PAYLOAD.modes[0].disclosures.iter().any(|it| it.key == disclosure.key));
    }
}
