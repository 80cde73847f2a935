//! What TLS works by, as server and as client; replaced as one when certificates are renewed.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ServerConfig};
use tokio::sync::watch;

use super::client::{VerifyServer, client_config};

/// Why a configuration cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("unusable certificate authorities: {reason}")]
    Authorities { reason: String },
    #[error(transparent)]
    Unusable(#[from] rustls::Error),
}

#[derive(Clone, Debug)]
pub struct TlsConfigs {
    /// Listeners for TLS need one.
    pub server: Option<Arc<ServerConfig>>,
    pub client: Arc<ClientConfig>,
}

impl TlsConfigs {
    /// `own`: what we show to servers that ask who we are.
    pub fn new(
        server: Option<Arc<ServerConfig>>,
        verify: &VerifyServer,
        own: Option<Arc<CertifiedKey>>,
    ) -> Result<Self, TlsError> {
        Ok(Self { server, client: client_config(verify, own)? })
    }

    /// For a net whose configurations never change.
    pub fn fixed(self) -> watch::Receiver<Self> {
        watch::channel(self).1
    }
}

impl Default for TlsConfigs {
    /// No listeners, and as client encrypted to whoever answers.
    fn default() -> Self {
        Self::new(None, &VerifyServer::Nobody, None).expect("no authorities, none unusable")
    }
}

/// aws-lc: ECDHE with AES-GCM or ChaCha20-Poly1305, nothing else (RFC 9325 §4).
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
