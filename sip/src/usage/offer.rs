//! The session description in a message, alone or as a part of several. RFC 3261 §13.2.1, RFC 5621.

use crate::endpoint::Body;
use crate::message::{HeaderName, Headers, Multipart, Part, find_part};

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
///
/// Beside SDP only a part that says `handling=required` counts. RFC 5621 §7.2 has that as the default, but telephone
/// gateways put ISUP beside the SDP without a word and mean it as an extra (RFC 3398 §5.2).
pub fn unacceptable_body(headers: &Headers, body: &bytes::Bytes) -> bool {
    if body.is_empty() {
        return false;
    }
    if description_of(headers, body).is_some() {
        return Multipart::of(headers, body).is_ok_and(|body| body.parts.iter().any(is_unknown_and_required));
    }
    handling(headers).as_deref() != Some("optional")
}

fn is_unknown_and_required(part: &Part) -> bool {
    !part.media_type.is(SDP) && handling(&part.headers).as_deref() == Some("required")
}

fn handling(headers: &Headers) -> Option<String> {
    let disposition = headers.parameterized(&HeaderName::ContentDisposition).ok()??;
    disposition.params.value("handling").map(str::to_ascii_lowercase)
}
