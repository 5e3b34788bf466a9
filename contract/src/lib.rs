//! What every party has to agree on before anything runs, as pure data.
//!
//! A [`ComponentDescriptor`] says what a component does, which parameters it takes within which
//! bounds, which privacy modes it has, and what each role learns in each of them. The same
//! descriptors drive the job file parser, the disclosure statement that people approve, the
//! comparison with what was really opened ([`Observed`]), and the documentation. Nothing here
//! runs, reads or sends anything.

#![forbid(unsafe_code)]

pub mod catalogue;
mod component;
mod digest;
mod disclosure;
mod role;
mod share;
mod text;

pub use component::{ComponentDescriptor, ParameterDescriptor, ParameterKind, PrivacyMode, STRICT};
pub use digest::{JobDigest, JobDigestError};
pub use disclosure::{Disclosure, DisclosureKind, Frequency, Observed, undeclared};
pub use role::{Audience, Role};
pub use share::{Share, ShareError};
pub use text::Text;
