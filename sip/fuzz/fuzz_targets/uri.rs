//! URIs and the addresses around them: what is read is kept as it was written, and is equivalent to itself.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plenary_sip::message::{NameAddr, Uri, Via};

fuzz_target!(|text: &str| {
    if let Ok(uri) = text.parse::<Uri>() {
        assert_eq!(uri.to_string(), text);
        if let Some(sip) = uri.as_sip() {
            let _ = (sip.user(), sip.password(), sip.host().to_string(), sip.port(), sip.param("transport"));
            assert!(uri.equivalent(&uri.clone()));
        }
    }
    if let Ok(name_addr) = text.parse::<NameAddr>() {
        let printed = name_addr.to_string();
        let again: NameAddr = printed.parse().expect("our own print is readable");
        assert_eq!(again.to_string(), printed);
    }
    if let Ok(via) = text.parse::<Via>() {
        let printed = via.to_string();
        let again: Via = printed.parse().expect("our own print is readable");
        assert_eq!(again.to_string(), printed);
    }
});
