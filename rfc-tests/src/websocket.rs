//! A raw peer over a WebSocket: it sends what the test writes, and reads what comes back (RFC 7118).

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::raw::Answer;
use crate::server::Server;

const ANSWER_WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub struct RawWebSocket(WebSocketStream<TlsStream<TcpStream>>);

impl RawWebSocket {
    /// Opens `wss://…/sip`. A refusal is the HTTP status. `headers`: those of the handshake, beside the usual ones.
    pub async fn open(server: &Server, headers: &[(&'static str, &str)]) -> anyhow::Result<Result<Self, u16>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(server.certificate())?)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let tcp = TcpStream::connect((server.address, 8443)).await?;
        let name = ServerName::from(std::net::IpAddr::V4(server.address));
        let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
        let mut request = format!("wss://{}:8443/sip", server.address).into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse()?);
        }
        match tokio_tungstenite::client_async(request, tls).await {
            Ok((socket, _)) => Ok(Ok(Self(socket))),
            Err(Error::Http(response)) => Ok(Err(response.status().as_u16())),
            Err(error) => Err(error.into()),
        }
    }

    pub async fn send(&mut self, message: Message) -> anyhow::Result<()> {
        Ok(self.0.send(message).await?)
    }

    /// The next frame that is no ping.
    pub async fn receive(&mut self) -> anyhow::Result<Message> {
        loop {
            match timeout(ANSWER_WITHIN, self.0.next()).await?.context("closed")?? {
                Message::Ping(_) => {}
                message => return Ok(message),
            }
        }
    }

    /// Sends a request as text and gives the first final response.
    pub async fn ask(&mut self, request: &str) -> anyhow::Result<Answer> {
        self.send(Message::text(request)).await?;
        loop {
            match self.receive().await? {
                Message::Text(text) => {
                    let answer = Answer(text.to_string());
                    if answer.status() >= 200 {
                        return Ok(answer);
                    }
                }
                other => bail!("not a response: {other:?}"),
            }
        }
    }
}
