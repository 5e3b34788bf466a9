//! What a process says: messages on its standard output, text for people on its standard error.

use std::sync::{Arc, Mutex, PoisonError};

use jobs::child::Message;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::sync::mpsc;

use super::log_file::LogFile;

/// One line of the standard output.
#[derive(Debug)]
pub(super) enum Line {
    /// A message.
    Said(Box<Message>),
    /// More than a line may hold; no further one follows.
    TooLong,
}

/// Reads messages until the end of the output. What is none goes into the log.
pub(super) async fn read_messages(
    output: impl AsyncRead + Unpin,
    log: Arc<Mutex<LogFile>>,
    to: mpsc::Sender<Line>,
) {
    let mut reader = BufReader::new(output);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let mut line = (&mut reader).take(LINE_BYTES_MAX as u64 + 1);
        // An output that cannot be read has ended.
        if line.read_until(b'\n', &mut bytes).await.unwrap_or_default() == 0 {
            return;
        }
        let line = if bytes.len() > LINE_BYTES_MAX {
            Line::TooLong
        } else if let Ok(message) = serde_json::from_slice(&bytes) {
            Line::Said(Box::new(message))
        } else {
            append(&log, &bytes);
            continue;
        };
        let is_last = matches!(line, Line::TooLong);
        if to.send(line).await.is_err() || is_last {
            return;
        }
    }
}

/// Puts what is written for people into the log, until its end.
pub(super) async fn keep_text(mut output: impl AsyncRead + Unpin, log: Arc<Mutex<LogFile>>) {
    let mut bytes = vec![0; TEXT_BYTES];
    loop {
        let count = output.read(&mut bytes).await.unwrap_or_default();
        if count == 0 {
            return;
        }
        append(&log, bytes.get(..count).unwrap_or_default());
    }
}

/// Adds to the log.
pub(super) fn append(log: &Mutex<LogFile>, bytes: &[u8]) {
    log.lock().unwrap_or_else(PoisonError::into_inner).append(bytes);
}

/// The longest message, in bytes with the end of its line.
pub(super) const LINE_BYTES_MAX: usize = 1 << 20;
/// What is read of a text at once.
const TEXT_BYTES: usize = 8 << 10;
