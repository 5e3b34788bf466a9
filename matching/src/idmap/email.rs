//! Addresses of electronic mail.

/// The longest address (RFC 5321, section 4.5.3.1, as corrected by erratum 1690).
const CHARACTERS_MAX: usize = 254;

/// The address in lower case, or `None` if it cannot be one.
///
/// Domains do not tell case apart; local parts may in theory, but no large provider does, and
/// every advertising platform lower-cases them. With `provider_rules` the addresses that one
/// mailbox of Gmail has become one: dots and everything from `+` on leave the local part, and
/// `googlemail.com` becomes `gmail.com`. Other providers keep dots apart, so nothing else changes.
pub(super) fn normalise(text: &str, provider_rules: bool) -> Option<String> {
    let address = text.trim().to_lowercase();
    let (local, domain) = address.rsplit_once('@')?;
    let plain = |part: &str| !part.chars().any(|it| it.is_whitespace() || it.is_control());
    let labels = |domain: &str| domain.contains('.') && !domain.split('.').any(str::is_empty);
    let sound = !local.is_empty()
        && !local.contains('@')
        && plain(&address)
        && labels(domain)
        && address.chars().count() <= CHARACTERS_MAX;
    if !sound {
        return None;
    }
    if !provider_rules || !matches!(domain, "gmail.com" | "googlemail.com") {
        return Some(address);
    }
    let mailbox: String =
        local.chars().take_while(|it| *it != '+').filter(|it| *it != '.').collect();
    (!mailbox.is_empty()).then(|| format!("{mailbox}@gmail.com"))
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn addresses_are_lower_cased_and_keep_their_dots() {
        assert_eq!(
            normalise(" Ann.Lee@Example.COM ", false).as_deref(),
            Some("ann.lee@example.com")
        );
        assert_eq!(normalise("a.b+c@gmail.com", false).as_deref(), Some("a.b+c@gmail.com"));
        assert_eq!(normalise("张三@例子.中国", false).as_deref(), Some("张三@例子.中国"));
    }

    #[test]
    fn one_mailbox_of_gmail_is_one_address() {
        for text in ["ann.lee@gmail.com", "AnnLee+news@googlemail.com", "a.n.n.lee+x+y@Gmail.com"] {
            assert_eq!(normalise(text, true).as_deref(), Some("annlee@gmail.com"), "{text}");
        }
        assert_eq!(normalise("a.b+c@outlook.com", true).as_deref(), Some("a.b+c@outlook.com"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "@", "a@", "@b.c", "a@b", "a b@c.d", "a@b@c.d", "a@.b", "+x@gmail.com"] {
            assert_eq!(normalise(text, true), None, "{text}");
        }
        assert_eq!(normalise(&format!("{}@b.c", "a".repeat(251)), false), None);
    }
}
