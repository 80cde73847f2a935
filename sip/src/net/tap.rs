//! The tap: messages as they were on the wire, for whoever wants to show or export them.
//!
//! It never waits: a watcher that falls behind misses messages, and they are counted. What was refused unread, by the
//! guard or by the grammar, passes unseen.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::SystemTime;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::message::{Message, Method};
use crate::net_types::{Source, Transport};

/// One message that passed. A clone shares its octets.
#[derive(Clone, Debug)]
pub struct Seen {
    pub at: SystemTime,
    pub direction: Direction,
    pub transport: Transport,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub octets: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    In,
    Out,
}

/// Which messages somebody wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// All but REGISTER, OPTIONS and PUBLISH, which come by the thousand and belong to no call.
    Calls,
    Everything,
}

/// One watcher's queue.
#[derive(Clone, Debug)]
pub struct Tap {
    watch: Watch,
    queue: mpsc::Sender<Seen>,
    missed: Arc<AtomicU64>,
}

impl Tap {
    /// `queue`: messages that may wait for the watcher.
    pub fn new(watch: Watch, queue: usize) -> (Self, mpsc::Receiver<Seen>) {
        let (queue, watched) = mpsc::channel(queue);
        (Self { watch, queue, missed: Arc::default() }, watched)
    }

    /// Messages that found the queue full.
    pub fn missed(&self) -> u64 {
        self.missed.load(Relaxed)
    }

    fn offer(&self, seen: Seen) {
        if self.queue.try_send(seen).is_err() {
            self.missed.fetch_add(1, Relaxed);
        }
    }
}

/// Shows one message to all who watch for its kind.
pub(super) fn show(taps: &[Tap], direction: Direction, message: &Message, octets: &Bytes, source: Source) {
    let mut watching = taps.iter().filter(|tap| tap.watch == Watch::Everything || is_of_a_call(message)).peekable();
    if watching.peek().is_none() {
        return;
    }
    let Source { transport, local, remote, .. } = source;
    let seen = Seen { at: SystemTime::now(), direction, transport, local, remote, octets: octets.clone() };
    watching.for_each(|tap| tap.offer(seen.clone()));
}

fn is_of_a_call(message: &Message) -> bool {
    let outside = |method: &Method| matches!(method, Method::Register | Method::Options | Method::Publish);
    match message {
        Message::Request(request) => !outside(&request.method),
        Message::Response(response) => response.headers.cseq().is_ok_and(|cseq| !outside(&cseq.method)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::parse_datagram;
    use crate::net_types::FlowId;

    fn shown(taps: &[Tap], method: &str) {
        let text = format!(
            "{method} sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n\
             Call-ID: c\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        let octets = Bytes::from(text);
        let message = parse_datagram(&octets, &Default::default()).expect("well-formed");
        let address = "192.0.2.1:5060".parse().expect("an address");
        let source = Source { transport: Transport::Udp, local: address, remote: address, flow: FlowId(1) };
        show(taps, Direction::In, &message, &octets, source);
    }

    #[test]
    fn each_sees_what_it_watches_and_a_slow_one_misses_some() {
        let (calls, mut of_calls) = Tap::new(Watch::Calls, 8);
        let (everything, mut of_all) = Tap::new(Watch::Everything, 1);
        let taps = [calls, everything];
        shown(&taps, "REGISTER");
        shown(&taps, "INVITE");
        assert!(of_calls.try_recv().is_ok_and(|seen| seen.octets.starts_with(b"INVITE")));
        assert!(of_all.try_recv().is_ok_and(|seen| seen.octets.starts_with(b"REGISTER")));
        assert!(of_all.try_recv().is_err(), "its queue holds one");
        assert_eq!(taps.map(|tap| tap.missed()), [0, 1]);
    }
}
