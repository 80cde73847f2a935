//! The cryptographic transforms: AES in counter mode with HMAC-SHA1, and AES-GCM.
//!
//! RFC 3711 §4.1.1 (counter), §4.2 (tag over packet and ROC), §3.4 (SRTCP); RFC 7714 §8 (SRTP), §9 (SRTCP).
//!
//! ```text
//!  counter mode, SRTP    header │ encrypted │ tag              tag over header, encrypted, ROC
//!                SRTCP   header 8 │ encrypted │ E+index │ tag  tag over all before it
//!  GCM,          SRTP    header │ encrypted │ tag              header authenticated
//!                SRTCP   header 8 │ encrypted │ tag │ E+index  header and E+index authenticated
//! ```

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::EncryptingKey;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

use super::derive::{Label, add_key_stream, counter_mode, derive};
use crate::plan::SrtpSuite;
use crate::rtp::Ssrc;

/// Octets of RTCP that stay in clear: the first header and the sender's SSRC.
pub(super) const RTCP_CLEAR: usize = 8;
/// Octets of E and index.
pub(super) const RTCP_INDEX: usize = 4;
/// E: encrypted.
pub(super) const RTCP_ENCRYPTED: u32 = 1 << 31;

const GCM_TAG: usize = 16;
const HMAC_TAG: usize = 10;
const HMAC_SHORT_TAG: usize = 4;

/// Why a transform did not do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failed;

/// Session keys, and what is done with them.
#[expect(clippy::large_enum_variant, reason = "a leg has four, made once and never moved")]
pub(super) enum Transform {
    Counter { cipher: EncryptingKey, mac: hmac::Key, salt: [u8; 14], tag_len: usize },
    Gcm { key: Box<LessSafeKey>, salt: [u8; 12] },
}

/// Which protocol a transform is for; their keys differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Rtp,
    Rtcp,
}

impl Transform {
    /// Derives the session keys. None when the key is not of the suite's length.
    pub fn derived(suite: SrtpSuite, protocol: Protocol, key: &[u8], salt: &[u8]) -> Option<Self> {
        use Label::*;
        let (encryption, authentication, salting) = match protocol {
            Protocol::Rtp => (RtpEncryption, RtpAuthentication, RtpSalt),
            Protocol::Rtcp => (RtcpEncryption, RtcpAuthentication, RtcpSalt),
        };
        let mut session_key = [0; 32];
        let session_key = session_key.get_mut(..suite.key_len())?;
        let mut session_salt = [0; 14];
        let session_salt = session_salt.get_mut(..suite.salt_len())?;
        let mut mac_key = [0; 20];
        derive(key, salt, encryption, session_key)?;
        derive(key, salt, salting, session_salt)?;
        derive(key, salt, authentication, &mut mac_key)?;
        Self::with_session_keys(suite, protocol, session_key, session_salt, &mac_key)
    }

    fn with_session_keys(
        suite: SrtpSuite,
        protocol: Protocol,
        key: &[u8],
        salt: &[u8],
        mac_key: &[u8],
    ) -> Option<Self> {
        let tag_len = match (suite, protocol) {
            (SrtpSuite::AeadAes128Gcm | SrtpSuite::AeadAes256Gcm, _) => {
                let algorithm = if key.len() == 32 { &AES_256_GCM } else { &AES_128_GCM };
                let key = Box::new(LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?));
                return Some(Self::Gcm { key, salt: salt.try_into().ok()? });
            }
            // Only SRTP's tag is short (RFC 4568 §6.2.2).
            (SrtpSuite::AesCm128HmacSha1_32, Protocol::Rtp) => HMAC_SHORT_TAG,
            _ => HMAC_TAG,
        };
        let mac = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, mac_key);
        Some(Self::Counter { cipher: counter_mode(key)?, mac, salt: salt.try_into().ok()?, tag_len })
    }

    pub fn tag_len(&self) -> usize {
        match self {
            Self::Counter { tag_len, .. } => *tag_len,
            Self::Gcm { .. } => GCM_TAG,
        }
    }

    /// Protects an RTP packet cut into header, payload and room for the tag.
    pub fn seal_rtp(
        &self,
        (header, payload, tag): (&[u8], &mut [u8], &mut [u8]),
        ssrc: Ssrc,
        index: u64,
    ) -> Result<(), Failed> {
        match self {
            Self::Counter { cipher, mac, salt, .. } => {
                encrypt(cipher, counter(salt, ssrc, index), payload)?;
                write_tag(tag, authenticate(mac, [header, payload, &roc(index)]).as_ref())
            }
            Self::Gcm { key, salt } => {
                let nonce = Nonce::assume_unique_for_key(rtp_nonce(salt, ssrc, index));
                let sealed = key.seal_in_place_separate_tag(nonce, Aad::from(header), payload);
                write_tag(tag, sealed.map_err(|_| Failed)?.as_ref())
            }
        }
    }

    /// Opens an SRTP packet cut into header, payload and tag.
    pub fn open_rtp(
        &self,
        (header, payload, tag): (&[u8], &mut [u8], &[u8]),
        ssrc: Ssrc,
        index: u64,
    ) -> Result<(), Failed> {
        match self {
            Self::Counter { cipher, mac, salt, .. } => {
                verify(&authenticate(mac, [header, payload, &roc(index)]), tag)?;
                encrypt(cipher, counter(salt, ssrc, index), payload)
            }
            Self::Gcm { key, salt } => {
                let nonce = Nonce::assume_unique_for_key(rtp_nonce(salt, ssrc, index));
                key.open_in_place_separate_tag(nonce, Aad::from(header), tag, payload).map(|_| ()).map_err(|_| Failed)
            }
        }
    }

    /// Protects compound RTCP cut into its clear octets, the rest, and room for index and tag.
    pub fn seal_rtcp(
        &self,
        (clear, body, trailer): (&[u8], &mut [u8], &mut [u8]),
        ssrc: Ssrc,
        index: u32,
    ) -> Result<(), Failed> {
        let word = (RTCP_ENCRYPTED | index).to_be_bytes();
        match self {
            Self::Counter { cipher, mac, salt, .. } => {
                let (place, tag) = trailer.split_at_mut_checked(RTCP_INDEX).ok_or(Failed)?;
                encrypt(cipher, counter(salt, ssrc, u64::from(index)), body)?;
                place.copy_from_slice(&word);
                write_tag(tag, authenticate(mac, [clear, body, &word]).as_ref())
            }
            Self::Gcm { key, salt } => {
                let (tag, place) = trailer.split_at_mut_checked(GCM_TAG).ok_or(Failed)?;
                let nonce = Nonce::assume_unique_for_key(rtcp_nonce(salt, ssrc, index));
                let sealed = key.seal_in_place_separate_tag(nonce, Aad::from(associated(clear, word)?), body);
                place.copy_from_slice(&word);
                write_tag(tag, sealed.map_err(|_| Failed)?.as_ref())
            }
        }
    }

    /// E and index of SRTCP's trailer.
    pub fn rtcp_index(&self, trailer: &[u8]) -> Option<u32> {
        let word = match self {
            Self::Counter { .. } => trailer.first_chunk::<RTCP_INDEX>(),
            Self::Gcm { .. } => trailer.last_chunk::<RTCP_INDEX>(),
        };
        word.map(|word| u32::from_be_bytes(*word))
    }

    /// Opens SRTCP cut into its clear octets, the rest, and index and tag.
    pub fn open_rtcp(
        &self,
        (clear, body, trailer): (&[u8], &mut [u8], &[u8]),
        ssrc: Ssrc,
        index: u32,
    ) -> Result<(), Failed> {
        let word = (RTCP_ENCRYPTED | index).to_be_bytes();
        match self {
            Self::Counter { cipher, mac, salt, .. } => {
                let (_, tag) = trailer.split_at_checked(RTCP_INDEX).ok_or(Failed)?;
                verify(&authenticate(mac, [clear, body, &word]), tag)?;
                encrypt(cipher, counter(salt, ssrc, u64::from(index)), body)
            }
            Self::Gcm { key, salt } => {
                let (tag, _) = trailer.split_at_checked(GCM_TAG).ok_or(Failed)?;
                let nonce = Nonce::assume_unique_for_key(rtcp_nonce(salt, ssrc, index));
                let associated = Aad::from(associated(clear, word)?);
                key.open_in_place_separate_tag(nonce, associated, tag, body).map(|_| ()).map_err(|_| Failed)
            }
        }
    }
}

/// The counter block: salt·2^16 ⊕ SSRC·2^64 ⊕ index·2^16 (RFC 3711 §4.1.1).
fn counter(salt: &[u8; 14], ssrc: Ssrc, index: u64) -> [u8; 16] {
    let salt = salt.iter().fold(0_u128, |sum, &octet| sum << 8 | u128::from(octet));
    (salt << 16 ^ u128::from(ssrc.0) << 64 ^ u128::from(index) << 16).to_be_bytes()
}

/// 16 zero bits, SSRC, ROC, SEQ, under the salt (RFC 7714 §8.1).
fn rtp_nonce(salt: &[u8; 12], ssrc: Ssrc, index: u64) -> [u8; 12] {
    salted(salt, u128::from(ssrc.0) << 48 | u128::from(index))
}

/// 16 zero bits, SSRC, 16 zero bits, 0 and index, under the salt (RFC 7714 §9.1).
fn rtcp_nonce(salt: &[u8; 12], ssrc: Ssrc, index: u32) -> [u8; 12] {
    salted(salt, u128::from(ssrc.0) << 48 | u128::from(index))
}

fn salted(salt: &[u8; 12], number: u128) -> [u8; 12] {
    let mut nonce = *salt;
    for (octet, plain) in nonce.iter_mut().zip(&number.to_be_bytes()[4..]) {
        *octet ^= plain;
    }
    nonce
}

/// What GCM authenticates of SRTCP besides the body.
fn associated(clear: &[u8], word: [u8; RTCP_INDEX]) -> Result<[u8; RTCP_CLEAR + RTCP_INDEX], Failed> {
    let clear: &[u8; RTCP_CLEAR] = clear.try_into().map_err(|_| Failed)?;
    let mut associated = [0; RTCP_CLEAR + RTCP_INDEX];
    associated[..RTCP_CLEAR].copy_from_slice(clear);
    associated[RTCP_CLEAR..].copy_from_slice(&word);
    Ok(associated)
}

fn roc(index: u64) -> [u8; 4] {
    ((index >> 16 & 0xffff_ffff) as u32).to_be_bytes()
}

fn encrypt(cipher: &EncryptingKey, counter: [u8; 16], data: &mut [u8]) -> Result<(), Failed> {
    if add_key_stream(cipher, counter, data) { Ok(()) } else { Err(Failed) }
}

fn authenticate(mac: &hmac::Key, parts: [&[u8]; 3]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(mac);
    for part in parts {
        context.update(part);
    }
    context.sign()
}

/// In constant time, over the octets that the suite sends of the tag.
fn verify(expected: &hmac::Tag, tag: &[u8]) -> Result<(), Failed> {
    let expected = expected.as_ref().get(..tag.len()).ok_or(Failed)?;
    verify_slices_are_equal(expected, tag).map_err(|_| Failed)
}

fn write_tag(place: &mut [u8], tag: &[u8]) -> Result<(), Failed> {
    place.copy_from_slice(tag.get(..place.len()).ok_or(Failed)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::derive::tests::octets;
    use super::*;

    const RTP: &str = "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e20\
                       7061727465732074726573";
    const RTCP: &str = "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeef\
                        deadbeefdeadbeef";

    fn gcm(suite: SrtpSuite) -> Transform {
        let key: Vec<u8> = (0..32).collect();
        Transform::with_session_keys(suite, Protocol::Rtp, &key[..suite.key_len()], b"Quid pro quo", &[])
            .expect("lengths fit")
    }

    fn check_rtp(suite: SrtpSuite, expected: &str) {
        let (transform, mut packet) = (gcm(suite), octets(RTP));
        let (header, payload) = packet.split_at_mut(12);
        let mut tag = [0; 16];
        transform.seal_rtp((header, payload, &mut tag), Ssrc(0x5501_a0b2), 0xf17b).expect("seals");
        assert_eq!([&payload[..], &tag].concat(), octets(expected));
        transform.open_rtp((header, payload, &tag), Ssrc(0x5501_a0b2), 0xf17b).expect("opens");
        assert_eq!(packet, octets(RTP));
    }

    fn check_rtcp(suite: SrtpSuite, expected: &str) {
        let (transform, mut packet) = (gcm(suite), octets(RTCP));
        let (clear, body) = packet.split_at_mut(8);
        let mut trailer = [0; 20];
        transform.seal_rtcp((clear, body, &mut trailer), Ssrc(0x4d61_7273), 0x5d4).expect("seals");
        assert_eq!([&body[..], &trailer].concat(), octets(expected));
        assert_eq!(transform.rtcp_index(&trailer), Some(0x8000_05d4));
        transform.open_rtcp((clear, body, &trailer), Ssrc(0x4d61_7273), 0x5d4).expect("opens");
        assert_eq!(packet, octets(RTCP));
    }

    #[test]
    fn rfc_7714_16_1_1() {
        check_rtp(
            SrtpSuite::AeadAes128Gcm,
            "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833
             899d7f27beb16a9152cf765ee4390cce",
        );
    }

    #[test]
    fn rfc_7714_16_2_1() {
        check_rtp(
            SrtpSuite::AeadAes256Gcm,
            "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b
             7aa3db36dfffd6b0f9bb7878d7a76c13",
        );
    }

    #[test]
    fn rfc_7714_17_1() {
        check_rtcp(
            SrtpSuite::AeadAes128Gcm,
            "63e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275b
             c84aa45896cf4d2fc5abf87245d9eade 800005d4",
        );
    }

    #[test]
    fn rfc_7714_17_2() {
        check_rtcp(
            SrtpSuite::AeadAes256Gcm,
            "d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de0476f1b6fad
             1d1eb30c4446839f57ff6f6cb26ac3be 800005d4",
        );
    }
}
