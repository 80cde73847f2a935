//! Addresses that people type: the name of an account here, a `sip:` or `sips:` URI, a `tel:` URI.
//!
//! One rule for what is stored and what is called. RFC 3261 §19.1, RFC 3966.

use plenary_sip::message::Uri;

const LONGEST: usize = 255;
const LONGEST_NAME: usize = 64;

/// Why what was typed is no address: to be read behind the address itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("is empty")]
    Empty,
    #[error("is {length} long, at most {LONGEST}")]
    TooLong { length: usize },
    #[error("has a character that may not stand in an address")]
    BadCharacter,
    #[error("is not a SIP URI (RFC 3261 §19.1)")]
    NoSipUri,
    #[error("is not a telephone number (RFC 3966)")]
    NoNumber,
    #[error("is a number: write it with \"tel:\" before it")]
    BareNumber,
    #[error("is neither a sip:, sips: or tel: URI nor the name of an account")]
    Neither,
}

/// What somebody typed, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Of this server.
    Account(String),
    /// Its scheme in lower case.
    Uri(String),
}

impl Address {
    pub fn read(typed: &str) -> Result<Self, AddressError> {
        let typed = typed.trim();
        if typed.is_empty() {
            return Err(AddressError::Empty);
        }
        if typed.len() > LONGEST {
            return Err(AddressError::TooLong { length: typed.len() });
        }
        if typed.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | '"')) {
            return Err(AddressError::BadCharacter);
        }
        let Some((scheme, rest)) = typed.split_once(':') else { return account(typed) };
        match scheme.to_ascii_lowercase().as_str() {
            scheme @ ("sip" | "sips") => {
                let uri = format!("{scheme}:{rest}");
                let is_sip = matches!(uri.parse(), Ok(Uri::Sip(_)));
                if is_sip { Ok(Self::Uri(uri)) } else { Err(AddressError::NoSipUri) }
            }
            "tel" if is_number(rest) => Ok(Self::Uri(format!("tel:{rest}"))),
            "tel" => Err(AddressError::NoNumber),
            _ => Err(AddressError::Neither),
        }
    }

    /// The URI to be called. An account is one of `domain`.
    pub fn uri(self, domain: &str) -> String {
        match self {
            Self::Account(name) => format!("sip:{name}@{domain}"),
            Self::Uri(uri) => uri,
        }
    }
}

/// The account of this server that a URI names.
pub fn account_of(uri: &str, domain: &str) -> Option<String> {
    let rest = uri.strip_prefix("sip:").or_else(|| uri.strip_prefix("sips:"))?;
    let (user, host) = rest.split_once('@')?;
    let host = host.split([';', '?']).next()?;
    let same_domain = host.eq_ignore_ascii_case(domain);
    (same_domain && !user.is_empty()).then(|| user.to_owned())
}

fn account(name: &str) -> Result<Address, AddressError> {
    let good = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-');
    let begins_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    match begins_well && name.len() <= LONGEST_NAME && name.chars().all(good) {
        true => Ok(Address::Account(name.to_owned())),
        false if name.starts_with('+') => Err(AddressError::BareNumber),
        false => Err(AddressError::Neither),
    }
}

fn is_number(rest: &str) -> bool {
    let number = rest.split(';').next().unwrap_or_default();
    let digits = number.strip_prefix('+').unwrap_or(number);
    let dialable = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#' | '-' | '.' | '(' | ')');
    !digits.is_empty() && digits.chars().all(dialable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_becomes_a_uri_or_a_reason() {
        let uri = |typed| Address::read(typed).map(|address| address.uri("example.org"));
        for (typed, expected) in [
            ("alice", "sip:alice@example.org"),
            ("101", "sip:101@example.org"),
            (" SIP:bob@10.0.0.1:5070;transport=tcp ", "sip:bob@10.0.0.1:5070;transport=tcp"),
            ("sips:bob@[2001:db8::1]:5061", "sips:bob@[2001:db8::1]:5061"),
            ("sip:example.org", "sip:example.org"),
            ("tel:+39-06-1234", "tel:+39-06-1234"),
            ("tel:7042;phone-context=example.com", "tel:7042;phone-context=example.com"),
        ] {
            assert_eq!(uri(typed).as_deref(), Ok(expected), "{typed}");
        }
        for (typed, expected) in [
            ("", AddressError::Empty),
            ("Alice", AddressError::Neither),
            ("sip:", AddressError::NoSipUri),
            ("sip:alice@", AddressError::NoSipUri),
            ("sip:alice@;x", AddressError::NoSipUri),
            ("tel:", AddressError::NoNumber),
            ("tel:alice", AddressError::NoNumber),
            ("mailto:a@b", AddressError::Neither),
            ("bob@example.org", AddressError::Neither),
            ("sip:a b@c", AddressError::BadCharacter),
            ("<sip:a@b>", AddressError::BadCharacter),
            ("+39055", AddressError::BareNumber),
        ] {
            assert_eq!(uri(typed), Err(expected), "{typed:?}");
        }
    }

    #[test]
    fn an_account_is_the_user_of_our_domain() {
        assert_eq!(account_of("sip:alice@example.org;transport=tls", "Example.org").as_deref(), Some("alice"));
        assert_eq!(account_of("sip:alice@elsewhere.org", "example.org"), None);
        assert_eq!(account_of("tel:+391", "example.org"), None);
    }
}
