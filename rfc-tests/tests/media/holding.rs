//! RFC 3264 §8.4, RFC 6141 §3.3: what hold, resume and a refused offer do to the sound itself.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rfc_tests::coverage::covers;
use rfc_tests::raw_media::RawMedia;
use rfc_tests::raw_phone::{RawDialog, RawPhone};

use crate::{House, InCall, OTHER_TONE, TONE, WITHIN, house};

/// From a resuming re-INVITE to the first packet.
const AT_ONCE: Duration = Duration::from_millis(200);
const PLAIN: &str = "RTP/AVP 0";

fn state_is(house: &House, state: &str, count: usize) -> anyhow::Result<()> {
    house.api.wait_for_state("3001", state, count, WITHIN).map(drop)
}

/// Half a second in which the phone speaks on and nothing comes, while the listener does not hear it.
fn is_held(media: &mut RawMedia, listener: &mut RawMedia) -> anyhow::Result<()> {
    media.drain()?;
    let heard = std::thread::scope(|scope| {
        let speaking = scope.spawn(|| media.talk(60));
        listener.hears_no(TONE)?;
        speaking.join().expect("no panic")
    })?;
    ensure!(heard.is_empty(), "{} packets while held", heard.len());
    Ok(())
}

fn is_resumed(media: &mut RawMedia, listener: &mut RawMedia, since: Instant) -> anyhow::Result<()> {
    media.hear(WITHIN)?.context("no sound after the resume")?;
    let after = since.elapsed();
    ensure!(after <= AT_ONCE, "the first packet came after {after:?}");
    std::thread::scope(|scope| {
        let speaking = scope.spawn(|| media.hears(OTHER_TONE));
        listener.hears(TONE)?;
        speaking.join().expect("no panic")
    })
}

/// The three ways to hold, each at the stream and for the session; resumed by an offer and without one.
#[test]
fn sound_stops_at_every_kind_of_hold_and_comes_back_at_once() -> anyhow::Result<()> {
    let claims = (covers(["3264-05", "T-02", "T-07"]).pending(), covers(["T-03"]).pending());
    let house = house()?;
    let mut listener = house.call(&house.conference, RawMedia::new(OTHER_TONE)?, PLAIN, "")?.media;
    let InCall { mut phone, mut dialog, mut media, .. } =
        house.call(&house.conference, RawMedia::new(TONE)?, PLAIN, "")?;
    state_is(&house, "connected", 2)?;
    let ports = media.server;
    let plain = media.sdp(PLAIN, "");
    for held in [
        media.sdp(PLAIN, "a=sendonly\r\n"),
        media.sdp(PLAIN, "a=inactive\r\n"),
        plain.replace("t=0 0\r\n", "t=0 0\r\na=inactive\r\n"),
        plain.replace("t=0 0\r\n", "t=0 0\r\na=sendonly\r\n"),
        plain.replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0"),
    ] {
        for body in [plain.as_str(), ""] {
            let answer = phone.invite_again(&mut dialog, &held)?;
            ensure!(answer.status() == 200, "{}", answer.0);
            state_is(&house, "on_hold", 1)?;
            is_held(&mut media, &mut listener).map_err(|error| error.context(held.clone()))?;
            let since = Instant::now();
            let resumed = phone.invite_again_with(&mut dialog, body, if body.is_empty() { &plain } else { "" })?;
            ensure!(resumed.status() == 200 && resumed.0.contains("a=sendrecv\r\n"), "{}", resumed.0);
            media.follow(&resumed.0)?;
            let rtp = |server: Option<(_, _)>| server.map(|(rtp, _)| rtp);
            ensure!(rtp(media.server) == rtp(ports), "the port stays: {:?}, {ports:?}", media.server);
            is_resumed(&mut media, &mut listener, since).map_err(|error| error.context(held.clone()))?;
            state_is(&house, "connected", 2)?;
        }
    }
    phone.expect_no("BYE", Duration::from_millis(1))?;
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

/// T-01: the hold of old, and what only looks like it.
#[test]
fn an_address_of_zeros_is_a_hold_only_where_there_is_a_port() -> anyhow::Result<()> {
    let claim = covers(["T-01"]).pending();
    let house = house()?;
    let InCall { mut phone, mut dialog, mut media, answer } =
        house.call(&house.conference, RawMedia::new(TONE)?, PLAIN, "")?;
    let zeros = media.sdp(PLAIN, "a=sendrecv\r\n").replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0");
    let held = phone.invite_again(&mut dialog, &zeros)?;
    let address = |text: &str| text.lines().find(|line| line.starts_with("c=")).map(str::to_owned);
    ensure!(held.status() == 200 && address(&held.0) == address(&answer.0), "our real address: {}", held.0);
    state_is(&house, "on_hold", 1)?;
    media.drain()?;
    ensure!(media.talk(25)?.is_empty(), "nothing is sent to a phone that holds");
    let resumed = phone.invite_again(&mut dialog, &media.sdp(PLAIN, ""))?;
    ensure!(resumed.status() == 200, "{}", resumed.0);
    ensure!(media.hear(AT_ONCE * 5)?.is_some(), "resumed by the next description");
    state_is(&house, "connected", 1)?;

    let mut other = RawPhone::guest(&house.server, "other")?;
    let (request, offer) = other.ask(other.request("INVITE", &house.conference, "", ""))?;
    let waiting = RawMedia::new(TONE)?.sdp(PLAIN, "").replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0");
    let port = waiting.split("m=audio ").nth(1).and_then(|rest| rest.split(' ').next()).context("a port")?.to_owned();
    let waiting = waiting.replace(&format!("m=audio {port} "), "m=audio 9 ");
    other.acknowledge_with(&RawDialog::of(&request, &offer)?, &waiting)?;
    state_is(&house, "connected", 2)?;
    claim.proven();
    Ok(())
}

/// RFC 6141 §3.3: a refused re-INVITE changes nothing, and undoes nothing that an UPDATE did before.
#[test]
fn a_refused_offer_leaves_the_sound_as_it_was() -> anyhow::Result<()> {
    let claim = covers(["6141-01"]).pending();
    let house = house()?;
    let InCall { mut phone, mut dialog, mut media, .. } = house.call(&house.echo, RawMedia::new(TONE)?, PLAIN, "")?;
    media.hears(TONE)?;
    let elsewhere = RawMedia::new(OTHER_TONE)?;
    for impossible in [
        elsewhere.sdp("RTP/AVP 4", ""),
        elsewhere.sdp("RTP/SAVP 0", ""),
        elsewhere.sdp(PLAIN, "").replace("c=IN IP4 127.0.0.1", "c=IN IP4 media.example"),
        elsewhere.sdp(PLAIN, "").replace("m=audio", "m=video"),
    ] {
        let refused = phone.invite_again(&mut dialog, &impossible)?;
        ensure!(refused.status() == 488, "{impossible}: {}", refused.0);
        media.hears(TONE)?;
    }
    let ports = media.server;
    let again = phone.invite_again(&mut dialog, &media.sdp(PLAIN, ""))?;
    media.follow(&again.0)?;
    ensure!(media.server == ports, "the ports stay: {:?}, {ports:?}", media.server);

    let held = phone.ask_with(&mut dialog, "UPDATE", "application/sdp", &media.sdp(PLAIN, "a=inactive\r\n"))?;
    ensure!(held.status() == 200 && held.0.contains("a=inactive\r\n"), "{}", held.0);
    let refused = phone.invite_again(&mut dialog, &elsewhere.sdp("RTP/AVP 4", ""))?;
    ensure!(refused.status() == 488, "{}", refused.0);
    media.drain()?;
    ensure!(media.talk(25)?.is_empty(), "what the UPDATE did stands");
    claim.proven();
    Ok(())
}
