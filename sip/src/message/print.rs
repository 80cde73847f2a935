//! Messages as octets: RFC 3261 §7.
//!
//! Lines that were read go out as they came in. Content-Length alone is ours to keep right.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Header, HeaderName, Headers, Request, Response};

impl Request {
    pub fn to_bytes(&self) -> Bytes {
        let mut octets = BytesMut::with_capacity(1024 + self.body.len());
        for part in [self.method.as_str(), " ", self.uri.as_str(), " SIP/2.0\r\n"] {
            octets.put_slice(part.as_bytes());
        }
        finish(octets, &self.headers, &self.body)
    }
}

impl Response {
    pub fn to_bytes(&self) -> Bytes {
        let mut octets = BytesMut::with_capacity(1024 + self.body.len());
        octets.put_slice(b"SIP/2.0 ");
        octets.put_slice(self.status.to_string().as_bytes());
        octets.put_slice(b" ");
        octets.put_slice(self.reason.replace(['\r', '\n'], " ").as_bytes());
        octets.put_slice(b"\r\n");
        finish(octets, &self.headers, &self.body)
    }
}

fn finish(mut octets: BytesMut, headers: &Headers, body: &Bytes) -> Bytes {
    let length = body.len();
    let mut counted = false;
    for header in headers.iter() {
        if *header.name() != HeaderName::ContentLength {
            header.print(&mut octets);
        } else if !counted {
            counted = true;
            if header.value().parse() == Ok(length) {
                header.print(&mut octets);
            } else {
                content_length(length).print(&mut octets);
            }
        }
    }
    if !counted {
        content_length(length).print(&mut octets);
    }
    octets.put_slice(b"\r\n");
    octets.put_slice(body);
    octets.freeze()
}

fn content_length(length: usize) -> Header {
    Header::new(HeaderName::ContentLength, length.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Method, StatusCode};

    #[test]
    fn content_length_is_always_right_and_always_one() {
        let mut request = Request::new(Method::Message, "sip:a".parse().expect("URI"));
        request.body = Bytes::from_static(b"hello");
        assert_eq!(&*request.to_bytes(), b"MESSAGE sip:a SIP/2.0\r\nContent-Length: 5\r\n\r\nhello");
        for length in ["9", "5"] {
            request.headers.push(Header::new(HeaderName::ContentLength, length));
        }
        assert_eq!(&*request.to_bytes(), b"MESSAGE sip:a SIP/2.0\r\nContent-Length: 5\r\n\r\nhello");
    }

    #[test]
    fn a_reason_phrase_cannot_begin_a_header() {
        let mut response = Response::new(StatusCode::OK);
        response.reason = "a\r\nX: y".into();
        assert_eq!(&*response.to_bytes(), b"SIP/2.0 200 a  X: y\r\nContent-Length: 0\r\n\r\n");
    }
}
