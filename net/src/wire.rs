//! The wire codec: little-endian, length-prefixed, no self-description, leftovers are an error.

/// A value that travels as one message.
pub trait Message: Sized {
    /// Appends the encoding to `out`.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads the value. Must accept nothing that [`Message::encode`] does not write.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, WireError>;
}

/// Why bytes are not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The message ends in the middle of a field.
    #[error("message ends {missing} bytes early")]
    Truncated {
        /// How many bytes the field lacks.
        missing: usize,
    },
    /// Bytes are left after the last field.
    #[error("{count} bytes left after the message")]
    Leftover {
        /// How many bytes are left.
        count: usize,
    },
    /// A length is larger than the receiver allows.
    #[error("length {length} of {field} is above the limit {limit}")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// The length that was claimed.
        length: usize,
        /// What is allowed.
        limit: usize,
    },
    /// A value is outside its range.
    #[error("{what}")]
    Invalid {
        /// What was wrong.
        what: String,
    },
}

/// Decodes one whole message; leftovers are an error.
pub fn decode<M: Message>(bytes: &[u8]) -> Result<M, WireError> {
    let mut reader = Reader::new(bytes);
    let message = M::decode(&mut reader)?;
    reader.finish()?;
    Ok(message)
}

/// Encodes one message.
pub fn encode<M: Message>(message: &M) -> Vec<u8> {
    let mut out = Vec::new();
    message.encode(&mut out);
    out
}

/// Appends words, little endian, without a length.
pub fn put_words(out: &mut Vec<u8>, words: &[u64]) {
    out.reserve(words.len() * 8);
    for word in words {
        out.extend_from_slice(&word.to_le_bytes());
    }
}

/// Appends a text with its length (u32).
pub fn put_string(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Little-endian words from bytes; bytes behind the last whole word are ignored.
pub fn words_from_bytes(bytes: &[u8]) -> Vec<u64> {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().map(|word| u64::from_le_bytes(*word)).collect()
}

/// Reads fields off the front of a message. Never panics, never allocates more than the message.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes not yet read.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, WireError> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Two bytes, little endian.
    pub fn u16(&mut self) -> Result<u16, WireError> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes, little endian.
    pub fn u32(&mut self) -> Result<u32, WireError> {
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes, little endian.
    pub fn u64(&mut self) -> Result<u64, WireError> {
        self.array().map(u64::from_le_bytes)
    }

    /// One byte that must be 0 or 1.
    pub fn bool(&mut self) -> Result<bool, WireError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(WireError::Invalid { what: format!("{other} is not a truth value") }),
        }
    }

    /// A count (u32) that must be at most `limit`.
    pub fn count(&mut self, field: &'static str, limit: usize) -> Result<usize, WireError> {
        let length = self.u32()? as usize;
        if length > limit {
            return Err(WireError::TooLong { field, length, limit });
        }
        Ok(length)
    }

    /// The next `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let Some((head, rest)) = self.rest.split_at_checked(count) else {
            return Err(WireError::Truncated { missing: count - self.rest.len() });
        };
        self.rest = rest;
        Ok(head)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let Some((head, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(WireError::Truncated { missing: N - self.rest.len() });
        };
        self.rest = rest;
        Ok(*head)
    }

    /// The next `count` words of eight bytes, little endian.
    pub fn words(&mut self, count: usize) -> Result<Vec<u64>, WireError> {
        let length = count.saturating_mul(8);
        self.bytes(length).map(words_from_bytes)
    }

    /// A text with its length (u32), of at most `limit` bytes.
    pub fn string(&mut self, limit: usize) -> Result<String, WireError> {
        let length = self.count("text", limit)?;
        let bytes = self.bytes(length)?;
        let text = std::str::from_utf8(bytes)
            .map_err(|_| WireError::Invalid { what: "text is not UTF-8".into() })?;
        Ok(text.to_owned())
    }

    /// Checks that everything was read.
    pub fn finish(self) -> Result<(), WireError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(WireError::Leftover { count }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, PartialEq)]
    struct Sample {
        flag: bool,
        name: String,
        words: Vec<u64>,
    }

    impl Message for Sample {
        fn encode(&self, out: &mut Vec<u8>) {
            out.push(u8::from(self.flag));
            put_string(out, &self.name);
            out.extend_from_slice(&(self.words.len() as u32).to_le_bytes());
            put_words(out, &self.words);
        }

        fn decode(reader: &mut Reader<'_>) -> Result<Self, WireError> {
            let flag = reader.bool()?;
            let name = reader.string(64)?;
            let count = reader.count("words", 1000)?;
            Ok(Self { flag, name, words: reader.words(count)? })
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(
            flag: bool, name in "\\PC{0,16}", words: Vec<u64>
        ) {
            let sample = Sample { flag, name, words };
            prop_assert_eq!(decode::<Sample>(&encode(&sample)), Ok(sample));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            if let Ok(sample) = decode::<Sample>(&bytes) {
                prop_assert_eq!(encode(&sample), bytes);
            }
        }
    }

    #[test]
    fn lengths_are_checked_before_anything_is_allocated() {
        let mut bytes = vec![1];
        put_string(&mut bytes, "a");
        bytes.extend_from_slice(&u32::MAX.to_le_bytes());
        let error = decode::<Sample>(&bytes).unwrap_err();
        let limit = 1000;
        assert_eq!(error, WireError::TooLong { field: "words", length: u32::MAX as usize, limit });
        let mut reader = Reader::new(&bytes);
        assert!(matches!(reader.words(usize::MAX), Err(WireError::Truncated { .. })));
    }
}
