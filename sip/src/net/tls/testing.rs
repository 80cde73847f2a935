//! Certificates for tests.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType, string,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// `names`: host names, addresses, and with `uri:` before them URIs.
fn params(common_name: &str, names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let text = |text: &str| string::Ia5String::try_from(text).expect("ASCII");
    params.subject_alt_names = names
        .iter()
        .map(|name| match (name.strip_prefix("uri:"), name.parse()) {
            (Some(uri), _) => SanType::URI(text(uri)),
            (None, Ok(address)) => SanType::IpAddress(address),
            (None, Err(_)) => SanType::DnsName(text(name)),
        })
        .collect();
    params
}

/// Self-signed.
pub fn certificate(common_name: &str, names: &[&str]) -> CertificateDer<'static> {
    let key = KeyPair::generate().expect("a key");
    params(common_name, names).self_signed(&key).expect("a certificate").der().clone()
}

/// Self-signed, with its key.
pub fn certified(names: &[&str]) -> Arc<CertifiedKey> {
    let key = KeyPair::generate().expect("a key");
    let certificate = params("x", names).self_signed(&key).expect("a certificate").der().clone();
    let private = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let signing = aws_lc_rs::sign::any_supported_type(&private).expect("ECDSA");
    Arc::new(CertifiedKey::new(vec![certificate], signing))
}

pub struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// `purposes`: `client`, `server`, or anything else for another.
    pub fn issue(&self, names: &[&str], purposes: &[&str]) -> (CertificateDer<'static>, KeyPair) {
        let mut params = params("x", names);
        params.extended_key_usages = purposes
            .iter()
            .map(|purpose| match *purpose {
                "client" => ExtendedKeyUsagePurpose::ClientAuth,
                "server" => ExtendedKeyUsagePurpose::ServerAuth,
                _ => ExtendedKeyUsagePurpose::CodeSigning,
            })
            .collect();
        let key = KeyPair::generate().expect("a key");
        (params.signed_by(&key, &self.issuer).expect("signed").der().clone(), key)
    }
}
