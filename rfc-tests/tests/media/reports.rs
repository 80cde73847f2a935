//! RFC 8083: streams that reach nobody, or do harm, are stopped. RFC 3611: what both sides tell beyond RFC 3550.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rfc_tests::coverage::covers;
use rfc_tests::deadline::wait_for;
use rfc_tests::raw_media::RawMedia;
use serde_json::Value;

use crate::rtp::{compound, word};
use crate::{House, InCall, OTHER_TONE, TONE, WITHIN, attributes, house};

const SECOND: Duration = Duration::from_secs(1);
const SOON: Duration = Duration::from_secs(15);

/// A receiver report with one block on the server's stream.
struct Block {
    ssrc: u32,
    fraction_lost: u8,
    highest: u32,
    /// Middle of the sender report that is answered, and the time since it came, 1/65536 s.
    last_sender_report: u32,
    delay_since: u32,
}

impl Block {
    fn of(ssrc: u32, highest: u32) -> Self {
        Self { ssrc, fraction_lost: 0, highest, last_sender_report: 0, delay_since: 0 }
    }

    fn report(&self, own: u32) -> Vec<u8> {
        let lost = u32::from(self.fraction_lost) << 24;
        let words = [own, self.ssrc, lost, self.highest, 0, self.last_sender_report, self.delay_since];
        [0x81, 201, 0, 7].into_iter().chain(words.into_iter().flat_map(u32::to_be_bytes)).collect()
    }
}

/// Talks for a while, and gives the server's SSRC.
fn heard_from(media: &mut RawMedia) -> anyhow::Result<u32> {
    Ok(media.talk(25)?.last().context("sound")?.ssrc)
}

fn send(media: &mut RawMedia, block: &Block) -> anyhow::Result<()> {
    let report = block.report(media.next.ssrc);
    media.send_rtcp(&report)
}

/// Waits until a participant's sound has stopped for this reason, while `each` goes on. No sound comes any more then.
fn wait_stopped(
    house: &House,
    media: &mut RawMedia,
    reason: &str,
    mut each: impl FnMut(&mut RawMedia) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let give_up = Instant::now() + Duration::from_secs(60);
    loop {
        each(media)?;
        let people = house.api.participants("3001")?;
        if people.iter().any(|person| person["stopped"] == reason) {
            break;
        }
        ensure!(Instant::now() < give_up, "{reason}: {people:?}");
    }
    media.drain()?;
    let heard = media.meanwhile(25, |_, _| Ok(()))?;
    ensure!(heard.is_empty(), "{reason}: {} packets in half a second", heard.len());
    Ok(())
}

/// §4.1: reports that name no newer packet, once they have named some.
fn nothing_arrives(house: &House) -> anyhow::Result<()> {
    let InCall { mut phone, mut dialog, mut media, .. } =
        house.call(&house.conference, RawMedia::new(TONE)?, "RTP/AVP 0", "")?;
    let ssrc = heard_from(&mut media)?;
    let mut highest = 100;
    for _ in 0..3 {
        highest += 50;
        send(&mut media, &Block::of(ssrc, highest))?;
        media.talk(50)?;
    }
    wait_stopped(house, &mut media, "media_timeout", |media| {
        send(media, &Block::of(ssrc, highest))?;
        media.talk(50).map(drop)
    })?;
    // Another exchange is another try.
    phone.invite_again(&mut dialog, &media.sdp("RTP/AVP 0", ""))?;
    ensure!(media.talk(50)?.len() > 20, "sound again");
    Ok(())
}

/// §4.2: a phone that reported and is gone, until it is back.
fn nobody_is_there(house: &House) -> anyhow::Result<()> {
    let InCall { mut media, .. } = house.call(&house.conference, RawMedia::new(OTHER_TONE)?, "RTP/AVP 0", "")?;
    let ssrc = heard_from(&mut media)?;
    send(&mut media, &Block::of(ssrc, 100))?;
    wait_stopped(house, &mut media, "rtcp_timeout", |media| media.meanwhile(50, |_, _| Ok(())).map(drop))?;
    media.talk(25)?;
    ensure!(media.talk(50)?.len() > 20, "sound again");
    Ok(())
}

/// §4.3: with all but everything lost on a way of two seconds, TCP would send a hundredth.
fn the_way_is_congested(house: &House) -> anyhow::Result<()> {
    let InCall { mut media, .. } = house.call(&house.conference, RawMedia::new(1_700.0)?, "RTP/AVP 0", "")?;
    let ssrc = heard_from(&mut media)?;
    let report = media.report(SOON)?;
    let came = Instant::now();
    let (_, sender) = compound(&report).into_iter().find(|(kind, _)| *kind == 200).context("a sender report")?;
    let last_sender_report = word(sender, 8) << 16 | word(sender, 12) >> 16;
    media.talk(120)?;
    let mut highest = 100;
    wait_stopped(house, &mut media, "congestion", |media| {
        highest += 1;
        let since = came.elapsed().saturating_sub(2 * SECOND);
        let delay_since = (since.as_secs_f64() * 65_536.0) as u32;
        send(media, &Block { fraction_lost: 255, last_sender_report, delay_since, ..Block::of(ssrc, highest) })?;
        media.talk(50).map(drop)
    })
}

#[test]
fn streams_that_reach_nobody_or_do_harm_are_stopped_and_it_is_told() -> anyhow::Result<()> {
    let claim = covers(["8083"]).pending();
    let house = house()?;
    // Reports nothing, and hears them all: a phone without RTCP keeps its call.
    let mut bystander = house.call(&house.conference, RawMedia::new(TONE)?, "RTP/AVP 0", "")?.media;
    std::thread::scope(|scope| {
        let cases = [nothing_arrives, nobody_is_there, the_way_is_congested];
        let house = &house;
        let cases = cases.map(|case| scope.spawn(move || case(house)));
        while cases.iter().any(|case| !case.is_finished()) {
            bystander.talk(25)?;
        }
        cases.into_iter().try_for_each(|case| case.join().expect("no panic"))
    })?;
    ensure!(bystander.talk(50)?.len() > 20, "is still sent to");
    for reason in ["media_timeout", "rtcp_timeout", "congestion"] {
        let (_, text) = house.api.call("GET", "/metrics", None)?;
        let counted = format!("media_circuit_breakers_total{{reason=\"{reason}\"}} 1\n");
        ensure!(text.contains(&counted), "{counted}: {text}");
    }
    claim.proven();
    Ok(())
}

fn extended(report: &[u8]) -> Option<Vec<u8>> {
    compound(report).into_iter().find(|(kind, _)| *kind == 207).map(|(_, packet)| packet.to_vec())
}

/// RFC 3611 §4.7, §5: both sides ask, both are told, and what the phone says stands in the API.
#[test]
fn phones_that_ask_are_told_how_they_are_heard_and_say_how_they_hear() -> anyhow::Result<()> {
    let house = house()?;
    let wants = "a=rtcp-xr:pkt-loss-rle rcvr-rtt=all:10 voip-metrics\r\n";
    let InCall { mut phone, mut dialog, mut media, answer } =
        house.call(&house.conference, RawMedia::new(TONE)?, "RTP/AVP 0", wants)?;
    ensure!(attributes(&answer.0, "rtcp-xr") == ["rcvr-rtt=all voip-metrics"], "{}", answer.0);
    let ssrc = heard_from(&mut media)?;
    let report = media.report(SOON)?;
    let told = extended(&report).context("an extended report")?;
    // SSRC, the reference time, then VoIP metrics of nine words.
    let metrics = told.get(20..56).context("two blocks")?;
    ensure!((told[8], metrics[0], word(metrics, 4)) == (4, 7, media.next.ssrc), "{told:?}");
    ensure!(metrics[8] == 0 && (85..=100).contains(&metrics[24]) && metrics[26] >= 40, "nothing lost: {metrics:?}");
    ensure!(told.len() == 56, "no more than was asked for: {told:?}");

    let mut said = vec![0x80, 201, 0, 1];
    said.extend(media.next.ssrc.to_be_bytes());
    said.extend([0x80, 207, 0, 10]);
    said.extend(media.next.ssrc.to_be_bytes());
    said.extend([7, 0, 0, 8]);
    said.extend(ssrc.to_be_bytes());
    let mut content = [0_u8; 28];
    content[1] = 64; // a quarter came too late
    content[10..12].copy_from_slice(&70_u16.to_be_bytes());
    (content[16], content[18], content[19]) = (127, 127, 33);
    said.extend(content);
    media.send_rtcp(&said)?;
    let told = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            wait_for("what the phone hears", SOON, || {
                let remote = house.api.participants("3001").ok()?.first()?["quality"]["remote"].clone();
                remote.is_object().then_some(remote)
            })
        });
        while !asking.is_finished() {
            media.talk(25)?;
        }
        asking.join().expect("no panic")
    })?;
    let about = |name: &str, value: f64| told[name].as_f64().is_some_and(|told| (told - value).abs() < 0.01);
    ensure!(about("mos", 3.3) && about("late_percent", 25.0) && about("delay_ms", 70.0), "{told}");
    ensure!(house.api.metric("media_leg_mos_count")? >= 1.0 && house.api.metric("media_leg_loss_ratio_count")? >= 1.0);
    ensure!(house.api.metric("media_report_blocks_unreadable_total")? == 0.0);

    // In a description of ours, and in the answer to one that does not ask.
    let ours = phone.invite_again(&mut dialog, "")?;
    ensure!(attributes(&ours.0, "rtcp-xr") == ["voip-metrics"], "{}", ours.0);
    let plain = phone.invite_again(&mut dialog, &media.sdp("RTP/AVP 0", ""))?;
    ensure!(attributes(&plain.0, "rtcp-xr").is_empty(), "{}", plain.0);
    let deadline = Instant::now() + 2 * SOON;
    while extended(&media.report(SOON)?).is_some() {
        ensure!(Instant::now() < deadline, "it is still told");
    }
    let _: Vec<Value> = house.api.wait_for_state("3001", "connected", 1, WITHIN)?;
    Ok(())
}
