//! Attributes: the lines `a=name` and `a=name:value`, and what the families of them mean.

mod crypto;
mod direction;
mod format;
mod rtcp;

pub use crypto::{Crypto, CryptoError, CryptoSuite, SessionParameter};
pub use direction::Direction;
pub use format::{FormatParameters, RtpFormat};
pub use rtcp::RtcpAddress;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub name: String,
    pub value: Option<String>,
}

/// The attributes of a session or of one of its media, in order. Unknown ones stay and disturb nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(Vec<Attribute>);

impl Attributes {
    pub fn iter(&self) -> impl Iterator<Item = &Attribute> {
        self.0.iter()
    }

    /// Whether `a=name` is there, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|attribute| attribute.name.eq_ignore_ascii_case(name))
    }

    /// The value of the first of that name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |attribute| attribute.name.eq_ignore_ascii_case(name))
            .filter_map(|attribute| attribute.value.as_deref())
    }

    pub fn push(&mut self, name: &str, value: impl ToString) {
        self.0.push(Attribute { name: name.to_owned(), value: Some(value.to_string()) });
    }

    /// Adds `a=name`.
    pub fn push_flag(&mut self, name: &str) {
        self.0.push(Attribute { name: name.to_owned(), value: None });
    }

    pub(super) fn read(lines: Vec<sdp_types::Attribute>) -> Self {
        Self(
            lines
                .into_iter()
                .map(|line| Attribute {
                    name: line.attribute.trim().to_owned(),
                    value: line.value.map(|value| value.trim().to_owned()),
                })
                .collect(),
        )
    }

    pub(super) fn lines(&self) -> Vec<sdp_types::Attribute> {
        self.0
            .iter()
            .map(|attribute| sdp_types::Attribute { attribute: attribute.name.clone(), value: attribute.value.clone() })
            .collect()
    }
}
