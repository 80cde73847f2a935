//! ICE in the descriptions: one host candidate of ours, as a lite or a full agent. RFC 8839 §4 and §5; RFC 8445 §2.5.
//!
//! Without ICE goes: an offer without it, one of a lite agent where we are lite too (nobody would check), one whose
//! address was rewritten on the way (`a=ice-mismatch`, RFC 8839 §4.2.5), credentials too short.

use std::net::{IpAddr, SocketAddr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use plenary_media::plan::{FullIce, IceCredentials, IcePlan, IceRole, RemoteCandidate};
use plenary_sip::sdp::{Attributes, MediaDescription, SessionDescription};

use super::entropy::Entropy;
use super::policy::{IceMode, LocalMedia};

/// Random octets in a fragment and in a password: 48 and 144 bits (RFC 8839 §5.4 wants 24 and 128).
const UFRAG_OCTETS: usize = 6;
const PWD_OCTETS: usize = 18;
/// Port of a description whose address ICE is still to find.
const NO_ADDRESS_YET: u16 = 9;
/// Candidates that are looked at; checks reveal others.
const CANDIDATES: usize = 8;

/// What an offer has of ICE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Offered {
    None,
    /// Somebody between wrote another address into it.
    Mismatch,
    By(Peer),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    credentials: IceCredentials,
    is_lite: bool,
    candidates: Vec<RemoteCandidate>,
}

/// Who made the offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Offered,
    Answering,
}

pub(super) fn read(description: &SessionDescription, media: &MediaDescription) -> Offered {
    let value = |name| media.attributes.value(name).or(description.attributes.value(name));
    let (Some(ufrag), Some(pwd)) = (value("ice-ufrag"), value("ice-pwd")) else { return Offered::None };
    let long_enough = (4..=256).contains(&ufrag.len()) && (22..=256).contains(&pwd.len());
    if !long_enough || media.attributes.has("ice-mismatch") {
        return Offered::None;
    }
    if is_rewritten(description, media) {
        return Offered::Mismatch;
    }
    let mut candidates: Vec<RemoteCandidate> = media.attributes.values("candidate").filter_map(candidate).collect();
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.priority));
    candidates.truncate(CANDIDATES);
    Offered::By(Peer {
        credentials: IceCredentials { ufrag: ufrag.to_owned(), pwd: pwd.to_owned() },
        is_lite: description.attributes.has("ice-lite"),
        candidates,
    })
}

/// Whether whoever offers this can share our port with others: all of its audio is found by ICE and has one port.
pub fn is_found_by_ice(offer: &[u8], mode: IceMode) -> bool {
    let Ok(offer) = SessionDescription::parse(offer) else { return false };
    let mut audio = offer.media.iter().filter(|media| media.is_audio() && media.port != 0).peekable();
    let by_ice = |media: &MediaDescription| match read(&offer, media) {
        Offered::By(peer) => !(peer.is_lite && mode == IceMode::Lite) && media.attributes.rtcp_mux(),
        Offered::None | Offered::Mismatch => false,
    };
    audio.peek().is_some() && audio.all(by_ice)
}

/// A candidate for RTP over UDP. Names are passed over, those of mDNS above all: nothing here asks any DNS for them.
fn candidate(line: &str) -> Option<RemoteCandidate> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (component, transport, priority) = (words.next()?, words.next()?, words.next()?.parse().ok()?);
    let address = SocketAddr::new(words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let ip = address.ip();
    let one_host = !ip.is_unspecified() && !ip.is_multicast() && ip != IpAddr::from([255; 4]);
    let for_rtp = component == "1" && transport.eq_ignore_ascii_case("udp");
    (one_host && for_rtp && address.port() != 0).then_some(RemoteCandidate { address, priority })
}

/// The address of the description is to be one of the candidates.
fn is_rewritten(description: &SessionDescription, media: &MediaDescription) -> bool {
    let Some(ip) = description.connection_of(media).and_then(|connection| connection.address.ip()) else {
        return false;
    };
    let mut candidates = media.attributes.values("candidate").peekable();
    if ip.is_unspecified() || media.port == NO_ADDRESS_YET || candidates.peek().is_none() {
        return false;
    }
    let (ip, port) = (ip.to_string(), media.port.to_string());
    !candidates.any(|candidate| {
        let mut words = candidate.split_ascii_whitespace().skip(4);
        words.next() == Some(&ip) && words.next() == Some(&port)
    })
}

/// The same credentials of the peer keep ours; others are a restart, with new ones of ours. `None`: both are lite.
pub(super) fn agree(
    peer: Peer,
    before: Option<&IcePlan>,
    mode: IceMode,
    local: IpAddr,
    entropy: &mut Entropy,
) -> Option<IcePlan> {
    match before {
        Some(before) if before.remote == peer.credentials => Some(before.clone()),
        _ => {
            let own = credentials(entropy);
            let full = mode.is_full_towards(peer.is_lite);
            join(own, peer, full, local, Turn::Answering, entropy)
        }
    }
}

/// Both sides together. `full`: whether we are.
pub(super) fn join(
    own: IceCredentials,
    peer: Peer,
    full: bool,
    local: IpAddr,
    turn: Turn,
    entropy: &mut Entropy,
) -> Option<IcePlan> {
    let plan = IcePlan::lite(own, peer.credentials);
    match (full, peer.is_lite) {
        (false, true) => None,
        (false, false) => Some(plan),
        (true, _) => {
            // A full agent controls a lite one, and of two full ones whoever offered (RFC 8445 §6.1.1).
            let controls = peer.is_lite || turn == Turn::Offered;
            let role = if controls { IceRole::Controlling } else { IceRole::Controlled };
            let mut candidates = peer.candidates;
            candidates.retain(|candidate| candidate.address.is_ipv4() == local.is_ipv4());
            Some(IcePlan { full: Some(FullIce { role, tie_breaker: entropy.number(), candidates }), ..plan })
        }
    }
}

pub(super) fn credentials(entropy: &mut Entropy) -> IceCredentials {
    IceCredentials {
        ufrag: STANDARD.encode(entropy.octets(UFRAG_OCTETS)),
        pwd: STANDARD.encode(entropy.octets(PWD_OCTETS)),
    }
}

/// Writes our side: a candidate for each port, of the highest priority (RFC 8445 §5.1.2.1), and no more to come.
pub(super) fn describe(own: &IceCredentials, local: &LocalMedia, rtcp_mux: bool, attributes: &mut Attributes) {
    attributes.push("ice-ufrag", &own.ufrag);
    attributes.push("ice-pwd", &own.pwd);
    let ports = [(1, local.rtp_port), (2, local.rtcp_port)];
    for (component, port) in ports.into_iter().take(if rtcp_mux { 1 } else { 2 }) {
        let priority = (126 << 24) + (65_535 << 8) + 256 - component;
        attributes.push("candidate", format!("1 {component} UDP {priority} {} {port} typ host", local.address));
    }
    attributes.push_flag("end-of-candidates");
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &str = "a=ice-ufrag:h6vY\r\na=ice-pwd:VOkJxbRl1RmTxUk/WvJxBt";

    fn offered(session: &str, address: &str, lines: &str) -> Offered {
        let text = format!("v=0\r\nc=IN IP4 {address}\r\n{session}m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n{lines}\r\n");
        let description = SessionDescription::parse(text.as_bytes()).expect("readable");
        read(&description, &description.media[0])
    }

    #[test]
    fn full_agents_are_answered_others_go_without() {
        assert!(matches!(offered("", "10.0.0.1", KNOWN), Offered::By(_)));
        assert!(matches!(offered("a=ice-ufrag:h6vY\r\n", "10.0.0.1", &KNOWN[18..]), Offered::By(_)));
        assert!(matches!(offered("a=ice-lite\r\n", "10.0.0.1", KNOWN), Offered::By(peer) if peer.is_lite));
        assert_eq!(offered("", "10.0.0.1", "a=ice-ufrag:a\r\na=ice-pwd:short"), Offered::None);
        assert_eq!(offered("", "10.0.0.1", "a=mid:0"), Offered::None);
    }

    #[test]
    fn an_address_that_is_no_candidate_was_rewritten() {
        let candidate = |line: &str| format!("{KNOWN}\r\na=candidate:1 1 udp 2113937151 {line} typ host");
        assert!(matches!(offered("", "10.0.0.1", &candidate("10.0.0.1 4000")), Offered::By(_)));
        assert_eq!(offered("", "10.0.0.1", &candidate("10.0.0.1 4001")), Offered::Mismatch);
        assert!(matches!(offered("", "0.0.0.0", &candidate("a-b-c.local 4001")), Offered::By(_)));
    }

    #[test]
    fn credentials_are_long_and_never_the_same() {
        let mut entropy = Entropy::system();
        let made: std::collections::HashSet<_> = (0..1000).map(|_| credentials(&mut entropy).ufrag).collect();
        assert_eq!(made.len(), 1000);
        let one = credentials(&mut entropy);
        assert_eq!((one.ufrag.len(), one.pwd.len()), (8, 24));
    }

    #[test]
    fn a_restart_brings_new_credentials_of_ours() {
        let mut entropy = Entropy::seeded(8839);
        let local = IpAddr::from([192, 0, 2, 1]);
        let mut agreed = |ufrag: &str, before: Option<&IcePlan>| {
            agree(peer(ufrag, false), before, IceMode::Adaptive, local, &mut entropy).expect("one is full")
        };
        let first = agreed("one1", None);
        assert_eq!(agreed("one1", Some(&first)), first);
        assert_ne!(agreed("two2", Some(&first)).local, first.local);
    }

    fn peer(ufrag: &str, is_lite: bool) -> Peer {
        let credentials = IceCredentials { ufrag: ufrag.into(), pwd: "a password long enough".into() };
        let candidates = ["192.0.2.7:4000", "[2001:db8::7]:4000"]
            .map(|address| RemoteCandidate { address: address.parse().expect("an address"), priority: 1 });
        Peer { credentials, is_lite, candidates: candidates.into() }
    }

    /// RFC 8445 §6.1.1: who is full, and who controls.
    #[test]
    fn one_side_checks_at_least() {
        use IceRole::{Controlled, Controlling};
        let mut entropy = Entropy::seeded(8445);
        let table = [
            (IceMode::Lite, false, Turn::Answering, Some(None)),
            (IceMode::Lite, true, Turn::Answering, None),
            (IceMode::Adaptive, false, Turn::Answering, Some(None)),
            (IceMode::Adaptive, true, Turn::Answering, Some(Some(Controlling))),
            (IceMode::Full, false, Turn::Answering, Some(Some(Controlled))),
            (IceMode::Full, false, Turn::Offered, Some(Some(Controlling))),
            (IceMode::Full, true, Turn::Offered, Some(Some(Controlling))),
        ];
        for (mode, is_lite, turn, expected) in table {
            let own = credentials(&mut entropy);
            let full = mode.is_full_towards(is_lite);
            let local = IpAddr::from([192, 0, 2, 1]);
            let plan = join(own, peer("one1", is_lite), full, local, turn, &mut entropy);
            let role = plan.as_ref().map(|plan| plan.full.as_ref().map(|full| full.role));
            assert_eq!(role, expected, "{mode:?}, lite {is_lite}, {turn:?}");
            let candidates = plan.and_then(|plan| plan.full).map(|full| full.candidates.len());
            assert!(candidates.is_none_or(|count| count == 1), "of our family alone");
        }
    }

    #[test]
    fn only_addresses_of_one_host_are_checked() {
        for (line, usable) in [
            ("1 1 udp 2113937151 192.0.2.7 4000 typ host", true),
            ("1 1 UDP 1 2001:db8::7 4000 typ srflx raddr 10.0.0.1 rport 1", true),
            ("1 2 udp 1 192.0.2.7 4000 typ host", false),
            ("1 1 tcp 1 192.0.2.7 9 typ host tcptype active", false),
            ("1 1 udp 1 0f3c8a1e-1d2b.local 4000 typ host", false),
            ("1 1 udp 1 224.0.0.1 4000 typ host", false),
            ("1 1 udp 1 255.255.255.255 4000 typ host", false),
            ("1 1 udp 1 192.0.2.7 0 typ host", false),
            ("1 1 udp 99999999999 192.0.2.7 4000 typ host", false),
            ("1 1 udp", false),
        ] {
            assert_eq!(candidate(line).is_some(), usable, "{line}");
        }
    }
}
