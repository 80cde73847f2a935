//! TCP: listening, accepting, connecting.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Duration, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use super::connection;
use super::door::Door;
use super::error::NetError;
use super::event::{Inside, Peer};
use super::proofs::Proof;
use super::route::OwnAddresses;
use super::tls;
use crate::net::error::SendError;
use crate::net_types::{Source, Transport};

const BACKLOG: i32 = 1024;

pub(super) fn listen(transport: Transport, address: SocketAddr) -> Result<TcpListener, NetError> {
    let listen = || -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    };
    listen().map_err(|cause| NetError::Listen { transport, address, cause })
}

/// Accepts for ever. Over TLS, each connection has to shake hands in time before it counts as a flow.
pub(super) async fn accept(listener: TcpListener, transport: Transport, own: OwnAddresses, door: Door) {
    loop {
        let (stream, remote) = match listener.accept().await {
            Ok(accepted) => accepted,
            // Mostly: no file descriptors left. Waiting lets others end.
            Err(error) => {
                warn!(%transport, %error, "accepting failed");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(admission) = door.admit(remote.ip()) else { continue };
        let Ok(local) = stream.local_addr() else { continue };
        let source = Source { transport, local: own.of_connection(transport, local), remote, flow: door.next_flow() };
        let door = door.clone();
        let tls = door.settings.tls_configs.borrow().server.clone().filter(|_| transport.is_secure());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let Some(tls) = tls else {
                return connection::serve(stream, source, None, Proof::none(), door, Some(admission)).await;
            };
            match timeout(door.settings.timing.handshake, TlsAcceptor::from(tls).accept(stream)).await {
                Ok(Ok(stream)) => {
                    let proof = door.proofs.enter(source.flow, tls::identities_of(stream.get_ref().1));
                    connection::serve(stream, source, None, proof, door, Some(admission)).await;
                }
                Ok(Err(error)) => debug!(%remote, %error, "TLS handshake failed"),
                Err(_) => debug!(%remote, "TLS handshake not done in time"),
            }
        });
    }
}

/// Opens a connection and serves it; tells the net of success or failure.
pub(super) async fn connect(peer: Peer, own: OwnAddresses, door: Door) {
    let limit = door.settings.timing.connect;
    let failed = |reason: String| SendError::Connect { transport: peer.transport, address: peer.address, reason };
    let opened = timeout(limit, async {
        let stream = TcpStream::connect(peer.address).await?;
        let _ = stream.set_nodelay(true);
        let local = own.of_connection(peer.transport, stream.local_addr()?);
        let source = Source { transport: peer.transport, local, remote: peer.address, flow: door.next_flow() };
        io::Result::Ok((stream, source))
    });
    let (stream, source) = match opened.await {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => return refuse(door, failed(error.to_string()), peer).await,
        Err(_) => return refuse(door, failed(format!("no answer within {limit:?}")), peer).await,
    };
    if !peer.transport.is_secure() {
        return connection::serve(stream, source, Some(peer), Proof::none(), door, None).await;
    }
    let config = Arc::clone(&door.settings.tls_configs.borrow().client);
    match timeout(limit, tls::connect(config, &peer.host, stream)).await {
        Ok(Ok(stream)) => connection::serve(stream, source, Some(peer), Proof::none(), door, None).await,
        Ok(Err(error)) => refuse(door, failed(error.to_string()), peer).await,
        Err(_) => refuse(door, failed(format!("no handshake within {limit:?}")), peer).await,
    }
}

async fn refuse(door: Door, error: SendError, asked: Peer) {
    door.tell(Inside::NotOpened { asked, error }).await;
}
