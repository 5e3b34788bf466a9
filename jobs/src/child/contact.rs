//! Another party as the command line names it: who it is, and where it can be dialled.

use std::str::FromStr;

use net::{PublicKey, Route};

/// `NAME=KEY` for a party that dials, `NAME=KEY@HOST:PORT` for one that is dialled, and
/// `NAME=KEY@HOST:PORT/ROUTE` for one behind a node's port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The party's name in the job.
    pub name: String,
    /// Its pinned key.
    pub key: PublicKey,
    /// Where it listens; `None` for a party that dials this one.
    pub address: Option<String>,
    /// Which of the listeners behind that address is meant.
    pub route: Option<Route>,
}

impl FromStr for Contact {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, rest) = text.split_once('=').ok_or(FORM)?;
        let (key, place) = match rest.split_once('@') {
            Some((key, place)) => (key, Some(place)),
            None => (rest, None),
        };
        let (address, route) = match place.map(|place| place.split_once('/').ok_or(place)) {
            Some(Ok((address, route))) => (Some(address.to_owned()), Some(route)),
            Some(Err(address)) => (Some(address.to_owned()), None),
            None => (None, None),
        };
        let has_port = |address: &String| {
            let port = address.rsplit_once(':').map(|(host, port)| (host, port.parse::<u16>()));
            matches!(port, Some((host, Ok(_))) if !host.is_empty())
        };
        if name.is_empty() || !address.as_ref().is_none_or(has_port) {
            return Err(FORM.to_owned());
        }
        let key = key.parse::<PublicKey>().map_err(|error| error.to_string())?;
        let route = route.map(str::parse::<Route>).transpose().map_err(|error| {
            format!("{error}, as the node of {name} has made it for this run; {FORM}")
        })?;
        Ok(Self { name: name.to_owned(), key, address, route })
    }
}

impl std::fmt::Display for Contact {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}={}", self.name, self.key)?;
        self.address.iter().try_for_each(|address| write!(formatter, "@{address}"))?;
        self.route.iter().try_for_each(|route| write!(formatter, "/{route}"))
    }
}

const FORM: &str = "write NAME=ed25519:… for a partner that dials this party, and \
                    NAME=ed25519:…@HOST:PORT for one that is dialled, followed by /ROUTE if it \
                    is behind the port of its node";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_are_read_back() {
        let key = format!("ed25519:{}", "0f".repeat(32));
        let direct = format!("bank={key}@[::1]:7443");
        let routed = format!("{direct}/s-{}", "1e".repeat(16));
        for text in [&format!("bank={key}"), &direct, &routed] {
            assert_eq!(&text.parse::<Contact>().unwrap().to_string(), text);
        }
        for wrong in ["bank", "=", &format!("={key}"), &format!("bank={key}@host"), "bank=key"] {
            assert!(wrong.parse::<Contact>().is_err(), "{wrong}");
        }
        for route in ["", "s-12", "tombolo", &format!("{}/", "0".repeat(34))] {
            let error = format!("{direct}/{route}").parse::<Contact>().unwrap_err();
            assert!(error.contains("32 lower-case hexadecimal digits"), "{error}");
        }
    }
}
