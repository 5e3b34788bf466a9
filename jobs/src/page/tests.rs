//! Pages of made-up results. `TOMBOLO_PAGES=FOLDER cargo test -p tombolo-jobs page` also writes
//! them to a folder, to look at after a change.

mod classes;
mod hidden;
mod recommendation;
mod scored;

use std::path::Path;

use contract::{Audience, Observed, Role, catalogue};
use crypto::random::Generator;
use features::prepare::{DropReason, Dropped};
use features::woe::{BinCounts, MergeRule, WoeTable};
use models::evaluate::bootstrap::Bootstrap;
use models::evaluate::profit::Economics;
use models::evaluate::regression::{NumericComparison, NumericEvaluation};
use models::evaluate::{Comparison, ModelScores, Settings};
use models::family::Family;
use models::wald::Wald;
use report::message::problems;
use serde_json::json;
use table::{Column, Kind, Table, Values};

use super::{report_html, wording};
use crate::run::{
    BaseRates, Coefficient, ColumnTotal, HostEvidence, KeyRound, LinearPart, ModelOutcome,
    ModelPart, Outcome, PartyFacts, SelectedFeature, SelectionOutcome, SplitOutcome, StepUse, Sums,
    TestScores, TotalsOutcome,
};
use crate::spec::{JobSpec, Join, PartySpec, Provenance, SplitBy};

const JOB: &str = "job: term-deposit
purpose: marketing.activation
parties:
  bank: { role: guest, key: customer, label: subscribed, time: contact_order }
  operator: { role: host, key: customer }
splits:
  time: { by: time, test: 30% }
  stratified: { by: stratified, test: 30% }
train:
  - logistic_regression: { privacy: strict }
  - boosted_trees: { privacy: secureboost }
";

const TEST_ROWS: usize = 2_000;

#[test]
fn the_guest_sees_what_the_partner_adds() {
    let html = written("guest.html", &guest());
    for chart in ["ROC curve", "KS curve", "Cumulative gains", "Calibration", "Profit", "Lift"] {
        assert!(html.contains(chart), "{chart}");
    }
    for language in ["Joint model of bank and operator", "bank 与 operator 的联合模型"] {
        assert!(html.contains(language), "{language}");
    }
    assert!(html.contains("age, IV"), "the weight of evidence of a column");
    assert!(html.contains("operator #1, IV") && html.contains("dropped: goes together with age"));
    assert!(html.contains("all features of operator"), "the host's part of the trees' gain");
    assert!(html.contains("1,400 opened"), "the scores that were opened");
    assert!(!html.contains("NaN"));
}

#[test]
fn remarks_say_what_the_figures_do_not() {
    let html = report_html(&guest());
    for remark in [
        "The split by time learns from the past only",
        "only the second can be counted on",
        "No measurable gain",
        "Another population (split by time)",
        "gives away more than `strict`",
        "training scores stay secret-shared",
        "Information value above 0.5: contacts",
    ] {
        assert!(html.contains(remark), "{remark}");
    }
    assert!(!html.contains("are simulated") && !html.contains("Training ended after"));
}

#[test]
fn a_random_split_alone_is_not_taken_for_honest() {
    let mut outcome = guest();
    outcome.splits.retain(|split| split.by != SplitBy::Time);
    outcome.models.retain(|model| model.split == "stratified");
    assert!(report_html(&outcome).contains("add a split by time to the job"));
    outcome.parties[0].has_time = false;
    assert!(!report_html(&outcome).contains("add a split by time to the job"));
}

#[test]
fn simulated_data_and_unfinished_training_are_said() {
    let mut outcome = guest();
    outcome.parties[1].data = Provenance::Simulated;
    if let ModelPart::LogisticRegression(part) = &mut outcome.models[0].part {
        part.converged = false;
    }
    let html = report_html(&outcome);
    assert!(html.contains("The data of operator are simulated"));
    assert!(html.contains("Training ended after 41 rounds"));
}

#[test]
fn the_host_sees_its_own_part_and_no_metric() {
    let html = written("host.html", &host());
    assert!(html.contains("Your part of the models") && html.contains("模型中的己方部分"));
    assert!(html.contains("euribor3m") && html.contains("Own splits"));
    assert!(html.contains("dropped by the label holder"));
    for metric in ["AUC", "KS curve", "Information value", "Score bands", "positives"] {
        assert!(!html.contains(metric), "{metric}");
    }
}

#[test]
fn a_page_of_numbers_has_errors_and_no_classes() {
    let mut outcome = guest();
    let numeric = |rmse: f64, family| {
        let targets = [0.0, 1.0, 2.0, 5.0];
        let predictions = targets.map(|target| target * 0.5 + rmse);
        NumericEvaluation::new(&predictions, &targets, None, family).unwrap()
    };
    for model in &mut outcome.models {
        let ModelPart::LogisticRegression(part) = coefficients(-0.5) else { panic!("no part") };
        model.part = ModelPart::Regression(part);
        (model.component, model.title) =
            (catalogue::POISSON_REGRESSION.name, catalogue::POISSON_REGRESSION.title.clone());
        (model.comparison, model.scores) = (None, None);
        let (guest_alone, joint) = (numeric(0.9, Family::Poisson), numeric(0.7, Family::Poisson));
        model.numeric = Some(NumericComparison { guest_alone, joint });
    }
    for split in &mut outcome.splits {
        (split.base_rates, split.selection) = (None, None);
        split.evidence.clear();
        split.host_evidence.clear();
    }
    let html = written("numbers.html", &outcome);
    for part in [
        "Root mean squared error",
        "Explained deviance (D²)",
        "Mean of prediction minus label",
        "均方根误差",
        "Change of the logarithm of the prediction",
        "Poisson regression",
    ] {
        assert!(html.contains(part), "{part}");
    }
    for part in ["AUC", "ositives", "ROC", "NaN"] {
        assert!(!html.contains(part), "{part}");
    }
}

#[test]
fn a_page_without_models_says_what_was_matched_and_received() {
    let mut outcome = guest();
    outcome.models.clear();
    (outcome.own_rows, outcome.common_rows, outcome.join) = (1_000, Some(640), Join::Left);
    let round = |column: &str, rows, matches| KeyRound { column: column.into(), rows, matches };
    outcome.key_rounds = vec![round("phone", 900, 600), round("email", 123, 40)];
    let column = Column::new("operator.age", Kind::Number, table::Role::Carried);
    let payload = Table::from_columns(vec![(column, Values::numbers(vec![f64::NAN, 1.0]))]);
    outcome.payload = Some(payload.unwrap());
    let html = written("aligned.html", &outcome);
    for part in [
        "The rows that bank and operator have in common",
        "Matches by key",
        "按键的匹配数",
        "has all 1,000 rows of your table: first the 640 common ones, then 360",
        "Columns received from operator",
        "operator.age",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(html.contains("123") && !html.contains("Joint model of"));
    outcome.join = Join::Anti;
    assert!(report_html(&outcome).contains("the 360 rows of your table that operator does not"));
    outcome.role = Role::Host;
    assert!(report_html(&outcome).contains("that bank does not have"));
}

#[test]
fn a_page_of_totals_has_sums_or_says_why_not() {
    let mut outcome = guest();
    outcome.models.clear();
    outcome.common_rows = None;
    let total = ColumnTotal {
        party: "operator".into(),
        column: "minutes".into(),
        sum: 5_432.125,
        mean: Some(154.321),
    };
    let sums = |common_rows, sums| TotalsOutcome { common_rows, minimum: 100, decimals: 4, sums };
    outcome.totals = Some(sums(Some(640), Sums::Opened(vec![total])));
    let html = written("totals.html", &outcome);
    for part in [
        "What the rows that bank and operator have in common add up to",
        "640 rows are common. Nobody learnt which.",
        "共有行上的合计",
        "minutes",
        "5,432.1250",
        "154.3210",
        "rounded to 4 decimals",
    ] {
        assert!(html.contains(part), "{part}");
    }
    for (totals, said) in [
        (sums(Some(37), Sums::BelowMinimum), "37 rows are common. Sums were not opened"),
        (sums(None, Sums::BelowMinimum), "Fewer than 100 rows are common"),
        (sums(None, Sums::ForTheOther), "Only the other party learnt the totals"),
        (sums(Some(5), Sums::NotAsked), "5 rows are common. Nobody learnt which."),
    ] {
        outcome.totals = Some(totals);
        let html = report_html(&outcome);
        assert!(html.contains(said) && !html.contains("5,432"), "{said}");
    }
}

#[test]
fn what_is_not_there_is_no_problem() {
    for mut outcome in [guest(), host()] {
        for model in &mut outcome.models {
            (model.comparison, model.scores) = (None, None);
            model.settings = json!(null);
        }
        outcome.steps.clear();
        outcome.splits.clear();
        report_html(&outcome);
        outcome.models.clear();
        (outcome.common_rows, outcome.common_order) = (None, None);
        outcome.declared.clear();
        assert!(report_html(&outcome).contains("</html>"));
    }
}

#[test]
fn bins_are_named_in_both_languages() {
    let name = super::features::bin_name("missing, married, other levels");
    assert_eq!(name.zh, "缺失, married, 其他类别");
    assert_eq!(super::features::bin_name("").en, "");
    assert_eq!(super::features::bin_name("blue, missing").zh, "blue, missing");
}

#[test]
fn names_from_a_job_cannot_break_the_page() {
    let mut outcome = host();
    outcome.parties[1].name = "<script>alert(1)</script>".to_owned();
    outcome.splits[0].name = "\"&<b>".to_owned();
    let html = report_html(&outcome);
    assert!(!html.contains("<script>alert") && !html.contains("<b>\""));
}

#[test]
fn the_page_speaks_both_languages() {
    for entries in [
        wording::ENTRIES,
        super::scored_wording::ENTRIES,
        super::class_wording::ENTRIES,
        super::hidden_wording::ENTRIES,
        super::recommendation_wording::ENTRIES,
    ] {
        assert_eq!(problems(entries, NEUTRAL), Vec::<String>::new());
    }
}

/// Keys whose Chinese side has no Chinese character of its own.
const NEUTRAL: &[&str] = &["explained_variance", "f1", "ndcg", "ndcg_5", "ndcg_10", "ndcg_30"];

fn guest() -> Outcome {
    let job = JobSpec::parse("job.yaml", JOB).unwrap();
    let mut outcome = outcome(&job, Role::Guest);
    // By time the partner adds nothing; at random it seems to.
    for (split, gain) in [("time", 0.0), ("stratified", 1.2)] {
        for (component, part) in [(0, coefficients(-2.0)), (1, guest_trees())] {
            let mut model = model(&job, component, split, part);
            let (scores, comparison) = measured(gain);
            (model.scores, model.comparison) = (Some(scores), Some(comparison));
            outcome.models.push(model);
        }
    }
    for split in &mut outcome.splits {
        split.evidence = vec![evidence("age", 3), evidence("contacts", 9)];
        split.host_evidence =
            vec![HostEvidence { party: "operator".to_owned(), tables: vec![evidence("#1", 2)] }];
        let decided = |party: &str, name: &str, with: Option<&str>| SelectedFeature {
            name: name.to_owned(),
            party: party.to_owned(),
            iv: Some(0.1),
            is_kept: with.is_none(),
            correlated_with: with.map(str::to_owned),
        };
        let features = vec![decided("bank", "age", None), decided("operator", "#1", Some("age"))];
        split.selection = Some(SelectionOutcome { features, pairs_across: Some(1) });
        split.dropped =
            vec![Dropped { column: "default".to_owned(), reason: DropReason::OneLevel }];
    }
    outcome.splits[0].base_rates = Some(BaseRates { training: 0.05, test: 0.25 });
    outcome
}

fn host() -> Outcome {
    let job = JobSpec::parse("job.yaml", JOB).unwrap();
    let mut outcome = outcome(&job, Role::Host);
    for split in ["time", "stratified"] {
        outcome.models.push(model(&job, 0, split, coefficients(0.0)));
        outcome.models.push(model(&job, 1, split, host_trees()));
    }
    let decided = |name: &str, is_kept| SelectedFeature {
        name: name.to_owned(),
        party: "operator".to_owned(),
        iv: None,
        is_kept,
        correlated_with: None,
    };
    let features = vec![decided("euribor3m", true), decided("campaign", false)];
    outcome.splits[0].selection = Some(SelectionOutcome { features, pairs_across: Some(0) });
    outcome
}

/// What both roles see.
fn outcome(job: &JobSpec, role: Role) -> Outcome {
    let facts = |party: &PartySpec| PartyFacts {
        name: party.name.clone(),
        role: party.role,
        data: party.data,
        has_time: party.time.is_some(),
    };
    let own = job.parties().find(|party| party.role == role).unwrap();
    let split = |spec: &crate::spec::SplitSpec| SplitOutcome {
        name: spec.name.clone(),
        by: spec.by,
        training_rows: 4_000,
        validation_rows: 667,
        test_rows: TEST_ROWS,
        base_rates: None,
        period: None,
        evidence: Vec::new(),
        host_evidence: Vec::new(),
        selection: None,
        features: vec!["age".to_owned()],
        dropped: Vec::new(),
        preparation: serde_json::from_value(json!({ "features": [], "dropped": [] })).unwrap(),
        weighed: None,
    };
    Outcome {
        job: job.job.clone(),
        purpose: job.purpose.clone(),
        seed: job.seed,
        digest: job.digest().to_string(),
        party: own.name.clone(),
        role,
        parties: job.parties().map(facts).collect(),
        own_rows: 7_100,
        common_rows: Some(6_667),
        common_order: Some(Vec::new()),
        key_rounds: Vec::new(),
        join: Join::Inner,
        payload: None,
        totals: None,
        splits: job.splits.iter().map(split).collect(),
        models: Vec::new(),
        scored: None,
        steps: steps(),
        declared: job.disclosures(),
        observed: Vec::new(),
    }
}

fn steps() -> Vec<StepUse> {
    let opened =
        |key: &'static str, to, count| vec![Observed { to, party: None, key: key.into(), count }];
    let step = |id: &str, seconds, observed| StepUse {
        continued_behind: 0,
        id: id.to_owned(),
        seconds,
        cpu_seconds: seconds * 1.7,
        bytes_sent: 1_000_000,
        bytes_received: 2_500_000,
        rounds: 12,
        observed,
    };
    vec![
        step("align", 4.2, opened("intersection.rows", Audience::All, 6_667)),
        step("split.time", 0.1, opened("split.late_rows", Audience::Host, 2_000)),
        step("prepare.time", 0.2, Vec::new()),
        step(
            "train.logistic_regression.time",
            31.0,
            opened("score.test_rows", Audience::Guest, 1_400),
        ),
    ]
}

fn model(job: &JobSpec, place: usize, split: &str, part: ModelPart) -> ModelOutcome {
    let train = &job.train[place];
    let component = [&catalogue::LOGISTIC_REGRESSION, &catalogue::BOOSTED_TREES][place];
    ModelOutcome {
        step: format!("{}.{split}", train.name),
        model_id: "00112233445566778899aabbccddeeff".to_owned(),
        component: component.name,
        title: component.title.clone(),
        privacy: train.model.privacy().to_owned(),
        settings: json!({ "l2": 0.01, "rounds": 500 }),
        warm_start: None,
        split: split.to_owned(),
        comparison: None,
        numeric: None,
        classes: None,
        hidden: None,
        graded: None,
        recommendation: None,
        part,
        scores: None,
        class_scores: None,
    }
}

/// Scores of two models, the second of which knows `gain` more than the first.
fn measured(gain: f64) -> (TestScores, Comparison) {
    let mut generator = Generator::from_seed([7; 32]);
    let mut uniform = || (generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let sigmoid = |margin: f64| 1.0 / (1.0 + (-margin).exp());
    let (mut alone, mut joint, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TEST_ROWS {
        let (own, partner) = (4.0 * uniform() - 2.0, 4.0 * uniform() - 2.0);
        let truth = sigmoid(own + gain * partner - 2.0);
        labels.push(u8::from(uniform() < truth));
        alone.push(sigmoid(own - 2.0));
        joint.push(sigmoid(own + (gain + 0.02) * partner - 2.0));
    }
    let settings = Settings {
        bands: 20,
        economics: Some(Economics { cost_per_contact: 5.0, value_per_conversion: 60.0 }),
        ..Settings::default()
    };
    let comparison = Comparison::new(
        ModelScores { test: &alone, training: Some(&alone) },
        ModelScores { test: &joint, training: None },
        &labels,
        None,
        &settings,
        Bootstrap { replicates: 100, ..Bootstrap::default() },
        &mut generator,
    );
    let rows = (0..TEST_ROWS as u32).collect();
    let labels = labels.into_iter().map(f64::from).collect();
    (TestScores { rows, labels, alone, joint }, comparison.unwrap())
}

fn coefficients(intercept: f64) -> ModelPart {
    let names = ["age", "euribor3m", "job = student"];
    let coefficient = |(place, name): (usize, &&str)| Coefficient {
        feature: (*name).to_owned(),
        weight: 0.4 - 0.3 * place as f64,
        test: Some(Wald::new(0.4 - 0.3 * place as f64, 0.11)),
    };
    ModelPart::LogisticRegression(LinearPart {
        coefficients: names.iter().enumerate().map(coefficient).collect(),
        intercept,
        intercept_test: Some(Wald::new(intercept, 0.05)),
        passes: 41,
        converged: true,
        alone: None,
    })
}

/// One tree that asks the host first and then the guest.
fn guest_trees() -> ModelPart {
    let own = json!({ "own": { "feature": 0, "bin": 3, "missing_left": true } });
    let host = json!({ "host": { "host": 0, "split": 0 } });
    let split = |question, gain, left| {
        let split = json!({ "question": question, "gain": gain, "left": left });
        json!({ "split": split })
    };
    let leaf = |weight| json!({ "leaf": { "weight": weight } });
    let tree = [split(host, 9.0, 1), split(own, 3.0, 3), leaf(0.4), leaf(-0.2), leaf(0.1)].to_vec();
    let trees = json!({
        "training_id": "0011223344556677", "loss": "logistic", "base_scores": [-2.0],
        "features": ["age", "job"],
        "hosts": [{ "party": "operator", "splits": 1 }], "trees": [tree],
    });
    ModelPart::GuestTrees {
        trees: serde_json::from_value(trees).unwrap(),
        binnings: Vec::new(),
        alone: models::local::boosted_trees::BoostedTrees {
            loss: models::local::boosted_trees::Loss::Logistic,
            base_scores: vec![-2.0],
            features: vec!["age".to_owned(), "job".to_owned()],
            trees: Vec::new(),
        },
        names: None,
    }
}

fn host_trees() -> ModelPart {
    let trees = json!({
        "training_id": "0011223344556677",
        "splits": [{ "feature": "euribor3m", "bin": 2, "missing_left": false }],
    });
    ModelPart::HostTrees { trees: serde_json::from_value(trees).unwrap(), binnings: Vec::new() }
}

/// A feature whose positives become more frequent from bin to bin, the more so the steeper.
fn evidence(name: &str, steepness: u64) -> WoeTable {
    let bin = |place: u64| BinCounts { positives: 20 + steepness * 10 * place, negatives: 800 };
    let counts: Vec<BinCounts> = (0..6).map(bin).collect();
    let label =
        |codes: &[u8]| if codes == [0] { "missing".to_owned() } else { format!("{codes:?}") };
    WoeTable::new(name, &counts, MergeRule { rows_min: 50, class_min: 5 }, label).unwrap()
}

/// The page, also written to the folder that `TOMBOLO_PAGES` names.
fn written(name: &str, outcome: &Outcome) -> String {
    let html = report_html(outcome);
    if let Some(folder) = std::env::var_os("TOMBOLO_PAGES") {
        std::fs::write(Path::new(&folder).join(name), &html).unwrap();
    }
    html
}
