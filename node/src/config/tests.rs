//! Configurations that are read, and mistakes in them.

use std::path::{Path, PathBuf};

use report::message::Language;

use super::{Config, Draft, PassphraseFrom};
use crate::store::Address;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(Path::new("/node"), "node.yaml", text).map_err(|error| error.to_string())
}

#[test]
fn a_draft_is_read_back_in_both_languages() {
    let small = Draft {
        name: "bank".to_owned(),
        partners: None,
        people: "127.0.0.1:8443".to_owned(),
        database: None,
        passphrase: None,
    };
    let large = Draft {
        name: "bank-2".to_owned(),
        partners: Some("0.0.0.0:7443".to_owned()),
        people: "[::1]:8443".to_owned(),
        database: Some("postgres://tombolo:a\"b@127.0.0.1/tombolo".to_owned()),
        passphrase: Some(PassphraseFrom::File(PathBuf::from("/etc/tombolo/pass phrase"))),
    };
    for language in [Language::English, Language::Chinese] {
        let (text, config) = small.write(Path::new("/node"), language).unwrap();
        assert_eq!(config.name, "bank");
        assert_eq!(config.database, Address::Sqlite(PathBuf::from("/node/node.db")));
        assert_eq!((config.partners.listen, config.passphrase.clone()), (None, None));
        assert!(text.contains("# "), "{text}");
        // What stands behind a `#` is meant to be used by taking the `#` away.
        let open = text.replace("# partners:", "partners:").replace("#   listen", "  listen");
        assert!(parse(&open).unwrap().partners.listen.is_some(), "{open}");

        let (_, config) = large.write(Path::new("/node"), language).unwrap();
        assert_eq!(config.passphrase, large.passphrase);
        assert_eq!(config.partners_address().as_deref(), Some("0.0.0.0:7443"));
        assert_eq!(config.people.listen.to_string(), "[::1]:8443");
        assert_eq!(config.database.to_string(), "postgres://127.0.0.1/tombolo");
    }
    let wrong = Draft { name: "Bank of Examples".to_owned(), ..small };
    let error = wrong.write(Path::new("/node"), Language::English).unwrap_err().to_string();
    assert!(error.contains("cannot be the name of a member"), "{error}");
}

#[test]
fn mistakes_have_their_line_and_advice() {
    let error = parse(
        "name: bank\npeople:\n  listen: nowhere\n  certificate: a.pem\ndatabase:\n  \
         url: mysql://x\nkey:\n  passphrase: sesame\nlog: debug\n",
    )
    .unwrap_err();
    for part in [
        "node.yaml:3:11: `listen` is no address of this machine and port",
        "`certificate` and `certificate_key` belong together",
        "node.yaml:6:8: write `sqlite:PATH` or `postgres://USER@HOST/DATABASE`",
        "`passphrase` (line 8) says where the passphrase is",
        "node.yaml:9:1: the configuration has no key `log`",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(!error.contains("sesame"), "a passphrase in the wrong place is not repeated: {error}");
    let error = parse("name: bank\n").unwrap_err();
    assert!(error.contains("the configuration lacks `people`"), "{error}");
    let told = "name: bank\npeople: { listen: 127.0.0.1:1 }\npartners: { address: a.example:1 }";
    assert!(parse(told).unwrap_err().contains("but nothing listens"));
}

#[test]
fn a_passphrase_is_the_first_line_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passphrase");
    let from = PassphraseFrom::File(path.clone());
    let never = || unreachable!("nobody is asked");
    assert!(from.read(never).unwrap_err().to_string().contains("passphrase"));
    std::fs::write(&path, "\nsecond").unwrap();
    assert!(from.read(never).unwrap_err().to_string().contains("empty"));
    std::fs::write(&path, "open sesame\nsecond").unwrap();
    assert_eq!(*from.read(never).unwrap(), "open sesame");
    let unset = PassphraseFrom::Variable("TOMBOLO_TEST_NEVER_SET".to_owned());
    assert!(unset.read(never).unwrap_err().to_string().contains("not set"));
    let asked = PassphraseFrom::Prompt.read(|| Ok("typed".to_owned().into())).unwrap();
    assert_eq!(*asked, "typed");
}
