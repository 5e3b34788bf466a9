//! The configuration file of a node, `node.yaml` in its folder.
//!
//! It is read like a job file: every mistake has its line, and a key that nobody knows is one.

mod template;

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use jobs::spec::document::{self, Fields, Node, Problems};
use jobs::spec::{Place, Problem, SpecError};
use zeroize::Zeroizing;

use crate::store::{Address, StoreError};

pub use template::{Draft, FILE_NAME};

/// What a node has to know before it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder of the file: keys, certificates and an embedded database stand in it.
    pub folder: PathBuf,
    /// The member's name, such as `bank`.
    pub name: String,
    /// Whom partners call: a person or an office, with an address or a number.
    pub contact: String,
    /// Where partners meet this node.
    pub partners: PartnersConfig,
    /// Where its people meet it.
    pub people: PeopleConfig,
    /// The folder that the member's tables lie in.
    pub data: PathBuf,
    /// Runs that this node begins at a time.
    pub runs_at_once: u32,
    /// The database.
    pub database: Address,
    /// Where the passphrase of the key comes from; `None` for a key that is under none.
    pub passphrase: Option<PassphraseFrom>,
}

/// Where partners meet a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnersConfig {
    /// The address that it listens on; `None` for a node that only dials.
    pub listen: Option<SocketAddr>,
    /// The address that partners are told, host and port; that of `listen` if there is none.
    pub address: Option<String>,
}

/// Where people meet a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeopleConfig {
    /// The address that it listens on.
    pub listen: SocketAddr,
    /// The certificate chain that browsers are shown, and its key, as PEM files; a self-signed
    /// certificate of the node's own without.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Calls that one person or address may make in a minute.
    pub calls_per_minute: u32,
}

/// Where the passphrase of the key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PassphraseFrom {
    /// The first line of a file.
    File(PathBuf),
    /// A variable of the environment.
    Variable(String),
    /// Somebody at a terminal.
    Prompt,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {cause}; `tombolo node init` makes one", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// What the file says is wrong.
    #[error(transparent)]
    Mistakes(#[from] SpecError),
    /// The passphrase is not where the file says.
    #[error("the passphrase of the key cannot be read from {from}: {cause}")]
    Passphrase {
        /// Where it should be.
        from: String,
        /// Why it is not.
        cause: String,
    },
}

impl Config {
    /// Reads the file of a node's folder.
    pub fn read(folder: &Path) -> Result<Self, ConfigError> {
        let path = folder.join(FILE_NAME);
        let text = std::fs::read_to_string(&path)
            .map_err(|cause| ConfigError::Unreadable { path: path.clone(), cause })?;
        Ok(Self::parse(folder, &path.display().to_string(), &text)?)
    }

    /// Reads the text of a file. `file` is the name that error messages give.
    pub fn parse(folder: &Path, file: &str, text: &str) -> Result<Self, SpecError> {
        let fail = |problems| SpecError::new(file, text, problems);
        let root = document::parse(text).map_err(|problem| fail(vec![problem]))?;
        let mut problems = Problems::new();
        match read(folder, &root, &mut problems) {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(fail(problems)),
        }
    }

    /// The address that partners are told; `None` for a node that only dials, and for one whose
    /// port the system chooses.
    pub fn partners_address(&self) -> Option<String> {
        let listen = self.partners.listen?;
        let chosen = (listen.port() != 0).then(|| listen.to_string());
        self.partners.address.clone().or(chosen)
    }
}

impl PassphraseFrom {
    /// Reads `file:PATH` (relative to `folder`), `variable:NAME`, `prompt` or `none`. The outer
    /// option is for any other text, the inner one for `none`.
    pub fn parse(text: &str, folder: &Path) -> Option<Option<Self>> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Some(Some(Self::File(folder.join(path)))),
            Some(("variable", name)) if !name.is_empty() => {
                Some(Some(Self::Variable(name.to_owned())))
            }
            None if text == "prompt" => Some(Some(Self::Prompt)),
            None if text == "none" => Some(None),
            _ => None,
        }
    }

    /// The passphrase; `prompt` asks the person at the terminal.
    pub fn read(
        &self,
        prompt: impl FnOnce() -> std::io::Result<Zeroizing<String>>,
    ) -> Result<Zeroizing<String>, ConfigError> {
        let fail = |from: String, cause: String| ConfigError::Passphrase { from, cause };
        match self {
            Self::File(path) => {
                let name = path.display().to_string();
                let text = std::fs::read_to_string(path).map(Zeroizing::new);
                let text = text.map_err(|error| fail(name.clone(), error.to_string()))?;
                let line = text.lines().next().unwrap_or_default();
                if line.is_empty() {
                    return Err(fail(name, "its first line is empty".to_owned()));
                }
                Ok(Zeroizing::new(line.to_owned()))
            }
            Self::Variable(variable) => match std::env::var(variable) {
                Ok(value) if !value.is_empty() => Ok(Zeroizing::new(value)),
                _ => Err(fail(format!("the variable {variable}"), "it is not set".to_owned())),
            },
            Self::Prompt => {
                prompt().map_err(|error| fail("the terminal".to_owned(), error.to_string()))
            }
        }
    }
}

fn read(folder: &Path, root: &Node, problems: &mut Problems) -> Option<Config> {
    let mut fields = Fields::of(root, "the configuration".to_owned(), problems)?;
    let name = fields.require("name", "the member's name, such as `bank`", problems);
    let name = name.and_then(|node| {
        let given = document::text(node, "name", problems)?;
        document::name(given, "a member", node.place, problems)
    });
    let contact = match fields.take("contact") {
        Some(node) => document::bounded_text(node, "contact", CONTACT_MAX, problems),
        None => Some(NO_CONTACT.to_owned()),
    };
    let data = match fields.take("data") {
        Some(node) => document::bounded_text(node, "data", PATH_MAX, problems),
        None => Some(DATA_FOLDER.to_owned()),
    };
    let runs_at_once = match fields.take("runs_at_once") {
        Some(node) => read_count(node, "runs_at_once", 1..=RUNS_AT_ONCE_MAX, problems),
        None => Some(1),
    };
    let partners = read_partners(&mut fields, problems);
    let people = read_people(&mut fields, folder, problems);
    let database = match fields.take("database") {
        Some(node) => read_database(node, folder, problems),
        None => Some(Address::Sqlite(folder.join(DATABASE_FILE))),
    };
    let passphrase = match fields.take("key") {
        Some(node) => read_key(node, folder, problems),
        None => Some(None),
    };
    fields.finish(problems);
    Some(Config {
        folder: folder.to_owned(),
        name: name?,
        contact: contact?,
        data: folder.join(data?),
        runs_at_once: runs_at_once?,
        partners: partners?,
        people: people?,
        database: database?,
        passphrase: passphrase?,
    })
}

fn read_partners(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<PartnersConfig> {
    let Some(node) = fields.take("partners") else {
        return Some(PartnersConfig { listen: None, address: None });
    };
    let mut fields = Fields::of(node, "`partners`".to_owned(), problems)?;
    let listen_at = fields.take("listen");
    let listen = listen_at.map(|node| read_address(node, "listen", problems));
    let address_at = fields.take("address");
    let address = address_at.map(|node| read_told(node, listen_at.is_some(), problems));
    fields.finish(problems);
    let listen = match listen {
        Some(listen) => Some(listen?),
        None => None,
    };
    let address = match address {
        Some(address) => Some(address?),
        None => None,
    };
    Some(PartnersConfig { listen, address })
}

/// What partners dial: a name or an address, and a port.
fn read_told(node: &Node, has_listen: bool, problems: &mut Problems) -> Option<String> {
    let told = document::bounded_text(node, "address", ADDRESS_MAX, problems)?;
    let is_sound = told.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0)
    });
    if !is_sound {
        let problem = Problem::new(node.place, "`address` is no host and port");
        problems.push(problem.help("such as `tombolo.bank.example:7443`"));
        return None;
    }
    if !has_listen {
        let problem = Problem::new(node.place, "`address` is told, but nothing listens");
        problems.push(problem.help("add `listen:`, or leave `address:` out"));
    }
    Some(told)
}

fn read_people(
    fields: &mut Fields<'_>,
    folder: &Path,
    problems: &mut Problems,
) -> Option<PeopleConfig> {
    let node = fields.require("people", "where the node's people meet it", problems)?;
    let mut fields = Fields::of(node, "`people`".to_owned(), problems)?;
    let listen = fields.require("listen", "an address, such as `127.0.0.1:8443`", problems);
    let listen = listen.and_then(|node| read_address(node, "listen", problems));
    let mut path = |key, problems: &mut Problems| {
        let node = fields.take(key)?;
        document::bounded_text(node, key, PATH_MAX, problems).map(|path| folder.join(path))
    };
    let certificate = path("certificate", problems);
    let key = path("certificate_key", problems);
    let certificate = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => {
            let message = "`certificate` and `certificate_key` belong together";
            problems.push(Problem::new(node.place, message));
            return None;
        }
    };
    let calls_per_minute = match fields.take("calls_per_minute") {
        Some(node) => read_count(node, "calls_per_minute", CALLS_PER_MINUTE_RANGE, problems),
        None => Some(CALLS_PER_MINUTE),
    };
    fields.finish(problems);
    Some(PeopleConfig { listen: listen?, certificate, calls_per_minute: calls_per_minute? })
}

fn read_count(
    node: &Node,
    key: &str,
    within: RangeInclusive<u32>,
    problems: &mut Problems,
) -> Option<u32> {
    let given = document::text(node, key, problems)?;
    let count = given.parse::<u32>().ok().filter(|count| within.contains(count));
    if count.is_none() {
        let (least, most) = within.into_inner();
        let message = format!("`{key}` is no whole number from {least} to {most}");
        problems.push(Problem::new(node.place, message));
    }
    count
}

fn read_address(node: &Node, key: &str, problems: &mut Problems) -> Option<SocketAddr> {
    let given = document::text(node, key, problems)?;
    let found = given.to_socket_addrs().ok().and_then(|mut found| found.next());
    if found.is_none() {
        let message = format!("`{key}` is no address of this machine and port");
        problems.push(Problem::new(node.place, message).help("such as `0.0.0.0:7443`"));
    }
    found
}

fn read_database(node: &Node, folder: &Path, problems: &mut Problems) -> Option<Address> {
    let mut fields = Fields::of(node, "`database`".to_owned(), problems)?;
    let url = fields.require("url", "`sqlite:PATH` or `postgres://…`", problems);
    fields.finish(problems);
    let url = url?;
    let given = document::text(url, "url", problems)?;
    match Address::parse(given, folder) {
        Ok(address) => Some(address),
        Err(error) => {
            let what = match error {
                StoreError::Address(what) => what,
                error => error.to_string(),
            };
            problems.push(Problem::new(url.place, what));
            None
        }
    }
}

/// The outer option is for a mistake, the inner one for a key without a passphrase.
#[expect(clippy::option_option, reason = "a mistake and none are two things")]
fn read_key(node: &Node, folder: &Path, problems: &mut Problems) -> Option<Option<PassphraseFrom>> {
    let mut fields = Fields::of(node, "`key`".to_owned(), problems)?;
    let from = fields.require("passphrase", "where the passphrase comes from", problems)?;
    fields.finish(problems);
    let given = document::bounded_text(from, "passphrase", PATH_MAX, problems)?;
    let passphrase = PassphraseFrom::parse(&given, folder);
    if passphrase.is_none() {
        // What stands here may be the passphrase itself, and a mistake shows its line.
        let line = from.place.line();
        let message =
            format!("`passphrase` (line {line}) says where the passphrase is, not what it is");
        problems.push(Problem::new(Place::START, message).help(PASSPHRASE_FORMS));
    }
    passphrase
}

/// What can be said about a passphrase.
pub const PASSPHRASE_FORMS: &str = "`file:PATH`, `variable:NAME`, `prompt` or `none`";

/// The embedded database, in the node's folder.
const DATABASE_FILE: &str = "node.db";
/// Calls that one person or address may make in a minute, unless the file says otherwise.
const CALLS_PER_MINUTE: u32 = 600;
const CALLS_PER_MINUTE_RANGE: RangeInclusive<u32> = 10..=1_000_000;
/// Runs that a node may begin at a time.
const RUNS_AT_ONCE_MAX: u32 = 64;
/// The folder of tables, in the node's folder.
pub(crate) const DATA_FOLDER: &str = "data";
/// What a card says when nobody is named.
const NO_CONTACT: &str = "not named";
/// The longest contact, in characters.
const CONTACT_MAX: usize = 200;
/// The longest address, in characters.
const ADDRESS_MAX: usize = 260;
/// The longest path, in characters.
const PATH_MAX: usize = 4096;

#[cfg(test)]
mod tests;
