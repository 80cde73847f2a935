//! The task that sends what passed to the capture tool.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use plenary_sip::message::{Limits, parse_datagram};
use plenary_sip::net::{Direction, Seen, Tap, Watch};
use plenary_sip::net_types::Transport;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tracing::debug;

use super::super::mask::masked;
use super::super::metrics::{Counter, Family, Metric, Metrics};
use super::hep::Captured;

/// A burst of calls; at 5000 messages a second it holds the export up for some 0.8 s before any is dropped.
const QUEUE: usize = 4096;

const EXPORTED: Metric<1> =
    Metric::new("capture_packets_total", "Messages sent to the capture tool, by outcome.", ["outcome"]);
const DROPPED: Metric<0> =
    Metric::new("capture_dropped_total", "Messages not exported since too many waited already.", []);

#[derive(Clone, PartialEq, Eq)]
pub struct CaptureSettings {
    pub address: SocketAddr,
    pub node_id: u32,
    pub password: Option<String>,
    pub mask_secrets: bool,
}

/// An export that is still to be started; its tap takes messages already.
#[derive(Debug)]
pub struct Export {
    socket: std::net::UdpSocket,
    settings: CaptureSettings,
    seen: mpsc::Receiver<Seen>,
    tap: Tap,
}

impl Export {
    pub fn open(settings: CaptureSettings) -> std::io::Result<Self> {
        let any = match settings.address {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = std::net::UdpSocket::bind(any)?;
        socket.set_nonblocking(true)?;
        let (tap, seen) = Tap::new(Watch::Everything, QUEUE);
        Ok(Self { socket, settings, seen, tap })
    }

    pub fn tap(&self) -> Tap {
        self.tap.clone()
    }

    /// Runs until the tap is gone.
    pub fn start(self, metrics: &Metrics) -> std::io::Result<()> {
        let Self { socket, settings, seen, tap } = self;
        metrics.counter_read(DROPPED, move || vec![([], tap.missed())]);
        let socket = UdpSocket::from_std(socket)?;
        tokio::spawn(run(socket, settings, seen, metrics.counter(EXPORTED)));
        Ok(())
    }
}

async fn run(
    socket: UdpSocket,
    settings: CaptureSettings,
    mut queue: mpsc::Receiver<Seen>,
    exported: Family<Counter, 1>,
) {
    let [sent, failed] = ["sent", "failed"].map(|outcome| exported.with([outcome]));
    while let Some(seen) = queue.recv().await {
        match socket.send_to(&settings.frame(&seen), settings.address).await {
            Ok(_) => sent.add(1),
            // Nobody listens, or not yet: the next may arrive.
            Err(error) => {
                debug!(%error, "not exported");
                failed.add(1);
            }
        }
        // Masking a whole queue at once would hold up the calls themselves where there is one thread for both.
        tokio::task::yield_now().await;
    }
}

impl CaptureSettings {
    fn frame(&self, seen: &Seen) -> Vec<u8> {
        let (from, to) = match seen.direction {
            Direction::In => (seen.remote, seen.local),
            Direction::Out => (seen.local, seen.remote),
        };
        let message = parse_datagram(&seen.octets, &Limits::default());
        let correlation = message.ok().and_then(|message| message.headers().call_id().ok());
        let masked = self.mask_secrets.then(|| masked(&seen.octets));
        let captured = Captured {
            at: seen.at,
            from,
            to,
            is_datagram: seen.transport == Transport::Udp,
            node_id: self.node_id,
            password: self.password.as_deref(),
            correlation: correlation.as_deref(),
            payload: masked.as_deref().unwrap_or(&seen.octets),
        };
        captured.frame()
    }
}

impl std::fmt::Debug for CaptureSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { address, node_id, mask_secrets, .. } = self;
        f.debug_struct("CaptureSettings")
            .field("address", address)
            .field("node_id", node_id)
            .field("mask_secrets", mask_secrets)
            .finish_non_exhaustive()
    }
}
