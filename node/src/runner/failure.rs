//! Why an attempt ended without results.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;

use contract::Text;
use jobs::child::FailureCode;

/// Why an attempt ended without results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is; for partners too.
    pub code: FailureCode,
    /// What happened, whose fault it is, what to do next: for this side only, since it may name
    /// values, columns and files.
    pub error: String,
}

impl Failure {
    /// What partners are told: the same for every failure of this code.
    pub fn sentence(&self) -> Text {
        self.code.sentence()
    }

    pub(super) fn usage(error: impl fmt::Display) -> Self {
        Self { code: FailureCode::Usage, error: error.to_string() }
    }

    pub(super) fn internal(error: impl fmt::Display) -> Self {
        Self { code: FailureCode::Internal, error: error.to_string() }
    }

    pub(super) fn files(action: &str, path: &Path, cause: &io::Error) -> Self {
        let error = format!("could not {action} {}: {cause}", path.display());
        let is_full =
            matches!(cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        Self { code: if is_full { FailureCode::DiskFull } else { FailureCode::Files }, error }
    }

    /// Of a process that ended without a last word; `written` is the end of what it wrote for
    /// people.
    pub(super) fn unsaid(status: io::Result<ExitStatus>, written: &str) -> Self {
        let status = match status {
            Ok(status) => status,
            Err(error) => return Self::internal(format!("its process was lost: {error}")),
        };
        let has_no_memory = written.contains(ALLOCATION_FAILED);
        let (code, what) = match (status.signal(), status.code()) {
            (Some(SIGKILL), _) => (
                FailureCode::Killed,
                "its process was killed (signal 9); perhaps the machine ran out of memory: look \
                 into the system's log, run fewer jobs at a time, or give it more"
                    .to_owned(),
            ),
            (Some(signal), _) if has_no_memory => (
                FailureCode::Killed,
                format!(
                    "its process ran out of memory (signal {signal}): run fewer jobs at a time, \
                     or give it more"
                ),
            ),
            (Some(signal), _) if CRASHES.contains(&signal) => (
                FailureCode::Internal,
                format!("its process crashed (signal {signal}); please report it"),
            ),
            (Some(signal), _) => {
                (FailureCode::Killed, format!("its process was ended by signal {signal}"))
            }
            (None, Some(INTERRUPTED)) => {
                (FailureCode::Killed, "its process was interrupted".to_owned())
            }
            (None, code) => (
                FailureCode::Internal,
                format!(
                    "its process ended with exit code {} without saying why; please report it",
                    code.unwrap_or_default()
                ),
            ),
        };
        let error = match shown(written) {
            written if written.is_empty() => what,
            written => format!("{what}. The last that it wrote:\n{written}"),
        };
        Self { code, error }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.error)
    }
}

impl Error for Failure {}

/// The last lines, without anything that would move a terminal's cursor.
fn shown(written: &str) -> String {
    let start = written.len().saturating_sub(SHOWN_BYTES_MAX);
    let start = (start..=written.len()).find(|at| written.is_char_boundary(*at));
    let end = written.get(start.unwrap_or_default()..).unwrap_or_default().trim();
    end.chars().map(|it| if it.is_control() && it != '\n' { ' ' } else { it }).collect()
}

const SIGKILL: i32 = 9;
/// SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS on Linux: the program's own faults.
const CRASHES: [i32; 7] = [4, 5, 6, 7, 8, 11, 31];
/// What a party's process ends with when its leash does.
const INTERRUPTED: i32 = 130;
/// What the Rust runtime writes before it aborts.
const ALLOCATION_FAILED: &str = "memory allocation of ";
const SHOWN_BYTES_MAX: usize = 2 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// How the system reports the end of a process: the signal, or the code shifted by a byte.
    fn unsaid(raw: i32, written: &str) -> (FailureCode, String) {
        let failure = Failure::unsaid(Ok(ExitStatus::from_raw(raw)), written);
        (failure.code, failure.error)
    }

    #[test]
    fn every_way_to_end_without_a_word_is_told_apart() {
        for (raw, written, code, part) in [
            (9, "", FailureCode::Killed, "ran out of memory"),
            (15, "", FailureCode::Killed, "signal 15"),
            (6, "memory allocation of 8 bytes failed", FailureCode::Killed, "out of memory"),
            (6, "free(): invalid pointer", FailureCode::Internal, "free(): invalid pointer"),
            (11, "", FailureCode::Internal, "crashed (signal 11)"),
            (101 << 8, "thread panicked", FailureCode::Internal, "thread panicked"),
            (130 << 8, "", FailureCode::Killed, "interrupted"),
            (0, "", FailureCode::Internal, "exit code 0"),
        ] {
            let (found, error) = unsaid(raw, written);
            assert_eq!(found, code, "{raw}: {error}");
            assert!(error.contains(part), "{error}");
        }
        let lost = Failure::unsaid(Err(io::Error::other("no child")), "");
        assert_eq!(lost.code, FailureCode::Internal);
    }

    #[test]
    fn long_and_strange_last_lines_are_cut_and_tamed() {
        let (_, error) = unsaid(0, &format!("{}\u{1b}[2Jend\n", "ä".repeat(4096)));
        assert!(error.len() < SHOWN_BYTES_MAX + 200 && error.ends_with("ä [2Jend"), "{error}");
    }
}
