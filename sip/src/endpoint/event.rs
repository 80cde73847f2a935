//! What the endpoint tells its transaction user.

use std::sync::Arc;

use crate::endpoint::{Body, CallId, Named, RequestId, SubscriptionId};
use crate::message::{Request, Response, StatusCode};
use crate::net_types::Source;

#[derive(Clone, Debug)]
pub enum Event {
    /// A new INVITE. 100 is sent by the endpoint; Ring, Accept, Reject or Hangup is due. `named`: it points at
    /// another call of ours.
    Incoming { call: CallId, request: Arc<Request>, source: Source, named: Option<Named> },
    /// 101–199 to our INVITE.
    Progress { call: CallId, response: Arc<Response> },
    /// The dialog is confirmed. Outgoing: a 2xx, which the endpoint has acknowledged already (or will, with our
    /// answer, when our INVITE had no offer); `body` is its SDP, or that of the reliable 1xx that had the answer
    /// already. Incoming: the ACK came; `body` is its SDP when the 200 had the offer.
    Established { call: CallId, response: Option<Arc<Response>>, body: Option<Body>, source: Source },
    /// The peer offers anew (re-INVITE or UPDATE, PRACK before the 200, or a reliable 18x to our INVITE without offer): AnswerOffer is due. Without `offer`, we are asked for one.
    Offered { call: CallId, request: Arc<Request>, offer: Option<Body> },
    /// What came of an offer of ours within the call, whether our re-INVITE made it, our 200 to a re-INVITE without one, or
    /// a reliable 18x to an INVITE without one: the peer's answer. After a failure the session stands as before (RFC 6141).
    ReofferDone { call: CallId, outcome: Result<Body, StatusCode> },
    /// The call is over; nothing more comes of it, but of its REFERs.
    Ended { call: CallId, why: Ending },
    /// A request that is no INVITE, ACK, CANCEL, BYE: Respond is due. `call` when it came within one.
    Request { request: RequestId, call: Option<CallId>, message: Arc<Request>, source: Source },
    /// The final response to a request of ours, and whence it came; 408 when none came, 503 when it could not be sent.
    Response { request: RequestId, status: StatusCode, response: Option<Arc<Response>>, source: Option<Source> },
    /// What is heard of a REFER of ours.
    Referred { call: CallId, request: RequestId, news: ReferNews },
    /// The subscriber refreshed or unsubscribed, and has its 200: the state is due once more, in full.
    Resubscribed { subscription: SubscriptionId },
    /// What became of the NOTIFY that was out; the next one may be given. After a refusal the subscriber has not
    /// seen what it said.
    Notified { subscription: SubscriptionId, outcome: Result<(), StatusCode> },
    /// The subscription is over; nothing more comes of it.
    Unsubscribed { subscription: SubscriptionId },
}

/// How a REFER of ours goes: RFC 3515 §2.4.5. After all but [`ReferNews::Progress`] there is no more news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferNews {
    /// What the target has said so far: 100–199.
    Progress(StatusCode),
    /// The target's final status; with a 2xx the peer talks to it.
    Settled(StatusCode),
    /// Accepted, and nothing more will be heard of it (RFC 4488).
    Unwatched,
    /// Not accepted; 408 when no answer came, 481 when the call is gone, 503 when it could not be sent.
    Refused(StatusCode),
    /// Accepted, and what came of it was never told.
    Lost,
}

#[derive(Clone, Debug)]
pub enum Ending {
    /// Our INVITE failed. `response` is absent when the status is our own finding: 408 nobody answered the
    /// request at all, 480 rang too long, 503 could not be sent.
    Refused { status: StatusCode, response: Option<Arc<Response>> },
    /// The caller gave up before the answer.
    Cancelled { reason: Option<String> },
    /// The peer sent BYE.
    HungUp { reason: Option<String> },
    /// Our own Hangup or Reject took its course.
    ByUs,
    /// No ACK for our 200 within 64·T1, a refresh that failed, a dialog that the peer no longer knows.
    Lost { status: StatusCode },
}
