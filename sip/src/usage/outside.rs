//! Requests of ours outside a dialog: RFC 3261 §8.1.1 and §8.1.2.

use super::act::put_body;
use crate::dialog::{RouteSet, next_hop_of};
use crate::endpoint::{OutgoingInvite, OutgoingRequest, Rng};
use crate::message::{CSeq, Header, HeaderName, Method, Request, Uri};
use crate::net_types::{ByFlow, Destination};

/// Where a request outside a dialog goes: down its flow, where it has one. An account must not be able to send our
/// requests to somebody else by the Contact of its REGISTER.
pub fn first_hops(flow: Option<ByFlow>, uri: &Uri) -> Vec<Destination> {
    let by_address = || next_hop_of(uri).into_iter();
    match flow {
        Some(ByFlow::Only(flow)) => vec![flow.into()],
        Some(ByFlow::First(flow)) => [flow.into()].into_iter().chain(by_address()).collect(),
        None => by_address().collect(),
    }
}

/// A request outside a dialog, §8.1.1. Call-ID and CSeq may stand among its headers, for one that goes on
/// where another was refused (§22.2).
pub fn request_of(rng: &mut Rng, outgoing: &OutgoingRequest) -> Request {
    let (uri, routes) = RouteSet::preloaded(outgoing.route.clone()).address(&outgoing.request_uri);
    let mut request = Request::new(outgoing.method.clone(), uri);
    let mut push = |name, value: String| request.headers.push(Header::new(name, value));
    routes.iter().for_each(|route| push(HeaderName::Route, route.to_string()));
    let from = match outgoing.from.tag() {
        Some(_) => outgoing.from.clone(),
        None => outgoing.from.clone().with_tag(&rng.token()),
    };
    push(HeaderName::From, from.to_string());
    push(HeaderName::To, outgoing.to.to_string());
    push(HeaderName::CallId, rng.token());
    push(HeaderName::CSeq, CSeq { number: 1, method: outgoing.method.clone() }.to_string());
    push(HeaderName::MaxForwards, "70".into());
    for header in &outgoing.headers {
        match header.name() {
            HeaderName::CallId | HeaderName::CSeq | HeaderName::MaxForwards => request.headers.set(header.clone()),
            _ => request.headers.push(header.clone()),
        }
    }
    if let Some(body) = &outgoing.body {
        put_body(&mut request.headers, &mut request.body, body);
    }
    request
}

/// An INVITE that makes a call: the same with a Contact.
pub fn invite_of(rng: &mut Rng, outgoing: &OutgoingInvite, contact: &str) -> Request {
    let mut invite = request_of(
        rng,
        &OutgoingRequest {
            method: Method::Invite,
            request_uri: outgoing.request_uri.clone(),
            from: outgoing.from.clone(),
            to: outgoing.to.clone(),
            route: outgoing.route.clone(),
            flow: outgoing.flow,
            headers: outgoing.headers.clone(),
            body: outgoing.offer.clone(),
        },
    );
    invite.headers.set(Header::new(HeaderName::Contact, contact));
    if outgoing.offer.is_none() && !invite.headers.contains(&HeaderName::Supported) {
        // A reliable 1xx would bring an offer that only the PRACK could answer; the 2xx shall bring it.
        invite.headers.push(Header::new(HeaderName::Supported, "timer"));
    }
    invite
}
