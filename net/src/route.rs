//! Names under which one port leads to several listeners.

use std::fmt;
use std::str::FromStr;

use crypto::hash::{bytes_of_hex, hex};
use crypto::random::Generator;

/// The server name of a TLS hello that leads past a member's port to one listener behind it:
/// `s-` and 32 hexadecimal digits.
///
/// It is no secret towards the network, which sees it at every dialling. Who guesses it meets a
/// TLS end that knows one key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route([u8; 16]);

impl Route {
    /// A route that nobody has had before.
    pub fn fresh() -> Self {
        let mut random = [0; 16];
        // A name outside of any protocol, not randomness that a world would inject.
        Generator::from_os().fill_bytes(&mut random);
        Self(random)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PREFIX}{}", hex(&self.0))
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A text is no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a route is written s- and 32 lower-case hexadecimal digits")]
pub struct RouteError;

impl FromStr for Route {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        // One way to write each: names are compared as they stand.
        let digits = text.strip_prefix(PREFIX).filter(|digits| *digits == digits.to_lowercase());
        let bytes = digits.and_then(bytes_of_hex).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(RouteError)
    }
}

const PREFIX: &str = "s-";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_route_is_read_back_and_is_a_server_name(bytes: [u8; 16]) {
            let text = Route(bytes).to_string();
            prop_assert_eq!(text.parse(), Ok(Route(bytes)));
            prop_assert!(rustls_pki_types::ServerName::try_from(text).is_ok());
        }

        #[test]
        fn nothing_else_is_one(text in "(s-)?[0-9a-fA-F-é]{0,33}") {
            if let Ok(route) = text.parse::<Route>() {
                prop_assert_eq!(route.to_string(), text);
            }
        }
    }

    #[test]
    fn routes_are_fresh() {
        assert_ne!(Route::fresh(), Route::fresh());
    }
}
