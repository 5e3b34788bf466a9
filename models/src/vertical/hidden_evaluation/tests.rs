use std::sync::Arc;

use crypto::random::Generator;
use mpc::MpcError;
use mpc::reveal::{Ledger, Observation};
use mpc::sigmoid::SCORE_UNIT;
use net::Session;
use world::{Fault, FaultKind, Outcome, Side, pair_with_fault};

use super::bands::{band_of, middle_of};
use super::*;
use crate::evaluate::{EvaluateError, Evaluation, Settings};
use crate::local::logistic_regression::sigmoid;

const SHARES: [f64; 4] = [0.01, 0.1, 0.37, 1.0];

/// Places with a score, a label, and whether they count.
struct Data {
    scores: Vec<f64>,
    labels: Vec<u8>,
    present: Vec<bool>,
    scale: Scale,
}

impl Data {
    /// Scores of so many places, some of them beyond the bands; three in four count.
    fn new(places: usize, seed: u8) -> Self {
        let mut rng = Generator::from_seed([seed; 32]);
        let mut uniform = || rng.next_u64() as f64 / u64::MAX as f64;
        let (mut scores, mut labels, mut present) = (Vec::new(), Vec::new(), Vec::new());
        for place in 0..places {
            let score: f64 = (0..4).map(|_| 3.0 * uniform()).sum::<f64>() - 7.0;
            scores.push(match place % 50 {
                7 => 40.0 * score,
                8 => -13.0,
                _ => score,
            });
            labels.push(u8::from(uniform() < sigmoid(score)));
            present.push(place % 4 != 3);
        }
        Self { scores, labels, present, scale: Scale::LogOdds }
    }

    /// The same places with probabilities, some of them 0 or 1.
    fn of_probabilities(places: usize, seed: u8) -> Self {
        let mut data = Self::new(places, seed);
        data.scores.iter_mut().for_each(|score| *score = (sigmoid(*score) * 1.1).clamp(0.0, 1.0));
        Self { scale: Scale::Probability, ..data }
    }

    /// A score in fixed point.
    fn word(&self, score: f64) -> u64 {
        let scaled = match self.scale {
            Scale::LogOdds => score * SCORE_UNIT,
            Scale::Probability => (score - 0.5) * 2_f64.powi(47),
        };
        scaled.round() as i64 as u64
    }

    fn count(&self) -> usize {
        self.present.iter().filter(|present| **present).count()
    }

    /// The scores of the places that count and their labels, by a function of the score.
    fn that_count(&self, score: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<u8>) {
        let rows = self.scores.iter().zip(&self.labels).zip(&self.present);
        rows.filter(|(_, present)| **present).map(|((it, label), _)| (score(*it), *label)).unzip()
    }

    fn evaluation(&self, score: impl Fn(f64) -> f64) -> Evaluation {
        let (scores, labels) = self.that_count(score);
        let settings = Settings { top: SHARES.to_vec(), ..Settings::default() };
        Evaluation::new(&scores, &labels, None, None, &settings).unwrap()
    }

    /// A party's shares of the scores, at random in places that do not count, and of what counts.
    fn shares(&self, is_first: bool) -> (Vec<u64>, Bits) {
        let mut rng = Generator::from_seed([99; 32]);
        let mut random = vec![0; 2 * self.scores.len()];
        rng.fill_words(&mut random);
        let (masks, flags) = random.split_at(self.scores.len());
        let scores = self.scores.iter().zip(&self.present).zip(masks).zip(flags);
        let share = |(((score, present), mask), other): (((&f64, &bool), &u64), &u64)| {
            let word = if *present { self.word(*score) } else { *other };
            if is_first { word.wrapping_sub(*mask) } else { *mask }
        };
        let flag = |place: usize| (flags[place] >> 9 & 1 == 1) ^ (is_first && self.present[place]);
        (scores.map(share).collect(), Bits::from_fn(flags.len(), flag))
    }
}

type Got = Result<Option<Figures>, ModelError>;

async fn play(session: Session, data: &Data, keys: &[&str]) -> (Got, Vec<Observation>) {
    let ledger = Arc::new(Ledger::new(keys.iter().copied()));
    let mut party = TwoParty::setup(session, Arc::clone(&ledger)).await.unwrap();
    let (scores, present) = data.shares(party.is_first());
    let labels = party.is_first().then_some(data.labels.as_slice());
    let (scores, present, count) = (&scores, &present, data.count());
    let places = Places { scores, scale: data.scale, present, count, labels };
    (evaluate(&mut party, &places, &SHARES).await, ledger.observed())
}

fn run(data: &Data) -> Outcome<Got, Got> {
    let side = async |session| play(session, data, &[FIGURES]).await.0;
    world::pair(3, side, side)
}

fn rounded(score: f64) -> f64 {
    sigmoid(middle_of(band_of(score)))
}

/// Against the plaintext figures of the rounded score, to the digits that are opened, and of the
/// score itself, within the stated bounds.
fn assert_figures(data: &Data, figures: &Figures) {
    let (same, exact) = (data.evaluation(rounded), data.evaluation(sigmoid));
    assert_eq!((figures.rows, figures.positives as f64), (same.rows, same.positives));
    let near = |mine: f64, plain: f64, bound: f64| {
        assert!((mine - plain).abs() < bound, "{mine} {plain}: {figures:?}");
    };
    near(figures.base_rate, same.base_rate, 1e-12);
    near(figures.auc, same.auc, 1e-12);
    near(figures.ks, same.ks, 1e-12);
    near(figures.lift_5pct, same.lift_5pct, 0.5 / same.positives);
    assert_eq!(figures.top.len(), SHARES.len());
    for (top, plain) in figures.top.iter().zip(&same.top) {
        near(top.positives, plain.positives, 0.05);
        near(top.selected, plain.selected, 1e-9);
        near(top.lift, plain.lift, 0.05 / same.positives / top.share);
        near(top.precision, plain.precision, 0.05 / top.selected);
    }
    let calibration = same.calibration.unwrap();
    // Two units of the digits that are opened, which a mean has between 1 and 2 of.
    near(figures.brier, calibration.brier, 6.2e-5);
    near(figures.log_loss, calibration.log_loss, 6.2e-5);

    near(figures.auc, exact.auc, figures.auc_error + 1e-12);
    assert!(figures.ks <= exact.ks + 1e-12);
    near(figures.brier, exact.calibration.unwrap().brier, 0.007);
}

#[test]
fn correct() {
    let data = Data::new(1500, 1);
    let outcome = run(&data);
    assert_eq!(outcome.second.unwrap(), None);
    let figures = outcome.first.unwrap().unwrap();
    assert_figures(&data, &figures);
    assert!(figures.auc_error < 0.004, "{figures:?}");
}

/// Probabilities are rounded to the middles of 1024 bands.
#[test]
fn correct_with_probabilities() {
    let data = Data::of_probabilities(600, 9);
    let figures = run(&data).first.unwrap().unwrap();
    let rounded = |score: f64| ((score * 1024.0).floor().min(1023.0) + 0.5) / 1024.0;
    let (same, exact) = (data.evaluation(rounded), data.evaluation(|score| score));
    assert!((figures.auc - same.auc).abs() < 1e-12, "{figures:?}");
    assert!((figures.auc - exact.auc).abs() <= figures.auc_error + 1e-12, "{figures:?}");
    let (calibration, of_exact) = (same.calibration.unwrap(), exact.calibration.unwrap());
    assert!((figures.brier - calibration.brier).abs() < 6.2e-5, "{figures:?}");
    assert!((figures.brier - of_exact.brier).abs() < 0.001, "{figures:?}");
    assert!((figures.log_loss - calibration.log_loss).abs() < 6.2e-5, "{figures:?}");
}

/// Counts of several groups of places are added up.
#[test]
fn correct_over_more_than_one_group() {
    let data = Data::new(33_000, 2);
    assert_figures(&data, &run(&data).first.unwrap().unwrap());
}

#[test]
fn known_answer() {
    let data = Data::new(100, 3);
    let outcome = run(&data);
    assert_figures(&data, &outcome.first.unwrap().unwrap());
    assert_eq!(
        outcome.transcript.hash(),
        "53e3191fba95e2082fc3971e3c36435ec6fa85d0fd463751b5c77a75a603d86c"
    );
}

#[test]
fn cost() {
    const SHORT: u64 = 116 * 1024;
    let of = |places| run(&Data::new(places, 4)).transcript;
    let (small, large) = (of(128), of(1152));
    assert!((27_000_000..35_000_000).contains(&small.bytes()), "{}", small.bytes());
    let (more, places) = (large.bytes() - small.bytes(), 1024);
    assert!((5150..5280).contains(&(more / places)), "{}", more / places);
    for side in [Side::First, Side::Second] {
        // The peer's 64 columns, and the rows' one chunk; then 32 queries.
        assert_eq!(small.bytes_of(side, "column_hints"), 64 * SHORT);
        let query = SHORT + ((128 + 64) * 150_u64).div_ceil(8);
        assert_eq!(small.bytes_of(side, "residuals"), 32 * query);
    }
    // Positives, pairs, pairs in a band, distance, two losses, and the shares with the headline.
    assert_eq!(large.bytes_of(Side::Second, "share"), 8 * (6 + 1 + SHARES.len() as u64));
    assert_eq!(large.bytes_of(Side::First, "share"), 0);
    assert_eq!(large.rounds(), small.rounds());
    assert!(large.rounds() < 300, "{}", large.rounds());
}

/// The messages of this protocol itself; those of its blocks are swept with the blocks.
#[test]
fn tampered() {
    let data = Data::new(64, 5);
    let side = async |session| play(session, &data, &[FIGURES]).await.0;
    let kinds = [
        FaultKind::FlipBit,
        FaultKind::Replay,
        FaultKind::WrongStep,
        FaultKind::Extend,
        FaultKind::replace(|_| Vec::new()),
        FaultKind::replace(|bytes| vec![0x55; bytes.len()]),
    ];
    for kind in kinds {
        let fault =
            Fault { path_step: "share".to_owned(), occurrence: 0, kind, from: Side::Second };
        let text = format!("{fault:?}");
        let outcome = pair_with_fault(4, fault, side, side);
        let closed = outcome.closed.iter().all(Result::is_ok);
        assert!(!(outcome.first.is_ok() && outcome.second.is_ok() && closed), "{text}");
    }
}

#[test]
fn peer_drops() {
    let data = Data::new(64, 6);
    let side = async |session| play(session, &data, &[FIGURES]).await.0.err();
    for step in ["digit_tables", "column_hints", "residuals", "correlations", "share"] {
        let from = if step == "digit_tables" { Side::First } else { Side::Second };
        let (path_step, kind) = (step.to_owned(), FaultKind::Close);
        let fault = Fault { path_step, occurrence: 0, kind, from };
        let outcome = pair_with_fault(7, fault, side, side);
        let error = outcome.first;
        assert!(matches!(error, Some(ModelError::Secure(MpcError::Net(_)))), "{step}: {error:?}");
    }
}

/// A peer that sends another number of columns would have hints of its choice received.
#[test]
fn another_number_of_columns_is_refused() {
    let data = Data::new(64, 5);
    let side = async |session| play(session, &data, &[FIGURES]).await.0.err();
    let kind = FaultKind::replace(|bytes| [&[65][..], &bytes[1..]].concat());
    let fault = Fault { path_step: "shape".to_owned(), occurrence: 0, kind, from: Side::Second };
    let error = pair_with_fault(7, fault, side, side).first.unwrap().to_string();
    assert!(error.contains("each party has 64 columns"), "{error}");
}

#[test]
fn nothing_but_the_figures_is_opened() {
    let data = Data::new(64, 7);
    let side = async |session| play(session, &data, &[FIGURES]).await.1;
    let count = 7 + SHARES.len() as u64;
    let outcome = world::pair(8, side, side);
    for observed in [outcome.first, outcome.second] {
        let observed: Vec<(&str, &str, u64)> =
            observed.iter().map(|it| (it.key.as_str(), it.to.as_str(), it.count)).collect();
        assert_eq!(observed, [(FIGURES, "first", count)]);
    }
    let side = async |session| play(session, &data, &[]).await.0.err();
    let undeclared = |error: &Option<ModelError>| match error {
        Some(ModelError::Secure(MpcError::Undeclared(key))) => key == FIGURES,
        _ => false,
    };
    let outcome = world::pair(9, side, side);
    assert!(undeclared(&outcome.first) && undeclared(&outcome.second));
}

#[test]
fn one_class_is_told_to_the_guest() {
    let mut data = Data::new(64, 8);
    let labels = data.labels.iter_mut().zip(&data.present);
    labels.for_each(|(label, present)| *label = u8::from(!present));
    let outcome = run(&data);
    let error = outcome.first.unwrap_err();
    let one_class = EvaluateError::OneClass { positive: false, rows: 48 };
    assert!(matches!(&error, ModelError::Evaluate(it) if *it == one_class), "{error}");
    assert_eq!(outcome.second.unwrap(), None);
}

#[test]
fn bands_cover_all_scores() {
    assert_eq!([-1e9, -12.51, -12.49].map(band_of), [0, 0, 0]);
    assert_eq!([-0.01, 0.01, 12.49, 12.51, 1e9].map(band_of), [511, 512, 1023, 1023, 1023]);
    for band in 0..bands::COUNT {
        assert_eq!(band_of(middle_of(band)), band);
    }
    assert!((bands::WIDTH - 25.0 / 1024.0).abs() < 1e-15);
}

#[test]
fn input_that_does_not_fit_is_refused() {
    let outcome = world::pair(
        10,
        async |session: Session| {
            let mut party = TwoParty::setup(session, Arc::default()).await.unwrap();
            let present = Bits::zeros(2);
            let (scores, present, labels) = (&[1, 2], &present, Some(&[0, 1][..]));
            let places = Places { scores, scale: Scale::LogOdds, present, count: 2, labels };
            let mut errors = Vec::new();
            for (places, share) in [
                (Places { labels: None, ..places }, 0.1),
                (Places { labels: Some(&[0, 2]), ..places }, 0.1),
                (Places { scores: &[1], ..places }, 0.1),
                (Places { count: 0, ..places }, 0.1),
                (Places { count: 3, ..places }, 0.1),
                (places, 0.0),
                (places, 1.1),
            ] {
                errors.push(evaluate(&mut party, &places, &[share]).await.err());
            }
            errors
        },
        async |session: Session| TwoParty::setup(session, Arc::default()).await.map(|_| ()),
    );
    outcome.second.unwrap();
    for error in outcome.first {
        assert!(matches!(error, Some(ModelError::InvalidInput(_))), "{error:?}");
    }
}
