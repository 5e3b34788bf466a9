//! Jobs that recommend a guest's items to its users.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Output};

use crypto::random::Generator;
use flate2::read::GzDecoder;
use models::local::factorization_machine::{GuestData, GuestPart, Interactions, Settings, fit};
use serde_json::Value;
use table::{Overrides, Schema, Source, Table};

use crate::audit::compare_records;
use crate::support::{PROGRAM, documented, failure, json, run};

const STEP: &str = "factorization_machine.leave_one_out";

fn table(path: &Path, id: &str) -> Table {
    let source = Source::parquet(path);
    let overrides = Overrides { id: Some(id.to_owned()), ..Overrides::default() };
    let schema = Schema::propose(&source, &overrides).unwrap().confirm().unwrap();
    Table::read(&source, &schema).unwrap()
}

/// The lines of a packed file of `data/msweb` that are about users of small numbers.
fn some_users(file: &str) -> String {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../data/msweb")).join(file);
    let mut text = String::new();
    GzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let is_first = |line: &&str| {
        let user = line.split(',').next().unwrap().parse::<u32>();
        user.map_or(true, |user| user < 4_000)
    };
    text.lines().filter(is_first).fold(String::new(), |text, line| text + line + "\n")
}

fn run_in(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .current_dir(folder)
        .args(["--language", "en", "run"])
        .args(arguments)
        .output()
        .unwrap()
}

fn succeeded(output: &Output) -> String {
    let messages = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{messages}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The example of the manual on a part of the users, from the plan to the same lists by the saved
/// model.
#[test]
fn a_publisher_recommends_by_a_partners_profile() {
    let job = documented("recommendation.md");
    assert_eq!(job, documented("recommendation.zh-CN.md"));
    let example =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/recommendation.yaml"));
    let example = fs::read_to_string(example).unwrap();
    assert!(example.ends_with(&job), "the example is the manual's");
    let job = job.replace("../data/msweb/", "").replace(".csv.gz", ".csv");
    let small = job
        .replace("factors: 16", "factors: 8")
        .replace("directions: 64", "directions: 16\n      passes: 6");
    assert!(small.contains("factors: 8") && small.contains("passes: 6"));
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("job.yaml"), &small).unwrap();
    for file in ["visits.csv", "profile.csv"] {
        fs::write(folder.join(file), some_users(&format!("{file}.gz"))).unwrap();
    }
    let terminal = succeeded(&run(folder));
    assert!(terminal.contains("NDCG@10") && terminal.contains("coverage"), "{terminal}");
    let out = folder.join("out");
    compare_records(&out, ["publisher", "partner"]);
    let [ours, theirs] =
        ["publisher", "partner"].map(|party| json(&out.join(party).join("metrics.json")));
    let figures = &ours["models"][STEP];
    let figure = |model: &str, name: &str| figures[model][name].as_f64().unwrap();
    let [popularity, alone, joint] =
        ["popularity", "guest_alone", "joint"].map(|model| figure(model, "ndcg"));
    assert!(joint > alone && alone > popularity, "{popularity}, {alone}, {joint}");
    assert!(figures["differences"]["ndcg"]["low"].as_f64().unwrap() > 0.0, "{figures}");
    assert_eq!(theirs["models"], Value::Object(serde_json::Map::new()), "the host sees no figure");
    opens_what_it_declares(&ours, &theirs);
    pages(&out);
    let lists =
        table(&out.join(format!("publisher/tables/recommendations.{STEP}.parquet")), "user");
    new_items_in_order(&lists, folder);
    the_saved_model_recommends_the_same(folder, &small, &lists);
}

fn opens_what_it_declares(ours: &Value, theirs: &Value) {
    assert_eq!(ours["disclosed"], theirs["disclosed"], "both count the same openings");
    let opened = ours["disclosed"].as_array().unwrap().iter();
    let opened: BTreeMap<(&str, &str), u64> = opened
        .map(|it| {
            let [what, to] = ["what", "to"].map(|key| it[key].as_str().unwrap());
            ((what, to), it["count"].as_u64().unwrap())
        })
        .collect();
    let users = opened[&("intersection.rows", "guest")];
    assert_eq!(opened[&("train.user_factors", "guest")], 8 * users);
    // Factors of the host's 32 columns; of the guest's directions, as features and as items.
    assert_eq!(opened[&("model.own_factors", "host")], 32 * 8);
    assert_eq!(opened[&("model.own_factors", "guest")], 2 * 16 * 8);
    let keys: Vec<&str> = opened.keys().map(|(key, _)| *key).collect();
    assert!(!keys.contains(&"split.rows") && !keys.contains(&"score.test_rows"), "{keys:?}");
}

fn pages(out: &Path) {
    let page = fs::read_to_string(out.join("publisher/report.html")).unwrap();
    for text in [
        "Hit rate by the length of the list",
        "命中率与列表长度",
        "by the length of the history",
        "one interaction of each user left out",
        "The items that most users get",
        "by popularity",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("NaN"));
    let page = fs::read_to_string(out.join("partner/report.html")).unwrap();
    assert!(page.contains("Windows Family of OSs") && page.contains("Lengths of own factors"));
    assert!(!page.contains("regwiz") && !page.contains("NaN"), "no item of the guest");
    let export = fs::read_to_string(out.join(format!("partner/model/{STEP}.csv"))).unwrap();
    // A heading, the offset and 32 columns.
    assert_eq!(export.lines().count(), 2 + 32, "{export}");
    let card = json(&out.join(format!("partner/model/{STEP}.card.json")));
    assert_eq!(card["data"]["test_rows"], Value::Null, "how many users are judged");
}

/// Each list has ten items at most that the user has not visited, the best first.
fn new_items_in_order(lists: &Table, folder: &Path) {
    let visits = fs::read_to_string(folder.join("visits.csv")).unwrap();
    let visited: HashSet<&str> = visits.lines().collect();
    let users: Vec<&str> = lists.ids().unwrap().collect();
    let items = lists.column("item").unwrap();
    let [places, scores] = ["place", "joint"].map(|name| lists.numeric(name).unwrap());
    for row in 0..lists.rows() {
        let item = items.text(row).unwrap();
        assert!(!visited.contains(format!("{},{item}", users[row]).as_str()), "{item}");
        let follows = row > 0 && users[row] == users[row - 1];
        let place = if follows { places[row - 1] + 1.0 } else { 1.0 };
        assert!((places[row] - place).abs() < 1e-9 && place < 10.5);
        assert!(!follows || scores[row] <= scores[row - 1]);
    }
}

/// Scored by the model, the users of the training job get the same lists; one more is new to the
/// guest and gets a list by the partner's profile alone.
fn the_saved_model_recommends_the_same(folder: &Path, job: &str, before: &Table) {
    let (parties, _) = job.split_once("\ntrain:").unwrap();
    let score = "score: { model: next-area, step: factorization_machine, privacy: \
                 user_factors_known_to_guest }\n";
    let parties = parties.replace("job: next-area", "job: again").replace("visits.csv", "new.csv");
    fs::write(folder.join("score.yaml"), format!("{parties}\n{score}")).unwrap();
    let visits = fs::read_to_string(folder.join("visits.csv")).unwrap();
    let profile = fs::read_to_string(folder.join("profile.csv")).unwrap();
    let known: HashSet<&str> = visits.lines().filter_map(|line| line.split(',').next()).collect();
    let mut users = profile.lines().skip(1).filter_map(|line| line.split(',').next());
    let new = users.find(|user| !known.contains(user)).unwrap();
    let more = format!(
        "{visits}{new},\n{},Never Seen\n",
        visits.lines().nth(1).unwrap().split(',').next().unwrap()
    );
    fs::write(folder.join("new.csv"), more).unwrap();
    let output = run_in(folder, &["score.yaml", "--models", "out", "--out", "scored"]);
    succeeded(&output);
    let scored = folder.join("scored/publisher");
    let now = table(&scored.join("tables/recommendations.parquet"), "user");
    let lines = |table: &Table| -> HashMap<(String, String), u64> {
        let items = table.column("item").unwrap();
        let scores = table.numeric("joint").unwrap();
        let ids = table.ids().unwrap().enumerate();
        let line = |(row, id): (usize, &str)| {
            ((id.to_owned(), items.text(row).unwrap().to_owned()), scores[row].to_bits())
        };
        ids.map(line).collect()
    };
    let (before, mut now) = (lines(before), lines(&now));
    let of_new = now.keys().filter(|(user, _)| user == new).count();
    assert_eq!(of_new, 10, "a list for the user without a history");
    now.retain(|(user, _), _| user != new);
    assert_eq!(before, now);
    let metrics = json(&scored.join("metrics.json"));
    let opened = metrics["disclosed"].as_array().unwrap();
    let factors = opened.iter().find(|it| it["what"] == "score.user_factors").unwrap();
    assert_eq!(factors["count"].as_u64().unwrap() % 8, 0);
    let page = fs::read_to_string(scored.join("report.html")).unwrap();
    assert!(
        page.contains("ranked its items for") && page.contains("The items that most users get")
    );
}

/// Users with tastes; the shop has their orders with days, the bank ten columns about them.
struct Orders {
    /// For each user its items, the latest last.
    taken: Vec<Vec<usize>>,
    columns: Vec<Vec<f64>>,
}

const ITEMS: usize = 24;

impl Orders {
    fn new(users: usize) -> Self {
        let mut generator = Generator::from_seed([8; 32]);
        let mut uniform = || (generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let mut orders = Self { taken: Vec::new(), columns: vec![Vec::new(); 10] };
        for _ in 0..users {
            let taste = [uniform(), uniform()];
            for (place, column) in orders.columns.iter_mut().enumerate() {
                column.push((taste[place % 2] * 9.0 + uniform() * 4.0).round());
            }
            let likes = |item: usize| (taste[item % 2] - item as f64 / ITEMS as f64).abs() < 0.25;
            let mut items: Vec<usize> =
                (0..ITEMS).filter(|item| likes(*item) && uniform() < 0.6).collect();
            let count = items.len();
            items.rotate_left((uniform() * count as f64) as usize % count.max(1));
            orders.taken.push(items);
        }
        orders
    }

    fn write(&self, folder: &Path) {
        let mut shop = "mail,product,day,stars\n".to_owned();
        let mut bank = "mail,c0,c1,c2,c3,c4,c5,c6,c7,c8,c9\n".to_owned();
        for (user, items) in self.taken.iter().enumerate() {
            // A user without an order, and one that ordered its first item again at last.
            if items.is_empty() {
                writeln!(shop, "u{user}@x.cn,,1,").unwrap();
            }
            for (day, item) in items.iter().enumerate() {
                writeln!(shop, "U{user}@x.cn,product {item:02},{day},3").unwrap();
            }
            if let Some(item) = items.first() {
                writeln!(shop, "u{user}@x.cn,product {item:02},{ITEMS},5").unwrap();
            }
            let columns: Vec<String> =
                self.columns.iter().map(|column| column[user].to_string()).collect();
            writeln!(bank, "u{user}@x.cn,{}", columns.join(",")).unwrap();
        }
        fs::write(folder.join("shop.csv"), shop).unwrap();
        fs::write(folder.join("bank.csv"), bank).unwrap();
    }
}

const SHOP: &str = "\
job: shop
purpose: test
parties:
  shop:
    role: guest
    table: shop.csv
    data: simulated
    key: { column: mail, form: email }
    item: product
    time: day
    columns: { stars: ignore }
  bank: { role: host, table: bank.csv, data: simulated, key: { column: mail, form: email } }
train:
  - factorization_machine:
      { privacy: user_factors_known_to_guest, factors: 4, directions: 8, passes: 6, top: 5 }
";

/// The shop's part of the model that is fitted to pooled data without each user's latest order, and
/// the factors of users by all of their orders.
fn pooled(orders: &Orders) -> (GuestPart, Vec<f64>) {
    let users = orders.taken.len();
    let pairs = |is_training: bool| {
        let of_user = |(user, items): (usize, &Vec<usize>)| {
            let last = usize::from(is_training && items.len() >= 2);
            let items = items[..items.len() - last].to_vec();
            items.into_iter().map(move |item| (user as u32, item as u32))
        };
        let pairs: Vec<(u32, u32)> = orders.taken.iter().enumerate().flat_map(of_user).collect();
        Interactions::new(users, ITEMS, pairs).unwrap()
    };
    let (training, all) = (pairs(true), pairs(false));
    let standardised = |column: &Vec<f64>| -> Vec<f64> {
        let mean = column.iter().sum::<f64>() / users as f64;
        let variance = column.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / users as f64;
        column.iter().map(|it| (it - mean) / variance.sqrt()).collect()
    };
    let columns: Vec<Vec<f64>> = orders.columns.iter().map(standardised).collect();
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let settings = Settings { factors: 4, directions: 8, passes: 6, ..Settings::default() };
    let guest = GuestData { interactions: &training, columns: &[], item_features: &[] };
    let (shop, bank) = fit(&guest, &columns, &settings).unwrap();
    let mut factors = shop.user_factors(&all, &[]).unwrap();
    let theirs = bank.user_factors(&columns, users).unwrap();
    factors.iter_mut().zip(theirs).for_each(|(own, theirs)| *own += theirs);
    (shop, factors)
}

/// The user and the item of a line of a list.
fn user_and_item(mail: &str, item: &str) -> (usize, usize) {
    let user = mail.trim_start_matches(['u', 'U']).split('@').next().unwrap();
    (user.parse().unwrap(), item.trim_start_matches("product ").parse().unwrap())
}

#[test]
fn lists_are_those_of_the_model_on_pooled_data() {
    let folder = tempfile::tempdir().unwrap();
    let orders = Orders::new(200);
    orders.write(folder.path());
    fs::write(folder.path().join("job.yaml"), SHOP).unwrap();
    succeeded(&run(folder.path()));
    let out = folder.path().join("out/shop");
    let (shop, factors) = pooled(&orders);
    let lists = table(&out.join(format!("tables/recommendations.{STEP}.parquet")), "mail");
    assert_eq!(lists.rows(), 5 * orders.taken.len(), "every user gets a list");
    let (items, scores) = (lists.column("item").unwrap(), lists.numeric("joint").unwrap());
    for (row, mail) in lists.ids().unwrap().enumerate() {
        let (user, item) = user_and_item(mail, items.text(row).unwrap());
        let expected = shop.score(&factors[user * 4..][..4], item);
        assert!((scores[row] - expected).abs() < 1e-4, "{} for {expected}", scores[row]);
        assert!(!orders.taken[user].contains(&item));
    }
}

/// In strict the lists are the same ones, and their joint scores nowhere.
#[test]
fn strict_lists_are_those_of_the_model_on_pooled_data() {
    let folder = tempfile::tempdir().unwrap();
    let orders = Orders::new(260);
    orders.write(folder.path());
    let job = SHOP.replace("privacy: user_factors_known_to_guest", "test_users: 250");
    fs::write(folder.path().join("job.yaml"), &job).unwrap();
    succeeded(&run(folder.path()));
    let out = folder.path().join("out");
    let metrics = json(&out.join("shop/metrics.json"));
    let figures = &metrics["models"][STEP];
    let [users, without, ndcg] =
        ["users", "users_left_out", "ndcg"].map(|name| figures["joint"][name].as_f64().unwrap());
    assert!(users >= 200.0 && (users + without - 250.0).abs() < 1e-9, "{figures}");
    assert!(ndcg > figures["popularity"]["ndcg"].as_f64().unwrap(), "{figures}");
    assert!(
        figures["joint"]["coverage"].is_null() && figures["by_history"] == Value::Array(Vec::new())
    );
    assert!(figures["differences"]["auc"]["low"].as_f64().is_some());
    let opened: BTreeMap<&str, u64> = metrics["disclosed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["what"].as_str().unwrap(), it["count"].as_u64().unwrap()))
        .collect();
    assert_eq!((opened["evaluate.ranking"], opened["train.lists"]), (5 + 4, 5 * 260));
    assert!(!opened.contains_key("train.user_factors"));

    assert_lists_like_the_pooled_model(&orders, &out.join("shop"), &format!(".{STEP}"));
    let (parties, _) = job.split_once("train:").unwrap();
    let score = "score: { model: shop, step: factorization_machine }\n";
    let parties = parties.replace("job: shop", "job: again");
    fs::write(folder.path().join("score.yaml"), format!("{parties}{score}")).unwrap();
    succeeded(&run_in(folder.path(), &["score.yaml", "--models", "out", "--out", "scored"]));
    assert_lists_like_the_pooled_model(&orders, &folder.path().join("scored/shop"), "");
}

/// The items of the lists are those that the pooled model ranks first; nearly equal ones may change
/// places.
fn assert_lists_like_the_pooled_model(orders: &Orders, out: &Path, step: &str) {
    let (shop, factors) = pooled(orders);
    let lists = table(&out.join(format!("tables/recommendations{step}.parquet")), "mail");
    assert!(lists.numeric("joint").is_err() && lists.numeric("guest_alone").is_ok());
    assert_eq!(lists.rows(), 5 * orders.taken.len());
    let (items, places) = (lists.column("item").unwrap(), lists.numeric("place").unwrap());
    for (row, mail) in lists.ids().unwrap().enumerate() {
        let (user, item) = user_and_item(mail, items.text(row).unwrap());
        let score = |item: usize| shop.score(&factors[user * 4..][..4], item);
        let is_new = |item: &usize| !orders.taken[user].contains(item);
        let mut new: Vec<f64> = (0..ITEMS).filter(is_new).map(score).collect();
        new.sort_by(|left, right| right.total_cmp(left));
        // Scores of both models are within 1e-4, and so are those of each place in order.
        assert!(is_new(&item) && (score(item) - new[places[row] as usize - 1]).abs() < 2e-4);
    }
}

#[test]
fn what_cannot_be_recommended_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let orders = Orders::new(80);
    orders.write(folder.path());
    let job = folder.path().join("job.yaml");
    fs::write(&job, SHOP.replace("    columns: { stars: ignore }\n", "")).unwrap();
    let error = failure(folder.path());
    assert!(error.contains("`stars` has different values in rows"), "{error}");
    assert!(error.contains("columns: { stars: ignore }"), "{error}");
    fs::write(&job, SHOP.replace("factors: 4, directions: 8", "factors: 12, directions: 12"))
        .unwrap();
    let error = failure(folder.path());
    assert!(
        error.contains("10 columns of the host, 10 of them independent, and 12 factors"),
        "{error}"
    );
    fs::write(&job, SHOP.replace("privacy: user_factors_known_to_guest", "list_users: 79"))
        .unwrap();
    let error = failure(folder.path());
    assert!(error.contains("80 common users are to get lists"), "{error}");
    fs::write(&job, SHOP.replace("top: 5", "min_item_users: 60")).unwrap();
    let error = failure(folder.path());
    assert!(error.contains("nothing can be left out") || error.contains("carry no"), "{error}");
}
