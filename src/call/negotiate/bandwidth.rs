//! What the peer lets us send: `b=` of its description. RFC 8866 §5.8 (CT, AS), RFC 3890 (TIAS), RFC 3556 (RS, RR).
//!
//! A limit of the whole session is one of its only stream. Kinds that are not known limit nothing.

use std::time::Duration;

use plenary_media::plan::AudioCodec;
use plenary_media::rtp::schedule::INTERVAL;
use plenary_sip::sdp::{Bandwidth, MediaDescription, SessionDescription};

/// Headers of IP, UDP and RTP in 50 packets a second, bit/s: AS and CT count them, TIAS does not (RFC 3890 §6.2).
const HEADERS: u32 = 16_000;
/// A report with its headers, and SRTP's addition; of two parties.
const REPORTS_BITS: u64 = 2 * 8 * 150;
/// A peer that leaves almost nothing hears of us now and then all the same.
const LONGEST_INTERVAL: Duration = Duration::from_secs(120);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PeerBandwidth {
    /// bit/s of payload.
    payload: Option<u32>,
    /// The lowest figure as it stands, bit/s: some count headers, some do not.
    named: Option<u32>,
    /// RS and RR as they came, bit/s.
    reports: Vec<Bandwidth>,
}

impl PeerBandwidth {
    pub(super) fn of(description: &SessionDescription, media: &MediaDescription) -> Self {
        let mut found = Self::default();
        for limit in description.bandwidth.iter().chain(&media.bandwidth) {
            let figure = u32::try_from(limit.figure).unwrap_or(u32::MAX);
            match limit.kind.as_str() {
                "TIAS" => found.limit(figure, figure),
                "AS" | "CT" => {
                    let bits = figure.saturating_mul(1_000);
                    found.limit(bits.saturating_sub(HEADERS).max(1), bits);
                }
                // The media's own goes before the session's (RFC 3556 §2).
                "RS" | "RR" => {
                    found.reports.retain(|known| known.kind != limit.kind);
                    found.reports.push(limit.clone());
                }
                _ => {}
            }
        }
        found
    }

    /// 0 is said of streams that are only received, and limits nothing (RFC 8866 §5.8 knows no such thing).
    fn limit(&mut self, payload: u32, named: u32) {
        if named > 0 {
            self.payload = Some(self.payload.map_or(payload, |known| known.min(payload)));
            self.named = Some(self.named.map_or(named, |known| known.min(named)));
        }
    }

    /// bit/s of payload at most.
    pub(super) fn payload(&self) -> Option<u32> {
        self.payload
    }

    /// Whether a codec keeps within it; those of many rates choose one that does. Phones that write `AS:64` for G.711 forgot the headers.
    pub(super) fn fits(&self, codec: AudioCodec) -> bool {
        match codec {
            AudioCodec::Opus | AudioCodec::AmrWb(_) => true,
            AudioCodec::Pcmu | AudioCodec::Pcma | AudioCodec::G722 => self.named.is_none_or(|most| most >= 64_000),
        }
    }

    /// The mean time between our reports; none where RS and RR are both 0.
    pub(super) fn rtcp_interval(&self) -> Option<Duration> {
        let figure = |kind: &str| self.reports.iter().find(|limit| limit.kind == kind).map(|limit| limit.figure);
        match (figure("RS"), figure("RR")) {
            (None, None) => Some(INTERVAL),
            (Some(0), Some(0)) => None,
            // Who says one thing leaves the other as it was: far more than we need.
            (Some(1..), None) | (None, Some(_)) => Some(INTERVAL),
            (Some(senders), receivers) => {
                let bits = senders.saturating_add(receivers.unwrap_or(0)).max(1);
                Some(Duration::from_secs(REPORTS_BITS / bits).clamp(INTERVAL, LONGEST_INTERVAL))
            }
        }
    }

    /// What our answer says of reports: the same.
    pub(super) fn reports(&self) -> &[Bandwidth] {
        &self.reports
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(session: &str, media: &str) -> PeerBandwidth {
        let text =
            format!("v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\n{session}t=0 0\r\nm=audio 4000 RTP/AVP 0\r\n{media}");
        let description = SessionDescription::parse(text.as_bytes()).expect("readable");
        PeerBandwidth::of(&description, &description.media[0])
    }

    #[test]
    fn the_lowest_of_all_limits_holds() {
        for (session, media, payload, fits) in [
            ("", "", None, true),
            ("", "b=AS:64\r\n", Some(48_000), true),
            ("", "b=TIAS:64000\r\n", Some(64_000), true),
            ("b=CT:40\r\n", "", Some(24_000), false),
            ("b=AS:100\r\n", "b=TIAS:20000\r\nb=X-YZ:1\r\n", Some(20_000), false),
            ("", "b=AS:10\r\n", Some(1), false),
            ("b=CT:0\r\n", "b=AS:0\r\n", None, true),
            ("", "b=AS:99999999999\r\n", Some(u32::MAX - HEADERS), true),
        ] {
            let found = read(session, media);
            assert_eq!((found.payload(), found.fits(AudioCodec::Pcmu)), (payload, fits), "{session}{media}");
        }
    }

    #[test]
    fn reports_take_what_is_left_to_them() {
        for (session, media, seconds) in [
            ("", "", Some(5)),
            ("", "b=RS:0\r\nb=RR:0\r\n", None),
            ("b=RS:0\r\nb=RR:0\r\n", "b=RS:600\r\nb=RR:2000\r\n", Some(5)),
            ("", "b=RS:100\r\nb=RR:100\r\n", Some(12)),
            ("", "b=RS:1\r\nb=RR:0\r\n", Some(120)),
            ("", "b=RR:0\r\n", Some(5)),
        ] {
            let found = read(session, media);
            assert_eq!(found.rtcp_interval(), seconds.map(Duration::from_secs), "{session}{media}");
        }
    }
}
