//! A certificate with its key: one that was given, or a self-signed one made at the first start.
//!
//! The self-signed one (ECDSA P-256) stands in `tls/` of the data directory as `cert.pem` and `key.pem`. Phones and
//! browsers will not trust it by themselves, but the connection is encrypted from the first minute.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256};
use rustls::InconsistentKeys;
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use time::{Duration, OffsetDateTime};

#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("{} cannot be read", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} holds no certificate in PEM", .path.display())]
    NoCertificate { path: PathBuf },
    #[error("{} holds no private key in PEM", .path.display())]
    NoKey { path: PathBuf },
    #[error("{} is damaged: {fault}", .path.display())]
    Damaged { path: PathBuf, fault: String },
    #[error("the key in {} is of no kind that can be used: {source}", .path.display())]
    UnusableKey { path: PathBuf, source: rustls::Error },
    #[error("the key in {} does not belong to the certificate in {}", .key.display(), .certificate.display())]
    KeyMismatch { certificate: PathBuf, key: PathBuf },
    #[error("{} cannot be written", .path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("no certificate authority can be taken from {}: {fault}", .path.display())]
    NoAuthority { path: PathBuf, fault: String },
    #[error("no self-signed certificate can be made for {names:?}")]
    Unmakeable { names: Vec<String>, source: rcgen::Error },
}

/// A certificate chain with its key.
#[derive(Clone)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
    /// Made just now: worth a word to the administrator.
    pub fresh: bool,
}

impl Identity {
    /// Loads a chain (leaf first) and its key from PEM files.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(certificate)?)
            .collect::<Result<_, _>>()
            .map_err(|fault| CertificateError::Damaged { path: certificate.into(), fault: fault.to_string() })?;
        if chain.is_empty() {
            return Err(CertificateError::NoCertificate { path: certificate.into() });
        }
        let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|fault| match fault {
            pem::Error::NoItemsFound => CertificateError::NoKey { path: key.into() },
            fault => CertificateError::Damaged { path: key.into(), fault: fault.to_string() },
        })?;
        let signing = aws_lc_rs::sign::any_supported_type(&private)
            .map_err(|source| CertificateError::UnusableKey { path: key.into(), source })?;
        let certified = CertifiedKey::new(chain, signing);
        match certified.keys_match() {
            // A kind of key that cannot say: found out at the first handshake.
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {
                Ok(Self { certified: Arc::new(certified), fresh: false })
            }
            Err(rustls::Error::InconsistentKeys(_)) => {
                Err(CertificateError::KeyMismatch { certificate: certificate.into(), key: key.into() })
            }
            Err(fault) => Err(CertificateError::Damaged { path: certificate.into(), fault: fault.to_string() }),
        }
    }

    /// Loads `cert.pem` and `key.pem` of `directory`, or makes them for `names` when there is no certificate yet.
    pub fn load_or_make(directory: &Path, names: &[String]) -> Result<Self, CertificateError> {
        let (certificate, key) = (directory.join("cert.pem"), directory.join("key.pem"));
        let exists = certificate.try_exists();
        if exists.map_err(|source| CertificateError::Unreadable { path: certificate.clone(), source })? {
            return Self::load(&certificate, &key);
        }
        let (certificate_pem, key_pem) =
            self_signed(names).map_err(|source| CertificateError::Unmakeable { names: names.into(), source })?;
        let written = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        written.map_err(|source| CertificateError::Unwritable { path: directory.into(), source })?;
        // The key first: a certificate without key would stop the next start, a key without certificate does not.
        write(&key, 0o600, &key_pem)?;
        write(&certificate, 0o644, &certificate_pem)?;
        Self::load(&certificate, &key).map(|identity| Self { fresh: true, ..identity })
    }

    /// Whether peers that look for `name` (a host name or an IP address) find it in the certificate.
    pub fn covers(&self, name: &str) -> bool {
        let leaf = self.certified.end_entity_cert().and_then(ParsedCertificate::try_from);
        let name = ServerName::try_from(name.trim_matches(['[', ']']));
        matches!((leaf, name), (Ok(leaf), Ok(name)) if verify_server_name(&leaf, &name).is_ok())
    }

    pub fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("chain", &self.certified.cert.len()).field("fresh", &self.fresh).finish()
    }
}

/// The names that a self-signed certificate should carry, each once.
pub fn names(domain: &str, aliases: &[String], advertised: Option<IpAddr>) -> Vec<String> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned());
    let fixed = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let wanted = [domain.to_owned()].into_iter().chain(aliases.iter().cloned()).chain(fixed).chain(host);
    let mut names = Vec::new();
    for name in wanted.chain(advertised.map(|address| address.to_string())) {
        let name = name.trim_matches(['[', ']']).to_owned();
        if !names.contains(&name) && ServerName::try_from(name.as_str()).is_ok() {
            names.push(name);
        }
    }
    names
}

/// Certificate and key, both in PEM.
fn self_signed(names: &[String]) -> Result<(String, String), rcgen::Error> {
    let now = OffsetDateTime::now_utc();
    let mut parameters = CertificateParams::new(names)?;
    parameters.not_before = now - Duration::days(1); // clocks of phones run late
    parameters.not_after = now + Duration::days(3650);
    let subject = names.first().map_or("plenary", String::as_str);
    parameters.distinguished_name.push(DnType::CommonName, subject);
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // RFC 5922 §7: also client, for connections that this server opens.
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    Ok((parameters.self_signed(&key)?.pem(), key.serialize_pem()))
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(path).map_err(|source| CertificateError::Unreadable { path: path.into(), source })
}

/// Written beside and renamed: a crash leaves no half file.
fn write(path: &Path, mode: u32, text: &str) -> Result<(), CertificateError> {
    let beside = path.with_extension("new");
    let written =
        OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&beside).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, path)
        });
    written.map_err(|source| CertificateError::Unwritable { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("plenary-tls-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            Self(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn example() -> Vec<String> {
        names("example.org", &["[2001:db8::1]".into()], Some("192.0.2.7".parse().expect("an address")))
    }

    #[test]
    fn the_first_start_makes_a_certificate_and_the_second_keeps_it() {
        let directory = Directory::new("make");
        let first = Identity::load_or_make(&directory.0, &example()).expect("made");
        assert!(first.fresh);
        for name in ["example.org", "localhost", "127.0.0.1", "::1", "[2001:db8::1]", "192.0.2.7"] {
            assert!(first.covers(name), "{name}");
        }
        assert!(!first.covers("example.com"));
        let mode = fs::metadata(directory.0.join("key.pem")).expect("a key").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let second = Identity::load_or_make(&directory.0, &example()).expect("kept");
        assert!(!second.fresh);
        assert_eq!(second.certified.cert, first.certified.cert);
    }

    #[test]
    fn each_fault_names_its_file() {
        let (one, other) = (Directory::new("one"), Directory::new("other"));
        for directory in [&one, &other] {
            Identity::load_or_make(&directory.0, &example()).expect("made");
        }
        let (certificate, key) = (one.0.join("cert.pem"), one.0.join("key.pem"));
        let fault = |certificate: &Path, key: &Path| {
            Identity::load(certificate, key).expect_err("faulty").to_string().replace(&*one.0.to_string_lossy(), "")
        };
        assert_eq!(fault(&one.0.join("none.pem"), &key), "/none.pem cannot be read");
        assert_eq!(fault(&key, &key), "/key.pem holds no certificate in PEM");
        assert_eq!(fault(&certificate, &certificate), "/cert.pem holds no private key in PEM");
        let mismatch = fault(&certificate, &other.0.join("key.pem"));
        assert!(mismatch.ends_with("does not belong to the certificate in /cert.pem"), "{mismatch}");
        fs::write(one.0.join("half.pem"), "-----BEGIN CERTIFICATE-----\nMIIB").expect("written");
        let damaged = fault(&one.0.join("half.pem"), &key);
        assert!(damaged.starts_with("/half.pem is damaged"), "{damaged}");
    }
}
