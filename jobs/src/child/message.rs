//! What a party's process tells the one that started it: one JSON object a line.

use contract::Text;
use serde::{Deserialize, Serialize};

use super::failure::FailureCode;
use crate::run::TotalsOutcome;
use crate::watch::Event;

/// One line of a party's standard output.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum Message {
    /// The party listens; later ones may dial.
    Listening {
        /// IP address and port.
        address: String,
    },
    /// The parties have met and read their tables next.
    Met,
    /// The run got further.
    Progress(Event),
    /// How much went over the line so far, and how far the step has come.
    Traffic {
        /// Bytes sent and received.
        bytes: u64,
        /// Units of the step that are done.
        done: u64,
        /// How many there may be; 0 where none are counted.
        planned: u64,
    },
    /// The results are in their place.
    Done {
        /// The party's folder.
        folder: String,
        /// The headline figures, at the guest.
        figures: Vec<ModelFigures>,
        /// Numbers about the common rows, if the job is for these.
        totals: Option<TotalsOutcome>,
    },
    /// The party gave up.
    Failed {
        /// What happened, whose fault it is, what to do next. It may name values, columns and files
        /// of this party: other parties get the code alone.
        error: String,
        /// What kind of failure it is.
        code: FailureCode,
    },
}

/// The headline figures of one model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelFigures {
    /// The step, such as `logistic_regression.time`.
    pub step: String,
    /// The name of the model.
    pub title: Text,
    /// What the model is judged by.
    pub figures: Vec<Figure>,
    /// Whether the guest's own model is judged on all its test rows, and the joint one on those of
    /// them that are common.
    pub alone_on_own_rows: bool,
}

/// One figure of both models.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// Its name, such as `AUC`.
    pub name: String,
    /// The guest's own model.
    pub alone: f64,
    /// The joint model.
    pub joint: f64,
    /// Joint minus alone: lower and upper end of the 95 % interval, where there is one.
    pub interval: Option<[f64; 2]>,
}
