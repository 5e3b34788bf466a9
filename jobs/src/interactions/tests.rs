use std::fs;

use super::UserItems;
use crate::spec::JobSpec;
use crate::{JobError, OwnRows, Unwatched, open_rows};

const JOB: &str = "\
job: shop
purpose: test
parties:
  shop:
    role: guest
    table: visits.csv
    key: { column: user, form: email, invalid: drop }
    item: page
    time: day
    columns: { stars: ignore }
  partner: { role: host, key: { column: user, form: email } }
train:
  - factorization_machine: { privacy: user_factors_known_to_guest }
";

fn read(visits: &str, job: &str) -> Result<OwnRows, JobError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("visits.csv"), visits).unwrap();
    let job = JobSpec::parse("job.yaml", job).unwrap_or_else(|error| panic!("{error}"));
    let work = folder.path().join("work");
    open_rows(&job, &job.guest, folder.path(), &work, &Unwatched)
}

const VISITS: &str = "\
user,page,day,stars,age
a@x.cn,news,3,5,31
b@x.cn,,1,4,
A@X.CN ,sport,1,2,31
none,news,1,1,50
c@x.cn,sport,2,3,44
a@x.cn,news,9,1,31
";

#[test]
fn rows_of_one_key_are_one_user() {
    let rows = read(VISITS, JOB).unwrap();
    let table = rows.table().unwrap();
    let names: Vec<&str> =
        table.schema().columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!((names, rows.count()), (vec!["user", "age"], 3));
    let ages = table.numeric("age").unwrap();
    assert!((ages[0] - 31.0).abs() < 1e-12 && ages[1].is_nan());
    let items = rows.interactions().unwrap();
    assert_eq!(items.items(), ["news", "sport"]);
    // The page that the first user saw twice was new to it on day 3.
    assert_eq!(items.users(), [vec![(0, 3), (1, 1)], vec![], vec![(1, 2)]]);
    assert_eq!(items.take(&[2, 0]).users(), [vec![(1, 2)], vec![(0, 3), (1, 1)]]);
    let frequent = items.frequent(2);
    assert_eq!((frequent.items(), frequent.pairs()), (&["sport".to_owned()][..], 2));
}

#[test]
fn items_that_a_model_does_not_know_are_left_out() {
    let rows = read(VISITS, JOB).unwrap();
    let known = ["art", "news", "sport"].map(str::to_owned);
    let items = rows.interactions().unwrap().among(&known);
    assert_eq!(items.users()[0], [(1, 3), (2, 1)]);
    let none = UserItems { items: known.to_vec(), users: vec![vec![]; 3] };
    let unknown = rows.interactions().unwrap().among(&["art".to_owned()]);
    assert_eq!((unknown.pairs(), unknown.users()), (0, none.users()));
}

#[test]
fn a_column_that_differs_among_the_rows_of_a_user_is_named() {
    let error = read(VISITS, &JOB.replace("    columns: { stars: ignore }\n", "")).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("`stars`") && text.contains("rows 1 and 3"), "{text}");
    assert!(text.contains("ignore"), "{text}");
    assert_eq!(error.for_peers(), "its table of interactions is not one");
    // Zero is one value, whatever its sign.
    let zeros = VISITS.replace("5,31", "5,0").replace("2,31", "2,-0.0").replace("1,31", "1,0");
    assert!(read(&zeros, JOB).is_ok());
    // Without the policy a row without a key is refused, under its number in the table.
    let visits = VISITS.replace("none,", "nobody,");
    let text = read(&visits, &JOB.replace(", invalid: drop", "")).unwrap_err().to_string();
    assert!(text.contains("row 4"), "{text}");
}
