//! What we say of ourselves in every message: User-Agent or Server, Allow, Supported, Allow-Events.
//!
//! RFC 3261 §20, RFC 4028 §7.1, RFC 6665 §8.2.2.

use crate::endpoint::EndpointSettings;
use crate::message::{Header, HeaderName, Headers, Method, Request, Response, StatusCode};
use crate::usage::allow_events;

/// The headers of our own making. What the user wrote stays.
#[derive(Debug)]
pub struct Identity {
    user_agent: String,
    allow: String,
    supported: String,
    /// Empty where there is nothing to subscribe to.
    allow_events: String,
}

impl Identity {
    pub fn new(settings: &EndpointSettings) -> Self {
        Self {
            user_agent: settings.user_agent.clone(),
            allow: settings.allow_value(),
            supported: settings.supported_value(),
            allow_events: allow_events(&settings.packages),
        }
    }

    pub fn write_request(&self, request: &mut Request) {
        if matches!(request.method, Method::Ack | Method::Cancel) {
            return;
        }
        if matches!(request.method, Method::Invite | Method::Update | Method::Options | Method::Register) {
            add(&mut request.headers, HeaderName::Allow, &self.allow);
        }
        if matches!(request.method, Method::Invite | Method::Update | Method::Options | Method::Notify) {
            add(&mut request.headers, HeaderName::AllowEvents, &self.allow_events);
        }
        add(&mut request.headers, HeaderName::Supported, &self.supported);
        add(&mut request.headers, HeaderName::UserAgent, &self.user_agent);
    }

    pub fn write_response(&self, request: &Request, response: &mut Response) {
        let describes_us = matches!(
            request.method,
            Method::Invite | Method::Update | Method::Options | Method::Subscribe | Method::Refer
        );
        if describes_us && (response.status.is_success() || response.status.as_u16() == 180) {
            add(&mut response.headers, HeaderName::Allow, &self.allow);
            add(&mut response.headers, HeaderName::Supported, &self.supported);
            add(&mut response.headers, HeaderName::AllowEvents, &self.allow_events);
        }
        let says_what_it_takes = request.method == Method::Options && response.status.is_success();
        if says_what_it_takes || response.status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            add(&mut response.headers, HeaderName::Accept, "application/sdp");
            add(&mut response.headers, HeaderName::AcceptEncoding, "identity");
            add(&mut response.headers, HeaderName::AcceptLanguage, "en");
        }
        if matches!(response.status, StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED) {
            add(&mut response.headers, HeaderName::Allow, &self.allow);
        }
        add(&mut response.headers, HeaderName::Server, &self.user_agent);
    }
}

fn add(headers: &mut Headers, name: HeaderName, value: &str) {
    if !value.is_empty() && !headers.contains(&name) {
        headers.push(Header::new(name, value));
    }
}
