//! One dialog: its identity, its sequence numbers, its route set and the peer's target. RFC 3261 §12.

use crate::dialog::{Peer, RouteSet};
use crate::message::{
    CSeq, Contacts, DialogId, Header, HeaderError, HeaderName, Headers, Method, NameAddr, Request, Response,
    StatusCode, Uri,
};
use crate::net_types::{ByFlow, Destination, Source};

#[derive(Clone, Debug)]
pub struct Dialog {
    role: Role,
    call_id: String,
    /// Our From and their To, with our tag.
    local: NameAddr,
    /// Their From and our To, with their tag (empty where RFC 2543 spoke).
    remote: NameAddr,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    routes: RouteSet,
    remote_target: Uri,
    peer: Peer,
}

/// Who made the dialog, and with it owns the Call-ID (§14.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Uac,
    Uas,
}

#[derive(Debug, thiserror::Error)]
pub enum DialogError {
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error("no Contact to send requests to")]
    NoContact,
}

impl Dialog {
    /// The dialog that answering `request` makes: §12.1.1.
    pub fn of_uas(request: &Request, local_tag: &str, source: Source) -> Result<Self, DialogError> {
        let headers = &request.headers;
        let routes = RouteSet::of_uas(headers)?;
        Ok(Self {
            role: Role::Uas,
            call_id: headers.call_id()?,
            local: headers.to()?.with_tag(local_tag),
            remote: headers.from()?,
            local_cseq: 0,
            remote_cseq: Some(headers.cseq()?.number),
            routes,
            remote_target: target_of(headers)?,
            peer: Peer::of_request(headers, source),
        })
    }

    /// The dialog that `response` makes of our `request`: §12.1.2.
    ///
    /// `sent_by` is the flow that the request was told to take, if one was.
    pub fn of_uac(
        request: &Request,
        response: &Response,
        sent_by: Option<ByFlow>,
        source: Source,
    ) -> Result<Self, DialogError> {
        let headers = &response.headers;
        Ok(Self {
            role: Role::Uac,
            call_id: request.headers.call_id()?,
            local: request.headers.from()?,
            remote: headers.to()?,
            local_cseq: request.headers.cseq()?.number,
            remote_cseq: None,
            routes: RouteSet::of_uac(headers)?,
            remote_target: target_of(headers)?,
            peer: Peer::of_response(request, sent_by, source),
        })
    }

    pub fn role(&self) -> Role {
        self.role
    }

    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    pub fn local_tag(&self) -> &str {
        self.local.tag().unwrap_or_default()
    }

    pub fn remote_tag(&self) -> &str {
        self.remote.tag().unwrap_or_default()
    }

    pub fn remote_target(&self) -> &Uri {
        &self.remote_target
    }

    /// Whether the message's peer is this dialog's: one of several forks, else a stranger with our tag.
    pub fn is_with(&self, remote_tag: Option<&str>) -> bool {
        self.remote_tag() == remote_tag.unwrap_or_default()
    }

    /// Whether a Replaces, Join or Target-Dialog names this dialog (RFC 3891 §3). Tag `0` stands for none.
    pub fn is_named(&self, id: &DialogId) -> bool {
        let same = |ours: &str, named: &str| ours == named || (ours.is_empty() && named == "0");
        self.call_id == id.call_id && same(self.local_tag(), &id.to_tag) && same(self.remote_tag(), &id.from_tag)
    }

    /// A dialog takes `sips` if its first request did: §12.1.1.
    pub fn is_secure(&self) -> bool {
        matches!(&self.remote_target, Uri::Sip(uri) if uri.is_sips())
    }

    /// The CSeq number of our latest request but ACK and CANCEL.
    pub fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// Goes on counting where `early`, the same dialog before its 2xx, left off (§13.2.2.4).
    pub fn continue_from(&mut self, early: &Self) {
        self.local_cseq = self.local_cseq.max(early.local_cseq);
        self.remote_cseq = early.remote_cseq;
    }

    /// A new request: §12.2.1.1. Via, Contact and body are for the caller to add.
    pub fn request(&mut self, method: Method) -> Request {
        self.local_cseq += 1;
        self.request_numbered(method, self.local_cseq)
    }

    /// A request to the dialog's peer beside it, which makes one of its own and names this one as the peer sees it: RFC 7647
    /// §4, RFC 4538.
    pub fn beside(&self, method: Method, call_id: String, local_tag: &str) -> Request {
        let named = format!("{};local-tag={};remote-tag={}", self.call_id, self.remote_tag(), self.local_tag());
        let (local, remote) = (NameAddr::new(self.local.uri.clone()), NameAddr::new(self.remote.uri.clone()));
        let mut beside = Self { call_id, local: local.with_tag(local_tag), remote, local_cseq: 0, ..self.clone() };
        let mut request = beside.request(method);
        request.headers.push(Header::new(HeaderName::TargetDialog, named));
        request
    }

    /// The ACK for a 2xx to our INVITE with this CSeq number: §13.2.2.4.
    pub fn ack(&self, cseq: u32) -> Request {
        self.request_numbered(Method::Ack, cseq)
    }

    fn request_numbered(&self, method: Method, number: u32) -> Request {
        let (uri, routes) = self.routes.address(&self.remote_target);
        let mut headers = Headers::default();
        for route in routes {
            headers.push(Header::new(HeaderName::Route, route.to_string()));
        }
        headers.push(Header::new(HeaderName::From, self.local.to_string()));
        headers.push(Header::new(HeaderName::To, self.remote.to_string()));
        headers.push(Header::new(HeaderName::CallId, self.call_id.clone()));
        headers.push(Header::new(HeaderName::CSeq, CSeq { number, method: method.clone() }.to_string()));
        headers.push(Header::new(HeaderName::MaxForwards, "70"));
        Request { method, uri, headers, body: Default::default() }
    }

    /// Where requests go, in order: the next is for when the one before cannot be sent.
    pub fn next_hops(&self) -> Vec<Destination> {
        self.peer.next_hops(&self.routes, &self.remote_target)
    }

    /// Puts an incoming request in order: §12.2.2. ACK and CANCEL have no number of their own.
    pub fn check_order(&mut self, request: &Request) -> Result<(), StatusCode> {
        if matches!(request.method, Method::Ack | Method::Cancel) {
            return Ok(());
        }
        let number = request.headers.cseq().map_err(|_| StatusCode::BAD_REQUEST)?.number;
        if self.remote_cseq.is_some_and(|last| number < last) {
            return Err(StatusCode::SERVER_INTERNAL_ERROR);
        }
        self.remote_cseq = Some(number);
        Ok(())
    }

    /// A target refresh that we accept, or that was accepted (RFC 6141 §4): the new Contact, and the flow it
    /// came by. Without Contact, or with one that cannot be read, the target stays.
    pub fn refresh_target(&mut self, headers: &Headers, source: Source) {
        if let Ok(target) = target_of(headers) {
            self.remote_target = target;
            self.peer.refresh(source);
        }
    }
}

fn target_of(headers: &Headers) -> Result<Uri, DialogError> {
    match headers.contacts()? {
        Contacts::List(contacts) => {
            contacts.into_iter().next().map(|contact| contact.uri).ok_or(DialogError::NoContact)
        }
        Contacts::Star => Err(DialogError::NoContact),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{invite, source};
    use super::*;

    fn uas() -> Dialog {
        Dialog::of_uas(&invite(), "ours", source("192.0.2.1:5060")).expect("a complete INVITE")
    }

    #[test]
    fn the_callee_answers_from_its_to_and_to_the_from() {
        let mut dialog = uas();
        let bye = dialog.request(Method::Bye);
        assert_eq!(bye.uri.to_string(), "sip:alice@192.0.2.1:5060");
        assert_eq!(bye.headers.from().expect("From").tag(), Some("ours"));
        assert_eq!(bye.headers.to().expect("To").tag(), Some("9fxced76sl"));
        assert_eq!(bye.headers.cseq().expect("CSeq"), CSeq { number: 1, method: Method::Bye });
    }

    #[test]
    fn the_caller_counts_on_and_its_ack_has_the_number_of_the_invite() {
        let mut response = invite().response(StatusCode::OK, Some("theirs"));
        response.headers.set(Header::new(HeaderName::Contact, "<sip:bob@192.0.2.4>"));
        let mut dialog = Dialog::of_uac(&invite(), &response, None, source("192.0.2.4:5060")).expect("a complete 200");
        assert_eq!(dialog.ack(1).headers.cseq().expect("CSeq").number, 1);
        assert_eq!(dialog.request(Method::Bye).headers.cseq().expect("CSeq").number, 2);
        assert_eq!(dialog.remote_tag(), "theirs");
        assert!(dialog.is_with(Some("theirs")) && !dialog.is_with(Some("other")));
    }

    /// §12.2.2.
    #[test]
    fn a_lower_cseq_gets_500_and_a_gap_is_fine() {
        let mut dialog = uas();
        let mut numbered = |number: u32| {
            let mut request = invite();
            request.headers.set(Header::new(HeaderName::CSeq, format!("{number} INVITE")));
            dialog.check_order(&request)
        };
        assert_eq!(numbered(7), Ok(()));
        assert_eq!(numbered(6), Err(StatusCode::SERVER_INTERNAL_ERROR));
        assert_eq!(numbered(8), Ok(()));
    }

    #[test]
    fn a_target_refresh_moves_the_requests_that_follow() {
        let mut dialog = uas();
        let mut update = invite();
        update.headers.set(Header::new(HeaderName::Contact, "<sip:alice@192.0.2.1:7070>"));
        dialog.refresh_target(&update.headers, source("192.0.2.1:5060"));
        assert_eq!(dialog.request(Method::Bye).uri.to_string(), "sip:alice@192.0.2.1:7070");
    }

    #[test]
    fn an_invite_without_contact_makes_no_dialog() {
        let mut invite = invite();
        invite.headers.remove(&HeaderName::Contact);
        assert!(Dialog::of_uas(&invite, "ours", source("192.0.2.1:5060")).is_err());
    }
}
