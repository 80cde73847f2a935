//! A session description: what stands above the first `m=`, and the media below it (RFC 8866 §5).

use bytes::Bytes;
use sdp_types::{Session, Time};

use super::attribute::{Attributes, Direction};
use super::connection::{Address, Connection};
use super::media::{Bandwidth, MediaDescription};
use super::tolerant;

pub(super) const MAX_MEDIA: usize = 64;
pub(super) const MAX_ATTRIBUTES: usize = 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDescription {
    pub origin: Origin,
    pub about: About,
    pub connection: Option<Connection>,
    /// Of all media together.
    pub bandwidth: Vec<Bandwidth>,
    pub attributes: Attributes,
    pub media: Vec<MediaDescription>,
}

/// `o=`: which session this describes, and how often it changed (RFC 8866 §5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub username: Option<String>,
    pub session_id: String,
    pub version: u64,
    pub address: Address,
}

/// What people may want to know of a session: `i=`, `u=`, `e=`, `p=` (RFC 8866 §5.4 to §5.6). We say it of our own, and
/// do not read it of others'.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    pub information: Option<String>,
    pub uri: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
}

/// Why a body is no session description; the answer to a request with it is 400.
#[derive(Debug, thiserror::Error)]
pub enum SdpError {
    #[error("a session description begins with v=0")]
    NoVersion,
    #[error("more than {limit} media descriptions")]
    TooManyMedia { limit: usize },
    #[error("more than {limit} attributes")]
    TooManyAttributes { limit: usize },
    #[error("unreadable session description: {0}")]
    Grammar(#[from] sdp_types::ParserError),
}

impl SessionDescription {
    pub fn parse(raw: &[u8]) -> Result<Self, SdpError> {
        let session = Session::parse(tolerant::repaired(raw)?.as_bytes())?;
        Ok(Self {
            origin: Origin {
                username: session.origin.username,
                session_id: session.origin.sess_id,
                version: session.origin.sess_version,
                address: Address::read(&session.origin.unicast_address),
            },
            about: About::default(),
            connection: session.connection.as_ref().map(Connection::read),
            bandwidth: session.bandwidths.into_iter().map(Bandwidth::read).collect(),
            attributes: Attributes::read(session.attributes),
            media: session.medias.into_iter().map(MediaDescription::read).collect(),
        })
    }

    pub fn print(&self) -> Bytes {
        let mut origin = sdp_types::Origin::new(
            &self.origin.session_id,
            self.origin.version,
            sdp_types::NetType::In,
            self.origin.address.family(),
            &self.origin.address,
        );
        origin.username.clone_from(&self.origin.username);
        let mut session = Session::new(origin, "-");
        session.session_description = self.about.information.as_deref().map(on_one_line);
        session.uri = self.about.uri.as_deref().map(on_one_line);
        session.emails = self.about.email.as_deref().map(on_one_line).into_iter().collect();
        session.phones = self.about.phone.as_deref().map(on_one_line).into_iter().collect();
        session.bandwidths = self.bandwidth.iter().map(Bandwidth::line).collect();
        session.connection = self.connection.as_ref().map(Connection::line);
        session.times = vec![Time { start_time: 0, stop_time: 0, repeats: Vec::new() }];
        session.attributes = self.attributes.lines();
        session.medias = self.media.iter().map(MediaDescription::lines).collect();
        let mut printed = Vec::with_capacity(512);
        session.write(&mut printed).expect("a Vec takes every write");
        printed.into()
    }

    /// The address of one of the media: its own `c=`, else the session's (RFC 8866 §5.7).
    pub fn connection_of<'a>(&'a self, media: &'a MediaDescription) -> Option<&'a Connection> {
        media.connection.as_ref().or(self.connection.as_ref())
    }

    /// The direction of one of the media: its own, else the session's, else `sendrecv` (RFC 8866 §6.7).
    pub fn direction_of(&self, media: &MediaDescription) -> Direction {
        media.attributes.direction().or(self.attributes.direction()).unwrap_or_default()
    }
}

/// A text cannot end its line and begin another (RFC 8866 §9, byte-string).
fn on_one_line(text: &str) -> String {
    text.replace(['\r', '\n', '\0'], " ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> SessionDescription {
        SessionDescription::parse(text.as_bytes()).expect("readable")
    }

    #[test]
    fn missing_name_and_time_are_forgiven() {
        let description = parse("v=0\no=- 7 8 IN IP4 10.0.0.1\nc=IN IP4 10.0.0.1\nm=audio 4000 RTP/AVP 0\n");
        assert_eq!(description.origin.version, 8);
        assert_eq!(description.media.len(), 1);
    }

    #[test]
    fn unreadable_strict_lines_are_refused() {
        for line in
            ["o=- one 1 IN IP4", "o=-", "t=now", "c=IN IP4", "m=audio many RTP/AVP 0", "m=audio 70000 RTP/AVP 0", "m="]
        {
            let text = format!("v=0\r\n{line}\r\n");
            assert!(SessionDescription::parse(text.as_bytes()).is_err(), "{line}");
        }
    }

    /// RFC 8866 §5.7: the media's own line wins.
    #[test]
    fn media_address_overrides_the_sessions() {
        let description = parse(
            "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n\
             m=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 96\r\nc=IN IP6 2001:db8::2\r\n",
        );
        let addresses: Vec<String> = description
            .media
            .iter()
            .filter_map(|media| description.connection_of(media))
            .map(|connection| connection.address.to_string())
            .collect();
        assert_eq!(addresses, ["10.0.0.1", "2001:db8::2"]);
    }

    /// RFC 3264 §6.1 with RFC 8866 §6.7: every pair of a session's and a medium's direction.
    #[test]
    fn direction_is_inherited_from_the_session() {
        let all = [None, Some("sendrecv"), Some("sendonly"), Some("recvonly"), Some("inactive")];
        for session in all {
            for media in all {
                let line = |direction: Option<&str>| direction.map_or(String::new(), |d| format!("a={d}\r\n"));
                let text = format!("v=0\r\n{}m=audio 4000 RTP/AVP 0\r\n{}", line(session), line(media));
                let description = parse(&text);
                let found = description.direction_of(&description.media[0]);
                assert_eq!(found.name(), media.or(session).unwrap_or("sendrecv"), "{session:?} {media:?}");
            }
        }
    }

    #[test]
    fn printed_descriptions_read_back_the_same() {
        let description = parse(
            "v=0\r\no=u 7 8 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nb=CT:512\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
             m=audio 4000 RTP/SAVPF 0 96\r\nb=AS:64\r\na=rtpmap:96 opus/48000/2\r\na=mid:0\r\nm=application 0 UDP/BFCP *\r\n",
        );
        assert_eq!(SessionDescription::parse(&description.print()).expect("own print"), description);
    }

    #[test]
    fn what_is_said_of_a_session_stays_on_its_line() {
        let mut description = parse("v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nt=0 0\r\n");
        description.about = About {
            information: Some("Monday\r\nm=audio 9 RTP/AVP 0".into()),
            uri: Some("https://example.org/m/3001".into()),
            email: Some("room@example.org".into()),
            phone: Some("+39 02 1234".into()),
        };
        let printed = String::from_utf8(description.print().to_vec()).expect("text");
        assert!(
            printed.contains(
                "s=-\r\ni=Monday  m=audio 9 RTP/AVP 0\r\nu=https://example.org/m/3001\r\ne=room@example.org\r\np=+39 02 1234\r\n"
            ),
            "{printed}"
        );
    }

    proptest! {
        #[test]
        fn no_body_can_panic(raw in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = SessionDescription::parse(&raw);
        }

        #[test]
        fn what_was_read_prints_and_reads_back(lines in proptest::collection::vec("[oscmatb]=[ -~]{0,40}", 0..20)) {
            let text = format!("v=0\r\n{}", lines.join("\r\n"));
            if let Ok(description) = SessionDescription::parse(text.as_bytes()) {
                let again = SessionDescription::parse(&description.print()).expect("own print");
                prop_assert_eq!(again.media.len(), description.media.len());
            }
        }
    }
}
