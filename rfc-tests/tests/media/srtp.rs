//! RFC 3711, 6188, 7714: what is protected, and what is not believed. The phone's SRTP is `webrtc-srtp`.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::ensure;
use rfc_tests::coverage::covers;
use rfc_tests::raw_media::{RawMedia, SUITES};
use rfc_tests::raw_phone::RawPhone;

use crate::{InCall, TONE, WITHIN, attributes, house, srtp_of};

/// A receiver report of this SSRC with one block, and a goodbye: what anybody can write.
fn bye(ssrc: u32) -> Vec<u8> {
    let mut octets = vec![0x81, 201, 0, 7];
    octets.extend(ssrc.to_be_bytes());
    octets.extend([0; 24]);
    octets.extend([0x81, 203, 0, 1]);
    octets.extend(ssrc.to_be_bytes());
    octets
}

/// §3.3.1: the rollover counter is guessed right around the wrap, also out of order.
#[test]
fn every_suite_carries_a_voice_both_ways_across_the_wrap() -> anyhow::Result<()> {
    let claim = covers(["3711-01"]).pending();
    let house = house()?;
    for suite in SUITES {
        let InCall { mut media, .. } = house.secure_call(&house.echo, suite)?;
        media.next.sequence = 65_530;
        let mut late = None;
        // Every second packet comes behind the one that follows it.
        let heard = media.meanwhile(60, |media, frame| {
            let packet = media.packet()?;
            if frame % 2 == 0 {
                late = Some(media.sealed(&packet)?);
                return Ok(());
            }
            media.send(&packet)?;
            late.take().map_or(Ok(()), |octets| media.send_octets(&octets))
        })?;
        let level = media.level(&heard[heard.len() / 2..], TONE)?;
        ensure!(level > -30.0, "{}: {level:.1} dBFS in {} packets", suite.name, heard.len());
        ensure!(media.others.is_empty(), "{}: {} datagrams could not be opened", suite.name, media.others.len());
    }
    ensure!(house.api.refused_media("authentication")? == 0.0, "all were authentic");
    claim.proven();
    Ok(())
}

/// §3.3.2, §4.2: CVE-2021-26712 and CVE-2021-41105 ended calls so.
#[test]
fn replayed_and_forged_packets_are_dropped_and_counted_and_the_call_lives() -> anyhow::Result<()> {
    let claim = covers(["3711-02", "3711-03", "A-03", "A-04"]).pending();
    let house = house()?;
    for suite in [SUITES[0], SUITES[1], SUITES[3]] {
        let InCall { mut phone, mut media, .. } = house.secure_call(&house.echo, suite)?;
        let mut sent = Vec::new();
        media.meanwhile(100, |media, _| {
            let packet = media.packet()?;
            sent.push(media.sealed(&packet)?);
            media.send_octets(sent.last().expect("just pushed"))
        })?;
        let before = house.api.refused_media("authentication")?;
        for octets in &sent {
            media.send_octets(octets)?;
        }
        for octets in &sent {
            let mut forged = octets.clone();
            // Ahead of all that came, so that only the tag tells.
            forged[2] = forged[2].wrapping_add(1);
            media.send_octets(&forged)?;
        }
        house.wait_refused("authentication", before, 200)?;
        media.drain()?;
        media.hears(TONE)?;
        phone.expect_no("BYE", Duration::from_millis(1))?;
    }
    claim.proven();
    Ok(())
}

/// §3.4: a goodbye that is not sealed is nobody's; the server's own reports are sealed, and name nobody.
#[test]
fn rtcp_in_clear_is_neither_believed_nor_sent() -> anyhow::Result<()> {
    let claims = (
        covers(["3711-04", "A-28"]).pending(),
        covers(["S-09"]).but("feedback for video, which there is not").pending(),
    );
    let house = house()?;
    let InCall { mut phone, mut media, .. } = house.secure_call(&house.echo, SUITES[0])?;
    media.hears(TONE)?;
    let before = house.api.refused_media("authentication")?;
    for _ in 0..50 {
        media.send_clear_rtcp(&bye(media.next.ssrc))?;
    }
    house.wait_refused("authentication", before, 50)?;
    media.drain()?;
    media.hears(TONE)?;
    let report = media.report(Duration::from_secs(10))?;
    ensure!(matches!(report.get(1), Some(200 | 201)), "a compound begins with a report: {report:?}");
    let sdes = 4 * (usize::from(report[3]) + 1);
    let name = report.get(sdes + 10..).unwrap_or_default();
    ensure!(report[sdes + 1] == 202 && !name.contains(&b'@'), "the CNAME names nobody: {report:?}");
    ensure!(media.others.is_empty(), "{} datagrams were not sealed", media.others.len());
    phone.expect_no("BYE", Duration::from_millis(1))?;
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

/// So many legs, of which some are there at the same time.
const LEGS: usize = 1_000;
const PHONES: usize = 8;

/// §8, §9.1: a key stream is nobody else's.
#[test]
fn no_two_legs_share_a_key_or_an_ssrc() -> anyhow::Result<()> {
    let claim = covers(["3711-07"]).pending();
    let house = house()?;
    let suite = SUITES[0];
    let calls = || -> anyhow::Result<Vec<(String, u32)>> {
        let mut phone = RawPhone::secure_guest(&house.server, "phone")?;
        let mut media = RawMedia::new(TONE)?;
        let mut seen = Vec::new();
        for _ in 0..LEGS / PHONES {
            let offer = media.sdp("RTP/SAVP 0", &suite.line(1, &suite.made(1)));
            let (mut dialog, answer) = phone.join_by(phone.request("INVITE", &house.conference, "", &offer))?;
            media.follow(&answer.0)?;
            media.srtp = Some(srtp_of(&answer, suite, &suite.made(1))?);
            let first = media.hear(WITHIN)?;
            seen.extend(first.map(|packet| (attributes(&answer.0, "crypto").join(""), packet.ssrc)));
            phone.ask_in(&mut dialog, "BYE", "")?;
            media.drain()?;
        }
        Ok(seen)
    };
    let seen = std::thread::scope(|scope| {
        let phones: Vec<_> = (0..PHONES).map(|_| scope.spawn(calls)).collect();
        phones.into_iter().map(|phone| phone.join().expect("no panic")).collect::<anyhow::Result<Vec<_>>>()
    })?;
    let seen: Vec<(String, u32)> = seen.into_iter().flatten().collect();
    let keys: HashSet<&String> = seen.iter().map(|(key, _)| key).collect();
    let ssrcs: HashSet<u32> = seen.iter().map(|(_, ssrc)| *ssrc).collect();
    ensure!(seen.len() == LEGS, "each leg has a key and speaks: {}", seen.len());
    ensure!((keys.len(), ssrcs.len()) == (LEGS, LEGS), "{} keys, {} SSRCs", keys.len(), ssrcs.len());
    claim.proven();
    Ok(())
}

/// RFC 4568 §7.1.4: what a re-INVITE does to keys and counters.
#[test]
fn a_kept_key_keeps_its_counter_and_a_new_one_begins_anew() -> anyhow::Result<()> {
    let claims = (
        covers(["4568-05"]).pending(),
        covers(["T-61"])
            .but("no second try with counter 0 under an unchanged key: all that was sent with it could be replayed")
            .pending(),
    );
    let house = house()?;
    let (suite, first, second) = (SUITES[0], SUITES[0].made(1), SUITES[0].made(2));
    let InCall { mut phone, mut dialog, mut media, answer } = house.secure_call(&house.echo, suite)?;
    // The counter is 1 when the offer comes again.
    media.next.sequence = 65_500;
    media.hears(TONE)?;
    let same = media.sdp("RTP/SAVP 0", &suite.line(1, &first));
    let again = phone.invite_again(&mut dialog, &same)?;
    ensure!(attributes(&again.0, "crypto") == attributes(&answer.0, "crypto"), "the same keys: {}", again.0);
    media.hears(TONE)?;

    // Another key, the same SSRC, the sequence goes on: the counter is 0 on both sides.
    let rekeyed = phone.invite_again(&mut dialog, &media.sdp("RTP/SAVP 0", &suite.line(1, &second)))?;
    ensure!(attributes(&rekeyed.0, "crypto") != attributes(&answer.0, "crypto"), "a key of its own: {}", rekeyed.0);
    media.drain()?;
    media.srtp = Some(srtp_of(&rekeyed, suite, &second)?);
    media.others.clear();
    media.hears(TONE)?;
    ensure!(media.others.is_empty(), "{} datagrams could not be opened", media.others.len());

    // Another SSRC under the same key: its counter begins at 0.
    media.next.ssrc ^= 0x00ff_0000;
    media.next.sequence = 7;
    media.hears(TONE)?;

    let keyless = phone.invite_again(&mut dialog, &media.sdp("RTP/SAVP 0", "a=sendonly\r\n"))?;
    ensure!(keyless.status() == 488, "a hold without its key: {}", keyless.0);
    media.hears(TONE)?;
    ensure!(media.others.is_empty(), "all was sealed throughout");
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

/// 0 octets, 1500 octets, all that is not negotiated: dropped or played, never the end.
#[test]
fn odd_payloads_do_not_end_a_secured_call() -> anyhow::Result<()> {
    let claim = covers(["A-18"]).pending();
    let house = house()?;
    let InCall { mut phone, mut media, .. } = house.secure_call(&house.echo, SUITES[3])?;
    media.hears(TONE)?;
    let before = house.api.refused_media("payload_type")?;
    for len in [0, 1, 159, 161, 1_500] {
        let packet = media.packet_of(vec![0xff; len]);
        media.send(&packet)?;
    }
    for payload_type in (1..64).chain(96..128) {
        let mut packet = media.packet_of(vec![0xff; 160]);
        packet.payload_type = payload_type;
        media.send(&packet)?;
    }
    house.wait_refused("payload_type", before, 63 + 32)?;
    // Short SRTP and SRTCP: shorter than header, tag and index.
    let packet = media.packet()?;
    let whole = media.sealed(&packet)?;
    for len in 0..whole.len() {
        media.send_octets(&whole[..len])?;
        media.send_clear_rtcp(&[&[0x81, 203], &whole[2..len.max(2)]].concat())?;
    }
    media.hears(TONE)?;
    phone.expect_no("BYE", Duration::from_millis(1))?;
    claim.proven();
    Ok(())
}

#[test]
fn a_jump_of_the_sequence_is_a_restart_and_the_voice_goes_on() -> anyhow::Result<()> {
    let claim = covers(["3550-05"]).but("loss in reports, which a unit test has exactly").pending();
    let house = house()?;
    let InCall { mut media, .. } = house.call(&house.echo, RawMedia::new(TONE)?, "RTP/AVP 0", "")?;
    media.hears(TONE)?;
    for jump in [4_000, 20_000, 40_000] {
        media.next.sequence = media.next.sequence.wrapping_add(jump);
        media.next.timestamp = media.next.timestamp.wrapping_add(u32::from(jump) * 160);
        media.hears(TONE)?;
    }
    claim.proven();
    Ok(())
}
