//! A session description: what is read prints, and the print is read as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plenary_sip::sdp::SessionDescription;

fuzz_target!(|octets: &[u8]| {
    let Ok(session) = SessionDescription::parse(octets) else { return };
    for media in &session.media {
        let _ = (session.connection_of(media), session.direction_of(media));
    }
    let printed = session.print();
    if let Ok(again) = SessionDescription::parse(&printed) {
        assert_eq!(again.print(), printed);
    }
});
