//! ICE in the descriptions: our side is lite, with one host candidate. RFC 8839 §4 and §5; RFC 8445 §2.5.
//!
//! Without ICE goes: an offer without it, one of another lite agent (nobody would check), one whose address was
//! rewritten on the way (`a=ice-mismatch`, RFC 8839 §4.2.5), credentials too short.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use plenary_media::plan::{IceCredentials, IcePlan};
use plenary_sip::sdp::{Attributes, MediaDescription, SessionDescription};

use super::entropy::Entropy;
use super::policy::LocalMedia;

/// Random octets in a fragment and in a password: 48 and 144 bits (RFC 8839 §5.4 wants 24 and 128).
const UFRAG_OCTETS: usize = 6;
const PWD_OCTETS: usize = 18;
/// Port of a description whose address ICE is still to find.
const NO_ADDRESS_YET: u16 = 9;

/// What an offer has of ICE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Offered {
    None,
    /// Somebody between wrote another address into it.
    Mismatch,
    By(IceCredentials),
}

pub(super) fn read(description: &SessionDescription, media: &MediaDescription) -> Offered {
    let value = |name| media.attributes.value(name).or(description.attributes.value(name));
    let (Some(ufrag), Some(pwd)) = (value("ice-ufrag"), value("ice-pwd")) else { return Offered::None };
    let long_enough = (4..=256).contains(&ufrag.len()) && (22..=256).contains(&pwd.len());
    if !long_enough || description.attributes.has("ice-lite") || media.attributes.has("ice-mismatch") {
        return Offered::None;
    }
    if is_rewritten(description, media) {
        return Offered::Mismatch;
    }
    Offered::By(IceCredentials { ufrag: ufrag.to_owned(), pwd: pwd.to_owned() })
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

/// The same credentials of the peer keep ours; others are a restart, with new ones of ours.
pub(super) fn agree(remote: IceCredentials, before: Option<&IcePlan>, entropy: &mut Entropy) -> IcePlan {
    match before {
        Some(before) if before.remote == remote => before.clone(),
        _ => IcePlan { local: credentials(entropy), remote },
    }
}

pub(super) fn credentials(entropy: &mut Entropy) -> IceCredentials {
    IceCredentials {
        ufrag: STANDARD.encode(entropy.octets(UFRAG_OCTETS)),
        pwd: STANDARD.encode(entropy.octets(PWD_OCTETS)),
    }
}

/// Writes our side: one candidate of the highest priority (RFC 8445 §5.1.2.1), and no more to come.
pub(super) fn describe(own: &IceCredentials, local: &LocalMedia, attributes: &mut Attributes) {
    let priority = (126 << 24) + (65_535 << 8) + 255;
    attributes.push("ice-ufrag", &own.ufrag);
    attributes.push("ice-pwd", &own.pwd);
    attributes.push("candidate", format!("1 1 UDP {priority} {} {} typ host", local.address, local.rtp_port));
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
        assert_eq!(offered("a=ice-lite\r\n", "10.0.0.1", KNOWN), Offered::None);
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
        let theirs = |ufrag: &str| IceCredentials { ufrag: ufrag.into(), pwd: "a password long enough".into() };
        let first = agree(theirs("one1"), None, &mut entropy);
        assert_eq!(agree(theirs("one1"), Some(&first), &mut entropy), first);
        assert_ne!(agree(theirs("two2"), Some(&first), &mut entropy).local, first.local);
    }
}
