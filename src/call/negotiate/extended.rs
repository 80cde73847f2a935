//! Extended reports: `a=rtcp-xr`, RFC 3611 §5.
//!
//! Each side names what it wants to be told. Ours wants VoIP metrics, and in an answer the round trip of who only listens;
//! an answer has the line only where the offer had it (§5.2). What a peer asks for that we do not have is left out.

use plenary_media::plan::ExtendedReports;
use plenary_sip::sdp::Attributes;

const NAME: &str = "rtcp-xr";
const ROUND_TRIP: &str = "rcvr-rtt";
const STATISTICS: &str = "stat-summary";
const VOIP_METRICS: &str = "voip-metrics";

/// What the peer's description wants: a line of the medium goes before one of the session (§5.1).
pub(super) fn read(session: &Attributes, media: &Attributes) -> Option<ExtendedReports> {
    let line =
        |attributes: &Attributes| attributes.value(NAME).map(str::to_owned).or(attributes.has(NAME).then(String::new));
    let line = line(media).or_else(|| line(session))?;
    let mut wanted = ExtendedReports::default();
    for format in line.split_ascii_whitespace() {
        match format.split('=').next().unwrap_or_default() {
            ROUND_TRIP => wanted.round_trip = true,
            STATISTICS => wanted.statistics = true,
            VOIP_METRICS => wanted.voip_metrics = true,
            _ => {}
        }
    }
    Some(wanted)
}

/// What we want, in an offer. It is short: an INVITE over UDP has little room, and who hears us sends receiver reports.
pub(super) fn offer(attributes: &mut Attributes) {
    attributes.push(NAME, VOIP_METRICS);
}

/// What we want, in the answer to an offer that wants this: the round trip only if both do (§5.2).
pub(super) fn answer(offered: Option<ExtendedReports>, attributes: &mut Attributes) {
    match offered {
        Some(ExtendedReports { round_trip: true, .. }) => {
            attributes.push(NAME, format!("{ROUND_TRIP}=all {VOIP_METRICS}"))
        }
        Some(_) => offer(attributes),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use plenary_sip::sdp::SessionDescription;

    use super::*;

    fn wanted(session: &str, media: &str) -> Option<ExtendedReports> {
        let text = format!("v=0\r\n{session}m=audio 4000 RTP/AVP 0\r\n{media}");
        let description = SessionDescription::parse(text.as_bytes()).expect("readable");
        read(&description.attributes, &description.media[0].attributes)
    }

    #[test]
    fn what_is_known_is_taken_and_the_rest_left() {
        let all = ExtendedReports { round_trip: true, statistics: true, voip_metrics: true };
        let none = ExtendedReports::default();
        for (session, media, expected) in [
            ("", "", None),
            ("", "a=rtcp-xr:pkt-loss-rle=100 rcvr-rtt=all:10 stat-summary=loss,jitt voip-metrics\r\n", Some(all)),
            ("a=rtcp-xr:voip-metrics\r\n", "", Some(ExtendedReports { voip_metrics: true, ..none })),
            (
                "a=rtcp-xr:voip-metrics\r\n",
                "a=rtcp-xr:rcvr-rtt=sender\r\n",
                Some(ExtendedReports { round_trip: true, ..none }),
            ),
            ("", "a=rtcp-xr\r\n", Some(none)),
            ("", "a=rtcp-xr:voip-metricsx =voip-metrics\r\n", Some(none)),
        ] {
            assert_eq!(wanted(session, media), expected, "{session}{media}");
        }
    }

    #[test]
    fn an_answer_asks_only_who_asked() {
        let answered = |offered| {
            let mut attributes = Attributes::default();
            answer(offered, &mut attributes);
            attributes.value(NAME).map(str::to_owned)
        };
        assert_eq!(answered(None), None);
        let none = ExtendedReports::default();
        assert_eq!(answered(Some(none)).as_deref(), Some("voip-metrics"));
        let both = Some(ExtendedReports { round_trip: true, ..none });
        assert_eq!(answered(both).as_deref(), Some("rcvr-rtt=all voip-metrics"));
    }
}
