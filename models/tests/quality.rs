//! How good models are on five real data sets: trees beside those of another program, joint
//! regression beside the optimum on pooled rows.
//!
//! Reads the folder that the variable `TOMBOLO_DATA` names and is skipped where it is not set.

#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use features::binning;
use features::prepare::{Preparation, Settings as PreparationSettings};
use features::{Column, FeatureMatrix, Values, columns};
use mpc::TwoParty;
use mpc::reveal::Ledger;
use net::Session;
use table::{ColumnOverride, Missing, Overrides, Role, Schema, Source, Table};
use tombolo_models::evaluate::{Ranking, discrimination};
use tombolo_models::local::boosted_trees::{self as trees, Examples, Labels as TreeLabels};
use tombolo_models::local::logistic_regression as pooled;
use tombolo_models::vertical::logistic_regression::{Labels, Settings, train};

/// A data set and what is known of it.
struct Set {
    name: &'static str,
    file: &'static str,
    label: &'static str,
    positive: &'static str,
    /// Columns that say what comes later, or number the rows.
    ignored: &'static [&'static str],
    /// The mean AUC of `XGBoost` 3.2.0 over the splits of this file (`hist`, 50 trees of depth 5,
    /// 32 bins, learning rate 0.1, lambda 1, minimal child weight 1), categories numbered in the
    /// order of their texts.
    xgboost: f64,
}

const SETS: [Set; 4] = [
    Set {
        name: "bank_marketing",
        file: "bank_marketing/bank-additional-full.csv.gz",
        label: "y",
        positive: "yes",
        ignored: &["duration"],
        xgboost: 0.802_543_039,
    },
    Set {
        name: "caravan",
        file: "caravan/caravan.csv.gz",
        label: "Purchase",
        positive: "Yes",
        ignored: &[],
        xgboost: 0.750_908_521,
    },
    Set {
        name: "german_credit",
        file: "german_credit/germancredit.csv.gz",
        label: "creditability",
        positive: "bad",
        ignored: &[],
        xgboost: 0.779_510_584,
    },
    Set {
        name: "insurance_fraud",
        file: "insurance_fraud/fraud_oracle_clean.csv.gz",
        label: "FraudFound_P",
        positive: "1",
        ignored: &["number", "PolicyNumber"],
        xgboost: 0.836_764_322,
    },
];

/// That of the credit-card default data, which comes in two halves.
const DEFAULT_CREDIT: f64 = 0.782_274_467;

/// Columns as numbers, categories numbered in the order of their texts, and labels.
struct Data {
    columns: Vec<(String, Vec<f64>)>,
    labels: Vec<u8>,
}

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("TOMBOLO_DATA").map(PathBuf::from);
    if folder.is_none() {
        #[expect(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("skipped: TOMBOLO_DATA does not name the data folder");
        }
    }
    folder
}

fn read(path: PathBuf, overrides: &Overrides) -> Table {
    let source = Source::csv(path);
    let mut schema = Schema::propose(&source, overrides).unwrap();
    // Words such as "none" and "unknown" are answers here.
    for column in &mut schema.columns {
        column.column.missing = Missing::only([""]);
    }
    Table::read(&source, &schema.confirm().unwrap()).unwrap()
}

fn numbered(table: &Table) -> Vec<(String, Vec<f64>)> {
    let number = |column: &Column<'_>| match column.values {
        Values::Numbers(values) => values.to_vec(),
        Values::Categories { codes, levels } => {
            let rank = |code: u32| {
                let level = &levels[code as usize];
                levels.iter().filter(|other| *other < level).count() as f64
            };
            codes.iter().map(|code| rank(*code)).collect()
        }
    };
    columns(table).iter().map(|column| (column.name.to_owned(), number(column))).collect()
}

impl Set {
    fn read(&self, folder: &Path) -> Data {
        let mut overrides = Overrides {
            label: Some(self.label.to_owned()),
            positive: Some(self.positive.to_owned()),
            ..Overrides::default()
        };
        for name in self.ignored {
            let ignored = ColumnOverride { role: Some(Role::Ignore), ..Default::default() };
            overrides.columns.insert((*name).to_owned(), ignored);
        }
        let table = read(self.named(folder).path().to_owned(), &overrides);
        Data { columns: numbered(&table), labels: table.label().unwrap() }
    }

    /// The file without compression, its columns all with a name.
    fn named(&self, folder: &Path) -> tempfile::NamedTempFile {
        let mut text = String::new();
        let packed = std::fs::File::open(folder.join(self.file)).unwrap();
        flate2::read::MultiGzDecoder::new(packed).read_to_string(&mut text).unwrap();
        // Row numbers, as some programs write them.
        let number = if text.starts_with(',') { "number" } else { "" };
        let mut file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
        write!(file, "{number}{text}").unwrap();
        file
    }
}

fn default_credit(folder: &Path) -> Data {
    let half = |party: &str, label: Option<&str>| {
        let overrides = Overrides {
            label: label.map(str::to_owned),
            positive: label.map(|_| "1".to_owned()),
            ..Overrides::default()
        };
        read(folder.join(format!("fate/default_credit_hetero_{party}.csv.gz")), &overrides)
    };
    // Both halves list the same ids in the same order.
    let (guest, host) = (half("guest", Some("y")), half("host", None));
    let columns = numbered(&guest).into_iter().chain(numbered(&host));
    Data {
        columns: columns.enumerate().map(|(at, (_, values))| (format!("x{at}"), values)).collect(),
        labels: guest.label().unwrap(),
    }
}

/// Splits of 70 to 30 that any program can repeat: `SplitMix64` of the split and the row.
fn divided(split: u64, rows: usize) -> (Vec<u32>, Vec<u32>) {
    let is_training = |row: &u32| {
        let mut z = ((split << 32) + u64::from(*row)).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % 10 >= 3
    };
    (0..rows as u32).partition(is_training)
}

fn auc(scores: &[f64], labels: &[u8], rows: &[u32]) -> f64 {
    let of_rows: Vec<f64> = rows.iter().map(|row| scores[*row as usize]).collect();
    let labels: Vec<u8> = rows.iter().map(|row| labels[*row as usize]).collect();
    discrimination::auc(&Ranking::new(&of_rows, &labels, None).unwrap())
}

impl Data {
    fn columns(&self) -> Vec<Column<'_>> {
        self.columns.iter().map(|(name, values)| Column::numbers(name, values)).collect()
    }

    fn auc_of_trees(&self, split: u64) -> f64 {
        let (columns, rows) = (self.columns(), self.labels.len());
        let (training, test) = divided(split, rows);
        let settings = binning::Settings { bins: 32, ..binning::Settings::default() };
        let binnings = binning::fit(&columns, &training, &settings, None).unwrap();
        let matrix = binning::apply(&binnings, &columns, rows).unwrap();
        let settings = trees::Settings {
            trees: 50,
            depth: 5,
            min_split_rows: 2,
            early_stopping_rounds: 0,
            ..trees::Settings::default()
        };
        let labels = TreeLabels::Classes(&self.labels);
        let examples = Examples { labels, weights: None, training: &training, validation: &[] };
        let trained = trees::train(&matrix, &examples, &settings).unwrap();
        auc(&trained.margins, &self.labels, &test)
    }
}

#[test]
fn trees_are_as_good_as_those_of_xgboost() {
    const SPLITS: u64 = 20;
    let Some(folder) = folder() else { return };
    let compare = |name: &str, data: &Data, xgboost: f64| {
        let mean = (0..SPLITS).map(|it| data.auc_of_trees(it)).sum::<f64>() / SPLITS as f64;
        let bound = if data.labels.len() < 5000 { 0.005 } else { 0.002 };
        assert!((mean - xgboost).abs() < bound, "{name}: {mean}, XGBoost {xgboost}");
    };
    for set in &SETS {
        compare(set.name, &set.read(&folder), set.xgboost);
    }
    compare("default_credit", &default_credit(&folder), DEFAULT_CREDIT);
}

/// Every second column is the host's.
#[test]
fn joint_regression_is_as_good_as_the_pooled_optimum() {
    let Some(folder) = folder() else { return };
    let sets = SETS.iter().map(|set| (set.name, set.read(&folder)));
    for (name, data) in sets.chain([("default_credit", default_credit(&folder))]) {
        let (training, test) = divided(0, data.labels.len());
        let columns = data.columns();
        let matrix = |place: usize| {
            let own: Vec<Column<'_>> = columns.iter().skip(place).step_by(2).copied().collect();
            let prepared =
                Preparation::fit(&own, &training, &PreparationSettings::default()).unwrap();
            prepared.transform(&own).unwrap()
        };
        let parts = [matrix(0), matrix(1)];
        let labels: Vec<u8> = training.iter().map(|row| data.labels[*row as usize]).collect();
        let joint = joint(&parts, &training, &labels);

        let features = parts.iter().flat_map(FeatureMatrix::features).cloned().collect();
        let all = FeatureMatrix::new(data.labels.len(), features).unwrap();
        let settings = pooled::Settings { l2: 0.01, ..pooled::Settings::default() };
        let of_training = all.take(&training).unwrap();
        let fit = pooled::fit(&of_training.columns(), &labels, None, settings).unwrap();
        let optimum = pooled::probabilities(&fit, &all.columns(), all.rows()).unwrap();
        let [joint, optimum] = [joint, optimum].map(|scores| auc(&scores, &data.labels, &test));
        assert!((joint - optimum).abs() < 0.001, "{name}: {joint}, pooled {optimum}");
    }
}

/// The joint scores of all rows.
fn joint(parts: &[FeatureMatrix; 2], training: &[u32], labels: &[u8]) -> Vec<f64> {
    let side = async |session: Session| {
        let disclosures = ["train.stop", "model.own_coefficients", "train.weighted"];
        let mut party = TwoParty::setup(session, Arc::new(Ledger::new(disclosures))).await.unwrap();
        let guest = party.is_first();
        let part = &parts[usize::from(!guest)];
        let rows = part.take(training).unwrap();
        let labels = guest.then_some(Labels { values: labels, weights: None });
        let model = train(&mut party, &rows.columns(), labels, &Settings::default()).await.unwrap();
        model.partial_scores(&part.columns(), part.rows())
    };
    let outcome = world::pair(1, side, side);
    outcome.first.iter().zip(&outcome.second).map(|(guest, host)| guest + host).collect()
}
