//! Which packets of an offered bundle are the audio's: RFC 9143 §9.2, §15 (the header extension with the MID).
//!
//! The other media of the offer are refused. A browser may send some of theirs before it has read that, and Chrome its
//! probes.

use plenary_media::plan::Bundle;
use plenary_media::rtp::Ssrc;
use plenary_sip::sdp::{Attributes, MediaDescription, SessionDescription};

const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

/// Whether the offer has this line in a bundle (§7.3).
pub(super) fn is_bundled(offer: &SessionDescription, mid: &str) -> bool {
    members(offer, mid).next().is_some()
}

/// How the audio is told from the rest; `None` where it stands in no bundle.
pub(super) fn read(offer: &SessionDescription, audio: &MediaDescription) -> Option<Bundle> {
    let mid = audio.attributes.value("mid")?;
    let members: Vec<&str> = members(offer, mid).collect();
    let is_other = |media: &&MediaDescription| {
        media.attributes.value("mid").is_some_and(|other| other != mid && members.contains(&other))
    };
    let others = offer.media.iter().filter(is_other).flat_map(|media| ssrcs(&media.attributes)).collect();
    let (mid_extension, names_ours) = extension(&audio.attributes, mid).unzip();
    (!members.is_empty()).then(|| Bundle {
        mid_extension,
        names_ours: names_ours == Some(true),
        mid: mid.to_owned(),
        audio: ssrcs(&audio.attributes),
        others,
    })
}

/// Answers that packets name their medium. Chrome plays nothing that does not, once this stands in an answer: it looks
/// for the payload type no more.
pub(super) fn describe(bundle: Option<&Bundle>, attributes: &mut Attributes) {
    let Some(bundle) = bundle else { return };
    if let Some(id) = bundle.mid_extension {
        let direction = if bundle.names_ours { "" } else { "/recvonly" };
        attributes.push("extmap", format!("{id}{direction} {MID}"));
    }
}

/// The lines of the bundle that this one is in.
fn members<'a>(offer: &'a SessionDescription, mid: &str) -> impl Iterator<Item = &'a str> {
    let groups = offer.attributes.values("group").map(|group| group.split_ascii_whitespace());
    let mut bundles = groups.filter_map(|mut words| (words.next() == Some("BUNDLE")).then_some(words));
    bundles.find(|words| words.clone().any(|member| member == mid)).into_iter().flatten()
}

/// The identifier, and whether the peer wants our packets to have it too.
fn extension(attributes: &Attributes, mid: &str) -> Option<(u8, bool)> {
    attributes.values("extmap").find_map(|value| {
        let mut words = value.split_ascii_whitespace();
        let (entry, uri) = (words.next()?, words.next()?);
        let (id, direction) = entry.split_once('/').unwrap_or((entry, "sendrecv"));
        let id = id.parse::<u8>().ok().filter(|id| *id > 0)?;
        let fits = (1..=14).contains(&id) && (1..=16).contains(&mid.len());
        (uri == MID && direction.starts_with("send")).then_some((id, direction == "sendrecv" && fits))
    })
}

/// `a=ssrc`, each once; those of repairs too, which are of the same medium.
fn ssrcs(attributes: &Attributes) -> Vec<Ssrc> {
    let mut ssrcs = Vec::new();
    for value in attributes.values("ssrc") {
        let number = value.split_ascii_whitespace().next().and_then(|word| word.parse().ok().map(Ssrc));
        if let Some(ssrc) = number.filter(|ssrc| !ssrcs.contains(ssrc)) {
            ssrcs.push(ssrc);
        }
    }
    ssrcs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(group: &str) -> SessionDescription {
        let text = format!(
            "v=0\r\n{group}m=audio 4000 RTP/AVP 0\r\na=mid:a\r\na=extmap:4 {MID}\r\na=ssrc:1 cname:x\r\na=ssrc:1 msid:x\r\n\
             m=video 4000 RTP/AVP 96\r\na=mid:v\r\na=ssrc:2 cname:x\r\na=ssrc:3 cname:x\r\n\
             m=video 4002 RTP/AVP 96\r\na=mid:w\r\na=ssrc:9 cname:x\r\n"
        );
        SessionDescription::parse(text.as_bytes()).expect("readable")
    }

    #[test]
    fn the_other_lines_of_the_bundle_are_known_by_their_ssrcs() {
        let of = |group| {
            let offer = offer(group);
            read(&offer, &offer.media[0])
        };
        let bundle = of("a=group:LS a w\r\na=group:BUNDLE v a\r\n").expect("a bundle");
        assert_eq!((bundle.mid_extension, bundle.mid.as_str()), (Some(4), "a"));
        assert_eq!((bundle.audio, bundle.others), (vec![Ssrc(1)], vec![Ssrc(2), Ssrc(3)]));
        assert!(bundle.names_ours);
        assert_eq!((of(""), of("a=group:BUNDLE v w\r\n")), (None, None));
        assert!(is_bundled(&offer("a=group:BUNDLE a\r\n"), "a") && !is_bundled(&offer("a=group:LS a\r\n"), "a"));
    }

    #[test]
    fn our_packets_name_their_medium_where_the_peer_reads_that() {
        for (entry, answered) in
            [("4", Some("4")), ("4/sendonly", Some("4/recvonly")), ("4/recvonly", None), ("15", Some("15/recvonly"))]
        {
            let mut offer = offer("a=group:BUNDLE v a\r\n");
            offer.media[0].attributes = Attributes::default();
            offer.media[0].attributes.push("mid", "a");
            offer.media[0].attributes.push("extmap", format!("{entry} {MID}"));
            let mut answer = Attributes::default();
            describe(read(&offer, &offer.media[0]).as_ref(), &mut answer);
            assert_eq!(answer.value("extmap"), answered.map(|entry| format!("{entry} {MID}")).as_deref(), "{entry}");
        }
    }
}
