//! Loudness beside the voice, by header extension: RFC 8285 §5 (agreeing), RFC 6464 (the peer's), RFC 6465 (contributors').
//!
//! We offer both, and take both where they are offered; an identifier keeps its meaning as long as the call lasts.
//! Identifiers above 14 need the two-byte form: we read it, also in turns with the other, and do not write it.

use plenary_media::plan::AudioLevels;
use plenary_sip::sdp::Attributes;

const PEER: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
const CONTRIBUTORS: &str = "urn:ietf:params:rtp-hdrext:csrc-audio-level";

/// The peer may put both forms into one stream (RFC 8285 §6).
pub(super) const ALLOW_MIXED: &str = "extmap-allow-mixed";

/// Whether an offer asks for that, of the session or of the medium.
pub(super) fn may_mix(session: &Attributes, media: &Attributes) -> bool {
    session.has(ALLOW_MIXED) || media.has(ALLOW_MIXED)
}

/// What our first offer has.
pub(super) const OFFERED: AudioLevels = AudioLevels { peer: Some(1), contributors: Some(2) };

/// What of an offer of ours the answer takes.
pub(super) fn accepted(answered: &Attributes, offered: AudioLevels) -> AudioLevels {
    let answered = read(answered);
    AudioLevels {
        peer: answered.peer.filter(|id| offered.peer == Some(*id)),
        contributors: answered.contributors.filter(|id| offered.contributors == Some(*id)),
    }
}

/// The levels that an audio line offers and that its directions allow: the peer's from it, contributors' to it.
pub(super) fn read(offered: &Attributes) -> AudioLevels {
    let mut levels = AudioLevels::default();
    for value in offered.values("extmap") {
        let mut words = value.split_ascii_whitespace();
        let (Some(entry), Some(uri)) = (words.next(), words.next()) else { continue };
        let (id, direction) = entry.split_once('/').unwrap_or((entry, "sendrecv"));
        let Ok(id) = id.parse::<u8>() else { continue };
        let (sends, receives) = (direction.starts_with("send"), matches!(direction, "sendrecv" | "recvonly"));
        match uri {
            PEER if sends && id > 0 => levels.peer = levels.peer.or(Some(id)),
            CONTRIBUTORS if receives && (1..=14).contains(&id) => {
                levels.contributors = levels.contributors.or(Some(id));
            }
            _ => {}
        }
    }
    levels
}

/// Answers what was taken, in our direction.
pub(super) fn describe(levels: AudioLevels, attributes: &mut Attributes) {
    for (id, direction, uri) in [(levels.peer, "recvonly", PEER), (levels.contributors, "sendonly", CONTRIBUTORS)] {
        id.into_iter().for_each(|id| attributes.push("extmap", format!("{id}/{direction} {uri}")));
    }
}

#[cfg(test)]
mod tests {
    use plenary_sip::sdp::SessionDescription;

    use super::*;

    fn offered(lines: &str) -> Attributes {
        let text = format!("v=0\r\nm=audio 4000 RTP/AVP 0\r\n{lines}\r\n");
        SessionDescription::parse(text.as_bytes()).expect("readable").media.remove(0).attributes
    }

    #[test]
    fn levels_are_taken_as_offered_and_answered_with_their_numbers() {
        let levels = read(&offered(&format!("a=extmap:3 {PEER} vad=on\r\na=extmap:7/recvonly {CONTRIBUTORS}")));
        assert_eq!(levels, AudioLevels { peer: Some(3), contributors: Some(7) });
        let mut answer = Attributes::default();
        describe(levels, &mut answer);
        let lines: Vec<&str> = answer.values("extmap").collect();
        assert_eq!(lines, [format!("3/recvonly {PEER}"), format!("7/sendonly {CONTRIBUTORS}")]);
    }

    #[test]
    fn an_answer_takes_only_what_was_offered_under_its_number() {
        let answer = |lines: &str| accepted(&offered(lines), OFFERED);
        let both = format!("a=extmap:1/sendonly {PEER}\r\na=extmap:2/recvonly {CONTRIBUTORS}");
        assert_eq!(answer(&both), OFFERED);
        let renumbered = format!("a=extmap:3 {PEER}\r\na=extmap:2 {CONTRIBUTORS}");
        assert_eq!(answer(&renumbered), AudioLevels { peer: None, ..OFFERED });
        assert_eq!(answer("a=ptime:20"), AudioLevels::default());
    }

    #[test]
    fn what_is_not_offered_or_in_the_other_direction_is_not_taken() {
        for lines in [
            "a=extmap:1 urn:ietf:params:rtp-hdrext:toffset".to_owned(),
            format!("a=extmap:1/recvonly {PEER}\r\na=extmap:2/sendonly {CONTRIBUTORS}"),
            format!("a=extmap:15 {CONTRIBUTORS}\r\na=extmap:x {PEER}\r\na=extmap:\r\na=extmap:300 {PEER}"),
        ] {
            assert_eq!(read(&offered(&lines)), AudioLevels::default(), "{lines}");
        }
    }
}
