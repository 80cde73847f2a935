//! What a usage wants done, and what it needs to know of its surroundings.

use std::sync::Arc;

use crate::endpoint::{Body, CallId, Event, RequestId, Rng, SessionTimerSettings};
use crate::message::{Header, HeaderName, Request, Response, StatusCode};
use crate::net_types::Destination;
use crate::transaction::{Timing, TransactionId};

#[derive(Debug)]
pub enum Act {
    /// Open a client transaction; its outcome comes back with `purpose`. The way is the first of
    /// `destinations`; the next is tried when that one cannot be sent to.
    Request {
        purpose: Purpose,
        request: Request,
        destinations: Vec<Destination>,
    },
    /// CANCEL the INVITE: §9.1.
    Cancel {
        headers: Vec<Header>,
    },
    /// Forget the INVITE that is out: nobody will answer it any more (§9.1).
    Abandon,
    /// Answer a server transaction.
    Respond {
        transaction: TransactionId,
        response: Response,
    },
    /// The ACK for a 2xx, which has no transaction.
    Ack {
        ack: Request,
        destination: Option<Destination>,
    },
    Tell(Event),
}

/// What a request of the usage is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    Invite,
    Cancel,
    /// re-INVITE with a new offer.
    Reoffer,
    /// UPDATE without offer that keeps the session alive (RFC 4028).
    Refresh,
    /// PRACK of a reliable 1xx (RFC 3262).
    Prack,
    Bye,
    /// BYE to a fork that answered too late. Nobody waits for its outcome.
    ForkBye,
    /// A request of the user within the call.
    User(RequestId),
}

/// What all parts of a call share.
#[derive(Clone, Debug)]
pub struct CallContext {
    pub call: CallId,
    pub timing: Timing,
    pub rng: Rng,
    pub session_timers: Option<SessionTimerSettings>,
}

impl RequestId {
    /// The id of a request that came by this server transaction; odd.
    pub(crate) fn of_incoming(transaction: TransactionId) -> Self {
        Self(transaction.0 * 2 + 1)
    }

    pub(crate) fn transaction(self) -> Option<TransactionId> {
        (self.0 % 2 == 1).then_some(TransactionId(self.0 / 2))
    }
}

/// A response within a dialog: the request's To has a tag already, else it gets ours.
pub(crate) fn answer(request: &Request, status: StatusCode, local_tag: &str) -> Response {
    request.response(status, Some(local_tag))
}

/// Asks to come again in up to ten seconds: §14.2.
pub(crate) fn busy(request: &Arc<Request>, local_tag: &str, rng: &mut Rng) -> Response {
    let mut response = answer(request, StatusCode::SERVER_INTERNAL_ERROR, local_tag);
    let seconds = rng.number() % 11;
    response.headers.set(Header::new(HeaderName::RetryAfter, seconds.to_string()));
    response
}

/// Puts a body and its type into a message.
pub(crate) fn put_body(headers: &mut crate::message::Headers, content: &mut bytes::Bytes, body: &Body) {
    headers.set(Header::new(HeaderName::ContentType, body.content_type.clone()));
    *content = body.content.clone();
}
