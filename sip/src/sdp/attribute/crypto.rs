//! `a=crypto`: SRTP keys in the description, RFC 4568; suites of RFC 4568 §6.2, RFC 6188 and RFC 7714.
//!
//! ```text
//! a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4 KDR=0
//!          tag suite                        key and salt, base64                lifetime MKI  session parameters
//! ```
//!
//! A line that is not exactly right is an error, and the next line is tried (§7.1.2): a key that was half understood
//! would give silence at best. Left out: F8, several keys in one line (they need an MKI), FEC parameters.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// §6.1: padding may stand or be left out; everything else is strict.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// One readable `a=crypto` line.
#[derive(Clone, PartialEq, Eq)]
pub struct Crypto {
    /// Up to nine digits; the answer repeats it.
    pub tag: u32,
    pub suite: CryptoSuite,
    /// Master key and salt, [`CryptoSuite::key_and_salt_len`] octets.
    pub key_and_salt: Vec<u8>,
    /// Length in octets of the master key identifier in each packet; 0 when there is none.
    pub mki_len: u8,
    pub session: Vec<SessionParameter>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CryptoSuite {
    AesCm128HmacSha1_80,
    AesCm128HmacSha1_32,
    AesCm256HmacSha1_80,
    AeadAes128Gcm,
    AeadAes256Gcm,
}

/// §6.3. Parameters marked optional with `-` that are not known are dropped while reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionParameter {
    /// `KDR=n`: keys are derived anew every 2^n packets; 0 never.
    KeyDerivationRate(u8),
    UnencryptedSrtp,
    UnencryptedSrtcp,
    UnauthenticatedSrtp,
    /// `WSH=n`: a hint for the replay window.
    WindowSizeHint(u32),
}

/// Why a line cannot be used. Keys never appear in the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    #[error("a=crypto lacks its {0}")]
    Missing(&'static str),
    #[error("a=crypto tag {0:?} is not one to nine digits")]
    Tag(String),
    #[error("crypto suite {0} is not known here")]
    UnknownSuite(String),
    #[error("a=crypto key is not inline")]
    NotInline,
    #[error("a=crypto has several keys")]
    SeveralKeys,
    #[error("a=crypto key is not base64")]
    NotBase64,
    #[error("{suite} wants {wanted} octets of key and salt, not {found}")]
    KeyLength { suite: CryptoSuite, wanted: usize, found: usize },
    #[error("a=crypto lifetime {0:?} is not between 1 and 2^48")]
    Lifetime(String),
    #[error("a=crypto MKI {0:?} is not value:length")]
    Mki(String),
    #[error("session parameter {0} is not known here")]
    SessionParameter(String),
}

impl CryptoSuite {
    pub const ALL: [Self; 5] = [
        Self::AesCm128HmacSha1_80,
        Self::AeadAes128Gcm,
        Self::AesCm256HmacSha1_80,
        Self::AeadAes256Gcm,
        Self::AesCm128HmacSha1_32,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AesCm256HmacSha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    pub fn key_and_salt_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 => 30,
            Self::AesCm256HmacSha1_80 => 46,
            Self::AeadAes128Gcm => 28,
            Self::AeadAes256Gcm => 44,
        }
    }

    fn read(name: &str) -> Result<Self, CryptoError> {
        Self::ALL
            .into_iter()
            .find(|suite| suite.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| CryptoError::UnknownSuite(name.to_owned()))
    }
}

impl fmt::Display for CryptoSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crypto").field("tag", &self.tag).field("suite", &self.suite).finish_non_exhaustive()
    }
}

/// The value of the attribute, without session parameters and MKI.
impl fmt::Display for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = base64::engine::general_purpose::STANDARD.encode(&self.key_and_salt);
        write!(f, "{} {} inline:{key}", self.tag, self.suite)
    }
}

impl Crypto {
    pub fn new(tag: u32, suite: CryptoSuite, key_and_salt: Vec<u8>) -> Self {
        Self { tag, suite, key_and_salt, mki_len: 0, session: Vec::new() }
    }

    pub fn parse(value: &str) -> Result<Self, CryptoError> {
        let mut fields = value.split_ascii_whitespace();
        let mut next = |what| fields.next().ok_or(CryptoError::Missing(what));
        let tag = read_tag(next("tag")?)?;
        let suite = CryptoSuite::read(next("suite")?)?;
        let (key_and_salt, mki_len) = read_key(next("key")?, suite)?;
        let session = fields.filter_map(read_session_parameter).collect::<Result<_, _>>()?;
        Ok(Self { tag, suite, key_and_salt, mki_len, session })
    }

    /// Whether packets look as they do without any parameter: encrypted, authenticated, no MKI, one derivation.
    /// Others are possible by RFC 4568, and refused here: unencrypted ones by §6.3.2's own advice.
    pub fn is_ordinary(&self) -> bool {
        self.mki_len == 0
            && self.session.iter().all(|parameter| {
                matches!(parameter, SessionParameter::KeyDerivationRate(0) | SessionParameter::WindowSizeHint(_))
            })
    }
}

impl super::Attributes {
    /// Every `a=crypto` line, readable or not, in the writer's order of preference.
    pub fn cryptos(&self) -> impl Iterator<Item = Result<Crypto, CryptoError>> {
        self.values("crypto").map(Crypto::parse)
    }
}

fn read_tag(text: &str) -> Result<u32, CryptoError> {
    let digits = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().ok_or_else(|| CryptoError::Tag(text.to_owned()))
}

/// `inline:KEY`, `inline:KEY|LIFETIME`, `inline:KEY|MKI:LENGTH`, `inline:KEY|LIFETIME|MKI:LENGTH`
fn read_key(text: &str, suite: CryptoSuite) -> Result<(Vec<u8>, u8), CryptoError> {
    if text.contains(';') {
        return Err(CryptoError::SeveralKeys);
    }
    let (method, info) = text.split_once(':').ok_or(CryptoError::NotInline)?;
    if !method.eq_ignore_ascii_case("inline") {
        return Err(CryptoError::NotInline);
    }
    let mut parts = info.split('|');
    let key = BASE64.decode(parts.next().unwrap_or_default()).map_err(|_| CryptoError::NotBase64)?;
    if key.len() != suite.key_and_salt_len() {
        return Err(CryptoError::KeyLength { suite, wanted: suite.key_and_salt_len(), found: key.len() });
    }
    let mki_len = match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => 0,
        (Some(one), None, _) if one.contains(':') => read_mki(one)?,
        (Some(lifetime), None, _) => check_lifetime(lifetime).map(|()| 0)?,
        (Some(lifetime), Some(mki), None) => check_lifetime(lifetime).and_then(|()| read_mki(mki))?,
        (.., Some(more)) => return Err(CryptoError::Mki(more.to_owned())),
    };
    Ok((key, mki_len))
}

/// §6.1: `2^n` or a decimal, at most 2^48 packets.
fn check_lifetime(text: &str) -> Result<(), CryptoError> {
    let packets = match text.strip_prefix("2^") {
        Some(exponent) => exponent.parse().ok().and_then(|exponent| 1_u64.checked_shl(exponent)),
        None => text.parse().ok(),
    };
    match packets {
        Some(1..=0x1_0000_0000_0000) => Ok(()),
        _ => Err(CryptoError::Lifetime(text.to_owned())),
    }
}

fn read_mki(text: &str) -> Result<u8, CryptoError> {
    text.split_once(':')
        .filter(|(value, _)| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|(_, length)| length.parse().ok())
        .filter(|length| (1..=128).contains(length))
        .ok_or_else(|| CryptoError::Mki(text.to_owned()))
}

/// Returns nothing for a parameter that may be ignored (`-NAME`, §6.3.7).
fn read_session_parameter(text: &str) -> Option<Result<SessionParameter, CryptoError>> {
    let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
    let known = match (name, value) {
        ("KDR", Some(rate)) => rate.parse().ok().filter(|rate| *rate <= 24).map(SessionParameter::KeyDerivationRate),
        ("UNENCRYPTED_SRTP", None) => Some(SessionParameter::UnencryptedSrtp),
        ("UNENCRYPTED_SRTCP", None) => Some(SessionParameter::UnencryptedSrtcp),
        ("UNAUTHENTICATED_SRTP", None) => Some(SessionParameter::UnauthenticatedSrtp),
        ("WSH", Some(size)) => size.parse().ok().filter(|size| *size >= 64).map(SessionParameter::WindowSizeHint),
        _ if name.starts_with('-') => return None,
        _ => None,
    };
    Some(known.ok_or_else(|| CryptoError::SessionParameter(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 30 octets.
    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    fn parse(rest: &str) -> Result<Crypto, CryptoError> {
        Crypto::parse(&rest.replace("KEY", KEY))
    }

    /// RFC 4568 §9.1 and what phones send.
    #[test]
    fn ordinary_lines_are_read() {
        for line in [
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY",
            "2 aes_cm_128_hmac_sha1_32 INLINE:KEY|2^31",
            "123456789 AES_CM_128_HMAC_SHA1_80 inline:KEY|1048576 WSH=128 KDR=0",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^48  -FOO=1 -BAR",
        ] {
            let crypto = parse(line).expect(line);
            assert!(crypto.is_ordinary(), "{line}");
            assert_eq!(crypto.key_and_salt.len(), 30);
        }
    }

    #[test]
    fn lines_that_change_the_packets_are_read_and_told() {
        for line in [
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1:4",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|1:4",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY KDR=1",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY UNENCRYPTED_SRTP",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY UNENCRYPTED_SRTCP",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY UNAUTHENTICATED_SRTP",
        ] {
            assert!(!parse(line).expect(line).is_ordinary(), "{line}");
        }
    }

    #[test]
    fn mutated_lines_are_refused() {
        for line in [
            "",
            "1",
            "1 AES_CM_128_HMAC_SHA1_80",
            "x AES_CM_128_HMAC_SHA1_80 inline:KEY",
            "1234567890 AES_CM_128_HMAC_SHA1_80 inline:KEY",
            "1 F8_128_HMAC_SHA1_80 inline:KEY",
            "1 AES_CM_128_HMAC_SHA1_80 KEY",
            "1 AES_CM_128_HMAC_SHA1_80 uri:KEY",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY!",
            "1 AES_CM_128_HMAC_SHA1_80 inline:",
            "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9",
            "1 AES_256_CM_HMAC_SHA1_80 inline:KEY",
            "1 AEAD_AES_128_GCM inline:KEY",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^49",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^99",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|0",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1:0",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1:129",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|:4",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1:4|x",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1:4;inline:KEY|2^20|2:4",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY FOO=1",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY KDR=25",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY WSH=63",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn every_suite_prints_and_reads_back() {
        for suite in CryptoSuite::ALL {
            let key = (0_u8..).take(suite.key_and_salt_len()).collect();
            let crypto = Crypto::new(7, suite, key);
            assert_eq!(Crypto::parse(&crypto.to_string()), Ok(crypto.clone()));
            let unpadded = crypto.to_string().replace('=', "");
            assert_eq!(Crypto::parse(&unpadded), Ok(crypto));
        }
    }

    #[test]
    fn keys_stay_out_of_debug_output() {
        let crypto = parse("1 AES_CM_128_HMAC_SHA1_80 inline:KEY").expect("readable");
        assert!(!format!("{crypto:?}").contains("key_and_salt"));
    }
}
