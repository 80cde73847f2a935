//! What every message must have, whatever it wants: RFC 3261 §8.1.1, §8.2.2 and the faults of RFC 4475.

use super::scan::list;
use super::{HeaderError, HeaderName, Headers, Limits, Method, Request, Response, StatusCode};

/// Headers that must not come twice, since two readers could take different ones (RFC 4475 §3.3.8). From, To, Call-ID,
/// CSeq and Max-Forwards are looked at by their readers.
const SINGLE: &[HeaderName] = &[
    HeaderName::ContentType,
    HeaderName::ContentDisposition,
    HeaderName::Event,
    HeaderName::Expires,
    HeaderName::Join,
    HeaderName::MinSe,
    HeaderName::RAck,
    HeaderName::ReferTo,
    HeaderName::ReferredBy,
    HeaderName::Replaces,
    HeaderName::SessionExpires,
    HeaderName::SubscriptionState,
    HeaderName::TargetDialog,
];

/// Why a message is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: StatusCode,
    pub reason: String,
}

/// Checks what makes a request answerable and safe to route. All else is read by who needs it, so that a wrong Date
/// ends no call.
pub fn validate(request: &Request, limits: &Limits) -> Result<(), Refusal> {
    let headers = &request.headers;
    common(headers, limits)?;
    headers.max_forwards()?;
    if headers.cseq()?.method != request.method {
        return Err(refusal("CSeq method is not that of the request"));
    }
    headers.routes()?;
    if needs_contact(&request.method) {
        headers.contacts()?;
        headers.record_routes()?;
    }
    Ok(())
}

/// Checks a response. One that fails is dropped: nobody answers a response.
pub fn validate_response(response: &Response, limits: &Limits) -> Result<(), Refusal> {
    common(&response.headers, limits)?;
    response.headers.cseq()?;
    Ok(())
}

fn common(headers: &Headers, limits: &Limits) -> Result<(), Refusal> {
    headers.top_via()?;
    headers.from()?;
    headers.to()?;
    headers.call_id()?;
    if headers.all(&HeaderName::Via).map(|line| list(&line.value()).count()).sum::<usize>() > limits.vias {
        return Err(refusal("too many Via"));
    }
    match SINGLE.iter().find(|name| headers.all(name).nth(1).is_some()) {
        Some(name) => Err(refusal(format!("{name}: more than one"))),
        None => Ok(()),
    }
}

/// Whose Contact is a target or a binding (§12.1.1, §12.2, §10.2.1).
fn needs_contact(method: &Method) -> bool {
    use Method::{Invite, Notify, Refer, Register, Subscribe, Update};
    matches!(method, Invite | Update | Subscribe | Notify | Refer | Register)
}

fn refusal(reason: impl Into<String>) -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, reason: reason.into() }
}

impl From<HeaderError> for Refusal {
    fn from(error: HeaderError) -> Self {
        refusal(error.to_string())
    }
}
