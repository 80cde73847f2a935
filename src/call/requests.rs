//! Requests outside calls: REGISTER to the registrar, MESSAGE to its account, OPTIONS answered as an INVITE would be.

use std::sync::Arc;

use plenary_sip::endpoint::{Command, RequestId};
use plenary_sip::guard::Reason;
use plenary_sip::message::{Header, HeaderName, Method, Request, StatusCode, Uri};
use plenary_sip::net_types::Source;

use super::calls::{Calls, NO_RELAY};
use super::focus_requests::{self, FocusRequest};
use super::identity::Dialled;
use super::message;
use crate::conference::notify;

/// One task each: what is rare has a box of its own, so that a REGISTER, of which thousands come, stays small.
pub async fn answer(calls: Calls, request: RequestId, message: Arc<Request>, source: Source) {
    if Dialled::of(&message.uri).is_some_and(|dialled| calls.asks_for_relay(&message, &dialled, &source)) {
        calls.refused(Reason::Relay);
        let headers = vec![Header::new(HeaderName::Warning, format!("399 plenary \"{NO_RELAY}\""))];
        return calls.sip(Command::Respond { request, status: StatusCode::FORBIDDEN, headers, body: None });
    }
    if matches!(message.method, Method::Subscribe | Method::Refer) {
        let asked = FocusRequest { request, message, source, within: None };
        return Box::pin(focus_requests::answer(calls, asked)).await;
    }
    let (status, headers) = match message.method {
        Method::Register => {
            let reply = calls.registrar.register(message, source).await;
            if reply.status.is_success() {
                calls.vouch_for(&source);
            }
            (reply.status, reply.headers)
        }
        Method::Options => Box::pin(options(&calls, &message, &source)).await,
        Method::Message => match Box::pin(message::carry(&calls, &message, &source)).await {
            Ok(status) => (status, vec![]),
            Err(refused) => (refused.status, refused.headers),
        },
        _ => (StatusCode::METHOD_NOT_ALLOWED, vec![]),
    };
    calls.sip(Command::Respond { request, status, headers, body: None });
}

/// RFC 3261 §11.2: 200 where an INVITE would find somebody, with what we can do.
async fn options(calls: &Calls, message: &Request, source: &Source) -> (StatusCode, Vec<Header>) {
    let user = match &message.uri {
        Uri::Sip(uri) => uri.user().map(|user| user.into_owned()).unwrap_or_default(),
        Uri::Tel(_) => return (StatusCode::NOT_FOUND, vec![]),
        Uri::Other(_) => return (StatusCode::UNSUPPORTED_URI_SCHEME, vec![]),
    };
    let mut capabilities = Vec::new();
    if user.is_empty() {
        // The server itself: whoever asks whether it is there waits for no database.
        return (StatusCode::OK, capabilities);
    }
    if let Some(plan) = calls.directory.plan(&user).await {
        // RFC 4579 §5.13: that this is a focus, and what it takes.
        let accept = format!("application/sdp, message/sipfrag, {}", notify::CONTENT_TYPE);
        capabilities.push(Header::new(HeaderName::Accept, accept));
        capabilities.push(focus_requests::contact_of(&plan.number).header());
        return (StatusCode::OK, capabilities);
    }
    let names = calls.routing.names();
    if [&names.echo, &names.factory].contains(&&user) {
        return (StatusCode::OK, capabilities);
    }
    // Accounts are not told apart from nobody to who has not proven himself.
    if message.headers.contains(&HeaderName::Authorization) {
        match calls.registrar.authenticate(message, source).await {
            Err(refused) => return (refused.status, refused.headers),
            Ok(_) if calls.store.account(&user).await.is_err() => {}
            Ok(_) if calls.registrar.targets(&user).await.is_empty() => {
                return (StatusCode::TEMPORARILY_UNAVAILABLE, capabilities);
            }
            Ok(_) => return (StatusCode::OK, capabilities),
        }
    }
    (StatusCode::NOT_FOUND, capabilities)
}
