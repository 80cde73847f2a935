//! What a check brought, and whose checks both kinds of agent refuse alike: RFC 8489 §9.1.3 and §6.3.1.

use std::net::SocketAddr;

use aws_lc_rs::hmac;

use super::stun::{Message, Reply};

#[derive(Clone, Copy, Debug, Default)]
pub struct Checked {
    /// To be sent back where the check came from.
    pub reply: Option<Reply>,
    /// The peer is to be met here from now on.
    pub moved: Option<SocketAddr>,
    /// Why it counts for nothing. A forged one gets its error all the same, and nothing else changes.
    pub fault: Option<CheckFault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckFault {
    #[error("not a STUN message")]
    Malformed,
    #[error("the sender does not know the password")]
    Forged,
}

impl Checked {
    pub(super) fn replied(reply: Reply) -> Self {
        Self { reply: Some(reply), ..Self::default() }
    }

    pub(super) fn faulty(fault: CheckFault) -> Self {
        Self { fault: Some(fault), ..Self::default() }
    }

    /// What a request is refused with that is not the peer's, or that wants what we do not know.
    ///
    /// `username`: what USERNAME must say; `key`: of our password.
    pub(super) fn refusal(request: &Message<'_>, username: &str, key: &hmac::Key) -> Option<Self> {
        let forged = |code, reason| {
            Some(Self { fault: Some(CheckFault::Forged), ..Self::replied(request.error(code, reason, None)) })
        };
        if request.username.is_none() || !request.has_integrity() {
            return forged(400, "Bad Request");
        }
        if request.username != Some(username.as_bytes()) || !request.verifies(key) {
            return forged(401, "Unauthorized");
        }
        request.unknown.is_some().then(|| Self::replied(request.error(420, "Unknown", Some(key))))
    }
}
