//! Payload numbers and what they mean: RFC 3551 (G.711, G.722), RFC 7587 (Opus), RFC 4867 (AMR-WB), RFC 4733 (keys),
//! RFC 3389 (comfort noise).

use std::time::Duration;

use plenary_media::plan::{AudioCodec, OpusWishes, ReceiveFormat, ReceiveKind, SendEvents, SendFormat};
use plenary_sip::sdp::attribute::RtpFormat;
use plenary_sip::sdp::{Attributes, MediaDescription, SessionDescription};

use super::amr;
use super::bandwidth::PeerBandwidth;
use super::error::NegotiationError;
use super::policy::MediaPolicy;

/// What of a peer's stream we can take, with the peer's numbers.
#[derive(Clone, Debug)]
pub(super) struct CommonFormats {
    /// Each codec once, in the peer's order.
    audio: Vec<(AudioCodec, RtpFormat)>,
    /// One telephone-event for each clock.
    events: Vec<SendEvents>,
    comfort_noise: Option<u8>,
    pub(super) bandwidth: PeerBandwidth,
}

impl CommonFormats {
    /// Fails when only telephone-event, comfort noise or redundancy are in common: nobody could speak with those.
    pub(super) fn find(
        description: &SessionDescription,
        media: &MediaDescription,
        policy: &MediaPolicy,
    ) -> Result<Self, NegotiationError> {
        let bandwidth = PeerBandwidth::of(description, media);
        let formats = media.rtp_formats();
        let mut audio: Vec<(AudioCodec, RtpFormat)> = Vec::new();
        for format in &formats {
            match codec_of(format) {
                // The same codec under a second number (T-48 kind: other fmtp) adds nothing that we could tell apart.
                Some(codec) if policy.allows(codec) && !audio.iter().any(|(known, _)| known.is_like(codec)) => {
                    audio.push((codec, format.clone()));
                }
                _ => {}
            }
        }
        if audio.is_empty() {
            return Err(no_common_codec(&formats, policy));
        }
        let eight_kilohertz = audio.iter().any(|(codec, _)| codec.clock_rate() == 8000);
        let comfort_noise = formats
            .iter()
            .find(|format| format.is("CN") && format.clock_rate == 8000 && eight_kilohertz)
            .map(|format| format.payload_type);
        let events = if policy.telephone_event { events_beside(&audio, &formats) } else { Vec::new() };
        Ok(Self { audio, events, comfort_noise, bandwidth })
    }

    /// Puts the codecs into our order of preference; those that the peer leaves no bandwidth for come last.
    pub(super) fn preferred_by(mut self, policy: &MediaPolicy) -> Self {
        let place = |codec: &AudioCodec| policy.codecs.iter().position(|allowed| allowed.is_like(*codec));
        let Self { audio, bandwidth, .. } = &mut self;
        audio.sort_by_key(|(codec, _)| (!bandwidth.fits(*codec), place(codec)));
        self
    }

    /// All of it, the preferred codec first: what an answer lists.
    pub(super) fn listed(&self) -> Vec<ReceiveFormat> {
        let audio = self.audio.iter().map(|(codec, format)| (format.payload_type, ReceiveKind::Audio(*codec)));
        let noise = self.comfort_noise.iter().map(|number| (*number, ReceiveKind::ComfortNoise));
        let events = self
            .events
            .iter()
            .map(|events| (events.payload_type, ReceiveKind::TelephoneEvent { clock_rate: events.clock_rate }));
        audio.chain(noise).chain(events).map(|(payload_type, kind)| ReceiveFormat { payload_type, kind }).collect()
    }

    /// The first codec, in the peer's number, as the peer wishes it.
    pub(super) fn send_format(&self, media: &MediaDescription) -> SendFormat {
        let (codec, format) = self.audio.first().expect("find() leaves at least one codec");
        SendFormat {
            payload_type: format.payload_type,
            codec: *codec,
            ptime: packet_time(&media.attributes, *codec),
            opus: opus_wishes(format, self.bandwidth.payload()),
        }
    }

    /// The event number to send with: of the codec's clock, else of any (phones that pair Opus with 8000 alone).
    pub(super) fn send_events(&self) -> Option<SendEvents> {
        let (codec, _) = self.audio.first()?;
        let matching = self.events.iter().find(|events| events.clock_rate == codec.clock_rate());
        matching.or(self.events.first()).copied()
    }
}

/// Opus comes as `opus/48000/2`, and from some devices with one channel or another rate; it means the same (RFC 7587 §7).
fn codec_of(format: &RtpFormat) -> Option<AudioCodec> {
    match format.encoding.to_ascii_lowercase().as_str() {
        "opus" => Some(AudioCodec::Opus),
        "amr-wb" => amr::read(format).map(AudioCodec::AmrWb),
        "pcmu" if format.clock_rate == 8000 && format.channels == 1 => Some(AudioCodec::Pcmu),
        "pcma" if format.clock_rate == 8000 && format.channels == 1 => Some(AudioCodec::Pcma),
        "g722" if format.channels == 1 && (format.clock_rate == 8000 || format.payload_type == 9) => {
            Some(AudioCodec::G722)
        }
        _ => None,
    }
}

/// Telephone-event once for every clock that a codec has; failing that, the first at all.
fn events_beside(audio: &[(AudioCodec, RtpFormat)], formats: &[RtpFormat]) -> Vec<SendEvents> {
    let offered: Vec<SendEvents> = formats
        .iter()
        .filter(|format| format.is("telephone-event"))
        .map(|format| SendEvents {
            payload_type: format.payload_type,
            clock_rate: format.clock_rate,
            taken: keys_among(format.parameters.as_str()),
        })
        .collect();
    let mut taken: Vec<SendEvents> = Vec::new();
    for events in &offered {
        let wanted = audio.iter().any(|(codec, _)| codec.clock_rate() == events.clock_rate);
        let same =
            |other: &SendEvents| other.payload_type == events.payload_type || other.clock_rate == events.clock_rate;
        if wanted && !taken.iter().any(same) {
            taken.push(*events);
        }
    }
    if taken.is_empty() { offered.into_iter().take(1).collect() } else { taken }
}

/// The keys in a list of events, as `0-15` or `0-9,11,66,70` (RFC 4733 §2.4.1). Without a list that can be read: all.
fn keys_among(list: &str) -> u16 {
    let list = list.split(';').map(|word| word.trim().trim_start_matches("events=")).find(|word| !word.is_empty());
    let Some(list) = list else { return SendEvents::ALL };
    let mut keys = 0;
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (Ok(first), Ok(last)) = (first.trim().parse::<u8>(), last.trim().parse::<u8>()) else {
            return SendEvents::ALL;
        };
        keys |= (first..=last.min(15)).fold(0, |keys, event| keys | 1_u16.checked_shl(event.into()).unwrap_or(0));
    }
    keys
}

fn no_common_codec(offered: &[RtpFormat], policy: &MediaPolicy) -> NegotiationError {
    let offered: Vec<&str> = offered.iter().map(|format| format.encoding.as_str()).take(16).collect();
    let allowed: Vec<&str> = policy.codecs.iter().map(|codec| codec.name()).collect();
    NegotiationError::NoCommonCodec { offered: offered.join(" "), allowed: allowed.join(" ") }
}

/// The peer's `ptime`, no longer than its `maxptime`, rounded down to what the codec can: 10 to 60 ms; 20 unless told.
fn packet_time(attributes: &Attributes, codec: AudioCodec) -> Duration {
    let possible: &[u64] = match codec {
        AudioCodec::Opus => &[60, 40, 20, 10], // RFC 6716 §2.1.4
        AudioCodec::AmrWb(_) => &[60, 40, 20], // RFC 4867 §4.1
        _ => &[60, 50, 40, 30, 20, 10],
    };
    let wish = attributes.ptime().unwrap_or(Duration::from_millis(20));
    let wish = attributes.maxptime().map_or(wish, |longest| wish.min(longest));
    let fitting = possible.iter().map(|time| Duration::from_millis(*time)).find(|time| *time <= wish);
    fitting.unwrap_or(Duration::from_millis(possible.last().copied().unwrap_or(20)))
}

/// RFC 7587 §6.1, and no more than the bandwidth that the peer leaves.
fn opus_wishes(format: &RtpFormat, bandwidth: Option<u32>) -> OpusWishes {
    let parameters = &format.parameters;
    let rates = [parameters.number("maxaveragebitrate"), bandwidth];
    OpusWishes {
        max_average_bitrate: rates.into_iter().flatten().min().map(|rate| rate.clamp(6_000, 510_000)),
        max_playback_rate: parameters.number("maxplaybackrate"),
        inband_fec: parameters.is_on("useinbandfec"),
        dtx: parameters.is_on("usedtx"),
        cbr: parameters.is_on("cbr"),
    }
}

/// The numbers in use in one session. A number keeps its meaning as long as the session lasts (RFC 3264 §8.3.2).
#[derive(Clone, Debug, Default)]
pub(super) struct PayloadNumbers(Vec<ReceiveFormat>);

impl PayloadNumbers {
    pub(super) fn learn(&mut self, formats: &[ReceiveFormat]) {
        for format in formats {
            self.0.retain(|known| known.payload_type != format.payload_type);
            self.0.push(*format);
        }
    }

    /// The number of a format: the one it has, else its usual one, else the next that is free.
    pub(super) fn of(&mut self, kind: ReceiveKind) -> ReceiveFormat {
        if let Some(known) = self.0.iter().rev().find(|known| is_like(known.kind, kind)) {
            return *known;
        }
        let free = |number: &u8| self.0.iter().all(|known| known.payload_type != *number);
        let payload_type = [usual_number(kind)].into_iter().chain(96..=127).find(free).unwrap_or(127);
        let format = ReceiveFormat { payload_type, kind };
        self.0.push(format);
        format
    }

    /// What an offer lists.
    pub(super) fn offered(&mut self, policy: &MediaPolicy) -> Vec<ReceiveFormat> {
        let mut listed: Vec<ReceiveFormat> =
            policy.codecs.iter().map(|codec| self.of(ReceiveKind::Audio(*codec))).collect();
        if policy.telephone_event {
            for clock_rate in [8000, 16_000, 48_000] {
                if policy.codecs.iter().any(|codec| codec.clock_rate() == clock_rate) {
                    listed.push(self.of(ReceiveKind::TelephoneEvent { clock_rate }));
                }
            }
        }
        listed
    }
}

/// A codec keeps its number also with other parameters: those that were agreed are offered again.
fn is_like(known: ReceiveKind, kind: ReceiveKind) -> bool {
    match (known, kind) {
        (ReceiveKind::Audio(known), ReceiveKind::Audio(codec)) => known.is_like(codec),
        _ => known == kind,
    }
}

fn usual_number(kind: ReceiveKind) -> u8 {
    match kind {
        ReceiveKind::Audio(AudioCodec::Pcmu) => 0,
        ReceiveKind::Audio(AudioCodec::Pcma) => 8,
        ReceiveKind::Audio(AudioCodec::G722) => 9,
        ReceiveKind::Audio(AudioCodec::Opus) => 96,
        ReceiveKind::Audio(AudioCodec::AmrWb(_)) => 98,
        ReceiveKind::ComfortNoise => 13,
        ReceiveKind::TelephoneEvent { clock_rate: 8000 } => 101,
        ReceiveKind::TelephoneEvent { clock_rate: 16_000 } => 103,
        ReceiveKind::TelephoneEvent { .. } => 102,
    }
}

/// Adds `a=rtpmap` and `a=fmtp` of each format, in the legal form whatever the peer's was.
pub(super) fn describe(formats: &[ReceiveFormat], attributes: &mut Attributes) {
    for ReceiveFormat { payload_type, kind } in formats {
        match kind {
            ReceiveKind::Audio(AudioCodec::Opus) => {
                attributes.push_rtpmap(*payload_type, "opus", 48_000, 2);
                attributes.push_fmtp(*payload_type, "useinbandfec=1");
            }
            ReceiveKind::Audio(AudioCodec::AmrWb(format)) => {
                attributes.push_rtpmap(*payload_type, "AMR-WB", 16_000, 1);
                attributes.push_fmtp(*payload_type, &amr::parameters(*format));
            }
            ReceiveKind::Audio(codec) => {
                attributes.push_rtpmap(*payload_type, &codec.name().to_ascii_uppercase(), codec.clock_rate(), 1);
            }
            ReceiveKind::ComfortNoise => attributes.push_rtpmap(*payload_type, "CN", 8000, 1),
            ReceiveKind::TelephoneEvent { clock_rate } => {
                attributes.push_rtpmap(*payload_type, "telephone-event", *clock_rate, 1);
                attributes.push_fmtp(*payload_type, "0-15");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use plenary_media::plan::AmrFormat;

    use super::*;

    fn audio(lines: &str) -> MediaDescription {
        description(lines).media.remove(0)
    }

    fn description(lines: &str) -> SessionDescription {
        SessionDescription::parse(format!("v=0\r\n{lines}\r\n").as_bytes()).expect("readable")
    }

    fn found(lines: &str) -> Result<CommonFormats, NegotiationError> {
        let description = description(lines);
        CommonFormats::find(&description, &description.media[0], &MediaPolicy::default())
    }

    fn find(lines: &str) -> CommonFormats {
        found(lines).expect("in common")
    }

    #[test]
    fn packet_time_fits_peer_and_codec() {
        let table = [
            ("", AudioCodec::Pcmu, 20),
            ("a=ptime:30", AudioCodec::Pcmu, 30),
            ("a=ptime:30", AudioCodec::Opus, 20),
            ("a=ptime:60", AudioCodec::Opus, 60),
            ("a=ptime:240", AudioCodec::Pcma, 60),
            ("a=ptime:5", AudioCodec::Pcma, 10),
            ("a=ptime:40\r\na=maxptime:30", AudioCodec::Pcmu, 30),
            ("a=maxptime:10", AudioCodec::Pcmu, 10),
        ];
        for (lines, codec, expected) in table {
            let media = audio(&format!("m=audio 4000 RTP/AVP 0\r\n{lines}"));
            assert_eq!(packet_time(&media.attributes, codec), Duration::from_millis(expected), "{lines} {codec:?}");
        }
    }

    #[test]
    fn opus_is_known_in_every_disguise() {
        for map in ["opus/48000/2", "OPUS/48000", "opus/48000/1", "opus/16000"] {
            let common = find(&format!("m=audio 4000 RTP/AVP 107\r\na=rtpmap:107 {map}"));
            assert_eq!(common.send_format(&audio("m=audio 4000 RTP/AVP 107")).codec, AudioCodec::Opus, "{map}");
        }
    }

    /// RFC 4867 §8.3: the payload number that can be taken is, with its parameters, and keeps both.
    #[test]
    fn amr_wb_is_taken_where_allowed_with_its_parameters_and_event() {
        let lines = "m=audio 4000 RTP/AVP 104 105 106 0\r\na=rtpmap:104 AMR-WB/16000\r\na=fmtp:104 crc=1\r\n\
             a=rtpmap:105 AMR-WB/16000/1\r\na=fmtp:105 octet-align=1;mode-set=0,1,2\r\n\
             a=rtpmap:106 telephone-event/16000\r\na=ptime:30";
        let description = description(lines);
        let media = &description.media[0];
        assert_eq!(find(lines).send_format(media).codec, AudioCodec::Pcmu, "not allowed unless configured");

        let codecs = vec![AudioCodec::AmrWb(AmrFormat::PLAIN), AudioCodec::Pcmu];
        let policy = MediaPolicy { codecs, ..MediaPolicy::default() };
        let common = CommonFormats::find(&description, media, &policy).expect("in common").preferred_by(&policy);
        let send = common.send_format(media);
        assert_eq!((send.payload_type, send.ptime), (105, Duration::from_millis(20)));
        let events = common.send_events();
        assert_eq!(events.map(|events| (events.payload_type, events.clock_rate)), Some((106, 16_000)));
        let mut attributes = Attributes::default();
        describe(&common.listed(), &mut attributes);
        let fmtp: Vec<&str> = attributes.values("fmtp").collect();
        assert_eq!(fmtp[0], "105 octet-align=1;mode-set=0,1,2;mode-change-capability=2;max-red=0");

        let mut numbers = PayloadNumbers::default();
        numbers.learn(&common.listed());
        let again = numbers.offered(&policy);
        assert_eq!(again[0], ReceiveFormat { payload_type: 105, kind: ReceiveKind::Audio(send.codec) });
    }

    #[test]
    fn opus_wishes_are_the_receivers() {
        let lines = "m=audio 4000 RTP/AVP 96\r\nb=AS:40\r\na=rtpmap:96 opus/48000/2\r\n\
             a=fmtp:96 maxplaybackrate=16000; maxaveragebitrate=30000;usedtx=1; cbr=1; foo=1";
        let wishes = find(lines).send_format(&audio(lines)).opus;
        assert_eq!(
            wishes,
            OpusWishes {
                max_average_bitrate: Some(24_000),
                max_playback_rate: Some(16_000),
                inband_fec: false,
                dtx: true,
                cbr: true
            }
        );
    }

    /// Telephone-event of several clocks, of a wrong one only, twice under one number.
    #[test]
    fn key_events_follow_the_codecs_clock() {
        let opus = "m=audio 4000 RTP/AVP 96 101 102\r\na=rtpmap:96 opus/48000/2\r\n";
        let table = [
            ("a=rtpmap:101 telephone-event/8000\r\na=rtpmap:102 telephone-event/48000", Some((102, 48_000))),
            ("a=rtpmap:101 telephone-event/8000", Some((101, 8000))),
            ("a=rtpmap:101 telephone-event/16000\r\na=rtpmap:101 telephone-event/48000", Some((101, 48_000))),
            ("", None),
        ];
        for (lines, expected) in table {
            let events = find(&format!("{opus}{lines}")).send_events();
            assert_eq!(events.map(|events| (events.payload_type, events.clock_rate)), expected, "{lines}");
        }
    }

    /// RFC 4733 §2.4.1.
    #[test]
    fn only_keys_that_the_peer_lists_are_sent() {
        for (list, taken) in [
            ("", 0xffff),
            ("0-15", 0xffff),
            ("0-16", 0xffff),
            ("0-11,66,70", 0x0fff),
            ("10, 11", 0x0c00),
            ("events=0-9", 0x03ff),
            ("32-36", 0),
            ("15-0", 0),
            ("what", 0xffff),
            ("0-255,256", 0xffff),
        ] {
            assert_eq!(keys_among(list), taken, "{list}");
        }
    }

    #[test]
    fn a_codec_that_the_peer_has_no_bandwidth_for_comes_last() {
        let narrow = "m=audio 4000 RTP/AVP 0 96\r\nb=AS:40\r\na=rtpmap:96 opus/48000/2";
        let policy = MediaPolicy { codecs: vec![AudioCodec::Pcmu, AudioCodec::Opus], ..MediaPolicy::default() };
        let first = |lines: &str| find(lines).preferred_by(&policy).send_format(&audio(lines)).codec;
        assert_eq!(first(narrow), AudioCodec::Opus);
        assert_eq!(first(&narrow.replace("AS:40", "AS:64")), AudioCodec::Pcmu);
    }

    #[test]
    fn nobody_speaks_with_events_or_noise_alone() {
        let lines = "m=audio 4000 RTP/AVP 13 101 4 97\r\na=rtpmap:101 telephone-event/8000\r\na=rtpmap:97 red/8000";
        let error = found(lines).expect_err("no codec");
        assert_eq!((error.status(), error.warning().map(|w| w[..3].to_owned())), (488, Some("305".into())));
    }

    #[test]
    fn numbers_keep_their_meaning() {
        let mut numbers = PayloadNumbers::default();
        numbers.learn(&[
            ReceiveFormat { payload_type: 96, kind: ReceiveKind::TelephoneEvent { clock_rate: 8000 } },
            ReceiveFormat { payload_type: 111, kind: ReceiveKind::Audio(AudioCodec::Opus) },
        ]);
        let listed: Vec<u8> = numbers.offered(&MediaPolicy::default()).iter().map(|f| f.payload_type).collect();
        assert_eq!(listed, [111, 9, 8, 0, 96, 102]);
        let again: Vec<u8> = numbers.offered(&MediaPolicy::default()).iter().map(|f| f.payload_type).collect();
        assert_eq!(again, listed);
    }
}
