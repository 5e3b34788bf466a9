//! How far an attempt has come, as data for pages.

use contract::Text;
use jobs::Event;
use jobs::child::Message;
use jobs::page::planned_steps;
use jobs::spec::JobSpec;
use report::message::neutral;
use serde::Serialize;

/// How far an attempt has come. Times are milliseconds since 1970 by this machine's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// What the process is at.
    pub phase: Phase,
    /// Since when.
    pub since: u64,
    /// Rows of a large table that were read so far.
    pub rows_read: Option<u64>,
    /// Bytes sent and received so far.
    pub bytes: u64,
    /// The steps of the job, in their order; more at the end if some begin that were not planned.
    pub steps: Vec<StepProgress>,
}

/// What an attempt is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The process starts.
    Starting,
    /// It listens, and waits for those who dial.
    Listening,
    /// The parties have met, and read their tables.
    Reading,
    /// The steps run.
    Running,
    /// The results are there.
    Done,
    /// It ended without results.
    Failed,
    /// It was stopped.
    Cancelled,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepProgress {
    /// Its name in the job.
    pub step: String,
    /// What people call it.
    pub title: Text,
    /// How far it has come.
    pub state: StepState,
    /// When it began.
    pub started: Option<u64>,
    /// When it ended or was given up.
    pub ended: Option<u64>,
    /// Units that are done, such as passes over the rows.
    pub done: u64,
    /// How many there may be; 0 where none are counted.
    pub planned: u64,
    /// Bytes sent and received in it, as of the last count; counts come a few times a second.
    pub bytes: u64,
}

/// How far a step has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// It has not begun.
    Planned,
    /// It runs.
    Running,
    /// It is done.
    Done,
    /// The attempt ended in it.
    Stopped,
}

impl Progress {
    /// Of a job that begins at `now`.
    pub fn new(job: &JobSpec, now: u64) -> Self {
        let steps = planned_steps(job).into_iter().map(|it| StepProgress::new(it.id, it.title));
        let steps = steps.collect();
        Self { phase: Phase::Starting, since: now, rows_read: None, bytes: 0, steps }
    }

    /// The step that runs, and its place among the steps.
    pub fn running(&self) -> Option<(usize, &StepProgress)> {
        self.steps.iter().enumerate().find(|(_, step)| step.state == StepState::Running)
    }

    /// Notes what the process said at `now`.
    pub fn note(&mut self, message: &Message, now: u64) {
        match message {
            Message::Listening { .. } => self.enter(Phase::Listening, now),
            Message::Met => self.enter(Phase::Reading, now),
            Message::Progress(Event::Started { step }) => self.begin(step, now),
            Message::Progress(Event::Finished { step, .. }) => {
                let running = self.steps.iter_mut().filter(|it| it.state == StepState::Running);
                for step in running.filter(|it| it.step == *step) {
                    step.end(StepState::Done, now);
                }
            }
            Message::Progress(Event::Read { rows }) => self.rows_read = Some(*rows as u64),
            Message::Traffic { bytes, done, planned } => {
                let more = bytes.saturating_sub(self.bytes);
                self.bytes = *bytes;
                let step = self.steps.iter_mut().find(|it| it.state == StepState::Running);
                if let Some(step) = step {
                    step.bytes += more;
                    (step.done, step.planned) = (*done, *planned);
                }
            }
            Message::Progress(Event::Note { .. })
            | Message::Done { .. }
            | Message::Failed { .. } => {}
        }
    }

    /// Notes that the attempt ended at `now`.
    pub fn end(&mut self, phase: Phase, now: u64) {
        self.enter(phase, now);
        for step in self.steps.iter_mut().filter(|it| it.state == StepState::Running) {
            step.end(StepState::Stopped, now);
        }
    }

    fn enter(&mut self, phase: Phase, now: u64) {
        (self.phase, self.since) = (phase, now);
    }

    fn begin(&mut self, step: &str, now: u64) {
        if self.phase != Phase::Running {
            self.enter(Phase::Running, now);
        }
        let is_next = |it: &StepProgress| it.step == step && it.state == StepState::Planned;
        let place = match self.steps.iter().position(is_next) {
            Some(place) => place,
            None if self.steps.len() < STEPS_MAX => {
                self.steps.push(StepProgress::new(step.to_owned(), neutral(step)));
                self.steps.len() - 1
            }
            None => return,
        };
        if let Some(step) = self.steps.get_mut(place) {
            (step.state, step.started) = (StepState::Running, Some(now));
        }
    }
}

impl StepProgress {
    fn new(step: String, title: Text) -> Self {
        let state = StepState::Planned;
        Self { step, title, state, started: None, ended: None, done: 0, planned: 0, bytes: 0 }
    }

    fn end(&mut self, state: StepState, now: u64) {
        (self.state, self.ended) = (state, Some(now));
    }
}

/// More steps than any job has.
const STEPS_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::tests::JOB;

    #[test]
    fn steps_begin_end_and_are_counted() {
        let job = JobSpec::parse("job.yaml", JOB).unwrap();
        let mut progress = Progress::new(&job, 1);
        let names: Vec<&str> = progress.steps.iter().map(|it| it.step.as_str()).collect();
        let expected =
            ["align", "split.random", "prepare.random", "train.logistic_regression.random"];
        assert_eq!(names, expected);
        assert_eq!(&progress.steps[0].title.zh, "样本对齐");

        let started = |step: &str| Message::Progress(Event::Started { step: step.to_owned() });
        let finished =
            |step: &str| Message::Progress(Event::Finished { step: step.to_owned(), seconds: 1.0 });
        let traffic = |bytes, done| Message::Traffic { bytes, done, planned: 10 };
        progress.note(&Message::Listening { address: "127.0.0.1:1".to_owned() }, 2);
        assert_eq!((progress.phase, progress.since), (Phase::Listening, 2));
        progress.note(&Message::Met, 3);
        progress.note(&Message::Progress(Event::Read { rows: 7 }), 3);
        progress.note(&traffic(5, 0), 3);
        for message in [started("align"), traffic(105, 4), traffic(205, 9), finished("align")] {
            progress.note(&message, 4);
        }
        progress.note(&started("brew.coffee"), 5);
        progress.note(&traffic(206, 1), 5);
        assert_eq!(
            (progress.phase, progress.bytes, progress.rows_read),
            (Phase::Running, 206, Some(7))
        );
        assert_eq!(progress.running().map(|(place, step)| (place, step.bytes)), Some((4, 1)));
        let align = &progress.steps[0];
        assert_eq!((align.state, align.started, align.ended), (StepState::Done, Some(4), Some(4)));
        assert_eq!((align.bytes, align.done, align.planned), (200, 9, 10));

        progress.end(Phase::Failed, 6);
        let states = progress.steps.iter().map(|it| it.state).collect::<Vec<_>>();
        assert_eq!(states[0], StepState::Done);
        assert_eq!(states[1..4], [StepState::Planned; 3]);
        assert_eq!(states[4], StepState::Stopped);
        assert!(progress.running().is_none());
    }
}
