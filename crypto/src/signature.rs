//! Signatures by Ed25519 (RFC 8032), and the keys that parties are known by.

use std::fmt;
use std::str::FromStr;

use curve25519_dalek::edwards::CompressedEdwardsY;
use ring::signature::{ED25519, UnparsedPublicKey};

use crate::hash::{bytes_of_hex, hex};

/// The public half of a party's key; what partners pin. Its text form is `ed25519:` and 64
/// hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Wraps the 32 bytes of a key. Bytes that are no point of the curve verify nothing.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether somebody can have made the key as RFC 8032 says: a point of the curve, and none of
    /// the eight of small order, under which anybody can make signatures of anything.
    pub fn is_sound(&self) -> bool {
        CompressedEdwardsY(self.0).decompress().is_some_and(|point| !point.is_small_order())
    }

    /// Whether `signature` is this key's signature of `statement`.
    pub fn verify(&self, statement: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(statement, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{TEXT_PREFIX}{}", hex(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        let digits = text.strip_prefix(TEXT_PREFIX);
        let bytes = digits.and_then(bytes_of_hex).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| PublicKeyError(text.to_owned()))
    }
}

/// The text is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no key; write {TEXT_PREFIX} and 64 hexadecimal digits")]
pub struct PublicKeyError(String);

const TEXT_PREFIX: &str = "ed25519:";

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, section 7.1, test 2.
    #[test]
    fn known_answer() {
        let bytes = |text: &str| bytes_of_hex(text).unwrap();
        let text = "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
        let key: PublicKey = text.parse().unwrap();
        let signature = bytes(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        );
        assert_eq!(key.to_string(), text);
        assert!(key.verify(&[0x72], &signature));
        assert!(!key.verify(&[0x73], &signature));
        assert!(!key.verify(&[0x72], &signature[1..]));
    }

    /// A signature of nothing by nobody holds under the neutral point, whatever was signed.
    #[test]
    fn keys_that_sign_anything_are_not_sound() {
        let neutral = PublicKey::new(std::array::from_fn(|index| u8::from(index == 0)));
        let mut signature = [0; 64];
        signature[0] = 1;
        assert!(neutral.verify(b"anything", &signature) && !neutral.is_sound());
        assert!(!PublicKey::new([0; 32]).is_sound(), "a point of order 4");
        let text = "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
        assert!(text.parse::<PublicKey>().unwrap().is_sound());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let digits = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
        let long = format!("ed25519:{digits}00");
        for wrong in ["", "ed25519:00", "ed25519:zz", digits, &long, "ed25519:é"] {
            assert!(wrong.parse::<PublicKey>().is_err(), "{wrong}");
        }
    }
}
