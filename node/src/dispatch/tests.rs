//! A dispatcher for tests of other parts.

use tempfile::TempDir;

use super::*;

/// One that starts nothing.
pub(crate) fn idle(office: &Arc<Office>, folder: &TempDir, log: &Arc<Log>) -> Arc<Dispatcher> {
    let settings = Settings {
        program: PathBuf::new(),
        keys: folder.path().to_owned(),
        passphrase: None,
        folder: folder.path().join("runs"),
        at_once: 0,
        attempts_max: 0,
    };
    Dispatcher::new(Arc::clone(office), settings, Arc::clone(log))
}
