//! Frames as envelopes of the public protocol, and back.

use std::borrow::Cow;
use std::sync::Arc;

use crate::frame::{Frame, Piece};
use crate::generated::envelope::Content;
use crate::generated::{Abort, Credit, Data, Envelope, Finish};
use crate::session::PATH_BYTES_MAX;

/// Largest envelope that is accepted, in bytes: the largest payload and its address.
pub(super) const ENVELOPE_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 4096;
/// Largest payload of one frame in the public protocol, in bytes.
pub(super) const PAYLOAD_BYTES_MAX: usize = 4 << 20;
/// Longest name of a step, in bytes.
const STEP_BYTES_MAX: usize = 128;
/// Longest reason of an abort, in bytes.
const REASON_BYTES_MAX: usize = 4096;

pub(super) fn envelope(content: Content) -> Envelope {
    Envelope { sequence: 0, acknowledged: 0, content: Some(content) }
}

pub(super) fn content_of(frame: Frame) -> Content {
    match frame {
        Frame::Data(piece) => Content::Data(Data {
            path: piece.path.to_string(),
            step: piece.step.into_owned(),
            occurrence: piece.occurrence,
            length: piece.length,
            hash: piece.hash.to_vec(),
            offset: piece.offset,
            payload: piece.payload,
        }),
        Frame::Credit { path, taken, window } => {
            Content::Credit(Credit { path: path.to_string(), taken, window })
        }
        Frame::Finish => Content::Finish(Finish {}),
        Frame::Abort { mut reason } => {
            reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
            Content::Abort(Abort { reason })
        }
    }
}

/// The frame of a sequenced envelope; an error is the rule that the peer broke.
pub(super) fn frame_of(content: Content) -> Result<Frame, String> {
    match content {
        Content::Data(data) => {
            let hash: [u8; 32] =
                data.hash.try_into().map_err(|_| "sent a hash that has not 32 bytes".to_owned())?;
            check_text("step", &data.step, STEP_BYTES_MAX)?;
            Ok(Frame::Data(Piece {
                path: path(&data.path)?,
                step: Cow::Owned(data.step),
                occurrence: data.occurrence,
                length: data.length,
                hash,
                offset: data.offset,
                payload: data.payload,
            }))
        }
        Content::Credit(credit) => Ok(Frame::Credit {
            path: path(&credit.path)?,
            taken: credit.taken,
            window: credit.window,
        }),
        Content::Finish(Finish {}) => Ok(Frame::Finish),
        Content::Abort(abort) => {
            check_text("reason", &abort.reason, REASON_BYTES_MAX)?;
            Ok(Frame::Abort { reason: abort.reason })
        }
        Content::Hello(_) | Content::Proof(_) => Err("began the handshake again".to_owned()),
        Content::Heartbeat(_) => Err("gave a heartbeat a sequence number".to_owned()),
    }
}

fn path(text: &str) -> Result<Arc<str>, String> {
    check_text("path", text, PATH_BYTES_MAX)?;
    Ok(Arc::from(text))
}

fn check_text(what: &str, text: &str, limit: usize) -> Result<(), String> {
    if text.len() > limit || text.chars().any(char::is_control) {
        return Err(format!("sent a {what} of {} bytes or with control characters", text.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::generated::Envelope;

    proptest! {
        #[test]
        fn a_piece_survives_the_wire(
            path in "[a-z./]{0,20}",
            step in "[a-z_]{1,20}",
            occurrence: u64,
            length: u64,
            hash: [u8; 32],
            offset: u64,
            payload: Vec<u8>,
        ) {
            let payload = Bytes::from(payload);
            let (path, step) = (Arc::from(path), Cow::Owned(step));
            let piece = Piece { path, step, occurrence, length, hash, offset, payload };
            let bytes = envelope(content_of(Frame::Data(piece.clone()))).encode_to_vec();
            let content = Envelope::decode(bytes.as_slice()).unwrap().content.unwrap();
            let Frame::Data(decoded) = frame_of(content).unwrap() else { panic!("no data") };
            prop_assert!(decoded.same_message(&piece));
            prop_assert_eq!(&decoded.path, &piece.path);
            prop_assert_eq!(decoded.offset, piece.offset);
            prop_assert_eq!(decoded.payload, piece.payload);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let content = Envelope::decode(bytes.as_slice()).ok().and_then(|words| words.content);
            // Whether it is a frame does not matter here.
            let _ = content.map(frame_of);
        }
    }

    #[test]
    fn long_or_strange_texts_are_a_breach() {
        for path in ["a".repeat(PATH_BYTES_MAX + 1), "a\nb".to_owned()] {
            let credit = Credit { path, taken: 0, window: 0 };
            assert!(frame_of(Content::Credit(credit)).is_err());
        }
        let abort = Frame::Abort { reason: "é".repeat(REASON_BYTES_MAX) };
        assert!(frame_of(content_of(abort)).is_ok(), "our own reason is cut to what is allowed");
    }
}
