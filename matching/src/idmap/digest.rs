//! Digests of keys, in the hexadecimal form that partners exchange.

use std::fmt::Write as _;

use md5::Md5;
use serde::Serialize;
use sha2::Sha256;
use sm3::Sm3;

/// The digests that partners hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Digest {
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// MD5 (RFC 1321): broken as a hash, and still what many device identifiers come in.
    Md5,
    /// SM3 (GB/T 32905-2016).
    Sm3,
}

impl Digest {
    /// The digest of `salt` and then `key`, in lower-case hexadecimal digits.
    pub fn of(self, salt: &str, key: &str) -> String {
        match self {
            Self::Sha256 => hexadecimal::<Sha256>(salt, key),
            Self::Md5 => hexadecimal::<Md5>(salt, key),
            Self::Sm3 => hexadecimal::<Sm3>(salt, key),
        }
    }

    /// A digest that a file holds, in lower case; `None` if it is not one.
    pub fn parse(self, text: &str) -> Option<String> {
        let text = text.trim();
        let digits = match self {
            Self::Sha256 | Self::Sm3 => 64,
            Self::Md5 => 32,
        };
        let sound = text.len() == digits && text.bytes().all(|it| it.is_ascii_hexdigit());
        sound.then(|| text.to_ascii_lowercase())
    }
}

fn hexadecimal<D: sha2::Digest>(salt: &str, key: &str) -> String {
    let digest = D::new().chain_update(salt).chain_update(key).finalize();
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::Digest;

    /// The examples `abc` of FIPS 180-4, RFC 1321 (appendix A.5) and GB/T 32905 (annex A.1).
    #[test]
    fn known_answers() {
        let cases = [
            (Digest::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (Digest::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (Digest::Sm3, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        ];
        for (digest, expected) in cases {
            assert_eq!(digest.of("a", "bc"), expected);
            assert_eq!(
                digest.parse(&format!(" {} ", expected.to_uppercase())),
                Some(expected.into())
            );
            assert_eq!(digest.parse(&expected[1..]), None);
            assert_eq!(digest.parse(&expected.replace('6', "g")), None);
        }
    }
}
