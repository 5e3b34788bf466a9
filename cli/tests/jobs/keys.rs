//! Keys that the parties write in different ways.

use std::fmt::Write as _;
use std::fs;

use matching::idmap::Digest;

use crate::support::{json, run};

/// One party has telephone numbers as people type them, the other one salted digests of them.
#[test]
fn numbers_as_typed_match_digests_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut shop = "phone,visits\nn/a,1\n,2\n".to_owned();
    let mut platform = "device,clicks\n".to_owned();
    for number in 0..40 {
        let typed = match number % 3 {
            0 => format!("138 0000 00{number:02}"),
            1 => format!("+86-138-0000-00{number:02}"),
            _ => format!("8613800000 0{number:02}"),
        };
        writeln!(shop, "{typed},{number}").unwrap();
        let key = Digest::Sm3.of("spring-2026:", &format!("+861380000{:04}", number + 10));
        writeln!(platform, "{},{number}", key.to_uppercase()).unwrap();
    }
    // The first number once more.
    shop.push_str("13800000000,99\n");
    fs::write(folder.path().join("shop.csv"), shop).unwrap();
    fs::write(folder.path().join("platform.csv"), platform).unwrap();
    let job = "\
job: keys
purpose: test
parties:
  shop:
    role: guest
    table: shop.csv
    key:
      column: phone
      form: phone
      digest: sm3
      salt: 'spring-2026:'
      invalid: drop
      duplicates: first
  platform:
    role: host
    table: platform.csv
    key: { column: device, digest: sm3, salt: 'spring-2026:', digested: true }
";
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    let output = run(folder.path());
    let messages = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{messages}");
    assert!(messages.contains("40 rows take part"), "{messages}");
    assert!(messages.contains("2 without a valid key, 1 that share a key"), "{messages}");
    let metrics = json(&folder.path().join("out/shop/metrics.json"));
    let opened = metrics["disclosed"].as_array().unwrap();
    let common = opened.iter().find(|it| it["what"] == "intersection.rows").unwrap();
    assert_eq!(common["count"], 30, "{metrics}");
}
