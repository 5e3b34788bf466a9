//! Numbers about the common rows, without anybody learning which rows these are.

use crate::{
    Audience, ComponentDescriptor, Disclosure, DisclosureKind, Frequency, ParameterKind,
    PrivacyMode, Role, STRICT, Text,
};

use super::{integer, parameter};

/// How many rows are common, and sums of columns over them.
pub static TOTALS: ComponentDescriptor = ComponentDescriptor {
    name: "align.totals",
    title: Text::new("Totals of a hidden intersection", "隐藏交集的合计"),
    description: Text::new(
        "Counts the common rows and adds up the columns that the parties list under `sum` over \
         them. Nobody learns which rows are common. Only for jobs without a model.",
        "统计共有行数，并对各方在 `sum` 中列出的字段在共有行上求和；任何一方都不会得知哪些行是共有的。只用于不训练模型的任务。",
    ),
    roles: &[Role::Guest, Role::Host],
    modes: &[PrivacyMode {
        name: STRICT,
        summary: Text::new(
            "Opens how many rows are common and, if they are enough, the sums over them.",
            "仅公开共有行数；若达到下限，再公开这些行上的合计。",
        ),
        several_hosts: false,
        disclosures: &[
            Disclosure::new(
                Audience::All,
                "table.rows",
                DisclosureKind::Size,
                Frequency::Once,
                Text::new(
                    "the number of rows of the other party's table that take part",
                    "对方参与的行数",
                ),
            ),
            Disclosure::new(
                Audience::All,
                CARDINALITY,
                DisclosureKind::Result,
                Frequency::Once,
                Text::new("how many rows are common", "共有行数"),
            ),
            Disclosure::new(
                Audience::All,
                SUM,
                DisclosureKind::Result,
                Frequency::Once,
                Text::new(
                    "the sum over the common rows of each column listed under `sum`",
                    "`sum` 中所列每个字段在共有行上的合计",
                ),
            ),
            Disclosure::new(
                Audience::All,
                ENOUGH,
                DisclosureKind::Intermediate,
                Frequency::Once,
                Text::new(
                    "whether the common rows are as many as `minimum`",
                    "共有行数是否达到 `minimum`",
                ),
            ),
            Disclosure::new(
                Audience::All,
                "totals.differences",
                DisclosureKind::Inference,
                Frequency::Once,
                Text::new(
                    "from totals of several runs whose rows differ little: whether these few rows \
                     are common, and what they add to the sums",
                    "由行相差很少的多次运行的合计，可推断相差的行是否共有及其数值",
                ),
            ),
        ],
    }],
    parameters: &[
        parameter(
            "learn",
            ParameterKind::Choice { default: "both", options: &["both", "guest", "host"] },
            Text::new("who learns the totals", "由谁得知合计"),
        ),
        parameter(
            "minimum",
            integer(100, 1, 1_000_000_000),
            Text::new(
                "the least number of common rows over which sums are opened; that number itself is \
                 opened in any case",
                "公开合计所需的最少共有行数；共有行数本身总会公开",
            ),
        ),
        parameter(
            "decimals",
            integer(4, 0, 9),
            Text::new(
                "to how many decimal places numbers are rounded before they are added",
                "求和前将数值舍入到的小数位数",
            ),
        ),
    ],
};

/// What a job opens: to the `learners`, sums of the `columns` of each party, by party; to `other`,
/// the party that does not learn, if there is one, whether there are enough common rows.
pub fn totals_of(
    learners: Audience,
    other: Option<Audience>,
    columns: &[(&str, &[String])],
) -> Vec<Disclosure> {
    let columns: Vec<String> = columns
        .iter()
        .flat_map(|(party, columns)| columns.iter().map(move |column| format!("{party}.{column}")))
        .collect();
    let adapt = |mut disclosure: Disclosure| {
        disclosure.to = match disclosure.key.as_ref() {
            "table.rows" => Audience::All,
            ENOUGH => other.filter(|_| !columns.is_empty())?,
            SUM if columns.is_empty() => return None,
            _ => learners,
        };
        if disclosure.key == SUM {
            disclosure.what = Text::owned(
                format!("the sums over the common rows of {}", columns.join(", ")),
                format!("{} 在共有行上的合计", columns.join("、")),
            );
        }
        Some(disclosure)
    };
    let all = TOTALS.modes.iter().flat_map(|mode| mode.disclosures);
    all.cloned().filter_map(adapt).collect()
}

const CARDINALITY: &str = "psi.cardinality";
const SUM: &str = "psi.sum";
const ENOUGH: &str = "psi.enough";

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(disclosures: &[Disclosure]) -> Vec<(&str, &str)> {
        disclosures.iter().map(|it| (it.to.name(), it.key.as_ref())).collect()
    }

    #[test]
    fn the_statement_names_learners_and_columns() {
        let (spend, none) = (["spend".to_owned()], []);
        let columns = [("shop", &spend[..]), ("bank", &none[..])];
        let all = totals_of(Audience::Guest, Some(Audience::Host), &columns);
        let expected = [
            ("all", "table.rows"),
            ("guest", CARDINALITY),
            ("guest", SUM),
            ("host", ENOUGH),
            ("guest", "totals.differences"),
        ];
        assert_eq!(keys(&all), expected);
        assert_eq!(all[2].what.en, "the sums over the common rows of shop.spend");
        let both = totals_of(Audience::All, None, &columns);
        assert!(!keys(&both).iter().any(|(_, key)| *key == ENOUGH));
        let count = totals_of(Audience::Host, Some(Audience::Guest), &[("bank", &none)]);
        assert_eq!(keys(&count)[1..], [("host", CARDINALITY), ("host", "totals.differences")]);
    }
}
