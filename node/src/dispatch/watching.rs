//! Following a process, and what it leaves.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contract::JobDigest;
use governance::canonical::Digest;
use tokio::sync::{Mutex, mpsc};

use crate::runner::{Progress, Running, Update};

/// What is left in the hand of whoever started a process.
pub(super) struct Control {
    running: Arc<Handle>,
    task: tokio::task::JoinHandle<()>,
}

struct Handle {
    running: Mutex<Running>,
    watch: std::sync::Mutex<Progress>,
    cancel: tokio::sync::Notify,
}

impl Control {
    /// How far it has come.
    pub(super) fn progress(&self) -> Progress {
        self.running.watch.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Kills the process; its last update says how it ended.
    pub(super) fn cancel(&self) {
        self.running.cancel.notify_one();
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Hands the updates of a process on.
pub(super) fn follow(
    run: Digest,
    running: Running,
    sender: mpsc::Sender<(Digest, Update)>,
) -> Control {
    let watch = std::sync::Mutex::new(running.progress());
    let handle = Handle { running: Mutex::new(running), watch, cancel: tokio::sync::Notify::new() };
    let handle = Arc::new(handle);
    let theirs = Arc::clone(&handle);
    let task = tokio::spawn(async move {
        let mut running = theirs.running.lock().await;
        loop {
            let update = tokio::select! {
                update = running.next_update() => update,
                () = theirs.cancel.notified() => {
                    running.cancel();
                    continue;
                }
            };
            *theirs.watch.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
                running.progress();
            let Some(update) = update else { break };
            let counted = matches!(update, Update::Counted);
            if !counted && sender.send((run, update)).await.is_err() {
                break;
            }
        }
    });
    Control { running: handle, task }
}

/// The digests of a party's results by name: what it says it has finished with.
pub(super) async fn digests(folder: &Path) -> BTreeMap<String, Digest> {
    let folder = folder.to_owned();
    let digests = tokio::task::spawn_blocking(move || digests_of(&folder));
    // Results that cannot be read are not stated; whoever compares records sees that.
    digests.await.ok().and_then(Result::ok).unwrap_or_default()
}

fn digests_of(folder: &Path) -> io::Result<BTreeMap<String, Digest>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    files.truncate(FILES_MAX);
    let digest = |path: &PathBuf| -> io::Result<(String, Digest)> {
        let mut hasher = blake3::Hasher::new_derive_key(RESULT);
        hasher.update_reader(std::fs::File::open(path)?)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, Digest::from(JobDigest::new(*hasher.finalize().as_bytes()))))
    };
    files.iter().map(digest).collect()
}

/// Bound into the digests of results.
const RESULT: &str = "tombolo result of a run version 1";
/// Results whose digests are stated.
const FILES_MAX: usize = 100;
