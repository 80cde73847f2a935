//! The listeners: HTTPS by rustls, or plain HTTP behind a reverse proxy on the same host.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::info;

use super::router::router;
use super::state::ApiState;

/// Requests still running when the server stops get so long.
const GRACE: Duration = Duration::from_secs(5);
/// A client has so long to send a request's head, or over HTTP/2 to answer a ping.
const IDLE_AT_MOST: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub struct ApiSettings {
    pub listen: Vec<SocketAddr>,
    /// `None`: plain HTTP, for a reverse proxy on the same host.
    pub tls: Option<Arc<ServerConfig>>,
    pub limits: ApiLimits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiLimits {
    /// A session that is not used ends after this.
    pub session_lifetime: Duration,
    /// Longest request body, in bytes.
    pub max_body: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("http.listen: cannot listen on {address}: {cause}")]
    Listen { address: SocketAddr, cause: io::Error },
    #[error("HTTP on {address} ended: {cause}")]
    Ended { address: SocketAddr, cause: io::Error },
}

/// The API on its listeners, bound but not yet answering.
#[derive(Debug)]
pub struct ApiServer {
    listeners: Vec<(SocketAddr, TcpListener)>,
    tls: Option<RustlsConfig>,
    limits: ApiLimits,
}

impl Default for ApiLimits {
    fn default() -> Self {
        Self { session_lifetime: Duration::from_secs(12 * 3600), max_body: 1024 * 1024 }
    }
}

impl ApiServer {
    /// Takes the ports, so that a port in use is known before anything else starts.
    pub fn bind(settings: &ApiSettings) -> Result<Self, ServeError> {
        let tls = settings.tls.clone().map(RustlsConfig::from_config);
        let listeners = settings.listen.iter().map(|&address| {
            let fault = |cause| ServeError::Listen { address, cause };
            let listener = TcpListener::bind(address).map_err(fault)?;
            listener.set_nonblocking(true).map_err(fault)?;
            Ok((listener.local_addr().map_err(fault)?, listener))
        });
        Ok(Self { listeners: listeners.collect::<Result<_, _>>()?, tls, limits: settings.limits })
    }

    /// For another certificate, while it serves.
    pub fn https(&self) -> Option<RustlsConfig> {
        self.tls.clone()
    }

    /// Where it listens; a port asked for as 0 is known now.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(|(address, _)| *address).collect()
    }

    /// Serves the API and `gateway` until `shutdown` is done; then WebSockets are closed and running requests have 5 s.
    pub async fn run(
        self,
        state: ApiState,
        gateway: Router,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        let (stop, stopping) = watch::channel(false);
        let service = router(state, self.limits, gateway, stopping).into_make_service_with_connect_info::<SocketAddr>();
        let handle = Handle::new();
        let mut servers = JoinSet::new();
        for (address, listener) in self.listeners {
            info!(%address, tls = self.tls.is_some(), "HTTP listens");
            let server = serve(listener, self.tls.clone(), service.clone(), handle.clone());
            servers.spawn(async move { server.await.map_err(|cause| ServeError::Ended { address, cause }) });
        }
        let goodbye = tokio::spawn(async move {
            shutdown.await;
            // Nobody follows the events: fine.
            let _ = stop.send(true);
            handle.graceful_shutdown(Some(GRACE));
        });
        let mut ended = Ok(());
        while let Some(server) = servers.join_next().await {
            ended = ended.and(server.unwrap_or(Ok(())));
        }
        goodbye.abort();
        ended
    }
}

async fn serve(
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    service: IntoMakeServiceWithConnectInfo<Router, SocketAddr>,
    handle: Handle<SocketAddr>,
) -> io::Result<()> {
    match tls {
        Some(tls) => {
            let mut server = axum_server::from_tcp_rustls(listener, tls)?.handle(handle);
            end_idle_connections(server.http_builder());
            server.serve(service).await
        }
        None => {
            let mut server = axum_server::from_tcp(listener)?.handle(handle);
            end_idle_connections(server.http_builder());
            server.serve(service).await
        }
    }
}

/// A connection that says nothing costs a file descriptor, and they are few.
fn end_idle_connections(http: &mut Builder<TokioExecutor>) {
    http.http1().timer(TokioTimer::new()).header_read_timeout(IDLE_AT_MOST);
    http.http2().timer(TokioTimer::new()).keep_alive_interval(IDLE_AT_MOST).keep_alive_timeout(IDLE_AT_MOST);
}

#[cfg(test)]
mod tests {
    use rustls::crypto::aws_lc_rs;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, RootCertStore};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;

    use super::super::fixture::House;
    use super::*;

    fn certificate() -> (Arc<ServerConfig>, CertificateDer<'static>) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key);
        (Arc::new(config.unwrap()), made.cert.der().clone())
    }

    #[tokio::test]
    async fn https_answers_with_the_given_certificate() {
        let house = House::open().await;
        let (config, trusted) = certificate();
        let (at, stop, stopped) = house.listen(Some(config)).await;

        let mut roots = RootCertStore::empty();
        roots.add(trusted).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let tcp = TcpStream::connect(at).await.unwrap();
        let mut tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
        tls.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        tls.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("alive\n"), "{answer}");

        stop.send(()).unwrap();
        stopped.await;
        assert!(TcpStream::connect(at).await.is_err());
    }

    #[test]
    fn a_port_in_use_is_named_in_one_line() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let settings = ApiSettings { listen: vec![address], tls: None, limits: ApiLimits::default() };
        let error = ApiServer::bind(&settings).unwrap_err().to_string();
        assert_eq!(error, format!("http.listen: cannot listen on {address}: Address already in use (os error 98)"));
    }
}
