//! Requests, and the responses made from them.

use bytes::Bytes;

use super::{Header, HeaderName, Headers, Method, NameAddr, Response, StatusCode, Uri};

#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    /// The Request-URI.
    pub uri: Uri,
    pub headers: Headers,
    pub body: Bytes,
}

impl Request {
    pub fn new(method: Method, uri: Uri) -> Self {
        Self { method, uri, headers: Headers::new(), body: Bytes::new() }
    }

    /// The response skeleton of RFC 3261 §8.2.6.2: Via, From, To, Call-ID and CSeq as they were sent.
    ///
    /// `to_tag` is added to a To that has no tag. Timestamp is copied into a 100 (§8.2.6.1), Record-Route into what
    /// makes a dialog (§12.1.1).
    pub fn response(&self, status: StatusCode, to_tag: Option<&str>) -> Response {
        let mut response = Response::new(status);
        let record_route = self.method.forms_dialog() && status > StatusCode::TRYING && !status.is_failure();
        for header in self.headers.iter() {
            let header = match header.name() {
                HeaderName::Via | HeaderName::From | HeaderName::CallId | HeaderName::CSeq => header.clone(),
                HeaderName::To => tagged(header, to_tag),
                HeaderName::RecordRoute if record_route => header.clone(),
                HeaderName::Timestamp if status == StatusCode::TRYING => header.clone(),
                _ => continue,
            };
            response.headers.push(header);
        }
        response
    }
}

/// A To with the tag behind it; one that has a tag, or cannot be read, as it is.
fn tagged(to: &Header, tag: Option<&str>) -> Header {
    let value = to.value();
    match (tag, value.parse::<NameAddr>()) {
        (Some(tag), Ok(address)) if address.tag().is_none() => {
            Header::new(HeaderName::To, format!("{value};tag={tag}"))
        }
        _ => to.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite() -> Request {
        let mut invite = Request::new(Method::Invite, "sip:d@e".parse().expect("URI"));
        for (name, value) in [
            ("Via", "SIP/2.0/UDP a, SIP/2.0/UDP b"),
            ("Max-Forwards", "70"),
            ("Via", "SIP/2.0/UDP c"),
            ("Record-Route", "<sip:p;lr>"),
            ("From", "sip:b@c;tag=1"),
            ("To", "sip:d@e"),
            ("Call-ID", "f"),
            ("CSeq", "1 INVITE"),
            ("Timestamp", "54"),
        ] {
            invite.headers.push(Header::new(HeaderName::from(name), value));
        }
        invite
    }

    fn names(response: &Response) -> Vec<&str> {
        response.headers.iter().map(|header| header.name().as_str()).collect()
    }

    /// RFC 3261 §8.2.6.
    #[test]
    fn responses_copy_what_they_must_and_no_more() {
        let ringing = invite().response(StatusCode::RINGING, Some("t"));
        assert_eq!(names(&ringing), ["Via", "Via", "Record-Route", "From", "To", "Call-ID", "CSeq"]);
        assert_eq!(ringing.headers.values(&HeaderName::Via).len(), 3);
        assert_eq!(ringing.headers.get(&HeaderName::To).as_deref(), Some("sip:d@e;tag=t"));
        let busy = invite().response(StatusCode::BUSY_HERE, Some("t"));
        assert_eq!(names(&busy), ["Via", "Via", "From", "To", "Call-ID", "CSeq"]);
        let trying = invite().response(StatusCode::TRYING, None);
        assert_eq!(names(&trying), ["Via", "Via", "From", "To", "Call-ID", "CSeq", "Timestamp"]);
    }

    #[test]
    fn a_tag_that_is_there_stays() {
        let mut bye = invite();
        bye.headers.set(Header::new(HeaderName::To, "<sip:d@e>;tag=old"));
        let ok = bye.response(StatusCode::OK, Some("new"));
        assert_eq!(ok.headers.to().expect("to").tag(), Some("old"));
    }
}
