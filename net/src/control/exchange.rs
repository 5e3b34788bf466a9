//! What goes over one stream: letters both ways, their acknowledgements, signs of life.
//!
//! A letter is read, stored, then acknowledged, one after another: a peer that floods waits for
//! HTTP/2's window to open again, and nothing piles up here. Of what is owed to the peer
//! (acknowledgement, pong) only the latest is kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tonic::Streaming;

use super::correspondence::{CorrespondenceError, LETTER_BYTES_MAX, Partner, Standing};
use super::doctor;
use super::line::{Admitted, Line};
use super::numbers::{Arrival, Numbers};
use super::post::Shared;
use super::settings::PostSettings;
use super::stream::{DialledBack, Ending, Stream, Wire, frame};
use crate::error::NetError;
use crate::generated::control::frame::Content;
use crate::generated::control::{
    Acknowledgement, DialBack, DialedBack, Frame, Heartbeat, Hello, Letter,
};
use crate::runtime::spawn_on_network;

/// Carries letters until the stream ends; why it did, the line keeps.
///
/// Polled to its end: a letter that is being stored is stored.
pub(super) async fn run(admitted: Admitted, shared: Arc<Shared>, wire: Wire, theirs: Hello) {
    let partner = admitted.line.partner();
    let begun = begin(&shared, &partner, theirs.received).await;
    let numbers = match begun {
        Ok(numbers) => numbers,
        Err(error) => return admitted.line.failed(error),
    };
    admitted.line.note(|report| {
        report.received = numbers.received();
        report.acknowledged = numbers.acknowledged();
    });
    let exchange = Arc::new(Exchange {
        line: Arc::clone(&admitted.line),
        stream: Arc::clone(&admitted.stream),
        shared,
        partner,
        state: Mutex::new(State {
            numbers,
            under_way: VecDeque::new(),
            acknowledgement: None,
            pong: None,
            ping: None,
            pings: 0,
            dialled_back: None,
            dialling_back: None,
            answered: None,
        }),
    });
    let Wire { outgoing, incoming, channel } = wire;
    tokio::join!(exchange.write(outgoing), exchange.read(incoming));
    drop(channel);
    if let Ending::Failed(error) = admitted.stream.ended().await {
        admitted.line.failed(error);
    }
}

/// Where both sides stand at the beginning.
async fn begin(
    shared: &Shared,
    partner: &Partner,
    peer_received: u64,
) -> Result<Numbers, NetError> {
    let correspondence = &shared.correspondence;
    let standing = correspondence.standing(partner.key).await;
    let standing: Standing = standing.map_err(|error| trouble(partner, error))?;
    let numbers =
        Numbers::new(standing, peer_received).map_err(|rule| misbehaved(partner, rule))?;
    if peer_received > 0 {
        let noted = correspondence.acknowledged(partner.key, peer_received).await;
        noted.map_err(|error| trouble(partner, error))?;
    }
    Ok(numbers)
}

struct Exchange {
    line: Arc<Line>,
    stream: Arc<Stream>,
    shared: Arc<Shared>,
    partner: Partner,
    state: Mutex<State>,
}

struct State {
    numbers: Numbers,
    /// Number and size of the letters that are sent and not acknowledged.
    under_way: VecDeque<(u64, usize)>,
    /// Owed to the peer.
    acknowledgement: Option<u64>,
    pong: Option<u64>,
    dialled_back: Option<DialedBack>,
    /// The question for which this side dials back at the moment.
    dialling_back: Option<u64>,
    /// Step and cause of the answer before.
    answered: Option<(String, String)>,
    /// The ping that waits for its pong.
    ping: Option<(u64, Instant)>,
    pings: u64,
}

impl Exchange {
    async fn write(&self, outgoing: mpsc::Sender<Frame>) {
        let mut beats = interval(self.settings().heartbeat_interval);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        if let Err(error) = self.write_until_ended(&outgoing, &mut beats).await {
            self.stream.end(Ending::Failed(error));
        }
        // Tells the peer that nothing follows.
        drop(outgoing);
    }

    async fn write_until_ended(
        &self,
        outgoing: &mpsc::Sender<Frame>,
        beats: &mut Interval,
    ) -> Result<(), NetError> {
        while !self.stream.has_ended() {
            let mut next = self.owed();
            if next.is_none() {
                next = self.letter().await?;
            }
            let next = if let Some(next) = next {
                next
            } else {
                tokio::select! {
                    () = self.stream.work.notified() => continue,
                    _ = self.stream.ended() => break,
                    _ = beats.tick() => self.ping(),
                }
            };
            // A peer may take its time to store what came before: it is alive while it is heard.
            let sent = tokio::select! {
                sent = outgoing.send(frame(next)) => sent,
                _ = self.stream.ended() => break,
            };
            if sent.is_err() {
                // The connection is gone, and the reader knows better why.
                self.stream.ended().await;
            }
        }
        Ok(())
    }

    /// What is owed to the peer.
    fn owed(&self) -> Option<Content> {
        if self.stream.take_probe() {
            return Some(self.ping());
        }
        let mut state = self.state();
        if let Some(number) = state.acknowledgement.take() {
            return Some(Content::Acknowledgement(Acknowledgement { number }));
        }
        if let Some(pong) = state.pong.take() {
            return Some(Content::Heartbeat(Heartbeat { ping: 0, pong }));
        }
        if let Some(answer) = state.dialled_back.take() {
            return Some(Content::DialedBack(answer));
        }
        let question = self.stream.take_question()?;
        Some(Content::DialBack(DialBack { number: question }))
    }

    fn ping(&self) -> Content {
        let mut state = self.state();
        state.pings += 1;
        state.ping = Some((state.pings, Instant::now()));
        Content::Heartbeat(Heartbeat { ping: state.pings, pong: 0 })
    }

    /// The next letter, if one is written and not too many are under way.
    async fn letter(&self) -> Result<Option<Content>, NetError> {
        let after = {
            let state = self.state();
            let bytes: usize = state.under_way.iter().map(|(_, bytes)| bytes).sum();
            if state.numbers.under_way() >= UNDER_WAY_MAX || bytes > UNDER_WAY_BYTES {
                return Ok(None);
            }
            state.numbers.sent()
        };
        if !self.stream.take_letters_written() {
            return Ok(None);
        }
        let next = self.shared.correspondence.letter_after(self.partner.key, after).await;
        let Some(letter) = next.map_err(|error| trouble(&self.partner, error))? else {
            return Ok(None);
        };
        // There may be another one behind it.
        self.stream.letters_written();
        if letter.bytes.len() > LETTER_BYTES_MAX {
            let what = format!("letter {} has {} bytes", letter.number, letter.bytes.len());
            return Err(stopped(&self.partner, what));
        }
        let mut state = self.state();
        let sent = state.numbers.sends(letter.number);
        sent.map_err(|what| stopped(&self.partner, what))?;
        state.under_way.push_back((letter.number, letter.bytes.len()));
        Ok(Some(Content::Letter(Letter { number: letter.number, bytes: letter.bytes })))
    }

    async fn read(self: &Arc<Self>, mut incoming: Streaming<Frame>) {
        let silence = self.settings().silence_timeout;
        loop {
            let word = tokio::select! {
                word = timeout(silence, incoming.message()) => word,
                _ = self.stream.ended() => return,
            };
            let taken = match word {
                Err(_) => Err(self.lost(&format!("nothing heard for {silence:?}"))),
                Ok(Err(status)) => Err(self.lost(&words(status.message()))),
                Ok(Ok(None)) => Err(self.lost("the partner hung up")),
                Ok(Ok(Some(frame))) => {
                    self.stream.hears();
                    self.line.note(|report| report.last_heard = Some(SystemTime::now()));
                    self.take_in(frame).await
                }
            };
            if let Err(error) = taken {
                self.stream.end(Ending::Failed(error));
                return;
            }
        }
    }

    async fn take_in(self: &Arc<Self>, frame: Frame) -> Result<(), NetError> {
        let breach = |rule: &str| Err(misbehaved(&self.partner, rule.to_owned()));
        match frame.content {
            Some(Content::Letter(letter)) => self.take_in_letter(letter).await,
            Some(Content::Acknowledgement(Acknowledgement { number })) => {
                self.acknowledged(number).await
            }
            Some(Content::Heartbeat(heartbeat)) => {
                self.beats(heartbeat);
                Ok(())
            }
            Some(Content::DialBack(DialBack { number })) => self.dial_back(number),
            Some(Content::DialedBack(DialedBack { number, step, cause })) => {
                let (step, cause) = (words(&step), words(&cause));
                self.stream.dialled_back(number, DialledBack { step, cause });
                Ok(())
            }
            Some(Content::Hello(_)) => breach("said hello again"),
            None => breach("sent an empty frame"),
        }
    }

    async fn take_in_letter(&self, letter: Letter) -> Result<(), NetError> {
        let Letter { number, bytes } = letter;
        if bytes.len() > LETTER_BYTES_MAX {
            let rule = format!("sent a letter of {} bytes", bytes.len());
            return Err(misbehaved(&self.partner, rule));
        }
        let arrival = self.state().numbers.arrives(number);
        if arrival.map_err(|rule| misbehaved(&self.partner, rule))? == Arrival::New {
            let stored = self.shared.correspondence.take_in(self.partner.key, number, bytes).await;
            stored.map_err(|error| trouble(&self.partner, error))?;
            self.state().numbers.stored();
            self.line.note(|report| report.received = number);
        }
        let mut state = self.state();
        state.acknowledgement = Some(state.numbers.heard());
        self.stream.work.notify_one();
        Ok(())
    }

    async fn acknowledged(&self, number: u64) -> Result<(), NetError> {
        let is_news = self.state().numbers.acknowledges(number);
        if !is_news.map_err(|rule| misbehaved(&self.partner, rule))? {
            return Ok(());
        }
        let noted = self.shared.correspondence.acknowledged(self.partner.key, number).await;
        noted.map_err(|error| trouble(&self.partner, error))?;
        self.state().under_way.retain(|(sent, _)| *sent > number);
        self.line.note(|report| report.acknowledged = number);
        self.stream.work.notify_one();
        Ok(())
    }

    fn beats(&self, Heartbeat { ping, pong }: Heartbeat) {
        let mut state = self.state();
        if ping > 0 {
            state.pong = Some(ping);
            self.stream.work.notify_one();
        }
        if let Some((_, at)) = state.ping.take_if(|(number, _)| *number == pong) {
            self.line.note(|report| report.round_trip = Some(at.elapsed()));
        }
    }

    /// Tries to dial the peer, at the address that this side has for it and at no other, and
    /// answers later.
    fn dial_back(self: &Arc<Self>, number: u64) -> Result<(), NetError> {
        let mut state = self.state();
        if state.dialling_back.replace(number).is_some() {
            return Ok(());
        }
        // Who asks often hears the answer before.
        if !self.stream.may_be_asked(self.settings().dial_back_interval)
            && let Some((step, cause)) = state.answered.clone()
        {
            state.dialling_back = None;
            state.dialled_back = Some(DialedBack { number, step, cause });
            self.stream.work.notify_one();
            return Ok(());
        }
        drop(state);
        let exchange = Arc::clone(self);
        spawn_on_network(async move {
            // As it stands now: it may have changed since the line was opened.
            let Partner { key, address, .. } = exchange.line.partner();
            let trial = doctor::reach(&exchange.shared.identity, address.as_deref(), key);
            let answer = tokio::select! {
                trial = trial => trial,
                _ = exchange.stream.ended() => return,
            };
            let (step, cause) = answer.failure().unwrap_or_default();
            let mut state = exchange.state();
            state.answered = Some((step.clone(), cause.clone()));
            let number = state.dialling_back.take().unwrap_or_default();
            state.dialled_back = Some(DialedBack { number, step, cause });
            drop(state);
            exchange.stream.work.notify_one();
        })
        .map(drop)
    }

    fn lost(&self, cause: &str) -> NetError {
        NetError::Disconnected {
            peer: self.partner.name.clone(),
            step: STEP.to_owned(),
            since: self.line.report().last_heard.unwrap_or_else(SystemTime::now),
            cause: cause.to_owned(),
        }
    }

    fn settings(&self) -> &PostSettings {
        &self.shared.settings
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn misbehaved(partner: &Partner, rule: String) -> NetError {
    NetError::PeerMisbehaved { peer: partner.name.clone(), step: STEP.to_owned(), rule }
}

fn trouble(partner: &Partner, error: CorrespondenceError) -> NetError {
    match error {
        CorrespondenceError::Refused { rule } => misbehaved(partner, rule),
        error @ CorrespondenceError::Store { .. } => stopped(partner, error.to_string()),
    }
}

fn stopped(partner: &Partner, cause: String) -> NetError {
    NetError::Letters { peer: partner.name.clone(), cause }
}

/// What a peer said, fit to be shown: no control characters, no novel.
pub(super) fn words(said: &str) -> String {
    said.chars().map(|it| if it.is_control() { ' ' } else { it }).take(WORDS_MAX).collect()
}

/// The step that errors of a line name.
pub(super) const STEP: &str = "letters";
/// Letters that are sent and not acknowledged, at most.
const UNDER_WAY_MAX: u64 = 16;
/// The same in bytes; one more letter may be above it.
const UNDER_WAY_BYTES: usize = 2 << 20;
/// Longest text of a peer that is kept, in characters.
const WORDS_MAX: usize = 1024;
