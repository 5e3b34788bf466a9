//! The reference is itself held against a slow, independent form of the same definition, and
//! against figures worked out by hand.

use crypto::random::Generator;
use features::binned::{BinnedFeature, BinnedMatrix};

use super::loss::Derivatives;
use super::*;

mod forest;
mod losses;
mod monotone;

/// Random codes with some missing values, and labels that depend on some of the features.
fn example(seed: u64, rows: usize, features: usize, bins: usize) -> (BinnedMatrix, Vec<u8>) {
    let mut generator = Generator::from_seed([seed as u8; 32]);
    let mut score = vec![0.0; rows];
    let mut columns = Vec::new();
    for feature in 0..features {
        let mut codes = Vec::new();
        for score in &mut score {
            let code = generator.below(bins as u64 + 1) as u8;
            let value = if code == 0 { 0.7 } else { f64::from(code) / bins as f64 };
            *score += (value - 0.5) * if feature % 3 == 2 { 0.0 } else { 3.0 };
            codes.push(code);
        }
        columns.push(BinnedFeature { name: format!("x{feature}"), codes, bins });
    }
    let draw = |generator: &mut Generator| generator.below(1 << 20) as f64 / f64::from(1 << 20);
    let labels = score.iter().map(|&s| u8::from(draw(&mut generator) < probability(s))).collect();
    (BinnedMatrix::new(rows, columns).unwrap(), labels)
}

fn all(rows: usize) -> Vec<u32> {
    (0..rows as u32).collect()
}

fn settings(trees: usize, depth: usize) -> Settings {
    Settings { trees, depth, early_stopping_rounds: 0, min_split_rows: 2, ..Settings::default() }
}

/// The definition, written down: recursive, one cut at a time, every sum made anew.
struct Slow<'a> {
    matrix: &'a BinnedMatrix,
    gradients: &'a Gradients,
    settings: &'a Settings,
}

impl Slow<'_> {
    fn cell(&self, rows: &[u32]) -> Cell {
        Cell::sum(self.gradients, rows)
    }

    fn score(&self, cell: Cell) -> f64 {
        let first = cell.first as f64 * self.gradients.units.first;
        first * first / (cell.second as f64 * self.gradients.units.second + self.settings.l2)
    }

    fn sides(&self, cut: Cut, rows: &[u32]) -> (Vec<u32>, Vec<u32>) {
        let codes = &self.matrix.features()[cut.feature].codes;
        rows.iter().partition(|&&row| match codes[row as usize] {
            0 => cut.missing_left,
            code => code <= cut.bin,
        })
    }

    /// All leaves below these rows: their rows and their sums.
    fn leaves(&self, rows: &[u32], depth: usize, leaves: &mut Vec<(Vec<u32>, Cell)>) {
        let light = |cell: Cell| {
            let weight = cell.second as f64 * self.gradients.units.second;
            cell.second == 0 || weight < self.settings.min_child_weight
        };
        let mut best: Option<(f64, Cut)> = None;
        let least_gain = self.settings.min_gain.max(self.score(self.cell(rows)) * 1e-12);
        for (feature, column) in self.matrix.features().iter().enumerate() {
            for bin in 1..=column.bins as u8 {
                for missing_left in [true, false] {
                    let cut = Cut { feature, bin, missing_left };
                    let (left, right) = self.sides(cut, rows);
                    let (left, right) = (self.cell(&left), self.cell(&right));
                    if light(left) || light(right) {
                        continue;
                    }
                    let gain = self.score(left) + self.score(right) - self.score(self.cell(rows));
                    if gain > best.map_or(least_gain, |(gain, _)| gain) {
                        best = Some((gain, cut));
                    }
                }
            }
        }
        match best {
            Some((_, cut)) if depth > 0 && rows.len() >= self.settings.min_split_rows => {
                let (left, right) = self.sides(cut, rows);
                self.leaves(&left, depth - 1, leaves);
                self.leaves(&right, depth - 1, leaves);
            }
            _ => leaves.push((rows.to_vec(), self.cell(rows))),
        }
    }
}

#[test]
fn trees_follow_the_definition() {
    for seed in 0..6 {
        let (matrix, labels) = example(seed, 700, 5, 6);
        let training = all(700);
        let settings = Settings { min_child_weight: 3.0, min_split_rows: 60, ..settings(1, 4) };
        let examples = Examples {
            labels: Labels::Classes(&labels),
            weights: None,
            training: &training,
            validation: &[],
        };
        let training_result = train(&matrix, &examples, &settings).unwrap();
        let boosting = Boosting::new(&examples, &settings, 700).unwrap();
        let gradients = boosting.gradients();

        let slow = Slow { matrix: &matrix, gradients: &gradients, settings: &settings };
        let mut leaves = Vec::new();
        slow.leaves(&training, 4, &mut leaves);
        let mut expected = vec![0.0; 700];
        for (rows, cell) in leaves {
            let (first, second) = (cell.first as f64, cell.second as f64);
            let curvature = second * gradients.units.second + settings.l2;
            for row in rows {
                let leaf = -settings.learning_rate * (first * gradients.units.first) / curvature;
                expected[row as usize] = training_result.model.base_scores[0] + leaf;
            }
        }
        assert_eq!(training_result.margins, expected, "seed {seed}");
    }
}

#[test]
fn a_small_tree_worked_out_by_hand() {
    // Two bins; bin 1 has labels 1 1 1 0, bin 2 has 0 0 0 1. The base score is 0, so that
    // G = -1 and 1, H = 4/4 = 1 on either side: gain 2 * 1/(1+1) - 0, leaves 1/(1+1).
    let codes = vec![1, 1, 1, 1, 2, 2, 2, 2];
    let matrix =
        BinnedMatrix::new(8, vec![BinnedFeature { name: "x".into(), codes, bins: 2 }]).unwrap();
    let labels = [1, 1, 1, 0, 0, 0, 0, 1];
    let training = all(8);
    let examples = Examples {
        labels: Labels::Classes(&labels),
        weights: None,
        training: &training,
        validation: &[],
    };
    let settings = Settings { learning_rate: 1.0, ..settings(1, 3) };
    let result = train(&matrix, &examples, &settings).unwrap();
    let nodes = result.model.trees[0].nodes();
    let question = Cut { feature: 0, bin: 1, missing_left: true };
    assert_eq!(nodes[0], Node::Split { question, gain: 1.0, left: 1 });
    assert_eq!(nodes[1], Node::Leaf { weight: 0.5 });
    assert_eq!(nodes[2], Node::Leaf { weight: -0.5 });
}

#[test]
fn losses_fall_and_the_model_repeats_its_margins() {
    let (matrix, labels) = example(9, 3000, 8, 16);
    let training = all(2000);
    let validation: Vec<u32> = (2000..2500).collect();
    let examples = Examples {
        labels: Labels::Classes(&labels),
        weights: None,
        training: &training,
        validation: &validation,
    };
    let settings = Settings { trees: 60, depth: 3, ..Settings::default() };
    let result = train(&matrix, &examples, &settings).unwrap();
    for pair in result.progress.windows(2) {
        assert!(pair[1].training_loss < pair[0].training_loss);
    }
    let first = result.progress[0].validation_loss.unwrap();
    let best = result.progress[result.model.trees.len() - 1].validation_loss.unwrap();
    assert!(best < first - 0.02, "{first} {best}");
    assert!(result.progress.iter().all(|one| one.validation_loss.unwrap() >= best));
    assert!(result.model.trees.iter().all(Tree::is_sound));
    assert_eq!(result.model.margins(&matrix).unwrap(), result.margins);

    let text = serde_json::to_string(&result.model).unwrap();
    assert!(serde_json::from_str::<BoostedTrees>(&text).unwrap() == result.model);
}

#[test]
fn early_stopping_cuts_back_to_the_best_tree() {
    let (matrix, labels) = example(3, 600, 6, 8);
    let (training, validation) = (all(200), (200..600).collect::<Vec<_>>());
    let examples = Examples {
        labels: Labels::Classes(&labels),
        weights: None,
        training: &training,
        validation: &validation,
    };
    let settings = Settings {
        trees: 200,
        learning_rate: 0.5,
        early_stopping_rounds: 5,
        ..Settings::default()
    };
    let result = train(&matrix, &examples, &settings).unwrap();
    assert_eq!(result.progress.len(), result.model.trees.len() + 5);
    assert!(result.progress.len() < 200);
    assert_eq!(result.model.margins(&matrix).unwrap(), result.margins);
}

#[test]
fn missing_values_choose_their_side() {
    // Missing rows behave like the highest bin, in one feature, and like the lowest in another.
    let rows = 400;
    let labels: Vec<u8> = (0..rows).map(|row| u8::from(row % 4 >= 2)).collect();
    let high = (0..rows).map(|row| [1, 2, 0, 3][row % 4]).collect();
    let low = (0..rows).map(|row| [1, 0, 3, 3][row % 4]).collect();
    for (codes, missing_left) in [(high, false), (low, true)] {
        let feature = BinnedFeature { name: "x".into(), codes, bins: 3 };
        let matrix = BinnedMatrix::new(rows, vec![feature]).unwrap();
        let training = all(rows);
        let examples = Examples {
            labels: Labels::Classes(&labels),
            weights: None,
            training: &training,
            validation: &[],
        };
        let result = train(&matrix, &examples, &settings(1, 1)).unwrap();
        let cut = result.model.trees[0].questions().next().unwrap();
        assert_eq!(cut.missing_left, missing_left);
    }
}

#[test]
fn weights_count_like_repeated_rows() {
    let (matrix, labels) = example(5, 500, 4, 8);
    let weights: Vec<f64> = (0..500).map(|row| f64::from(row % 3)).collect();
    let training = all(500);
    let weighted = Examples {
        labels: Labels::Classes(&labels),
        weights: Some(&weights),
        training: &training,
        validation: &[],
    };
    let result = train(&matrix, &weighted, &settings(5, 3)).unwrap();

    let repeated: Vec<usize> = (0..500).flat_map(|row| vec![row; row % 3]).collect();
    let repeat = |codes: &[u8]| repeated.iter().map(|&row| codes[row]).collect::<Vec<u8>>();
    let columns = matrix
        .features()
        .iter()
        .map(|feature| BinnedFeature { codes: repeat(&feature.codes), ..feature.clone() });
    let longer = BinnedMatrix::new(repeated.len(), columns.collect()).unwrap();
    let (labels, training) = (repeat(&labels), all(repeated.len()));
    let plain = Examples {
        labels: Labels::Classes(&labels),
        weights: None,
        training: &training,
        validation: &[],
    };
    let expected = train(&longer, &plain, &settings(5, 3)).unwrap();
    for (place, &row) in repeated.iter().enumerate() {
        assert!((result.margins[row] - expected.margins[place]).abs() < 1e-6);
    }
}

#[test]
fn sampling_is_repeatable_and_near_its_share() {
    let settings = Settings { row_fraction: 0.3, column_fraction: 0.5, ..Settings::default() };
    let rows = rows_of_tree(&settings, 4, &all(10_000));
    assert!((2700..3300).contains(&rows.len()));
    assert_eq!(rows, rows_of_tree(&settings, 4, &all(10_000)));
    assert_ne!(rows, rows_of_tree(&settings, 5, &all(10_000)));
    let columns = columns_of_tree(&settings, 4, 9);
    assert_eq!(columns.len(), 5);
    assert!(columns.is_sorted());

    let (matrix, labels) = example(1, 2000, 6, 8);
    let training = all(2000);
    let examples = Examples {
        labels: Labels::Classes(&labels),
        weights: None,
        training: &training,
        validation: &[],
    };
    let settings = Settings { trees: 30, ..settings };
    let result = train(&matrix, &examples, &settings).unwrap();
    assert!(result.progress[29].training_loss < result.progress[0].training_loss - 0.02);
    assert_eq!(result.model.margins(&matrix).unwrap(), result.margins);
}

#[test]
fn bad_input_is_refused() {
    let (matrix, labels) = example(1, 20, 2, 3);
    let training = all(20);
    let good = Examples {
        labels: Labels::Classes(&labels),
        weights: None,
        training: &training,
        validation: &[],
    };
    let refused = |examples: Examples<'_>, settings: &Settings| {
        train(&matrix, &examples, settings).unwrap_err().to_string()
    };
    let settings = Settings::default();
    let zeros = [0; 20];
    assert!(
        refused(Examples { labels: Labels::Classes(&zeros), ..good }, &settings)
            .contains("both labels")
    );
    assert!(
        refused(Examples { labels: Labels::Classes(&[1]), ..good }, &settings).contains("20 rows")
    );
    assert!(
        refused(Examples { labels: Labels::Classes(&[2; 20]), ..good }, &settings)
            .contains("label of 0 or 1")
    );
    assert!(refused(Examples { training: &[], ..good }, &settings).contains("no training rows"));
    assert!(refused(Examples { training: &[3, 3], ..good }, &settings).contains("ascending"));
    assert!(refused(Examples { validation: &[20], ..good }, &settings).contains("below 20"));
    let nan = [f64::NAN; 20];
    assert!(refused(Examples { weights: Some(&nan), ..good }, &settings).contains("weight"));
    for bad in [
        Settings { trees: 0, ..Settings::default() },
        Settings { depth: 13, ..Settings::default() },
        Settings { learning_rate: 0.0, ..Settings::default() },
        Settings { min_split_rows: 1, ..Settings::default() },
        Settings { l2: f64::NAN, ..Settings::default() },
        Settings { row_fraction: 1.5, ..Settings::default() },
    ] {
        assert!(refused(good, &bad).contains("must be"));
    }
}

#[test]
fn unsound_trees_are_told_apart() {
    let leaf = || Node::<()>::Leaf { weight: 0.5 };
    let split = |left| Node::Split { question: (), gain: 1.0, left };
    assert!(Tree::new(vec![leaf()]).is_sound());
    assert!(Tree::new(vec![split(1), leaf(), leaf()]).is_sound());
    assert!(!Tree::<()>::new(vec![]).is_sound());
    assert!(!Tree::new(vec![split(0), leaf(), leaf()]).is_sound());
    assert!(!Tree::new(vec![split(1), leaf()]).is_sound());
    assert!(!Tree::new(vec![split(1), split(1), leaf()]).is_sound());
    assert!(!Tree::new(vec![split(1), leaf(), leaf(), leaf()]).is_sound());
    let endless: Node<()> = Node::Leaf { weight: f64::INFINITY };
    assert!(!Tree::new(vec![endless]).is_sound());
}

#[test]
fn bits_from_a_peer_are_checked() {
    let bits = Bits::collect(&[1; 70], |code| code == 1);
    assert!(bits.is_set(69));
    assert_eq!(Bits::from_words(bits.words().to_vec(), 70), Some(bits.clone()));
    assert_eq!(Bits::from_words(bits.words().to_vec(), 69), None);
    assert_eq!(Bits::from_words(bits.words().to_vec(), 129), None);
    assert_eq!(Bits::from_words(bits.words().to_vec(), 64), None);
    assert_eq!(Bits::from_words(Vec::new(), 0), Some(Bits::collect(&[], |_| true)));
}
