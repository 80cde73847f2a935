//! Where media and requests go when descriptions and Contacts move: RFC 3264 §8.3.1, RFC 8866 §5.7, RFC 3311, RFC 6141.

use std::net::{Ipv6Addr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, ensure};
use plenary_media::plan::AudioCodec;
use rfc_tests::coverage::covers;
use rfc_tests::raw::header;
use rfc_tests::raw_media::{RawMedia, SUITES};
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::scratch::own_address;
use serde_json::json;

use crate::{House, InCall, OTHER_TONE, TONE, WITHIN, house, house_with, srtp_of};

const PLAIN: &str = "RTP/AVP 0";

/// §8.3.1: another port and stream, while the old port still speaks.
#[test]
fn a_stream_moves_with_its_offer_and_its_last_packets_are_heard() -> anyhow::Result<()> {
    let claim = covers(["3264-06"]).pending();
    let house = house()?;
    let suite = SUITES[0];
    for secure in [false, true] {
        let (audio, lines) =
            if secure { ("RTP/SAVP 0", suite.line(1, &suite.made(1))) } else { (PLAIN, String::new()) };
        let InCall { mut phone, mut dialog, media: mut old, .. } = match secure {
            true => house.secure_call(&house.echo, suite)?,
            false => house.call(&house.echo, RawMedia::new(TONE)?, PLAIN, "")?,
        };
        old.hears(TONE)?;
        let strangers = house.api.refused_media("source")?;
        let mut new = RawMedia::new(OTHER_TONE)?;
        let answer = phone.invite_again(&mut dialog, &new.sdp(audio, &lines))?;
        new.follow(&answer.0)?;
        ensure!(new.server == old.server, "the server listens where it did: {}", answer.0);
        if secure {
            new.srtp = Some(srtp_of(&answer, suite, &suite.made(1))?);
        }
        old.drain()?;
        // Only the old port speaks, and only the new one hears.
        let heard = new.meanwhile(50, |_, _| {
            let packet = old.packet()?;
            old.send(&packet)
        })?;
        ensure!(heard.len() >= 40, "{} packets at the new port", heard.len());
        let level = new.level(&heard[heard.len() / 2..], TONE)?;
        ensure!(level > -30.0, "what is on its way is heard: {level:.1} dBFS");
        ensure!(old.hear(Duration::from_millis(1))?.is_none(), "nothing goes to the old port");
        new.hears(OTHER_TONE)?;
        ensure!(house.api.refused_media("source")? == strangers, "nobody was taken for a stranger");
        // After two seconds the old port is nobody's.
        old.meanwhile(60, |_, _| Ok(()))?;
        let before = house.api.refused_media("source")?;
        if !secure {
            old.talk(20)?;
            house.wait_refused("source", before, 20)?;
        }
        new.hears(OTHER_TONE)?;
    }
    claim.proven();
    Ok(())
}

#[test]
fn media_goes_to_the_address_of_its_own_line() -> anyhow::Result<()> {
    let claim = covers(["8866-02"]).pending();
    let house = house()?;
    let own = own_address();
    let mut media = RawMedia::at(own, AudioCodec::Pcmu, 0, TONE)?;
    let port = media.port();
    let head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n";
    let mixed = format!(
        "{head}c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 4002 RTP/AVP 96\r\nc=IN IP6 2001:db8::1\r\na=rtpmap:96 VP8/90000\r\n\
         m=audio {port} RTP/AVP 0\r\nc=IN IP4 {own}\r\n"
    );
    let mut phone = RawPhone::guest(&house.server, "phone")?;
    let (_, answer) = phone.join_by(phone.request("INVITE", &house.echo, "", &mixed))?;
    media.follow(&answer.0)?;
    ensure!(media.hear(WITHIN)?.is_some(), "sound at {own}:{port}");
    media.hears(TONE)?;

    for (lines, code) in [
        ("t=0 0\r\nm=audio 4000 RTP/AVP 0\r\n", "301 "),
        ("c=IN IP4 media.example\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n", "301 "),
        ("c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 localhost\r\n", "301 "),
        ("c=IN IP6 ::1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n", "300 "),
    ] {
        let mut phone = RawPhone::guest(&house.server, "phone")?;
        let (_, refused) = phone.ask(phone.request("INVITE", &house.echo, "", &format!("{head}{lines}")))?;
        let warning = refused.header("Warning").unwrap_or_default();
        ensure!(refused.status() == 488 && warning.starts_with(code), "{lines}: {}", refused.0);
    }

    let house = house_with(&["media.bind=::1", "server.advertised-address=::1"])?;
    let socket = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(WITHIN))?;
    let port = socket.local_addr()?.port();
    let offer = format!("v=0\r\no=- 1 1 IN IP6 ::1\r\ns=-\r\nc=IN IP6 ::1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n");
    let mut phone = RawPhone::guest(&house.server, "phone")?;
    let (_, answer) = phone.join_by(phone.request("INVITE", &house.echo, "", &offer))?;
    ensure!(answer.0.contains("c=IN IP6 ::1\r\n"), "{}", answer.0);
    let (len, from) = socket.recv_from(&mut [0; 2_048])?;
    ensure!(len == 172 && answer.0.contains(&format!("m=audio {} ", from.port())), "{len} octets from {from}");
    claim.proven();
    Ok(())
}

fn conference_hangs_up(house: &House) -> anyhow::Result<()> {
    let people = house.api.wait_for_state("3001", "connected", 1, WITHIN)?;
    let id = people.iter().find(|person| person["state"] == "connected").context("somebody")?["id"].clone();
    house.api.delete(&format!("/conferences/3001/participants/{}", id.as_str().unwrap_or_default())).map(drop)
}

fn uri_of(request: &str) -> &str {
    request.split(' ').nth(1).unwrap_or_default()
}

/// RFC 3311 §5.1, RFC 6141 §4.3 to §4.7: only what is accepted moves the target, and it does so at once.
#[test]
fn requests_follow_the_phone_to_another_host() -> anyhow::Result<()> {
    let claims = (covers(["3311-02"]).pending(), covers(["6141-02"]).pending());
    let house = house()?;
    let sdp = |phone: &RawPhone| phone.sdp();
    for by_update in [true, false] {
        let mut first = RawPhone::guest_at(&house.server, "phone", own_address())?;
        let mut moved = RawPhone::guest_at(&house.server, "phone", own_address())?;
        let mut refused = RawPhone::guest_at(&house.server, "phone", own_address())?;
        let mut dialog = first.join(&house.conference)?;
        let offer = sdp(&first)?;
        let accepted = match by_update {
            true => moved.ask_in(&mut dialog, "UPDATE", "")?,
            false => moved.invite_again(&mut dialog, &offer)?,
        };
        ensure!(accepted.status() == 200 && accepted.header("Contact").is_some(), "{}", accepted.0);
        ensure!(!by_update || accepted.header("Content-Type").is_none(), "a refresh without offer: {}", accepted.0);
        let answer = refused.invite_again(&mut dialog, &offer.replace("RTP/AVP 0", "RTP/AVP 4"))?;
        ensure!(answer.status() == 488, "{}", answer.0);
        conference_hangs_up(&house)?;
        let bye = moved.is_hung_up()?;
        ensure!(uri_of(&bye.0) == moved.contact()?, "{}", bye.0);
        for other in [&mut first, &mut refused] {
            other.expect_no("BYE", Duration::from_millis(200))?;
        }
    }

    // Of a call that the server places: the reliable 183 has one Contact, the 200 another.
    let mut phone = RawPhone::new(&house.server, &house.api, "alice")?;
    phone.register()?;
    house.api.post("/conferences/3001/participants", json!({ "address": "alice" }))?;
    let invite = phone.expect("INVITE")?;
    let place = phone.socket()?;
    let say = |phone: &RawPhone, status: &str, user: &str, extra: &str, body: &str| {
        let of = |name: &str| header(&invite, name).unwrap_or_default();
        phone.send(&format!(
            "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=a\r\nCall-ID: {}\r\nCSeq: {}\r\n\
             Contact: <sip:{user}@{place}>\r\n{extra}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            of("Via"),
            of("From"),
            of("To"),
            of("Call-ID"),
            of("CSeq"),
            body.len()
        ))
    };
    let body = phone.sdp()?;
    say(&phone, "183 Session Progress", "desk", "Require: 100rel\r\nRSeq: 7\r\n", &body)?;
    let prack = phone.expect("PRACK")?;
    ensure!(uri_of(&prack) == format!("sip:desk@{place}"), "{prack}");
    phone.answer(&prack, "200 OK", "", "")?;
    say(&phone, "200 OK", "hall", "", &body)?;
    let ack = phone.expect("ACK")?;
    ensure!(uri_of(&ack) == format!("sip:hall@{place}"), "{ack}");
    conference_hangs_up(&house)?;
    let bye = phone.is_hung_up()?;
    ensure!(uri_of(&bye.0) == format!("sip:hall@{place}"), "{}", bye.0);
    claims.0.proven();
    claims.1.proven();
    Ok(())
}
