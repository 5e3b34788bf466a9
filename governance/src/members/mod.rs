//! Members: who they are, how they find and trust each other.
//!
//! A member is known by its first key, its [`MemberId`], for good. It publishes a signed [`Card`]
//! and a signed [`Catalogue`] of what its data are about; newer versions succeed older ones. Cards
//! may come from anybody, since each carries its owner's signature and the rotations that lead from
//! the first key to the one that signed. Being known is not being trusted: a member becomes a
//! partner by an own [`Invitation`], or by an [`Introduction`] that somebody here adopted, and the
//! [`Directory`] says which. Nobody is in charge of an alliance: it is the members that partners
//! vouch for under its name.

mod card;
mod catalogue;
mod directory;
mod event;
mod invitation;
mod keys;
#[cfg(test)]
mod tests;

pub use card::{Card, Rotation};
pub use catalogue::{
    Catalogue, ColumnDescription, ColumnKind, DataDescription, Hit, rounded_rows, search,
};
pub use directory::Directory;
pub use event::{Event, Fork, Member, Refusal, Standing};
pub use invitation::{Acceptance, Introduction, Invitation, InvitationError, Nonce, pair_code};
pub use keys::{Keyring, MemberId};
