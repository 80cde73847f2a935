//! What a peer can write wrongly, and what to answer.

use super::{HeaderName, Request, StatusCode};

/// A text that does not follow its grammar. The text says what was expected or found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SyntaxError(pub &'static str);

/// A header that is missing, there twice, or not readable as what it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{header}: {fault}")]
pub struct HeaderError {
    pub header: HeaderName,
    pub fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("missing")]
    Missing,
    #[error("more than one")]
    Repeated,
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
}

impl HeaderError {
    pub(crate) fn new(header: &HeaderName, fault: impl Into<Fault>) -> Self {
        Self { header: header.clone(), fault: fault.into() }
    }
}

/// A message that is not taken.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{status}: {reason}")]
pub struct ParseError {
    /// The answer it deserves.
    pub status: StatusCode,
    /// What is wrong, fit for a reason phrase.
    pub reason: String,
    /// As much of the request as could be read, to build the answer from with [`Request::response`]. `None` when
    /// nobody waits for an answer: responses, ACK, and what is no SIP at all. Its Via may be unreadable too; then only
    /// the source address is left to answer to. Its URI may be a mere text.
    pub reply: Option<Box<Request>>,
}
