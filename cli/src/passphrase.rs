//! The passphrase of a party's key, as whoever started the process hands it over.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;

use node::runner::Attempt;
use zeroize::Zeroizing;

/// The first line of the standard input. It is read byte by byte: what is behind it is the leash,
/// and a buffer would keep the passphrase as long as the process runs.
pub(crate) fn read() -> io::Result<Zeroizing<String>> {
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut line = Zeroizing::new(Vec::with_capacity(Attempt::PASSPHRASE_BYTES_MAX));
    let mut byte = Zeroizing::new([0]);
    while line.len() < Attempt::PASSPHRASE_BYTES_MAX {
        input.read_exact(&mut *byte)?;
        if *byte == [b'\n'] {
            let text = std::str::from_utf8(&line).map_err(|_| io::ErrorKind::InvalidData)?;
            return Ok(Zeroizing::new(text.to_owned()));
        }
        line.extend_from_slice(&*byte);
    }
    Err(io::Error::other("the passphrase is too long"))
}
