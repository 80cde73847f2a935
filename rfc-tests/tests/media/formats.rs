//! RFC 7587, RFC 4733 and the formats of real phones: what is answered, and that it can be heard.

use anyhow::{Context, ensure};
use plenary_media::plan::AudioCodec;
use rfc_tests::coverage::covers;
use rfc_tests::raw::Answer;
use rfc_tests::raw_media::RawMedia;
use rfc_tests::raw_phone::RawPhone;

use crate::{House, InCall, TONE, WITHIN, attributes, house};

fn opus() -> anyhow::Result<RawMedia> {
    RawMedia::speaking(AudioCodec::Opus, 111, TONE)
}

fn answer_to(house: &House, audio: &str, lines: &str) -> anyhow::Result<Answer> {
    let mut phone = RawPhone::guest(&house.server, "phone")?;
    Ok(phone.ask(phone.request("INVITE", &house.echo, "", &RawMedia::new(TONE)?.sdp(audio, lines)))?.1)
}

/// RFC 7587 §7; T-46: the same codec however it is written.
#[test]
fn opus_is_answered_in_its_legal_form() -> anyhow::Result<()> {
    let claims = (
        covers(["7587-01", "7587-03"]).pending(),
        covers(["T-46"]).but("gaps of DTX, which another test has").pending(),
    );
    let house = house()?;
    for (mapped, rest) in [
        ("opus/48000/2", "a=fmtp:111 foo=1; stereo=1; sprop-stereo=1\r\n"),
        ("opus/48000", "a=fmtp:111  minptime=10;  useinbandfec=1 ;\r\na=ptime:60\r\n"),
        ("opus/48000/1", ""),
        ("opus/16000", "a=fmtp:111 usedtx=1\r\n"),
        ("OPUS/48000/2", ""),
    ] {
        let lines = format!("a=rtpmap:111 {mapped}\r\n{rest}");
        let InCall { mut media, answer, .. } = house.call(&house.echo, opus()?, "RTP/AVP 111", &lines)?;
        ensure!(attributes(&answer.0, "rtpmap").contains(&"111 opus/48000/2"), "{mapped}: {}", answer.0);
        ensure!(!answer.0.contains("foo") && !answer.0.contains("sprop"), "{mapped}: {}", answer.0);
        if !rest.contains("ptime:60") {
            media.hears(TONE).map_err(|error| error.context(mapped))?;
        }
    }
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

/// RFC 7587 §6.1: what the receiver wishes is kept by the sender.
#[test]
fn opus_keeps_below_the_bitrate_that_the_phone_wants() -> anyhow::Result<()> {
    let claims = (
        covers(["7587-02"]).but("maxplaybackrate, stereo and usedtx are not measured").pending(),
        covers(["7587-04"]).but("packets of other lengths than 20 ms").pending(),
    );
    let house = house()?;
    let mut before = f64::MAX;
    for wish in ["", ";maxaveragebitrate=20000", ";maxaveragebitrate=8000;cbr=1"] {
        let lines = format!("a=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=0{wish}\r\n");
        let InCall { mut media, answer, .. } = house.call(&house.echo, opus()?, "RTP/AVP 111", &lines)?;
        ensure!(!answer.0.contains("maxaveragebitrate") && !answer.0.contains("cbr"), "not copied: {}", answer.0);
        media.hears(TONE)?;
        let heard = media.talk(100)?;
        let octets: usize = heard.iter().map(|packet| packet.payload.len()).sum();
        let rate = octets as f64 * 8.0 * 50.0 / heard.len() as f64;
        let most = wish.split(['=', ';']).find_map(|word| word.parse::<f64>().ok()).unwrap_or(100_000.0);
        ensure!(rate <= most * 1.05 && rate < before, "{wish}: {rate:.0} bit/s");
        before = rate;
        house.ensure_steady(&heard, 960).context("48 kHz units")?;
    }
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

#[test]
fn odd_lists_of_formats_get_the_answer_that_works() -> anyhow::Result<()> {
    let claims = (
        covers(["T-45", "T-66", "T-68", "5761-02"]).pending(),
        covers(["T-43", "T-44"]).but("durations, which the test of keys has").pending(),
        covers(["T-48"]).but("codecs with modes, which are not built").pending(),
        covers(["T-62"]).pending(),
    );
    let house = house()?;
    let keys = "a=rtpmap:101 telephone-event/8000\r\n";
    let two = answer_to(&house, "RTP/AVP 0 101", &format!("a=rtpmap:101 telephone-event/16000\r\n{keys}"))?;
    ensure!(attributes(&two.0, "rtpmap").contains(&"101 telephone-event/8000"), "T-45: {}", two.0);

    let beside = answer_to(&house, "RTP/AVP 111 101", &format!("a=rtpmap:111 opus/48000/2\r\n{keys}"))?;
    ensure!(attributes(&beside.0, "rtpmap").contains(&"101 telephone-event/8000"), "T-43: {}", beside.0);
    let several = format!("a=rtpmap:111 opus/48000/2\r\na=rtpmap:110 telephone-event/48000\r\n{keys}");
    let both = answer_to(&house, "RTP/AVP 111 0 110 101", &several)?;
    let listed = attributes(&both.0, "rtpmap").join(" ");
    ensure!(listed.contains("110 telephone-event/48000") && listed.contains("101 telephone-event/8000"), "{}", both.0);

    let twice = "a=rtpmap:96 G7221/16000\r\na=fmtp:96 bitrate=32000\r\na=rtpmap:97 G7221/16000\r\n\
                 a=fmtp:97 bitrate=24000\r\na=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\n";
    let known = answer_to(&house, "RTP/AVP 96 97 18 8", twice)?;
    ensure!(known.0.contains("RTP/AVP 8\r\n"), "T-48: {}", known.0);

    for (audio, lines) in [
        ("RTP/AVP 101", keys),
        ("RTP/AVP 13", ""),
        ("RTP/AVP 121 13 101", "a=rtpmap:121 red/8000\r\na=rtpmap:101 telephone-event/8000\r\n"),
    ] {
        let none = answer_to(&house, audio, lines)?;
        ensure!(none.status() == 488, "T-68: {audio}: {}", none.0);
    }
    let InCall { mut phone, mut dialog, mut media, .. } =
        house.call(&house.echo, RawMedia::new(TONE)?, "RTP/AVP 0", "")?;
    let fax = media.sdp("RTP/AVP 0", "").replace("m=audio", "m=image").replace("RTP/AVP 0", "udptl t38");
    let refused = phone.invite_again(&mut dialog, &fax)?;
    ensure!(refused.status() == 488, "T-66: {}", refused.0);
    media.hears(TONE)?;

    let (_, offer) = phone.ask(phone.request("INVITE", &house.echo, "", ""))?;
    let numbers = offer.0.lines().find_map(|line| line.strip_prefix("m=audio ")).unwrap_or_default();
    let taken = numbers.split(' ').skip(2).filter_map(|number| number.parse::<u8>().ok());
    ensure!(taken.clone().count() >= 4 && taken.clone().all(|number| !(64..96).contains(&number)), "{numbers}");
    ensure!(!offer.0.contains("rtx") && !offer.0.contains("fec/"), "T-62: {}", offer.0);
    for claim in [claims.0, claims.1, claims.2, claims.3] {
        claim.proven();
    }
    Ok(())
}

/// T-47: any number of the answer at any time; what the server sends stays the first of it.
#[test]
fn any_agreed_codec_is_understood_at_any_time() -> anyhow::Result<()> {
    let claim = covers(["T-47"]).pending();
    let house = house()?;
    let InCall { mut media, answer, .. } =
        house.call(&house.echo, RawMedia::speaking(AudioCodec::Pcma, 8, TONE)?, "RTP/AVP 0 8 9", "")?;
    ensure!(answer.0.contains("RTP/AVP 9 8 0\r\n"), "our order: {}", answer.0);
    for (codec, payload_type) in [(AudioCodec::Pcma, 8), (AudioCodec::Pcmu, 0), (AudioCodec::G722, 9)] {
        let mut other = RawMedia::speaking(codec, payload_type, TONE)?;
        let heard = media.meanwhile(60, |media, _| {
            let payload = other.packet()?.payload;
            let mut packet = media.packet_of(payload);
            packet.payload_type = payload_type;
            media.send(&packet)
        })?;
        ensure!(heard.iter().all(|packet| packet.payload_type == 9), "the first of the answer");
        let level = RawMedia::speaking(AudioCodec::G722, 9, TONE)?.level(&heard[30..], TONE)?;
        ensure!(level > -30.0, "{codec:?}: {level:.1} dBFS");
    }
    claim.proven();
    Ok(())
}

/// RFC 4733 §2.5.2.2: one press, though its end was lost, and though it came in many packets.
#[test]
fn a_press_counts_once_and_is_not_heard() -> anyhow::Result<()> {
    let claims = (
        covers(["4733-01"]).pending(),
        covers(["4733-06"]).but("tones in the voice, which the engine's tests have").pending(),
    );
    let house = house()?;
    let keys = "a=rtpmap:101 telephone-event/8000\r\n";
    let mut listener = house.call(&house.conference, RawMedia::new(TONE)?, "RTP/AVP 0", "")?;
    let mut call = house.call(&house.conference, RawMedia::new(TONE)?, "RTP/AVP 0 101", keys)?;
    house.api.wait_for_state("3001", "connected", 2, WITHIN)?;
    call.media.talk(5)?;
    let heard = std::thread::scope(|scope| {
        let listening = scope.spawn(|| listener.media.meanwhile(100, |_, _| Ok(())));
        // `*` with its end, three times over; `9` whose end is lost.
        for (key, ends) in [(10, true), (9, false)] {
            let began = call.media.next.timestamp;
            call.media.meanwhile(10, |media, frame| {
                let end = ends && frame >= 7;
                let duration = (160 * (frame.min(7) + 1)) as u16;
                let [high, low] = duration.to_be_bytes();
                let mut packet = media.packet_of(vec![key, if end { 0x8a } else { 0x0a }, high, low]);
                (packet.payload_type, packet.timestamp, packet.marker) = (101, began, frame == 0);
                media.send(&packet)
            })?;
            call.media.meanwhile(15, |_, _| Ok(()))?;
        }
        listening.join().expect("no panic")
    })?;
    for hertz in [852.0, 941.0, 1_209.0, 1_477.0] {
        let level = listener.media.level(&heard, hertz)?;
        ensure!(level < -60.0, "{hertz} Hz at {level:.1} dBFS");
    }
    rfc_tests::deadline::wait_for("a raised hand", WITHIN, || {
        let people = house.api.participants("3001").ok()?;
        (people.iter().filter(|person| person["hand_raised"] == true).count() == 1).then_some(())
    })?;
    claims.0.proven();
    claims.1.proven();
    Ok(())
}
