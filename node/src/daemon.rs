//! A node from its configuration to its end.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crypto::password::Cost;
use crypto::random::Generator;
use crypto::signature::PublicKey;
use jobs::spec::SpecError;
use net::control::PostSettings;
use net::{Identity, NetError};
use report::message::Language;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::config::{Config, ConfigError, Draft, FILE_NAME};
use crate::dispatch::{self, Dispatcher};
use crate::http::{Facts, HttpError, Listener, Parts, Server, make_certificate};
use crate::log::{Level, Log, now};
use crate::office::{Office, OfficeError, Profile};
use crate::people::{People, PeopleError, Role, Roles, THE_NODE};
use crate::store::{Address, Batch, Change, Store, StoreError};

/// A node cannot be made or started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// The folder has something in it already.
    #[error("{} is not empty; a new node takes an empty folder", .0.display())]
    NotEmpty(PathBuf),
    /// The folder cannot be used.
    #[error("cannot use {}: {cause}", path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The node runs already.
    #[error("the node in {} runs already{}", folder.display(), of(*pid))]
    Runs {
        /// Its folder.
        folder: PathBuf,
        /// Its process, if it said so.
        pid: Option<u32>,
    },
    /// The database is another node's.
    #[error("the database {database} belongs to the node with key {owner}, not to this one")]
    Foreign {
        /// The database.
        database: String,
        /// Whose it is.
        owner: String,
    },
    /// The answers make no configuration.
    #[error(transparent)]
    Draft(#[from] SpecError),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The key cannot be made or read.
    #[error(transparent)]
    Identity(#[from] NetError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The first operator cannot be made.
    #[error(transparent)]
    People(#[from] PeopleError),
    /// Nobody can be served.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The office cannot be opened.
    #[error(transparent)]
    Office(#[from] OfficeError),
}

/// A node that was made.
pub struct Made {
    /// Its configuration, as the file says it.
    pub config: Config,
    /// The key that partners know it by.
    pub key: PublicKey,
    /// The SHA-256 fingerprint of the certificate that browsers are shown.
    pub fingerprint: String,
    /// The first operator's one-time password.
    pub password: Zeroizing<String>,
}

/// Makes a node in an empty folder: its key, certificate, database, first operator and, at last,
/// its configuration file.
#[net::boxed]
pub async fn make(
    folder: &Path,
    draft: &Draft,
    passphrase: Option<&str>,
    operator: &str,
    language: Language,
) -> Result<Made, DaemonError> {
    let failed = |cause| DaemonError::Folder { path: folder.to_owned(), cause };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    if std::fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Err(DaemonError::NotEmpty(folder.to_owned()));
    }
    let made = fill(folder, draft, passphrase, operator, language).await;
    if made.is_err() {
        // It was empty, and half a node is no use to anybody.
        std::fs::remove_dir_all(folder).map_err(failed)?;
    }
    made
}

async fn fill(
    folder: &Path,
    draft: &Draft,
    passphrase: Option<&str>,
    operator: &str,
    language: Language,
) -> Result<Made, DaemonError> {
    let (text, config) = draft.write(folder, language)?;
    let identity = Identity::generate(&config.name)?;
    match passphrase {
        Some(passphrase) => {
            let mut rng = Generator::from_os();
            identity.save_sealed(folder, passphrase, Cost::AT_REST, &mut rng)?;
        }
        None => identity.save(folder)?,
    }
    make_certificate(folder, config.people.listen)?;
    let data = &config.data;
    let failed = |cause| DaemonError::Folder { path: data.clone(), cause };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(failed)?;
    let fingerprint = crate::http::fingerprint(folder, &config.people)?;
    let store = Arc::new(Store::open(&config.database).await?);
    let password = first_operator(&store, &config, identity.public_key(), operator).await;
    store.close().await;
    let password = password?;
    let path = folder.join(FILE_NAME);
    std::fs::write(&path, text).map_err(|cause| DaemonError::Folder { path, cause })?;
    Ok(Made { config, key: identity.public_key(), fingerprint, password })
}

/// Takes an empty database for a node, with somebody who can sign in.
async fn first_operator(
    store: &Arc<Store>,
    config: &Config,
    key: PublicKey,
    name: &str,
) -> Result<Zeroizing<String>, DaemonError> {
    if let Some(owner) = store.setting(OWNER).await? {
        return Err(DaemonError::Foreign { database: config.database.to_string(), owner });
    }
    let people = People::open(Arc::clone(store), Cost::SIGN_IN).await?;
    let roles = Roles::of(&[Role::Operator]);
    let (_, password) = people.add(THE_NODE, name, &roles, now()).await?;
    claim(store, &config.database, key).await?;
    Ok(password)
}

/// A node that has everything it needs to serve.
#[derive(Debug)]
pub struct Daemon {
    server: Arc<Server>,
    listener: Listener,
    office: Arc<Office>,
    dispatcher: Arc<Dispatcher>,
    store: Arc<Store>,
    log: Arc<Log>,
    /// Held until the end, so that no second process serves the same folder.
    _lock: Lock,
}

impl Daemon {
    /// Opens everything that a node needs.
    #[net::boxed]
    pub async fn start(
        config: &Config,
        passphrase: Option<&str>,
        log: Log,
    ) -> Result<Self, DaemonError> {
        let mut lock = Lock::take(&config.folder)?;
        let identity = Arc::new(Identity::load_sealed(&config.folder, passphrase)?);
        let key = identity.public_key();
        let store = Arc::new(Store::open(&config.database).await?);
        claim(&store, &config.database, key).await?;
        let people = People::open(Arc::clone(&store), Cost::SIGN_IN).await?;
        let log = Arc::new(log);
        let office = open_office(config, &store, &identity).await?;
        let settings = runs(config, passphrase)?;
        let dispatcher = Dispatcher::new(Arc::clone(&office), settings, Arc::clone(&log));
        let listener = Listener::bind(&config.folder, &config.people).await?;
        let started_at = now();
        let facts = Facts {
            name: config.name.clone(),
            key,
            started_at,
            partners_address: config.partners_address(),
            database: config.database.to_string(),
        };
        lock.say(&Running {
            pid: std::process::id(),
            started_at,
            address: listener.address,
            fingerprint: listener.fingerprint.clone(),
        })?;
        let calls = config.people.calls_per_minute;
        let parts = Parts {
            store: Arc::clone(&store),
            people,
            office: Arc::clone(&office),
            dispatcher: Arc::clone(&dispatcher),
            log: Arc::clone(&log),
        };
        let server = Arc::new(Server::new(parts, facts, calls));
        Ok(Self { server, listener, office, dispatcher, store, log, _lock: lock })
    }

    /// What the node says to partners.
    pub fn office(&self) -> &Arc<Office> {
        &self.office
    }

    /// What lets agreed runs happen.
    pub fn dispatcher(&self) -> &Arc<Dispatcher> {
        &self.dispatcher
    }

    /// Where people meet the node.
    pub fn address(&self) -> SocketAddr {
        self.listener.address
    }

    /// Serves until `stop` ends, then lets open calls come to their end.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let address = self.listener.address.to_string();
        self.log.write(
            Level::Info,
            "serving",
            &[("address", address.into()), ("version", json!(env!("CARGO_PKG_VERSION")))],
        );
        let (stopped, stops) = watch::channel(false);
        let ends = |mut stops: watch::Receiver<bool>| async move {
            // It ends with the sender too.
            let _ = stops.wait_for(|stopped| *stopped).await;
        };
        let runs = tokio::spawn(self.dispatcher.run(ends(stops.clone())));
        let stop = async {
            stop.await;
            stopped.send_replace(true);
        };
        self.listener.serve(self.server, stop).await;
        // What it has begun is killed, and goes on after the next start.
        let _ = runs.await;
        self.store.close().await;
        self.log.write(Level::Info, "stopped", &[]);
    }
}

/// The office, with its lines to partners.
async fn open_office(
    config: &Config,
    store: &Arc<Store>,
    identity: &Arc<Identity>,
) -> Result<Arc<Office>, DaemonError> {
    let profile = Profile {
        name: config.name.clone(),
        contact: config.contact.clone(),
        endpoint: config.partners_address(),
    };
    let (its_store, its_identity) = (Arc::clone(store), Arc::clone(identity));
    let office = Office::open(its_store, its_identity, &profile, config.data.clone()).await?;
    let listen = config.partners.listen;
    Arc::clone(&office).open_lines(&profile, listen, PostSettings::default()).await?;
    Ok(office)
}

/// How runs are started.
fn runs(config: &Config, passphrase: Option<&str>) -> Result<dispatch::Settings, DaemonError> {
    let program = std::env::current_exe();
    let program = program.map_err(|cause| DaemonError::Folder { path: PathBuf::new(), cause })?;
    Ok(dispatch::Settings {
        program,
        keys: config.folder.clone(),
        passphrase: passphrase.map(|it| Zeroizing::new(it.to_owned())),
        folder: config.folder.join(RUNS_FOLDER),
        at_once: config.runs_at_once as usize,
        attempts_max: ATTEMPTS_MAX,
    })
}

/// What a running node says about itself in its folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Its process.
    pub pid: u32,
    /// When it started, in milliseconds since 1970.
    pub started_at: u64,
    /// Where people meet it.
    pub address: SocketAddr,
    /// The SHA-256 fingerprint of the certificate that browsers are shown.
    pub fingerprint: String,
}

/// The node that runs in a folder, if one does.
pub fn running(folder: &Path) -> Result<Option<Running>, DaemonError> {
    let path = folder.join(LOCK_FILE);
    let failed = |cause| DaemonError::Folder { path: path.clone(), cause };
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            file.read_to_string(&mut text).map_err(failed)?;
            match serde_json::from_str(&text) {
                Ok(running) => Ok(Some(running)),
                // It has begun to start.
                Err(_) => Err(DaemonError::Runs { folder: folder.to_owned(), pid: None }),
            }
        }
    }
}

/// The right to serve a folder. The system takes it back when the process ends, however it ends.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    fn take(folder: &Path) -> Result<Self, DaemonError> {
        let path = folder.join(LOCK_FILE);
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let failed = |cause| DaemonError::Folder { path: path.clone(), cause };
        let file = options.open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path, file }),
            Err(TryLockError::Error(error)) => Err(failed(error)),
            Err(TryLockError::WouldBlock) => {
                let pid = running(folder)?.map(|running| running.pid);
                Err(DaemonError::Runs { folder: folder.to_owned(), pid })
            }
        }
    }

    fn say(&mut self, running: &Running) -> Result<(), DaemonError> {
        let text = serde_json::to_string(running).unwrap_or_default();
        let written = self.file.set_len(0).and_then(|()| self.file.rewind());
        let written = written.and_then(|()| self.file.write_all(text.as_bytes()));
        written.map_err(|cause| DaemonError::Folder { path: self.path.clone(), cause })
    }
}

/// Makes sure that a database is this node's: the first node that uses it owns it.
async fn claim(store: &Store, address: &Address, key: PublicKey) -> Result<(), DaemonError> {
    match store.setting(OWNER).await? {
        Some(owner) if owner == key.to_string() => Ok(()),
        Some(owner) => Err(DaemonError::Foreign { database: address.to_string(), owner }),
        None => {
            let put = Change::PutSetting { name: OWNER, value: key.to_string() };
            store.commit(&Batch { changes: vec![put], ..Batch::default() }).await?;
            Ok(())
        }
    }
}

fn of(pid: Option<u32>) -> String {
    pid.map(|pid| format!(", as process {pid}")).unwrap_or_default()
}

/// Where runs have their folders.
const RUNS_FOLDER: &str = "runs";
/// Attempts of a run that are begun without asking people.
const ATTEMPTS_MAX: u32 = 3;
/// The setting that says whose database it is.
const OWNER: &str = "node.key";
/// The file that a running node holds locked.
const LOCK_FILE: &str = "node.lock";

#[cfg(test)]
mod tests;
