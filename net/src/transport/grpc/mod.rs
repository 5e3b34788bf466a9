//! gRPC over mutual TLS 1.3: what parties on different machines use.
//!
//! One side [dials](dial), the other [listens](Listener); after the handshake both are equal. The
//! public protocol is `net/proto/session.proto`. All IO runs on the network's own threads, so the
//! peer hears heartbeats and acknowledgements while a protocol computes.

mod codec;
mod dialler;
mod driver;
mod handshake;
mod listener;
mod relay;
mod wire;

use std::sync::Arc;

use crypto::signature::PublicKey;
pub use dialler::dial;
pub use listener::Listener;

use crate::channel::Windows;
use crate::identity::Identity;
use crate::route::Route;
use crate::seat::Seat;

/// Everything one party needs for a conversation with one peer.
#[derive(Clone, Debug)]
pub struct Peering {
    /// Who sits where.
    pub seat: Seat,
    /// This party's identity.
    pub identity: Arc<Identity>,
    /// The key pinned for the peer.
    pub peer_key: PublicKey,
    /// Digest of what both agreed to run; must be equal on both sides.
    pub job_digest: [u8; 32],
    /// For the side that dials a port with several listeners behind it: the one meant.
    pub route: Option<Route>,
}

/// 16 MiB for a stream is 100 ms at 1.3 Gbit/s.
const WINDOWS: Windows = Windows { stream: 16 << 20, connection: 64 << 20, frame: 1 << 20 };
