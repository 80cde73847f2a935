//! Bodies: the first line is the Content-Type, the rest the body.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use plenary_sip::message::{Header, HeaderName, Headers, Multipart, find_part};

fuzz_target!(|octets: &[u8]| {
    let end = octets.iter().position(|octet| *octet == b'\n').unwrap_or(octets.len());
    let (first, rest) = octets.split_at(end);
    let content_type = String::from_utf8_lossy(first).trim().to_owned();
    let body = Bytes::copy_from_slice(rest.get(1..).unwrap_or_default());
    let _ = find_part(&content_type, &body, "application/sdp");
    let mut headers = Headers::default();
    headers.push(Header::new(HeaderName::ContentType, content_type));
    if let Ok(multipart) = Multipart::of(&headers, &body) {
        let _ = multipart.first_unsupported(&["application/sdp"]);
        let inside: usize = multipart.parts.iter().map(|part| part.content.len()).sum();
        assert!(inside <= body.len(), "parts are pieces of the body");
    }
});
