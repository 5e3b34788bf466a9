//! Code made from `net/proto`; not edited by hand.
//!
//! To make it anew: a scratch crate with `protox` and `tonic-prost-build` 0.14 compiles
//! `session.proto` with `.bytes(".tombolo.session.v1.Data.payload")` into `session.rs`, and
//! `control.proto` with `.bytes(".tombolo.control.v1.Letter.bytes")` into `control.rs`. The house
//! does not build that crate on every machine, because the protocols hardly ever change; a test
//! notices when one did.

#[rustfmt::skip]
#[expect(
    clippy::pedantic,
    unreachable_pub,
    unused_qualifications,
    reason = "generated code keeps its generator's style"
)]
pub(crate) mod control;
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
    /// Each protocol, and BLAKE3 of the text that its code was made from.
    const MADE_FROM: [(&str, &[u8], &str); 2] = [
        (
            "control",
            include_bytes!("../../proto/control.proto"),
            "080bd8658c50a17f1c6fed1133e4d6c6b123690af0f36ddfc5b4ac0d7b6fa0db",
        ),
        (
            "session",
            include_bytes!("../../proto/session.proto"),
            "5f38916b1afb1a23cd490398466263824b8c91d648e8cbb100d6ee2ff2a3b8cd",
        ),
    ];

    #[test]
    fn the_code_is_as_new_as_the_protocols() {
        for (name, protocol, made_from) in MADE_FROM {
            let hash = blake3::hash(protocol).to_hex();
            assert_eq!(hash.as_str(), made_from, "make {name}.rs anew, then set MADE_FROM");
        }
    }
}
