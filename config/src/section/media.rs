//! `[media]`: ports, threads, codecs and mixing.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::load::Unfit;
use crate::value::{duration, port_range};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Media {
    /// The address the UDP ports are bound to.
    pub bind: IpAddr,
    /// UDP ports of legs that need a pair of their own: an even one for RTP, the next for RTCP.
    #[serde(with = "port_range")]
    pub ports: RangeInclusive<u16>,
    /// The one UDP port of all ICE legs; 0: they have ports of their own.
    pub mux_port: u16,
    /// Which side of ICE checks.
    pub ice: Ice,
    /// Media shards, 1 to 256. Absent: one less than the machine has cores, at least 1.
    pub threads: Option<usize>,
    /// How many speakers are mixed at once, the loudest first: 1 to 15, as many as a packet can name.
    pub speakers: usize,
    /// A phone from which neither RTP nor RTCP came for so long is asked whether it is still there.
    #[serde(with = "duration")]
    pub silent_after: Duration,
    /// Whether everybody is brought to about the same loudness.
    pub auto_gain: bool,
    /// Whether noise is taken out of what everybody says.
    pub noise_suppression: bool,
    /// A media thread that works more of its time than this takes no further call: 10 to 100 percent, 100 for never.
    pub busy_limit: u8,
    /// So many legs of one conference are put on one media thread before others get their share: 0 for all, up to 4096.
    pub room_legs_per_thread: usize,
    /// In order of preference.
    pub codecs: Vec<AudioCodec>,
}

/// RFC 8445 §2.5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ice {
    /// Full where our address is private, since a NAT may stand before it; else lite, and full towards lite peers.
    #[default]
    Auto,
    Lite,
    Full,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AudioCodec {
    Opus,
    G722,
    Pcma,
    Pcmu,
    /// With the feature `amr-wb` alone.
    AmrWb,
}

impl Default for Media {
    fn default() -> Self {
        use AudioCodec::{G722, Opus, Pcma, Pcmu};
        Self {
            bind: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            ports: 20000..=29999,
            mux_port: 10000,
            ice: Ice::Auto,
            threads: None,
            speakers: 8,
            silent_after: Duration::from_secs(30),
            auto_gain: true,
            noise_suppression: false,
            busy_limit: 85,
            room_legs_per_thread: 500,
            codecs: vec![Opus, G722, Pcma, Pcmu],
        }
    }
}

impl Media {
    /// Media shards to start, the default worked out for this machine.
    pub fn thread_count(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        self.threads.unwrap_or_else(|| cores.saturating_sub(1).max(1))
    }

    pub(crate) fn check(&self, unfit: &mut Vec<Unfit>) {
        let (first, last) = (*self.ports.start(), *self.ports.end());
        if first < 1024 || last - first < 3 {
            let reason = "must begin at 1024 or above and hold at least 4 ports".into();
            unfit.push(Unfit { key: "media.ports", reason });
        }
        if self.ports.contains(&self.mux_port) {
            let reason = "must be a port outside media.ports, or 0".into();
            unfit.push(Unfit { key: "media.mux-port", reason });
        }
        if self.threads.is_some_and(|threads| !(1..=256).contains(&threads)) {
            unfit.push(Unfit { key: "media.threads", reason: "must be 1 to 256".into() });
        }
        if !(1..=15).contains(&self.speakers) {
            unfit.push(Unfit { key: "media.speakers", reason: "must be 1 to 15".into() });
        }
        if !(Duration::from_secs(1)..=Duration::from_secs(3600)).contains(&self.silent_after) {
            unfit.push(Unfit { key: "media.silent-after", reason: "must be 1s to 1h".into() });
        }
        if !(10..=100).contains(&self.busy_limit) {
            unfit.push(Unfit { key: "media.busy-limit", reason: "must be 10 to 100".into() });
        }
        if self.room_legs_per_thread > 4096 {
            unfit.push(Unfit { key: "media.room-legs-per-thread", reason: "must be 0 to 4096".into() });
        }
        let twice = (1..self.codecs.len()).any(|at| self.codecs[..at].contains(&self.codecs[at]));
        if !cfg!(feature = "amr-wb") && self.codecs.contains(&AudioCodec::AmrWb) {
            let reason = "names amr-wb, which is not built into this server: build it with the feature amr-wb".into();
            unfit.push(Unfit { key: "media.codecs", reason });
        }
        if self.codecs.is_empty() || twice {
            unfit.push(Unfit { key: "media.codecs", reason: "must name at least one codec, none twice".into() });
        }
    }
}
