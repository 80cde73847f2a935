//! What the fleet is to do, and to whom.

use std::net::SocketAddr;
use std::time::Duration;

use plenary_media::plan::AudioCodec;
use plenary_sip::net_types::Transport;

use super::tone;

/// A packet names no more contributors than this, and there are as many tones.
pub const MAX_TALKERS: usize = tone::HERTZ.len();

/// One conference.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Legs, at least 2.
    pub parties: usize,
    /// How many of them speak, each its own tone, all the time; 1 to [`MAX_TALKERS`].
    pub talkers: usize,
    pub codec: AudioCodec,
    /// SRTP with keys by SDES, signalled over TLS; else plain RTP, signalled over UDP.
    pub srtp: bool,
    /// How long is measured, once everybody is in.
    pub window: Duration,
    /// Calls placed a second while joining.
    pub joins_per_second: u32,
}

/// A server that runs already.
#[derive(Clone, Debug)]
pub struct Target {
    /// As it stands in the Request-URI.
    pub host: String,
    pub address: SocketAddr,
    /// A conference that anyone may join.
    pub conference: String,
}

impl Load {
    pub fn transport(&self) -> Transport {
        if self.srtp { Transport::Tls } else { Transport::Udp }
    }

    /// For tables: `Opus, SRTP`.
    pub fn media_name(&self) -> String {
        let codec = match self.codec {
            AudioCodec::Pcmu => "PCMU",
            AudioCodec::Pcma => "PCMA",
            AudioCodec::G722 => "G.722",
            AudioCodec::Opus => "Opus",
            AudioCodec::AmrWb(_) => "AMR-WB",
        };
        if self.srtp { format!("{codec}, SRTP") } else { codec.to_owned() }
    }
}
