//! CSeq, RFC 3261 §20.16.

use std::fmt;
use std::str::FromStr;

use crate::message::scan::{is_token, trim};
use crate::message::{Method, SyntaxError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    pub number: u32,
    pub method: Method,
}

impl FromStr for CSeq {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let text = trim(text);
        let (digits, method) = text.split_once([' ', '\t']).ok_or(SyntaxError("not a number and a method"))?;
        let method = trim(method);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(SyntaxError("sequence number is not a number"));
        }
        if method.is_empty() || !method.bytes().all(is_token) {
            return Err(SyntaxError("method is not a token"));
        }
        let number = digits.parse().map_err(|_| SyntaxError("sequence number above 32 bits"))?;
        Ok(Self { number, method: method.into() })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_and_wide_gaps_are_legal() {
        let cseq: CSeq = "0009   INVITE".parse().expect("well-formed");
        assert_eq!(cseq.to_string(), "9 INVITE");
    }

    #[test]
    fn refused() {
        for text in ["", "1", "INVITE", "1 A B", "-1 INVITE", "+1 INVITE", "4294967296 INVITE"] {
            assert!(text.parse::<CSeq>().is_err(), "{text}");
        }
    }
}
