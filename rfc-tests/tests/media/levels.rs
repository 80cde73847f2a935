//! RFC 6464, RFC 6465, RFC 8285: loudness beside the voice.

use std::f64::consts::TAU;

use anyhow::{Context, ensure};
use plenary_media::codec::{Encoded, make_encoder};
use plenary_media::plan::{AudioCodec, OpusWishes};
use rfc_tests::coverage::covers;
use rfc_tests::raw_media::{RawMedia, RawRtp};
use rfc_tests::raw_phone::{RawDialog, RawPhone};
use serde_json::json;

use crate::{InCall, OTHER_TONE, TONE, attributes, house, house_with};

const PEER: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
const CONTRIBUTORS: &str = "urn:ietf:params:rtp-hdrext:csrc-audio-level";

fn lines(peer: u8, contributors: u8) -> String {
    format!("a=extmap:{peer} {PEER} vad=off\r\na=extmap:{contributors} {CONTRIBUTORS}\r\n")
}

fn answered(peer: u8, contributors: u8) -> [String; 2] {
    [format!("{peer} {PEER} vad=off"), format!("{contributors}/sendonly {CONTRIBUTORS}")]
}

#[test]
fn identifiers_stay_what_they_are_whoever_offers() -> anyhow::Result<()> {
    let claims = (
        covers(["6464-02", "6465-02"]).pending(),
        covers(["8285-01"]).but("both forms in one stream, which another test has").pending(),
    );
    let house = house()?;
    let offered = format!("{}m=video 4000 RTP/AVP 96\r\n{}", lines(5, 7), lines(5, 7));
    let InCall { mut phone, mut dialog, media, answer } =
        house.call(&house.echo, RawMedia::new(TONE)?, "RTP/AVP 0", &offered)?;
    ensure!(attributes(&answer.0, "extmap") == answered(5, 7), "on the audio line alone: {}", answer.0);
    let again = phone.invite_again(&mut dialog, &media.sdp("RTP/AVP 0", &offered))?;
    ensure!(attributes(&again.0, "extmap") == answered(5, 7), "their offer: {}", again.0);
    let ours = phone.invite_again(&mut dialog, "")?;
    ensure!(attributes(&ours.0, "extmap") == answered(5, 7), "our offer: {}", ours.0);

    let none = house.call(&house.echo, RawMedia::new(TONE)?, "RTP/AVP 0", "")?;
    ensure!(attributes(&none.answer.0, "extmap").is_empty(), "only what is offered: {}", none.answer.0);
    let mut phone = RawPhone::guest(&house.server, "phone")?;
    let (request, first) = phone.ask(phone.request("INVITE", &house.echo, "", ""))?;
    let taken = attributes(&first.0, "extmap");
    ensure!(taken.len() == 2 && taken[0].ends_with(PEER), "our first offer: {}", first.0);
    let mut dialog = RawDialog::of(&request, &first)?;
    let id = taken[1].split('/').next().context("an identifier")?;
    let lines = format!("a=extmap:{id}/recvonly {CONTRIBUTORS}\r\n");
    phone.acknowledge_with(&dialog, &RawMedia::new(TONE)?.sdp("RTP/AVP 0", &lines))?;
    let later = phone.invite_again(&mut dialog, "")?;
    ensure!(attributes(&later.0, "extmap") == [format!("{id}/sendonly {CONTRIBUTORS}")], "{}", later.0);
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

/// RFC 6465 §3: a level for each contributor, in their order.
#[test]
fn contributors_are_told_with_their_loudness() -> anyhow::Result<()> {
    let claim = covers(["6465-01"]).pending();
    let house = house()?;
    let mut talkers = Vec::new();
    for hertz in [TONE, OTHER_TONE] {
        talkers.push(house.call(&house.conference, RawMedia::new(hertz)?, "RTP/AVP 0", "")?.media);
    }
    let mut listener = house.call(&house.conference, RawMedia::new(TONE)?, "RTP/AVP 0", &lines(5, 7))?.media;
    let heard = std::thread::scope(|scope| {
        talkers.iter_mut().for_each(|talker| drop(scope.spawn(|| talker.talk(100))));
        listener.meanwhile(90, |_, _| Ok(()))
    })?;
    for packet in &heard[heard.len() / 2..] {
        let (profile, content) = packet.extension.as_ref().context("an extension")?;
        // Before them the level of all together.
        let content = content.strip_prefix(&[0x50, content[1]]).context("two elements")?;
        let count = usize::from(content[0] & 15) + 1;
        ensure!((*profile, content[0] >> 4, count) == (0xbede, 7, packet.csrcs.len()), "{packet:?}");
        ensure!(count == 2 && content[1..=count].iter().all(|level| (10..=20).contains(level)), "{content:?}");
    }
    claim.proven();
    Ok(())
}

/// RFC 6464 §6: who says that it is the loudest, and is silent, keeps nobody else from being heard.
#[test]
fn a_level_that_lies_does_not_take_the_floor() -> anyhow::Result<()> {
    let claim = covers(["6464-03"]).pending();
    let house = house_with(&["media.speakers=1"])?;
    let mut talker = house.call(&house.conference, RawMedia::new(TONE)?, "RTP/AVP 0", "")?.media;
    let mut liar = house.call(&house.conference, RawMedia::new(OTHER_TONE)?, "RTP/AVP 0", &lines(5, 7))?.media;
    let mut listener = house.call(&house.conference, RawMedia::new(TONE)?, "RTP/AVP 0", "")?.media;
    // 0 dBov in the one-octet form.
    liar.next.extension = Some((0xbede, vec![0x50, 0x80, 0, 0]));
    let heard = std::thread::scope(|scope| {
        scope.spawn(|| talker.talk(200));
        scope.spawn(|| {
            liar.meanwhile(200, |liar, _| {
                let packet = liar.packet_of(vec![0xff; 160]);
                liar.send(&packet)
            })
        });
        listener.meanwhile(190, |_, _| Ok(()))
    })?;
    let late = &heard[heard.len() / 2..];
    let level = listener.level(late, TONE)?;
    ensure!(level > -30.0, "{level:.1} dBFS in {} packets", late.len());
    claim.proven();
    Ok(())
}

/// A sine of this level in G.711, 20 ms from here on.
fn sine(hertz: f64, level_dbov: f64, frame: u32) -> anyhow::Result<Vec<u8>> {
    let amplitude = 32_768.0 * 2_f64.sqrt() * 10_f64.powf(level_dbov / 20.0);
    let at = |n: u32| (TAU * hertz * f64::from(frame * 160 + n) / 8_000.0).sin();
    let samples: Vec<i16> = (0..160).map(|n| (amplitude * at(n)) as i16).collect();
    let mut octets = [0; 200];
    match make_encoder(AudioCodec::Pcmu, OpusWishes::default())?.encode(&samples, &mut octets)? {
        Encoded::Payload(len) => Ok(octets[..len].to_vec()),
        Encoded::Nothing => anyhow::bail!("G.711 always has something to say"),
    }
}

/// RFC 6464 §3: 127 is silence, a louder sound is a smaller number, and the first bit says whether it is a voice, where
/// that was agreed.
#[test]
fn what_is_sent_tells_how_loud_it_is() -> anyhow::Result<()> {
    let claim = covers(["6464-01"]).pending();
    let house = house_with(&["media.auto-gain=false"])?;
    let mut speaker = house.call(&house.conference, RawMedia::new(TONE)?, "RTP/AVP 0", "")?.media;
    // `vad=on` goes without saying.
    for (vad, bit) in [("", 0x80), (" vad=off", 0)] {
        let lines = format!("a=extmap:5 {PEER}{vad}\r\n");
        let mut call = house.call(&house.conference, RawMedia::new(OTHER_TONE)?, "RTP/AVP 0", &lines)?;
        ensure!(attributes(&call.answer.0, "extmap") == [format!("5 {PEER}{vad}")], "{}", call.answer.0);
        let told = |heard: &[RawRtp]| -> anyhow::Result<Vec<u8>> {
            let element = |packet: &RawRtp| {
                let (profile, content) = packet.extension.as_ref()?;
                (*profile == 0xbede && content.first() == Some(&0x50)).then(|| content.get(1).copied()).flatten()
            };
            heard.iter().map(|packet| element(packet).context("a level in each packet")).collect()
        };
        let heard = std::thread::scope(|scope| {
            let listening = scope.spawn(|| call.media.meanwhile(60, |_, _| Ok(())));
            speaker.meanwhile(60, |speaker, frame| {
                let packet = speaker.packet_of(sine(500.0, -20.0, frame)?);
                speaker.send(&packet)
            })?;
            listening.join().expect("no panic")
        })?;
        let loud = told(&heard[30..])?;
        ensure!(
            loud.iter().filter(|level| (bit | 19..=bit | 21).contains(*level)).count() > loud.len() * 3 / 4,
            "{vad}: {loud:?}"
        );
        // Nobody speaks any more, or only who is muted.
        house.api.post("/conferences/3001/actions/mute-all", json!({}))?;
        let heard = std::thread::scope(|scope| {
            scope.spawn(|| speaker.talk(60));
            call.media.meanwhile(60, |_, _| Ok(()))
        })?;
        let silent = told(&heard[40..])?;
        ensure!(silent.iter().all(|level| *level == 127), "{vad}: {silent:?}");
        house.api.post("/conferences/3001/actions/unmute-all", json!({}))?;
        call.phone.ask_in(&mut call.dialog, "BYE", "")?;
    }
    claim.proven();
    Ok(())
}

/// RFC 6464 §3: with `vad=on`, what is called no voice yields the only place to a softer voice; else the bit says nothing.
#[test]
fn noise_that_is_called_so_yields_to_a_voice() -> anyhow::Result<()> {
    let claim = covers(["6464-01"]).pending();
    for (vad, voice_wins) in [("on", true), ("off", false)] {
        let house = house_with(&["media.speakers=1"])?;
        let lines = format!("a=extmap:5 {PEER} vad={vad}\r\n");
        let mut noise = house.call(&house.conference, RawMedia::new(OTHER_TONE)?, "RTP/AVP 0", &lines)?.media;
        let mut voice = house.call(&house.conference, RawMedia::new(TONE)?, "RTP/AVP 0", "")?.media;
        let mut listener = house.call(&house.conference, RawMedia::new(TONE)?, "RTP/AVP 0", "")?.media;
        noise.next.extension = Some((0xbede, vec![0x50, 15, 0, 0]));
        let heard = std::thread::scope(|scope| {
            scope.spawn(|| noise.talk(200));
            scope.spawn(|| {
                voice.meanwhile(200, |voice, frame| {
                    let packet = voice.packet_of(sine(TONE, -25.0, frame)?);
                    voice.send(&packet)
                })
            });
            listener.meanwhile(190, |_, _| Ok(()))
        })?;
        let late = &heard[heard.len() / 2..];
        let (voice, noise) = (listener.level(late, TONE)?, listener.level(late, OTHER_TONE)?);
        ensure!(
            (voice > noise) == voice_wins && (voice - noise).abs() > 15.0,
            "vad={vad}: {voice:.1}, {noise:.1} dBFS"
        );
    }
    claim.proven();
    Ok(())
}

/// RFC 8285 §4, §6: both forms, in turns where that was agreed, and identifiers that only the longer one can write.
#[test]
fn both_forms_of_header_extensions_are_read_also_in_turns() -> anyhow::Result<()> {
    let claim = covers(["8285-01"]).pending();
    let house = house()?;
    let mut listener = house.call(&house.conference, RawMedia::new(OTHER_TONE)?, "RTP/AVP 0", "")?.media;
    let opus = "a=rtpmap:111 opus/48000/2\r\n";
    for (id, mixed) in [(5, true), (5, false), (14, true), (15, false), (200, true)] {
        let allow = if mixed { "a=extmap-allow-mixed\r\n" } else { "" };
        let lines = format!("{opus}{allow}a=extmap:{id} {PEER} vad=off\r\n");
        let talker = RawMedia::speaking(AudioCodec::Opus, 111, TONE)?;
        let InCall { mut phone, mut dialog, mut media, answer } =
            house.call(&house.conference, talker, "RTP/AVP 111", &lines)?;
        ensure!(answer.0.contains("a=extmap-allow-mixed") == mixed, "{}", answer.0);
        let again = phone.invite_again(&mut dialog, &media.sdp("RTP/AVP 111", &lines))?;
        ensure!(attributes(&again.0, "extmap") == attributes(&answer.0, "extmap"), "{}", again.0);
        // "Digital silence", told of a voice: who reads it does not even decode the voice.
        let short = Some((0xbede, vec![(id as u8) << 4, 127, 0, 0]));
        let long = Some((0x1000, vec![id as u8, 1, 127, 0]));
        let heard = std::thread::scope(|scope| {
            let listening = scope.spawn(|| listener.meanwhile(75, |_, _| Ok(())));
            media.meanwhile(75, |media, frame| {
                let is_long = id > 14 || mixed && frame % 2 == 1;
                media.next.extension = if is_long { long.clone() } else { short.clone() };
                let packet = media.packet()?;
                media.send(&packet)
            })?;
            listening.join().expect("no panic")
        })?;
        let told = listener.level(&heard[25..], TONE)?;
        ensure!(told < -50.0, "id {id}, mixed {mixed}: {told:.1} dBFS");
        media.next.extension = None;
        let heard = std::thread::scope(|scope| {
            let listening = scope.spawn(|| listener.meanwhile(50, |_, _| Ok(())));
            media.talk(50)?;
            listening.join().expect("no panic")
        })?;
        let untold = listener.level(&heard[25..], TONE)?;
        ensure!(untold > -30.0, "without a level it is heard: {untold:.1} dBFS");
        phone.ask_in(&mut dialog, "BYE", "")?;
    }
    claim.proven();
    Ok(())
}
