//! TLS as client: a server must prove to be the host of the SIP URI, before any record of the DNS led elsewhere.
//!
//! RFC 5922 §7.3 (the host asked for), §7.2 (no wildcards); RFC 3263 §4.1 says the same of SRV.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, ClientConfig, Error, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::configs::{TlsError, provider};
use super::identities::DomainIdentities;
use super::judge::{Judge, client_judging_by, client_showing};

/// Whether the other end of a TLS connection that we open must prove its name.
#[derive(Clone, Debug)]
pub enum VerifyServer {
    /// Its certificate must stand for the host of the SIP URI and lead to one of these authorities (RFC 5922 §7).
    /// `wildcards`: hosts for which `*.` in place of the first label will do.
    Authorities { pem: Vec<u8>, wildcards: Vec<String> },
    /// Encrypted to whoever answers. Phones have certificates of their own making; most are reached over the
    /// connection that they opened anyway.
    Nobody,
}

/// `host`: of the SIP URI, before any look-up. Whoever does not prove it is let go without a word of SIP (§7.3).
pub(in crate::net) async fn connect(
    config: Arc<ClientConfig>,
    host: &str,
    stream: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    let name = match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(address) => ServerName::from(address),
        Err(_) => ServerName::try_from(host.trim_end_matches('.').to_owned()).map_err(io::Error::other)?,
    };
    TlsConnector::from(config).connect(name, stream).await
}

pub(super) fn client_config(
    verify: &VerifyServer,
    own: Option<Arc<CertifiedKey>>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let expected = match verify {
        VerifyServer::Authorities { pem, wildcards } => Expected::Host {
            authorities: authorities(pem)?,
            wildcards: wildcards.iter().map(|host| host.to_ascii_lowercase()).collect(),
        },
        VerifyServer::Nobody => Expected::Anybody,
    };
    let config = match own {
        Some(own) => client_showing(own, expected),
        None => client_judging_by(expected),
    };
    config.map(Arc::new)
}

/// All certificates of a PEM text.
pub(super) fn authorities(pem: &[u8]) -> Result<RootCertStore, TlsError> {
    let unusable = |error: &dyn std::fmt::Display| TlsError::Authorities { reason: error.to_string() };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    Ok(roots)
}

#[derive(Debug)]
enum Expected {
    Host {
        authorities: RootCertStore,
        wildcards: Vec<String>,
    },
    /// Any certificate does, but its key must be there.
    Anybody,
}

impl Judge for Expected {
    fn judge(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let Self::Host { authorities, wildcards } = self else { return Ok(()) };
        let parsed = ParsedCertificate::try_from(certificate)?;
        let algorithms = provider().signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, authorities, intermediates, now, algorithms)?;
        let (host, identities) = (server.to_str().to_ascii_lowercase(), DomainIdentities::of(certificate));
        let proven = match wildcards.contains(&host) {
            true => identities.include_with_wildcards(&host),
            false => identities.include(&host),
        };
        if !proven {
            return Err(CertificateError::NotValidForNameContext {
                expected: server.to_owned(),
                presented: identities.domains().map(str::to_owned).collect(),
            }
            .into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Authority;
    use super::*;

    #[test]
    fn servers_prove_the_host_by_a_known_authority() {
        let (ours, others) = (Authority::new("ours"), Authority::new("others"));
        let verify = |certificate: &CertificateDer<'_>, host: &str, wildcards: &[&str]| {
            let expected = Expected::Host {
                authorities: authorities(ours.pem().as_bytes()).expect("an authority"),
                wildcards: wildcards.iter().map(|host| (*host).to_owned()).collect(),
            };
            let name = ServerName::try_from(host).expect("a name");
            expected.judge(certificate, &[], &name, UnixTime::now()).is_ok()
        };
        let domain = ours.issue(&["uri:sip:example.com", "edge.example.com"], &["server"]).0;
        assert!(verify(&domain, "example.com", &[]));
        assert!(verify(&domain, "EXAMPLE.com", &[]));
        assert!(!verify(&domain, "edge.example.com", &[]), "a DNS name beside a sip: URI");
        assert!(!verify(&others.issue(&["example.com"], &["server"]).0, "example.com", &[]));
        let wildcard = ours.issue(&["*.example.com"], &["server"]).0;
        assert!(!verify(&wildcard, "sip.example.com", &[]));
        assert!(verify(&wildcard, "sip.example.com", &["sip.example.com"]));
        assert!(!verify(&wildcard, "other.example.com", &["sip.example.com"]));
    }
}
