//! Where a node's database is: a file beside it, or a PostgreSQL server.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;

use super::StoreError;

/// The place of a database. Its text shows no password.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// A file of SQLite, made when there is none.
    Sqlite(PathBuf),
    /// A database of a PostgreSQL server, as a URL.
    Postgres(String),
}

impl Address {
    /// Reads `sqlite:PATH` (relative to `folder`) or `postgres://…`.
    ///
    /// A server on another machine has to prove its certificate, unless the URL itself says
    /// `sslmode=disable` (or `require` or `verify-ca`): the driver's own default would fall back
    /// to an open line without a word.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, StoreError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.contains('?') {
                return Err(wrong("write `sqlite:` and the path of a file"));
            }
            return Ok(Self::Sqlite(folder.join(path)));
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(wrong("write `sqlite:PATH` or `postgres://USER@HOST/DATABASE`"));
        }
        let options = PgConnectOptions::from_str(text)
            .map_err(|error| wrong(&format!("the PostgreSQL URL cannot be read: {error}")))?;
        let query = text.split_once('?').map_or("", |(_, query)| query);
        let mode = query.split('&').find_map(|pair| {
            pair.strip_prefix("sslmode=").or_else(|| pair.strip_prefix("ssl-mode="))
        });
        match mode {
            Some("disable" | "require" | "verify-ca" | "verify-full") => {
                Ok(Self::Postgres(text.to_owned()))
            }
            Some(_) => Err(wrong(
                "`sslmode` may be verify-full, verify-ca, require or disable; the others fall \
                 back to an open line without a word",
            )),
            None => {
                let host = options.get_host();
                let is_here = options.get_socket().is_some()
                    || host.starts_with('/')
                    || matches!(host, "localhost" | "127.0.0.1" | "::1" | "[::1]");
                let mode = if is_here { "disable" } else { "verify-full" };
                let joint = if text.contains('?') { '&' } else { '?' };
                Ok(Self::Postgres(format!("{text}{joint}sslmode={mode}")))
            }
        }
    }

    /// What the driver takes.
    pub(super) fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => {
                use std::os::unix::ffi::OsStrExt as _;
                let mut url = "sqlite://".to_owned();
                for &byte in path.as_os_str().as_bytes() {
                    if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
                        url.push(char::from(byte));
                    } else {
                        url.push('%');
                        url.push_str(&crypto::hash::hex(&[byte]));
                    }
                }
                url.push_str("?mode=rwc");
                url
            }
            Self::Postgres(url) => url.clone(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
            // Everything between the scheme and the host may hold a password.
            Self::Postgres(url) => {
                let rest = url.split_once("://").map_or("", |(_, rest)| rest);
                let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
                let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
                write!(formatter, "postgres://{rest}")
            }
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

fn wrong(what: &str) -> StoreError {
    StoreError::Address(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Address, StoreError> {
        Address::parse(text, Path::new("/node"))
    }

    #[test]
    fn a_file_is_relative_to_the_folder() {
        let file = |path: &str| Address::Sqlite(PathBuf::from(path));
        assert_eq!(parse("sqlite:node.db").unwrap(), file("/node/node.db"));
        assert_eq!(parse("sqlite:///var/a b.db").unwrap(), file("/var/a b.db"));
        assert_eq!(parse("sqlite:/var/a b.db").unwrap().url(), "sqlite:///var/a%20b.db?mode=rwc");
        for wrong in ["sqlite:", "node.db", "mysql://a/b", "sqlite:a?mode=memory", "postgres:a"] {
            assert!(matches!(parse(wrong), Err(StoreError::Address(_))), "{wrong}");
        }
    }

    #[test]
    fn a_line_to_another_machine_is_never_open_by_default() {
        let url = |text: &str| match parse(text).unwrap() {
            Address::Postgres(url) => url,
            Address::Sqlite(path) => panic!("{}", path.display()),
        };
        let far = "postgres://node:secret@db.example/node";
        assert_eq!(url(far), format!("{far}?sslmode=verify-full"));
        let near = "postgres://node@%2Frun%2Fpostgresql/node";
        assert_eq!(url(near), format!("{near}?sslmode=disable"));
        let told = "postgres://node@db.example/node?sslmode=disable";
        assert_eq!(url(told), told);
        assert!(parse("postgres://node@db.example/node?sslmode=prefer").is_err());
    }

    #[test]
    fn no_password_is_shown() {
        let address = parse("postgres://node:se@cret@db.example/node?password=hidden").unwrap();
        assert_eq!(format!("{address} {address:?}").matches("cret").count(), 0);
        assert_eq!(address.to_string(), "postgres://db.example/node");
    }
}
