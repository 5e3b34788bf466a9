//! Keeps a conversation going over one connection after another.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Peering;
use super::codec::frame_of;
use super::dialler::Dialler;
use super::handshake::{Agreement, Standing};
use super::listener::Arrivals;
use super::relay::{Relay, RelayLink};
use super::wire::Wire;
use crate::conversation::Conversation;
use crate::error::NetError;
use crate::frame::Frame;
use crate::generated::Envelope;
use crate::runtime::spawn_on_network;
use crate::switchboard::{Ending, Switchboard};

/// Where the next connection comes from when one was cut.
pub(super) enum Source {
    /// This side dials.
    Dialler(Arc<Dialler>),
    /// This side waits to be dialled.
    Listener(Box<Arrivals>),
}

/// Starts to drive a conversation whose first connection is agreed on.
pub(super) fn start(
    peering: &Peering,
    wire: Wire,
    agreement: Agreement,
    source: Source,
) -> Result<Conversation, NetError> {
    let switchboard = Arc::new(Switchboard::new(peering.seat.clone()));
    let relay = Arc::new(Relay::new());
    switchboard.attach(Arc::new(RelayLink(Arc::clone(&relay))))?;
    let conversation = Conversation::attested(Arc::clone(&switchboard), agreement.attestations);
    let driver = Driver { switchboard, relay, conversation: agreement.conversation, source };
    spawn_on_network(driver.drive(wire))?;
    Ok(conversation)
}

struct Driver {
    switchboard: Arc<Switchboard>,
    relay: Arc<Relay>,
    conversation: [u8; 32],
    source: Source,
}

/// Why a connection is no longer used.
enum Stop {
    /// Everything is said.
    Over,
    /// It was lost.
    Cut(String),
    /// The peer dialled again before this side noticed that the connection was cut.
    Superseded(Box<(Wire, Agreement)>),
    /// The peer broke a rule, or this side wants no further connection.
    Ended(Ending),
}

impl Driver {
    async fn drive(mut self, mut wire: Wire) {
        loop {
            match self.run(&mut wire).await {
                Stop::Over => {
                    linger(wire).await;
                    break;
                }
                Stop::Ended(ending) => {
                    self.switchboard.end(ending);
                    break;
                }
                Stop::Superseded(next) => match self.resume(*next) {
                    Ok(next) => wire = next,
                    Err(ending) => {
                        self.switchboard.end(ending);
                        break;
                    }
                },
                Stop::Cut(_) if self.relay.has_peer_ended() => break,
                Stop::Cut(cause) => {
                    drop(wire);
                    match self.reconnect(cause).await {
                        Ok(next) => wire = next,
                        Err(ending) => {
                            self.switchboard.end(ending);
                            break;
                        }
                    }
                }
            }
        }
        self.relay.close();
    }

    /// Runs one connection until it stops.
    async fn run(&mut self, wire: &mut Wire) -> Stop {
        let settings = &self.switchboard.seat.settings;
        let Wire { outgoing, incoming, .. } = wire;
        let conversation = self.conversation;
        let relay = &self.relay;
        let write = write(&self.switchboard, relay, outgoing);
        let read = async {
            loop {
                let stop = match timeout(settings.silence_timeout, incoming.message()).await {
                    Err(_) => {
                        Stop::Cut(format!("nothing heard for {:?}", settings.silence_timeout))
                    }
                    Ok(Err(status)) => {
                        Stop::Cut(format!("connection broken: {}", status.message()))
                    }
                    Ok(Ok(None)) => Stop::Cut("the peer closed the connection".to_owned()),
                    Ok(Ok(Some(envelope))) => match take_in(&self.switchboard, relay, envelope) {
                        ControlFlow::Continue(()) => continue,
                        ControlFlow::Break(ending) => Stop::Ended(ending),
                    },
                };
                return stop;
            }
        };
        let arrivals = async {
            match &mut self.source {
                Source::Listener(arrivals) => arrivals.next(conversation, relay).await,
                Source::Dialler(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            stop = write => stop,
            stop = read => stop,
            next = arrivals => match next {
                Ok(next) => Stop::Superseded(Box::new(next)),
                Err(error) => Stop::Ended(Ending::Failed(Box::new(error))),
            },
            () = relay.cut.notified() => Stop::Ended(Ending::Lost {
                since: relay.last_heard(),
                cause: relay.cut_cause().unwrap_or_default(),
            }),
        }
    }

    /// Waits for the next connection within the window.
    async fn reconnect(&mut self, cause: String) -> Result<Wire, Ending> {
        let since = self.relay.last_heard();
        let limit = self.switchboard.seat.settings.reconnect_window;
        let conversation = self.conversation;
        let next = match &mut self.source {
            Source::Dialler(dialler) => {
                let received = self.relay.received();
                let standing = Standing { conversation: Some(conversation), received };
                dialler.persist(standing, limit).await
            }
            Source::Listener(arrivals) => {
                let next = timeout(limit, arrivals.next(conversation, &self.relay)).await;
                next.unwrap_or_else(|_| Err(arrivals.not_dialled()))
            }
        };
        match next {
            Ok(next) => self.resume(next),
            Err(error) if error.is_connection() => Err(Ending::Lost { since, cause }),
            Err(error) => Err(Ending::Failed(Box::new(error))),
        }
    }

    fn resume(&self, (wire, agreement): (Wire, Agreement)) -> Result<Wire, Ending> {
        let resumed = self.relay.resume(agreement.peer_received);
        resumed.map_err(|rule| Ending::Misbehaved { step: "handshake".to_owned(), rule })?;
        Ok(wire)
    }
}

/// Writes what is due until everything is said. Once the connection is gone it writes no more: the
/// reader knows better why.
async fn write(
    switchboard: &Switchboard,
    relay: &Relay,
    outgoing: &mpsc::Sender<Envelope>,
) -> Stop {
    let mut beats = interval(switchboard.seat.settings.heartbeat_interval);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let envelope = match relay.next() {
            Some(envelope) => envelope,
            None if relay.is_over() => return Stop::Over,
            None => tokio::select! {
                () = relay.work.notified() => continue,
                _ = beats.tick() => relay.heartbeat(),
            },
        };
        switchboard.meter.count_transport(envelope.encoded_len(), 0);
        if outgoing.send(envelope).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Takes in one envelope.
fn take_in(switchboard: &Switchboard, relay: &Relay, envelope: Envelope) -> ControlFlow<Ending> {
    relay.heard();
    switchboard.meter.count_transport(0, envelope.encoded_len());
    let taken = relay.acknowledged(envelope.acknowledged).and_then(|()| {
        let Some(content) = envelope.content else {
            return Err("sent an empty envelope".to_owned());
        };
        if envelope.sequence == 0 {
            return Ok(());
        }
        let frame = frame_of(content)?;
        let bytes = if let Frame::Data(piece) = &frame { piece.payload.len() } else { 0 };
        if !relay.accept(envelope.sequence, bytes)? {
            return Ok(());
        }
        let is_last = matches!(frame, Frame::Finish | Frame::Abort { .. });
        switchboard.deliver(frame);
        if is_last {
            relay.peer_ended();
        }
        Ok(())
    });
    match taken {
        Ok(()) => ControlFlow::Continue(()),
        Err(rule) => {
            let step = "transport".to_owned();
            ControlFlow::Break(Ending::Misbehaved { step, rule })
        }
    }
}

/// Hangs up politely: says that nothing follows and waits a moment for the peer to do the same, so
/// that our last acknowledgement is not lost with the connection.
async fn linger(wire: Wire) {
    let Wire { outgoing, mut incoming, channel } = wire;
    drop(outgoing);
    let drain = async { while let Ok(Some(_)) = incoming.message().await {} };
    // Both outcomes are fine: the peer hung up as well, or it takes too long.
    let _ = timeout(LINGER, drain).await;
    drop(channel);
}

const LINGER: Duration = Duration::from_secs(2);
