//! A value with parameters: Event, Session-Expires, Subscription-State, Replaces, Reason and their like.

use std::fmt;
use std::str::FromStr;

use super::Params;
use crate::message::SyntaxError;
use crate::message::scan::trim;

/// `value;name=value…`. The value is what stands before the first `;`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameterized {
    pub value: String,
    pub params: Params,
}

impl FromStr for Parameterized {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let at = text.find(';').unwrap_or(text.len());
        let (value, params) = text.split_at_checked(at).unwrap_or((text, ""));
        let value = trim(value);
        if value.is_empty() {
            return Err(SyntaxError("nothing before the parameters"));
        }
        Ok(Self { value: value.to_owned(), params: Params::read(params)? })
    }
}

impl fmt::Display for Parameterized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.value, self.params)
    }
}
