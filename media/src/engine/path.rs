//! What comes before a leg's first RTP packet: the checks that find the peer, the handshake that proves it.
//!
//! ```text
//!   check (ICE) ──▶ valid pair ──▶ nominated ──▶ DTLS ──keys──▶ SRTP
//!                   without ICE: the address of the description ┘
//! ```
//!
//! RFC 5763 §6.7.1: a handshake is only with a peer whose address is proven, so that a stranger's ClientHello changes
//! nothing. Checks allocate nothing; handshakes do, and few of their datagrams are taken in one tick
//! (`src/docs/decisions/0008-dtls-handshakes-run-on-the-shard.md`).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::counters::Refusal;
use super::io::Channel;
use super::mux::asker_of;
use super::receive::Accepted;
use crate::ice::{CheckFault, IceAgent, Reply};
use crate::id::LegId;
use crate::plan::{AudioPlan, DtlsPlan, IcePlan, Latch, Security, SrtpKeys};
use crate::secure::dtls::{Association, DtlsError, Identity, Output};

/// Answers to checks that wait for the end of the tick; a peer sends one check every 50 ms.
const REPLIES: usize = 8;

#[derive(Debug)]
pub(super) struct Path {
    ice: Option<(IcePlan, IceAgent)>,
    dtls: Option<Handshake>,
    /// Without ICE: from where a handshake may come, and where to it goes.
    signalled: SocketAddr,
    latch: Latch,
    replies: [Option<(SocketAddr, Reply)>; REPLIES],
    /// Who last took part in the handshake.
    partner: Option<SocketAddr>,
    /// The peer still agrees to be sent to (RFC 7675).
    consents: bool,
}

#[derive(Debug)]
struct Handshake {
    plan: DtlsPlan,
    identity: Identity,
    /// Begins with the first datagram, or once there is somebody to send to.
    association: Option<Association>,
}

/// What the path brings about.
#[derive(Debug)]
pub(super) enum Step<'a> {
    Send(SocketAddr, &'a [u8]),
    Keys(SrtpKeys),
    Failed(DtlsError),
}

impl Path {
    /// `None`: the leg needs neither checks nor a handshake on this port.
    pub fn new(leg: LegId, plan: &AudioPlan, port: Channel, identity: &Identity) -> Option<Self> {
        if port == Channel::Rtcp && plan.rtcp_mux {
            return None;
        }
        let ice = plan.ice.clone().map(|mut ice| {
            if let (Channel::Rtcp, Some(full)) = (port, &mut ice.full) {
                // Those of RTP. RTCP's own are found by the peer's checks.
                full.candidates.clear();
            }
            let agent = IceAgent::new(&ice, asker_of(leg));
            (ice, agent)
        });
        let dtls = match &plan.security {
            Security::Dtls(plan) => {
                Some(Handshake { plan: plan.clone(), identity: identity.clone(), association: None })
            }
            _ => None,
        };
        let signalled = if port == Channel::Rtp { plan.remote_rtp } else { plan.remote_rtcp };
        let latch = plan.latch.clone();
        let path = Self { ice, dtls, signalled, latch, replies: [None; REPLIES], partner: None, consents: true };
        (path.ice.is_some() || path.dtls.is_some()).then_some(path)
    }

    /// Goes on where another plan's path stood: with the same fingerprints and role the association stays (RFC 8842
    /// §5), with the same credentials the pair.
    pub fn take_over(&mut self, before: &mut Self) {
        match (&mut self.ice, &mut before.ice) {
            (Some((plan, ice)), Some((old_plan, old))) if plan.same_session(old_plan) => std::mem::swap(ice, old),
            (Some((_, ice)), Some((_, old))) => ice.restart(old),
            _ => {}
        }
        if let (Some(handshake), Some(old)) = (&mut self.dtls, &mut before.dtls)
            && handshake.plan == old.plan
        {
            std::mem::swap(&mut handshake.association, &mut old.association);
            self.partner = before.partner;
        }
    }

    /// Whether there is somebody to send to.
    pub fn is_open(&self) -> bool {
        self.ice.as_ref().is_none_or(|(_, ice)| ice.peer().is_some() && self.consents)
    }

    /// Who was found by checks and has sent nothing that counts for this long agrees no more to be sent to.
    pub fn watch_consent(&mut self, quiet_for: Duration, now: Instant) {
        self.consents = self.ice.as_ref().is_none_or(|(_, ice)| ice.has_consent(quiet_for, now));
    }

    /// Whether RTP may come from there: with ICE from valid pairs alone; without, the latch judges.
    pub fn admits(&self, from: SocketAddr) -> bool {
        self.ice.as_ref().is_none_or(|(_, ice)| ice.admits(from))
    }

    /// Takes a datagram that is STUN by its first octet.
    pub fn handle_check(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) -> Result<Accepted, Refusal> {
        let Some((_, ice)) = &mut self.ice else { return Err(Refusal::Malformed) };
        let checked = ice.handle_datagram(datagram, from, now);
        let place = self.replies.iter_mut().find(|place| place.is_none());
        if let (Some(reply), Some(place)) = (checked.reply, place) {
            *place = Some((from, reply));
        }
        match checked.fault {
            None => Ok(Accepted { moved: checked.moved, ..Accepted::default() }),
            Some(CheckFault::Malformed) => Err(Refusal::Malformed),
            Some(CheckFault::Forged) => Err(Refusal::Authentication),
        }
    }

    /// Whether a handshake may come from there.
    pub fn shakes_hands_with(&self, from: SocketAddr) -> bool {
        match &self.ice {
            Some((_, ice)) => ice.admits(from),
            None => from == self.signalled || self.latch.trusted.contains(&from.ip()),
        }
    }

    /// Takes a datagram that is DTLS by its first octet.
    pub fn handle_handshake(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) -> Result<Accepted, Refusal> {
        let proven = self.shakes_hands_with(from);
        let Some(handshake) = &mut self.dtls else { return Err(Refusal::Malformed) };
        if !proven {
            return Err(Refusal::Source);
        }
        self.partner = Some(from);
        handshake.begin(now).handle_datagram(datagram, now).map_err(|_| Refusal::Authentication)?;
        Ok(Accepted::default())
    }

    /// What falls due in a tick. `each` is given every step, in order.
    pub fn attend(&mut self, now: Instant, mut each: impl FnMut(Step<'_>)) {
        for (to, reply) in self.replies.iter_mut().filter_map(Option::take) {
            each(Step::Send(to, reply.as_slice()));
        }
        while let Some((to, check)) = self.ice.as_mut().and_then(|(_, ice)| ice.poll_check(now)) {
            each(Step::Send(to, check.as_slice()));
        }
        let peer = match &self.ice {
            Some((_, ice)) => ice.peer().or(self.partner),
            None => self.partner.or(Some(self.signalled)),
        };
        let (Some(handshake), Some(peer)) = (&mut self.dtls, peer) else { return };
        let association = handshake.begin(now);
        if association.poll_timeout().is_some_and(|due| due <= now)
            && let Err(why) = association.handle_timeout(now)
        {
            association.fail(why);
            return each(Step::Failed(why));
        }
        while let Some(output) = association.poll_output() {
            each(match output {
                Output::Send(datagram) => Step::Send(peer, datagram),
                Output::Keys(keys) => Step::Keys(keys),
                Output::Failed(why) => Step::Failed(why),
            });
        }
    }
}

impl Handshake {
    fn begin(&mut self, now: Instant) -> &mut Association {
        self.association.get_or_insert_with(|| Association::new(&self.identity, &self.plan, now))
    }
}

#[cfg(test)]
#[path = "path_tests.rs"]
mod tests;
