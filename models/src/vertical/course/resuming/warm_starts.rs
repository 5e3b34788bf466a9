//! Trainings that begin with coefficients.

use super::*;

/// Both parties' results of a training, and of another that begins with the first one's.
fn warm<A: Send>(
    start: impl Fn(&A) -> Vec<Start>,
    train: impl AsyncFn(Session, Option<Vec<Start>>) -> A + Send + Sync,
) -> [(A, A); 2] {
    let cold = world::pair(1, async |it| train(it, None).await, async |it| train(it, None).await);
    let (one, other) = (Some(start(&cold.first)), Some(start(&cold.second)));
    let train = &train;
    let warm = world::pair(
        2,
        async move |session| train(session, one).await,
        async move |session| train(session, other).await,
    );
    [(cold.first, cold.second), (warm.first, warm.second)]
}

/// From where it ended a training of the same rows ends at once, and at the same place.
#[test]
fn warm_starts_take_fewer_passes() {
    let (data, settings) = (data(), Settings::default());
    let one =
        |own: &Coefficients| vec![Start { weights: own.weights.clone(), intercept: own.intercept }];
    let logistic = async |session, start| {
        logistic_from(session, &data, &settings, (None, start)).await.unwrap()
    };
    let mut runs = vec![warm(one, logistic)];
    for family in [Family::Gaussian, Family::Gamma] {
        let linear = async |session, start| {
            linear_from(session, &data, family, (None, start)).await.unwrap()
        };
        runs.push(warm(one, linear));
    }
    for [cold, warm] in &runs {
        assert_near(&cold.0, &warm.0);
        assert_near(&cold.1, &warm.1);
        assert!(2 * warm.0.passes < cold.0.passes, "{} {}", warm.0.passes, cold.0.passes);
    }
    let classes = |own: &multinomial::ClassCoefficients| {
        let pairs = own.weights.iter().zip(&own.intercepts);
        pairs.map(|(weights, it)| Start { weights: weights.clone(), intercept: *it }).collect()
    };
    let multinomial =
        async |session, start| multinomial_from(session, &data, (None, start)).await.unwrap();
    let [cold, warm] = warm(classes, multinomial);
    assert!(2 * warm.0.passes < cold.0.passes, "{} {}", warm.0.passes, cold.0.passes);
    for (one, other) in cold.0.weights.concat().iter().zip(warm.0.weights.concat()) {
        assert!((one - other).abs() < 2e-3, "{one} {other}");
    }
}

/// The first steps from far away fit, and end nowhere but at the optimum.
#[test]
fn training_ends_at_the_optimum_from_far_away_as_well() {
    let (data, settings) = (data(), Settings::default());
    let far = |factor: f64| {
        move |own: &Coefficients| {
            let weights = own.weights.iter().map(|weight| weight * factor).collect();
            vec![Start { weights, intercept: own.intercept * factor }]
        }
    };
    let logistic = async |session, start| {
        logistic_from(session, &data, &settings, (None, start)).await.unwrap()
    };
    let mut runs = vec![warm(far(-3.0), logistic)];
    for (family, factor) in [(Family::Gaussian, -5.0), (Family::Gamma, -1.0)] {
        let linear = async |session, start| {
            linear_from(session, &data, family, (None, start)).await.unwrap()
        };
        runs.push(warm(far(factor), linear));
    }
    for [cold, warm] in &runs {
        assert!(warm.0.converged);
        assert_near(&cold.0, &warm.0);
        assert_near(&cold.1, &warm.1);
    }
}

#[test]
fn starts_that_fixed_point_cannot_hold_are_refused() {
    let (data, settings) = (data(), Settings { passes_max: 1, ..Settings::default() });
    for weights in [vec![1.0], vec![100.0, 0.0], vec![f64::NAN, 0.0]] {
        let side = async |session| {
            let start = Some(vec![Start { weights: weights.clone(), intercept: 0.0 }]);
            logistic_from(session, &data, &settings, (None, start)).await
        };
        let outcome = world::pair(3, side, side);
        for refused in [outcome.first, outcome.second] {
            assert!(matches!(refused, Err(ModelError::InvalidInput(_))));
        }
    }
}
