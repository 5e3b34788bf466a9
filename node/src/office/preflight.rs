//! What would keep a run from going well at this member, looked at before it is sent or approved:
//! each node looks at its own tables and machine, and at its lines to the others.

use std::path::Path;

use contract::Text;
use governance::agreements::{Columns, Request};
use governance::members::MemberId;
use net::control::{LineReport, LineState};

use super::Office;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub what: Text,
    /// How it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: Text,
}

/// How something is that a run needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Fine,
    /// A run may fail by it.
    Doubtful,
    /// A run will fail by it.
    Bad,
}

impl Verdict {
    /// The word that programs read.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Doubtful => "doubtful",
            Self::Bad => "bad",
        }
    }
}

impl Office {
    /// Looks at what a run needs here: tables with their columns, memory and disk, and for each
    /// other party the line, the version of its program and its clock.
    #[net::boxed]
    pub async fn preflight(&self, request: &Request) -> Vec<Finding> {
        let own = self.state().own();
        let mut findings = Vec::new();
        for (name, columns) in request.parties.get(&own).into_iter().flatten() {
            findings.extend(self.table_finding(name, columns).await);
        }
        findings.extend(self.memory_finding(request.parties.get(&own).into_iter().flatten()));
        findings.extend(disk_finding(&self.data));
        let others = request.parties.keys().filter(|member| **member != own);
        findings.extend(others.flat_map(|member| self.line_findings(member)));
        findings
    }

    /// Whether a table is where it was registered, and still has the columns of a run.
    async fn table_finding(&self, name: &str, columns: &Columns) -> Option<Finding> {
        let path = self.state().tables.get(name)?.path.clone();
        let (verdict, found) = match self.look(&path).await {
            Err(why) => (Verdict::Bad, why.text()),
            Ok(proposed) => {
                let has =
                    |column: &&String| proposed.columns.iter().any(|it| it.column.name == **column);
                let missing: Vec<String> =
                    columns.keys().filter(|column| !has(column)).cloned().collect();
                if missing.is_empty() {
                    (Verdict::Fine, columns_there(columns.len()))
                } else {
                    (Verdict::Bad, columns_missing(&missing))
                }
            }
        };
        let what = Text::owned(format!("Table `{name}`"), format!("数据表“{name}”"));
        Some(Finding { what, verdict, found })
    }

    /// Whether there is memory for some copies of the tables of a run.
    fn memory_finding<'a>(
        &self,
        tables: impl Iterator<Item = (&'a String, &'a Columns)>,
    ) -> Option<Finding> {
        let free = free_memory()?;
        let state = self.state();
        let bytes: u64 = tables
            .filter_map(|(name, _)| self.place_of(state.tables.get(name)?).ok())
            .map(|place| size_of(&place))
            .sum();
        let is_enough = free >= MEMORY_LEAST + COPIES * bytes;
        Some(Finding {
            what: Text::new("Memory", "内存"),
            verdict: if is_enough { Verdict::Fine } else { Verdict::Doubtful },
            found: Text::owned(
                format!("{} free for tables of {}", amount(free), amount(bytes)),
                format!("空闲 {}，数据表共 {}", amount(free), amount(bytes)),
            ),
        })
    }

    /// The line to another party, the version of its program and its clock.
    fn line_findings(&self, member: &MemberId) -> Vec<Finding> {
        let (name, key) = {
            let state = self.state();
            (state.name_of(member), state.books.directory().keys().current(member))
        };
        let report = self.post().zip(key).and_then(|(post, key)| post.report(key));
        let mut findings = vec![line_finding(&name, report.as_ref())];
        findings.extend(report.as_ref().and_then(|report| version_finding(&name, report)));
        findings.extend(report.as_ref().and_then(|report| clock_finding(&name, report)));
        findings
    }
}

fn columns_there(count: usize) -> Text {
    Text::owned(
        format!("it is there, with all {count} columns of the run"),
        format!("已找到，任务所用的 {count} 列齐全"),
    )
}

fn columns_missing(missing: &[String]) -> Text {
    let list = missing.iter().take(COLUMNS_SHOWN).map(String::as_str).collect::<Vec<_>>();
    Text::owned(
        format!("{} columns are no longer in it, such as {}", missing.len(), list.join(", ")),
        format!("缺少 {} 列，例如 {}", missing.len(), list.join("、")),
    )
}

fn line_finding(name: &str, report: Option<&LineReport>) -> Finding {
    let is_open = report.is_some_and(|report| matches!(report.state, LineState::Open { .. }));
    let (verdict, found) = if is_open {
        (Verdict::Fine, Text::new("it is open", "已连接"))
    } else {
        let apart = Text::new(
            "there is none now; the run waits until it is back",
            "当前未连接，恢复后任务才会继续",
        );
        (Verdict::Doubtful, apart)
    };
    let what = Text::owned(format!("Line to {name}"), format!("与{name}的连接"));
    Finding { what, verdict, found }
}

fn version_finding(name: &str, report: &LineReport) -> Option<Finding> {
    let theirs = report.software.as_deref()?;
    let ours = env!("CARGO_PKG_VERSION");
    let verdict = if theirs == ours { Verdict::Fine } else { Verdict::Doubtful };
    let theirs: String = theirs.chars().take(VERSION_SHOWN).collect();
    Some(Finding {
        what: Text::owned(format!("Version at {name}"), format!("{name}的版本")),
        verdict,
        found: Text::owned(format!("{theirs}; here {ours}"), format!("{theirs}，本方为 {ours}")),
    })
}

fn clock_finding(name: &str, report: &LineReport) -> Option<Finding> {
    let seconds = report.clock_difference_ms? / 1000;
    let is_near = seconds.unsigned_abs() <= CLOCKS_APART;
    let verdict = if is_near { Verdict::Fine } else { Verdict::Doubtful };
    Some(Finding {
        what: Text::owned(format!("Clock at {name}"), format!("{name}的时钟")),
        verdict,
        found: Text::owned(
            format!("{seconds:+} s against this one"),
            format!("与本机相差 {seconds:+} 秒"),
        ),
    })
}

/// Whether results have room. `None` where the system does not say.
fn disk_finding(folder: &Path) -> Option<Finding> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let verdict = match free {
        DISK_ENOUGH.. => Verdict::Fine,
        DISK_LEAST.. => Verdict::Doubtful,
        _ => Verdict::Bad,
    };
    Some(Finding {
        what: Text::new("Disk", "磁盘"),
        verdict,
        found: Text::owned(format!("{} free", amount(free)), format!("空闲 {}", amount(free))),
    })
}

/// Memory that processes may still take. `None` where the system does not say.
fn free_memory() -> Option<u64> {
    let known = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = known.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

/// The size of a file, or of the files of a folder.
fn size_of(place: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(place) else {
        return std::fs::metadata(place).map_or(0, |file| file.len());
    };
    let files = entries.flatten().filter_map(|entry| entry.metadata().ok());
    files.map(|file| file.len()).sum()
}

/// Bytes for people.
fn amount(bytes: u64) -> String {
    match bytes >> 20 {
        0 => format!("{} KiB", bytes.div_ceil(1 << 10)),
        mebibytes @ 1..10_240 => format!("{mebibytes} MiB"),
        mebibytes => format!("{} GiB", mebibytes >> 10),
    }
}

/// Memory that a run takes without any rows.
const MEMORY_LEAST: u64 = 512 << 20;
/// How often the tables of a run may lie in memory at a time: read, encoded, in a step.
const COPIES: u64 = 4;
/// Room on the disk for the results of a few runs.
const DISK_ENOUGH: u64 = 1 << 30;
/// With less of it, no run ends well.
const DISK_LEAST: u64 = 64 << 20;
/// Seconds that clocks may be apart.
const CLOCKS_APART: u64 = 60;
/// Columns that are named.
const COLUMNS_SHOWN: usize = 5;
/// Characters of another's version.
const VERSION_SHOWN: usize = 40;
