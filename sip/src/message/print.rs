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
