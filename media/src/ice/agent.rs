//! Our side of ICE, of either kind.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::checked::Checked;
use super::full::IceFull;
use super::lite::IceLite;
use super::stun::Check;
use super::valid_pairs::ValidPairs;
use crate::plan::IcePlan;

/// RFC 7675 §5.1. A lite agent asks for no consent: it takes the peer's checks, keep-alives and media for it.
const CONSENT: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub enum IceAgent {
    Lite(Box<IceLite>),
    Full(Box<IceFull>),
}

impl IceAgent {
    /// `asker`: which of our agents this is, where many share a port.
    pub fn new(plan: &IcePlan, asker: [u8; 4]) -> Self {
        match &plan.full {
            None => Self::Lite(Box::new(IceLite::new(plan))),
            Some(full) => Self::Full(Box::new(IceFull::new(plan, full, asker))),
        }
    }

    /// After a restart the peer is met where it was, until the new checks nominate (RFC 8839 §4.4.1.1.1).
    pub fn restart(&mut self, before: &Self) {
        let consent_until = match before {
            Self::Full(before) => before.consent_until(),
            Self::Lite(_) => None,
        };
        match self {
            Self::Lite(agent) => agent.restart(before.valid()),
            Self::Full(agent) => agent.restart(before.valid(), consent_until),
        }
    }

    /// Where the peer wants its packets: the nominated pair.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.valid().nominated()
    }

    /// Whether packets may come from there: a pair that a check has proven.
    pub fn admits(&self, from: SocketAddr) -> bool {
        self.valid().contain(from)
    }

    /// `quiet_for`: since the last packet of the peer's that counted.
    pub fn has_consent(&self, quiet_for: Duration, now: Instant) -> bool {
        match self {
            Self::Lite(_) => quiet_for < CONSENT,
            Self::Full(agent) => agent.has_consent(now),
        }
    }

    pub fn handle_datagram(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) -> Checked {
        match self {
            Self::Lite(agent) => agent.handle_datagram(datagram, from),
            Self::Full(agent) => agent.handle_datagram(datagram, from, now),
        }
    }

    /// A check of ours that is due. Call it until there is none.
    pub fn poll_check(&mut self, now: Instant) -> Option<(SocketAddr, Check)> {
        match self {
            Self::Lite(_) => None,
            Self::Full(agent) => agent.poll_check(now),
        }
    }

    fn valid(&self) -> ValidPairs {
        match self {
            Self::Lite(agent) => agent.valid(),
            Self::Full(agent) => agent.valid(),
        }
    }
}
