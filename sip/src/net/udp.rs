//! UDP: one socket a listener, read by a task, written by the net itself.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use bytes::Bytes;
use socket2::{Domain, Protocol, Socket, Type};
use tracing::debug;

use super::door::Door;
use super::error::{NetError, SendError};
use super::route::OwnAddresses;
use crate::message::is_keep_alive;
use crate::net_types::{FlowId, Source, Transport};

/// Bursts of registrations wait here while the loop is busy.
const KERNEL_BUFFER: usize = 4 * 1024 * 1024;
const MAX_DATAGRAM: usize = 65_535;

/// A bound socket, for sending; the reading task has its own handle to it.
#[derive(Debug)]
pub(super) struct Datagrams {
    socket: UdpSocket,
    pub(super) bound: SocketAddr,
    pub(super) flow: FlowId,
}

impl Datagrams {
    pub(super) fn bind(address: SocketAddr, flow: FlowId) -> Result<Self, NetError> {
        let bind = || -> io::Result<(UdpSocket, SocketAddr)> {
            let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
            if address.is_ipv6() {
                socket.set_only_v6(true)?;
            }
            // Best effort: the kernel caps both at its own limit.
            let _ = socket.set_recv_buffer_size(KERNEL_BUFFER);
            let _ = socket.set_send_buffer_size(KERNEL_BUFFER);
            socket.set_nonblocking(true)?;
            socket.bind(&address.into())?;
            let socket = UdpSocket::from(socket);
            let bound = socket.local_addr()?;
            Ok((socket, bound))
        };
        let (socket, bound) = bind().map_err(|cause| NetError::Listen { transport: Transport::Udp, address, cause })?;
        Ok(Self { socket, bound, flow })
    }

    pub(super) fn reader(&self) -> io::Result<tokio::net::UdpSocket> {
        tokio::net::UdpSocket::from_std(self.socket.try_clone()?)
    }

    /// Whether a datagram from here can reach `peer`: IP version and loopback must match.
    pub(super) fn reaches(&self, peer: SocketAddr) -> bool {
        let here = self.bound.ip();
        self.bound.is_ipv4() == peer.is_ipv4()
            && (here.is_unspecified() || here.is_loopback() == peer.ip().is_loopback())
    }

    /// A full send buffer loses the datagram, as the network might; SIP repeats what matters.
    pub(super) fn send(&self, message: &[u8], peer: SocketAddr) -> Result<(), SendError> {
        match self.socket.send_to(message, peer) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(SendError::Send { address: peer, reason: error.to_string() }),
        }
    }
}

pub(super) async fn read(
    socket: tokio::net::UdpSocket,
    bound: SocketAddr,
    flow: FlowId,
    mut own: OwnAddresses,
    door: Door,
) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((count, remote)) => {
                door.handle_sign((flow, remote));
                let octets = buffer.get(..count).unwrap_or_default();
                if is_keep_alive(octets) {
                    continue;
                }
                let local = own.of_datagrams(bound, remote.ip());
                let source = Source { transport: Transport::Udp, local, remote, flow };
                if is_stun(octets) {
                    if let Some(answer) = door.answer_stun(octets, &source) {
                        // A full buffer loses it, as the network might; the phone asks again.
                        let _ = socket.try_send_to(&answer, remote);
                    }
                    continue;
                }
                door.receive(&Bytes::copy_from_slice(octets), source).await;
            }
            // Errors of datagrams sent before (ICMP) come up here; the socket itself goes on.
            Err(error) => {
                debug!(%bound, %error, "receiving failed");
                tokio::task::yield_now().await;
            }
        }
    }
}

/// Keep-alives by STUN (RFC 5626 §4.4.2, §8) begin with two zero bits; SIP begins with a letter.
fn is_stun(octets: &[u8]) -> bool {
    octets.first().is_some_and(|first| *first < 4)
}
