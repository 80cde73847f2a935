//! What comes to the SIP port and is no SIP: answered shortly, or not at all.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plenary_sip::stun::answer;

fuzz_target!(|octets: &[u8]| {
    for from in ["192.0.2.1:5060", "[2001:db8::1]:5060"] {
        if let Some(answered) = answer(octets, from.parse().expect("an address")) {
            assert!(answered.len() <= 44 && answered[8..20] == octets[8..20]);
            assert!(answer(&answered, from.parse().expect("an address")).is_none());
        }
    }
});
