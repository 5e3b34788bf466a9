//! A secret under a passphrase, for files: ChaCha20-Poly1305 (RFC 8439) under a key that Argon2id
//! makes.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::hash::{bytes_of_hex, hex};
use crate::password::{Cost, derive};
use crate::random::Generator;

/// Seals a secret. The text is one line for each part; only the passphrase opens it, and any
/// change to it is noticed.
///
/// Salt and nonce are fresh each time, so that two seals of one secret tell nothing.
pub fn seal(
    secret: &[u8],
    passphrase: &str,
    cost: Cost,
    rng: &mut Generator,
) -> Result<String, SealedError> {
    let (mut salt, mut nonce) = ([0; 16], [0; 12]);
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(&mut nonce);
    let header = header(cost, &salt, &nonce);
    let key = key(passphrase, &salt, cost)?;
    let mut bytes = secret.to_vec();
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce, Aad::from(header.as_bytes()), &mut bytes)
        .map_err(|_| SealedError::TooLong)?;
    Ok(format!("{header}{}\n", hex(&bytes)))
}

/// Opens what [`seal`] gave.
pub fn open(sealed: &str, passphrase: &str) -> Result<Zeroizing<Vec<u8>>, SealedError> {
    let (cost, salt, nonce, bytes) = parse(sealed).ok_or(SealedError::Form)?;
    let header = header(cost, &salt, &nonce);
    let key = key(passphrase, &salt, cost)?;
    let mut bytes = Zeroizing::new(bytes);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let plain = key
        .open_in_place(nonce, Aad::from(header.as_bytes()), &mut bytes)
        .map_err(|_| SealedError::Passphrase)?;
    Ok(Zeroizing::new(plain.to_vec()))
}

/// Whether a file holds something sealed.
pub fn is_sealed(text: &str) -> bool {
    text.starts_with(FIRST_LINE)
}

/// What stands before the sealed bytes, all of which is authenticated.
fn header(cost: Cost, salt: &[u8], nonce: &[u8]) -> String {
    let (memory, passes) = (cost.memory_kib(), cost.passes());
    format!("{FIRST_LINE}argon2id {memory} {passes} {}\n{}\n", hex(salt), hex(nonce))
}

type Parts = (Cost, [u8; 16], [u8; 12], Vec<u8>);

fn parse(sealed: &str) -> Option<Parts> {
    let mut lines = sealed.strip_prefix(FIRST_LINE)?.lines();
    let parts: Vec<&str> = lines.next()?.split(' ').collect();
    let ["argon2id", memory, passes, salt] = parts[..] else { return None };
    let cost = Cost::new(memory.parse().ok()?, passes.parse().ok()?)?;
    let salt = bytes_of_hex(salt)?.try_into().ok()?;
    let nonce = bytes_of_hex(lines.next()?)?.try_into().ok()?;
    let bytes = bytes_of_hex(lines.next()?)?;
    lines.next().is_none().then_some((cost, salt, nonce, bytes))
}

fn key(passphrase: &str, salt: &[u8], cost: Cost) -> Result<LessSafeKey, SealedError> {
    let key = derive(passphrase.as_bytes(), salt, cost).map_err(|_| SealedError::TooLong)?;
    let key = UnboundKey::new(&CHACHA20_POLY1305, &*key).map_err(|_| SealedError::TooLong)?;
    Ok(LessSafeKey::new(key))
}

/// Something sealed could not be made or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealedError {
    /// The text is nothing that this module wrote.
    #[error("this is no sealed secret, or it was cut off")]
    Form,
    /// The passphrase is another, or a byte was changed.
    #[error("the passphrase is wrong, or the file was changed")]
    Passphrase,
    /// More than can be sealed at once: 256 GiB, or a passphrase of 4 GiB.
    #[error("the secret or the passphrase is too long to be sealed")]
    TooLong,
}

const FIRST_LINE: &str = "tombolo sealed secret, version 1\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_passphrase_opens_it() {
        let mut rng = Generator::from_seed([2; 32]);
        let sealed = seal(b"a key", "open sesame", Cost::TEST, &mut rng).unwrap();
        assert!(is_sealed(&sealed));
        assert!(!sealed.contains(&hex(b"a key")));
        assert_eq!(*open(&sealed, "open sesame").unwrap(), b"a key");
        assert_eq!(open(&sealed, "open sesama"), Err(SealedError::Passphrase));
        let again = seal(b"a key", "open sesame", Cost::TEST, &mut rng).unwrap();
        assert_ne!(again, sealed);
    }

    #[test]
    fn every_changed_letter_is_noticed() {
        let mut rng = Generator::from_seed([3; 32]);
        let sealed = seal(b"a key", "x", Cost::TEST, &mut rng).unwrap();
        for at in 0..sealed.len() - 1 {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(open(&changed, "x").is_err(), "letter {at}: {changed}");
            assert!(open(&sealed[..at], "x").is_err(), "cut at {at}");
        }
    }
}
