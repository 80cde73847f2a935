//! One media description: an `m=` line and what belongs to it (RFC 8866 §5.14).

use std::fmt;

use super::attribute::Attributes;
use super::connection::Connection;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaDescription {
    /// `audio`, `video`, `application`, `image`, or what it says, lower case.
    pub kind: String,
    /// 0: refused or removed (RFC 3264 §6, §8.2).
    pub port: u16,
    pub profile: Profile,
    /// Payload numbers for RTP; anything for other profiles.
    pub formats: Vec<String>,
    pub connection: Option<Connection>,
    pub bandwidth: Vec<Bandwidth>,
    pub attributes: Attributes,
}

/// `b=AS:64` (kbit/s with headers) or `b=TIAS:48000` (bit/s without, RFC 3890).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bandwidth {
    pub kind: String,
    pub figure: u64,
}

impl Bandwidth {
    pub(super) fn read(line: sdp_types::Bandwidth) -> Self {
        Self { kind: line.bwtype, figure: line.bandwidth }
    }

    pub(super) fn line(&self) -> sdp_types::Bandwidth {
        sdp_types::Bandwidth { bwtype: self.kind.clone(), bandwidth: self.figure }
    }
}

/// The transport of a media description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// RFC 3551.
    Avp,
    /// RFC 4585.
    Avpf,
    /// RFC 3711.
    Savp,
    /// RFC 5124.
    Savpf,
    /// RFC 5764: keys by DTLS.
    DtlsSavp,
    DtlsSavpf,
    Other(String),
}

impl Profile {
    fn read(text: &str) -> Self {
        [Self::Avp, Self::Avpf, Self::Savp, Self::Savpf, Self::DtlsSavp, Self::DtlsSavpf]
            .into_iter()
            .find(|profile| profile.as_str().eq_ignore_ascii_case(text))
            .unwrap_or_else(|| Self::Other(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Avp => "RTP/AVP",
            Self::Avpf => "RTP/AVPF",
            Self::Savp => "RTP/SAVP",
            Self::Savpf => "RTP/SAVPF",
            Self::DtlsSavp => "UDP/TLS/RTP/SAVP",
            Self::DtlsSavpf => "UDP/TLS/RTP/SAVPF",
            Self::Other(text) => text,
        }
    }

    /// Plain RTP by its name; with keys beside it, opportunistically secured (RFC 8643).
    pub fn is_plain_rtp(&self) -> bool {
        matches!(self, Self::Avp | Self::Avpf)
    }

    /// SRTP whose keys stand in `a=crypto` (RFC 4568).
    pub fn is_sdes_srtp(&self) -> bool {
        matches!(self, Self::Savp | Self::Savpf)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl MediaDescription {
    pub fn new(kind: &str, port: u16, profile: Profile, formats: Vec<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            port,
            profile,
            formats,
            connection: None,
            bandwidth: Vec::new(),
            attributes: Attributes::default(),
        }
    }

    pub fn is_audio(&self) -> bool {
        self.kind == "audio"
    }

    pub(super) fn read(lines: sdp_types::Media) -> Self {
        Self {
            kind: lines.media.to_ascii_lowercase(),
            port: lines.port,
            profile: Profile::read(&lines.proto),
            formats: lines.fmt.split_ascii_whitespace().map(str::to_owned).collect(),
            connection: lines.connections.first().map(Connection::read),
            bandwidth: lines.bandwidths.into_iter().map(Bandwidth::read).collect(),
            attributes: Attributes::read(lines.attributes),
        }
    }

    pub(super) fn lines(&self) -> sdp_types::Media {
        sdp_types::Media {
            media: self.kind.clone(),
            port: self.port,
            num_ports: None,
            proto: self.profile.as_str().to_owned(),
            fmt: self.formats.join(" "),
            media_title: None,
            connections: self.connection.iter().map(Connection::line).collect(),
            bandwidths: self.bandwidth.iter().map(Bandwidth::line).collect(),
            key: None,
            attributes: self.attributes.lines(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_read_in_any_case_and_print_in_theirs() {
        assert_eq!(Profile::read("rtp/savp"), Profile::Savp);
        assert_eq!(Profile::read("UDP/TLS/RTP/SAVPF").as_str(), "UDP/TLS/RTP/SAVPF");
        assert_eq!(Profile::read("udptl"), Profile::Other("udptl".into()));
    }
}
