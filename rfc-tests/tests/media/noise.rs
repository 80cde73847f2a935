//! RFC 3389: comfort noise, ours and the phone's.

use std::time::Duration;

use anyhow::ensure;
use plenary_media::plan::AudioCodec;
use rfc_tests::coverage::covers;
use rfc_tests::raw_media::{RawMedia, RawRtp};

use crate::{InCall, OTHER_TONE, TONE, house, house_with};

const NOISE: u8 = 13;

fn noise(heard: &[RawRtp]) -> Vec<&RawRtp> {
    heard.iter().filter(|packet| packet.payload_type == NOISE).collect()
}

/// Half of the time a voice, half of it noise in so many octets.
fn breathe(media: &mut RawMedia, frames: u32, octets: usize) -> anyhow::Result<Vec<RawRtp>> {
    media.meanwhile(frames, |media, frame| {
        if frame / 25 % 2 == 0 {
            let packet = media.packet()?;
            return media.send(&packet);
        }
        let sequence = media.next.sequence;
        let mut packet = media.packet_of([vec![60], vec![127; octets - 1]].concat());
        packet.payload_type = NOISE;
        if frame % 10 == 5 {
            return media.send(&packet);
        }
        media.next.sequence = sequence;
        Ok(())
    })
}

/// §3.1, §4, §5: noise of one octet and of eleven is silence in the mix, and its gaps are neither loss nor absence.
#[test]
fn noise_of_a_phone_is_silence_and_no_loss() -> anyhow::Result<()> {
    let claims = (covers(["3389-01"]).pending(), covers(["3389-03"]).pending());
    let house = house_with(&["media.silent-after=1s"])?;
    let mut listener = house.call(&house.conference, RawMedia::new(OTHER_TONE)?, "RTP/AVP 0", "")?;
    for octets in [1, 11] {
        let InCall { mut phone, mut media, .. } =
            house.call(&house.conference, RawMedia::new(TONE)?, "RTP/AVP 0 13", "")?;
        media.talk(25)?;
        let (heard, quiet) = std::thread::scope(|scope| {
            let listening = scope.spawn(|| {
                listener.media.drain()?;
                listener.media.meanwhile(60, |_, _| Ok(()))
            });
            // Noise alone, five times a second, for longer than a phone may be silent.
            let quiet = media.meanwhile(75, |media, frame| {
                let sequence = media.next.sequence;
                let mut packet = media.packet_of([vec![60], vec![127; octets - 1]].concat());
                packet.payload_type = NOISE;
                if frame % 10 == 5 {
                    return media.send(&packet);
                }
                media.next.sequence = sequence;
                Ok(())
            })?;
            Ok::<_, anyhow::Error>((listening.join().expect("no panic")?, quiet))
        })?;
        let level = listener.media.level(&heard[25..], TONE)?;
        ensure!(level < -60.0, "noise of {octets} octets: {level:.1} dBFS");
        ensure!(!quiet.is_empty());
        phone.expect_no("OPTIONS", Duration::from_millis(1))?;
        breathe(&mut media, 250, octets)?;
        phone.expect_no("OPTIONS", Duration::from_millis(1))?;
        let report = media.report(Duration::from_secs(10))?;
        let block = if report[1] == 200 { 28 } else { 8 };
        ensure!(report[0] & 31 == 1 && report[block + 4..block + 8] == [0; 4], "nothing lost: {report:?}");
        ensure!(media.talk(25).is_ok());
    }
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

/// §5.1, §4: sent only to who listed it, under its number, with the timestamps of the audio.
#[test]
fn noise_is_sent_to_who_takes_it_and_to_nobody_else() -> anyhow::Result<()> {
    let claim = covers(["3389-02"]).pending();
    let house = house()?;
    let InCall { mut media, answer, .. } = house.call(&house.conference, RawMedia::new(TONE)?, "RTP/AVP 0 13", "")?;
    ensure!(answer.0.contains("RTP/AVP 0 13\r\n"), "{}", answer.0);
    let heard = media.meanwhile(150, |_, _| Ok(()))?;
    let noise = noise(&heard);
    ensure!(noise.len() >= 8, "{} packets of noise in three seconds of silence", noise.len());
    ensure!(noise.iter().all(|packet| packet.payload.len() == 1 && packet.payload[0] < 128), "{noise:?}");
    for pair in noise.windows(2) {
        let step = (pair[1].sequence.wrapping_sub(pair[0].sequence), pair[1].timestamp.wrapping_sub(pair[0].timestamp));
        ensure!(step == (1, 1_600), "the clock goes on, the numbers have no gap: {step:?}");
    }
    drop(media);
    for (audio, lines, media) in [
        ("RTP/AVP 0", "", RawMedia::new(TONE)?),
        ("RTP/AVP 111 13", "a=rtpmap:111 opus/48000/2\r\n", RawMedia::speaking(AudioCodec::Opus, 111, TONE)?),
        ("RTP/AVP 0 98", "a=rtpmap:98 CN/48000\r\n", RawMedia::new(TONE)?),
    ] {
        let InCall { mut media, answer, .. } = house.call(&house.conference, media, audio, lines)?;
        ensure!(!answer.0.contains("CN/"), "{audio}: {}", answer.0);
        let own = media.next.payload_type;
        let heard = media.meanwhile(75, |_, _| Ok(()))?;
        ensure!(heard.iter().all(|packet| packet.payload_type == own) && heard.len() > 60, "{audio}: {}", heard.len());
    }
    // Under a number of its own.
    let lines = "a=rtpmap:98 CN/8000\r\n";
    let InCall { mut media, .. } = house.call(&house.conference, RawMedia::new(TONE)?, "RTP/AVP 0 98", lines)?;
    let heard = media.meanwhile(75, |_, _| Ok(()))?;
    ensure!(heard.iter().any(|packet| packet.payload_type == 98), "under 98");
    claim.proven();
    Ok(())
}
