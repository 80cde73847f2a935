//! A lite agent: always controlled, it answers checks and learns from them where the peer is.
//!
//! RFC 8445 §6.1.1 (a lite agent facing a full one is controlled), §7.3 (answering), §7.3.2 (nomination by the peer).

use std::net::SocketAddr;

use aws_lc_rs::hmac;

use super::stun::{Kind, Message, Reply, key};
use super::valid_pairs::ValidPairs;
use crate::plan::{IcePlan, IceRole};

#[derive(Clone, Debug)]
pub struct IceLite {
    /// What USERNAME must say: our fragment and the peer's (§7.2.2).
    username: String,
    key: hmac::Key,
    pairs: ValidPairs,
}

/// What a check brought.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checked {
    /// To be sent back where the check came from.
    pub reply: Option<Reply>,
    /// The peer is to be met here from now on.
    pub moved: Option<SocketAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckFault {
    #[error("not a STUN message")]
    Malformed,
    #[error("the sender does not know the password")]
    Forged,
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

    /// Takes a datagram that may be a check. A forged one gets its error too (RFC 8489 §9.1.3), and nothing changes.
    #[expect(clippy::result_large_err, reason = "a reply in place; the packet path allocates nothing")]
    pub fn handle_datagram(&mut self, datagram: &[u8], from: SocketAddr) -> Result<Checked, (CheckFault, Checked)> {
        let message = Message::parse(datagram).ok_or((CheckFault::Malformed, Checked::default()))?;
        match message.kind {
            Kind::Request => {}
            // A sign of life, if it is the peer's.
            Kind::Indication if self.admits(from) => return Ok(Checked::default()),
            Kind::Indication => return Err((CheckFault::Forged, Checked::default())),
            // We never ask.
            Kind::Response => return Err((CheckFault::Malformed, Checked::default())),
        }
        let refused = |code, reason, key| Checked { reply: Some(message.error(code, reason, key)), moved: None };
        if message.username.is_none() || !message.has_integrity() {
            return Err((CheckFault::Forged, refused(400, "Bad Request", None)));
        }
        if message.username != Some(self.username.as_bytes()) || !message.verifies(&self.key) {
            return Err((CheckFault::Forged, refused(401, "Unauthorized", None)));
        }
        if message.unknown.is_some() {
            return Ok(refused(420, "Unknown", Some(&self.key)));
        }
        if message.role.is_some_and(|(role, _)| role == IceRole::Controlled) {
            return Ok(refused(487, "Role Conflict", Some(&self.key)));
        }
        self.pairs.remember(from);
        let moved = (message.use_candidate && self.pairs.nominate(from)).then_some(from);
        Ok(Checked { reply: Some(message.success(from, &self.key)), moved })
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
        let checked = agent.handle_datagram(&request("evtj:h6vY", PASSWORD, &[]), at(1)).expect("good");
        assert_eq!((code(&checked), checked.moved), (None, None));
        assert!(agent.admits(at(1)) && agent.peer().is_none());
        let nominating = request("evtj:h6vY", PASSWORD, &[NOMINATE]);
        assert_eq!(agent.handle_datagram(&nominating, at(1)).expect("good").moved, Some(at(1)));
        assert_eq!(agent.handle_datagram(&nominating, at(1)).expect("good").moved, None);
        assert_eq!(agent.handle_datagram(&nominating, at(2)).expect("good").moved, Some(at(2)));
        assert_eq!(agent.peer(), Some(at(2)));
    }

    #[test]
    fn wrong_names_and_passwords_change_nothing() {
        let mut agent = agent();
        for forged in [request("evtj:h6vY", "guess", &[NOMINATE]), request("evtj:other", PASSWORD, &[NOMINATE])] {
            let (fault, checked) = agent.handle_datagram(&forged, at(1)).expect_err("forged");
            assert_eq!((fault, code(&checked)), (CheckFault::Forged, Some(401)));
        }
        assert!(!agent.admits(at(1)) && agent.peer().is_none());
    }

    /// RFC 8445 §7.3.1.1.
    #[test]
    fn a_peer_that_thinks_to_be_controlled_learns_better() {
        let mut agent = agent();
        let checked = agent.handle_datagram(&request("evtj:h6vY", PASSWORD, &[CONTROLLED]), at(1)).expect("good");
        assert_eq!(code(&checked), Some(487));
        assert!(!agent.admits(at(1)));
    }

    #[test]
    fn a_restart_keeps_the_peer_until_it_nominates_anew() {
        let mut before = agent();
        before.handle_datagram(&request("evtj:h6vY", PASSWORD, &[NOMINATE]), at(1)).expect("good");
        let credentials = |ufrag: &str| IceCredentials { ufrag: ufrag.into(), pwd: PASSWORD.into() };
        let mut after = IceLite::new(&IcePlan::lite(credentials("new"), credentials("er")));
        after.restart(before.valid());
        assert_eq!(after.peer(), Some(at(1)));
        let checked = after.handle_datagram(&request("new:er", PASSWORD, &[NOMINATE]), at(2)).expect("good");
        assert_eq!((checked.moved, after.peer()), (Some(at(2)), Some(at(2))));
    }
}
