//! What the transaction user asks of the endpoint.
//!
//! The user names a new call itself (ids come from a counter of its own), so that no command waits for
//! an answer. A command for a call that has ended meanwhile does nothing: its `Ended` is on its way.

use std::net::IpAddr;

use bytes::Bytes;

use crate::auth::DigestClient;
use crate::endpoint::{CallId, RequestId, SubscriptionId};
use crate::message::{Header, Host, Method, NameAddr, StatusCode, Uri};
#[cfg(doc)]
use crate::net_types::Destination;
use crate::net_types::{ByFlow, Source};

#[derive(Debug)]
pub enum Command {
    /// Calls somebody: RFC 3261 §13.2.
    Invite { call: CallId, invite: Box<OutgoingInvite> },
    /// 101–199, with or without SDP (early media).
    Ring { call: CallId, status: StatusCode, body: Option<Body> },
    /// 200 to the INVITE; repeated until the ACK (§13.3.1.4). A Contact among `headers` (see
    /// [`ContactTemplate::header`]) stands in all that follows; without one it is the user of the Request-URI.
    Accept { call: CallId, body: Option<Body>, headers: Vec<Header> },
    /// A final refusal: 300–699.
    Reject { call: CallId, status: StatusCode, headers: Vec<Header> },
    /// Ends the call in whatever state it is: CANCEL, BYE, or 487/480 to an unanswered INVITE.
    Hangup { call: CallId, headers: Vec<Header> },
    /// re-INVITE with a new offer; the outcome comes as [`super::Event::ReofferDone`].
    Reoffer { call: CallId, offer: Body },
    /// The answer to the offer of an [`super::Event::Offered`].
    AnswerOffer { call: CallId, answer: Result<Body, StatusCode> },
    /// What our Contact says of a call that came in, from the next response on.
    NameContact { call: CallId, contact: ContactTemplate },
    /// The call's peer is a phone of this account: it follows when that registers anew.
    Belongs { call: CallId, account: String },
    /// A phone of this account has registered by another flow, with the same instance and reg-id (RFC 5626 §6): what was to
    /// go down the old one in the account's calls takes the new one (RFC 6141 §5).
    FlowMoved { account: String, from: Source, to: Source },
    /// A request inside the call's dialog: INFO, NOTIFY, MESSAGE.
    RequestInCall { call: CallId, request: RequestId, outgoing: Box<OutgoingRequest> },
    /// REFER to the call's peer; what comes of it is told by [`super::Event::Referred`].
    Refer { call: CallId, request: RequestId, refer: Box<OutgoingRefer> },
    /// A request outside dialogs: OPTIONS, REGISTER.
    Request { request: RequestId, outgoing: Box<OutgoingRequest> },
    /// The answer to an [`super::Event::Request`].
    Respond { request: RequestId, status: StatusCode, headers: Vec<Header>, body: Option<Body> },
    /// The 2xx to an [`super::Event::Request`] that is a SUBSCRIBE or a REFER: from here on there is a subscription,
    /// whose id is [`RequestId::subscription`]. A first Notify is due.
    AcceptSubscription { request: RequestId, status: StatusCode, contact: ContactTemplate, headers: Vec<Header> },
    /// NOTIFY. One is out at a time; the next is best given when [`super::Event::Notified`] has come.
    Notify { subscription: SubscriptionId, state: SubscriptionState, body: Option<Body> },
}

/// What a NOTIFY says of its subscription: RFC 6665 §4.1.3. How long it still stands the endpoint adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionState {
    Pending,
    Active,
    /// The last NOTIFY.
    Terminated(TerminationReason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerminationReason {
    /// Subscribe again at once.
    Deactivated,
    /// Subscribe again later.
    Probation,
    Rejected,
    Timeout,
    GiveUp,
    /// What was watched is no more.
    NoResource,
}

impl TerminationReason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deactivated => "deactivated",
            Self::Probation => "probation",
            Self::Rejected => "rejected",
            Self::Timeout => "timeout",
            Self::GiveUp => "giveup",
            Self::NoResource => "noresource",
        }
    }
}

/// A body with its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    pub content_type: String,
    pub content: Bytes,
}

impl Body {
    pub fn sdp(content: impl Into<Bytes>) -> Self {
        Self { content_type: "application/sdp".into(), content: content.into() }
    }
}

/// An INVITE to be sent. The endpoint adds Via, Call-ID, CSeq, Max-Forwards, the From tag, Allow and Supported.
#[derive(Clone, Debug)]
pub struct OutgoingInvite {
    pub request_uri: Uri,
    /// Without tag.
    pub from: NameAddr,
    pub to: NameAddr,
    /// Header parameters of our Contact, `isfocus` for one; the endpoint fills in the address of the flow.
    pub contact: ContactTemplate,
    /// Preloaded routes (RFC 3327 Path), in order.
    pub route: Vec<NameAddr>,
    /// The flow to use, as the target's REGISTER came by it (RFC 5626 §5.3); else route and URI decide.
    pub flow: Option<ByFlow>,
    pub headers: Vec<Header>,
    pub offer: Option<Body>,
    /// How long an unanswered call may ring before CANCEL (Timer C of our own choice).
    pub ring_for: std::time::Duration,
    /// Answers a 401 or 407 to the INVITE. Challenges within the call are never answered: they may come from anybody.
    pub login: Option<DigestClient>,
    /// Where whoever chose the Request-URI is, if it was somebody outside: see [`Destination::Host`].
    pub named_by: Option<IpAddr>,
}

#[derive(Clone, Debug)]
pub struct OutgoingRequest {
    pub method: Method,
    /// Not used within a call: the remote target stands there.
    pub request_uri: Uri,
    pub from: NameAddr,
    pub to: NameAddr,
    pub route: Vec<NameAddr>,
    /// As in [`OutgoingInvite::flow`].
    pub flow: Option<ByFlow>,
    pub headers: Vec<Header>,
    pub body: Option<Body>,
}

/// Sends the peer of a call elsewhere: RFC 3515.
#[derive(Clone, Debug)]
pub struct OutgoingRefer {
    /// Whom the peer shall call.
    pub refer_to: NameAddr,
    /// In whose name: RFC 3892.
    pub referred_by: Option<NameAddr>,
    /// The peer's Supported has `tdialog`: with a GRUU it is asked beside the call's dialog (RFC 7647 §4).
    pub knows_target_dialog: bool,
}

/// What our Contact says beside the address: `<sip:USER@address:port;transport=…>;PARAMS`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactTemplate {
    pub user: Option<String>,
    /// Written verbatim behind the URI: `;isfocus`.
    pub parameters: String,
    /// In place of the host of our address, for a peer that knows us by this one alone; port and transport are those of
    /// the flow.
    pub host: Option<Host>,
}
