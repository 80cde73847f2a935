//! What may be written: the shape of names, numbers, PINs and addresses. Faults name the field and what is wrong.

use super::error::Invalid;
use crate::address::Address;

pub(super) const MAX_MEMBERS: usize = 1000;
const MAX_TEXT: usize = 128;

type Checked = Result<(), Invalid>;

/// The user part of a SIP address: 1 to `longest` of `a-z 0-9 . _ -`, beginning with a letter or digit.
/// Lower case only, since RFC 3261 §19.1.4 compares user parts by case and people do not.
pub(super) fn user_part(field: &str, text: &str, longest: usize) -> Checked {
    let refuse = |reason: String| Err(Invalid::new(field, reason));
    if text.is_empty() {
        return refuse("is empty".into());
    }
    if text.len() > longest {
        return refuse(format!("is {} long, at most {longest}", text.len()));
    }
    if !text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        return refuse("does not begin with a lower-case letter or a digit".into());
    }
    match text.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-')) {
        Some(c) => refuse(format!("has {c:?}; only lower-case letters, digits, '.', '_' and '-' may stand in it")),
        None => Ok(()),
    }
}

pub(super) fn text(field: &str, text: &str) -> Checked {
    match text.chars().count() {
        length if length > MAX_TEXT => {
            Err(Invalid::new(field, format!("is {length} characters long, at most {MAX_TEXT}")))
        }
        _ if text.chars().any(char::is_control) => Err(Invalid::new(field, "has a control character")),
        _ => Ok(()),
    }
}

pub(super) fn email(email: &str) -> Checked {
    let refuse = |reason| Err(Invalid::new("email", reason));
    match email.rsplit_once('@') {
        _ if email.len() > 254 => refuse("is longer than 254"),
        _ if email.chars().any(|c| c.is_control() || c.is_whitespace()) => refuse("has a space or control character"),
        Some((local, domain)) if !local.is_empty() && !domain.is_empty() => Ok(()),
        _ => refuse("is not NAME@DOMAIN"),
    }
}

pub(super) fn pin(field: &str, pin: &str) -> Checked {
    match pin.len() {
        4..=16 if pin.bytes().all(|digit| digit.is_ascii_digit()) => Ok(()),
        _ => Err(Invalid::new(field, "is not 4 to 16 digits")),
    }
}

/// A PIN that is not stored yet has at least so many digits.
pub(super) fn new_pin(field: &str, pin: Option<&str>, least: usize) -> Checked {
    match pin.map(str::len) {
        Some(length) if length < least => {
            Err(Invalid::new(field, format!("is {length} digits long, at least {least}")))
        }
        _ => Ok(()),
    }
}

/// An address that can be called.
pub(super) fn address(field: &str, address: &str) -> Checked {
    match Address::read(address) {
        Ok(_) => Ok(()),
        Err(fault) => Err(Invalid::new(field, format!("{address:?} {fault}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_parts() {
        for good in ["alice", "1000", "a.b-c_d", "0"] {
            assert_eq!(user_part("name", good, 32), Ok(()), "{good}");
        }
        for (bad, reason) in [
            ("", "name: is empty"),
            ("-a", "name: does not begin with a lower-case letter or a digit"),
            ("Alice", "name: does not begin with a lower-case letter or a digit"),
            ("al ice", "name: has ' '; only lower-case letters, digits, '.', '_' and '-' may stand in it"),
            ("abcdefghi", "name: is 9 long, at most 8"),
        ] {
            assert_eq!(user_part("name", bad, 8).unwrap_err().to_string(), reason);
        }
    }

    #[test]
    fn an_address_is_refused_with_its_text_and_the_reason() {
        assert_eq!(address("address", "sip:alice@example.org"), Ok(()));
        assert_eq!(
            address("address", "+39055").unwrap_err().to_string(),
            "address: \"+39055\" is a number: write it with \"tel:\" before it"
        );
    }

    #[test]
    fn pins_and_mail() {
        assert_eq!(pin("pin", "0000"), Ok(()));
        for bad in ["", "123", "12a4", "12345678901234567"] {
            assert!(pin("pin", bad).is_err(), "{bad}");
        }
        assert_eq!(email("a@b"), Ok(()));
        for bad in ["", "a", "@b", "a@", "a b@c"] {
            assert!(email(bad).is_err(), "{bad}");
        }
    }
}
