//! The states of a party's trainings on disk, from which a run that was stopped goes on.
//!
//! A training has two files, which take turns: the state after its last pass or tree, and the one
//! before. Parties that are stopped are at most one apart, so that one of the two is common. A file
//! is one line of JSON that says what the state is of, the state, and a hash of both. It holds the
//! party's shares and belongs to the party alone. A file goes only when a newer state takes its
//! place, and all files of a job when its results are complete.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contract::Text;
use crypto::hash::hex;
use models::vertical::course::{Checkpoints, Course};
use mpc::reveal::{Ledger, Observation};
use serde::{Deserialize, Serialize};

use crate::folder::make_private;
use crate::watch::{Event, Watch};

/// Says which run of a training a state is of.
pub(crate) const RUN_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// The version of the files' form and of what states hold: whatever a training in `models` keeps
/// otherwise than before, in its `state` or a `save`, raises it, so that nothing older is taken up.
const FORMAT: u32 = 2;

/// Which state it is: the run that made it, and the passes or trees before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mark {
    pub(crate) run: [u8; RUN_BYTES],
    pub(crate) number: u64,
}

impl Mark {
    /// The run in two words, and the number.
    pub(crate) fn words(self) -> [u64; 3] {
        let run = u128::from_le_bytes(self.run);
        [run as u64, (run >> 64) as u64, self.number]
    }
}

/// The first line of a file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: u32,
    /// What the training is made of; see [`Store::open`].
    origin: String,
    mark: Mark,
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
    /// The state that training goes on from.
    chosen: Option<Mark>,
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
            chosen: None,
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

    /// The state that the training goes on from, once it has begun.
    pub(crate) fn mark(&self) -> Option<Mark> {
        self.chosen
    }

    /// Begins the run of this name from the state with the `mark`, or anew. What the training had
    /// opened until then counts for this run too. Other states stay until newer ones take their
    /// places, the oldest first: the peer may have them still, where it was only started wrongly.
    pub(crate) fn begin(
        &mut self,
        run: [u8; RUN_BYTES],
        mark: Option<Mark>,
    ) -> Result<(), mpc::MpcError> {
        (self.run, self.chosen) = (run, mark);
        let kept = std::mem::take(&mut self.kept);
        let numbers = kept.each_ref().map(|kept| kept.as_ref().map(|kept| kept.mark.number));
        self.newest = usize::from(numbers[1] >= numbers[0]);
        for (place, kept) in kept.into_iter().enumerate() {
            let Some(kept) = kept.filter(|kept| Some(kept.mark) == mark) else { continue };
            self.newest = place;
            self.resumed = Some(kept.state);
            for (key, to, count) in kept.opened {
                self.ledger.record(&key, &to, count)?;
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
            mark: Mark { run: self.run, number: number as u64 },
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
        let written = self.write(place, number, &state);
        if written.is_ok() {
            self.newest = place;
        }
        // A state that a power cut may undo is there all the same, and the older one stays.
        let lasting = written.and_then(|()| sync(folder_of(&self.files[place])));
        if let Err(error) = lasting
            && !self.is_broken
        {
            self.is_broken = true;
            self.watch.see(Event::Note { text: unwritten(&self.files[place], &error) });
        }
    }
}

/// The course of a training that keeps its states in a `store`, if there is one.
pub(crate) fn course<'a>(store: &'a mut Option<Store<'_>>) -> Course<'a> {
    Course { checkpoints: store.as_mut().map(|store| store as _), start: None }
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
        Some(Header { mark, opened, .. }) => Ok(Some(Kept { mark, opened, state: state.to_vec() })),
        None => Err(Text::new(
            "it is of another job, of other rows or columns, or of another version of the program",
            "它属于另一个任务、不同的行或列，或程序的其他版本",
        )),
    }
}

/// Replaces a file by these pieces so that it is always whole; [`sync`] has its name last.
fn replace(file: &Path, pieces: &[&[u8]]) -> io::Result<()> {
    make_lasting(folder_of(file))?;
    let mut next = file.as_os_str().to_owned();
    next.push(".next");
    let next = PathBuf::from(next);
    let replaced = write_new(&next, pieces).and_then(|()| fs::rename(&next, file));
    if replaced.is_err() {
        // Half a state takes room where there may be none left; the first error is the one to tell.
        let _ = fs::remove_file(&next);
    }
    replaced
}

/// Writes a file that only its owner can read, in place of what a run that was stopped left.
fn write_new(file: &Path, pieces: &[&[u8]]) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut written = options.open(file)?;
    pieces.iter().try_for_each(|piece| written.write_all(piece))?;
    written.sync_all()
}

/// Makes a folder for its owner alone, which a power cut does not undo.
fn make_lasting(folder: &Path) -> io::Result<()> {
    let fresh: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    make_private(folder).map_err(io::Error::other)?;
    fresh.into_iter().try_for_each(|made| sync(folder_of(made)))
}

/// The folder that holds a file or folder.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Has the names in a folder outlast a power cut.
fn sync(folder: &Path) -> io::Result<()> {
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
             stopped it may have to begin anew"
        ),
        format!("无法写入检查点 {file}（{error}）；训练继续进行，但若中断则可能须从头开始"),
    )
}

#[cfg(test)]
mod tests;
