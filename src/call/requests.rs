//! Requests outside calls: REGISTER to the registrar, OPTIONS answered as an INVITE would be.

use std::sync::Arc;

use plenary_sip::endpoint::{Command, RequestId};
use plenary_sip::message::{Header, HeaderName, Method, Request, StatusCode, Uri};
use plenary_sip::net_types::Source;

use super::calls::Calls;
use super::focus_requests::{self, FocusRequest};
use crate::conference::notify;

pub async fn answer(calls: Calls, request: RequestId, message: Arc<Request>, source: Source) {
    if matches!(message.method, Method::Subscribe | Method::Refer) {
        let asked = FocusRequest { request, message, source, within: None };
        return focus_requests::answer(calls, asked).await;
    }
    let (status, headers) = match message.method {
        Method::Register => {
            let reply = calls.registrar.register(message, source).await;
            if reply.status.is_success() {
                calls.vouch_for(&source);
            }
            (reply.status, reply.headers)
        }
        Method::Options => options(&calls, &message).await,
        _ => (StatusCode::METHOD_NOT_ALLOWED, vec![]),
    };
    calls.sip(Command::Respond { request, status, headers, body: None });
}

/// RFC 3261 §11.2: 200 where an INVITE would find somebody, with what we can do.
async fn options(calls: &Calls, message: &Request) -> (StatusCode, Vec<Header>) {
    let user = match &message.uri {
        Uri::Sip(uri) => uri.user().map(|user| user.into_owned()).unwrap_or_default(),
        Uri::Tel(_) => return (StatusCode::NOT_FOUND, vec![]),
        Uri::Other(_) => return (StatusCode::UNSUPPORTED_URI_SCHEME, vec![]),
    };
    let mut capabilities =
        vec![Header::new(HeaderName::AcceptEncoding, "identity"), Header::new(HeaderName::AcceptLanguage, "en")];
    if let Some(plan) = calls.directory.plan(&user).await {
        // RFC 4579 §5.13: that this is a focus, and what it takes.
        let accept = format!("application/sdp, message/sipfrag, {}", notify::CONTENT_TYPE);
        capabilities.push(Header::new(HeaderName::Accept, accept));
        capabilities.push(focus_requests::contact_of(&plan.number).header());
        return (StatusCode::OK, capabilities);
    }
    capabilities.push(Header::new(HeaderName::Accept, "application/sdp"));
    let fixed = ["", "echo", calls.routing.names().factory.as_str()];
    // Accounts are not told apart from nobody to who has not proven himself: only conferences and our own names.
    (if fixed.contains(&user.as_str()) { StatusCode::OK } else { StatusCode::NOT_FOUND }, capabilities)
}

/// The key of an INFO: `application/dtmf-relay` (`Signal=5`) or `application/dtmf` (`5`).
pub fn dtmf_of_info(message: &Request) -> Option<char> {
    let content_type = message.headers.get(&HeaderName::ContentType)?.to_ascii_lowercase();
    let body = std::str::from_utf8(&message.body).ok()?;
    let signal = match content_type.split(';').next()?.trim() {
        "application/dtmf-relay" => {
            let line = body.lines().find_map(|line| line.trim().strip_prefix("Signal"))?;
            line.trim_start().strip_prefix('=')?.trim()
        }
        "application/dtmf" => body.trim(),
        _ => return None,
    };
    let mut characters = signal.chars();
    let key = characters.next()?.to_ascii_uppercase();
    (characters.next().is_none() && matches!(key, '0'..='9' | '*' | '#' | 'A'..='D')).then_some(key)
}
