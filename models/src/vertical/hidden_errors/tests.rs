use std::sync::Arc;

use crypto::random::Generator;
use mpc::MpcError;
use mpc::reveal::{Ledger, Observation};
use mpc::sigmoid::SCORE_UNIT;
use net::Session;
use world::{Fault, FaultKind, Outcome, Side, pair_with_fault};

use super::*;

const FAMILIES: [Family; 4] =
    [Family::Gaussian, Family::Poisson, Family::Gamma, Family::Tweedie { power: 1.6 }];

/// Places with a linear predictor in the unit of the target, a target, and whether they count.
struct Data {
    family: Family,
    unit: Unit,
    predictors: Vec<f64>,
    targets: Vec<f64>,
    present: Vec<bool>,
}

impl Data {
    /// So many places, of which one in `absent` does not count, or all do.
    fn new(places: usize, family: Family, absent: Option<usize>) -> Self {
        let mut rng = Generator::from_seed([places as u8; 32]);
        let mut uniform = || (rng.next_u64() >> 11) as f64 / 2_f64.powi(53);
        let is_log = family.log_link_power().is_some();
        let unit = if is_log {
            Unit { shift: 400_f64.ln(), scale: 1.0 }
        } else {
            Unit { shift: 7000.0, scale: 1024.0 }
        };
        let (mut predictors, mut targets) = (Vec::new(), Vec::new());
        for place in 0..places {
            let score = 4.0 * uniform() - 2.5;
            predictors.push(unit.shift + unit.scale * score);
            let luck = uniform() + uniform();
            targets.push(match family {
                Family::Gaussian => 7000.0 + 1024.0 * (score + luck - 1.0),
                Family::Gamma => 400.0 * score.exp() * (luck + 0.01),
                // Often 0, and once far beyond.
                _ if place % 3 == 0 => 0.0,
                _ if place == 7 => 900_000.0,
                _ => (400.0 * score.exp() * luck).round(),
            });
        }
        let present = (0..places).map(|place| absent.is_none_or(|it| place % it != 1)).collect();
        Self { family, unit, predictors, targets, present }
    }

    fn count(&self) -> usize {
        self.present.iter().filter(|present| **present).count()
    }

    /// What the figures are in plain.
    fn evaluation(&self) -> NumericEvaluation {
        let places = self.predictors.iter().zip(&self.targets).zip(&self.present);
        let places = places.filter(|(_, present)| **present);
        let mean = |predictor: f64| self.family.mean(predictor);
        let (predictions, targets): (Vec<f64>, Vec<f64>) =
            places.map(|((predictor, target), _)| (mean(*predictor), *target)).unzip();
        NumericEvaluation::new(&predictions, &targets, None, self.family).unwrap()
    }

    /// A party's shares of the predictors, at random in places that do not count, and of what
    /// counts.
    fn shares(&self, is_first: bool) -> (Vec<u64>, Bits) {
        let mut rng = Generator::from_seed([99; 32]);
        let mut random = vec![0; 2 * self.predictors.len()];
        rng.fill_words(&mut random);
        let (masks, others) = random.split_at(self.predictors.len());
        let share = |place: usize| {
            let score = (self.predictors[place] - self.unit.shift) / self.unit.scale;
            let word = (score * SCORE_UNIT).round() as i64 as u64;
            let word = if self.present[place] { word } else { others[place] };
            if is_first { word.wrapping_sub(masks[place]) } else { masks[place] }
        };
        let flag = |place: usize| (others[place] >> 9 & 1 == 1) ^ (is_first && self.present[place]);
        let places = self.predictors.len();
        ((0..places).map(share).collect(), Bits::from_fn(places, flag))
    }
}

type Got = Result<Option<NumericEvaluation>, ModelError>;

async fn play(session: Session, data: &Data, keys: &[&str]) -> (Got, Vec<Observation>) {
    play_by(GROUP, session, data, keys).await
}

/// So many places at once.
async fn play_by(
    size: usize,
    session: Session,
    data: &Data,
    keys: &[&str],
) -> (Got, Vec<Observation>) {
    let ledger = Arc::new(Ledger::new(keys.iter().copied()));
    let mut party = TwoParty::setup(session, Arc::clone(&ledger)).await.unwrap();
    let (scores, present) = data.shares(party.is_first());
    let (targets, unit) = (&data.targets[..], data.unit);
    let known = party.is_first().then_some(Known { targets, filled: None, unit });
    let places = Places { scores: &scores, present: &present, count: data.count(), known };
    (evaluate_by(size, &mut party, &places, data.family).await, ledger.observed())
}

fn run(data: &Data) -> Outcome<Got, Got> {
    let side = async |session| play(session, data, &[FIGURES]).await.0;
    world::pair(3, side, side)
}

/// Within what the documentation says of fixed point, and `spread` of what R² leaves.
fn assert_near(data: &Data, found: &NumericEvaluation, spread: f64) {
    let plain = data.evaluation();
    let near = |mine: f64, plain: f64, bound: f64| {
        assert!((mine - plain).abs() < bound, "{mine} {plain}: {:?} {found:?}", data.family);
    };
    let (mine, errors, size) = (&found.errors, &plain.errors, data.unit.size(data.family));
    assert_eq!(mine.rows, errors.rows);
    near(mine.bias, errors.bias, 1e-4 * size);
    near(mine.mae, errors.mae, 1e-4 * size);
    near(mine.rmse, errors.rmse, 1e-4 * size);
    let power = data.family.log_link_power().unwrap_or(0.0);
    near(found.deviance, plain.deviance, 2e-4 * size.powf(2.0 - power));
    let [mine, plain_r2] = [mine.r2, errors.r2].map(Option::unwrap);
    near(mine, plain_r2, 2e-4 + spread * (1.0 - plain_r2));
    if data.count() == data.targets.len() {
        near(found.d2.unwrap(), plain.d2.unwrap(), 2e-4);
    }
}

#[test]
fn correct_over_places_that_the_guest_knows() {
    for family in FAMILIES {
        let data = Data::new(300, family, None);
        let outcome = run(&data);
        assert_eq!(outcome.second.unwrap(), None);
        assert_near(&data, &outcome.first.unwrap().unwrap(), 0.0);
    }
}

#[test]
fn correct_over_places_that_nobody_knows() {
    for family in FAMILIES {
        let data = Data::new(200, family, Some(4));
        let figures = run(&data).first.unwrap().unwrap();
        assert_near(&data, &figures, 0.02);
        assert_eq!(figures.d2.is_some(), family == Family::Gaussian);
    }
}

/// Sums of several groups of places are added up.
#[test]
fn correct_over_more_than_one_group() {
    let data = Data::new(200, Family::Tweedie { power: 1.6 }, Some(4));
    let side = async |session| play_by(80, session, &data, &[FIGURES]).await.0;
    let figures = world::pair(3, side, side).first.unwrap().unwrap();
    assert_near(&data, &figures, 0.02);
}

/// Targets that are all near the unit: their spread is told in its own.
#[test]
fn targets_that_hardly_differ_have_a_spread() {
    let mut data = Data::new(172, Family::Gamma, Some(4));
    assert_eq!(data.count(), 129);
    for (place, target) in data.targets.iter_mut().enumerate() {
        let (rise, luck) = ((place as f64 * 0.7).sin(), (place as f64 * 5.3).cos());
        *target = 400.0 * (1.0 + 0.05 * (rise + luck));
        data.predictors[place] = (400.0 * (1.0 + 0.05 * rise)).ln();
    }
    let figures = run(&data).first.unwrap().unwrap();
    let (mine, plain) = (figures.errors.r2.unwrap(), data.evaluation().errors.r2.unwrap());
    assert!((0.3..0.7).contains(&plain) && (mine - plain).abs() < 0.01, "{mine} {plain}");
}

/// Where no row of the guest is, the target is neither measured nor a measure.
#[test]
fn places_without_a_row_do_not_change_the_spread() {
    let filled = [true, false, true, false];
    let own = Standardised::new(&[5.0, 900.0, 9.0, 7.0], Some(&filled));
    assert_eq!(own.targets, [-1.0, 0.0, 1.0, 0.0]);
    assert_eq!(own.variance(512), Some(4.0));
    let all = Standardised::new(&[5.0, 9.0], None);
    assert_eq!((all.variance(512), all.targets), (Some(4.0), vec![-1.0, 1.0]));
}

/// What is wrong with a target is told in the unit that it is judged in.
#[test]
fn targets_that_are_too_far_are_told_how_far_they_may_be() {
    let refused = |family, target: f64| {
        let unit = Unit { shift: 2_f64.ln(), scale: 1.0 };
        let known = Known { targets: &[1.0, target], filled: None, unit };
        known.check(family).err().map(|error| error.to_string())
    };
    assert_eq!(refused(Family::Gaussian, 1000.0), None);
    assert!(refused(Family::Gaussian, -1000.0).unwrap().contains("1000 standard deviations"));
    assert_eq!(refused(Family::Poisson, 16_383.0), None);
    assert!(refused(Family::Poisson, 16_385.0).unwrap().contains("8192 times the mean"));
}

/// Whether a target counts that outweighs all others is not told by its size; but that it counts
/// follows from the errors all the same.
#[test]
fn targets_far_beyond_the_others_have_no_spread() {
    let mut data = Data::new(400, Family::Gaussian, None);
    data.targets[3] = 7000.0 + 900.0 * 1024.0;
    for counts in [true, false] {
        data.present = (0..400).map(|place| place < 70 && (counts || place != 3)).collect();
        let figures = run(&data).first.unwrap().unwrap();
        assert_eq!((figures.errors.r2, figures.d2), (None, None));
        let plain = data.evaluation().errors;
        assert!((figures.errors.rmse / plain.rmse - 1.0).abs() < 1e-4, "{figures:?} {plain:?}");
    }
}

/// What is opened of a spread, in 512ths, and of one beyond four.
#[test]
fn spreads_have_an_end() {
    for (variance, expected) in
        [(0.0, 0), (0.5, 256), (1.0, 512), (3.9, 1997), (4.1, 2048), (1e6, 2048)]
    {
        let count = 129_u32;
        let unit = 2_f64.powi(20);
        let sum = 0.25 * f64::from(count);
        let squares = (variance + 0.0625) * f64::from(count);
        let side = async |session| {
            let ledger = Arc::new(Ledger::new([FIGURES]));
            let mut party = TwoParty::setup(session, ledger).await.unwrap();
            let share = |sum: f64| if party.is_first() { (sum * unit).round() as u128 } else { 0 };
            let sums = [share(sum), share(squares)];
            let share = spread::variance(&mut party, sums, count as usize).await.unwrap();
            reveal::open(&mut party, FIGURES, &[share]).await.unwrap()[0].cast_signed()
        };
        let opened = world::pair(12, side, side).first;
        assert!((opened - expected).abs() <= 4, "{opened} {expected}");
        assert!(spread::is_sound(opened) && (expected < 2048 || opened == 2048));
    }
}

/// Predictors beyond the ends count as these.
#[test]
fn predictions_are_clamped() {
    let mut data = Data::new(100, Family::Gamma, None);
    let (low, high) = (data.unit.shift - 6.640_625, data.unit.shift + 6.640_625);
    for (place, predictor) in [-1e4, -7.0, 7.0, 9e4].into_iter().enumerate() {
        data.predictors[place] = data.unit.shift + predictor;
    }
    let figures = run(&data).first.unwrap().unwrap();
    data.predictors.iter_mut().for_each(|it| *it = it.clamp(low, high));
    let plain = data.evaluation();
    assert!((figures.errors.rmse / plain.errors.rmse - 1.0).abs() < 1e-4, "{figures:?} {plain:?}");
    assert!((figures.deviance / plain.deviance - 1.0).abs() < 1e-4, "{figures:?} {plain:?}");
}

#[test]
fn known_answer() {
    let hashes = [Family::Gaussian, Family::Poisson].map(|family| {
        let data = Data::new(70, family, None);
        let outcome = run(&data);
        assert_near(&data, &outcome.first.unwrap().unwrap(), 0.0);
        outcome.transcript.hash()
    });
    assert_eq!(
        hashes,
        [
            "819b9c9de6cdb7df65a729d9a3bddce25c7fae211820c06dc51ada12e1aef8e8",
            "a8a3a257e249002e3241a858281cdec4540b6a39c8619a18f7d28b72701c4f07"
        ]
    );
}

/// Bytes for each place, both ways together, and flights.
#[test]
fn cost() {
    let measure = |family, absent| {
        let of = |places| run(&Data::new(places, family, absent)).transcript;
        let (small, large) = (of(512), of(2560));
        // The means of residuals, of their magnitudes and squares, and half the deviance.
        let figures = if family == Family::Gaussian { 3 } else { 4 } + u64::from(absent.is_some());
        assert_eq!(large.bytes_of(Side::Second, "share"), 8 * figures);
        assert_eq!(large.bytes_of(Side::First, "share"), 0);
        assert_eq!(large.rounds(), small.rounds());
        ((large.bytes() - small.bytes()) / 2048, large.rounds())
    };
    let measured = FAMILIES.map(|family| measure(family, None));
    assert_eq!(measured, [(562, 17), (2056, 38), (1921, 47), (2249, 56)]);
    assert_eq!(measure(Family::Gaussian, Some(4)), (650, 29));
}

/// The messages of this protocol itself; those of its blocks are swept with the blocks.
#[test]
fn tampered() {
    let data = Data::new(64, Family::Gaussian, None);
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
    let data = Data::new(300, Family::Gamma, None);
    let side = async |session| play(session, &data, &[FIGURES]).await.0.err();
    for step in ["exponentials", "factors", "correlations", "share"] {
        let (path_step, kind, from) = (step.to_owned(), FaultKind::Close, Side::Second);
        let fault = Fault { path_step, occurrence: 0, kind, from };
        let error = pair_with_fault(7, fault, side, side).first;
        assert!(matches!(error, Some(ModelError::Secure(MpcError::Net(_)))), "{step}: {error:?}");
    }
}

#[test]
fn nothing_but_the_figures_is_opened() {
    for (absent, count) in [(None, 4), (Some(4), 5)] {
        let data = Data::new(100, Family::Poisson, absent);
        let side = async |session| play(session, &data, &[FIGURES]).await.1;
        let outcome = world::pair(8, side, side);
        for observed in [outcome.first, outcome.second] {
            let observed: Vec<(&str, &str, u64)> =
                observed.iter().map(|it| (it.key.as_str(), it.to.as_str(), it.count)).collect();
            assert_eq!(observed, [(FIGURES, "first", count)]);
        }
    }
    let data = Data::new(64, Family::Gaussian, None);
    let side = async |session| play(session, &data, &[]).await.0.err();
    let outcome = world::pair(9, side, side);
    for error in [outcome.first, outcome.second] {
        assert!(matches!(error, Some(ModelError::Secure(MpcError::Undeclared(_)))), "{error:?}");
    }
}

#[test]
fn units_are_those_of_the_training() {
    let values = [5000.0, 7000.0, 9000.0];
    let of = |family, training| Unit::of_regression(family, LabelScale::default(), training);
    let guest = of(Family::Gaussian, Some(&values[..])).unwrap();
    assert_eq!(guest, Unit { shift: 7000.0, scale: 1.0 });
    assert_eq!(of(Family::Gaussian, None).unwrap(), Unit { shift: 0.0, scale: 1.0 });
    let guest = of(Family::Gamma, Some(&values[..])).unwrap();
    assert_eq!(guest, Unit { shift: 7000_f64.ln(), scale: 1.0 });
    for values in [&[0.0, 0.0][..], &[], &[f64::INFINITY]] {
        assert!(of(Family::Poisson, Some(values)).is_err(), "{values:?}");
    }
}

#[test]
fn input_that_does_not_fit_is_refused() {
    let outcome = world::pair(
        10,
        async |session: Session| {
            let mut party = TwoParty::setup(session, Arc::default()).await.unwrap();
            let (present, scores) = (Bits::zeros(64), [0_u64; 64]);
            let unit = Unit { shift: 0.0, scale: 1.0 };
            let fine = [1.0; 64];
            let with = |value: f64| -> [f64; 64] {
                std::array::from_fn(|row| if row == 9 { value } else { 1.0 })
            };
            let (far, zero, infinite) = (with(1001.0), with(0.0), with(f64::INFINITY));
            let known = Some(Known { targets: &fine, filled: None, unit });
            let places = Places { scores: &scores, present: &present, count: 64, known };
            let of = |targets, unit| Places {
                known: Some(Known { targets, filled: None, unit }),
                ..places
            };
            let with_rows = |filled| Places {
                known: Some(Known { targets: &fine, filled: Some(filled), unit }),
                ..places
            };
            let one_is_empty: [bool; 64] = std::array::from_fn(|place| place != 3);
            let mut errors = Vec::new();
            for (places, family) in [
                (Places { known: None, ..places }, Family::Gaussian),
                (Places { scores: &scores[..63], ..places }, Family::Gaussian),
                (Places { count: 63, ..places }, Family::Gaussian),
                (Places { count: 65, ..places }, Family::Gaussian),
                (places, Family::Binomial),
                (with_rows(&one_is_empty), Family::Gaussian),
                (with_rows(&[true; 63]), Family::Gaussian),
                (of(&far, unit), Family::Gaussian),
                (of(&infinite, unit), Family::Gaussian),
                (of(&zero, unit), Family::Gamma),
                (of(&fine, Unit { scale: 0.0, ..unit }), Family::Gaussian),
                (of(&fine, Unit { shift: -10.0, ..unit }), Family::Poisson),
            ] {
                errors.push(evaluate(&mut party, &places, family).await.err());
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
