//! Secrets that people and programs carry: random, shown once, stored as a hash.

use crypto::hash::{digest, hex};
use crypto::random::Generator;
use zeroize::Zeroizing;

/// 256 random bits as hexadecimal digits.
pub(super) fn random(rng: &mut Generator) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; 32]);
    rng.fill_bytes(&mut *bytes);
    Zeroizing::new(hex(&*bytes))
}

/// A short id of its kind, such as `per_8c1f20a97b3d`.
pub(super) fn id(prefix: &str, rng: &mut Generator) -> String {
    let mut bytes = [0; 8];
    rng.fill_bytes(&mut bytes);
    format!("{prefix}_{}", hex(&bytes))
}

/// What is stored of a secret. It has 256 random bits, so that a plain hash is enough.
pub(super) fn stored(secret: &str) -> String {
    hex(&digest("node/people secret", &[secret.as_bytes()]))
}

/// A password that somebody can type from a sheet of paper: 100 random bits in letters and digits
/// that are not mistaken for each other.
pub(super) fn one_time_password(rng: &mut Generator) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(23));
    for place in 0..20 {
        if place > 0 && place % 5 == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[rng.below(ALPHABET.len() as u64) as usize]));
    }
    text
}

/// The proof that a browser has signed in as a person before.
pub(super) fn device_proof(key: &str, person: &str, device: &str) -> String {
    let parts = [key.as_bytes(), person.as_bytes(), device.as_bytes()];
    hex(&digest("node/people device", &parts))
}

/// 32 letters and digits without i, l, o and u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_have_their_form() {
        let mut rng = Generator::from_seed([5; 32]);
        let password = one_time_password(&mut rng);
        assert_eq!(password.split('-').map(str::len).collect::<Vec<_>>(), [5; 4]);
        assert_ne!(one_time_password(&mut rng), password);
        assert_eq!(random(&mut rng).len(), 64);
        assert_ne!(stored("a"), stored("b"));
        assert_eq!(id("per", &mut rng).len(), 20);
        assert_ne!(device_proof("k", "ab", "c"), device_proof("k", "a", "bc"));
    }
}
