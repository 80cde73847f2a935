//! RFC 9143: several media at one port. Only the audio is taken; it must be told from the rest, and outlive it.

use anyhow::ensure;
use rfc_tests::coverage::covers;
use rfc_tests::raw_media::{RawMedia, RawRtp};
use rfc_tests::raw_phone::RawPhone;

use crate::{House, InCall, OTHER_TONE, TONE, attributes, house};

const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
const VIDEO_SSRC: u32 = 0x0bad;

/// An offer of audio and video in one bundle; the audio's SSRC is not named.
fn offer(media: &RawMedia, video_port: u16, group: &str) -> String {
    let lines = format!(
        "a=mid:a\r\na=extmap:4 {MID}\r\nm=video {video_port} RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\na=mid:v\r\n\
         a=extmap:4 {MID}\r\na=ssrc:{VIDEO_SSRC} cname:x\r\n"
    );
    media.sdp("RTP/AVP 0", &lines).replace("t=0 0\r\n", &format!("t=0 0\r\na=group:BUNDLE {group}\r\n"))
}

fn call(house: &House, uri: &str, hertz: f64) -> anyhow::Result<InCall> {
    let mut media = RawMedia::new(hertz)?;
    let mut phone = RawPhone::guest(&house.server, "phone")?;
    let offer = offer(&media, media.port(), "a v");
    let (dialog, answer) = phone.join_by(phone.request("INVITE", uri, "", &offer))?;
    media.follow(&answer.0)?;
    Ok(InCall { phone, dialog, media, answer })
}

/// §9.2, §15: by the name in the packet, by the SSRC, by the payload type; what is none of the audio's is dropped.
#[test]
fn packets_of_a_bundle_go_to_the_medium_that_they_name() -> anyhow::Result<()> {
    let claim = covers(["9143-02"]).pending();
    let house = house()?;
    let InCall { mut media, answer, .. } = call(&house, &house.conference, TONE)?;
    ensure!(attributes(&answer.0, "extmap") == [format!("4 {MID}")], "{}", answer.0);
    let ours = media.talk(10)?;
    let names_it = |packet: &RawRtp| packet.extension == Some((0xbede, vec![0x40, b'a', 0, 0]));
    ensure!(!ours.is_empty() && ours.iter().all(names_it), "packets of ours name their medium: {ours:?}");
    ensure!(attributes(&answer.0, "group") == ["BUNDLE a"], "{}", answer.0);
    let mut listener = house.call(&house.conference, RawMedia::new(OTHER_TONE)?, "RTP/AVP 0", "")?.media;
    let mut level = |media: &mut RawMedia| -> anyhow::Result<f64> {
        let heard = std::thread::scope(|scope| {
            let listening = scope.spawn(|| listener.meanwhile(60, |_, _| Ok(())));
            media.talk(60)?;
            listening.join().expect("no panic")
        })?;
        listener.level(&heard[30..], TONE)
    };
    let named = |mid: u8| Some((0xbede, vec![0x40, mid, 0, 0]));
    let (audio, unknown) = (media.next.ssrc, media.next.ssrc ^ 0xff);
    for (what, ssrc, extension, is_heard) in [
        ("by the name", audio, named(b'a'), true),
        ("by the SSRC that was named before", audio, None, true),
        ("the video's name", unknown, named(b'v'), false),
        ("the SSRC that was the video's before", unknown, None, false),
        ("the SSRC that the description gives to the video", VIDEO_SSRC, None, false),
        ("whatever the SSRC, by the name", VIDEO_SSRC, named(b'a'), true),
        ("by the payload type", unknown ^ 0xff00, None, true),
        ("a name that nobody has", unknown ^ 0xff00, named(b'x'), false),
    ] {
        (media.next.ssrc, media.next.extension) = (ssrc, extension);
        media.next.sequence = media.next.sequence.wrapping_add(10_000);
        let before = house.api.refused_media("medium")?;
        let level = level(&mut media)?;
        ensure!(if is_heard { level > -30.0 } else { level < -50.0 }, "{what}: {level:.1} dBFS");
        if !is_heard {
            house.wait_refused("medium", before, 60)?;
        }
    }
    // A payload type of nobody, from an SSRC of nobody.
    let before = house.api.refused_media("payload_type")?;
    (media.next.ssrc, media.next.extension, media.next.payload_type) = (7, None, 97);
    ensure!(level(&mut media)? < -50.0, "unknown altogether");
    house.wait_refused("payload_type", before, 60)?;
    claim.proven();
    Ok(())
}

/// §7.5.3: a line that is disabled leaves the bundle, and the others go on in it.
#[test]
fn a_line_that_is_disabled_leaves_the_others_as_they_were() -> anyhow::Result<()> {
    let claim = covers(["9143-03"]).pending();
    let house = house()?;
    let InCall { mut phone, mut dialog, mut media, answer } = call(&house, &house.echo, TONE)?;
    media.hears(TONE)?;
    let ssrc = media.talk(5)?.last().map(|packet| packet.ssrc);
    let again = phone.invite_again(&mut dialog, &offer(&media, 0, "a"))?;
    ensure!(attributes(&again.0, "group") == ["BUNDLE a"], "{}", again.0);
    ensure!(attributes(&again.0, "mid") == ["a", "v"] && again.0.contains("m=video 0 "), "{}", again.0);
    let port = |text: &str| text.lines().find(|line| line.starts_with("m=audio")).map(str::to_owned);
    ensure!(port(&again.0) == port(&answer.0), "the same port: {}", again.0);
    media.hears(TONE)?;
    ensure!(media.talk(5)?.last().map(|packet| packet.ssrc) == ssrc, "the same stream");
    claim.proven();
    Ok(())
}
