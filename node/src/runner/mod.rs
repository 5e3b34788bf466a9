//! One party's attempt of a job, in a process of its own.
//!
//! [`start`] writes the job into the run's folder, starts `tombolo party` on it and returns a
//! [`Running`]: a stream of [`Update`]s that ends with one of `Done`, `Failed` and `Cancelled`,
//! after the process is gone and what it had begun is removed. [`Progress`] is the same as data for
//! pages.
//!
//! ```text
//!   jobs/<run>/job.yaml            the job as all parties agreed on it
//!             /results/<party>/    the results, there as a whole or not at all
//!             /results/.<party>.*  what a later attempt of the same job goes on from
//!             /log.txt             what the processes wrote for people, of all attempts
//! ```
//!
//! The process is on a leash: its standard input is a pipe that the node holds, and it ends when
//! the pipe does, however the node ends. It is killed at once when it is to be cancelled and when
//! its [`Running`] is dropped. A passphrase of the party's key is the first line of that pipe: the
//! environment and the arguments of a process can be read by others of its user for as long as it
//! runs. Of the node's own environment, which may hold secrets, it gets the variables that it
//! needs.
//!
//! A process that ends without a word, for want of memory for instance, is a [`Failure`] like any
//! other. Of a failure the code, and the sentence that belongs to the code, are for partners; the
//! text, the log and the remarks may name values of this party's data and stay here.

mod attempt;
mod failure;
mod log_file;
mod output;
mod progress;
mod running;
#[cfg(test)]
mod tests;

pub use attempt::{Attempt, results};
pub use failure::Failure;
pub use progress::{Phase, Progress, StepProgress, StepState};
pub use running::{Finished, Running, Update, start};
