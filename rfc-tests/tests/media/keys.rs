//! RFC 4733 and INFO: keys that the server passes on, and keys that come in more than one way.

use std::time::Duration;

use anyhow::{Context, ensure};
use plenary_media::codec::{Encoded, Encoder, make_encoder};
use plenary_media::plan::{AudioCodec, OpusWishes};
use plenary_media::tone;
use rfc_tests::coverage::covers;
use rfc_tests::deadline::wait_for;
use rfc_tests::raw_media::{RawMedia, RawRtp};
use rfc_tests::raw_phone::{RawDialog, RawPhone};
use serde_json::json;

use crate::{House, InCall, OTHER_TONE, TONE, WITHIN, house};

/// Of the calling phone.
const EVENTS: u8 = 101;
const EVENTS_8K: &str = "a=rtpmap:101 telephone-event/8000\r\n";
const OPUS: &str = "a=rtpmap:96 opus/48000/2\r\n";

/// Alice, who has called Bob through the server.
struct Pair {
    alice: RawPhone,
    dialog: RawDialog,
    said: RawMedia,
    heard: RawMedia,
    _bob: RawPhone,
}

/// `answer`: Bob's formats and what follows them.
fn pair(house: &House, (answer, lines): (&str, &str), mut heard: RawMedia) -> anyhow::Result<Pair> {
    let name = |of: &str| format!("{of}{}", heard.port());
    let mut alice = RawPhone::new(&house.server, &house.api, &name("alice"))?;
    let mut bob = RawPhone::new(&house.server, &house.api, &name("bob"))?;
    bob.register()?;
    let mut said = RawMedia::new(TONE)?;
    let call = alice.request("INVITE", &bob.address(), "", &said.sdp("RTP/AVP 0 101", EVENTS_8K));
    let (dialog, answered) = std::thread::scope(|scope| {
        let picking_up = scope.spawn(|| {
            let invite = bob.expect("INVITE")?;
            heard.follow(&invite)?;
            bob.answer(&invite, "200 OK", "", &heard.sdp(answer, lines))?;
            bob.expect("ACK")
        });
        let called = alice.join_by(call)?;
        picking_up.join().expect("no panic")?;
        Ok::<_, anyhow::Error>(called)
    })?;
    said.follow(&answered.0)?;
    said.talk(5)?;
    ensure!(heard.hear(WITHIN)?.is_some(), "sound for the one who is called");
    heard.drain()?;
    Ok(Pair { alice, dialog, said, heard, _bob: bob })
}

/// A press as events: `units` of 8 kHz, in segments where it is long, with its end three times.
fn press(media: &mut RawMedia, code: u8, units: u32, each: Duration) -> anyhow::Result<()> {
    let began = media.next.timestamp;
    let (mut told, mut segment, mut ends) = (0, 0, 0);
    while ends < 3 {
        told = (told + 400).min(units);
        let full = told - segment > 0xffff;
        let duration = if full { 0xffff } else { (told - segment) as u16 };
        let end = told == units && !full;
        let [high, low] = duration.to_be_bytes();
        let mut packet = media.packet_of(vec![code, if end { 0x8a } else { 0x0a }, high, low]);
        (packet.payload_type, packet.marker) = (EVENTS, told == 400);
        packet.timestamp = began.wrapping_add(segment);
        media.send(&packet)?;
        segment += if full { 0xffff } else { 0 };
        ends += u8::from(end);
        std::thread::sleep(each);
    }
    media.next.timestamp = began.wrapping_add(units);
    Ok(())
}

/// Event, end and duration of a packet.
fn event(packet: &RawRtp) -> (u8, bool, u16) {
    let at = |n: usize| packet.payload.get(n).copied().unwrap_or_default();
    (at(0), at(1) & 0x80 != 0, u16::from_be_bytes([at(2), at(3)]))
}

fn only(heard: &[RawRtp], payload_type: u8) -> Vec<&RawRtp> {
    heard.iter().filter(|packet| packet.payload_type == payload_type).collect()
}

/// §2.5.1: a press as it is sent, in the sequence of the audio, on the clock that was agreed.
#[test]
fn a_key_is_passed_on_as_an_event_on_the_clock_of_the_codec() -> anyhow::Result<()> {
    let claims = (covers(["4733-02", "T-43", "T-44"]).pending(), covers(["4733-03"]).pending());
    let house = house()?;
    let opus = || RawMedia::speaking(AudioCodec::Opus, 96, OTHER_TONE);
    let both = format!("{OPUS}{EVENTS_8K}a=rtpmap:102 telephone-event/48000\r\n");
    for (answer, lines, media, number, units) in [
        ("RTP/AVP 0 101", EVENTS_8K.to_owned(), RawMedia::new(OTHER_TONE)?, 101, 160),
        ("RTP/AVP 96 101 102", both, opus()?, 102, 960),
        // Phones that pair Opus with the other clock.
        ("RTP/AVP 96 101", format!("{OPUS}{EVENTS_8K}"), opus()?, 101, 160),
    ] {
        let mut pair = pair(&house, (answer, &lines), media)?;
        let audio = pair.heard.next.payload_type;
        let heard = std::thread::scope(|scope| {
            let listening = scope.spawn(|| pair.heard.meanwhile(75, |_, _| Ok(())));
            press(&mut pair.said, 5, 800, Duration::from_millis(20))?;
            pair.said.talk(40)?;
            listening.join().expect("no panic")
        })?;
        let events = only(&heard, number);
        ensure!(events.len() == 7 && events.len() + only(&heard, audio).len() == heard.len(), "{lines}: {events:?}");
        ensure!(events[0].marker && events[1..].iter().all(|packet| !packet.marker), "one marker: {events:?}");
        let began = events[0].timestamp;
        ensure!(events.iter().all(|packet| packet.timestamp == began && packet.payload[0] == 5), "{events:?}");
        let durations: Vec<u16> = events.iter().map(|packet| event(packet).2).collect();
        let expected: Vec<u16> = [1, 2, 3, 4, 5, 5, 5].iter().map(|ticks| ticks * units).collect();
        ensure!(durations == expected, "{lines}: {durations:?}");
        ensure!(events.iter().filter(|packet| event(packet).1).count() == 3, "three ends: {events:?}");
        for two in heard.windows(2) {
            ensure!(two[1].sequence.wrapping_sub(two[0].sequence) == 1, "one sequence: {:?}", two[1]);
        }
        // By INFO it is passed on too.
        pair.heard.drain()?;
        let info = ("INFO", "application/dtmf-relay", "Signal=7\r\nDuration=160\r\n");
        ensure!(pair.alice.ask_with(&mut pair.dialog, info.0, info.1, info.2)?.status() == 200);
        let heard = pair.heard.meanwhile(40, |_, _| Ok(()))?;
        ensure!(only(&heard, number).iter().any(|packet| event(packet).0 == 7), "{lines}: by INFO");
    }

    // What the phone does not list is not sent; and our own offer has both clocks.
    let listed = format!("{EVENTS_8K}a=fmtp:101 0-9\r\n");
    let mut pair = pair(&house, ("RTP/AVP 0 101", &listed), RawMedia::new(OTHER_TONE)?)?;
    let heard = std::thread::scope(|scope| {
        let listening = scope.spawn(|| pair.heard.meanwhile(75, |_, _| Ok(())));
        press(&mut pair.said, 10, 800, Duration::from_millis(20))?;
        pair.said.talk(10)?;
        press(&mut pair.said, 9, 800, Duration::from_millis(20))?;
        pair.said.talk(10)?;
        listening.join().expect("no panic")
    })?;
    let codes: Vec<u8> = only(&heard, 101).iter().map(|packet| event(packet).0).collect();
    ensure!(codes == [9; 7], "`*` is not listed, `9` is: {codes:?}");
    let mut phone = RawPhone::guest(&house.server, "phone")?;
    let (_, offer) = phone.ask(phone.request("INVITE", &house.echo, "", ""))?;
    for clock in ["telephone-event/8000", "telephone-event/48000"] {
        ensure!(offer.0.contains(clock), "{clock}: {}", offer.0);
    }
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

/// §2.5.1.3: ten seconds are one press, read in two segments of 8 kHz and written in eight of 48.
#[test]
fn a_long_press_is_one_in_segments() -> anyhow::Result<()> {
    let claim = covers(["4733-04"]).pending();
    let house = house()?;
    let lines = format!("{OPUS}a=rtpmap:102 telephone-event/48000\r\n");
    let media = RawMedia::speaking(AudioCodec::Opus, 96, OTHER_TONE)?;
    let mut pair = pair(&house, ("RTP/AVP 96 102", &lines), media)?;
    press(&mut pair.said, 3, 80_000, Duration::from_millis(1))?;
    let heard = pair.heard.meanwhile(540, |_, _| Ok(()))?;
    let events: Vec<&RawRtp> = only(&heard, 102);
    ensure!(events.iter().all(|packet| event(packet).0 == 3), "one key");
    let mut began: Vec<u32> = events.iter().map(|packet| packet.timestamp).collect();
    began.dedup();
    let steps: Vec<u32> = began.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    ensure!(steps == [0xffff; 7], "segments follow on each other: {steps:?}");
    ensure!(events.iter().filter(|packet| packet.marker).count() == 1, "one marker");
    let ends: Vec<u16> = events.iter().filter(|packet| event(packet).1).map(|packet| event(packet).2).collect();
    let rest = 480_000 - 7 * 0xffff;
    ensure!(ends.len() == 3 && ends.iter().all(|end| i64::from(*end) - rest == 0), "{ends:?}, not {rest}");
    claim.proven();
    Ok(())
}

/// A PIN of which every digit comes as an event and by INFO, or by INFO alone, is read once.
#[test]
fn a_key_that_comes_in_two_ways_counts_once() -> anyhow::Result<()> {
    let claim = covers(["4733-05"]).pending();
    let house = house()?;
    house.api.post("/conferences", json!({ "number": "3002", "access": "pin", "pin": "4711" }))?;
    let uri = format!("sip:3002@{}", house.server.address);
    let keys = [(4, "4"), (7, "7"), (1, "1"), (1, "1"), (11, "#")];
    for (count, kind) in [(1, "application/dtmf-relay"), (2, "application/dtmf")] {
        let InCall { mut phone, mut dialog, mut media, .. } =
            house.call(&uri, RawMedia::new(TONE)?, "RTP/AVP 0 101", EVENTS_8K)?;
        for strange in ["Signal=hf\r\n", "Signal=\r\n", "Signal=55\r\nDuration=x\r\n", "\u{1}\u{2}", "=", ""] {
            let answer = phone.ask_with(&mut dialog, "INFO", "application/dtmf-relay", strange)?;
            ensure!(matches!(answer.status(), 200 | 400), "{strange:?}: {}", answer.0);
        }
        for (code, signal) in keys {
            let body = match kind {
                "application/dtmf" => signal.to_owned(),
                _ => format!("Signal={signal}\r\nDuration=160\r\n"),
            };
            ensure!(phone.ask_with(&mut dialog, "INFO", kind, &body)?.status() == 200);
            if count == 1 {
                press(&mut media, code, 800, Duration::from_millis(20))?;
            }
            media.talk(20)?;
        }
        house.api.wait_for_state("3002", "connected", count, WITHIN).with_context(|| kind.to_owned())?;
    }
    claim.proven();
    Ok(())
}

/// Tones in the voice of a phone that knows no events are keys, and nobody hears them.
#[test]
fn tones_of_keys_are_taken_out_of_the_voice() -> anyhow::Result<()> {
    let claim = covers(["4733-06"]).pending();
    let house = house()?;
    let mut listener = house.call(&house.conference, RawMedia::new(OTHER_TONE)?, "RTP/AVP 0", "")?;
    let mut eventful = house.call(&house.conference, RawMedia::new(TONE)?, "RTP/AVP 0 101", EVENTS_8K)?;
    let mut plain = house.call(&house.conference, RawMedia::new(TONE)?, "RTP/AVP 0", "")?;
    house.api.wait_for_state("3001", "connected", 3, WITHIN)?;
    eventful.media.talk(5)?;
    plain.media.talk(5)?;
    let heard = std::thread::scope(|scope| {
        let listening = scope.spawn(|| listener.media.meanwhile(100, |_, _| Ok(())));
        for (code, key) in [(10, '*'), (9, '9')] {
            press(&mut eventful.media, code, 1_600, Duration::from_millis(20))?;
            for payload in in_band(key)? {
                let packet = plain.media.packet_of(payload);
                plain.media.send(&packet)?;
                std::thread::sleep(Duration::from_millis(20));
            }
            std::thread::sleep(Duration::from_millis(150));
        }
        listening.join().expect("no panic")
    })?;
    for hertz in [852.0, 941.0, 1_209.0, 1_477.0] {
        let level = listener.media.level(&heard, hertz)?;
        ensure!(level < -35.0, "{hertz} Hz at {level:.1} dBFS");
    }
    wait_for("two raised hands", WITHIN, || {
        let people = house.api.participants("3001").ok()?;
        (people.iter().filter(|person| person["hand_raised"] == true).count() == 2).then_some(())
    })?;
    claim.proven();
    Ok(())
}

/// 160 ms of a key's tones, packet by packet.
fn in_band(key: char) -> anyhow::Result<Vec<Vec<u8>>> {
    let whole = tone::key(key, Duration::from_millis(160)).context("a key")?;
    let samples: Vec<i16> = whole.into_iter().step_by(6).collect();
    let mut encoder: Box<dyn Encoder> = make_encoder(AudioCodec::Pcmu, OpusWishes::default())?;
    let mut payloads = Vec::new();
    for frame in samples.chunks_exact(160) {
        let mut octets = [0; 160];
        ensure!(matches!(encoder.encode(frame, &mut octets)?, Encoded::Payload(160)));
        payloads.push(octets.to_vec());
    }
    Ok(payloads)
}
