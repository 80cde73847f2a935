//! RFC 3550, 3551, 7022, 3605 on plain legs: what the server's stream looks like, and which of a phone's packets count.

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use plenary_media::plan::AudioCodec;
use rfc_tests::coverage::covers;
use rfc_tests::raw_media::{RawMedia, RawRtp};
use rfc_tests::raw_phone::RawPhone;

use crate::{InCall, OTHER_TONE, TONE, WITHIN, attributes, house, house_with};

/// The packets of a compound: type and content from the header on.
pub fn compound(octets: &[u8]) -> Vec<(u8, &[u8])> {
    let (mut rest, mut packets) = (octets, Vec::new());
    while let Some([_, kind, a, b]) = rest.first_chunk::<4>() {
        let len = 4 * (usize::from(u16::from_be_bytes([*a, *b])) + 1);
        let Some((packet, behind)) = rest.split_at_checked(len) else { break };
        packets.push((*kind, packet));
        rest = behind;
    }
    packets
}

pub fn word(octets: &[u8], at: usize) -> u32 {
    octets.get(at..at + 4).map_or(0, |word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]))
}

/// The CNAME of a report.
fn cname(octets: &[u8]) -> Option<String> {
    let (_, sdes) = compound(octets).into_iter().find(|(kind, _)| *kind == 202)?;
    let len = usize::from(*sdes.get(9)?);
    (*sdes.get(8)? == 1).then(|| String::from_utf8_lossy(sdes.get(10..10 + len).unwrap_or_default()).into_owned())
}

fn plain(house: &crate::House, uri: &str, hertz: f64) -> anyhow::Result<InCall> {
    house.call(uri, RawMedia::new(hertz)?, "RTP/AVP 0", "")
}

/// §5.1, §5.3: no length is believed.
#[test]
fn packets_whose_lengths_lie_are_dropped() -> anyhow::Result<()> {
    let claim = covers(["3550-01"]).pending();
    let house = house()?;
    let InCall { mut media, .. } = plain(&house, &house.echo, TONE)?;
    media.hears(TONE)?;
    let before = house.api.refused_media("malformed")?;
    let whole = media.packet()?.octets();
    let (mut lies, mut sent) = (Vec::new(), 0);
    for first in [0x00, 0x40, 0xc0] {
        lies.push([&[first], &whole[1..]].concat()); // version
    }
    lies.push([&[0xa0], &whole[1..171], &[0]].concat()); // padding of 0 octets
    lies.push([&[0xa0], &whole[1..171], &[255]].concat()); // more padding than packet
    lies.push([&[0x8f], &whole[1..40]].concat()); // 15 contributors in 28 octets
    lies.push([&[0x90], &whole[1..12], &[0xbe, 0xde, 0xff, 0xff], &whole[12..]].concat()); // an endless extension
    lies.push([&[0x90], &whole[1..14]].concat()); // half an extension's header
    lies.extend((1..12).map(|len| whole[..len].to_vec()));
    for lie in &lies {
        media.send_octets(lie)?;
        sent += 1;
    }
    house.wait_refused("malformed", before, sent - 3)?; // STUN and ZRTP by their first octet are refused elsewhere
    // An extension that nobody asked for, and contributors, are no fault.
    media.next.extension = Some((0xbede, vec![0x10, 0xff, 0, 0]));
    media.next.csrcs = (0..15).collect();
    media.hears(TONE)?;
    claim.proven();
    Ok(())
}

/// §8.2: who hears itself under its own SSRC leaves it.
#[test]
fn an_ssrc_that_both_use_is_left_with_a_goodbye() -> anyhow::Result<()> {
    let claim = covers(["3550-02"]).pending();
    let house = house()?;
    let InCall { mut media, .. } = plain(&house, &house.echo, TONE)?;
    let ours = media.next.ssrc;
    let theirs = media.talk(10)?.last().context("sound")?.ssrc;
    media.next.ssrc = theirs;
    media.talk(5)?;
    let give_up = Instant::now() + WITHIN;
    loop {
        let report = media.report(WITHIN)?;
        let bye = compound(&report).into_iter().find(|(kind, _)| *kind == 203);
        if let Some((_, bye)) = bye {
            ensure!(word(bye, 4) == theirs, "goodbye to another: {report:?}");
            break;
        }
        ensure!(Instant::now() < give_up, "no goodbye");
    }
    media.next.ssrc = ours;
    media.drain()?;
    let heard = media.talk(25)?;
    ensure!(heard.iter().all(|packet| packet.ssrc != theirs), "another SSRC");
    media.hears(TONE)?;
    claim.proven();
    Ok(())
}

/// §7.1: the mixer's own SSRC, and who is heard in it.
#[test]
fn the_mix_names_its_contributors() -> anyhow::Result<()> {
    let claims = (covers(["3550-03"]).pending(), covers(["4574-01", "4579-G2"]).pending());
    let house = house_with(&[
        "conference.info-uri=https://example.org/m/{number}",
        "conference.info-email=room-{number}@example.org",
        "conference.info-phone=+39 02 1234567",
    ])?;
    let (mut talkers, mut labels) = (Vec::new(), Vec::new());
    for hertz in [TONE, OTHER_TONE, 1_700.0] {
        let call = plain(&house, &house.conference, hertz)?;
        labels.extend(attributes(&call.answer.0, "label").into_iter().map(str::to_owned));
        for line in ["u=https://example.org/m/3001", "e=room-3001@example.org", "p=+39 02 1234567"] {
            ensure!(call.answer.0.lines().any(|said| said == line), "{line}: {}", call.answer.0);
        }
        talkers.push(call.media);
    }
    let mut follower = RawPhone::new(&house.server, &house.api, "alice")?;
    let mut listener = plain(&house, &house.conference, TONE)?.media;
    let ssrcs: BTreeSet<u32> = talkers.iter().map(|talker| talker.next.ssrc).collect();
    let heard = std::thread::scope(|scope| {
        talkers.iter_mut().for_each(|talker| drop(scope.spawn(|| talker.talk(100))));
        listener.meanwhile(90, |_, _| Ok(()))
    })?;
    let late = &heard[heard.len() / 2..];
    ensure!(late.len() > 20, "{} packets", heard.len());
    for packet in late {
        ensure!(packet.csrcs.iter().copied().collect::<BTreeSet<_>>() == ssrcs, "{:?} of {ssrcs:?}", packet.csrcs);
        ensure!(!ssrcs.contains(&packet.ssrc), "an SSRC of its own");
    }
    house.ensure_steady(&heard, 160)?;

    // RFC 4575 §5.8: the document names each stream as its description does, and by its SSRC.
    house.api.patch("/conferences/3001", serde_json::json!({ "members": [{ "address": "alice" }] }))?;
    follower.join(&house.conference)?;
    follower.subscribe(&house.conference, "")?;
    let document = follower.notify()?.0;
    let all = |name: &str| -> Vec<String> {
        let tag = format!("<{name}>");
        let pieces = document.split(&tag).skip(1);
        pieces.filter_map(|piece| Some(piece.split('<').next()?.to_owned())).collect()
    };
    ensure!(labels.len() == 3 && labels.iter().all(|label| all("label").contains(label)), "{labels:?}: {document}");
    let named: BTreeSet<u32> = all("src-id").iter().filter_map(|source| source.parse().ok()).collect();
    ensure!(ssrcs.is_subset(&named), "{ssrcs:?}: {document}");
    for (ssrc, label) in talkers.iter().map(|talker| talker.next.ssrc).zip(&labels) {
        let together = format!("<label>{label}</label><src-id>{ssrc}</src-id>");
        ensure!(document.contains(&together), "{together}: {document}");
    }
    // Of a title that would break its line, and of a conference that the server calls into.
    house.api.patch("/conferences/3001", serde_json::json!({ "title": "Monday" }))?;
    follower.register()?;
    house.api.post("/conferences/3001/participants", serde_json::json!({ "address": "alice" }))?;
    let invite = follower.expect("INVITE")?;
    ensure!(invite.contains("\r\na=label:"), "{invite}");
    ensure!(invite.contains("\r\ni=Monday\r\nu=https://example.org/m/3001\r\ne="), "{invite}");
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

/// §6.2 to §6.4, RFC 7022; a phone that says nothing by RTCP keeps its call.
#[test]
fn reports_come_in_time_and_name_nobody() -> anyhow::Result<()> {
    let claims = (covers(["3550-04"]).pending(), covers(["7022-01", "4961/3605", "T-59"]).pending());
    let house = house()?;
    let mut other = plain(&house, &house.echo, TONE)?;
    let elsewhere = UdpSocket::bind("127.0.0.1:0")?;
    elsewhere.set_nonblocking(true)?;
    let port = elsewhere.local_addr()?.port();
    let InCall { mut phone, mut media, .. } =
        house.call(&house.echo, RawMedia::new(TONE)?, "RTP/AVP 0", &format!("a=rtcp:{port}\r\n"))?;
    let (rtp, rtcp) = media.server.context("an answer")?;
    let mut reports: Vec<(Instant, Vec<u8>)> = Vec::new();
    let mut buffer = [0; 2_048];
    let start = Instant::now();
    while reports.len() < 3 {
        ensure!(start.elapsed() < Duration::from_secs(25), "{} reports", reports.len());
        media.talk(1)?;
        while let Ok((len, from)) = elsewhere.recv_from(&mut buffer) {
            ensure!(from == rtcp && rtcp.port() == rtp.port() + 1, "from {from}, not {rtcp}");
            reports.push((Instant::now(), buffer[..len].to_vec()));
        }
    }
    for (_, report) in &reports {
        let kinds: Vec<u8> = compound(report).iter().map(|(kind, _)| *kind).collect();
        ensure!(kinds == [200, 202], "a sender report and a name: {kinds:?}");
        let (_, sender) = compound(report)[0];
        ensure!(word(sender, 28) == media.next.ssrc && word(sender, 32) >> 24 == 0, "a block of ours, nothing lost");
    }
    // §6.2: of two parties, and of all that the session may take, RTCP has a twentieth at most; headers of IP and UDP count.
    let seconds = start.elapsed().as_secs_f64();
    let octets: usize = reports.iter().map(|(_, report)| report.len() + 28).sum();
    let session = 2.0 * 50.0 * (160.0 + 12.0 + 28.0) * seconds;
    ensure!((octets as f64) < 0.05 / 2.0 * session, "{octets} octets of reports in {seconds:.1} s");
    for pair in reports.windows(2) {
        let apart = pair[1].0 - pair[0].0;
        ensure!((1.5..8.0).contains(&apart.as_secs_f64()), "{apart:?} between reports");
        let ntp = |report: &[u8]| f64::from(word(report, 8)) + f64::from(word(report, 12)) / 4_294_967_296.0;
        let seconds = ntp(&pair[1].1) - ntp(&pair[0].1);
        let units = f64::from(word(&pair[1].1, 16).wrapping_sub(word(&pair[0].1, 16)));
        ensure!((units / 8_000.0 - seconds).abs() < 0.01, "{units} units in {seconds} s");
    }
    let name = cname(&reports[0].1).context("a CNAME")?;
    let another = cname(&other.media.report(Duration::from_secs(10))?).context("a CNAME")?;
    ensure!(name.len() >= 16 && !name.contains('@') && name != another, "{name}, {another}");
    phone.expect_no("BYE", Duration::from_millis(1))?;
    media.hears(TONE)?;
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

/// A.1, A.3, A.8: what a report says of a stream that wraps, loses three packets, comes unevenly and starts again.
#[test]
fn reports_count_losses_wraps_and_jitter_exactly() -> anyhow::Result<()> {
    let claim = covers(["3550-05"]).pending();
    let house = house()?;
    let InCall { mut media, .. } = plain(&house, &house.echo, TONE)?;
    let first: u16 = 65_520;
    media.next.sequence = first;
    // Every other packet says that it is 20 ms later than it is: |D| is 320 less 0 in turn, 160 units each way.
    let unevenly = |media: &mut RawMedia, n: u32| -> anyhow::Result<RawRtp> {
        let mut packet = media.packet()?;
        packet.timestamp = packet.timestamp.wrapping_add(160 * (n % 2));
        Ok(packet)
    };
    media.meanwhile(50, |media, n| {
        let packet = unevenly(media, n)?;
        if [7, 19, 20].contains(&n) { Ok(()) } else { media.send(&packet) }
    })?;
    let mut reports = Vec::new();
    let mut n = 50;
    let give_up = Instant::now() + Duration::from_secs(20);
    let mut buffer = [0; 2_048];
    media.rtcp.set_nonblocking(true)?;
    while reports.is_empty() {
        ensure!(Instant::now() < give_up, "no report");
        media.meanwhile(1, |media, _| {
            let packet = unevenly(media, n)?;
            n += 1;
            media.send(&packet)
        })?;
        while let Ok((len, _)) = media.rtcp.recv_from(&mut buffer) {
            reports.push(buffer[..len].to_vec());
        }
    }
    let (_, sender) = compound(&reports[0])[0];
    let (lost, highest, jitter) = (word(sender, 32), word(sender, 36), word(sender, 40));
    let newest = 65_536 + u32::from(media.next.sequence.wrapping_sub(1));
    ensure!(word(sender, 28) == media.next.ssrc, "a block on our stream");
    ensure!((newest - 5..=newest).contains(&highest), "one wrap: highest {highest:#x}, sent {newest:#x}");
    let expected = highest - u32::from(first) + 1;
    ensure!(lost & 0xff_ffff == 3, "{} lost of {expected}", lost & 0xff_ffff);
    ensure!(lost >> 24 == 3 * 256 / expected, "a fraction of {}/256 of {expected}", lost >> 24);
    ensure!((120..400).contains(&jitter), "{jitter} units of jitter where 160 were made");

    // Far away: a restart, in which nothing is lost.
    (media.next.sequence, media.next.timestamp) = (30_000, 9);
    media.hears(TONE)?;
    let report = media.report(Duration::from_secs(15))?;
    let (_, sender) = compound(&report)[0];
    ensure!((30_000..31_000).contains(&word(sender, 36)), "counted anew: {}", word(sender, 36));
    ensure!(word(sender, 32) == 3, "no more lost than before: {:08x}", word(sender, 32));
    claim.proven();
    Ok(())
}

/// §6.6: a goodbye ends a stream, never the call.
#[test]
fn a_goodbye_by_rtcp_leaves_the_call() -> anyhow::Result<()> {
    let claim = covers(["3550-06"]).pending();
    let house = house()?;
    let InCall { mut phone, mut media, .. } = plain(&house, &house.echo, TONE)?;
    media.hears(TONE)?;
    let mut bye = vec![0x80, 201, 0, 1];
    bye.extend(media.next.ssrc.to_be_bytes());
    bye.extend([0x81, 203, 0, 1]);
    bye.extend(media.next.ssrc.to_be_bytes());
    media.send_rtcp(&bye)?;
    media.next.ssrc ^= 0xffff;
    media.next.sequence = 40_000;
    media.next.timestamp = 77;
    media.hears(TONE)?;
    phone.expect_no("BYE", Duration::from_millis(1))?;
    claim.proven();
    Ok(())
}

/// RFC 3551 §4.5.2: sampled at 16 kHz, counted at 8.
#[test]
fn g722_counts_eight_thousand_a_second() -> anyhow::Result<()> {
    let claim = covers(["3551-01"]).pending();
    let house = house()?;
    for (codec, payload_type, name) in
        [(AudioCodec::G722, 9, "G722/8000"), (AudioCodec::Pcma, 8, "PCMA/8000"), (AudioCodec::Pcmu, 0, "PCMU/8000")]
    {
        let media = RawMedia::speaking(codec, payload_type, TONE)?;
        let InCall { mut media, answer, .. } =
            house.call(&house.echo, media, &format!("RTP/AVP {payload_type}"), "")?;
        ensure!(answer.0.contains(&format!("a=rtpmap:{payload_type} {name}\r\n")), "{}", answer.0);
        ensure!(answer.0.contains("a=ptime:20\r\n"), "{}", answer.0);
        media.hears(TONE)?;
        let heard = media.talk(20)?;
        house.ensure_steady(&heard, 160).context(name)?;
        ensure!(heard.iter().all(|packet| packet.payload.len() == 160), "{name}: {:?}", heard.first());
    }
    claim.proven();
    Ok(())
}

/// RFC 3551 §4.1: a pause is one in the timestamps, too.
#[test]
fn after_a_pause_the_timestamp_has_gone_on_and_the_marker_is_set() -> anyhow::Result<()> {
    let claim = covers(["3551-02"]).pending();
    let house = house()?;
    let InCall { mut phone, mut dialog, mut media, .. } = plain(&house, &house.echo, TONE)?;
    media.hears(TONE)?;
    phone.invite_again(&mut dialog, &media.sdp("RTP/AVP 0", "a=sendonly\r\n"))?;
    media.drain()?;
    let began = Instant::now();
    let last = media.next.clone();
    let paused = media.talk(60)?;
    ensure!(paused.is_empty(), "{} packets while held", paused.len());
    let before: Option<RawRtp> = media.hear(Duration::from_millis(1))?;
    ensure!(before.is_none() && last.sequence != media.next.sequence);
    phone.invite_again(&mut dialog, &media.sdp("RTP/AVP 0", "a=sendrecv\r\n"))?;
    let first = media.hear(WITHIN)?.context("sound after the hold")?;
    let quiet = began.elapsed().as_secs_f64();
    ensure!(first.marker, "the first packet has the marker");
    let next = media.talk(10)?;
    ensure!(next.iter().all(|packet| !packet.marker), "and no other");
    ensure!(quiet > 1.0);
    claim.proven();
    Ok(())
}

/// T-58 (firewalls that want to be opened from inside), T-42 (markers on all packets), T-63 (other packet times).
#[test]
fn the_habits_of_gateways_are_borne() -> anyhow::Result<()> {
    let claims = (
        covers(["T-58", "T-63", "T-64"]).pending(),
        covers(["T-42"]).but("wrong timestamps of key events, which a unit test has").pending(),
    );
    let house = house()?;
    let InCall { mut media, .. } = plain(&house, &house.echo, TONE)?;
    ensure!(media.hear(Duration::from_secs(1))?.is_some(), "the server speaks first");
    media.next.marker = true;
    media.next.sequence = 0;
    let mut heard = Vec::new();
    for frames in [25, 25, 25] {
        heard.extend(media.talk(frames)?);
    }
    house.ensure_steady(&heard, 160).context("own timestamps go on")?;
    ensure!(heard.iter().all(|packet| packet.payload.len() <= 1_200), "within a packet of the path");
    media.hears(TONE)?;
    media.next.marker = false;
    for (lines, len) in [("a=ptime:40\r\n", 320), ("a=ptime:30\r\n", 240), ("a=ptime:60\r\na=maxptime:10\r\n", 80)] {
        let InCall { mut media, .. } = house.call(&house.echo, RawMedia::new(TONE)?, "RTP/AVP 0", lines)?;
        let heard = media.talk(20)?;
        ensure!(heard.iter().all(|packet| packet.payload.len() == len), "{lines}: {:?}", heard.first());
    }
    // 60, then 10, then 30 ms in one stream.
    let InCall { mut media, .. } = plain(&house, &house.echo, TONE)?;
    let mut heard = Vec::new();
    for per_packet in [480, 80, 240] {
        let mut octets = Vec::new();
        heard = media.meanwhile(60, |media, _| {
            let frame = media.packet()?;
            octets.extend(frame.payload);
            media.next.sequence = frame.sequence;
            media.next.timestamp = frame.timestamp;
            while octets.len() >= per_packet {
                let payload: Vec<u8> = octets.drain(..per_packet).collect();
                let packet = media.packet_of(payload);
                media.next.timestamp = packet.timestamp.wrapping_add(per_packet as u32);
                media.send(&packet)?;
            }
            Ok(())
        })?;
    }
    let level = media.level(&heard[heard.len() / 2..], TONE)?;
    ensure!(level > -30.0, "{level:.1} dBFS");
    claims.0.proven();
    claims.1.proven();
    Ok(())
}
