//! Jobs that only align: several keys, joins, and columns of the partner.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use table::{Kind, Overrides, Schema, Source, Table, Values};

use crate::support::{breast, documented, json, run};

/// Runs a job in a folder and returns the folder of its results.
fn succeed(folder: &Path, job: &str) -> PathBuf {
    fs::write(folder.join("job.yaml"), job).unwrap();
    let output = run(folder);
    let messages = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{messages}");
    folder.join("out")
}

/// A table of the results; the first column is read as ids.
fn result(path: &Path, id: &str) -> Table {
    let source = Source::parquet(path);
    let column = |kind| table::ColumnOverride { kind: Some(kind), ..Default::default() };
    let columns = [("clicks", Kind::Integer), ("matched", Kind::Boolean)]
        .into_iter()
        .filter(|(name, _)| has_column(&source, name))
        .map(|(name, kind)| (name.to_owned(), column(kind)))
        .collect();
    let overrides = Overrides { id: Some(id.to_owned()), columns, ..Overrides::default() };
    let mut proposed = Schema::propose(&source, &overrides).unwrap();
    for column in &mut proposed.columns {
        if column.column.role != table::Role::Id {
            column.column.role = table::Role::Carried;
        }
    }
    Table::read(&source, &proposed.confirm().unwrap()).unwrap()
}

fn has_column(source: &Source, name: &str) -> bool {
    let proposed = Schema::propose(source, &Overrides::default()).unwrap();
    proposed.columns.iter().any(|column| column.column.name == name)
}

fn names(table: &Table) -> Vec<&str> {
    table.schema().columns().iter().map(|column| column.name.as_str()).collect()
}

/// How many values of a disclosure were opened, with whom to.
fn opened(metrics: &Value, key: &str) -> Option<(String, u64)> {
    let disclosed = metrics["disclosed"].as_array().unwrap();
    let line = disclosed.iter().find(|it| it["what"] == key)?;
    Some((line["to"].as_str().unwrap().to_owned(), line["count"].as_u64().unwrap()))
}

fn device(person: u32) -> String {
    format!("0a1b2c3d-0000-4000-8000-{person:012x}")
}

/// People 0 to 44 are customers of the shop, 15 to 59 of the platform. A third of the shop's left
/// all three keys, a third no telephone number, a third only a device.
fn write_people(folder: &Path) {
    let mut shop = "phone,email,device,person\n".to_owned();
    for person in 0..45 {
        let phone =
            if person % 3 == 0 { format!("138 0000 {person:04}") } else { "n/a".to_owned() };
        let email = if person % 3 < 2 { format!("P{person}@Example.com") } else { String::new() };
        writeln!(shop, "{phone},{email},{},{person}", device(person)).unwrap();
    }
    // The number of one customer of the platform and the address of another: the number wins.
    writeln!(shop, "13800000050,p51@example.com,,50").unwrap();
    let mut platform = "mobile,mail,oaid,person\n".to_owned();
    for person in 15..60 {
        let device = device(person);
        writeln!(platform, "+861380000{person:04},p{person}@example.com,{device},{person}")
            .unwrap();
    }
    // A device that stands in an earlier row too.
    writeln!(platform, ",,{},99", device(17)).unwrap();
    fs::write(folder.join("shop.csv"), shop).unwrap();
    fs::write(folder.join("platform.csv"), platform).unwrap();
}

/// The example of the manual, which must also be the same in both languages.
#[test]
fn three_keys_are_tried_in_their_order_and_each_row_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    write_people(folder.path());
    let job = documented("keys.md");
    assert_eq!(job, documented("keys.zh-CN.md"));
    let out = succeed(folder.path(), &job);
    let metrics = json(&out.join("shop/metrics.json"));
    assert_eq!(metrics["disclosed"], json(&out.join("platform/metrics.json"))["disclosed"]);
    for (rank, matches) in [(1, 11), (2, 10), (3, 10)] {
        let all = |count| Some(("all".to_owned(), count));
        assert_eq!(opened(&metrics, &format!("cascade.matches.{rank}")), all(matches), "{metrics}");
        assert_eq!(opened(&metrics, &format!("cascade.rows.{rank}")), all(1));
    }
    assert_eq!(opened(&metrics, "table.rows"), None, "nobody learns how long the other table is");
    assert_eq!(opened(&metrics, "intersection.rows").unwrap().1, 31);
    let [ours, theirs] = ["shop", "platform"]
        .map(|party| result(&out.join(party).join("tables/aligned.parquet"), "person"));
    let people: Vec<&str> = ours.ids().unwrap().collect();
    assert_eq!(people, theirs.ids().unwrap().collect::<Vec<_>>());
    let mut sorted: Vec<u32> = people.iter().map(|person| person.parse().unwrap()).collect();
    sorted.sort_unstable();
    assert_eq!(sorted, (15..45).chain([50]).collect::<Vec<u32>>());
    for (party, column) in [("shop", "phone"), ("platform", "mobile")] {
        let page = fs::read_to_string(out.join(party).join("report.html")).unwrap();
        assert!(page.contains("Matches by key") && page.contains(column), "{party}");
    }
}

/// Whatever the protocol, the rows and what is disclosed are the same. The first key once more at
/// the end gives nothing new.
#[test]
fn protocols_agree_on_several_keys() {
    let aligned = |protocol: &str| {
        let folder = tempfile::tempdir().unwrap();
        write_people(folder.path());
        let again = |column: &str| format!("}}\n      - {{ column: {column}, form: phone }}\n");
        let job = documented("keys.md")
            .replacen("oaid }\n", &format!("oaid {}", again("phone")), 1)
            .replace("first }\n", &format!("first {}", again("mobile")));
        let out = succeed(folder.path(), &format!("{job}align: {{ protocol: {protocol} }}\n"));
        let tables = ["shop", "platform"]
            .map(|party| fs::read(out.join(party).join("tables/aligned.parquet")).unwrap());
        (tables, json(&out.join("shop/metrics.json"))["disclosed"].clone())
    };
    let (tables, disclosed) = aligned("ecdh");
    let metrics = serde_json::json!({ "disclosed": disclosed });
    assert_eq!(opened(&metrics, "cascade.rows.4").unwrap().1, 1);
    assert_eq!(opened(&metrics, "cascade.matches.4"), None, "nobody has a number that is left");
    assert!((tables, disclosed) == aligned("rr22"), "the protocols found different rows");
}

#[test]
fn a_repeated_key_that_no_policy_covers_stops_the_job_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    write_people(folder.path());
    let job = documented("keys.md").replace(", duplicates: first", "");
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    let text = crate::support::failure(folder.path());
    assert!(text.contains("rows 3 and 46"), "{text}");
}

/// A model is trained over rows that different keys matched; its scores carry both.
#[test]
fn training_works_over_several_keys() {
    let folder = breast();
    let rewrite = |file: &str, keys: &dyn Fn(usize, &str) -> String| {
        let path = folder.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().enumerate().map(|(line, text)| {
            let (id, rest) = text.split_once(',').unwrap();
            let keys = if line == 0 { "id,other".to_owned() } else { keys(line, id) };
            format!("{keys},{rest}\n")
        });
        fs::write(&path, lines.collect::<String>()).unwrap();
    };
    let halves = |line: usize, id: &str| {
        if line.is_multiple_of(2) { format!("c{id},") } else { format!(",c{id}") }
    };
    rewrite("guest.csv", &halves);
    rewrite("host.csv", &|_, id| format!("c{id},c{id}"));
    let job = crate::support::JOB.replace("key: id", "keys: [id, other]");
    let job: String =
        job.split_inclusive('\n').filter(|line| !line.contains("boosted_trees")).collect();
    let out = succeed(folder.path(), &job);
    let metrics = json(&out.join("clinic/metrics.json"));
    let auc = &metrics["models"]["logistic_regression.stratified"]["joint"]["auc"];
    assert!(auc.as_f64().unwrap() > 0.97, "{metrics}");
    let counts = ["cascade.matches.1", "cascade.matches.2"].map(|key| opened(&metrics, key));
    assert_eq!(counts.map(|it| it.unwrap().1), [284, 285]);
    let scores = out.join("clinic/tables/scores.logistic_regression.stratified.parquet");
    let scores = result(&scores, "label");
    assert_eq!(names(&scores)[..3], ["id", "other", "label"]);
    let has_one_key = |row| {
        let known = |name: &str| usize::from(!scores.column(name).unwrap().is_missing(row));
        known("id") + known("other") == 1
    };
    assert!((0..scores.rows()).all(has_one_key) && scores.rows() == 171);
}

/// The shop has 30 customers, every third of which the platform has too.
fn write_customers(folder: &Path) {
    let mut shop = "phone,city,spend\n".to_owned();
    for person in 0..30 {
        writeln!(shop, "13800{person:06},c{},{person}.5", person % 5).unwrap();
    }
    let mut platform = "mobile,city,clicks,since,secret\n".to_owned();
    for person in (0..60).step_by(3) {
        let city = if person % 2 == 0 { "上海" } else { "" };
        let secret = "not for the shop";
        writeln!(
            platform,
            "+8613800{person:06},{city},{person},2024-01-{:02},{secret}",
            person % 28 + 1
        )
        .unwrap();
    }
    fs::write(folder.join("shop.csv"), shop).unwrap();
    fs::write(folder.join("platform.csv"), platform).unwrap();
}

/// The example of the manual.
#[test]
fn a_left_join_keeps_all_rows_and_brings_the_partners_columns() {
    let folder = tempfile::tempdir().unwrap();
    write_customers(folder.path());
    let out = succeed(folder.path(), &documented("joins.md"));
    let joined = result(&out.join("shop/tables/aligned.parquet"), "phone");
    let expected = ["phone", "city", "spend", "platform.city", "clicks", "since", "matched"];
    assert_eq!((names(&joined).as_slice(), joined.rows()), (&expected[..], 30));
    let matched = joined.numeric("matched").unwrap();
    let clicks = joined.numeric("clicks").unwrap();
    let Values::Time(since) = joined.column("since").unwrap() else { panic!("a time") };
    for (row, phone) in joined.ids().unwrap().enumerate() {
        let person: u32 = phone[5..].parse().unwrap();
        assert_eq!(
            joined.column("city").unwrap().text(row),
            Some(format!("c{}", person % 5).as_str())
        );
        let city = joined.column("platform.city").unwrap().text(row);
        let is_common = person.is_multiple_of(3);
        assert_eq!(matched[row] > 0.5, is_common && row < 10, "the common rows come first");
        assert_eq!(city, (is_common && person.is_multiple_of(2)).then_some("上海"));
        if is_common {
            let day = i64::from(19_723 + person % 28);
            assert_eq!((clicks[row], since.value(row)), (f64::from(person), day * 86_400_000_000));
        } else {
            assert!(clicks[row].is_nan() && joined.column("since").unwrap().is_missing(row));
        }
    }
    let theirs = result(&out.join("platform/tables/aligned.parquet"), "mobile");
    assert_eq!((names(&theirs).contains(&"spend"), theirs.rows()), (false, 10));
    let metrics = json(&out.join("shop/metrics.json"));
    assert_eq!(opened(&metrics, "payload.values"), Some(("guest".to_owned(), 30)));
    assert_eq!(metrics["disclosed"], json(&out.join("platform/metrics.json"))["disclosed"]);
    let page = fs::read_to_string(out.join("shop/report.html")).unwrap();
    assert!(page.contains("Columns received from platform") && !page.contains("not for the shop"));
}

/// The guest alone may learn, and what it keeps tells the host nothing.
#[test]
fn a_left_join_for_the_guest_alone() {
    let folder = tempfile::tempdir().unwrap();
    write_customers(folder.path());
    let job = documented("joins.md").replace("learn: both", "learn: guest");
    let job: String = job
        .split_inclusive('\n')
        .filter(|line| !line.contains("payload:") && !line.contains("columns:"))
        .collect();
    let out = succeed(folder.path(), &job);
    let joined = result(&out.join("shop/tables/aligned.parquet"), "phone");
    let matched = joined.numeric("matched").unwrap().iter().filter(|it| **it > 0.5).count();
    assert_eq!(matched, 10);
    assert_eq!((joined.rows(), names(&joined).len()), (30, 4));
    assert!(!out.join("platform/tables").exists());
}

#[test]
fn an_anti_join_keeps_what_the_other_does_not_have() {
    let folder = tempfile::tempdir().unwrap();
    write_customers(folder.path());
    let job = documented("joins.md").replace("join: left", "join: anti");
    let job: String = job.split_inclusive('\n').filter(|line| !line.contains("payload:")).collect();
    let out = succeed(folder.path(), &job);
    let ours = result(&out.join("shop/tables/unmatched.parquet"), "phone");
    let expected = (0..30).filter(|person| person % 3 != 0).map(|it| format!("13800{it:06}"));
    assert!(ours.ids().unwrap().eq(expected.collect::<Vec<_>>()));
    let theirs = result(&out.join("platform/tables/unmatched.parquet"), "mobile");
    let expected = (30..60).step_by(3).map(|it| format!("+8613800{it:06}"));
    assert!(theirs.ids().unwrap().eq(expected.collect::<Vec<_>>()));
    assert!(!out.join("shop/tables/aligned.parquet").exists());
    let metrics = json(&out.join("shop/metrics.json"));
    assert_eq!(metrics["disclosed"].as_array().unwrap().len(), 3, "no more than an inner join");
}

/// Both sides can send; the texts of a column that no model takes arrive too.
#[test]
fn both_parties_can_send_columns() {
    let folder = tempfile::tempdir().unwrap();
    write_customers(folder.path());
    let job = documented("joins.md")
        .replace("shop.csv", "shop.csv\n    columns: { city: text }\n    payload: spend")
        .replace("payload: [city, clicks, since]", "payload: [city, mobile, clicks]")
        .replace("city: category", "city: text")
        .replace(", since: time", "")
        .replace("join: left", "join: inner");
    let out = succeed(folder.path(), &job);
    let ours = result(&out.join("shop/tables/aligned.parquet"), "phone");
    assert_eq!(names(&ours), ["phone", "city", "spend", "platform.city", "mobile", "clicks"]);
    let theirs = result(&out.join("platform/tables/aligned.parquet"), "mobile");
    let spent = theirs.numeric("spend").unwrap();
    for (row, mobile) in theirs.ids().unwrap().enumerate() {
        let person: u32 = mobile[8..].parse().unwrap();
        assert_eq!(spent[row].to_string(), format!("{person}.5"));
    }
    let metrics = json(&out.join("platform/metrics.json"));
    let sent = metrics["disclosed"].as_array().unwrap();
    let sent: Vec<(&str, u64)> = sent
        .iter()
        .filter(|it| it["what"] == "payload.values")
        .map(|it| (it["to"].as_str().unwrap(), it["count"].as_u64().unwrap()))
        .collect();
    assert!(sent.contains(&("guest", 30)) && sent.contains(&("host", 10)), "{sent:?}");
}
