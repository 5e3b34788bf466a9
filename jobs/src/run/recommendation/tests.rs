//! Settings, lists that fit into memory, and the latest item.

use super::*;
use crate::spec::{JobSpec, Model};

/// A job that says nothing trains like a caller of the model who says nothing.
#[test]
fn defaults_are_those_of_the_model() {
    let source = "job: a\npurpose: p\nparties:\n  a: { role: guest, key: k, item: i }\n  b: { \
                  role: host, key: k }\ntrain: [ factorization_machine: { privacy: \
                  user_factors_known_to_guest } ]\n";
    let job = JobSpec::parse("job.yaml", source).unwrap();
    let Model::FactorizationMachine { settings, .. } = &job.train[0].model else {
        panic!("another model")
    };
    assert_eq!(settings_of(settings), Settings::default());
    // So does a model that was saved before there were the settings of `strict`.
    let mut before = json!(settings);
    let values = before.as_object_mut().unwrap();
    for name in ["test_users", "list_users"] {
        assert!(values.remove(name).is_some());
    }
    assert_eq!(&serde_json::from_value::<FactorizationMachine>(before).unwrap(), settings);
    assert!(check_lists(10_000_000, settings).is_ok(), "ten items each");
    let error = check_lists(10_000_001, settings).unwrap_err().to_string();
    assert!(error.contains("smaller `top`"), "{error}");
}

#[test]
fn of_items_of_one_time_any_may_be_the_latest() {
    let mut generator = Generator::from_seed([3; 32]);
    let mut drawn = HashSet::new();
    for _ in 0..100 {
        drawn.extend(latest(&[(0, 5), (1, 7), (2, 7), (3, 7), (4, 6)], &mut generator));
    }
    assert_eq!(drawn, HashSet::from([1, 2, 3]));
}
