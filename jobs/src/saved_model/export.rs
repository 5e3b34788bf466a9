//! A party's own part as a CSV file that people, and programs that are not this one, can read.
//!
//! Of a model with coefficients there is a line for each feature: the party's part of the linear
//! predictor is the sum of `points`, where there are some, and of `coefficient` times
//! `(x - centre) / scale`; of a model of several classes for each class. Of trees there is a line
//! for each node that the party may read; of a model that recommends one for each vector of
//! factors, whose numbers stand between blanks.

use std::collections::HashMap;

use contract::Role;
use features::Derivation;
use features::binning::Binning;
use features::prepare::{Formula, Preparation};
use models::local::boosted_trees::{Node, Tree};
use models::local::factorization_machine::{GuestPart, HostPart};
use models::vertical::boosted_trees::{GuestTrees, HostTrees, Question};
use models::vertical::strict_trees::{PartNode, StrictTrees};

use super::SavedModel;
use crate::run::{ClassesPart, Coefficient, GuestFactors, ModelPart, Weighed};

/// The text of the file.
pub(crate) fn own_part(model: &SavedModel) -> String {
    let file = match &model.part {
        ModelPart::LogisticRegression(part) | ModelPart::Regression(part) => {
            let mut file = Csv::new(FEATURE_COLUMNS);
            coefficients(&mut file, model, part.intercept, &part.coefficients);
            file
        }
        ModelPart::MultinomialRegression(part) => classes(model, part),
        ModelPart::GuestTrees { trees, binnings, names, .. } => {
            guest_trees(trees, binnings, names.as_deref())
        }
        ModelPart::HostTrees { trees, binnings } => host_trees(trees, binnings),
        ModelPart::StrictTrees { trees, binnings, names, .. } => {
            let hosts = model.parties.get(1..).unwrap_or_default();
            strict_trees(trees, binnings, hosts, names.as_deref())
        }
        ModelPart::GuestFactors(part) => guest_factors(model, part),
        ModelPart::HostFactors(part) => {
            let mut file = Csv::new(FACTOR_COLUMNS);
            let HostPart { column_factors, offset } = &part.joint;
            column_lines(&mut file, model, &part.features, (column_factors, offset));
            file
        }
    };
    file.text
}

/// Lines of fields, quoted where they must be (RFC 4180).
struct Csv {
    columns: &'static [&'static str],
    /// The class that lines are about, in a file with such a column.
    class: Option<String>,
    text: String,
}

impl Csv {
    /// A file with these columns.
    fn new(columns: &'static [&'static str]) -> Self {
        Self { columns, class: None, text: format!("{}\n", columns.join(",")) }
    }

    /// A line; cells that are not given are empty.
    fn line(&mut self, cells: &[(&str, String)]) {
        let field = |column: &&str| {
            let field = cells.iter().find(|(name, _)| name == column).map(|(_, text)| text);
            let field = field.or(self.class.as_ref().filter(|_| *column == "class"));
            let field = field.map_or("", String::as_str);
            if field.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", field.replace('"', "\"\""))
            } else {
                field.to_owned()
            }
        };
        let fields: Vec<String> = self.columns.iter().map(field).collect();
        self.text.push_str(&fields.join(","));
        self.text.push('\n');
    }
}

/// The columns of a model of several classes.
const CLASS_COLUMNS: &[&str] = &[
    "class",
    "feature",
    "column",
    "condition",
    "x",
    "missing",
    "lower",
    "upper",
    "centre",
    "scale",
    "coefficient",
    "points",
];
/// Those of other models with coefficients.
const FEATURE_COLUMNS: &[&str] = CLASS_COLUMNS.split_at(1).1;

/// The lines of each class; the host knows classes by their numbers.
fn classes(model: &SavedModel, part: &ClassesPart) -> Csv {
    let mut file = Csv::new(CLASS_COLUMNS);
    for (place, class) in part.classes.iter().enumerate() {
        let name = part.names.as_ref().and_then(|names| names.get(place)).cloned();
        file.class = Some(name.unwrap_or_else(|| (place + 1).to_string()));
        coefficients(&mut file, model, class.intercept, &class.coefficients);
    }
    file
}

fn coefficients(file: &mut Csv, model: &SavedModel, intercept: f64, named: &[Coefficient]) {
    let intercept = intercept.to_string();
    file.line(&[("feature", "(intercept)".to_owned()), ("points", intercept)]);
    let formulas = model.preparation.iter().flat_map(Preparation::formulas);
    let formulas: HashMap<String, Formula> =
        formulas.map(|it| (it.provenance.to_string(), it)).collect();
    for coefficient in named {
        let (feature, weight) = (&coefficient.feature, coefficient.weight);
        if let Some(formula) = formulas.get(feature) {
            plain_line(file, feature, formula, weight);
        } else if let Some(weighed) = &model.weighed {
            weighed_lines(file, feature, weighed, weight);
        }
    }
}

/// Those of a model that recommends: a user's factors are the sum of those of `(offset)`, of the
/// items in its history and of columns, the latter times `(x - centre) / scale`. The score of an
/// item is its bias plus the inner product of its factors with the user's.
const FACTOR_COLUMNS: &[&str] = &[
    "of",
    "item",
    "feature",
    "column",
    "condition",
    "x",
    "missing",
    "lower",
    "upper",
    "centre",
    "scale",
    "bias",
    "factors",
];

fn guest_factors(model: &SavedModel, part: &GuestFactors) -> Csv {
    let mut file = Csv::new(FACTOR_COLUMNS);
    let GuestPart { item_biases, item_factors, history_factors, column_factors, offset } =
        &part.joint;
    column_lines(&mut file, model, &part.features, (column_factors, offset));
    let factors = offset.len().max(1);
    let vectors = item_factors.chunks(factors).zip(history_factors.chunks(factors));
    for ((name, bias), (of_item, of_history)) in part.items.iter().zip(item_biases).zip(vectors) {
        for (of, bias, factors) in
            [("item", bias.to_string(), of_item), ("history", String::new(), of_history)]
        {
            let (of, item) = (of.to_owned(), name.clone());
            let factors = joined(factors);
            file.line(&[("of", of), ("item", item), ("bias", bias), ("factors", factors)]);
        }
    }
    file
}

/// The offset and the party's own columns.
fn column_lines(
    file: &mut Csv,
    model: &SavedModel,
    features: &[String],
    (column_factors, offset): (&[f64], &[f64]),
) {
    file.line(&[("of", "(offset)".to_owned()), ("factors", joined(offset))]);
    let formulas: Vec<Formula> = model.preparation.iter().flat_map(Preparation::formulas).collect();
    for (feature, factors) in features.iter().zip(column_factors.chunks(offset.len().max(1))) {
        let formula = formulas.iter().find(|it| it.provenance.to_string() == *feature);
        let mut cells = formula.map_or_else(Vec::new, |formula| plain_cells(feature, formula));
        cells.extend([("of", "column".to_owned()), ("factors", joined(factors))]);
        file.line(&cells);
    }
}

fn joined(numbers: &[f64]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<String>>().join(" ")
}

/// A feature that is a number or an indicator.
fn plain_line(file: &mut Csv, feature: &str, formula: &Formula, weight: f64) {
    let mut cells = plain_cells(feature, formula);
    cells.push(("coefficient", weight.to_string()));
    file.line(&cells);
}

fn plain_cells(feature: &str, formula: &Formula) -> Vec<(&'static str, String)> {
    let Formula { provenance, fill, clip, centre, scale } = formula;
    let (condition, x) = match &provenance.derivation {
        Derivation::IsMissing => ("is missing".to_owned(), "1 or 0"),
        Derivation::IsLevel(level) => (format!("= {level}"), "1 or 0"),
        Derivation::Number | Derivation::Ordinal | Derivation::Woe => (String::new(), "value"),
    };
    vec![
        ("feature", feature.to_owned()),
        ("column", provenance.source.clone()),
        ("condition", condition),
        ("x", x.to_owned()),
        ("missing", if_known(*fill)),
        ("lower", if_known(clip.map(|(low, _)| low))),
        ("upper", if_known(clip.map(|(_, high)| high))),
        ("centre", centre.to_string()),
        ("scale", scale.to_string()),
    ]
}

/// A column that was replaced by weight of evidence: a line for each bin, with its points where
/// this party knows the value of the bin.
fn weighed_lines(file: &mut Csv, feature: &str, weighed: &Weighed, weight: f64) {
    let Some((binning, values)) = values_of(feature, weighed) else { return };
    for (code, label) in binning.labels().into_iter().enumerate() {
        let value = values.as_ref().and_then(|values| values.get(code)).copied();
        file.line(&[
            ("feature", feature.to_owned()),
            ("column", binning.feature().to_owned()),
            ("condition", label),
            ("x", if_known(value)),
            ("centre", "0".to_owned()),
            ("scale", "1".to_owned()),
            ("coefficient", weight.to_string()),
            ("points", if_known(value.map(|value| value * weight))),
        ]);
    }
}

fn if_known(number: Option<f64>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

/// The bins behind a feature, and the value of each code if this party knows it.
fn values_of<'a>(feature: &str, weighed: &'a Weighed) -> Option<(&'a Binning, Option<Vec<f64>>)> {
    let column = feature.strip_suffix(" (WOE)").unwrap_or(feature);
    let place = weighed.binnings.iter().position(|it| it.feature() == column)?;
    let binning = &weighed.binnings[place];
    if let Some(own) = weighed.own.iter().find(|own| own.column == column) {
        return Some((binning, Some(own.values.clone())));
    }
    let number = weighed.feature_of_number.as_ref()?.iter().position(|it| *it == place)?;
    let values = weighed.host_values.as_ref().and_then(|values| values.get(number));
    let bins = weighed.bin_of_code.as_ref()?.get(number)?;
    let of_code = values.map(|values| {
        let value = |bin: &usize| values.get(*bin).copied().unwrap_or_default();
        bins.iter().map(value).collect()
    });
    Some((binning, of_code))
}

/// What a cut asks.
fn condition(binning: &Binning, bin: u8) -> String {
    let Some(cuts) = binning.cuts() else {
        let levels = binning.labels();
        let chosen = levels.get(1..=usize::from(bin)).unwrap_or_default();
        return format!("one of {}", chosen.join("; "));
    };
    match cuts.get(usize::from(bin).saturating_sub(1)) {
        Some(cut) => format!("<= {cut}"),
        // The last bin: every row that has a value.
        None => "has a value".to_owned(),
    }
}

/// The cells of a question: column, condition, and where rows without a value go.
fn question(binning: Option<&Binning>, bin: u8, missing_left: bool) -> [(&'static str, String); 3] {
    let column = binning.map_or_else(String::new, |binning| binning.feature().to_owned());
    let asked = binning.map_or_else(String::new, |binning| condition(binning, bin));
    let missing = if missing_left { "yes" } else { "no" };
    [("column", column), ("condition", asked), ("missing", missing.to_owned())]
}

const NODE_COLUMNS: &[&str] =
    &["tree", "node", "owner", "column", "condition", "missing", "yes", "no", "gain", "leaf"];

/// Those of a model of several classes.
const CLASS_NODE_COLUMNS: &[&str] = &[
    "class",
    "tree",
    "node",
    "owner",
    "column",
    "condition",
    "missing",
    "yes",
    "no",
    "gain",
    "leaf",
];

/// The cells by which a node is found; both count the way the program does, trees from 1.
fn place_of(tree: usize, node: usize) -> Vec<(&'static str, String)> {
    vec![("tree", (tree + 1).to_string()), ("node", node.to_string())]
}

/// The cells of a split whoever owns it.
fn split_of(owner: Role, left: usize) -> [(&'static str, String); 3] {
    let owner = owner.name().to_owned();
    [("owner", owner), ("yes", left.to_string()), ("no", (left + 1).to_string())]
}

/// All trees: own questions, and those of the host by number.
fn guest_trees(trees: &GuestTrees, binnings: &[Binning], names: Option<&[String]>) -> Csv {
    let columns = if names.is_some() { CLASS_NODE_COLUMNS } else { NODE_COLUMNS };
    let mut file = Csv::new(columns);
    // Trees take turns for the classes.
    let class = |tree: usize| names.and_then(|names| names.get(tree % names.len().max(1)).cloned());
    for (place, score) in trees.base_scores.iter().enumerate() {
        file.class = class(place);
        file.line(&[("tree", "(base score)".to_owned()), ("leaf", score.to_string())]);
    }
    for (tree, nodes) in trees.trees.iter().map(Tree::nodes).enumerate() {
        file.class = class(tree);
        for (place, node) in nodes.iter().enumerate() {
            let mut cells = place_of(tree, place);
            match node {
                Node::Leaf { weight } => cells.push(("leaf", weight.to_string())),
                Node::Split { question: Question::Own(cut), gain, left } => {
                    cells.extend(split_of(Role::Guest, *left));
                    let binning = binnings.get(cut.feature);
                    cells.extend(question(binning, cut.bin, cut.missing_left));
                    cells.push(("gain", gain.to_string()));
                }
                Node::Split { question: Question::Host { host, split }, gain, left } => {
                    cells.extend(split_of(Role::Host, *left));
                    let whose = trees.hosts.get(*host).filter(|_| trees.hosts.len() > 1);
                    let whose = whose.map_or_else(String::new, |it| format!(" of {}", it.party));
                    cells.push(("condition", format!("split {}{whose}", split + 1)));
                    cells.push(("gain", gain.to_string()));
                }
            }
            file.line(&cells);
        }
    }
    file
}

/// The host's splits by the numbers that the guest's trees call them by.
fn host_trees(trees: &HostTrees, binnings: &[Binning]) -> Csv {
    let mut file = Csv::new(&["split", "column", "condition", "missing"]);
    for (number, split) in trees.splits.iter().enumerate() {
        let binning = binnings.iter().find(|binning| binning.feature() == split.feature);
        let mut cells = vec![("split", (number + 1).to_string())];
        cells.extend(question(binning, split.bin, split.missing_left));
        file.line(&cells);
    }
    file
}

/// The shape of the trees, and what own splits ask. Leaves are shares, which say nothing. The host
/// knows classes by their numbers.
fn strict_trees(
    trees: &StrictTrees,
    binnings: &[Binning],
    hosts: &[String],
    names: Option<&[String]>,
) -> Csv {
    let classes = trees.outputs();
    let mut file = Csv::new(if classes > 1 { CLASS_NODE_COLUMNS } else { NODE_COLUMNS });
    for (tree, part) in trees.trees.iter().enumerate() {
        let class = tree % classes;
        let name = names.and_then(|names| names.get(class)).cloned();
        file.class = Some(name.unwrap_or_else(|| (class + 1).to_string()));
        for (place, node) in part.nodes.iter().enumerate() {
            let mut cells = place_of(tree, place);
            if let PartNode::Split { owner, cut, left } = node {
                let host = owner.place().checked_sub(1);
                let role = if host.is_none() { Role::Guest } else { Role::Host };
                cells.extend(split_of(role, *left));
                let of_several = host.filter(|_| hosts.len() > 1).and_then(|it| hosts.get(it));
                if let Some(cut) = cut {
                    cells.extend(question(binnings.get(cut.feature), cut.bin, cut.missing_left));
                } else if let Some(host) = of_several {
                    cells.push(("condition", format!("of {host}")));
                }
            } else {
                cells.push(("leaf", "shared".to_owned()));
            }
            file.line(&cells);
        }
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let mut file = Csv::new(&["a", "b", "c"]);
        file.line(&[("c", "plain".to_owned()), ("a", "say \"x\", y".to_owned())]);
        assert_eq!(file.text, "a,b,c\n\"say \"\"x\"\", y\",,plain\n");
    }

    #[test]
    fn a_cut_is_asked_in_the_words_of_its_column() {
        let numbers = [1.0, 2.0, 3.0, 4.0];
        let column = features::Column::numbers("age", &numbers);
        let binning = Binning::quantile(&column, &[0, 1, 2, 3], 4).unwrap();
        assert_eq!(condition(&binning, 2), "<= 2");
        assert_eq!(condition(&binning, 4), "has a value");
        let levels = ["blue".to_owned(), "red".to_owned()];
        let column = features::Column::categories("colour", &[0, 1, 1], &levels);
        let binning = Binning::quantile(&column, &[0, 1, 2], 4).unwrap();
        let [first, second] = [1, 2].map(|bin| condition(&binning, bin));
        assert!(first == "one of blue" || first == "one of red", "{first}");
        assert!(second.starts_with(&first) && second.contains("; "), "{second}");
    }

    #[test]
    fn each_party_reads_its_own_questions() {
        let numbers = [1.0, 2.0, 3.0, 4.0];
        let column = features::Column::numbers("age", &numbers);
        let binnings = [Binning::quantile(&column, &[0, 1, 2, 3], 4).unwrap()];
        let trees = serde_json::json!({
            "base_score": 0.0, "features": ["age"],
            "trees": [[
                { "split": {
                    "owner": "guest",
                    "cut": { "feature": 0, "bin": 1, "missing_left": true },
                    "left": 1,
                } },
                { "split": { "owner": "host", "cut": null, "left": 3 } },
                { "leaf": { "share": 7 } },
                { "leaf": { "share": 8 } },
                { "leaf": { "share": 9 } },
            ]],
        });
        let trees: StrictTrees = serde_json::from_value(trees).unwrap();
        let expected = "\
tree,node,owner,column,condition,missing,yes,no,gain,leaf
1,0,guest,age,<= 1,yes,1,2,,
1,1,host,,,,3,4,,
1,2,,,,,,,,shared
1,3,,,,,,,,shared
1,4,,,,,,,,shared
";
        assert_eq!(strict_trees(&trees, &binnings, &[], None).text, expected);
        let hosts = ["telco", "shop"].map(str::to_owned);
        let of_telco = expected.replace("host,,,,", "host,,of telco,,");
        assert_eq!(strict_trees(&trees, &binnings, &hosts, None).text, of_telco);
        let trees = serde_json::json!({
            "training_id": "0", "splits": [{ "feature": "age", "bin": 2, "missing_left": false }],
        });
        let trees: HostTrees = serde_json::from_value(trees).unwrap();
        let text = host_trees(&trees, &binnings).text;
        assert_eq!(text, "split,column,condition,missing\n1,age,<= 2,no\n");
    }
}
