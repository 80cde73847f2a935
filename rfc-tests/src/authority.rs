//! A certificate authority for tests, and what it issues.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType, string};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;

pub struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// A certificate with its key.
#[derive(Debug)]
pub struct Issued {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let mut params = params(name, &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// `names`: host names, addresses, and with `uri:` before them URIs; the first is the common name, too.
    pub fn issue(&self, common_name: &str, names: &[&str]) -> anyhow::Result<Issued> {
        let key = KeyPair::generate()?;
        let certificate = params(common_name, names)?.signed_by(&key, &self.issuer)?;
        Ok(Issued { certificate, key })
    }
}

impl Issued {
    pub fn certified(&self) -> anyhow::Result<Arc<CertifiedKey>> {
        let private = PrivateKeyDer::try_from(self.key.serialize_der()).map_err(anyhow::Error::msg)?;
        let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(&private)?;
        Ok(Arc::new(CertifiedKey::new(vec![self.certificate.der().clone()], signing)))
    }

    /// Written as `NAME.pem` and `NAME-key.pem`, each at once.
    pub fn write(&self, folder: &Path, name: &str) -> anyhow::Result<(PathBuf, PathBuf)> {
        let (certificate, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}-key.pem")));
        for (path, text) in [(&certificate, self.certificate.pem()), (&key, self.key.serialize_pem())] {
            let beside = path.with_extension("new");
            std::fs::write(&beside, text)?;
            std::fs::rename(&beside, path)?;
        }
        Ok((certificate, key))
    }
}

fn params(common_name: &str, names: &[&str]) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    for name in names {
        params.subject_alt_names.push(match (name.strip_prefix("uri:"), name.parse()) {
            (Some(uri), _) => SanType::URI(string::Ia5String::try_from(uri)?),
            (None, Ok(address)) => SanType::IpAddress(address),
            (None, Err(_)) => SanType::DnsName(string::Ia5String::try_from(*name)?),
        });
    }
    Ok(params)
}
