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
