//! The way in: what every listener and connection task needs to hand over what it received.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;
use tracing::{debug, trace};

use super::counters::Counters;
use super::event::{Inside, Received};
use super::settings::NetSettings;
use crate::message::{ParseError, parse_datagram};
use crate::net_types::{FlowId, Source};

#[derive(Clone, Debug)]
pub(super) struct Door {
    inbox: mpsc::Sender<Inside>,
    pub(super) settings: Arc<NetSettings>,
    pub(super) counters: Arc<Counters>,
    flows: Arc<AtomicU64>,
    guests: Arc<Guests>,
}

impl Door {
    pub(super) fn new(inbox: mpsc::Sender<Inside>, settings: NetSettings, counters: Arc<Counters>) -> Self {
        Self { inbox, settings: Arc::new(settings), counters, flows: Arc::default(), guests: Arc::default() }
    }

    pub(super) fn next_flow(&self) -> FlowId {
        FlowId(self.flows.fetch_add(1, Relaxed))
    }

    /// Reads one message and passes it on. Waits while the loop is busy, so that the kernel's buffers fill instead of
    /// ours: TCP slows its peer down, UDP drops.
    pub(super) async fn receive(&self, octets: &Bytes, source: Source) {
        let message = parse_datagram(octets, &self.settings.limits);
        match &message {
            Ok(message) => {
                trace!(transport = %source.transport, remote = %source.remote, octets = octets.len(), "received");
                self.counters.received(message);
            }
            Err(error) => self.count_refused(error, source),
        }
        self.tell(Inside::Received(Received { message, source })).await;
    }

    pub(super) async fn refuse(&self, error: ParseError, source: Source) {
        self.count_refused(&error, source);
        self.tell(Inside::Received(Received { message: Err(error), source })).await;
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
        }
        admitted.then(|| {
            self.counters.connected();
            Admission { guests: Arc::clone(&self.guests), counters: Arc::clone(&self.counters), from }
        })
    }

    fn count_refused(&self, error: &ParseError, source: Source) {
        debug!(transport = %source.transport, remote = %source.remote, %error, "unreadable message");
        self.counters.refused();
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
