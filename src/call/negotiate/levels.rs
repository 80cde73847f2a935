//! Loudness beside the voice, by header extension: RFC 8285 §5 (agreeing), RFC 6464 (each stream's own), RFC 6465
//! (contributors').
//!
//! We offer both, and take both where they are offered; an identifier keeps its meaning as long as the call lasts.
//! Whether the bit for a voice means something (`vad`, RFC 6464 §4: it does unless told otherwise) is as the offer says.
//! Identifiers above 14 need the two-byte form: we read it, also in turns with the other, and do not write it.

use plenary_media::plan::AudioLevels;
use plenary_sip::sdp::Attributes;

const OWN: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
const CONTRIBUTORS: &str = "urn:ietf:params:rtp-hdrext:csrc-audio-level";

/// The peer may put both forms into one stream (RFC 8285 §6).
pub(super) const ALLOW_MIXED: &str = "extmap-allow-mixed";

/// Whether an offer asks for that, of the session or of the medium.
pub(super) fn may_mix(session: &Attributes, media: &Attributes) -> bool {
    session.has(ALLOW_MIXED) || media.has(ALLOW_MIXED)
}

/// What our first offer has.
pub(super) const OFFERED: AudioLevels =
    AudioLevels { peer: Some(1), own: Some(1), voice_bit: true, contributors: Some(2) };

/// What of an offer of ours the answer takes. A bit that the answer does not use says nothing.
pub(super) fn accepted(answered: &Attributes, offered: AudioLevels) -> AudioLevels {
    let answered = read(answered);
    AudioLevels {
        peer: answered.peer.filter(|id| offered.peer == Some(*id)),
        own: answered.own.filter(|id| offered.own == Some(*id)),
        voice_bit: answered.voice_bit && offered.voice_bit,
        contributors: answered.contributors.filter(|id| offered.contributors == Some(*id)),
    }
}

/// The levels that an audio line offers and that its directions allow: the peer's from it, ours and contributors' to it.
pub(super) fn read(offered: &Attributes) -> AudioLevels {
    let mut levels = AudioLevels::default();
    for value in offered.values("extmap") {
        let mut words = value.split_ascii_whitespace();
        let (Some(entry), Some(uri)) = (words.next(), words.next()) else { continue };
        let (id, direction) = entry.split_once('/').unwrap_or((entry, "sendrecv"));
        let Some(id) = id.parse::<u8>().ok().filter(|id| *id > 0) else { continue };
        let sent = direction.starts_with("send").then_some(id);
        let received = Some(id).filter(|id| matches!(direction, "sendrecv" | "recvonly") && *id <= 14);
        match uri {
            OWN if levels.peer.is_none() && levels.own.is_none() => {
                let voice_bit = words.all(|word| word != "vad=off");
                levels = AudioLevels { peer: sent, own: received, voice_bit, ..levels };
            }
            CONTRIBUTORS => levels.contributors = levels.contributors.or(received),
            _ => {}
        }
    }
    levels
}

/// Says what was taken, in our direction.
pub(super) fn describe(levels: AudioLevels, attributes: &mut Attributes) {
    let own = match (levels.peer, levels.own) {
        (Some(id), Some(_)) => Some((id, "")),
        (Some(id), None) => Some((id, "/recvonly")),
        (None, Some(id)) => Some((id, "/sendonly")),
        (None, None) => None,
    };
    if let Some((id, direction)) = own {
        // `vad=on` is what is meant without a word, and some peers can read none.
        let vad = if levels.voice_bit { "" } else { " vad=off" };
        attributes.push("extmap", format!("{id}{direction} {OWN}{vad}"));
    }
    if let Some(id) = levels.contributors {
        attributes.push("extmap", format!("{id}/sendonly {CONTRIBUTORS}"));
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

    /// What is answered to these lines.
    fn answered(lines: &str) -> (AudioLevels, Vec<String>) {
        let levels = read(&offered(lines));
        let mut answer = Attributes::default();
        describe(levels, &mut answer);
        (levels, answer.values("extmap").map(str::to_owned).collect())
    }

    #[test]
    fn levels_are_taken_as_offered_and_answered_with_their_numbers() {
        let (levels, lines) = answered(&format!("a=extmap:3 {OWN} vad=on\r\na=extmap:7/recvonly {CONTRIBUTORS}"));
        let all = AudioLevels { peer: Some(3), own: Some(3), voice_bit: true, contributors: Some(7) };
        assert_eq!(levels, all);
        assert_eq!(lines, [format!("3 {OWN}"), format!("7/sendonly {CONTRIBUTORS}")]);
    }

    /// RFC 6464 §4: the bit says something unless the offer says that it does not.
    #[test]
    fn directions_and_the_bit_for_a_voice_are_as_the_offer_says() {
        for (line, answer) in [
            (format!("a=extmap:3 {OWN}"), format!("3 {OWN}")),
            (format!("a=extmap:3 {OWN} vad=off"), format!("3 {OWN} vad=off")),
            (format!("a=extmap:3/sendonly {OWN}"), format!("3/recvonly {OWN}")),
            (format!("a=extmap:3/recvonly {OWN} vad=off"), format!("3/sendonly {OWN} vad=off")),
            (format!("a=extmap:15 {OWN}"), format!("15/recvonly {OWN}")),
        ] {
            assert_eq!(answered(&line).1, [answer], "{line}");
        }
    }

    #[test]
    fn an_answer_takes_only_what_was_offered_under_its_number() {
        let answer = |lines: &str| accepted(&offered(lines), OFFERED);
        let both = format!("a=extmap:1 {OWN}\r\na=extmap:2/recvonly {CONTRIBUTORS}");
        assert_eq!(answer(&both), OFFERED);
        let without_bit = format!("a=extmap:1/sendonly {OWN} vad=off\r\na=extmap:2/recvonly {CONTRIBUTORS}");
        assert_eq!(answer(&without_bit), AudioLevels { own: None, voice_bit: false, ..OFFERED });
        let renumbered = answer(&format!("a=extmap:3 {OWN}\r\na=extmap:2 {CONTRIBUTORS}"));
        assert_eq!((renumbered.peer, renumbered.own, renumbered.contributors), (None, None, Some(2)));
        assert_eq!(answer("a=ptime:20"), AudioLevels::default());
    }

    #[test]
    fn what_is_not_offered_or_in_the_other_direction_is_not_taken() {
        for lines in [
            "a=extmap:1 urn:ietf:params:rtp-hdrext:toffset".to_owned(),
            format!("a=extmap:1/inactive {OWN} vad=off\r\na=extmap:2/sendonly {CONTRIBUTORS}"),
            format!("a=extmap:15 {CONTRIBUTORS}\r\na=extmap:x {OWN}\r\na=extmap:\r\na=extmap:300 {OWN}"),
        ] {
            assert_eq!(read(&offered(&lines)), AudioLevels::default(), "{lines}");
        }
    }
}
