//! A small table against a large one, whose part is kept between runs.

use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{PROGRAM, documented, json, run};

/// The shop has every hundredth person up to 4,000, the platform those of `platform`.
fn write_people(folder: &Path, platform: Range<u32>) {
    let mut shop = "phone,spend\n".to_owned();
    for person in (0..4_000).step_by(100) {
        writeln!(shop, "138{person:08},{person}").unwrap();
    }
    let mut text = "mobile,clicks\n".to_owned();
    for person in platform {
        writeln!(text, "+86138{person:08},{}", person % 10).unwrap();
    }
    fs::write(folder.join("shop.csv"), shop).unwrap();
    fs::write(folder.join("platform.csv"), text).unwrap();
}

/// What a run left: what the terminal said, the common rows, and bytes that the client received.
struct Ran {
    messages: String,
    common_rows: u64,
    received: u64,
}

fn ran(folder: &Path, output: &Output, client: &str) -> Ran {
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{messages}");
    let metrics = json(&folder.join("out").join(client).join("metrics.json"));
    let disclosed = metrics["disclosed"].as_array().unwrap();
    let common = disclosed.iter().find(|it| it["what"] == "intersection.rows");
    let count = |value: &Value| value.as_u64().unwrap();
    Ran {
        messages,
        common_rows: common.map_or(0, |it| count(&it["count"])),
        received: count(&metrics["steps"][0]["bytes_received"]),
    }
}

/// The example of the manual, day by day: the platform's table stays, grows, and loses rows.
#[test]
fn a_second_run_only_pays_for_the_query() {
    let folder = tempfile::tempdir().unwrap();
    let job = documented("psi.md");
    assert_eq!(job, documented("psi.zh-CN.md"));
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    let day = |platform: Range<u32>| {
        write_people(folder.path(), platform);
        ran(folder.path(), &run(folder.path()), "shop")
    };

    let first = day(1_000..3_500);
    assert_eq!(first.common_rows, 25);
    assert!(first.messages.contains("2500 rows are prepared; kept in"), "{}", first.messages);
    assert!(first.received > 5 * 2_500, "the filters: {}", first.received);
    let out = folder.path().join("out");
    for file in [".platform.kept/server.psi", ".shop.kept/filters-of-platform.psi"] {
        let mode = fs::metadata(out.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let page = fs::read_to_string(out.join("shop/report.html")).unwrap();
    assert!(page.contains("small against large"));
    assert!(out.join("shop/tables/aligned.parquet").exists());
    assert!(!out.join("platform/tables").exists(), "the server learns no row");

    let second = day(1_000..3_500);
    assert_eq!(second.common_rows, 25);
    assert!(!second.messages.contains("prepared") && !second.messages.contains("filters"));
    assert!(second.received < 64 * 40 + 1_000, "a query of 40 rows: {}", second.received);

    let grown = day(1_000..3_700);
    assert_eq!(grown.common_rows, 27);
    assert!(grown.messages.contains("200 rows were added"), "{}", grown.messages);
    assert!(grown.received < first.received / 3, "{} bytes", grown.received);

    let shrunk = day(1_100..3_700);
    assert_eq!(shrunk.common_rows, 26);
    assert!(shrunk.messages.contains("rows are gone that were prepared earlier"));
}

/// The other way round, with a folder for what is kept, and a join.
#[test]
fn the_host_can_be_the_client() {
    let folder = tempfile::tempdir().unwrap();
    write_people(folder.path(), 1_000..3_500);
    let job = documented("psi.md")
        .replace("role: guest", "role: other")
        .replace("role: host", "role: guest")
        .replace("role: other", "role: host")
        .replace("learn: guest", "learn: host, join: anti");
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    let cache = folder.path().join("cache");
    let output = Command::new(PROGRAM)
        .args(["--language", "en", "run"])
        .arg(folder.path().join("job.yaml"))
        .arg("--out")
        .arg(folder.path().join("out"))
        .arg("--cache")
        .arg(&cache)
        .output()
        .unwrap();
    let ran = ran(folder.path(), &output, "shop");
    assert_eq!(ran.common_rows, 25);
    assert!(cache.join(".platform.kept/server.psi").exists());
    assert!(!folder.path().join("out/.platform.kept").exists());
    assert!(folder.path().join("out/shop/tables/unmatched.parquet").exists());
}

#[test]
fn what_cannot_be_asked_or_read_ends_the_job() {
    let folder = tempfile::tempdir().unwrap();
    write_people(folder.path(), 1_000..1_500);
    let fails = |job: &str, expected: &str| {
        fs::write(folder.path().join("job.yaml"), job).unwrap();
        let output = run(folder.path());
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(expected) && !text.contains("panicked"), "{text}");
    };
    let job = documented("psi.md");
    let few = job.replace("learn: guest", "learn: guest, asked_max: 39");
    fails(&few, "40 rows take part, and the job lets this party ask for 39");
    fs::write(folder.path().join("job.yaml"), &job).unwrap();
    assert_eq!(run(folder.path()).status.code(), Some(0));
    let path = folder.path().join("out/.shop.kept/filters-of-platform.psi");
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    fails(&job, "its checksum is wrong; delete it and prepare it anew");
}
