//! What the payload numbers mean: `a=rtpmap`, `a=fmtp` (RFC 8866 §6.6, §6.15), `a=ptime`, `a=maxptime` (§6.4, §6.5).

use std::time::Duration;

use super::Attributes;
use crate::sdp::media::MediaDescription;

/// One payload number with its meaning. A number with two `a=rtpmap` lines (seen from a carrier for
/// telephone-event at 8000 and 16000) gives two of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtpFormat {
    pub payload_type: u8,
    /// As written; compare without case.
    pub encoding: String,
    pub clock_rate: u32,
    pub channels: u8,
    pub parameters: FormatParameters,
}

impl RtpFormat {
    pub fn is(&self, encoding: &str) -> bool {
        self.encoding.eq_ignore_ascii_case(encoding)
    }
}

/// The content of `a=fmtp`: `name=value` or bare values between semicolons, spaces allowed anywhere between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormatParameters(String);

impl FormatParameters {
    /// The value of a parameter; names compare without case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .split(';')
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    pub fn number(&self, name: &str) -> Option<u32> {
        self.get(name)?.parse().ok()
    }

    /// `name=1`.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name) == Some("1")
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// RFC 3551 §6, the static numbers of audio that devices use without `a=rtpmap`.
const STATIC_FORMATS: [(u8, &str, u32); 7] = [
    (0, "PCMU", 8000),
    (3, "GSM", 8000),
    (4, "G723", 8000),
    (8, "PCMA", 8000),
    (9, "G722", 8000),
    (13, "CN", 8000),
    (18, "G729", 8000),
];

impl MediaDescription {
    /// The RTP formats, in the order of the `m=` line. Numbers above 127 and dynamic ones without a map are left out.
    pub fn rtp_formats(&self) -> Vec<RtpFormat> {
        self.formats
            .iter()
            .filter_map(|format| format.parse().ok().filter(|number| *number < 128))
            .flat_map(|number| self.meanings_of(number))
            .collect()
    }

    fn meanings_of(&self, payload_type: u8) -> Vec<RtpFormat> {
        let parameters = self.attributes.parameters_of(payload_type);
        let mapped: Vec<RtpFormat> = self
            .attributes
            .values("rtpmap")
            .filter_map(|value| read_rtpmap(value, payload_type, &parameters))
            .collect();
        if !mapped.is_empty() {
            return mapped;
        }
        STATIC_FORMATS
            .iter()
            .filter(|(number, ..)| *number == payload_type)
            .map(|(_, encoding, clock_rate)| RtpFormat {
                payload_type,
                encoding: (*encoding).to_owned(),
                clock_rate: *clock_rate,
                channels: 1,
                parameters: parameters.clone(),
            })
            .collect()
    }
}

impl Attributes {
    /// The packet time that the writer wants to receive; fractions of a millisecond are dropped.
    pub fn ptime(&self) -> Option<Duration> {
        milliseconds(self.value("ptime")?)
    }

    pub fn maxptime(&self) -> Option<Duration> {
        milliseconds(self.value("maxptime")?)
    }

    /// Adds `a=rtpmap`; one channel is not written.
    pub fn push_rtpmap(&mut self, payload_type: u8, encoding: &str, clock_rate: u32, channels: u8) {
        match channels {
            0 | 1 => self.push("rtpmap", format_args!("{payload_type} {encoding}/{clock_rate}")),
            _ => self.push("rtpmap", format_args!("{payload_type} {encoding}/{clock_rate}/{channels}")),
        }
    }

    pub fn push_fmtp(&mut self, payload_type: u8, parameters: &str) {
        self.push("fmtp", format_args!("{payload_type} {parameters}"));
    }

    fn parameters_of(&self, payload_type: u8) -> FormatParameters {
        self.values("fmtp")
            .filter_map(|value| value.split_once(|c: char| c.is_ascii_whitespace()))
            .find(|(number, _)| number.parse() == Ok(payload_type))
            .map(|(_, parameters)| FormatParameters(parameters.trim().to_owned()))
            .unwrap_or_default()
    }
}

/// `96 opus/48000/2`
fn read_rtpmap(value: &str, wanted: u8, parameters: &FormatParameters) -> Option<RtpFormat> {
    let (number, map) = value.split_once(|c: char| c.is_ascii_whitespace())?;
    if number.parse() != Ok(wanted) {
        return None;
    }
    let mut fields = map.trim().split('/').map(str::trim);
    let encoding = fields.next().filter(|encoding| !encoding.is_empty())?.to_owned();
    let clock_rate = fields.next()?.parse().ok().filter(|rate| *rate > 0)?;
    let channels = fields.next().and_then(|channels| channels.parse().ok()).unwrap_or(1);
    Some(RtpFormat { payload_type: wanted, encoding, clock_rate, channels, parameters: parameters.clone() })
}

fn milliseconds(value: &str) -> Option<Duration> {
    let whole = value.trim().split('.').next()?.parse::<u16>().ok()?;
    (whole > 0).then(|| Duration::from_millis(whole.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::Profile;

    fn audio(formats: &str, attributes: &[(&str, &str)]) -> MediaDescription {
        let formats = formats.split(' ').map(str::to_owned).collect();
        let mut media = MediaDescription::new("audio", 4000, Profile::Avp, formats);
        for (name, value) in attributes {
            media.attributes.push(name, value);
        }
        media
    }

    fn names(media: &MediaDescription) -> Vec<String> {
        media
            .rtp_formats()
            .iter()
            .map(|f| format!("{} {}/{}/{}", f.payload_type, f.encoding.to_lowercase(), f.clock_rate, f.channels))
            .collect()
    }

    #[test]
    fn static_numbers_need_no_map() {
        assert_eq!(
            names(&audio("0 8 9 13 97 128 x", &[])),
            ["0 pcmu/8000/1", "8 pcma/8000/1", "9 g722/8000/1", "13 cn/8000/1"]
        );
    }

    #[test]
    fn maps_are_read_in_any_case_and_override_static_numbers() {
        let media = audio("96 0", &[("RTPMAP", "96 OPUS/48000/2"), ("rtpmap", "0 iLBC/8000")]);
        assert_eq!(names(&media), ["96 opus/48000/2", "0 ilbc/8000/1"]);
    }

    #[test]
    fn broken_maps_are_passed_over() {
        let media = audio(
            "96 97 98 0",
            &[("rtpmap", "96 opus"), ("rtpmap", "97"), ("rtpmap", "98 x/0"), ("rtpmap", "0 PCMU/many")],
        );
        assert_eq!(names(&media), ["0 pcmu/8000/1"]);
    }

    #[test]
    fn two_maps_of_one_number_are_both_told() {
        let media = audio("101", &[("rtpmap", "101 telephone-event/16000"), ("rtpmap", "101 telephone-event/8000")]);
        assert_eq!(names(&media), ["101 telephone-event/16000/1", "101 telephone-event/8000/1"]);
    }

    #[test]
    fn parameters_stand_spaces_and_case() {
        let media = audio(
            "96",
            &[("rtpmap", "96 opus/48000/2"), ("fmtp", "96  maxAverageBitrate=20000 ; useinbandfec = 1; stereo;foo=1")],
        );
        let parameters = &media.rtp_formats()[0].parameters;
        assert_eq!(parameters.number("maxaveragebitrate"), Some(20_000));
        assert!(parameters.is_on("useinbandfec"));
        assert_eq!(parameters.get("stereo"), None);
    }

    #[test]
    fn packet_times_are_whole_milliseconds() {
        let media = audio("0", &[("ptime", "30.5"), ("maxptime", "0")]);
        assert_eq!(media.attributes.ptime(), Some(Duration::from_millis(30)));
        assert_eq!(media.attributes.maxptime(), None);
    }
}
