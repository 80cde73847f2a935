//! TLS as server: which certificate a client is shown, and whether it must show one.
//!
//! RFC 5922 §7.8 (SNI chooses), §7.4 (mutual TLS), RFC 6066 §3.

use std::sync::Arc;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig, ServerConnection,
    SignatureScheme,
};

use super::client::authorities;
use super::configs::{TlsError, provider};
use super::identities::DomainIdentities;

/// Clients are asked for a certificate of one of these authorities. Who shows one of others is let go.
#[derive(Clone, Debug)]
pub struct AskClients {
    pub authorities_pem: Vec<u8>,
    /// Who shows none is let go too.
    pub required: bool,
}

/// `own`: the first is shown to who asks for no name, or for none that is there. `protocols`: ALPN.
pub fn server_config(
    own: Vec<Arc<CertifiedKey>>,
    clients: Option<&AskClients>,
    protocols: &[&[u8]],
) -> Result<Arc<ServerConfig>, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let builder = match clients {
        Some(clients) => builder.with_client_cert_verifier(Arc::new(DomainClients::new(clients)?)),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(ByName::new(own)));
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}

/// Whom the client has proven to be; nobody, unless it was asked.
pub(in crate::net) fn identities_of(connection: &ServerConnection) -> DomainIdentities {
    connection.peer_certificates().and_then(<[_]>::first).map(DomainIdentities::of).unwrap_or_default()
}

#[derive(Debug)]
struct ByName(Vec<(DomainIdentities, Arc<CertifiedKey>)>);

impl ByName {
    fn new(own: Vec<Arc<CertifiedKey>>) -> Self {
        let identities = |own: &CertifiedKey| own.cert.first().map(DomainIdentities::of).unwrap_or_default();
        Self(own.into_iter().map(|own| (identities(&own), own)).collect())
    }

    fn choose(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let fits = |name: &str| self.0.iter().find(|(identities, _)| identities.include_with_wildcards(name));
        name.and_then(fits).or(self.0.first()).map(|(_, own)| Arc::clone(own))
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name())
    }
}

/// Verifies chains of clients. Their certificates are those of SIP servers, and public authorities write only
/// "server" into such: that purpose is as good as "client" here (RFC 5922 §7.5 leaves both to policy).
#[derive(Debug)]
struct DomainClients {
    strict: Arc<dyn ClientCertVerifier>,
    authorities: Arc<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl DomainClients {
    fn new(clients: &AskClients) -> Result<Self, TlsError> {
        let authorities = Arc::new(authorities(&clients.authorities_pem)?);
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::clone(&authorities), provider());
        let builder = if clients.required { builder } else { builder.allow_unauthenticated() };
        let strict = builder.build().map_err(|error| TlsError::Authorities { reason: error.to_string() })?;
        Ok(Self { strict, authorities, algorithms: provider().signature_verification_algorithms })
    }
}

impl ClientCertVerifier for DomainClients {
    fn offer_client_auth(&self) -> bool {
        self.strict.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.strict.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.strict.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match self.strict.verify_client_cert(end_entity, intermediates, now) {
            Err(Error::InvalidCertificate(
                CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. },
            )) => {
                let certificate = ParsedCertificate::try_from(end_entity)?;
                let (roots, algorithms) = (&self.authorities, self.algorithms.all);
                verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
                Ok(ClientCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        self.strict.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        self.strict.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.strict.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Authority, certified};
    use super::*;

    /// RFC 5922 §7.8: two domains on one port.
    #[test]
    fn the_name_asked_for_chooses_the_certificate() {
        let own: Vec<_> =
            [["a.example"], ["b.example"], ["*.c.example"]].iter().map(|names| certified(names)).collect();
        let by_name = ByName::new(own.clone());
        for (name, place) in
            [(None, 0), (Some("a.example"), 0), (Some("B.Example"), 1), (Some("x.c.example"), 2), (Some("d"), 0)]
        {
            let chosen = by_name.choose(name).expect("one of them");
            assert!(Arc::ptr_eq(&chosen, &own[place]), "{name:?}");
        }
    }

    #[test]
    fn clients_are_verified_whether_made_out_for_clients_or_servers() {
        let (ours, others) = (Authority::new("ours"), Authority::new("others"));
        let ask = AskClients { authorities_pem: ours.pem().into_bytes(), required: false };
        let clients = DomainClients::new(&ask).expect("an authority");
        assert!(clients.offer_client_auth() && !clients.client_auth_mandatory());
        let verify = |certificate: &CertificateDer<'_>| clients.verify_client_cert(certificate, &[], UnixTime::now());
        for purposes in [&[][..], &["client"], &["server"]] {
            assert!(verify(&ours.issue(&["a.example"], purposes).0).is_ok(), "{purposes:?}");
            assert!(verify(&others.issue(&["a.example"], purposes).0).is_err(), "{purposes:?}");
        }
        assert!(verify(&ours.issue(&["a.example"], &["code"]).0).is_err());
    }
}
