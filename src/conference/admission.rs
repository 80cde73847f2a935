//! Who may come in: RFC 4579 §5.1 and §6, by the `access` of the stored conference.

use super::roster::{Door, Role};

/// A caller at the door, after authentication and keypad.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// The account whose password the caller proved to know.
    pub account: Option<String>,
    /// From, as a URI.
    pub address: String,
    pub name: String,
    pub door: Door,
    /// What the caller typed, where a PIN was asked for.
    pub pin: Option<String>,
    /// Who sent him here, as Referred-By says it: a URI.
    pub referred_by: Option<String>,
    /// Somebody who may add participants brings him along: neither list nor lock keeps him out.
    pub brought: bool,
    /// Nobody in the conference shall learn who it is (RFC 3323).
    pub anonymous: bool,
}

/// What a caller must show before he can be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    Nothing,
    /// Digest credentials of an account.
    Account,
    /// The PIN, by keypad, after the call was answered.
    Pin,
}

/// Why a caller stays outside. The SIP status stands in one place: `JoinError::status`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    #[error("there is no conference {number}")]
    NoSuchConference { number: String },
    #[error("conference {number} is locked")]
    Locked { number: String },
    #[error("conference {number} is full: {present} of {limit} participants")]
    Full { number: String, present: usize, limit: usize },
    #[error("{address} was removed from conference {number} for good")]
    Banned { number: String, address: String },
    #[error("conference {number} is for authenticated accounts")]
    NotAuthenticated { number: String },
    #[error("{account} is not on the list of conference {number}")]
    NotAMember { number: String, account: String },
    #[error("{account} has {limit} conferences of the factory's already")]
    TooManyMade { account: String, limit: usize },
    #[error("{account} has {limit} legs in conference {number} already")]
    TooManyLegs { number: String, account: String, limit: usize },
    #[error("whose place was asked for is no longer in conference {number}")]
    NobodyToReplace { number: String },
    #[error("wrong PIN for conference {number}")]
    WrongPin { number: String },
    #[error("the server is too busy: {what}")]
    Busy { what: String },
}

impl JoinError {
    /// The SIP status that the caller is refused with.
    pub fn status(&self) -> u16 {
        match self {
            Self::NoSuchConference { .. } => 404,
            Self::NotAuthenticated { .. } => 401,
            Self::TooManyMade { .. }
            | Self::TooManyLegs { .. }
            | Self::Locked { .. }
            | Self::Banned { .. }
            | Self::NotAMember { .. }
            | Self::WrongPin { .. } => 403,
            Self::NobodyToReplace { .. } => 481,
            Self::Full { .. } => 486,
            Self::Busy { .. } => 503,
        }
    }
}

/// The roles that a PIN opens: the chair's makes a chair.
pub fn role_by_pin(entered: &str, pin: Option<&str>, chair_pin: Option<&str>) -> Option<Role> {
    if chair_pin.is_some_and(|chair| same(entered, chair)) {
        Some(Role::Chair)
    } else if pin.is_some_and(|pin| same(entered, pin)) {
        Some(Role::Participant)
    } else {
        None
    }
}

/// Compares in a time that does not tell how many digits were right.
fn same(entered: &str, wanted: &str) -> bool {
    let difference = entered.bytes().zip(wanted.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    entered.len() == wanted.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chair_pin_makes_a_chair_and_a_wrong_pin_nobody() {
        let role = |entered| role_by_pin(entered, Some("123456"), Some("999999"));
        assert_eq!(role("999999"), Some(Role::Chair));
        assert_eq!(role("123456"), Some(Role::Participant));
        assert_eq!(role("12345"), None);
        assert_eq!(role("123457"), None);
        assert_eq!(role_by_pin("", None, None), None);
    }
}
