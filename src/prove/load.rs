//! What the fleet is to do, and to whom.

use std::net::SocketAddr;
use std::time::Duration;

use plenary_media::plan::AudioCodec;
use plenary_sip::net_types::Transport;

use super::tone;

/// There are as many tones: more talkers cannot be told apart, only heard.
pub const MAX_TALKERS: usize = tone::HERTZ.len();

/// Every codec, leg by leg.
pub const MIXED: [AudioCodec; 4] = [AudioCodec::Pcmu, AudioCodec::Pcma, AudioCodec::G722, AudioCodec::Opus];

/// Conferences of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Legs in each, at least 2.
    pub parties: usize,
    /// How many there are at once, at least 1.
    pub conferences: usize,
    /// How many legs of each speak, each its own tone, all the time; beyond [`MAX_TALKERS`] tones are shared.
    pub talkers: usize,
    /// Of a conference's legs in turn; at least one.
    pub codecs: &'static [AudioCodec],
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
    /// A conference that anyone may join; where more are needed, those of the numbers that follow.
    pub conference: String,
}

impl Load {
    /// Of all conferences.
    pub fn legs(&self) -> usize {
        self.parties * self.conferences
    }

    pub fn conference_of(&self, leg: usize) -> usize {
        leg / self.parties
    }

    /// Among those of its conference; the first are the talkers.
    pub fn place_of(&self, leg: usize) -> usize {
        leg % self.parties
    }

    pub fn codec_of(&self, leg: usize) -> AudioCodec {
        self.codecs[self.place_of(leg) % self.codecs.len()]
    }

    pub fn transport(&self) -> Transport {
        if self.srtp { Transport::Tls } else { Transport::Udp }
    }

    /// For tables: `Opus, SRTP`.
    pub fn media_name(&self) -> String {
        let codec = match self.codecs {
            [AudioCodec::Pcmu] => "PCMU",
            [AudioCodec::Pcma] => "PCMA",
            [AudioCodec::G722] => "G.722",
            [AudioCodec::Opus] => "Opus",
            [AudioCodec::AmrWb(_)] => "AMR-WB",
            _ => "mixed",
        };
        if self.srtp { format!("{codec}, SRTP") } else { codec.to_owned() }
    }
}
