//! Who is not the peer: RTP bleed and injection, forged RTCP, sprayed ports. The attacker has an address of its own and
//! knows everything that stands in the clear.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, ensure};
use plenary_media::plan::AudioCodec;
use rfc_tests::coverage::covers;
use rfc_tests::raw_media::{RawMedia, SUITES};
use rfc_tests::scratch::own_address;

use crate::{InCall, OTHER_TONE, TONE, house};

const ATTACK_TONE: f64 = 2_000.0;

/// Aims at the leg whose server end is this, with the numbers of its stream.
fn attacker(at: Ipv4Addr, victim: &RawMedia) -> anyhow::Result<RawMedia> {
    let mut attacker = RawMedia::at(at, AudioCodec::Pcmu, 0, ATTACK_TONE)?;
    attacker.server = victim.server;
    attacker.next = victim.next.clone();
    Ok(attacker)
}

fn plain(house: &crate::House, uri: &str, hertz: f64) -> anyhow::Result<InCall> {
    house.call(uri, RawMedia::new(hertz)?, "RTP/AVP 0", "")
}

/// AST-2017-005 and -008, CVE-2025-53399: the first packets and all later ones of a stranger.
#[test]
fn a_strangers_packets_neither_move_the_stream_nor_are_heard() -> anyhow::Result<()> {
    let claim = covers(["A-01", "A-27", "S-08"]).pending();
    let house = house()?;
    let mut listener = plain(&house, &house.conference, OTHER_TONE)?.media;
    let mut victim = plain(&house, &house.conference, TONE)?.media;
    let mut stranger = attacker(own_address(), &victim)?;
    let before = house.api.refused_media("source")?;
    // Before the phone has said a word …
    let bled = stranger.talk(50)?;
    listener.hears_no(ATTACK_TONE)?;
    // … and while it speaks, with its SSRC and the numbers that come next.
    victim.hears_no(ATTACK_TONE)?;
    stranger.next = victim.next.clone();
    let (more, heard) = std::thread::scope(|scope| {
        let talking = scope.spawn(|| victim.talk(100));
        let attack = scope.spawn(|| stranger.talk(100));
        let heard = listener.talk(100)?;
        drop(talking.join());
        Ok::<_, anyhow::Error>((attack.join().expect("no panic")?, heard))
    })?;
    ensure!(bled.is_empty() && more.is_empty(), "{} packets bled", bled.len() + more.len());
    let late = &heard[50..];
    let (wanted, injected) = (listener.level(late, TONE)?, listener.level(late, ATTACK_TONE)?);
    ensure!(wanted > -30.0 && injected < -50.0, "the voice at {wanted:.1}, the stranger at {injected:.1} dBFS");
    house.wait_refused("source", before, 140)?;
    // RTCP is treated alike: a goodbye, and all ports around.
    let mut bye = vec![0x80, 201, 0, 1];
    bye.extend(victim.next.ssrc.to_be_bytes());
    bye.extend([0x81, 203, 0, 1]);
    bye.extend(victim.next.ssrc.to_be_bytes());
    let before = house.api.refused_media("source")?;
    let (rtp, rtcp) = victim.server.context("an answer")?;
    for to in [rtp, rtcp] {
        stranger.rtp.send_to(&bye, to)?;
    }
    house.wait_refused("source", before, 2)?;
    let packet = stranger.packet()?.octets();
    for port in 20_000..21_000 {
        stranger.rtp.send_to(&packet, SocketAddr::new(rtp.ip(), port))?;
    }
    ensure!(stranger.hear(Duration::from_millis(300))?.is_none(), "nothing comes back");
    ensure!(stranger.others.is_empty(), "nothing at all: {:?}", stranger.others);
    std::thread::scope(|scope| {
        let listening = scope.spawn(|| listener.hears(TONE));
        victim.hears(OTHER_TONE)?;
        listening.join().expect("no panic")
    })?;
    claim.proven();
    Ok(())
}

/// T-40: behind NAT the description names an address that nobody can reach.
#[test]
fn a_phone_behind_nat_is_found_by_three_packets_from_its_signalling_host() -> anyhow::Result<()> {
    let claim = covers(["T-40", "4961-01"]).pending();
    let house = house()?;
    let mut phone = rfc_tests::raw_phone::RawPhone::guest(&house.server, "phone")?;
    let mut media = RawMedia::new(TONE)?;
    let private = media.sdp("RTP/AVP 0", "").replace("IN IP4 127.0.0.1", "IN IP4 10.255.255.7");
    let (mut dialog, answer) = phone.join_by(phone.request("INVITE", &house.echo, "", &private))?;
    media.follow(&answer.0)?;
    let mut stranger = attacker(own_address(), &media)?;
    ensure!(stranger.talk(10)?.is_empty(), "a stranger is no candidate");
    let packet = media.packet()?;
    media.send(&packet)?;
    media.send(&packet)?; // the same twice proves nothing
    ensure!(media.hear(Duration::from_millis(200))?.is_none(), "one packet is no proof");
    media.hears(TONE)?;
    let (from, _) = media.server.context("an answer")?;
    media.rtp.connect(from)?;
    ensure!(media.hear(Duration::from_millis(200))?.is_some(), "sent from the port that was advertised");

    // Once found it stays: another port of the same host is a stranger, until a description names it.
    let mut elsewhere = attacker(Ipv4Addr::LOCALHOST, &media)?;
    ensure!(elsewhere.talk(25)?.is_empty(), "plain RTP from elsewhere moves nothing");
    phone.invite_again(&mut dialog, &elsewhere.sdp("RTP/AVP 0", ""))?;
    elsewhere.hears(ATTACK_TONE)?;

    // What is sealed with the phone's key is the phone, wherever it is.
    let InCall { mut media, .. } = house.secure_call(&house.echo, SUITES[0])?;
    media.hears(TONE)?;
    let mut moved = attacker(own_address(), &media)?;
    moved.srtp = media.srtp.take();
    moved.hears(ATTACK_TONE)?;
    claim.proven();
    Ok(())
}

/// RFC 7983: whatever the first octet says, it is sorted, dropped where it is nobody's, and counted.
#[test]
fn datagrams_of_every_first_octet_are_dropped_and_counted() -> anyhow::Result<()> {
    let house = house()?;
    let sum = || house.api.metric("media_refused_packets_total");
    for secure in [false, true] {
        let InCall { mut phone, mut media, .. } = match secure {
            true => house.secure_call(&house.echo, SUITES[4])?,
            false => plain(&house, &house.echo, TONE)?,
        };
        media.hears(TONE)?;
        let before = sum()?;
        media.meanwhile(64, |media, frame| {
            for first in (0..4).map(|n| (4 * frame + n) as u8) {
                for len in [1, 2, 13, 40, 1_500] {
                    let mut datagram = vec![0x7f; len];
                    datagram[0] = first;
                    media.send_octets(&datagram)?;
                }
            }
            Ok(())
        })?;
        rfc_tests::deadline::wait_for("1280 datagrams refused", crate::WITHIN, || {
            (sum().ok()? >= before + 1_280.0).then_some(())
        })?;
        media.drain()?;
        media.hears(TONE)?;
        ensure!(media.others.is_empty(), "nothing is answered: {:?}", media.others);
        phone.expect_no("BYE", Duration::from_millis(1))?;
    }
    Ok(())
}
