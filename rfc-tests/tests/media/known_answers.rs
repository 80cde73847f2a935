//! Known answers: RFC 3711 appendix B, and the packets that libsrtp checks itself with.

use plenary_media::plan::{SrtpKeys, SrtpSuite};
use plenary_media::rtp::Ssrc;
use plenary_media::secure::derive::{Label, add_key_stream, counter_mode, derive};
use plenary_media::secure::{MAX_OVERHEAD, Protector, SrtpError, Unprotector};
use rfc_tests::coverage::covers;

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

fn keys(suite: SrtpSuite, key_and_salt: &str) -> SrtpKeys {
    let key = octets(key_and_salt);
    SrtpKeys { suite, local: key.clone(), remote: key }
}

const CM_128: &str = "e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6";
const CM_256: &str = "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6 3b04803de51ee7c96423ab5b78d2";
const GCM_128: &str = "000102030405060708090a0b0c0d0e0f a0a1a2a3a4a5a6a7a8a9aaab";
const RTP: &str = "800f1234decafbadcafebabe abababababababababababababababab";
const RTCP: &str = "81c8000bcafebabe abababababababababababababababab";

#[test]
fn packets_are_sealed_bit_for_bit_as_others_seal_them() {
    use SrtpSuite::{AeadAes128Gcm, AesCm128HmacSha1_80, AesCm256HmacSha1_80};
    let _claim = covers(["3711-06"]);
    let (key, salt) = (octets(&CM_128[..32]), octets(&CM_128[33..]));
    // RFC 3711 B.3.
    for (label, expected) in [
        (Label::RtpEncryption, "C61E7A93744F39EE10734AFE3FF7A087"),
        (Label::RtpSalt, "30CBBC08863D8C85D49DB34A9AE1"),
        (
            Label::RtpAuthentication,
            "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCE
             E049646C43D9327AD175578EF72270986371C10C9A369AC2F94A8C5FBCDDDC25
             6D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2",
        ),
    ] {
        let mut derived = vec![0; octets(expected).len()];
        derive(&key, &salt, label, &mut derived).expect("an AES key");
        assert_eq!(derived, octets(expected), "{label:?}");
    }
    // RFC 3711 B.2: the first blocks, and the last that one packet can reach.
    let cipher = counter_mode(&octets("2B7E151628AED2A6ABF7158809CF4F3C")).expect("an AES key");
    for (counter, expected) in [
        ("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000", "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB"),
        ("F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF", "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE"),
    ] {
        let mut stream = [0; 32];
        let counter = octets(counter).try_into().expect("16 octets");
        assert!(add_key_stream(&cipher, counter, &mut stream));
        assert_eq!(stream.to_vec(), octets(expected));
    }
    // Whole packets.
    for (suite, key, sealed) in [
        (AesCm128HmacSha1_80, CM_128, "4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb"),
        (AesCm256HmacSha1_80, CM_256, "f1d9de17ff251ff1aa007774b0b4b40d a08d9d9a5b3a55d8873b"),
        (AeadAes128Gcm, GCM_128, "c5002ede04cfdd2eb91159e0880aa06e d2976826f796b201df3131a127e8a392"),
    ] {
        let (mut protector, mut unprotector) = both(suite, key);
        let mut packet = octets(RTP);
        packet.resize(packet.len() + MAX_OVERHEAD, 0);
        let len = protector.protect_rtp(&mut packet, octets(RTP).len()).expect("sealed");
        assert_eq!(&packet[12..len], octets(sealed), "{suite:?}");
        let len = unprotector.unprotect_rtp(&mut packet[..len]).expect("opened");
        assert_eq!(&packet[..len], octets(RTP), "{suite:?}");
    }
    for (suite, key, sealed) in [
        (AesCm128HmacSha1_80, CM_128, "7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798"),
        (AeadAes128Gcm, GCM_128, "c98b8b5df0392a55852b6c21ac8e7025 c52c6fbea2b3b446ea31123ba88ce61e 80000001"),
    ] {
        let (mut protector, mut unprotector) = both(suite, key);
        let mut packet = octets(RTCP);
        packet.resize(packet.len() + MAX_OVERHEAD, 0);
        let len = protector.protect_rtcp(&mut packet, octets(RTCP).len()).expect("sealed");
        assert_eq!(&packet[8..len], octets(sealed), "{suite:?}");
        let len = unprotector.unprotect_rtcp(&mut packet[..len]).expect("opened");
        assert_eq!(&packet[..len], octets(RTCP), "{suite:?}");
    }
}

fn both(suite: SrtpSuite, key: &str) -> (Protector, Unprotector) {
    let keys = keys(suite, key);
    (Protector::new(&keys).expect("a key that fits"), Unprotector::new(&keys).expect("a key that fits"))
}

/// RFC 3711 §9.2: a key serves 2^48 packets, and 2^31 of RTCP; the next is not sent with it.
#[test]
fn a_key_is_not_used_beyond_its_life() {
    let _claim =
        covers(["3711-05"]).but("nothing offers a new key by itself: the limits are 178 000 and 340 years off");
    for suite in SrtpSuite::ALL {
        let key = vec![7; suite.key_and_salt_len()];
        let keys = SrtpKeys { suite, local: key.clone(), remote: key };
        let mut worn =
            Protector::new(&keys).expect("a key that fits").having_sent(Ssrc(7), (1 << 48) - 2, (1 << 31) - 2);
        let packet = |sequence: u16| {
            let mut packet = vec![0x80, 0, (sequence >> 8) as u8, sequence as u8, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3];
            packet.resize(15 + MAX_OVERHEAD, 0);
            packet
        };
        worn.protect_rtp(&mut packet(0xffff), 15).expect("the last");
        for sequence in [0, 1, 0x7000] {
            let error = worn.protect_rtp(&mut packet(sequence), 15).expect_err("one too many");
            assert_eq!(error, SrtpError::KeyExhausted, "{suite:?}");
        }
        let mut report = octets("80c90001 00000007");
        report.resize(8 + MAX_OVERHEAD, 0);
        worn.protect_rtcp(&mut report.clone(), 8).expect("the last");
        assert_eq!(worn.protect_rtcp(&mut report.clone(), 8), Err(SrtpError::KeyExhausted), "{suite:?}");
        let mut fresh = Protector::new(&keys).expect("a key that fits");
        fresh.protect_rtp(&mut packet(0), 15).expect("under a new key");
    }
}
