//! The rules of the register, and what is read again from a store.

use super::*;

fn name(step: &str) -> ModelName {
    ModelName { job: "deposit".to_owned(), step: step.to_owned() }
}

fn registered(models: &mut Models, step: &str, run: u8) -> u32 {
    let (model, run) = (name(step), Digest::new([run; 32]));
    let number = models.next(&model, &run).unwrap();
    models.apply(&ModelEvent::Registered(Box::new(ModelVersion {
        model,
        number,
        run,
        agreement: Digest::new([7; 32]),
        file: Digest::new([8; 32]),
        metrics: BTreeMap::from([("joint.auc".to_owned(), "0.7191".to_owned())]),
        by: "mia".to_owned(),
        at: Time::from_milliseconds(1),
    })));
    number
}

fn decide(
    models: &mut Models,
    (step, version): (&str, u32),
    decision: Decision,
    by: &str,
) -> Result<(), ModelError> {
    let model = name(step);
    models.entry(&model, version).unwrap().check(&decision, by, false)?;
    let at = Time::from_milliseconds(2);
    let decided = Decided { decision, by: by.to_owned(), at };
    models.apply(&ModelEvent::Decided { model, version, decided });
    Ok(())
}

fn standings(models: &Models, step: &str) -> Vec<Standing> {
    let entries = models.versions(&name(step)).unwrap();
    entries.iter().map(|entry| entry.standing.clone()).collect()
}

const STEP: &str = "logistic_regression.time";

#[test]
fn versions_are_published_replaced_and_gone_back_to() {
    let mut models = Models::default();
    assert_eq!(registered(&mut models, STEP, 1), 1);
    let again = models.next(&name(STEP), &Digest::new([1; 32]));
    assert_eq!(again, Err(ModelError::Registered(1)));
    assert_eq!(registered(&mut models, STEP, 2), 2);
    let wanted = name("logistic_regression");
    let none = ModelError::NotPublished(wanted.clone());
    assert_eq!(models.published(&wanted).unwrap_err(), none);

    let not_alone = decide(&mut models, (STEP, 1), Decision::Publish, "mia");
    assert_eq!(not_alone, Err(ModelError::FourEyes));
    let entry = models.entry(&name(STEP), 1).unwrap();
    assert_eq!(entry.check(&Decision::Publish, "mia", true), Ok(()));
    decide(&mut models, (STEP, 1), Decision::Publish, "cat").unwrap();
    let twice = decide(&mut models, (STEP, 1), Decision::Publish, "cat");
    assert_eq!(twice, Err(ModelError::Published));
    decide(&mut models, (STEP, 2), Decision::Publish, "cat").unwrap();
    assert_eq!(standings(&models, STEP), [Standing::Replaced, Standing::Published]);
    assert_eq!(models.published(&wanted).unwrap().version.number, 2);
    decide(&mut models, (STEP, 1), Decision::Publish, "cat").unwrap();
    assert_eq!(standings(&models, STEP), [Standing::Published, Standing::Replaced]);

    decide(&mut models, (STEP, 2), Decision::Retire, "cat").unwrap();
    let retired = decide(&mut models, (STEP, 2), Decision::Publish, "cat");
    assert_eq!(retired, Err(ModelError::Retired));
    decide(&mut models, (STEP, 1), Decision::Retire, "mia").unwrap();
    assert_eq!(models.published(&wanted).unwrap_err(), none);
}

#[test]
fn what_was_refused_is_registered_again_and_not_published() {
    let mut models = Models::default();
    registered(&mut models, STEP, 1);
    for reason in ["", "two\nlines", &"x".repeat(481)] {
        let refuse = Decision::Refuse { reason: reason.to_owned() };
        let refused = decide(&mut models, (STEP, 1), refuse, "cat");
        assert_eq!(refused, Err(ModelError::Reason), "{reason}");
    }
    let refuse = Decision::Refuse { reason: "too few rows".to_owned() };
    decide(&mut models, (STEP, 1), refuse.clone(), "cat").unwrap();
    let entry = models.entry(&name(STEP), 1).unwrap();
    assert_eq!(entry.standing, Standing::Refused("too few rows".to_owned()));
    assert_eq!(entry.check(&refuse, "cat", false), Err(ModelError::NotWaiting));
    for decision in [Decision::Publish, Decision::Retire] {
        assert_eq!(entry.check(&decision, "cat", false), Err(ModelError::Refused));
    }
    assert_eq!(registered(&mut models, STEP, 1), 2);
}

#[test]
fn a_step_without_its_split_is_the_only_one_of_that_name() {
    let mut models = Models::default();
    for step in [STEP, "logistic_regression.random", "logistic_regression_2"] {
        registered(&mut models, step, 1);
        decide(&mut models, (step, 1), Decision::Publish, "cat").unwrap();
    }
    let wanted = name("logistic_regression");
    assert_eq!(models.published(&wanted).unwrap_err(), ModelError::Several(wanted.clone()));
    assert_eq!(models.published(&name(STEP)).unwrap().version.model, name(STEP));
    decide(&mut models, (STEP, 1), Decision::Retire, "cat").unwrap();
    assert_eq!(models.published(&wanted).unwrap().version.model.step, "logistic_regression.random");
    let other = ModelName { job: "other".to_owned(), step: STEP.to_owned() };
    assert_eq!(models.published(&other).unwrap_err(), ModelError::NotPublished(other.clone()));
}
