//! The rules of offer and answer that hold for every kind of media: RFC 3264.

use bytes::Bytes;

use super::attribute::Direction;
use super::description::{About, Origin, SessionDescription};
use super::media::MediaDescription;
use super::{Attributes, Connection};

/// The direction of an answer: what the offer leaves us, as far as we want it (RFC 3264 §6.1).
///
/// | offered  | we may answer                             |
/// |----------|-------------------------------------------|
/// | sendrecv | sendrecv, sendonly, recvonly, inactive    |
/// | sendonly | recvonly, inactive                        |
/// | recvonly | sendonly, inactive                        |
/// | inactive | inactive                                  |
pub fn answering_direction(offered: Direction, wanted: Direction) -> Direction {
    offered.reversed().restricted_to(wanted)
}

/// The refusal of one media description: the same line with port 0, in its place (RFC 3264 §6).
///
/// `a=mid` stays: a browser's peer looks for it even in a refused line.
pub fn rejected(offered: &MediaDescription) -> MediaDescription {
    let mut answer = MediaDescription::new(&offered.kind, 0, offered.profile.clone(), offered.formats.clone());
    if let Some(mid) = offered.attributes.value("mid") {
        answer.attributes.push("mid", mid);
    }
    answer
}

/// The descriptions that one side sends in one session. `o=` keeps its id, and its version rises by one exactly when
/// something else changed (RFC 3264 §8).
#[derive(Clone, Debug)]
pub struct OwnDescriptions {
    origin: Origin,
    about: About,
    last: Option<SessionDescription>,
}

impl OwnDescriptions {
    /// `session_id`: below 2^62, so that peers with signed arithmetic can read it.
    pub fn new(session_id: u64, connection: &Connection) -> Self {
        let origin = Origin {
            username: None,
            session_id: (session_id >> 2).to_string(),
            version: 1,
            address: connection.address.clone(),
        };
        Self { origin, about: About::default(), last: None }
    }

    /// What all of them say of the session.
    pub fn set_about(&mut self, about: About) {
        self.about = about;
    }

    /// Prints the next description: offer or answer.
    pub fn print(&mut self, connection: Connection, attributes: Attributes, media: Vec<MediaDescription>) -> Bytes {
        let mut next = SessionDescription {
            origin: self.origin.clone(),
            about: self.about.clone(),
            connection: Some(connection),
            bandwidth: Vec::new(),
            attributes,
            media,
        };
        if self.last.as_ref().is_some_and(|last| *last != next) {
            self.origin.version += 1;
            next.origin.version = self.origin.version;
        }
        let printed = next.print();
        self.last = Some(next);
        printed
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::sdp::Profile;

    #[test]
    fn answers_complement_the_offer() {
        use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
        let table = [
            (SendRecv, SendRecv, SendRecv),
            (SendOnly, SendRecv, RecvOnly),
            (RecvOnly, SendRecv, SendOnly),
            (Inactive, SendRecv, Inactive),
            (SendRecv, SendOnly, SendOnly),
            (SendRecv, RecvOnly, RecvOnly),
            (SendOnly, SendOnly, Inactive),
            (RecvOnly, RecvOnly, Inactive),
            (SendRecv, Inactive, Inactive),
        ];
        for (offered, wanted, answer) in table {
            assert_eq!(answering_direction(offered, wanted), answer, "{offered:?} {wanted:?}");
        }
    }

    #[test]
    fn refused_media_keep_their_place_and_name() {
        let mut video = MediaDescription::new("video", 4000, Profile::Avp, vec!["96".into(), "97".into()]);
        video.attributes.push("mid", "v");
        video.attributes.push("rtpmap", "96 VP8/90000");
        let answer = rejected(&video);
        assert_eq!((answer.port, answer.formats.len()), (0, 2));
        assert_eq!(answer.attributes.value("mid"), Some("v"));
        assert_eq!(answer.attributes.value("rtpmap"), None);
    }

    #[test]
    fn version_rises_by_one_exactly_on_change() {
        let here = || Connection::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let audio = |port| vec![MediaDescription::new("audio", port, Profile::Avp, vec!["0".into()])];
        let mut own = OwnDescriptions::new(u64::MAX, &here());
        let versions = [4000, 4000, 4002, 4002, 4000].map(|port| {
            let printed = own.print(here(), Attributes::default(), audio(port));
            SessionDescription::parse(&printed).expect("own print").origin.version
        });
        assert_eq!(versions, [1, 1, 2, 2, 3]);
    }
}
