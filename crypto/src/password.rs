//! Passwords: what is stored to compare them with, and keys made from them, by Argon2id
//! (RFC 9106).

use std::fmt;
use std::str::FromStr;

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use crate::hash::{bytes_of_hex, hex};
use crate::random::Generator;

/// What one guess costs whoever has stolen a stored value: memory and passes over it, one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
}

impl Cost {
    /// For signing in: 19 MiB and 2 passes, the first choice of OWASP's password storage page.
    pub const SIGN_IN: Self = Self { memory_kib: 19 * 1024, passes: 2 };

    /// For files that may be copied away: 64 MiB and 3 passes, as RFC 9106 recommends where
    /// memory is short (section 4).
    pub const AT_REST: Self = Self { memory_kib: 64 * 1024, passes: 3 };

    /// Next to nothing, for tests that sign in very often.
    pub const TEST: Self = Self { memory_kib: 8, passes: 1 };

    /// A cost as a file states it; `None` beyond 1 GiB or 16 passes, so that no file can make its
    /// reader work for hours.
    pub fn new(memory_kib: u32, passes: u32) -> Option<Self> {
        let is_sound = (8..=1 << 20).contains(&memory_kib) && (1..=16).contains(&passes);
        is_sound.then_some(Self { memory_kib, passes })
    }

    /// Memory in KiB.
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub const fn passes(self) -> u32 {
        self.passes
    }
}

/// The 32 bytes that a password and a salt give.
///
/// # Errors
/// If the password or the salt is longer or shorter than Argon2 takes: a salt has 8 bytes or more.
pub fn derive(
    password: &[u8],
    salt: &[u8],
    cost: Cost,
) -> Result<Zeroizing<[u8; 32]>, PasswordError> {
    let parameters = Params::new(cost.memory_kib, cost.passes, 1, Some(32));
    let parameters = parameters.map_err(|error| PasswordError::Argon2(error.to_string()))?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
    let mut out = Zeroizing::new([0; 32]);
    argon
        .hash_password_into(password, salt, &mut *out)
        .map_err(|error| PasswordError::Argon2(error.to_string()))?;
    Ok(out)
}

/// What is stored of a password. Its text form is `argon2id:`, memory in KiB, passes, salt and
/// hash.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    cost: Cost,
    salt: [u8; SALT_BYTES],
    hash: [u8; 32],
}

impl PasswordHash {
    /// Hashes a password under a fresh salt.
    pub fn new(password: &str, cost: Cost, rng: &mut Generator) -> Result<Self, PasswordError> {
        let mut salt = [0; SALT_BYTES];
        rng.fill_bytes(&mut salt);
        let hash = *derive(password.as_bytes(), &salt, cost)?;
        Ok(Self { cost, salt, hash })
    }

    /// Whether this is the password; takes the same time for every wrong one.
    pub fn verify(&self, password: &str) -> bool {
        // `blake3::Hash` compares in constant time, and says so.
        derive(password.as_bytes(), &self.salt, self.cost).is_ok_and(|hash| {
            blake3::Hash::from_bytes(*hash) == blake3::Hash::from_bytes(self.hash)
        })
    }
}

impl fmt::Display for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost { memory_kib, passes } = self.cost;
        let (salt, hash) = (hex(&self.salt), hex(&self.hash));
        write!(formatter, "{NAME}:{memory_kib}:{passes}:{salt}:{hash}")
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PasswordHash").field("cost", &self.cost).finish_non_exhaustive()
    }
}

impl FromStr for PasswordHash {
    type Err = PasswordError;

    fn from_str(text: &str) -> Result<Self, PasswordError> {
        let parts: Vec<&str> = text.split(':').collect();
        let [NAME, memory, passes, salt, hash] = parts[..] else {
            return Err(PasswordError::Form);
        };
        let number = |text: &str| text.parse::<u32>().map_err(|_| PasswordError::Form);
        let cost = Cost::new(number(memory)?, number(passes)?).ok_or(PasswordError::Form)?;
        let bytes = |text: &str| bytes_of_hex(text).ok_or(PasswordError::Form);
        let salt = bytes(salt)?.try_into().map_err(|_| PasswordError::Form)?;
        let hash = bytes(hash)?.try_into().map_err(|_| PasswordError::Form)?;
        Ok(Self { cost, salt, hash })
    }
}

/// A password could not be hashed, or a stored hash not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// The parameters or inputs are outside of what Argon2 takes.
    #[error("the password cannot be hashed: {0}")]
    Argon2(String),
    /// The text is no stored password.
    #[error("this is no stored password of Argon2id")]
    Form,
}

const NAME: &str = "argon2id";
const SALT_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// What the reference C code (by way of argon2-cffi) gives for `password` and
    /// `somesaltsomesalt`, two passes over 64 KiB in one lane.
    #[test]
    fn known_answer() {
        let cost = Cost::new(64, 2).unwrap();
        let key = derive(b"password", b"somesaltsomesalt", cost).unwrap();
        assert_eq!(hex(&*key), KNOWN);
    }

    const KNOWN: &str = "1a98fba8e6394425c9bdc333a9c750aaf811df070f5fb4a5788e1cf4db5793a1";

    #[test]
    fn a_password_is_told_from_others_after_the_disk() {
        let mut rng = Generator::from_seed([1; 32]);
        let hash = PasswordHash::new("correct horse", Cost::TEST, &mut rng).unwrap();
        let again: PasswordHash = hash.to_string().parse().unwrap();
        assert_eq!(again, hash);
        assert!(again.verify("correct horse"));
        assert!(!again.verify("correct horsf"));
        let other = PasswordHash::new("correct horse", Cost::TEST, &mut rng).unwrap();
        assert_ne!(other, hash, "the salt differs");
    }

    #[test]
    fn what_is_no_stored_password_is_refused() {
        let mut rng = Generator::from_seed([1; 32]);
        let text = PasswordHash::new("x", Cost::TEST, &mut rng).unwrap().to_string();
        let dear = text.replace(":8:1:", ":4194304:1:");
        let long = text.replace(":8:1:", ":8:1000:");
        let other = text.replace("argon2id", "argon2d");
        for wrong in ["", "argon2id", &dear, &long, &other, &text[1..], &text[..text.len() - 1]] {
            assert_eq!(wrong.parse::<PasswordHash>(), Err(PasswordError::Form), "{wrong}");
        }
    }
}
