//! Code made from `net/proto/session.proto`; not edited by hand.
//!
//! To make it anew: a scratch crate with `protox` and `tonic-prost-build` 0.14 compiles
//! `session.proto` with `.bytes(".tombolo.session.v1.Data.payload")` into `session.rs`. The house
//! does not build that crate on every machine, because the protocol hardly ever changes; a test
//! notices when it did.

#[rustfmt::skip]
#[expect(
    clippy::pedantic,
    unreachable_pub,
    unused_qualifications,
    reason = "generated code keeps its generator's style"
)]
mod session;

pub(crate) use session::*;

#[cfg(test)]
mod tests {
    /// BLAKE3 of the `session.proto` that `session.rs` was made from.
    const MADE_FROM: &str = "5f38916b1afb1a23cd490398466263824b8c91d648e8cbb100d6ee2ff2a3b8cd";

    #[test]
    fn the_code_is_as_new_as_the_protocol() {
        let protocol = include_bytes!("../../proto/session.proto");
        let hash = blake3::hash(protocol).to_hex();
        assert_eq!(hash.as_str(), MADE_FROM, "make session.rs anew, then set MADE_FROM");
    }
}
