//! Whose packets count, and where ours go: symmetric RTP behind NAT, without letting strangers in.
//!
//! RFC 4961 (symmetric RTP and RTCP), RFC 7362 (latching and its dangers).
//!
//! ```text
//!          from remote_rtp ──────────────────────────┐
//!   Open ──from a trusted address, three in a row ───┼──▶ Locked to that source
//!          SRTP tag verifies ────────────────────────┘      │ SRTP tag verifies from elsewhere: moves
//!                                                           └ anything else from elsewhere: a stranger
//!   A description moves the peer: Open anew. What is still on its way from the place before is heard until the peer
//!   speaks from the new one, for two seconds at most, and moves nothing (RFC 3264 §8.3.1).
//!   Told by ICE where the peer is: no packet moves it; ICE has judged the source before.
//! ```

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::plan::{AudioPlan, Latch as LatchPlan};
use crate::rtp::{RtpHeader, SequenceNumber, Ssrc};

/// So many packets of one stream prove a source whose address we were not told.
const CONSISTENT: u8 = 3;
/// How long packets may come from where the peer was before a description moved it.
const ON_THE_WAY: Duration = Duration::from_secs(2);

/// What is known of a packet before its address is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Its SRTP tag verified, and it was not here before.
    Authenticated,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Welcome,
    /// Welcome, and from here on the peer lives at its source.
    Moved,
    /// May be the peer; drop it until more of them prove it.
    Unproven,
    Stranger,
}

#[derive(Clone, Debug)]
pub(super) struct Latch {
    signalled: SocketAddr,
    signalled_rtcp: SocketAddr,
    rtcp_mux: bool,
    trusted: Vec<IpAddr>,
    state: State,
    rtcp_peer: Option<SocketAddr>,
    former: Option<Former>,
}

/// Where the peer was, and until when that counts.
#[derive(Clone, Copy, Debug)]
struct Former {
    rtp: SocketAddr,
    until: Instant,
}

#[derive(Clone, Debug)]
enum State {
    Open {
        candidate: Option<Candidate>,
    },
    Locked {
        peer: SocketAddr,
    },
    /// Of an ICE leg; `None` before the nomination, when nothing is sent.
    Told {
        peer: Option<SocketAddr>,
    },
}

#[derive(Clone, Debug)]
struct Candidate {
    source: SocketAddr,
    ssrc: Ssrc,
    payload_type: u8,
    newest: SequenceNumber,
    seen: u8,
}

impl Latch {
    pub fn new(plan: &AudioPlan) -> Self {
        let LatchPlan { trusted } = &plan.latch;
        Self {
            signalled: canonical(plan.remote_rtp),
            signalled_rtcp: canonical(plan.remote_rtcp),
            rtcp_mux: plan.rtcp_mux,
            trusted: trusted.iter().map(IpAddr::to_canonical).collect(),
            state: match plan.ice {
                Some(_) => State::Told { peer: None },
                None => State::Open { candidate: None },
            },
            rtcp_peer: None,
            former: None,
        }
    }

    /// ICE nominated another pair.
    pub fn follow(&mut self, nominated: SocketAddr) {
        self.state = State::Told { peer: Some(nominated) };
    }

    /// The same of RTCP's own pair.
    pub fn follow_rtcp(&mut self, nominated: SocketAddr) {
        self.rtcp_peer = Some(nominated);
    }

    /// Goes on where another plan's latch stood, if that is for the same peer; with ICE always: a restart keeps the
    /// pair in use until another is nominated.
    pub fn take_over(&mut self, before: &mut Self, now: Instant) {
        let both_told = matches!((&self.state, &before.state), (State::Told { .. }, State::Told { .. }));
        if both_told || self.is_for_same_peer(before) {
            std::mem::swap(&mut self.state, &mut before.state);
            (self.rtcp_peer, self.former) = (before.rtcp_peer, before.former);
        } else {
            self.former = Some(Former { rtp: before.rtp_destination(), until: now + ON_THE_WAY });
        }
    }

    /// Whether the peer may be there: it was told to us, or its signalling comes from there.
    pub fn expects_from(&self, host: IpAddr) -> bool {
        self.signalled.ip() == host || self.trusted.contains(&host)
    }

    fn was_at(&self, source: SocketAddr, now: Instant) -> bool {
        self.former.is_some_and(|former| former.rtp == source && now < former.until)
    }

    /// Whether a new plan names the same peer: then what was learnt of it stays true.
    fn is_for_same_peer(&self, other: &Self) -> bool {
        self.signalled == other.signalled
            && self.signalled_rtcp == other.signalled_rtcp
            && self.rtcp_mux == other.rtcp_mux
            && self.trusted == other.trusted
    }

    /// Where RTP goes.
    pub fn rtp_destination(&self) -> SocketAddr {
        match self.state {
            State::Locked { peer } => peer,
            State::Told { peer: Some(peer) } => peer,
            State::Told { peer: None } | State::Open { .. } => self.signalled,
        }
    }

    /// Where RTCP goes.
    pub fn rtcp_destination(&self) -> SocketAddr {
        match self.rtcp_peer {
            _ if self.rtcp_mux => self.rtp_destination(),
            Some(peer) => peer,
            None => self.signalled_rtcp,
        }
    }

    pub fn is_muxed(&self) -> bool {
        self.rtcp_mux
    }

    /// Judges an RTP packet by where it comes from.
    pub fn handle_rtp(&mut self, source: SocketAddr, header: &RtpHeader, proof: Proof, now: Instant) -> Verdict {
        let was_there = self.was_at(source, now);
        match &mut self.state {
            State::Told { .. } => Verdict::Welcome,
            State::Locked { peer } if *peer == source => Verdict::Welcome,
            // Two forks of a call may speak at once: the one that the description names is meant.
            State::Locked { .. } if was_there => Verdict::Unproven,
            _ if was_there => Verdict::Welcome,
            _ if proof == Proof::Authenticated => self.lock(source),
            State::Locked { .. } => Verdict::Stranger,
            State::Open { .. } if source == self.signalled => self.lock(source),
            State::Open { candidate } if self.trusted.contains(&source.ip()) => {
                if count(candidate, source, header) < CONSISTENT {
                    return Verdict::Unproven;
                }
                self.lock(source)
            }
            State::Open { .. } => Verdict::Stranger,
        }
    }

    /// Judges RTCP: it counts from where it was announced, from the host that RTP comes from, and authenticated from
    /// anywhere; then ours goes back to it.
    pub fn handle_rtcp(&mut self, source: SocketAddr, proof: Proof, now: Instant) -> bool {
        if self.former.is_some_and(|former| former.rtp.ip() == source.ip() && now < former.until) {
            let is_here = source == self.signalled_rtcp || source == self.rtp_destination();
            if !is_here {
                return true;
            }
        }
        let from_peer = match self.state {
            State::Locked { peer } => peer.ip() == source.ip(),
            State::Open { .. } => self.signalled == source,
            State::Told { .. } => return true,
        };
        let counts = proof == Proof::Authenticated || from_peer || source == self.signalled_rtcp;
        if counts && source != self.rtp_destination() {
            self.rtcp_peer = Some(source);
        }
        counts
    }

    fn lock(&mut self, source: SocketAddr) -> Verdict {
        self.state = State::Locked { peer: source };
        Verdict::Moved
    }
}

/// Counts a packet of a source that may be the peer. Returns how many there were in a row.
fn count(candidate: &mut Option<Candidate>, source: SocketAddr, header: &RtpHeader) -> u8 {
    let RtpHeader { ssrc, payload_type, sequence, .. } = *header;
    let seen = match candidate {
        Some(known)
            if (known.source, known.ssrc, known.payload_type) == (source, ssrc, payload_type)
                && sequence.is_after(known.newest) =>
        {
            known.seen + 1
        }
        _ => 1,
    };
    *candidate = Some(Candidate { source, ssrc, payload_type, newest: sequence, seen });
    seen
}

/// A socket for both families tells IPv4 sources as mapped IPv6 addresses.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{AudioCodec, Direction, OpusWishes, SendFormat};
    use crate::rtp::RtpTimestamp;
    use std::time::Duration;

    const SIGNALLED: &str = "10.0.0.7:4000";
    const NAT: &str = "198.51.100.9:61000";
    const ATTACKER: &str = "203.0.113.66:4000";

    fn at(address: &str) -> SocketAddr {
        address.parse().expect("an address")
    }

    fn latch() -> Latch {
        Latch::new(&AudioPlan {
            remote_rtp: at(SIGNALLED),
            remote_rtcp: at("10.0.0.7:4001"),
            rtcp_mux: false,
            direction: Direction::SendRecv,
            receive: Vec::new(),
            send: SendFormat {
                payload_type: 0,
                codec: AudioCodec::Pcmu,
                ptime: Duration::from_millis(20),
                opus: OpusWishes::default(),
            },
            send_events: None,
            rtcp_interval: Some(crate::rtp::schedule::INTERVAL),
            extended_reports: Default::default(),
            bundle: None,
            levels: Default::default(),
            security: Default::default(),
            ice: None,
            latch: LatchPlan { trusted: vec![at(NAT).ip()] },
        })
    }

    fn packet(ssrc: u32, sequence: u16) -> RtpHeader {
        RtpHeader {
            marker: false,
            payload_type: 0,
            sequence: SequenceNumber(sequence),
            timestamp: RtpTimestamp(0),
            ssrc: Ssrc(ssrc),
        }
    }

    #[test]
    fn the_signalled_address_is_welcome_at_once() {
        let mut latch = latch();
        assert_eq!(latch.handle_rtp(at(SIGNALLED), &packet(1, 1), Proof::None, Instant::now()), Verdict::Moved);
        assert_eq!(latch.handle_rtp(at(SIGNALLED), &packet(1, 2), Proof::None, Instant::now()), Verdict::Welcome);
        assert_eq!(latch.handle_rtp(at(NAT), &packet(1, 3), Proof::None, Instant::now()), Verdict::Stranger);
    }

    #[test]
    fn behind_nat_three_consistent_packets_from_the_signalling_host_are_proof() {
        let mut latch = latch();
        assert_eq!(latch.handle_rtp(at(NAT), &packet(1, 65_535), Proof::None, Instant::now()), Verdict::Unproven);
        assert_eq!(latch.handle_rtp(at(NAT), &packet(1, 0), Proof::None, Instant::now()), Verdict::Unproven);
        assert_eq!(latch.rtp_destination(), at(SIGNALLED));
        assert_eq!(latch.handle_rtp(at(NAT), &packet(1, 1), Proof::None, Instant::now()), Verdict::Moved);
        assert_eq!(latch.rtp_destination(), at(NAT));
    }

    #[test]
    fn inconsistent_packets_prove_nothing() {
        let mut latch = latch();
        for (ssrc, sequence) in [(1, 1), (2, 2), (1, 3), (1, 3), (1, 2)] {
            let verdict = latch.handle_rtp(at(NAT), &packet(ssrc, sequence), Proof::None, Instant::now());
            assert_eq!(verdict, Verdict::Unproven);
        }
    }

    #[test]
    fn a_stranger_never_moves_the_peer() {
        let mut latch = latch();
        for sequence in 0..1_000 {
            assert_eq!(
                latch.handle_rtp(at(ATTACKER), &packet(9, sequence), Proof::None, Instant::now()),
                Verdict::Stranger
            );
        }
        latch.handle_rtp(at(SIGNALLED), &packet(1, 1), Proof::None, Instant::now());
        assert_eq!(latch.handle_rtp(at(ATTACKER), &packet(1, 2), Proof::None, Instant::now()), Verdict::Stranger);
        assert!(!latch.handle_rtcp(at(ATTACKER), Proof::None, Instant::now()));
        assert_eq!(latch.rtp_destination(), at(SIGNALLED));
        assert_eq!(latch.rtcp_destination(), at("10.0.0.7:4001"));
    }

    #[test]
    fn a_verified_tag_moves_the_peer_at_any_time() {
        let mut latch = latch();
        latch.handle_rtp(at(SIGNALLED), &packet(1, 1), Proof::Authenticated, Instant::now());
        assert_eq!(latch.handle_rtp(at(NAT), &packet(1, 2), Proof::Authenticated, Instant::now()), Verdict::Moved);
        assert_eq!(latch.rtp_destination(), at(NAT));
    }

    /// RFC 3264 §8.3.1: what was sent before the re-INVITE keeps nobody from finding the peer's new place.
    #[test]
    fn packets_on_their_way_from_the_former_place_are_heard_until_the_new_one_speaks_and_move_nothing() {
        let now = Instant::now();
        for proof in [Proof::None, Proof::Authenticated] {
            let mut before = latch();
            before.handle_rtp(at(NAT), &packet(1, 1), Proof::Authenticated, now);
            let mut latch = Latch { signalled: at("10.0.0.7:5000"), ..latch() };
            latch.take_over(&mut before, now);
            for sequence in 2..20 {
                assert_eq!(latch.handle_rtp(at(NAT), &packet(1, sequence), proof, now), Verdict::Welcome);
                assert_eq!(latch.rtp_destination(), at("10.0.0.7:5000"));
            }
            assert_eq!(latch.handle_rtp(at("10.0.0.7:5000"), &packet(2, 1), proof, now), Verdict::Moved);
            assert_eq!(latch.handle_rtp(at(NAT), &packet(1, 20), proof, now), Verdict::Unproven);
            assert_eq!(latch.rtp_destination(), at("10.0.0.7:5000"));
        }
        let mut latch = Latch { signalled: at("10.0.0.7:5000"), ..latch() };
        latch.take_over(&mut self::latch(), now);
        let late = now + ON_THE_WAY;
        assert_eq!(latch.handle_rtp(at(SIGNALLED), &packet(1, 1), Proof::None, late), Verdict::Stranger);
    }

    #[test]
    fn rtcp_goes_back_to_where_the_peer_sends_it_from() {
        let mut latch = latch();
        latch.handle_rtp(at(NAT), &packet(1, 1), Proof::Authenticated, Instant::now());
        assert!(latch.handle_rtcp(at("198.51.100.9:61001"), Proof::None, Instant::now()));
        assert_eq!(latch.rtcp_destination(), at("198.51.100.9:61001"));
    }
}
