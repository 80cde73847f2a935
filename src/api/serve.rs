//! The listeners: HTTPS by rustls, or plain HTTP behind a reverse proxy on the same host.

use std::{
    future::Future,
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum_server::{Handle, tls_rustls::RustlsConfig};
use rustls::ServerConfig;
use tokio::{sync::watch, task::JoinSet};
use tracing::info;

use super::{router::router, state::ApiState};

/// Requests still running when the server stops get so long.
const GRACE: Duration = Duration::from_secs(5);

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

    /// Where it listens; a port asked for as 0 is known now.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(|(address, _)| *address).collect()
    }

    /// Serves until `shutdown` is done; then WebSockets are closed and running requests have 5 s.
    pub async fn run(
        self,
        state: ApiState,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        let (stop, stopping) = watch::channel(false);
        let service = router(state, self.limits, stopping).into_make_service_with_connect_info::<SocketAddr>();
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
    service: IntoMakeServiceWithConnectInfo<axum::Router, SocketAddr>,
    handle: Handle<SocketAddr>,
) -> io::Result<()> {
    match tls {
        Some(tls) => axum_server::from_tcp_rustls(listener, tls)?.handle(handle).serve(service).await,
        None => axum_server::from_tcp(listener)?.handle(handle).serve(service).await,
    }
}
