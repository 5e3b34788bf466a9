use super::*;
use crate::evaluate::stream::Stream;
use proptest::prelude::*;

/// Three features, two of them correlated, and a target for each family.
struct Rows {
    columns: Vec<Vec<f64>>,
    labels: Vec<f64>,
    values: Vec<f64>,
    counts: Vec<f64>,
    amounts: Vec<f64>,
    claims: Vec<f64>,
    weights: Vec<f64>,
    offsets: Vec<f64>,
}

impl Rows {
    fn new(count: usize) -> Self {
        let mut stream = Stream(42);
        let mut rows = Self {
            columns: vec![Vec::new(); 3],
            labels: vec![],
            values: vec![],
            counts: vec![],
            amounts: vec![],
            claims: vec![],
            weights: vec![],
            offsets: vec![],
        };
        for row in 0..count {
            let (a, b, c) = (stream.next() * 4.0 - 2.0, stream.next() * 2.0 - 1.0, stream.next());
            let (u, v) = (stream.next(), stream.next());
            rows.columns[0].push(a);
            rows.columns[1].push(b + 0.5 * a);
            rows.columns[2].push(c);
            rows.labels.push(f64::from(u8::from(u < 0.25 + 0.2 * a)));
            rows.values.push(1.0 + 0.8 * a - 0.5 * b + (u - 0.5));
            rows.counts.push(((0.3 * a - 0.2 * c).exp() * 2.0 * u * (0.5 + v) * 1.5).floor());
            let amount = (0.2 + 0.5 * a - 0.3 * b).exp() * (0.1 + 2.0 * u);
            rows.amounts.push(amount);
            rows.claims.push(if v < 0.4 { 0.0 } else { amount });
            rows.weights.push(0.5 + (row % 3) as f64);
            rows.offsets.push((0.5 + v).ln());
        }
        rows
    }

    fn targets(&self, family: Family) -> &[f64] {
        match family {
            Family::Gaussian => &self.values,
            Family::Binomial => &self.labels,
            Family::Poisson => &self.counts,
            Family::Gamma => &self.amounts,
            Family::Tweedie { .. } => &self.claims,
        }
    }

    fn columns(&self) -> Vec<&[f64]> {
        self.columns.iter().map(Vec::as_slice).collect()
    }
}

/// Coefficients or standard errors: of the three features, then of the intercept.
type Figures = [f64; 4];

fn assert_close(weights: &[f64], intercept: f64, expected: Figures, bound: f64) {
    for (found, expected) in weights.iter().chain([&intercept]).zip(expected) {
        assert!((found - expected).abs() < bound, "{found} for {expected}");
    }
}

/// Fits without penalties and compares coefficients and standard errors.
fn assert_agrees(
    family: Family,
    is_weighted: bool,
    has_offsets: bool,
    coefficients: Figures,
    errors: Figures,
    dispersion: f64,
) {
    let rows = Rows::new(400);
    let columns = rows.columns();
    let data = Data {
        columns: &columns,
        targets: rows.targets(family),
        weights: is_weighted.then_some(&rows.weights),
        offsets: has_offsets.then_some(&rows.offsets),
    };
    let fit = fit(&data, family, Settings::default()).unwrap();
    assert_close(&fit.weights, fit.intercept, coefficients, 1e-7);
    let found = standard_errors(&fit, &data, family, Settings::default()).unwrap();
    assert_close(&found.weights, found.intercept, errors, 1e-7);
    assert!((found.dispersion - dispersion).abs() < 1e-6, "{found:?}");
}

// Expected values: statsmodels 0.15, GLM(targets, [features, 1], family, offset=…, var_weights=…)
// .fit(tol=1e-14), on the same rows made by the same generator.

#[test]
fn gaussian_agrees_with_statsmodels() {
    let coefficients =
        [1.039_988_518_978_94, -0.490_068_658_326_665, -0.086_678_469_363_105_8, 1.020_260_077_086];
    let errors = [0.017_772_377_039, 0.024_727_099_072, 0.049_651_645_499, 0.030_420_243_879];
    let dispersion = 0.085_128_025_335_283;
    assert_agrees(Family::Gaussian, false, false, coefficients, errors, dispersion);
    let coefficients =
        [1.059_372_040_076_18, -0.489_259_088_154_934, -0.040_092_123_494_713, 1.006_764_668_202];
    let errors = [0.018_334_235_108, 0.025_377_708_418, 0.049_164_870_802, 0.030_658_107_918];
    let dispersion = 0.128_431_101_303_404;
    assert_agrees(Family::Gaussian, true, false, coefficients, errors, dispersion);
}

#[test]
fn poisson_agrees_with_statsmodels() {
    let coefficients =
        [0.434_669_363_654_534, -0.026_044_808_222_439, -0.376_188_676_500, -0.054_183_384_936];
    let errors = [0.069_534_567_086, 0.092_466_919_823, 0.184_142_866_157, 0.110_896_932_387];
    assert_agrees(Family::Poisson, false, false, coefficients, errors, 1.0);
    let coefficients =
        [0.435_783_178_817_788, 0.040_801_862_378_840, -0.294_020_159_038, -0.066_205_091_607];
    let errors = [0.057_411_609_851, 0.074_921_109_370, 0.144_771_461_122, 0.090_581_061_014];
    assert_agrees(Family::Poisson, true, true, coefficients, errors, 1.0);
}

#[test]
fn gamma_agrees_with_statsmodels() {
    let coefficients =
        [0.630_530_278_233_485, -0.279_778_884_204_081, -0.170_046_986_567, 0.336_319_645_664];
    let errors = [0.034_277_878_255, 0.047_691_565_947, 0.095_763_951_879, 0.058_672_028_726];
    assert_agrees(Family::Gamma, false, false, coefficients, errors, 0.316_671_797_326_299);
    let coefficients =
        [0.667_338_194_079_251, -0.278_493_822_961_504, -0.076_952_157_525, 0.308_663_413_792];
    let errors = [0.034_294_058_820, 0.047_468_826_491, 0.091_962_547_726, 0.057_345_776_906];
    assert_agrees(Family::Gamma, true, false, coefficients, errors, 0.449_347_563_400_255);
}

#[test]
fn tweedie_agrees_with_statsmodels() {
    let family = |power| Family::Tweedie { power };
    let coefficients =
        [0.626_337_195_532_245, -0.317_177_788_181_563, -0.111_673_263_260, -0.195_640_702_875];
    let errors = [0.066_696_541_786, 0.090_767_043_621, 0.180_507_911_337, 0.111_054_657_187];
    assert_agrees(family(1.5), false, false, coefficients, errors, 1.026_055_017_367);
    let coefficients =
        [0.611_035_519_700_255, -0.306_396_145_555_199, -0.109_864_074_100, -0.236_448_380_780];
    let errors = [0.062_201_181_713, 0.083_848_976_948, 0.166_508_317_407, 0.103_292_954_137];
    assert_agrees(family(1.3), false, true, coefficients, errors, 0.819_923_433_282);
}

/// Expected values: scikit-learn 1.9, `ElasticNet(alpha=0.05, l1_ratio=0.6)` and the regressors
/// `PoissonRegressor`, `GammaRegressor` and `TweedieRegressor(power=1.5)` with `alpha=0.05`.
#[test]
fn penalised_fits_agree_with_scikit_learn() {
    let rows = Rows::new(400);
    let columns = rows.columns();
    for (family, l2, l1, expected) in [
        (Family::Gaussian, 0.02, 0.03, [0.915_873_417_518, -0.318_077_296_770, 0.0, 0.982_478_086]),
        (Family::Poisson, 0.05, 0.0, [0.395_289_543, 0.006_653_072, -0.222_052_426, -0.120_932_57]),
        (Family::Gamma, 0.05, 0.0, [0.572_691_050, -0.211_439_760, -0.104_987_380, 0.306_470_114]),
        (
            Family::Tweedie { power: 1.5 },
            0.05,
            0.0,
            [0.556_668_607_648, -0.232_601_380_854, -0.064_372_653_795, -0.203_998_523_199],
        ),
    ] {
        let targets = rows.targets(family);
        let data = Data { columns: &columns, targets, weights: None, offsets: None };
        let settings = Settings { l2, l1, ..Settings::default() };
        let fit = fit(&data, family, settings).unwrap();
        assert_close(&fit.weights, fit.intercept, expected, 1e-6);
    }
}

#[test]
fn targets_and_settings_without_a_model_are_named() {
    let fit = |targets: &[f64], family| {
        let data = Data { columns: &[], targets, weights: None, offsets: None };
        fit(&data, family, Settings::default()).unwrap_err()
    };
    assert_eq!(fit(&[], Family::Gaussian), FitError::NoRows);
    assert_eq!(fit(&[1.0, 1.0], Family::Binomial), FitError::OneClass);
    assert_eq!(fit(&[0.0, 0.0], Family::Poisson), FitError::AllZero);
    assert!(matches!(fit(&[1.0, 0.0], Family::Gamma), FitError::Value { row: 1, .. }));
    assert!(matches!(fit(&[1.0, -1.0], Family::Poisson), FitError::Value { row: 1, .. }));
    let setting = fit(&[1.0], Family::Tweedie { power: 2.0 });
    assert!(matches!(setting, FitError::Setting { name: "power", .. }));
}

#[test]
fn errors_need_degrees_of_freedom() {
    let columns: [&[f64]; 1] = [&[1.0, 2.0]];
    let data = Data { columns: &columns, targets: &[1.0, 3.0], weights: None, offsets: None };
    let exact = fit(&data, Family::Gaussian, Settings::default()).unwrap();
    let errors = standard_errors(&exact, &data, Family::Gaussian, Settings::default());
    assert_eq!(errors, Err(FitError::NoFreedom { rows: 2, features: 1 }));
}

proptest! {
    /// No point near the optimum is better, with any family and penalty.
    #[test]
    fn nothing_near_the_optimum_is_better(
        family in prop_oneof![
            Just(Family::Gaussian),
            Just(Family::Binomial),
            Just(Family::Poisson),
            Just(Family::Gamma),
            (1.05_f64..1.95).prop_map(|power| Family::Tweedie { power }),
        ],
        l2 in 0.001_f64..1.0,
        l1 in prop_oneof![Just(0.0), 0.001_f64..0.3],
        moves in prop::collection::vec(-0.01_f64..0.01, 4),
    ) {
        let rows = Rows::new(60);
        let columns = rows.columns();
        let settings = Settings { l2, l1, ..Settings::default() };
        let targets = rows.targets(family);
        let data = Data { columns: &columns, targets, weights: None, offsets: None };
        let best = fit(&data, family, settings).unwrap();
        let objective = Objective::new(data, family, settings).unwrap();
        let at = best.weights.iter().copied().chain([best.intercept]);
        let moved = objective.point(at.zip(moves).map(|(at, by)| at + by).collect());
        prop_assert!(objective.value(&moved) >= best.objective - 1e-12);
    }
}
