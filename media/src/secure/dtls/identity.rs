//! Our certificate and what we agree to in a handshake: made at start, the same in all.

use std::ffi::c_ulong;
use std::fmt;

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{Asn1Flag, EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rand::rand_bytes;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslOptions, SslSessionCacheMode, SslVersion};
use openssl::x509::{X509, X509NameBuilder};

use super::DtlsError;
use crate::plan::{Fingerprint, FingerprintHash, SrtpSuite};

/// RFC 5764 §4.1.2 and RFC 7714 §14.2, the best first: OpenSSL's name, the number on the wire, what it is here.
pub(super) const PROFILES: [(&str, c_ulong, SrtpSuite); 3] = [
    ("SRTP_AEAD_AES_256_GCM", 8, SrtpSuite::AeadAes256Gcm),
    ("SRTP_AEAD_AES_128_GCM", 7, SrtpSuite::AeadAes128Gcm),
    ("SRTP_AES128_CM_SHA1_80", 1, SrtpSuite::AesCm128HmacSha1_80),
];
/// With CBC at the end: phones of OpenSSL 1.0 have nothing better, and no record with content follows the handshake.
const CIPHERS: &str = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!AESCCM:!aNULL";
const GROUPS: &str = "X25519:P-256:P-384";
/// Old phones have RSA keys of 1024 bits. Whom the fingerprint names is not named better by a longer key.
const SECURITY_LEVEL: u32 = 1;
/// The peer looks at the fingerprint alone, but some refuse what is out of date.
const VALID_DAYS: u32 = 3_650;

/// RFC 6347 §4.2.1: who does not receive at the address that it sends from cannot know it. One for each association.
type Cookie = [u8; 20];

#[derive(Clone)]
pub struct Identity {
    context: SslContext,
    cookie: Index<Ssl, Cookie>,
    fingerprint: Fingerprint,
}

impl Identity {
    /// Makes an ECDSA certificate on P-256.
    pub fn generate() -> Result<Self, DtlsError> {
        key().and_then(|key| Self::of(&key)).map_err(|_| DtlsError::NoCertificate)
    }

    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Shows this key.
    pub(super) fn of(key: &PKey<Private>) -> Result<Self, ErrorStack> {
        let certificate = certificate(key)?;
        let cookie = Ssl::new_ex_index::<Cookie>()?;
        let fingerprint = Fingerprint::of(FingerprintHash::Sha256, &certificate.to_der()?);
        Ok(Self { context: context(key, &certificate, cookie)?, cookie, fingerprint })
    }

    pub(super) fn session(&self) -> Result<Ssl, ErrorStack> {
        let mut session = Ssl::new(&self.context)?;
        let mut cookie = Cookie::default();
        rand_bytes(&mut cookie)?;
        session.set_ex_data(self.cookie, cookie);
        Ok(session)
    }
}

fn key() -> Result<PKey<Private>, ErrorStack> {
    let mut group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    group.set_asn1_flag(Asn1Flag::NAMED_CURVE);
    PKey::from_ec_key(EcKey::generate(&group)?)
}

fn certificate(key: &PKey<Private>) -> Result<X509, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, "plenary")?;
    let name = name.build();
    let mut serial = BigNum::new()?;
    serial.rand(64, MsbOption::ONE, false)?;
    let mut certificate = X509::builder()?;
    certificate.set_version(2)?; // X.509 v3
    certificate.set_serial_number(serial.to_asn1_integer()?.as_ref())?;
    certificate.set_subject_name(&name)?;
    certificate.set_issuer_name(&name)?;
    certificate.set_not_before(Asn1Time::days_from_now(0)?.as_ref())?;
    certificate.set_not_after(Asn1Time::days_from_now(VALID_DAYS)?.as_ref())?;
    certificate.set_pubkey(key)?;
    certificate.sign(key, MessageDigest::sha256())?;
    Ok(certificate.build())
}

fn context(key: &PKey<Private>, certificate: &X509, cookie: Index<Ssl, Cookie>) -> Result<SslContext, ErrorStack> {
    let mut context = SslContext::builder(SslMethod::dtls())?;
    context.set_security_level(SECURITY_LEVEL);
    context.set_min_proto_version(Some(SslVersion::DTLS1_2))?;
    context.set_cipher_list(CIPHERS)?;
    context.set_groups_list(GROUPS)?;
    context.set_tlsext_use_srtp(&PROFILES.map(|(name, ..)| name).join(":"))?;
    context.set_certificate(certificate)?;
    context.set_private_key(key)?;
    context.set_session_cache_mode(SslSessionCacheMode::OFF);
    context.set_options(
        SslOptions::NO_QUERY_MTU | SslOptions::COOKIE_EXCHANGE | SslOptions::NO_TICKET | SslOptions::NO_RENEGOTIATION,
    );
    context.set_cookie_generate_cb(move |session, into| {
        let known = session.ex_data(cookie).copied().unwrap_or_default();
        into[..known.len()].copy_from_slice(&known);
        Ok(known.len())
    });
    context.set_cookie_verify_cb(move |session, shown| session.ex_data(cookie).is_some_and(|known| known == shown));
    Ok(context.build())
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}
