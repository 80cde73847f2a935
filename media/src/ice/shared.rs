//! Whose a STUN message is, where many legs share a port, and whether its sender is proven.
//!
//! A request names our fragment in USERNAME (RFC 8445 §7.2.2). A response names nobody, so our own checks carry the leg
//! in the first octets of their transaction: 64 random bits are left, and the response is authenticated besides.

use std::net::SocketAddr;

use aws_lc_rs::hmac;

use super::stun::{Kind, Message, key};
use super::valid_pairs::ValidPairs;
use crate::plan::IcePlan;

/// A local fragment as a key of a table: of fixed length, so that it is copied and never freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fragment([u8; Self::LONGEST]);

impl Fragment {
    /// Ours are eight characters long.
    const LONGEST: usize = 32;

    pub fn new(ufrag: &[u8]) -> Option<Self> {
        let mut octets = [0; Self::LONGEST];
        octets.get_mut(..ufrag.len())?.copy_from_slice(ufrag);
        (!ufrag.is_empty()).then_some(Self(octets))
    }
}

/// Which of our legs made a check.
pub(crate) type Asker = [u8; 4];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Addressee {
    Fragment(Fragment),
    Asker(Asker),
}

/// A STUN message on its way to a leg.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addressed<'a> {
    pub to: Addressee,
    message: Message<'a>,
}

impl<'a> Addressed<'a> {
    /// `None`: not STUN, or to nobody in particular.
    pub fn parse(datagram: &'a [u8]) -> Option<Self> {
        let message = Message::parse(datagram)?;
        let to = match message.kind {
            Kind::Request => {
                let mut halves = message.username?.split(|octet| *octet == b':');
                Addressee::Fragment(Fragment::new(halves.next()?)?)
            }
            Kind::Response => Addressee::Asker(message.asker()),
            Kind::Indication => return None,
        };
        Some(Self { to, message })
    }
}

/// What a leg's peer has to know, and from where it showed that it does.
#[derive(Clone, Debug)]
pub(crate) struct Knowledge {
    pub fragment: Option<Fragment>,
    username: String,
    local: hmac::Key,
    remote: hmac::Key,
    pub pairs: ValidPairs,
}

impl Knowledge {
    pub fn new(plan: &IcePlan) -> Self {
        Self {
            fragment: Fragment::new(plan.local.ufrag.as_bytes()),
            username: plan.username(),
            local: key(&plan.local.pwd),
            remote: key(&plan.remote.pwd),
            pairs: ValidPairs::default(),
        }
    }

    /// Takes in where a proven message comes from. Returns whether it is new, and what gives way to it.
    pub fn learn(&mut self, addressed: &Addressed<'_>, from: SocketAddr) -> Option<Learnt> {
        let message = &addressed.message;
        let proven = match message.kind {
            Kind::Request => message.username == Some(self.username.as_bytes()) && message.verifies(&self.local),
            Kind::Response => message.verifies(&self.remote),
            Kind::Indication => false,
        };
        if !proven {
            return None;
        }
        let new = !self.pairs.contain(from);
        let gone = self.pairs.remember(from);
        if message.use_candidate {
            self.pairs.nominate(from);
        }
        new.then_some(Learnt { gone })
    }
}

/// A new address of the peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Learnt {
    pub gone: Option<SocketAddr>,
}

#[cfg(test)]
mod tests {
    use super::super::stun::tests::{PASSWORD, request};
    use super::*;
    use crate::plan::IceCredentials;

    fn knowledge() -> Knowledge {
        let credentials = |ufrag: &str, pwd: &str| IceCredentials { ufrag: ufrag.into(), pwd: pwd.into() };
        Knowledge::new(&IcePlan::lite(credentials("evtj", PASSWORD), credentials("h6vY", "theirs")))
    }

    #[test]
    fn only_who_knows_the_password_is_learnt() {
        let (mut knowledge, from) = (knowledge(), SocketAddr::from(([192, 0, 2, 9], 4_000)));
        for forged in [request("evtj:h6vY", "guess", &[]), request("evtj:else", PASSWORD, &[])] {
            let addressed = Addressed::parse(&forged).expect("to a leg");
            assert_eq!(addressed.to, Addressee::Fragment(Fragment::new(b"evtj").expect("short")));
            assert_eq!(knowledge.learn(&addressed, from), None);
        }
        let honest = request("evtj:h6vY", PASSWORD, &[]);
        let addressed = Addressed::parse(&honest).expect("to a leg");
        assert_eq!(knowledge.learn(&addressed, from), Some(Learnt { gone: None }));
        assert_eq!(knowledge.learn(&addressed, from), None, "no news");
        assert!(knowledge.pairs.contain(from));
    }

    #[test]
    fn names_of_any_length_are_read() {
        for name in ["", ":", "a", &"x".repeat(33), &"x".repeat(300)] {
            let addressed = request(&format!("{name}:y"), PASSWORD, &[]);
            let fits = Addressed::parse(&addressed).is_some();
            assert_eq!(fits, (1..=32).contains(&name.split(':').next().map_or(0, str::len)), "{name:?}");
        }
    }
}
