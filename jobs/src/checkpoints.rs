//! The states of a party's trainings on disk, from which a run that was stopped goes on.
//!
//! A training has two files, which take turns: the state after its last pass or tree, and the one
//! before. Parties that are stopped are at most one apart, so that one of the two is common. A file
//! is one line of JSON that says what the state is of, the state, and a hash of both. It holds the
//! party's shares and belongs to the party alone; all files are removed when the results are
//! complete.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contract::Text;
use models::vertical::course::Checkpoints;
use mpc::reveal::{Ledger, Observation};
use serde::{Deserialize, Serialize};

use crate::folder::{hex, make_private};
use crate::watch::{Event, Watch};

/// Says which run of a training a state is of.
pub(crate) const RUN_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// The version of the files' form.
const FORMAT: u32 = 1;

/// Which state it is: the run that made it, and the passes or trees before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) run: [u8; RUN_BYTES],
    pub(crate) number: u64,
}

/// The first line of a file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: u32,
    /// What the training is made of; see [`Store::open`].
    origin: String,
    run: [u8; RUN_BYTES],
    number: u64,
    /// What the training has opened so far: the key, to whom, and how often.
    opened: Vec<(String, String, u64)>,
}

/// A state that was read.
#[derive(Debug)]
struct Kept {
    mark: Mark,
    opened: Vec<(String, String, u64)>,
    state: Vec<u8>,
}

/// The states of one training.
pub(crate) struct Store<'a> {
    files: [PathBuf; 2],
    origin: String,
    /// What the files held when they were opened.
    kept: [Option<Kept>; 2],
    /// The place of the newest state that counts.
    newest: usize,
    run: [u8; RUN_BYTES],
    resumed: Option<Vec<u8>>,
    ledger: Arc<Ledger>,
    opened_before: Vec<Observation>,
    watch: &'a dyn Watch,
    is_broken: bool,
}

impl<'a> Store<'a> {
    /// The states of the training `step` in `folder`, whose job, program, columns and rows have the
    /// hash `origin`: states of others are not used.
    pub(crate) fn open(
        folder: &Path,
        step: &str,
        origin: &[u8; 32],
        ledger: &Arc<Ledger>,
        watch: &'a dyn Watch,
    ) -> Self {
        let files = ["a", "b"].map(|turn| folder.join(format!("{step}.{turn}")));
        let origin = hex(origin);
        let kept = [0, 1].map(|place| match read(&files[place], &origin) {
            Ok(kept) => kept,
            Err(fault) => {
                watch.see(Event::Note { text: unusable(&files[place], &fault) });
                None
            }
        });
        Self {
            files,
            origin,
            kept,
            newest: 1,
            run: [0; RUN_BYTES],
            resumed: None,
            ledger: Arc::clone(ledger),
            opened_before: ledger.observed(),
            watch,
            is_broken: false,
        }
    }

    /// The states that a run may go on from.
    pub(crate) fn marks(&self) -> Vec<Mark> {
        self.kept.iter().flatten().map(|kept| kept.mark).collect()
    }

    /// Begins the run of this name from the state with the `mark`, or anew. What the training had
    /// opened until then counts for this run too.
    pub(crate) fn begin(
        &mut self,
        run: [u8; RUN_BYTES],
        mark: Option<Mark>,
    ) -> Result<(), mpc::MpcError> {
        self.run = run;
        let kept = std::mem::take(&mut self.kept);
        for (place, kept) in kept.into_iter().enumerate() {
            match kept {
                Some(kept) if Some(kept.mark) == mark => {
                    self.newest = place;
                    self.resumed = Some(kept.state);
                    for (key, to, count) in kept.opened {
                        self.ledger.record(&key, &to, count)?;
                    }
                }
                // What is left of it is good for nothing; a failure leaves a file that is replaced.
                _ => drop(fs::remove_file(&self.files[place])),
            }
        }
        Ok(())
    }

    /// What the training has opened so far.
    fn opened(&self) -> Vec<(String, String, u64)> {
        let mut opened = Vec::new();
        for Observation { key, to, count } in self.ledger.observed() {
            let same = |it: &&Observation| it.key == key && it.to == to;
            let before = self.opened_before.iter().find(same).map_or(0, |it| it.count);
            if count > before {
                opened.push((key, to, count - before));
            }
        }
        opened
    }

    fn write(&self, place: usize, number: usize, state: &[u8]) -> io::Result<()> {
        let header = Header {
            format: FORMAT,
            origin: self.origin.clone(),
            run: self.run,
            number: number as u64,
            opened: self.opened(),
        };
        let header = serde_json::to_vec(&header)?;
        replace(&self.files[place], &[&header, b"\n", state, &hash(&header, state)])
    }
}

impl Checkpoints for Store<'_> {
    fn resumed(&mut self) -> Option<Vec<u8>> {
        self.resumed.take()
    }

    fn keep(&mut self, number: usize, state: Vec<u8>) {
        let place = 1 - self.newest;
        match self.write(place, number, &state) {
            Ok(()) => self.newest = place,
            Err(error) if !self.is_broken => {
                self.is_broken = true;
                self.watch.see(Event::Note { text: unwritten(&self.files[place], &error) });
            }
            Err(_) => {}
        }
    }
}

/// The state in a file, if there is one; why it cannot be used.
fn read(file: &Path, origin: &str) -> Result<Option<Kept>, Text> {
    let contents = match fs::read(file) {
        Ok(contents) => contents,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Text::owned(error.to_string(), error.to_string())),
    };
    let damaged = || Text::new("it is damaged", "文件已损坏");
    let (contents, stated) = contents.split_last_chunk::<HASH_BYTES>().ok_or_else(damaged)?;
    let end = contents.iter().position(|byte| *byte == b'\n').ok_or_else(damaged)?;
    let (header, state) = (&contents[..end], &contents[end + 1..]);
    if hash(header, state) != *stated {
        return Err(damaged());
    }
    let header: Option<Header> = serde_json::from_slice(header).ok();
    match header.filter(|it| it.format == FORMAT && it.origin == origin) {
        Some(Header { run, number, opened, .. }) => {
            Ok(Some(Kept { mark: Mark { run, number }, opened, state: state.to_vec() }))
        }
        None => Err(Text::new(
            "it is of another job, of other rows or columns, or of another version of the program",
            "它属于另一个任务、不同的行或列，或程序的其他版本",
        )),
    }
}

/// Replaces a file by these pieces so that it is always whole, also after a power cut.
fn replace(file: &Path, pieces: &[&[u8]]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    make_private(folder).map_err(io::Error::other)?;
    let mut next = file.as_os_str().to_owned();
    next.push(".next");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut written = options.open(&next)?;
    pieces.iter().try_for_each(|piece| written.write_all(piece))?;
    written.sync_all()?;
    fs::rename(&next, file)?;
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn hash(header: &[u8], state: &[u8]) -> [u8; HASH_BYTES] {
    crypto::hash::digest("jobs/checkpoints", &[header, state])
}

fn unusable(file: &Path, why: &Text) -> Text {
    let file = file.display();
    Text::owned(
        format!("the checkpoint {file} is not used: {}", why.en),
        format!("未使用检查点 {file}：{}", why.zh),
    )
}

fn unwritten(file: &Path, error: &io::Error) -> Text {
    let file = file.display();
    Text::owned(
        format!(
            "the checkpoint {file} could not be written ({error}); training goes on, and if it is \
             stopped it will have to begin anew"
        ),
        format!("无法写入检查点 {file}（{error}）；训练继续进行，但若中断则须从头开始"),
    )
}

#[cfg(test)]
mod tests;
