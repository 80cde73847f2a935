//! What an attacker sends to an SRTP port: refused, and the peer's next packet is still taken.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plenary_media::plan::{SrtpKeys, SrtpSuite};
use plenary_media::secure::{MAX_OVERHEAD, Protector, Unprotector};

const SUITES: [SrtpSuite; 4] = [
    SrtpSuite::AesCm128HmacSha1_80,
    SrtpSuite::AesCm128HmacSha1_32,
    SrtpSuite::AesCm256HmacSha1_80,
    SrtpSuite::AeadAes128Gcm,
];
/// Version 2, payload type 0, sequence number 1, SSRC 7.
const HONEST: [u8; 16] = [0x80, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 1, 2, 3, 4];

fuzz_target!(|octets: &[u8]| {
    for suite in SUITES {
        let key = vec![0x5a; suite.key_and_salt_len()];
        let keys = SrtpKeys { suite, local: key.clone(), remote: key };
        let mut unprotector = Unprotector::new(&keys).expect("a key of the right length");
        assert!(unprotector.unprotect_rtp(&mut octets.to_vec()).is_err(), "forged");
        assert!(unprotector.unprotect_rtcp(&mut octets.to_vec()).is_err(), "forged");

        let mut packet = HONEST.to_vec();
        packet.resize(HONEST.len() + MAX_OVERHEAD, 0);
        let mut protector = Protector::new(&keys).expect("a key of the right length");
        let length = protector.protect_rtp(&mut packet, HONEST.len()).expect("room enough");
        let opened = unprotector.unprotect_rtp(&mut packet[..length]).expect("the peer's own");
        assert_eq!(packet[..opened], HONEST);
    }
});
