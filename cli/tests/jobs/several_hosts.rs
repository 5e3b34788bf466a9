//! A guest with two hosts, each a process of its own.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use jobs::spec::JobSpec;
use models::family::Family;
use net::transport::grpc::{Peering, dial};
use net::{Conversation, NetError, Seat, Session};
use serde_json::Value;

use crate::audit::compare_records;
use crate::pooled::{compare_numbers, compare_within, ids, succeed};
use crate::resume::{PATIENCE, newest};
use crate::score::scores;
use crate::support::{PROGRAM, Parties, Party, assert_nothing_is_left, documented, failure, json};

const NAMES: [&str; 3] = ["clinic", "laboratory", "radiology"];

/// The steps in which parties talk to each other.
const STAGES: [&str; 3] = ["align", "prepare.select.stratified", "train.boosted_trees.stratified"];

/// The job of the manual with a table for each party, none of which has all patients. Returns the
/// folder and the ids that all have.
fn clinics() -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let data = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../data/fate"));
    let mut job = documented("several-partners.md");
    assert_eq!(job, documented("several-partners.zh-CN.md"));
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/breast-three.yaml");
    assert!(fs::read_to_string(example).unwrap().ends_with(&job), "the example is the manual's");
    let mut common = Vec::new();
    for (place, name) in NAMES.into_iter().enumerate() {
        let file = ["breast_hetero_guest.csv", "breast_hetero_host.csv"][place.min(1)];
        let table = fs::read_to_string(data.join(file)).unwrap();
        let (header, rows) = table.split_once('\n').unwrap();
        let id = |row: &str| row.split(',').next().unwrap().to_owned();
        let kept: Vec<&str> =
            rows.lines().filter(|row| id(row).parse::<usize>().unwrap() % 7 != place).collect();
        let everybodys = |row: &&str| id(row).parse::<usize>().unwrap() % 7 > 2;
        common = kept.iter().copied().filter(|row| everybodys(row)).map(id).collect();
        fs::write(
            folder.path().join(format!("{name}.csv")),
            [&[header], &kept[..]].concat().join("\n"),
        )
        .unwrap();
        job = job.replacen(&format!("../data/fate/{file}"), &format!("{name}.csv"), 1);
    }
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    common.sort();
    (folder, common)
}

#[test]
fn three_parties_train_on_what_all_have() {
    let (folder, mut common) = clinics();
    succeed(folder.path());
    let out = folder.path().join("out");
    let orders = NAMES.map(|name| ids(&out.join(name).join("tables/aligned.parquet"), "id"));
    assert!(orders[0] == orders[1] && orders[0] == orders[2], "one order at all parties");
    assert_ne!(orders[0], common, "and not that of the keys");
    let mut found = orders[0].clone();
    found.sort();
    common.sort();
    assert_eq!(found, common);

    let metrics = json(&out.join("clinic/metrics.json"));
    let model = &metrics["models"]["boosted_trees.stratified"];
    let auc = |side: &str| model[side]["auc"].as_f64().unwrap();
    assert!(auc("joint") > auc("guest_alone") && auc("joint") > 0.97, "{model}");
    let part = |name: &str| json(&out.join(name).join("model/boosted_trees.stratified.json"));
    let trees = part("clinic")["part"]["guest_trees"]["trees"].clone();
    let splits = |name: &str| {
        let part = &part(name)["part"]["host_trees"]["trees"];
        assert_eq!(part["training_id"], trees["training_id"]);
        part["splits"].as_array().unwrap().len()
    };
    for (place, name) in NAMES[1..].iter().enumerate() {
        assert_eq!(trees["hosts"][place]["party"], *name);
        assert_eq!(trees["hosts"][place]["splits"], splits(name));
        assert!(splits(name) > 0, "{name} took no part");
    }
    compare_openings(&out);
    compare_all_records(&out);
    let page = fs::read_to_string(out.join("clinic/report.html")).unwrap();
    assert!(page.contains("laboratory and radiology") && page.contains("laboratory、radiology"));
    assert!(page.contains("all features of radiology"));
}

/// The strict model of all three reaches the optimum of the pooled columns; hosts learn no more of
/// each other than they declare, and the guest the sum of what they add to a score.
#[test]
fn three_parties_train_a_strict_model_and_score_with_it() {
    const STEP: &str = "logistic_regression.stratified";
    let (folder, _) = clinics();
    let folder = folder.path();
    let job = fs::read_to_string(folder.join("job.yaml")).unwrap();
    let (kept, _) = job.split_once("\nprepare:").unwrap();
    let model = "train:\n  - logistic_regression: { l2: 0.1, tolerance: 1e-3 }";
    fs::write(folder.join("job.yaml"), format!("{kept}\n{model}\n")).unwrap();
    succeed(folder);
    compare_within(folder, STEP, 5e-3);
    let out = folder.join("out");
    let opened = |name: &str, what: &str, party: &str| opened(&out.join(name), what, party);
    for (name, coefficients) in NAMES.into_iter().zip([11, 10, 10]) {
        assert_eq!(opened(name, "model.own_coefficients", name), Some(coefficients));
        assert!(opened(name, "score.test_rows", "clinic").is_some_and(|rows| rows > 90));
    }
    let card = json(&out.join(format!("clinic/model/{STEP}.card.json")));
    let is_radiologys =
        |it: &Value| it["what"] == "model.own_coefficients" && it["party"] == "radiology";
    assert!(card["opened_in_training"].as_array().unwrap().iter().any(is_radiologys), "{card}");
    let page = fs::read_to_string(out.join("clinic/report.html")).unwrap();
    assert!(page.contains("the sum of the parts of laboratory and radiology"));
    assert!(page.contains("laboratory、radiology 各部分之和"));
    let before = scores(&out.join(format!("clinic/tables/scores.{STEP}.parquet")));

    let (parties, _) = job.split_once("\nalign:").unwrap();
    let parties = parties.replace("breast-three", "next-month");
    let score = |parties: &str, out: &str| score(folder, parties, "logistic_regression", out);
    let (code, messages) = score(&parties, "scored");
    assert_eq!(code, Some(0), "{messages}");
    let now = scores(&folder.join("scored/clinic/tables/scores.parquet"));
    assert!(before.iter().all(|(id, score)| now[id].to_bits() == score.to_bits()));
    let page = fs::read_to_string(folder.join("scored/laboratory/report.html")).unwrap();
    assert!(page.contains("the sum of all hosts' parts") || page.contains("hosts&#39; parts"));

    // Without radiology the guest would learn the laboratory's part, and scores that are none.
    let (two, _) = parties.split_once("\n  radiology:").unwrap();
    let (code, messages) = score(two, "partial");
    assert_eq!(code, Some(1), "{messages}");
    for part in ["trained by clinic, laboratory and radiology", "names clinic and laboratory;"] {
        assert!(messages.contains(part), "{messages}");
    }
    assert_nothing_is_left(&folder.join("partial"));
}

/// Models of numbers of all three reach the optimum of the pooled columns; a later training that
/// begins with the earlier coefficients takes fewer rounds.
#[test]
fn three_parties_train_models_of_numbers() {
    let (folder, _) = clinics();
    let folder = folder.path();
    let job = fs::read_to_string(folder.join("job.yaml")).unwrap();
    let (kept, _) = job.split_once("\nprepare:").unwrap();
    let kept = kept.replace("by: stratified", "by: random");
    let models = "train:\n  - linear_regression: { l2: 0.1, l1: 0.01, tolerance: 1e-4 }\n  - \
                  poisson_regression: { l2: 0.1, tolerance: 1e-3 }\n";
    fs::write(folder.join("job.yaml"), format!("{kept}\n{models}")).unwrap();
    succeed(folder);
    compare_numbers(folder, "linear_regression.random", Family::Gaussian, 2e-3);
    compare_numbers(folder, "poisson_regression.random", Family::Poisson, 5e-3);
    let page = fs::read_to_string(folder.join("out/clinic/report.html")).unwrap();
    assert!(page.contains("the sum of the parts of laboratory and radiology"));

    let again = "train:\n  - poisson_regression: { l2: 0.1, tolerance: 1e-3, warm_start: { model: \
                 breast-three, step: poisson_regression } }\n";
    let kept = kept.replace("job: breast-three", "job: again");
    fs::write(folder.join("again.yaml"), format!("{kept}\n{again}")).unwrap();
    let arguments = ["run", "again.yaml", "--models", "out", "--out", "later"];
    let output = Command::new(PROGRAM).current_dir(folder).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let passes = |out: &str| {
        let path = format!("{out}/radiology/model/poisson_regression.random.json");
        let part = &json(&folder.join(path))["part"];
        part["regression"]["passes"].as_u64().unwrap()
    };
    assert!(passes("later") * 2 < passes("out"), "{} {}", passes("later"), passes("out"));
}

/// The strict trees of all three have one shape and one owner of each split, who alone knows what
/// it asks, also where a host was killed after the first tree and all began again; new rows are
/// scored with all hosts, in the order of the training.
#[test]
fn three_parties_grow_strict_trees_of_which_one_is_killed_and_score_with_them() {
    const STEP: &str = "boosted_trees.stratified";
    let (folder, _) = clinics();
    let folder = folder.path();
    let job = fs::read_to_string(folder.join("job.yaml")).unwrap();
    let strict = "privacy: strict, trees: 3, depth: 2, bins: 6, positive_weight: 2 }";
    let job = job.replacen("privacy: secureboost, trees: 10, depth: 3 }", strict, 1);
    assert!(job.contains(strict), "{job}");
    fs::write(folder.join("job.yaml"), &job).unwrap();
    kill_and_resume(folder, STEP);
    let out = folder.join("out");
    let model = json(&out.join("clinic/metrics.json"))["models"][STEP].clone();
    assert!(model["joint"]["auc"].as_f64().unwrap() > 0.9, "{model}");
    let nodes = NAMES.map(|name| {
        let part = json(&out.join(format!("{name}/model/{STEP}.json")))["part"].clone();
        let trees = part["strict_trees"]["trees"]["trees"].as_array().unwrap().clone();
        trees.iter().flat_map(|tree| tree.as_array().unwrap().clone()).collect::<Vec<Value>>()
    });
    let owners =
        [Value::from("guest"), Value::from("host"), serde_json::json!({"further_host": 2})];
    let mut splits = [0; 3];
    for (place, split) in nodes[0].iter().enumerate().filter(|(_, node)| node["split"].is_object())
    {
        let owner = owners.iter().position(|owner| *owner == split["split"]["owner"]).unwrap();
        splits[owner] += 1;
        for (number, nodes) in nodes.iter().enumerate() {
            assert_eq!(nodes[place]["split"]["owner"], owners[owner]);
            assert_eq!(nodes[place]["split"]["cut"].is_object(), number == owner);
        }
    }
    assert!(splits.iter().sum::<u64>() > 3, "{splits:?}");
    for (name, own) in NAMES.into_iter().zip(splits) {
        assert_eq!(opened(&out.join(name), "trees.own_splits", name).unwrap_or(0), own);
    }
    let before = scores(&out.join(format!("clinic/tables/scores.{STEP}.parquet")));

    let (parties, _) = job.split_once("\nalign:").unwrap();
    let parties = parties.replace("breast-three", "next-month");
    let (code, messages) = score(folder, &parties, "boosted_trees", "scored");
    assert_eq!(code, Some(0), "{messages}");
    let now = scores(&folder.join("scored/clinic/tables/scores.parquet"));
    assert!(before.iter().all(|(id, score)| now[id].to_bits() == score.to_bits()));

    let (first, rest) = parties.split_once("\n  laboratory:").unwrap();
    let (laboratory, radiology) = rest.split_once("\n  radiology:").unwrap();
    let turned = format!("{first}\n  radiology:{radiology}\n  laboratory:{laboratory}");
    let (code, messages) = score(folder, &turned, "boosted_trees", "turned");
    assert_eq!(code, Some(1), "{messages}");
    assert!(messages.contains("in the training, clinic, laboratory and radiology"), "{messages}");
    assert_nothing_is_left(&folder.join("turned"));
}

/// Runs the job; the last party is killed when it has a checkpoint of the step, and all begin anew.
fn kill_and_resume(folder: &Path, step: &str) {
    let out = folder.join("out");
    let newest = |name: &str| newest(&out.join(format!(".{name}.checkpoints")), step);
    let parties = Parties::named(&NAMES, folder, 1);
    let mut running = parties.all("job.yaml");
    let begun = Instant::now();
    while NAMES.map(newest).into_iter().min() == Some(0) {
        assert!(begun.elapsed() < PATIENCE, "no checkpoint of {step}");
        thread::sleep(Duration::from_millis(1));
    }
    running.remove(2).kill();
    for party in running {
        assert!(party.error().contains("radiology"));
    }
    let done = NAMES.map(newest).into_iter().min().unwrap();

    let mut running = parties.all("job.yaml");
    for party in &mut running {
        party.wait_for_note(&format!("goes on behind its checkpoint {done}"));
    }
    running.into_iter().for_each(Party::succeed);
    assert!(NAMES.iter().all(|name| newest(name) == 0), "nothing is left beside the results");
}

/// How many values a party's record says were opened to `party`.
fn opened(folder: &Path, what: &str, party: &str) -> Option<u64> {
    let disclosed = json(&folder.join("metrics.json"))["disclosed"].clone();
    let list = disclosed.as_array().unwrap();
    let found = list.iter().find(|it| it["what"] == what && it["party"] == party)?;
    found["count"].as_u64()
}

/// Scores the tables of `parties` by the model of the job before; the exit code and the messages.
fn score(folder: &Path, parties: &str, step: &str, out: &str) -> (Option<i32>, String) {
    let score = format!("score: {{ model: breast-three, step: {step} }}");
    let last =
        format!("align: {{ protocol: multiparty }}\n{score}\nevaluate: {{ bootstrap: 100 }}");
    fs::write(folder.join("score.yaml"), format!("{parties}\n{last}\n")).unwrap();
    let arguments = ["--language", "en", "run", "score.yaml", "--models", "out", "--out", out];
    let output = Command::new(PROGRAM).current_dir(folder).args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// What was opened between the guest and a host stands in the records of these two alike, and
/// nobody else's.
fn compare_openings(out: &Path) {
    let disclosed = |name: &str| json(&out.join(name).join("metrics.json"))["disclosed"].clone();
    let all = disclosed("clinic");
    let of = |list: &Value, what: &str, party: &str| -> Option<u64> {
        let list = list.as_array().unwrap();
        let found = list.iter().find(|it| it["what"] == what && it["party"] == party)?;
        found["count"].as_u64()
    };
    let mut bin_sums = 0;
    for name in &NAMES[1..] {
        let own = disclosed(name);
        for what in ["table.rows_of_guest", "split.rows", "select.kept", "trees.own_splits"] {
            assert!(of(&own, what, name).is_some_and(|count| count > 0), "{what} {own}");
            assert_eq!(of(&own, what, name), of(&all, what, name), "{what}");
        }
        bin_sums += of(&own, "trees.bin_sums", "clinic").unwrap();
        let others = NAMES[1..].iter().filter(|other| *other != name);
        for other in others {
            assert!(!own.to_string().contains(other), "{name} counts what went to {other}: {own}");
        }
    }
    assert_eq!(of(&all, "trees.bin_sums", "clinic"), Some(bin_sums), "of both hosts together");
    assert_eq!(of(&all, "table.rows_of_hosts", "clinic"), Some(2));
}

/// Each two of the three records fit; hosts talked to each other about nothing but the alignment
/// and that they are ready.
fn compare_all_records(out: &Path) {
    for (one, two) in [(0, 1), (0, 2), (1, 2)] {
        compare_records(out, [NAMES[one], NAMES[two]]);
    }
    let text = fs::read_to_string(out.join(NAMES[1]).join("audit.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let between_hosts =
        lines.filter(|line| line["record"] == "messages" && line["peer"] == NAMES[2]);
    let paths: Vec<String> =
        between_hosts.map(|line| line["path"].as_str().unwrap().to_owned()).collect();
    assert!(paths.iter().any(|path| path == "align"));
    let allowed = ["align", "rows_first", "rows_second"];
    assert!(paths.iter().all(|path| allowed.contains(&path.as_str())), "{paths:?}");
}

/// The job without its models.
fn only_aligned(folder: &Path, align: &str) {
    let job = fs::read_to_string(folder.join("job.yaml")).unwrap();
    let (parties, _) = job.split_once("\nalign:").unwrap();
    let parties = parties.replace("    label: y\n", "");
    fs::write(folder.join("job.yaml"), format!("{parties}\nalign: {{ {align} }}\n")).unwrap();
}

#[test]
fn only_the_guest_may_learn_and_what_not_all_have_can_be_kept() {
    let (folder, common) = clinics();
    only_aligned(folder.path(), "protocol: multiparty, learn: guest");
    succeed(folder.path());
    let out = folder.path().join("out");
    let mut found = ids(&out.join("clinic/tables/aligned.parquet"), "id");
    found.sort();
    assert_eq!(found, common);
    for name in &NAMES[1..] {
        assert!(!out.join(name).join("tables").exists(), "{name} learnt the rows");
        let disclosed = json(&out.join(name).join("metrics.json"))["disclosed"].to_string();
        assert!(!disclosed.contains("intersection.rows"), "{disclosed}");
    }

    let (folder, common) = clinics();
    only_aligned(folder.path(), "protocol: multiparty, join: anti");
    succeed(folder.path());
    for name in NAMES {
        let rest =
            ids(&folder.path().join("out").join(name).join("tables/unmatched.parquet"), "id");
        let table = fs::read_to_string(folder.path().join(format!("{name}.csv"))).unwrap();
        assert_eq!(rest.len() + common.len(), table.lines().count() - 1, "{name}");
        assert!(!rest.iter().any(|id| common.contains(id)), "{name}");
    }
}

#[test]
fn wrong_tables_are_named_with_their_owner_and_all_stop() {
    type Change = fn(&str) -> String;
    let foreign: Change = |text| text.trim_end().replace('\n', "\nother-");
    let cases: [(&str, Change, &[&str]); 3] = [
        ("radiology.csv", |text| text.replacen("id,", "key,", 1), &["radiology: ", "`id`"]),
        ("laboratory.csv", |text| text.replacen("id,x0,", "id,z,", 1), &["laboratory: ", "`x0`"]),
        ("radiology.csv", foreign, &["no row in common with laboratory, radiology"]),
    ];
    for (file, change, expected) in cases {
        let (folder, _) = clinics();
        let path = folder.path().join(file);
        fs::write(&path, change(&fs::read_to_string(&path).unwrap())).unwrap();
        let error = failure(folder.path());
        for part in expected {
            assert!(error.contains(part), "{part} is missing in: {error}");
        }
    }
}

#[test]
fn the_plan_names_every_party() {
    let (folder, _) = clinics();
    let output = Command::new(PROGRAM)
        .args(["--language", "en", "plan"])
        .arg(folder.path().join("job.yaml"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    for part in [
        "Parties: clinic (guest (holds the label)), laboratory (host (brings features)), radiology",
        "laboratory and radiology",
        "every party",
        "laboratory and radiology  the number of rows of",
    ] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}

#[test]
fn a_host_that_is_killed_ends_the_job_of_all() {
    thread::scope(|scope| {
        for stage in STAGES {
            scope.spawn(move || kill_last_at(stage));
        }
    });
}

fn kill_last_at(stage: &str) {
    let (folder, _) = clinics();
    let mut parties = Parties::named(&NAMES, folder.path(), 1).all("job.yaml");
    for party in &mut parties {
        party.wait_for_step(stage);
    }
    parties.remove(2).kill();
    let errors = [parties.remove(0).error(), parties.remove(0).error()];
    // The other host hears of it from the guest, or notices by itself while all talk to all.
    for error in errors {
        assert!(error.contains("radiology") && error.contains("step"), "{stage}: {error}");
    }
    let out = folder.path().join("out");
    assert!(NAMES.iter().all(|name| !out.join(name).exists()), "nobody keeps half a result");
}

/// A program with the key of the last party that connects to the others, says that it is ready and
/// then what it likes.
fn play_last(
    folder: &Path,
    parties: &Parties,
    addresses: &[String],
    say: impl AsyncFnOnce(&mut [Session]) -> Result<(), NetError>,
) {
    let job = fs::read_to_string(folder.join("job.yaml")).unwrap();
    let job = JobSpec::parse("job.yaml", &job).unwrap();
    let (me, others) = NAMES.split_last().unwrap();
    let identity = Arc::new(parties.identity(me));
    let talk = async {
        let mut conversations = Vec::new();
        for (name, address) in others.iter().zip(addresses) {
            let peering = Peering {
                seat: Seat::new(*me, *name, false),
                identity: Arc::clone(&identity),
                peer_key: parties.identity(name).public_key(),
                job_digest: *job.digest().as_bytes(),
                route: None,
            };
            conversations.push(dial(address, peering).await.unwrap());
        }
        let sessions = conversations.iter_mut().map(Conversation::session);
        let mut sessions: Vec<Session> = sessions.map(Result::unwrap).collect();
        net::prepare(&mut sessions, "rows", || Ok::<_, NetError>(())).await.unwrap();
        say(&mut sessions).await.unwrap();
        // The others end the conversations.
        for conversation in conversations {
            conversation.close().await.unwrap_err();
        }
    };
    net::block_on(talk).unwrap();
}

#[test]
fn a_host_that_breaks_the_protocol_is_named_and_the_job_of_all_ends() {
    let (folder, _) = clinics();
    let parties = Parties::named(&NAMES, folder.path(), 1);
    let (mut running, addresses) = parties.all_but_last("job.yaml");
    play_last(folder.path(), &parties, &addresses, async |peers| {
        let mut guest = peers[0].fork("align")?;
        guest.send_words("sizes", &[u64::MAX]).await
    });
    let (laboratory, clinic) = (running.pop().unwrap(), running.pop().unwrap());
    let error = clinic.error();
    assert!(error.contains("radiology") && error.contains("are allowed"), "{error}");
    let error = laboratory.error();
    assert!(error.contains("clinic") && error.contains("radiology"), "{error}");
    assert_nothing_is_left(&folder.path().join("out"));
}
