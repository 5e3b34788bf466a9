//! The first bytes of a connection: whom the caller wants to speak to.

use std::io;

use rustls::server::{Accepted, Acceptor};
use tokio::io::{AsyncRead, AsyncReadExt};

/// A TLS hello that was read and not answered yet.
pub(super) struct Opening {
    /// The server name that the caller asks for.
    pub(super) name: Option<String>,
    /// The hello as rustls understood it, to go on with.
    pub(super) accepted: Accepted,
    /// Everything that was read, to pass on.
    pub(super) bytes: Vec<u8>,
}

/// Reads a TLS hello.
///
/// A caller that says something else, says too much or hangs up is an error. There is no time
/// limit here.
pub(super) async fn read_opening(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Opening> {
    let mut acceptor = Acceptor::default();
    let mut bytes = Vec::with_capacity(PIECE_BYTES);
    loop {
        let before = bytes.len();
        let room = (OPENING_BYTES_MAX - before).min(PIECE_BYTES) as u64;
        if room == 0 || (&mut *stream).take(room).read_buf(&mut bytes).await? == 0 {
            return Err(no_hello(&"it is too long, or the caller hung up"));
        }
        let mut unread = bytes.get(before..).unwrap_or_default();
        while !unread.is_empty() {
            if acceptor.read_tls(&mut unread)? == 0 {
                return Err(no_hello(&"it does not end"));
            }
        }
        if let Some(accepted) = acceptor.accept().map_err(|(error, _)| no_hello(&error))? {
            let name = accepted.client_hello().server_name().map(str::to_owned);
            return Ok(Opening { name, accepted, bytes });
        }
    }
}

fn no_hello(what: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no TLS hello: {what}"))
}

/// A hello has some hundred bytes, and two thousand with keys that resist quantum computers.
const OPENING_BYTES_MAX: usize = 16 << 10;
const PIECE_BYTES: usize = 2 << 10;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use rustls::ClientConnection;

    use super::*;
    use crate::identity::Identity;
    use crate::tls;

    /// The hello of this house's own dialler for a server name.
    fn hello(name: &str) -> Vec<u8> {
        let identity = Identity::generate("bank").unwrap();
        let (config, _) = tls::client(&identity, identity.public_key()).unwrap();
        let name = rustls_pki_types::ServerName::try_from(name.to_owned()).unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        bytes
    }

    fn read(pieces: &[&[u8]]) -> io::Result<Opening> {
        let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
        crate::block_on(async { read_opening(&mut Pieces(pieces.into_iter())).await }).unwrap()
    }

    /// Bytes that come piece by piece, then the end.
    struct Pieces(std::vec::IntoIter<Vec<u8>>);

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            buffer: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<io::Result<()>> {
            if let Some(mut piece) = self.0.next() {
                let rest = piece.split_off(piece.len().min(buffer.remaining()));
                buffer.put_slice(&piece);
                if !rest.is_empty() {
                    let others: Vec<_> = std::iter::once(rest).chain(self.0.by_ref()).collect();
                    self.0 = others.into_iter();
                }
            }
            std::task::Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn the_name_is_read_however_the_hello_is_cut() {
        let route = crate::route::Route::fresh().to_string();
        let hello = hello(&route);
        for cut in [1, 5, 6, hello.len() / 2, hello.len() - 1] {
            let (first, second) = hello.split_at(cut);
            let opening = read(&[first, second]).unwrap();
            assert_eq!(opening.name.as_deref(), Some(route.as_str()));
            assert_eq!(opening.bytes, hello);
        }
        let bytewise: Vec<&[u8]> = hello.chunks(1).collect();
        assert_eq!(read(&bytewise).unwrap().bytes, hello);
    }

    #[test]
    fn what_does_not_end_is_refused() {
        let hello = hello("tombolo");
        assert!(read(&[&hello[..hello.len() - 1]]).is_err());
        // What follows is kept: a caller may be in a hurry.
        let longer = [hello.as_slice(), b"x"].concat();
        assert_eq!(read(&[&longer]).unwrap().bytes, longer);
        // A record of handshake after another, each a piece of one hello of 16 MiB.
        let mut endless = vec![1, 0xff, 0xff, 0xff];
        endless.resize(1 << 20, 0);
        let records = endless.chunks(1000).flat_map(|chunk| {
            let mut record = vec![22, 3, 1, 0, 0];
            record[3..].copy_from_slice(&(chunk.len() as u16).to_be_bytes());
            record.extend_from_slice(chunk);
            record
        });
        assert!(read(&[&records.collect::<Vec<u8>>()]).is_err());
    }

    proptest! {
        #[test]
        fn hostile_openings_never_panic(
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            noise in proptest::collection::vec(any::<u8>(), 0..64),
            cut: prop::sample::Index,
        ) {
            let mut bytes = hello("tombolo");
            for (place, value) in changes {
                let place = place.index(bytes.len());
                bytes[place] ^= value;
            }
            // Whether it passes does not matter here.
            let cut = cut.index(bytes.len());
            let _ = read(&[&bytes[..cut], &bytes[cut..]]);
            let _ = read(&[&bytes[..cut], &noise]);
            let _ = read(&[&noise]);
        }
    }
}
