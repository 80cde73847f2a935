//! SRTP between our two ends, and against `webrtc-srtp` as the reference.

use proptest::prelude::*;
use webrtc_srtp::context::Context;
use webrtc_srtp::protection_profile::ProtectionProfile;

use super::*;
use crate::rtp::{RtpTimestamp, SequenceNumber};

fn keys(suite: SrtpSuite) -> SrtpKeys {
    let key: Vec<u8> = (0..suite.key_and_salt_len()).map(|n| (n * 37 + 11) as u8).collect();
    SrtpKeys { suite, local: key.clone(), remote: key }
}

fn pair(suite: SrtpSuite) -> (Protector, Unprotector) {
    let keys = keys(suite);
    (Protector::new(&keys).expect("key fits"), Unprotector::new(&keys).expect("key fits"))
}

fn reference(suite: SrtpSuite) -> Context {
    let profile = match suite {
        SrtpSuite::AesCm128HmacSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
        SrtpSuite::AesCm128HmacSha1_32 => ProtectionProfile::Aes128CmHmacSha1_32,
        SrtpSuite::AesCm256HmacSha1_80 => ProtectionProfile::Aes256CmHmacSha1_80,
        SrtpSuite::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
        SrtpSuite::AeadAes256Gcm => ProtectionProfile::AeadAes256Gcm,
    };
    let key = keys(suite).local;
    let (key, salt) = key.split_at(suite.key_len());
    Context::new(key, salt, profile, None, None).expect("key fits")
}

fn rtp(sequence: u16, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let header = RtpHeader {
        marker: false,
        payload_type: 0,
        sequence: SequenceNumber(sequence),
        timestamp: RtpTimestamp(u32::from(sequence) * 160),
        ssrc: Ssrc(ssrc),
    };
    let mut packet = vec![0; 12];
    header.write(&[], &mut packet).expect("fits");
    packet.extend_from_slice(payload);
    packet
}

fn rtcp(len: usize) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1, 0, 0, 0, 7];
    packet.extend((8..len).map(|n| n as u8));
    packet
}

fn protected_rtp(protector: &mut Protector, packet: &[u8]) -> Vec<u8> {
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len() + MAX_OVERHEAD, 0);
    let len = protector.protect_rtp(&mut buffer, packet.len()).expect("protects");
    buffer.truncate(len);
    buffer
}

fn protected_rtcp(protector: &mut Protector, packet: &[u8]) -> Vec<u8> {
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len() + MAX_OVERHEAD, 0);
    let len = protector.protect_rtcp(&mut buffer, packet.len()).expect("protects");
    buffer.truncate(len);
    buffer
}

/// Opens a copy.
fn open(unprotector: &mut Unprotector, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut buffer = packet.to_vec();
    let len = unprotector.unprotect_rtp(&mut buffer)?;
    buffer.truncate(len);
    Ok(buffer)
}

#[test]
fn ours_and_the_reference_write_the_same_octets_in_all_suites() {
    for suite in SrtpSuite::ALL {
        let (mut protector, mut unprotector) = pair(suite);
        let mut stranger = reference(suite);
        // Starting high, so that the rollover counter takes part.
        for n in 0..80_u16 {
            let plain = rtp(65_500_u16.wrapping_add(n), 7, &vec![n as u8; usize::from(n) * 3]);
            let ours = protected_rtp(&mut protector, &plain);
            assert_eq!(ours, stranger.encrypt_rtp(&plain).expect("protects").to_vec(), "{suite:?} packet {n}");
            assert_eq!(open(&mut unprotector, &ours), Ok(plain));
        }
        for n in 0..20 {
            let plain = rtcp(8 + 4 * n);
            let ours = protected_rtcp(&mut protector, &plain);
            assert_eq!(ours, stranger.encrypt_rtcp(&plain).expect("protects").to_vec(), "{suite:?} RTCP {n}");
            let mut buffer = ours.clone();
            assert_eq!(unprotector.unprotect_rtcp(&mut buffer), Ok(plain.len()));
            assert_eq!(buffer[..plain.len()], plain);
        }
    }
}

#[test]
fn headers_with_contributors_and_extension_stay_in_clear() {
    for suite in SrtpSuite::ALL {
        let (mut protector, mut unprotector) = pair(suite);
        let mut plain = rtp(9, 7, &[]);
        plain[0] |= 0x10 | 2;
        plain.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 2, 0xbe, 0xde, 0, 1, 0x10, 0x85, 0, 0]);
        plain.extend_from_slice(b"payload");
        let sealed = protected_rtp(&mut protector, &plain);
        assert_eq!(sealed[..28], plain[..28]);
        assert_ne!(sealed[28..35], plain[28..]);
        assert_eq!(sealed, reference(suite).encrypt_rtp(&plain).expect("protects").to_vec());
        assert_eq!(open(&mut unprotector, &sealed), Ok(plain));
    }
}

/// RFC 3711 §3.3.1: start at 65530, reordered over the wrap.
#[test]
fn reordering_over_the_wrap_opens() {
    for suite in SrtpSuite::ALL {
        let (mut protector, mut unprotector) = pair(suite);
        let plain: Vec<Vec<u8>> = (0..20).map(|n| rtp(65_530_u16.wrapping_add(n), 7, b"voice")).collect();
        let sealed: Vec<Vec<u8>> = plain.iter().map(|packet| protected_rtp(&mut protector, packet)).collect();
        for n in [1, 0, 3, 2, 7, 5, 6, 4, 9, 8, 13, 12, 11, 10, 19, 14, 15, 18, 17, 16] {
            assert_eq!(open(&mut unprotector, &sealed[n]).as_ref(), Ok(&plain[n]), "{suite:?} packet {n}");
        }
    }
}

/// RFC 3711 §3.3.2; CVE-2021-26712: the call survives.
#[test]
fn a_hundred_replays_are_refused_and_the_stream_goes_on() {
    let (mut protector, mut unprotector) = pair(SrtpSuite::AesCm128HmacSha1_80);
    let sealed: Vec<Vec<u8>> = (0..100).map(|n| protected_rtp(&mut protector, &rtp(n, 7, b"voice"))).collect();
    for packet in &sealed {
        assert!(open(&mut unprotector, packet).is_ok());
    }
    for packet in &sealed {
        assert!(matches!(open(&mut unprotector, packet), Err(SrtpError::Replayed { .. })));
    }
    let next = protected_rtp(&mut protector, &rtp(100, 7, b"voice"));
    assert!(open(&mut unprotector, &next).is_ok());

    let report = protected_rtcp(&mut protector, &rtcp(28));
    assert!(unprotector.unprotect_rtcp(&mut report.clone()).is_ok());
    assert!(matches!(unprotector.unprotect_rtcp(&mut report.clone()), Err(SrtpError::Replayed { .. })));
}

/// RFC 3711 §4.2; CVE-2021-41105.
#[test]
fn forgery_changes_nothing_whatever_it_claims() {
    for suite in SrtpSuite::ALL {
        let (mut protector, mut unprotector) = pair(suite);
        let first = protected_rtp(&mut protector, &rtp(1000, 7, b"voice"));
        assert!(open(&mut unprotector, &first).is_ok());
        // Far ahead, so that a careless receiver would move its index; and of many new sources.
        for n in 0..200_u16 {
            let mut forged = first.clone();
            forged[2..4].copy_from_slice(&(1000_u16.wrapping_add(n * 150 + 1)).to_be_bytes());
            assert_eq!(open(&mut unprotector, &forged), Err(SrtpError::Forged));
            forged[11] = n as u8 | 8;
            assert_eq!(open(&mut unprotector, &forged), Err(SrtpError::Forged));
        }
        assert!(matches!(open(&mut unprotector, &first), Err(SrtpError::Replayed { .. })), "the window stands");
        let second = protected_rtp(&mut protector, &rtp(1001, 7, b"voice"));
        assert!(open(&mut unprotector, &second).is_ok());
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    for suite in SrtpSuite::ALL {
        let (mut protector, mut unprotector) = pair(suite);
        let sealed = protected_rtp(&mut protector, &rtp(1, 7, b"voice"));
        let report = protected_rtcp(&mut protector, &rtcp(12));
        for bit in 0..sealed.len() * 8 {
            let mut packet = sealed.clone();
            packet[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&mut unprotector, &packet).is_err(), "{suite:?} bit {bit}");
        }
        for bit in 0..report.len() * 8 {
            let mut packet = report.clone();
            packet[bit / 8] ^= 1 << (bit % 8);
            assert!(unprotector.unprotect_rtcp(&mut packet).is_err(), "{suite:?} bit {bit}");
        }
        assert!(open(&mut unprotector, &sealed).is_ok());
        assert!(unprotector.unprotect_rtcp(&mut report.clone()).is_ok());
    }
}

/// A goodbye in clear must not end a protected stream.
#[test]
fn rtcp_in_clear_is_refused() {
    let (_, mut unprotector) = pair(SrtpSuite::AesCm128HmacSha1_80);
    let mut goodbye = vec![0x80, 201, 0, 1, 0, 0, 0, 7, 0x81, 203, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(unprotector.unprotect_rtcp(&mut goodbye), Err(SrtpError::Forged));
}

#[test]
fn a_new_source_starts_at_rollover_zero_and_the_old_one_may_return() {
    let (mut protector, mut unprotector) = pair(SrtpSuite::AeadAes128Gcm);
    for (sequence, ssrc) in [(65_535, 7), (0, 7), (3, 8), (1, 7), (4, 8)] {
        let plain = rtp(sequence, ssrc, b"voice");
        let sealed = protected_rtp(&mut protector, &plain);
        assert_eq!(open(&mut unprotector, &sealed), Ok(plain), "{sequence} of {ssrc}");
    }
}

#[test]
fn a_sequence_number_is_never_protected_twice() {
    let (mut protector, _) = pair(SrtpSuite::AeadAes128Gcm);
    protected_rtp(&mut protector, &rtp(5, 7, b"voice"));
    let mut again = rtp(5, 7, b"other");
    again.resize(100, 0);
    assert_eq!(protector.protect_rtp(&mut again, 17), Err(SrtpError::Replayed { ssrc: Ssrc(7), index: 5 }));
}

#[test]
fn lengths_are_told() {
    let mut keys = keys(SrtpSuite::AesCm128HmacSha1_80);
    keys.local.pop();
    let fault = Protector::new(&keys).expect_err("one octet less");
    assert_eq!(fault, SrtpError::KeyLength { suite: "AES_CM_128_HMAC_SHA1_80", needed: 30, got: 29 });
    let (mut protector, mut unprotector) = pair(SrtpSuite::AesCm128HmacSha1_80);
    let mut packet = rtp(1, 7, b"voice");
    assert_eq!(protector.protect_rtp(&mut packet, 17), Err(SrtpError::BufferFull { len: 17, needed: 27 }));
    assert_eq!(unprotector.unprotect_rtp(&mut packet[..16]), Err(SrtpError::Malformed { len: 16 }));
}

proptest! {
    #[test]
    fn no_octets_panic(octets in prop::collection::vec(any::<u8>(), 0..60), suite in 0usize..5) {
        let (_, mut unprotector) = pair(SrtpSuite::ALL[suite]);
        prop_assert!(unprotector.unprotect_rtp(&mut octets.clone()).is_err());
        prop_assert!(unprotector.unprotect_rtcp(&mut octets.clone()).is_err());
    }
}
