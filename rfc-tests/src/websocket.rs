//! A raw peer over a WebSocket: it sends what the test writes, and reads what comes back (RFC 7118).

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
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
pub struct RawWebSocket(WebSocketStream<Box<dyn Stream>>);

/// TLS or plain TCP.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug> Stream for S {}

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
        let tls: TlsStream<TcpStream> = tls;
        Self::shake_hands("wss", server, Box::new(tls), headers).await
    }

    /// Opens `ws://…/sip`.
    pub async fn open_plain(server: &Server, headers: &[(&'static str, &str)]) -> anyhow::Result<Self> {
        let tcp = TcpStream::connect((server.address, 8443)).await?;
        let opened = Self::shake_hands("ws", server, Box::new(tcp), headers).await?;
        opened.map_err(|status| anyhow::anyhow!("refused: {status}"))
    }

    async fn shake_hands(
        scheme: &str,
        server: &Server,
        stream: Box<dyn Stream>,
        headers: &[(&'static str, &str)],
    ) -> anyhow::Result<Result<Self, u16>> {
        let mut request = format!("{scheme}://{}:8443/sip", server.address).into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse()?);
        }
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => Ok(Ok(Self(socket))),
            Err(Error::Http(response)) => Ok(Err(response.status().as_u16())),
            Err(error) => Err(error.into()),
        }
    }

    pub async fn send(&mut self, message: Message) -> anyhow::Result<()> {
        Ok(self.0.send(message).await?)
    }

    /// Waits for a ping, whatever comes before.
    pub async fn await_ping(&mut self, within: Duration) -> anyhow::Result<()> {
        let ping = async {
            loop {
                if let Message::Ping(_) = self.0.next().await.context("closed")?? {
                    return anyhow::Ok(());
                }
            }
        };
        timeout(within, ping).await.context("no ping")?
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
