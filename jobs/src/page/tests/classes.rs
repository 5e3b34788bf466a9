//! Pages of a model of several classes.

use models::evaluate::classes::{ClassComparison, ClassEvaluation};

use super::{guest, host, written};
use crate::run::{
    ClassScore, ClassScores, ClassesPart, Coefficient, ModelPart, Outcome, ScoredOutcome,
};
use contract::catalogue;

const NAMES: [&str; 3] = ["basic", "family", "student <b>"];

fn names() -> Vec<String> {
    NAMES.map(str::to_owned).to_vec()
}

/// The probabilities of six rows, of which the third class has none.
fn scores() -> ClassScores {
    let alone = vec![
        vec![0.5, 0.4, 0.4, 0.3, 0.2, 0.6],
        vec![0.3, 0.4, 0.3, 0.5, 0.7, 0.3],
        vec![0.2, 0.2, 0.3, 0.2, 0.1, 0.1],
    ];
    let joint = vec![
        vec![0.8, 0.7, 0.6, 0.2, 0.1, 0.5],
        vec![0.1, 0.2, 0.3, 0.7, 0.8, 0.4],
        vec![0.1, 0.1, 0.1, 0.1, 0.1, 0.1],
    ];
    ClassScores { names: names(), labels: Some(vec![0, 0, 0, 1, 1, 1]), alone, joint }
}

fn part(names: Option<Vec<String>>) -> ModelPart {
    let coefficient =
        |name: &str, weight| Coefficient { feature: name.to_owned(), weight, test: None };
    let class = |weight| ClassScore {
        coefficients: vec![coefficient("age", weight), coefficient("job = student", -weight)],
        intercept: 0.5,
    };
    let classes = [0.75, -0.25, -0.5].map(class).to_vec();
    ModelPart::MultinomialRegression(ClassesPart {
        names,
        classes,
        passes: 33,
        converged: false,
        alone: None,
    })
}

/// The outcome with one model of three classes.
fn of_classes(mut outcome: Outcome, names: Option<Vec<String>>) -> Outcome {
    outcome.models.truncate(1);
    let model = &mut outcome.models[0];
    model.component = catalogue::MULTINOMIAL_REGRESSION.name;
    model.title = catalogue::MULTINOMIAL_REGRESSION.title.clone();
    model.step = "multinomial_regression.time".to_owned();
    (model.comparison, model.scores) = (None, None);
    if names.is_some() {
        let scores = scores();
        let labels = scores.labels.clone().unwrap();
        let judge = |it: &[Vec<f64>]| ClassEvaluation::new(it, &labels, None).unwrap();
        model.classes = Some(ClassComparison {
            names: scores.names.clone(),
            guest_alone: judge(&scores.alone),
            joint: judge(&scores.joint),
        });
    }
    model.part = part(names);
    outcome
}

#[test]
fn the_guest_sees_its_classes_one_by_one() {
    let html = written("classes.html", &of_classes(guest(), Some(names())));
    for text in [
        "Confusion matrix: Joint model",
        "Confusion matrix: bank alone",
        "混淆矩阵",
        "Class by class, against all others",
        "of 3 classes",
        "student &lt;b&gt;",
        "Own coefficients by class",
        "Training ended after 33 rounds",
    ] {
        assert!(html.contains(text), "{text}");
    }
    assert!(!html.contains("NaN") && !html.contains("student <b>"));
}

#[test]
fn the_host_sees_numbers_for_classes() {
    let html = written("classes-host.html", &of_classes(host(), None));
    assert!(
        html.contains("class 3") && html.contains("类别 3") && html.contains("only bank knows")
    );
    assert!(!html.contains("family") && !html.contains("Confusion matrix"));
}

#[test]
fn new_scores_are_counted_by_class() {
    let mut outcome = of_classes(guest(), Some(names()));
    outcome.splits.clear();
    outcome.models[0].split.clear();
    outcome.models[0].classes = None;
    outcome.scored = Some(ScoredOutcome {
        model: "term-deposit".to_owned(),
        purpose: "marketing.activation".to_owned(),
        digest: "ab".repeat(32),
        step: "multinomial_regression.time".to_owned(),
        model_id: "00112233445566778899aabbccddeeff".to_owned(),
        rows: 6,
        scores: None,
        class_scores: Some(ClassScores { labels: None, ..scores() }),
        recommended: None,
    });
    let html = written("classes-scored.html", &outcome);
    for text in ["What the rows are taken for", "各行的判定类别", "score the same rows again with"]
    {
        assert!(html.contains(text), "{text}");
    }
    assert!(!html.contains("NaN"));
}
