//! The name of exactly one job: both parties hold the same digest or nothing runs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The digest of a job's canonical form; the permit that a session is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobDigest([u8; 32]);

impl JobDigest {
    /// Wraps the 32 bytes of a digest.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for JobDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// The text is not a digest of 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobDigestError;

impl fmt::Display for JobDigestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a job digest has 64 hexadecimal digits")
    }
}

impl std::error::Error for JobDigestError {}

impl FromStr for JobDigest {
    type Err = JobDigestError;

    fn from_str(text: &str) -> Result<Self, JobDigestError> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(JobDigestError);
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = str::from_utf8(digits).map_err(|_| JobDigestError)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| JobDigestError)?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for JobDigest {
    type Error = JobDigestError;

    fn try_from(text: String) -> Result<Self, JobDigestError> {
        text.parse()
    }
}

impl From<JobDigest> for String {
    fn from(digest: JobDigest) -> Self {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::{JobDigest, JobDigestError};

    #[test]
    fn text_and_bytes_name_the_same_digest() {
        let digest = JobDigest::new(std::array::from_fn(|index| index as u8 * 7));
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!("12".parse::<JobDigest>(), Err(JobDigestError));
        assert_eq!("é".repeat(32).parse::<JobDigest>(), Err(JobDigestError));
    }
}
