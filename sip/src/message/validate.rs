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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Header;

    fn request(method: Method, lines: &[(&str, &str)]) -> Request {
        let mut request = Request::new(method, "sip:a".parse().expect("URI"));
        request.headers.extend(lines.iter().map(|(name, value)| Header::new(HeaderName::from(*name), *value)));
        request
    }

    const SOUND: &[(&str, &str)] = &[
        ("Via", "SIP/2.0/UDP a"),
        ("From", "sip:b@c"),
        ("To", "sip:d@e"),
        ("Call-ID", "f"),
        ("CSeq", "1 INVITE"),
        ("Contact", "<sip:b@c>"),
    ];

    fn fault(request: &Request) -> Option<String> {
        validate(request, &Limits::default()).err().map(|refusal| refusal.reason)
    }

    #[test]
    fn five_headers_are_needed_and_no_more() {
        assert_eq!(fault(&request(Method::Invite, SOUND)), None);
        for needed in &SOUND[..5] {
            let mut request = request(Method::Invite, SOUND);
            request.headers.remove(&HeaderName::from(needed.0));
            assert_eq!(fault(&request), Some(format!("{}: missing", needed.0)));
        }
    }

    #[test]
    fn what_may_come_once_comes_once() {
        for name in ["f", "t", "i", "CSeq", "Max-Forwards", "Refer-To", "Replaces", "Event", "c", "Expires"] {
            let mut request = request(Method::Invite, SOUND);
            let value = request.headers.get(&HeaderName::from(name)).map_or("1".to_owned(), |value| value.into_owned());
            request.headers.extend([1, 2].map(|_| Header::new(HeaderName::from(name), value.clone())));
            assert_eq!(fault(&request), Some(format!("{}: more than one", HeaderName::from(name))), "{name}");
        }
    }

    #[test]
    fn contact_matters_where_it_is_a_target() {
        let with_bad_contact = |method: Method| {
            let mut request = request(method, SOUND);
            request.headers.set(Header::new(HeaderName::Contact, "<sip:b@c>;;"));
            request.headers.set(Header::new(HeaderName::CSeq, format!("1 {}", request.method)));
            request
        };
        assert!(fault(&with_bad_contact(Method::Register)).is_some());
        assert_eq!(fault(&with_bad_contact(Method::Bye)), None);
    }

    #[test]
    fn an_ack_has_its_own_method_in_cseq() {
        let ack = |cseq| {
            let mut ack = request(Method::Ack, SOUND);
            ack.headers.set(Header::new(HeaderName::CSeq, cseq));
            ack
        };
        assert_eq!(fault(&ack("1 ACK")), None);
        assert!(fault(&ack("1 INVITE")).is_some());
    }
}
