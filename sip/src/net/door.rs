//! The way in: what every listener and connection task needs to hand over what it received.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;
use tracing::{debug, trace};

use super::counters::Counters;
use super::event::{Inside, Received};
use super::proofs::Proofs;
use super::settings::NetSettings;
use super::signs::{DatagramFlow, Signs};
use super::tap::{self, Direction};
use crate::guard::{Guard, Reason, Response, Verdict};
use crate::message::{Message, ParseError, parse_datagram, parse_whole};
use crate::net_types::{FlowId, Source, Transport};
use crate::stun;

#[derive(Clone, Debug)]
pub(super) struct Door {
    inbox: mpsc::Sender<Inside>,
    pub(super) settings: Arc<NetSettings>,
    pub(super) counters: Arc<Counters>,
    flows: Arc<AtomicU64>,
    guests: Arc<Guests>,
    pub(super) proofs: Proofs,
    /// Held for one verdict, never over an await.
    guard: Arc<Mutex<Guard>>,
    /// Held for one look-up.
    signs: Arc<Mutex<Signs>>,
}

impl Door {
    pub(super) fn new(inbox: mpsc::Sender<Inside>, settings: NetSettings, counters: Arc<Counters>) -> Self {
        let guard = Arc::new(Mutex::new(Guard::new(settings.guard.clone())));
        Self {
            inbox,
            settings: Arc::new(settings),
            counters,
            flows: Arc::default(),
            guests: Arc::default(),
            proofs: Proofs::default(),
            guard,
            signs: Arc::default(),
        }
    }

    pub(super) fn next_flow(&self) -> FlowId {
        FlowId(self.flows.fetch_add(1, Relaxed))
    }

    /// Reads one message and passes it on. Waits while the loop is busy, so that the kernel's buffers fill instead of
    /// ours: TCP slows its peer down, UDP drops.
    pub(super) async fn receive(&self, octets: &Bytes, source: Source) {
        let verdict = self.guard(|guard, now| guard.handle_message(octets, &source, now));
        match verdict {
            Verdict::Pass => {}
            Verdict::Wait(wait) => tokio::time::sleep(wait).await,
            Verdict::Drop(reason) => {
                trace!(transport = %source.transport, remote = %source.remote, reason = reason.name(), "not heard");
                return self.counters.refused(reason);
            }
        }
        let parse = match source.transport {
            Transport::Ws | Transport::Wss => parse_whole,
            Transport::Udp | Transport::Tcp | Transport::Tls => parse_datagram,
        };
        let message = parse(octets, &self.settings.limits);
        match &message {
            Ok(message) => {
                trace!(transport = %source.transport, remote = %source.remote, octets = octets.len(), "received");
                self.counters.received(message);
                self.show(Direction::In, message, octets, source);
            }
            Err(error) => self.count_refused(error, source),
        }
        self.tell(Inside::Received(Received { message, source, at: Instant::now() })).await;
    }

    /// The answer to a keep-alive by STUN, unless its sender asks too much or for too much.
    pub(super) fn answer_stun(&self, octets: &[u8], source: &Source) -> Option<Vec<u8>> {
        let answer = stun::answer(octets, source.remote)?;
        let passes = self.guard(|guard, now| guard.handle_message(octets, source, now)) == Verdict::Pass;
        (passes && self.lets_out(Response::Final, answer.len(), source.remote.ip())).then_some(answer)
    }

    /// To whoever watches what passes.
    pub(super) fn show(&self, direction: Direction, message: &Message, octets: &Bytes, source: Source) {
        tap::show(&self.settings.taps, direction, message, octets, source);
    }

    pub(super) async fn refuse(&self, error: ParseError, source: Source) {
        self.count_refused(&error, source);
        self.tell(Inside::Received(Received { message: Err(error), source, at: Instant::now() })).await;
    }

    /// Whether this address may still cost so much; it is charged for it then.
    pub(super) fn affords(&self, response: Response, octets: usize, to: IpAddr) -> bool {
        self.guard(|guard, now| guard.handle_response(response, octets, to, now))
    }

    /// Whether a response may leave by UDP for this address.
    pub(super) fn lets_out(&self, response: Response, octets: usize, to: IpAddr) -> bool {
        let lets_out = self.affords(response, octets, to);
        if !lets_out {
            debug!(remote = %to, octets, "answer kept back: longer than what was asked allows");
            self.counters.refused(Reason::Amplification);
        }
        lets_out
    }

    pub(super) fn vouch_for(&self, address: IpAddr) {
        self.guard(|guard, now| guard.handle_proof(address, now));
    }

    /// A phone that registered by datagrams was told to show itself at least so often.
    pub(super) fn expect_signs(&self, flow: DatagramFlow, every: Duration) {
        self.signs(|signs, now| signs.expect(flow, every, now));
    }

    /// Something came from there, whatever it is.
    pub(super) fn handle_sign(&self, flow: DatagramFlow) {
        self.signs(|signs, now| signs.handle_sign(flow, now));
    }

    /// One of which nothing was heard for too long, and when to look again.
    pub(super) fn poll_silent(&self) -> (Option<DatagramFlow>, Option<Instant>) {
        self.signs(|signs, now| (signs.poll_silent(now), signs.poll_timeout()))
    }

    pub(super) fn silence(&self, address: IpAddr, how_long: Duration) {
        self.guard(|guard, now| guard.handle_guesser(address, now + how_long, now));
    }

    fn signs<T>(&self, ask: impl FnOnce(&mut Signs, Instant) -> T) -> T {
        ask(&mut self.signs.lock().unwrap_or_else(PoisonError::into_inner), Instant::now())
    }

    fn guard<T>(&self, ask: impl FnOnce(&mut Guard, Instant) -> T) -> T {
        ask(&mut self.guard.lock().unwrap_or_else(PoisonError::into_inner), Instant::now())
    }

    pub(super) async fn tell(&self, inside: Inside) {
        // The net is gone only when the server stops: nobody is left to hear of it.
        let _ = self.inbox.send(inside).await;
    }

    /// Lets one more connection in, unless there are too many in all or from this address.
    pub(super) fn admit(&self, from: IpAddr) -> Option<Admission> {
        let (all, each) = (self.settings.max_connections, self.settings.max_connections_per_address);
        let admitted = self.guests.enter(from, all, each);
        if !admitted {
            debug!(remote = %from, "connection refused: too many");
            self.counters.refused(Reason::Connections);
        }
        admitted.then(|| {
            self.counters.connected();
            Admission { guests: Arc::clone(&self.guests), counters: Arc::clone(&self.counters), from }
        })
    }

    fn count_refused(&self, error: &ParseError, source: Source) {
        debug!(transport = %source.transport, remote = %source.remote, %error, "unreadable message");
        self.counters.refused(Reason::Unreadable);
    }
}

/// A connection's place; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Admission {
    guests: Arc<Guests>,
    counters: Arc<Counters>,
    from: IpAddr,
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.guests.leave(self.from);
        self.counters.disconnected();
    }
}

/// How many connections each address has. The lock is held for one look-up, at accept and at close.
#[derive(Debug, Default)]
struct Guests {
    all: AtomicUsize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

impl Guests {
    fn enter(&self, from: IpAddr, most: usize, most_each: usize) -> bool {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let present = by_address.get(&from).copied().unwrap_or(0);
        if present >= most_each || self.all.load(Relaxed) >= most {
            return false;
        }
        by_address.insert(from, present + 1);
        self.all.fetch_add(1, Relaxed);
        true
    }

    fn leave(&self, from: IpAddr) {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(present) = by_address.get_mut(&from) {
            *present -= 1;
            self.all.fetch_sub(1, Relaxed);
            if *present == 0 {
                by_address.remove(&from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_given_back() {
        let guests = Guests::default();
        let [one, two]: [IpAddr; 2] = [[10, 0, 0, 1].into(), [10, 0, 0, 2].into()];
        assert!(guests.enter(one, 3, 2) && guests.enter(one, 3, 2));
        assert!(!guests.enter(one, 3, 2), "two from one address");
        assert!(guests.enter(two, 3, 2));
        assert!(!guests.enter(two, 3, 2), "three in all");
        guests.leave(one);
        assert!(guests.enter(two, 3, 2));
    }
}
