//! Any known encoding in, UTF-8 out, in blocks.

use std::fmt;
use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult};

use super::Encoding;

const BLOCK_BYTES: usize = 64 * 1024;

/// Reads text of a known encoding as UTF-8, without its byte order mark.
///
/// UTF-8 itself is passed through unchecked: whoever takes a field as text checks it, and can
/// then name the line. The other encodings fail at the first malformed character with a
/// [`DecodeFailure`] inside the [`io::Error`].
pub(crate) struct Decoded<R> {
    input: R,
    /// `None` passes bytes through.
    decoder: Option<Decoder>,
    block: Vec<u8>,
    /// Decoded bytes that were not handed out yet.
    ready: Vec<u8>,
    ready_start: usize,
    lines: u64,
    finished: bool,
}

/// A malformed character.
#[derive(Debug)]
pub(crate) struct DecodeFailure {
    /// The line in which it stands, from 1.
    pub(crate) line: u64,
}

impl fmt::Display for DecodeFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "malformed character in line {}", self.line)
    }
}

impl std::error::Error for DecodeFailure {}

impl<R: Read> Decoded<R> {
    pub(crate) fn new(mut input: R, encoding: Encoding) -> io::Result<Self> {
        let decoder = match encoding {
            Encoding::Utf8 => None,
            other => Some(other.decoder()),
        };
        // The other decoders drop their own mark.
        let mut ready = Vec::new();
        if decoder.is_none() {
            input.by_ref().take(UTF8_MARK.len() as u64).read_to_end(&mut ready)?;
            if ready == UTF8_MARK {
                ready.clear();
            }
        }
        Ok(Self {
            input,
            decoder,
            block: Vec::new(),
            ready,
            ready_start: 0,
            lines: 0,
            finished: false,
        })
    }

    /// Decodes one more block into `ready`, which is used up.
    fn decode_block(&mut self) -> io::Result<()> {
        let Some(decoder) = &mut self.decoder else { return Ok(()) };
        self.block.resize(BLOCK_BYTES, 0);
        let count = read_some(&mut self.input, &mut self.block)?;
        self.finished = count == 0;
        let block = &self.block[..count];
        let bound = decoder.max_utf8_buffer_length_without_replacement(count);
        self.ready.resize(bound.unwrap_or(4 * BLOCK_BYTES), 0);
        self.ready_start = 0;
        let (result, _, written) =
            decoder.decode_to_utf8_without_replacement(block, &mut self.ready, self.finished);
        self.ready.truncate(written);
        self.lines += memchr::memchr_iter(b'\n', &self.ready).count() as u64;
        match result {
            DecoderResult::InputEmpty => Ok(()),
            DecoderResult::Malformed(..) | DecoderResult::OutputFull => {
                let failure = DecodeFailure { line: self.lines + 1 };
                Err(io::Error::new(io::ErrorKind::InvalidData, failure))
            }
        }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let ready = &self.ready[self.ready_start..];
            if !ready.is_empty() {
                let count = ready.len().min(out.len());
                out[..count].copy_from_slice(&ready[..count]);
                self.ready_start += count;
                return Ok(count);
            }
            if self.decoder.is_none() {
                return self.input.read(out);
            }
            if self.finished {
                return Ok(0);
            }
            self.decode_block()?;
        }
    }
}

pub(super) const UTF8_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

fn read_some(input: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(out) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8], encoding: Encoding) -> io::Result<String> {
        let mut text = String::new();
        Decoded::new(bytes, encoding)?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn decodes_across_blocks() {
        let text = "姓名,手机号\n张三,0138\n".repeat(20_000);
        let (gbk, _, _) = encoding_rs::GBK.encode(&text);
        assert_eq!(decode(&gbk, Encoding::Gbk).unwrap(), text);
        let utf16: Vec<u8> =
            std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(&utf16, Encoding::Utf16LittleEndian).unwrap(), text);
    }

    #[test]
    fn drops_the_mark_and_names_the_malformed_line() {
        assert_eq!(decode(b"\xef\xbb\xbfid\n", Encoding::Utf8).unwrap(), "id\n");
        assert_eq!(decode(b"a", Encoding::Utf8).unwrap(), "a");
        let error = decode(b"a\nb\nc\xff\xff\n", Encoding::Gbk).unwrap_err().to_string();
        assert_eq!(error, "malformed character in line 3");
        assert!(decode(b"ab\x81", Encoding::Gbk).is_err(), "cut in the middle of a character");
    }
}
