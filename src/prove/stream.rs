//! One leg's media: its socket, what goes out and what comes in.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::Context;
use mio::net::UdpSocket;
use plenary_media::plan::AudioPlan;

use super::incoming::{Incoming, Received};
use super::outgoing::Outgoing;
use super::pace;
use super::speech::Speech;

/// Datagrams of one leg taken at once; more wait for the next slice.
const READS: usize = 64;

#[derive(Debug)]
pub struct Stream {
    /// Its place among the parties; the first are the talkers.
    pub leg: usize,
    /// The slice in which it sends.
    pub phase: usize,
    pub socket: UdpSocket,
    pub outgoing: Outgoing,
    pub incoming: Incoming,
    sent: u64,
    window: Window,
}

/// What is counted while the window is open.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub sent: u64,
    pub received: Received,
}

#[derive(Clone, Copy, Debug)]
enum Window {
    NotYet,
    Open { before: Counts },
    Closed(Counts),
}

impl Stream {
    /// `socket`: the one that the offer named.
    pub fn new(
        leg: usize,
        socket: std::net::UdpSocket,
        plan: &AudioPlan,
        speech: Speech,
        random: u128,
    ) -> anyhow::Result<Self> {
        socket.set_nonblocking(true)?;
        connect(&socket, plan.remote_rtp)?;
        Ok(Self {
            leg,
            phase: pace::phase_of(leg),
            socket: UdpSocket::from_std(socket),
            outgoing: Outgoing::new(plan, speech, random)?,
            incoming: Incoming::new(plan)?,
            sent: 0,
            window: Window::NotYet,
        })
    }

    pub fn send(&mut self, now: Instant) {
        let Some(packet) = self.outgoing.next_packet(now) else { return };
        if self.socket.send(packet).is_ok() {
            self.sent += 1;
        }
    }

    /// Takes what waits, until the socket is empty: it tells of arrivals only from empty on. False when it was left
    /// with more.
    pub fn receive(&mut self, buffer: &mut [u8], now: Instant) -> bool {
        for _ in 0..READS {
            match self.socket.recv(buffer) {
                Ok(len) => {
                    if let (Some(datagram), false) = (buffer.get_mut(..len), self.is_closed()) {
                        self.incoming.handle_datagram(datagram, now);
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return true,
                // A refusal of something sent before; what waits is behind it.
                Err(_) => {}
            }
        }
        false
    }

    pub fn open_window(&mut self) {
        self.window = Window::Open { before: self.counts() };
    }

    /// From here on nothing is heard any more: the ear keeps the window's end.
    pub fn close_window(&mut self) {
        if let Window::Open { before } = self.window {
            self.window = Window::Closed(self.counts().since(before));
        }
    }

    /// What the window saw.
    pub fn in_window(&self) -> Counts {
        match self.window {
            Window::Closed(counts) => counts,
            Window::NotYet | Window::Open { .. } => Counts::default(),
        }
    }

    fn is_closed(&self) -> bool {
        matches!(self.window, Window::Closed(_))
    }

    fn counts(&self) -> Counts {
        Counts { sent: self.sent, received: self.incoming.received() }
    }
}

impl Counts {
    fn since(self, before: Self) -> Self {
        let (now, then) = (self.received, before.received);
        Self {
            sent: self.sent - before.sent,
            received: Received {
                packets: now.packets - then.packets,
                late: now.late - then.late,
                lost: now.lost - then.lost,
                unusable: now.unusable - then.unusable,
                restarts: now.restarts - then.restarts,
            },
        }
    }
}

/// Only the server's packets are heard then, and the kernel need not look the way up for each.
fn connect(socket: &std::net::UdpSocket, remote: SocketAddr) -> anyhow::Result<()> {
    socket.connect(remote).with_context(|| format!("no way to {remote}, which the answer names"))
}
