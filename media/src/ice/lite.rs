//! A lite agent: always controlled, it answers checks and learns from them where the peer is.
//!
//! RFC 8445 §6.1.1 (a lite agent facing a full one is controlled), §7.3 (answering), §7.3.2 (nomination by the peer).

use std::net::SocketAddr;

use aws_lc_rs::hmac;

use super::checked::{CheckFault, Checked};
use super::stun::{Kind, Message, key};
use super::valid_pairs::ValidPairs;
use crate::plan::{IcePlan, IceRole};

#[derive(Clone, Debug)]
pub struct IceLite {
    /// What USERNAME must say: our fragment and the peer's (§7.2.2).
    username: String,
    key: hmac::Key,
    pairs: ValidPairs,
}

impl IceLite {
    pub fn new(plan: &IcePlan) -> Self {
        Self { username: plan.username(), key: key(&plan.local.pwd), pairs: ValidPairs::default() }
    }

    /// Whoever was proven before stays so, until the new checks nominate.
    pub(super) fn restart(&mut self, valid: ValidPairs) {
        self.pairs = valid;
    }

    pub(super) fn valid(&self) -> ValidPairs {
        self.pairs
    }

    /// Where the peer wants its packets: the nominated pair.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.pairs.nominated()
    }

    /// Whether packets may come from there: a pair that a check has proven.
    pub fn admits(&self, from: SocketAddr) -> bool {
        self.pairs.contain(from)
    }

    /// Takes a datagram that may be a check.
    pub fn handle_datagram(&mut self, datagram: &[u8], from: SocketAddr) -> Checked {
        let Some(message) = Message::parse(datagram) else { return Checked::faulty(CheckFault::Malformed) };
        match message.kind {
            Kind::Request => self.handle_request(&message, from),
            // A sign of life, if it is the peer's.
            Kind::Indication if self.admits(from) => Checked::default(),
            Kind::Indication => Checked::faulty(CheckFault::Forged),
            // We never ask.
            Kind::Response => Checked::faulty(CheckFault::Malformed),
        }
    }

    fn handle_request(&mut self, request: &Message<'_>, from: SocketAddr) -> Checked {
        if let Some(refusal) = Checked::refusal(request, &self.username, &self.key) {
            return refusal;
        }
        if request.role.is_some_and(|(role, _)| role == IceRole::Controlled) {
            return Checked::replied(request.error(487, "Role Conflict", Some(&self.key)));
        }
        self.pairs.remember(from);
        let moved = (request.use_candidate && self.pairs.nominate(from)).then_some(from);
        Checked { moved, ..Checked::replied(request.success(from, &self.key)) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::stun::tests::{CONTROLLED, NOMINATE, PASSWORD, request};
    use super::*;
    use crate::plan::IceCredentials;

    fn agent() -> IceLite {
        let remote = IceCredentials { ufrag: "h6vY".into(), pwd: "of no use to a lite agent".into() };
        IceLite::new(&IcePlan::lite(IceCredentials { ufrag: "evtj".into(), pwd: PASSWORD.into() }, remote))
    }

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 9], port))
    }

    fn code(checked: &Checked) -> Option<u16> {
        let octets = checked.reply?.as_slice().to_vec();
        (octets[..2] == [1, 0x11]).then(|| u16::from(octets[26]) * 100 + u16::from(octets[27]))
    }

    #[test]
    fn a_check_proves_a_pair_and_use_candidate_nominates_it() {
        let mut agent = agent();
        assert!(!agent.admits(at(1)));
        let checked = agent.handle_datagram(&request("evtj:h6vY", PASSWORD, &[]), at(1));
        assert_eq!((code(&checked), checked.moved), (None, None));
        assert!(agent.admits(at(1)) && agent.peer().is_none());
        let nominating = request("evtj:h6vY", PASSWORD, &[NOMINATE]);
        assert_eq!(agent.handle_datagram(&nominating, at(1)).moved, Some(at(1)));
        assert_eq!(agent.handle_datagram(&nominating, at(1)).moved, None);
        assert_eq!(agent.handle_datagram(&nominating, at(2)).moved, Some(at(2)));
        assert_eq!(agent.peer(), Some(at(2)));
    }

    #[test]
    fn wrong_names_and_passwords_change_nothing() {
        let mut agent = agent();
        for forged in [request("evtj:h6vY", "guess", &[NOMINATE]), request("evtj:other", PASSWORD, &[NOMINATE])] {
            let checked = agent.handle_datagram(&forged, at(1));
            assert_eq!((checked.fault, code(&checked)), (Some(CheckFault::Forged), Some(401)));
        }
        assert!(!agent.admits(at(1)) && agent.peer().is_none());
    }

    /// RFC 8445 §7.3.1.1.
    #[test]
    fn a_peer_that_thinks_to_be_controlled_learns_better() {
        let mut agent = agent();
        let checked = agent.handle_datagram(&request("evtj:h6vY", PASSWORD, &[CONTROLLED]), at(1));
        assert_eq!(code(&checked), Some(487));
        assert!(!agent.admits(at(1)));
    }

    #[test]
    fn a_restart_keeps_the_peer_until_it_nominates_anew() {
        let mut before = agent();
        assert_eq!(before.handle_datagram(&request("evtj:h6vY", PASSWORD, &[NOMINATE]), at(1)).fault, None);
        let credentials = |ufrag: &str| IceCredentials { ufrag: ufrag.into(), pwd: PASSWORD.into() };
        let mut after = IceLite::new(&IcePlan::lite(credentials("new"), credentials("er")));
        after.restart(before.valid());
        assert_eq!(after.peer(), Some(at(1)));
        let checked = after.handle_datagram(&request("new:er", PASSWORD, &[NOMINATE]), at(2));
        assert_eq!((checked.moved, after.peer()), (Some(at(2)), Some(at(2))));
    }
}
