//! A PostgreSQL server for one test: its own data, its own socket, no TCP.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running server. It ends with the test, however that ends.
pub(super) struct Cluster {
    programs: PathBuf,
    folder: TempDir,
    server: Child,
}

impl Cluster {
    /// Starts a server with the programs of Debian's package; `None`, and a line that says so,
    /// where they are not installed.
    pub(super) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            let mut out = std::io::stderr().lock();
            writeln!(out, "skipped: /usr/lib/postgresql has no server (apt install postgresql)")
                .unwrap();
            return None;
        };
        let folder = tempfile::Builder::new().prefix("tombolo-pg").tempdir_in("/tmp").unwrap();
        // The server refuses to run as root, and its user has to reach its folder.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let made = as_server(&programs.join("initdb"))
            .args(["--no-sync", "--auth=trust", "--username=tombolo", "--encoding=UTF8"])
            .args(["--locale=C", "--pgdata"])
            .arg(folder.path().join("data"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let server = serve(&programs, folder.path());
        let cluster = Self { programs, folder, server };
        cluster.await_readiness();
        Some(cluster)
    }

    /// Makes an empty database and gives its URL.
    pub(super) fn database(&self, name: &str) -> String {
        let made = Command::new(self.programs.join("createdb"))
            .args(["--username=tombolo", "--host"])
            .arg(self.folder.path())
            .arg(name)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let socket = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://tombolo@{socket}/{name}")
    }

    /// Ends the server at once, as a crash would, and starts it again after `pause`.
    pub(super) fn restart(&mut self, pause: Duration) {
        self.stop();
        std::thread::sleep(pause);
        self.server = serve(&self.programs, self.folder.path());
        self.await_readiness();
    }

    fn stop(&mut self) {
        // The immediate mode is a crash that leaves no shared memory behind.
        let _ = as_server(&self.programs.join("pg_ctl"))
            .args(["stop", "--mode=immediate", "--pgdata"])
            .arg(self.folder.path().join("data"))
            .output();
        let _ = self.server.kill();
        let _ = self.server.wait();
    }

    fn await_readiness(&self) {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let ready = Command::new(self.programs.join("pg_isready"))
                .args(["--quiet", "--host"])
                .arg(self.folder.path())
                .status()
                .unwrap();
            if ready.success() {
                return;
            }
            assert!(Instant::now() < end, "the server does not come up");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
        // Files of another user: what this one may not remove stays in the temporary folder.
        let _ = as_server(Path::new("rm")).arg("-rf").arg(self.folder.path().join("data")).status();
    }
}

fn serve(programs: &Path, folder: &Path) -> Child {
    as_server(&programs.join("postgres"))
        .arg("-D")
        .arg(folder.join("data"))
        .arg("-k")
        .arg(folder)
        .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=8MB"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The newest server's folder of programs.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut folders: Vec<PathBuf> = versions.flatten().map(|it| it.path().join("bin")).collect();
    folders.retain(|folder| folder.join("postgres").exists() && folder.join("initdb").exists());
    folders.sort();
    folders.pop()
}

/// A command as the user that servers run as, which ends when this process does.
fn as_server(program: &Path) -> Command {
    let user = Command::new("id").arg("-u").output().unwrap();
    if user.stdout.trim_ascii() != b"0" {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=KILL"])
        .arg(program)
        .current_dir("/tmp");
    command
}
