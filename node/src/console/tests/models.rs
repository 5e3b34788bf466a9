//! A finished run's model is registered, published by another person, gone back to and retired,
//! with forms alone.

use std::fs;

use governance::jobs::{JobAct, State as RunState};

use super::pages::{HOSTILE, check, run_of};
use super::*;
use crate::console::models::{Row, Trained, list_page};
use crate::office::tests::{BANK, JOB, OPERATOR, agree, introduce, member, run, until};
use crate::office::{ModelName, NewRun, Standing};
use crate::people::THE_NODE;

const STEP: &str = "logistic_regression";
const PAGE: &str = "/models/overlap/logistic_regression";

/// Leaves what a training leaves where the desk's results are.
fn train(desk: &Desk, content: &str) {
    let folder = desk.folder.path().join("model");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{STEP}.json")), content).unwrap();
    let card = r#"{"metrics": {"guest_alone": {"auc": 0.65}, "joint": {"auc": 0.71912}}}"#;
    fs::write(folder.join(format!("{STEP}.card.json")), card).unwrap();
}

/// A run under the agreement that both parties say they have finished.
async fn finished(bank: &Desk, operator: &Member, agreement: Digest) -> Digest {
    let (ours, theirs) = (&bank.member.office, &operator.office);
    let run = ours.submit("ann", &run(ours, theirs, agreement, JOB)).await.unwrap();
    until(theirs, |state| state.books.job(&run).is_some_and(|it| !it.view().approvals.is_empty()))
        .await;
    theirs.approve("bob", run).await.unwrap();
    until(ours, |state| state.books.job(&run).unwrap().view().approvals.len() == 2).await;
    for office in [ours, theirs] {
        let act = JobAct::Finished { attempt: 1, results: [].into() };
        office.say(THE_NODE, run, act).await.unwrap();
    }
    until(ours, |state| {
        matches!(state.books.job(&run).unwrap().view().state, RunState::Finished { .. })
    })
    .await;
    run
}

async fn refused(desk: &Desk, path: &str, form: &[(&str, &str)], why: &str) {
    let reply = desk.ask(&Role::ALL, Method::POST, path, &written(form)).await;
    let text = reply.text();
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {text}");
    assert!(text.contains(why), "{path}: {text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_published_and_scoring_finds_it() {
    let bank = Desk::of(member("bank", BANK).await).await;
    let operator = member("operator", OPERATOR).await;
    introduce(&bank.member, &operator).await;
    let office = &bank.member.office;
    let agreement = agree(office, &operator.office).await;
    let first = finished(&bank, &operator, agreement).await;
    let second = finished(&bank, &operator, agreement).await;
    train(&bank, "part");

    // Nothing scores with what is not published.
    let job = JOB.replace("job: overlap", "job: overlap-scores");
    let job = format!("{job}score: {{ model: overlap, step: {STEP} }}\n");
    let scoring: NewRun = run(office, &operator.office, agreement, &job);
    let why = office.check_run(&scoring).unwrap_err().to_string();
    assert!(why.contains("no version of the model overlap/logistic_regression"), "{why}");

    assert!(bank.page(&format!("/jobs/{first}")).await.contains("Register this model"));
    let [first, second] = [first, second].map(|run| run.to_string());
    for run in [&first, &second] {
        let place = bank.send("/models/register", &[("run", run), ("step", STEP)]).await;
        assert_eq!(place, PAGE);
    }
    let page = bank.page(&format!("/jobs/{first}")).await;
    assert!(page.contains("registered as version 1") && !page.contains("Register this model"));
    let again = [("run", first.as_str()), ("step", STEP)];
    refused(&bank, "/models/register", &again, "as version 1").await;
    let outside = [("run", first.as_str()), ("step", "../report")];
    refused(&bank, "/models/register", &outside, "no model").await;

    // As soon as another person may publish, whoever registered may not.
    let cat = Roles::of(&[Role::Compliance]);
    let (cat, _) = bank.people.add(THE_NODE, "cat", &cat, now()).await.unwrap();
    let publish = [1, 2].map(|number| format!("{PAGE}/{number}/publish"));
    refused(&bank, &publish[0], &[], "whoever registered").await;
    bank.people.change(THE_NODE, &cat.id, None, Some(false), now()).await.unwrap();
    bank.send(&publish[0], &[]).await;
    bank.send(&publish[1], &[]).await;
    let page = bank.page(PAGE).await;
    check(&page);
    for shown in [
        "joint.auc 0.71912",
        "Go back to version 1",
        "replaced by another version",
        "/data/customers",
        &format!("/jobs/{first}"),
        &format!("/agreements/{agreement}"),
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let chinese = bank.page(&format!("{PAGE}?language=zh")).await;
    check(&chinese);
    assert!(chinese.contains("回退至第 1 版") && chinese.contains("已发布"), "{chinese}");
    assert!(bank.page("/models").await.contains("published"));
    let why = office.check_run(&scoring).unwrap_err().to_string();
    assert!(!why.contains("no version of the model"), "{why}");

    // A changed file is not gone back to, and what was retired does not come back.
    train(&bank, "another part");
    refused(&bank, &publish[0], &[], "was changed after it was registered").await;
    fs::remove_file(bank.folder.path().join(format!("model/{STEP}.json"))).unwrap();
    refused(&bank, &publish[0], &[], "is not there").await;
    train(&bank, "part");
    bank.send(&publish[0], &[]).await;
    bank.send(&format!("{PAGE}/2/retire"), &[]).await;
    refused(&bank, &publish[1], &[], "was retired").await;
    refused(&bank, &format!("{PAGE}/1/refuse"), &[("reason", "no")], "retire this one").await;

    // The store alone gives the same register again.
    let name = ModelName { job: "overlap".to_owned(), step: STEP.to_owned() };
    let again = office.folded_anew().await;
    assert_eq!(again.models, office.state().models);
    let standings = again.models.versions(&name).unwrap().iter().map(|it| it.standing.clone());
    assert_eq!(standings.collect::<Vec<_>>(), [Standing::Published, Standing::Retired]);
}

#[test]
fn names_of_models_are_escaped() {
    let model = ModelName { job: HOSTILE.to_owned(), step: HOSTILE.to_owned() };
    for language in [Language::English, Language::Chinese] {
        let reader = reader(language);
        let mut run = run_of("Bank");
        let trained = |version| Trained { model: model.clone(), version };
        run.trained = vec![trained(None), trained(Some(1))];
        let row = Row {
            model: model.clone(),
            published: None,
            newest: (1, Standing::Refused(HOSTILE.to_owned())),
            metrics: vec![(HOSTILE.to_owned(), HOSTILE.to_owned())],
        };
        let paging = shell::Paging::of(&Form::default(), 1);
        for page in [runs::show(&reader, &run), list_page(&reader, &[row], &paging)] {
            let html = page.html(&reader);
            assert!(!html.contains("<script>"), "{html}");
            check(&html);
        }
    }
}
