//! Trainings among several parties that go on from a checkpoint, or begin with coefficients.

use std::sync::Mutex;

use super::numbers::Known;
use super::*;
use crate::family::Family;
use crate::vertical::course::tests::InMemory;
use crate::vertical::course::{Checkpoints, Start, State};
use crate::vertical::generalized_linear::Settings as LinearSettings;
use crate::vertical::several::generalized_linear::train as train_numbers;

/// All parties' coefficients and states, from where each one begins.
fn run_from(
    data: &Data,
    settings: &LinearSettings,
    kept: Vec<InMemory>,
    starts: Option<&[Start]>,
) -> Vec<Result<(Coefficients, InMemory), ModelError>> {
    let known = Known::scores(data);
    let kept: Vec<Mutex<InMemory>> = kept.into_iter().map(Mutex::new).collect();
    let role = async |number: usize, sessions| {
        let ledger = Arc::new(Ledger::new(DISCLOSURES));
        let mut parties = Parties::setup(sessions, ledger).await?;
        let columns = slices(&data.columns[number]);
        let targets = (number == 0).then(|| known.targets());
        let mut kept = std::mem::take(&mut *kept[number].lock().unwrap());
        let checkpoints: &mut dyn Checkpoints = &mut kept;
        let start = starts.map(|starts| vec![starts[number].clone()]);
        let course = Course { checkpoints: Some(checkpoints), start };
        let family = Family::Gaussian;
        let own = train_numbers(&mut parties, &columns, targets, family, settings, course).await?;
        Ok((own, kept))
    };
    mesh(6, data.columns.len(), role).results
}

fn nothing(parties: usize) -> Vec<InMemory> {
    (0..parties).map(|_| InMemory::default()).collect()
}

fn assert_alike(left: &Coefficients, right: &Coefficients) {
    let both = left.weights.iter().zip(&right.weights);
    let worst = both.map(|(one, other)| (one - other).abs()).fold(0.0, f64::max);
    assert!(worst < 2e-3 && (left.intercept - right.intercept).abs() < 2e-3, "{left:?} {right:?}");
}

/// A training that goes on ends where the whole one does, with shares that do not fit with those of
/// before; one that begins where another ended ends at once.
#[test]
fn trainings_go_on_and_begin_with_coefficients() {
    let (data, settings) = (data(300, &[1, 2, 1]), LinearSettings::default());
    let whole: Vec<(Coefficients, InMemory)> = run_from(&data, &settings, nothing(3), None)
        .into_iter()
        .map(|result| result.unwrap())
        .collect();
    let passes = whole[0].0.passes;
    assert!(passes > 6, "{passes}");
    let kept = whole.iter().map(|(_, kept)| kept.resuming(4)).collect();
    let resumed = run_from(&data, &settings, kept, None);
    let words = |kept: &InMemory, number: usize| {
        let state = &kept.kept.iter().find(|(kept, _)| *kept == number).unwrap().1;
        net::wire::decode::<State>(state).unwrap().shared.words
    };
    for ((before, kept), resumed) in whole.iter().zip(resumed) {
        let (after, kept_after) = resumed.unwrap();
        assert_alike(before, &after);
        assert_eq!(kept_after.numbers()[0], 5);
        let fifth = words(kept, 5).into_iter().zip(words(&kept_after, 5));
        assert!(fifth.clone().all(|(one, other)| one.abs_diff(other) > 1 << 26));
    }
    let start = |(own, _): &(Coefficients, InMemory)| Start {
        weights: own.weights.clone(),
        intercept: own.intercept,
    };
    let starts: Vec<Start> = whole.iter().map(start).collect();
    let warm = run_from(&data, &settings, nothing(3), Some(&starts));
    for ((cold, _), warm) in whole.iter().zip(warm) {
        let (warm, _) = warm.unwrap();
        assert_alike(cold, &warm);
        assert!(2 * warm.passes < passes, "{} of {passes}", warm.passes);
    }
}

/// A state of other columns ends in an error at all.
#[test]
fn states_and_starts_that_do_not_fit_are_refused() {
    let one = data(64, &[2, 1, 1]);
    let settings = LinearSettings { passes_max: 1, ..LinearSettings::default() };
    let whole = run_from(&one, &settings, nothing(3), None);
    let kept = || whole.iter().map(|it| it.as_ref().unwrap().1.resuming(1)).collect();
    let other = data(64, &[1, 1, 1]);
    let start = Start { weights: vec![1e9], intercept: 0.0 };
    let starts = vec![start; 3];
    for results in [
        run_from(&other, &settings, kept(), None),
        run_from(&other, &settings, nothing(3), Some(&starts)),
    ] {
        for result in results {
            let refused = result.err();
            assert!(matches!(refused, Some(ModelError::InvalidInput(_))), "{refused:?}");
        }
    }
}
