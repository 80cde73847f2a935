//! RFC 3264: offer and answer, as the conference negotiates on the wire.

use plenary::conference::ParticipantState;
use plenary_sip::sdp::SessionDescription;
use rfc_tests::coverage::covers;
use rfc_tests::net::Net;

const SESSION: &str = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n";

fn offering(seed: u64, media: &str) -> Net {
    let mut net = Net::with_seed(seed);
    net.stranger("uma").describes(&format!("{SESSION}{media}"));
    net.focus("conf-7");
    net
}

/// What the conference said last.
fn said(net: &Net) -> SessionDescription {
    let text = net.passages().iter().rev().find(|passage| passage.from == 1).map(|passage| passage.text());
    let text = text.unwrap_or_default();
    let (_, body) = text.split_once("\n\n").expect("a body");
    SessionDescription::parse(body.as_bytes()).expect("we can read what we print")
}

/// What was said in this passage.
fn said_at(net: &Net, passage: usize) -> SessionDescription {
    let text = net.passages()[passage].text();
    let (_, body) = text.split_once("\n\n").expect("a body");
    SessionDescription::parse(body.as_bytes()).expect("readable")
}

fn joins(net: &mut Net) {
    net.plays(
        "
        uma                    conf-7
         |----INVITE (offer)----->|
         |<---200 OK (answer)-----|
         |----ACK---------------->|
    ",
    );
}

/// §6.
#[test]
fn every_offered_stream_has_its_place_in_the_answer() {
    let _proven = covers(["3264-01"]);
    let media = "m=audio 4000 RTP/AVP 4\nm=video 4002 RTP/AVP 96\na=rtpmap:96 H264/90000\nm=audio 4004 RTP/AVP 0\n\
                 m=application 4006 UDP/BFCP *\nm=dance 4008 RTP/AVP 0";
    let mut net = offering(32641, media);
    joins(&mut net);
    let answered: Vec<_> = said(&net).media.iter().map(|media| (media.kind.clone(), media.port != 0)).collect();
    let expected = ["audio", "video", "audio", "application", "dance"].map(String::from);
    assert_eq!(answered, expected.into_iter().zip([false, false, true, false, false]).collect::<Vec<_>>());
}

/// §6.1.
#[test]
fn the_answer_complements_the_direction_of_the_offer() {
    let _proven = covers(["3264-02"]);
    for session in ["", "sendrecv", "sendonly", "recvonly", "inactive"] {
        for media in ["", "sendrecv", "sendonly", "recvonly", "inactive"] {
            let line = |direction: &str| if direction.is_empty() { String::new() } else { format!("a={direction}\n") };
            let offered = [media, session, "sendrecv"].into_iter().find(|said| !said.is_empty()).unwrap_or_default();
            let expected = match offered {
                "sendonly" => "recvonly",
                "recvonly" => "sendonly",
                other => other,
            };
            let mut net = offering(32642, &format!("{}m=audio 4000 RTP/AVP 0\n{}", line(session), line(media)));
            joins(&mut net);
            let text = net.passages()[1].text();
            let direction = text.lines().find_map(|line| match line {
                "a=sendrecv" | "a=sendonly" | "a=recvonly" | "a=inactive" => line.strip_prefix("a="),
                _ => None,
            });
            assert_eq!(direction.unwrap_or("sendrecv"), expected, "session {session:?}, media {media:?}");
        }
    }
}

/// §8: the version of o= rises by one exactly when something changed.
#[test]
fn the_version_rises_with_every_change_and_with_nothing_else() {
    let _proven = covers(["3264-04"]);
    let mut net = offering(32644, "m=video 4002 RTP/AVP 96\nm=audio 4000 RTP/AVP 0\n");
    joins(&mut net);
    let version = |net: &Net| said(net).origin.version;
    let first = version(&net);
    let mut again = |media: &str| {
        net.stranger("uma").describes(&format!("{SESSION}{media}"));
        net.plays(
            "
        uma                    conf-7
         |----INVITE (offer)----->|
         |<---200 OK (answer)-----|
         |----ACK---------------->|
    ",
        );
        let said = said(&net);
        let places: Vec<_> = said.media.iter().map(|media| format!("{} {}", media.kind, media.port.min(1))).collect();
        (said.origin.version, places.join(", "))
    };
    let refused = |version: u64| (version, "video 0, audio 1".to_owned());
    assert_eq!(again("m=video 4002 RTP/AVP 96\nm=audio 4000 RTP/AVP 0\n"), refused(first));
    assert_eq!(again("m=video 0 RTP/AVP 96\nm=audio 4000 RTP/AVP 0\na=sendonly\n"), refused(first + 1));
    assert_eq!(again("m=video 0 RTP/AVP 96\nm=audio 4000 RTP/AVP 0\na=sendonly\n"), refused(first + 1));
    assert_eq!(again("m=video 0 RTP/AVP 96\nm=audio 4000 RTP/AVP 0\n"), refused(first + 2));
    // §8.1: a stream is added behind the others, and taken away again: its place stays.
    let added = "m=video 0 RTP/AVP 96\nm=audio 4000 RTP/AVP 0\nm=application 4006 UDP/BFCP *\n";
    assert_eq!(again(added), (first + 3, "video 0, audio 1, application 0".into()));
    let gone = added.replace("4006", "0");
    assert_eq!(again(&gone), (first + 3, "video 0, audio 1, application 0".into()), "it was refused anyway");
    // The audio moves into a place that was free, and its own becomes free (§8.2, §8.1).
    let moved = "m=audio 4010 RTP/AVP 0\nm=audio 0 RTP/AVP 0\nm=application 0 UDP/BFCP *\n";
    assert_eq!(again(moved), (first + 4, "audio 1, audio 0, application 0".into()));
    net.plays(
        "
        uma                    conf-7
         |----INVITE (no SDP)---->|
         |<---200 OK (offer)------|
    ",
    );
    let ours = said(&net);
    let ports: Vec<_> = ours.media.iter().map(|media| (media.kind.as_str(), media.port != 0)).collect();
    assert_eq!(ports, [("audio", true), ("audio", false), ("application", false)], "our own offer keeps all places");
    assert_eq!(ours.origin.version, first + 5, "it lists all codecs");
}

/// §8.4 and the older way of RFC 2543.
#[test]
fn all_three_ways_to_hold_hold_and_an_offer_resumes() {
    let _proven = covers(["3264-05", "T-01"]).but("whether media stops: real sockets");
    for hold in ["a=sendonly\n", "a=inactive\n", "c=IN IP4 0.0.0.0\n"] {
        let mut net = offering(32645, "m=audio 4000 RTP/AVP 0\n");
        joins(&mut net);
        let mut state_after = |media: String| {
            net.stranger("uma").describes(&format!("{SESSION}{media}"));
            joins(&mut net);
            net.focus("conf-7").participant("uma").state
        };
        assert_eq!(state_after(format!("m=audio 4000 RTP/AVP 0\n{hold}")), ParticipantState::OnHold, "{hold}");
        assert_eq!(state_after("m=audio 4000 RTP/AVP 0\n".into()), ParticipantState::Connected, "{hold}");
    }
}

/// §6.
#[test]
fn no_codec_in_common_is_refused_and_one_is_enough() {
    let _proven = covers(["3264-07"]);
    let mut net = offering(32647, "m=audio 4000 RTP/AVP 4\n");
    net.plays(
        "
        uma                    conf-7
         |----INVITE (offer)----->|
         |<---488 Not Acceptable--|  Warning has 305
         |----ACK---------------->|
    ",
    );
    let mut net = offering(32648, "m=audio 4000 RTP/AVP 4 18 8\nm=video 4002 RTP/AVP 96\n");
    joins(&mut net);
    assert_eq!((&said(&net).media[0].formats, said(&net).media[1].port), (&vec!["8".to_owned()], 0));
}

/// RFC 8866 §5, §6.6, §9: what devices get wrong, and static payloads without rtpmap.
#[test]
fn sloppy_descriptions_are_read() {
    let _proven = covers(["8866-04", "5939-01"]);
    for media in [
        "m=audio 4000 RTP/AVP 0 8 9\n",
        "m=audio 4000 RTP/AVP 96\na=rtpmap:96 OPUS/48000/2\n",
        "a=acap:1 crypto:1 x\na=tcap:1 RTP/SAVP\nm=audio 4000 RTP/AVP 0\na=pcfg:1 a=1 t=1\n",
    ] {
        let mut net = offering(8866, media);
        joins(&mut net);
        assert!(!net.passages()[1].text().contains("acfg"));
        assert_eq!(net.focus("conf-7").present(), ["uma"], "{media}");
    }
}

/// RFC 8866 §5.7.
#[test]
fn a_description_without_a_usable_address_is_refused() {
    let _proven = covers(["8866-02"]).but("where media then goes: unit tests of the negotiation");
    for description in [
        "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nt=0 0\nm=audio 4000 RTP/AVP 0\n",
        "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 media.example\nt=0 0\nm=audio 4000 RTP/AVP 0\n",
    ] {
        let mut net = Net::with_seed(88662);
        net.stranger("uma").describes(description);
        net.focus("conf-7");
        net.plays(
            "
        uma                    conf-7
         |----INVITE (offer)----->|
         |<---488 Not Acceptable--|  Warning has 301
         |----ACK---------------->|
    ",
        );
    }
}

/// §6.1 and §8.3.2: the offerer's numbers are used towards it, and a number never comes to mean something else.
#[test]
fn numbers_are_those_of_the_offer_and_keep_their_meaning() {
    let _proven = covers(["3264-03"]);
    let mut net =
        offering(32643, "m=audio 4000 RTP/AVP 120 96 0\na=rtpmap:120 opus/48000/2\na=rtpmap:96 telephone-event/8000\n");
    joins(&mut net);
    let meanings = |net: &Net| {
        let audio = said(net).media.remove(0);
        let maps = audio.attributes.values("rtpmap").map(str::to_owned);
        let mut maps: Vec<_> = maps.filter(|map| map.contains("opus") || map.contains("telephone-event")).collect();
        maps.sort();
        maps
    };
    assert_eq!(meanings(&net), ["120 opus/48000/2", "96 telephone-event/8000"]);
    // Its own usual number for Opus is 96, which is taken for good.
    net.plays(
        "
        uma                    conf-7
         |----INVITE (no SDP)---->|
         |<---200 OK (offer)------|
         |----ACK (answer)------->|
    ",
    );
    let offered = said_at(&net, 4);
    let maps: Vec<_> = offered.media[0].attributes.values("rtpmap").filter(|map| map.starts_with("96 ")).collect();
    assert_eq!(maps, ["96 telephone-event/8000"]);
    assert!(offered.media[0].attributes.values("rtpmap").any(|map| map == "120 opus/48000/2"));
}
