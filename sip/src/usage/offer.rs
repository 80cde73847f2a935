//! The session description in a message, alone or as a part of several. RFC 3261 §13.2.1, RFC 5621.

use crate::endpoint::Body;
use crate::message::{HeaderName, Headers, find_part};

const SDP: &str = "application/sdp";

/// The offer or answer that a message carries.
pub fn description_of(headers: &Headers, body: &bytes::Bytes) -> Option<Body> {
    if body.is_empty() {
        return None;
    }
    let content_type = headers.get(&HeaderName::ContentType)?;
    find_part(&content_type, body, SDP).map(Body::sdp)
}

/// A body that we would have to understand, and do not: 415 (RFC 3261 §8.2.3).
pub fn unacceptable_body(headers: &Headers, body: &bytes::Bytes) -> bool {
    let optional = headers
        .get(&HeaderName::ContentDisposition)
        .is_some_and(|disposition| disposition.to_ascii_lowercase().replace(' ', "").contains("handling=optional"));
    !body.is_empty() && !optional && description_of(headers, body).is_none()
}
