//! One datagram: what is taken has every header readable or refused by name, and prints back to the same message.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use plenary_sip::message::{Headers, HeaderName, Limits, Message, StatusCode, parse_datagram, sipfrag_status};

fuzz_target!(|octets: &[u8]| {
    let _ = sipfrag_status(octets);
    let limits = Limits::default();
    match parse_datagram(&Bytes::copy_from_slice(octets), &limits) {
        Ok(message) => {
            match &message {
                Message::Request(request) => {
                    look_at(&request.headers);
                    let answer = request.response(StatusCode::OK, Some("tag"));
                    let _ = parse_datagram(&answer.to_bytes(), &limits);
                }
                Message::Response(response) => look_at(&response.headers),
            }
            let printed = message.to_bytes();
            let again = parse_datagram(&printed, &limits).expect("our own print is readable");
            assert_eq!(again.to_bytes(), printed);
        }
        Err(error) => {
            if let Some(request) = error.reply {
                look_at(&request.headers);
                let _ = request.response(error.status, Some("tag")).to_bytes();
            }
        }
    }
});

fn look_at(headers: &Headers) {
    let _ = (headers.from(), headers.to(), headers.cseq(), headers.call_id(), headers.contacts(), headers.vias());
    let _ = (headers.max_forwards(), headers.expires(), headers.routes(), headers.record_routes(), headers.paths());
    for header in headers.iter() {
        let _ = (header.value(), headers.values(header.name()), headers.name_addrs(header.name()));
        let _ = (headers.parameterized(header.name()), headers.seconds(header.name()));
    }
    let _ = headers.option_tags(&HeaderName::Require);
}
