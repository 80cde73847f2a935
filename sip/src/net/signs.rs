//! Signs of life of phones that registered by datagrams and were told a Flow-Timer: RFC 5626 §4.4.
//!
//! A connection that falls silent is closed; a datagram's flow has nothing that could be closed, so it is kept here until it
//! is silent for too long. Any datagram is a sign: SIP, an empty line, a STUN request.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::net_types::FlowId;

/// The flows that are watched now. A sign costs one look-up; what it postpones is found out when the time comes.
#[derive(Debug, Default)]
pub(super) struct Signs {
    flows: HashMap<DatagramFlow, Watched>,
    /// One entry for each flow: when it is looked at next.
    looked_at: BTreeSet<(Instant, DatagramFlow)>,
}

/// A listener and who is behind it.
pub(super) type DatagramFlow = (FlowId, SocketAddr);

#[derive(Debug)]
struct Watched {
    heard: Instant,
    patience: Duration,
    look: Instant,
}

impl Signs {
    /// The phone was told to show itself so often; it has half as long again.
    pub(super) fn expect(&mut self, flow: DatagramFlow, every: Duration, now: Instant) {
        let patience = every.saturating_add(every / 2);
        let Some(look) = now.checked_add(patience) else { return };
        if let Some(known) = self.flows.insert(flow, Watched { heard: now, patience, look }) {
            self.looked_at.remove(&(known.look, flow));
        }
        self.looked_at.insert((look, flow));
    }

    pub(super) fn handle_sign(&mut self, flow: DatagramFlow, now: Instant) {
        if let Some(watched) = self.flows.get_mut(&flow) {
            watched.heard = now;
        }
    }

    /// One that has been silent for too long; it is watched no more.
    pub(super) fn poll_silent(&mut self, now: Instant) -> Option<DatagramFlow> {
        while let Some((look, flow)) = self.looked_at.first().copied().filter(|(look, _)| *look <= now) {
            self.looked_at.remove(&(look, flow));
            let Some(watched) = self.flows.get_mut(&flow) else { continue };
            match watched.heard.checked_add(watched.patience).filter(|until| *until > now) {
                Some(until) => {
                    watched.look = until;
                    self.looked_at.insert((until, flow));
                }
                None => {
                    self.flows.remove(&flow);
                    return Some(flow);
                }
            }
        }
        None
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.looked_at.first().map(|(look, _)| *look)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(port: u16) -> DatagramFlow {
        (FlowId(1), SocketAddr::from(([192, 0, 2, 1], port)))
    }

    #[test]
    fn who_is_silent_for_half_as_long_again_is_named_once() {
        let (mut signs, start) = (Signs::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        signs.expect(flow(1), Duration::from_secs(10), start);
        signs.expect(flow(2), Duration::from_secs(20), start);
        signs.handle_sign(flow(3), at(1));
        assert_eq!(signs.poll_timeout(), Some(at(15)));
        assert_eq!(signs.poll_silent(at(14)), None);
        assert_eq!(signs.poll_silent(at(15)), Some(flow(1)));
        assert_eq!(signs.poll_silent(at(15)), None);
        assert_eq!(signs.poll_timeout(), Some(at(30)));
    }

    #[test]
    fn a_sign_and_a_registration_postpone_the_end() {
        let (mut signs, start) = (Signs::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        signs.expect(flow(1), Duration::from_secs(10), start);
        signs.handle_sign(flow(1), at(12));
        assert_eq!(signs.poll_silent(at(15)), None);
        assert_eq!(signs.poll_timeout(), Some(at(27)));
        signs.expect(flow(1), Duration::from_secs(10), at(20));
        assert_eq!(signs.poll_silent(at(34)), None);
        assert_eq!(signs.poll_silent(at(35)), Some(flow(1)));
        assert_eq!((signs.poll_timeout(), signs.flows.len()), (None, 0));
    }
}
