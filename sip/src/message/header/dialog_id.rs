//! The name of a dialog that a request points at: Replaces (RFC 3891 §6.1), Join (RFC 3911 §7.1), Target-Dialog
//! (RFC 4538 §7).

use std::fmt;
use std::str::FromStr;

use super::{HeaderName, Headers, Parameterized};
use crate::message::{HeaderError, SyntaxError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialogId {
    pub call_id: String,
    /// Of whom the request goes to; `0` where RFC 2543 has none.
    pub to_tag: String,
    /// Of the other side.
    pub from_tag: String,
    /// Of Replaces alone: only while nobody has answered.
    pub early_only: bool,
}

impl DialogId {
    /// As the other side names it.
    pub fn turned(&self) -> Self {
        Self { to_tag: self.from_tag.clone(), from_tag: self.to_tag.clone(), ..self.clone() }
    }

    fn of(named: &Parameterized, to: &str, from: &str) -> Result<Self, SyntaxError> {
        let one = |name: &str| {
            let mut values = named.params.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
            match (values.next(), values.next()) {
                (Some((_, Some(tag))), None) if !tag.is_empty() => Ok(tag.to_owned()),
                _ => Err(SyntaxError("not exactly one tag of each side")),
            }
        };
        let (to_tag, from_tag) = (one(to)?, one(from)?);
        Ok(Self { call_id: named.value.clone(), to_tag, from_tag, early_only: named.params.contains("early-only") })
    }
}

/// As Replaces and Join write it.
impl FromStr for DialogId {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        Self::of(&text.parse()?, "to-tag", "from-tag")
    }
}

impl fmt::Display for DialogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let early_only = if self.early_only { ";early-only" } else { "" };
        write!(f, "{};to-tag={};from-tag={}{early_only}", self.call_id, self.to_tag, self.from_tag)
    }
}

impl Headers {
    pub fn replaces(&self) -> Result<Option<DialogId>, HeaderError> {
        self.single(&HeaderName::Replaces)
    }

    pub fn join(&self) -> Result<Option<DialogId>, HeaderError> {
        self.single(&HeaderName::Join)
    }

    /// Its tags are named as the recipient sees them, like those of a dialog package (RFC 4235); not all senders do so: see
    /// [`DialogId::turned`].
    pub fn target_dialog(&self) -> Result<Option<DialogId>, HeaderError> {
        let name = &HeaderName::TargetDialog;
        let named = self.parameterized(name)?;
        let id = named.map(|named| DialogId::of(&named, "local-tag", "remote-tag"));
        id.transpose().map_err(|error| HeaderError::new(name, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Header;

    #[test]
    fn the_examples_of_the_rfcs() {
        let replaces: DialogId = "425928@bobster.example.org;to-tag=7743;from-tag=6472".parse().expect("RFC 3891 §4");
        assert_eq!((replaces.to_tag.as_str(), replaces.from_tag.as_str()), ("7743", "6472"));
        let text = "98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff;early-only";
        let early: DialogId = text.parse().expect("§6.1");
        assert!(early.early_only);
        assert_eq!(early.to_string().parse::<DialogId>(), Ok(early));
    }

    #[test]
    fn target_dialog_speaks_from_the_recipients_side() {
        let mut headers = Headers::default();
        let value = "fa77as7dad8-sd98ajzz@host.example.com;local-tag=kkaz-;remote-tag=6544";
        headers.push(Header::new(HeaderName::TargetDialog, value));
        let id = headers.target_dialog().expect("RFC 4538 §7").expect("it");
        assert_eq!((id.to_tag.as_str(), id.from_tag.as_str()), ("kkaz-", "6544"));
        assert_eq!((id.turned().to_tag.as_str(), id.turned().turned()), ("6544", id));
    }

    #[test]
    fn each_side_has_exactly_one_tag() {
        for text in
            ["", "a@b", "a@b;to-tag=1", "a@b;to-tag=1;to-tag=2;from-tag=3", "a@b;to-tag;from-tag=1", ";to-tag=1"]
        {
            assert!(text.parse::<DialogId>().is_err(), "{text}");
        }
    }
}
