//! RFC 5763 and RFC 5764 with OpenSSL as the phone: each SRTP profile by itself, none, and datagrams that are lost.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use plenary_media::plan::{DtlsPlan, DtlsRole};
use plenary_media::secure::dtls::{Association, Identity, Output};
use rfc_tests::coverage::covers;
use rfc_tests::openssl::{Certificate, Handshake, Passed, Way, srtp_of, srtp_of_server};
use rfc_tests::raw_media::{RawMedia, RawSrtp, Suite};
use rfc_tests::raw_phone::RawPhone;

use crate::{House, TONE, attributes, house};

/// OpenSSL's name, and that of the suite in SDES.
const PROFILES: [(&str, &str); 3] = [
    ("SRTP_AES128_CM_SHA1_80", "AES_CM_128_HMAC_SHA1_80"),
    ("SRTP_AEAD_AES_128_GCM", "AEAD_AES_128_GCM"),
    ("SRTP_AEAD_AES_256_GCM", "AEAD_AES_256_GCM"),
];
const ETHERNET: u16 = 1_400;
/// The longest datagram that passes everywhere.
const LONGEST: usize = 1_200;

/// A phone with DTLS and without ICE, which begins the handshake.
fn call(house: &House, certificate: &Certificate) -> anyhow::Result<(RawPhone, RawMedia)> {
    call_as(house, certificate, "active")
}

fn call_as(house: &House, certificate: &Certificate, setup: &str) -> anyhow::Result<(RawPhone, RawMedia)> {
    let mut phone = RawPhone::guest(&house.server, "phone")?;
    let mut media = RawMedia::new(TONE)?;
    let lines = format!("a=rtcp-mux\r\na=fingerprint:{}\r\na=setup:{setup}\r\n", certificate.fingerprint);
    let offer = media.sdp("UDP/TLS/RTP/SAVP 0", &lines);
    let (_, answer) = phone.join_by(phone.request("INVITE", &house.echo, "", &offer))?;
    media.follow(&answer.0)?;
    Ok((phone, media))
}

fn suite(name: &str) -> anyhow::Result<(Suite, usize)> {
    let suite = Suite::named(name).context("a suite")?;
    Ok((suite, 2 * suite.key_and_salt_len()))
}

#[test]
fn each_profile_alone_carries_a_voice_and_without_one_the_leg_ends() -> anyhow::Result<()> {
    let claim = covers(["5764-01"]).pending();
    let house = house()?;
    let certificate = Certificate::make()?;
    for (profile, name) in PROFILES {
        let (mut phone, mut media) = call(&house, &certificate)?;
        let (suite, key_len) = suite(name)?;
        let mut handshake = Handshake::begin(&certificate, Some(profile), key_len, ETHERNET)?;
        let session = handshake.carry(&mut media, |_, _| false).with_context(|| profile.to_owned())?;
        ensure!(session.contains(&format!("profile={profile}")), "{profile}: {session}");
        media.srtp = Some(srtp_of(&session, suite)?);
        media.hears(TONE).with_context(|| profile.to_owned())?;
        ensure!(media.others.is_empty(), "{profile}: all was sealed");
        phone.expect_no("BYE", Duration::from_millis(1))?;
    }
    // No SRTP at all, and one profile that DTLS-SRTP here does not have.
    for profile in [None, Some("SRTP_AES128_CM_SHA1_32")] {
        let (mut phone, mut media) = call(&house, &certificate)?;
        let mut handshake = Handshake::begin(&certificate, profile, 60, ETHERNET)?;
        let session = handshake.carry(&mut media, |_, _| false)?;
        ensure!(!session.contains("SRTP Extension negotiated"), "{profile:?}: {session}");
        phone.is_hung_up().with_context(|| format!("{profile:?}"))?;
        ensure!(media.hear(Duration::from_millis(300))?.is_none(), "nothing in clear");
    }
    claim.proven();
    Ok(())
}

/// Many phones and PBXs show one of RSA: by ECDHE_RSA where they are the server, by its signature where they are not.
#[test]
fn a_certificate_of_rsa_is_as_good_in_either_role() -> anyhow::Result<()> {
    let house = house()?;
    let certificate = Certificate::make_rsa()?;
    for (profile, name) in PROFILES {
        let (suite, key_len) = suite(name)?;
        let (_phone, mut media) = call_as(&house, &certificate, "active")?;
        let session = Handshake::begin(&certificate, Some(profile), key_len, ETHERNET)?.carry(&mut media, |_, _| false);
        media.srtp = Some(srtp_of(&session.context("as the client")?, suite)?);
        media.hears(TONE).context("as the client")?;

        let (_phone, mut media) = call_as(&house, &certificate, "passive")?;
        let session = Handshake::attend(&certificate, profile, key_len)?.carry(&mut media, |_, _| false);
        let session = session.context("as the server")?;
        ensure!(session.contains("ECDHE-RSA"), "{session}");
        media.srtp = Some(srtp_of_server(&session, suite)?);
        media.hears(TONE).context("as the server")?;
    }
    Ok(())
}

#[test]
fn a_handshake_outlives_the_loss_of_any_datagram() -> anyhow::Result<()> {
    let claim = covers(["5763-06"]).pending();
    let house = house()?;
    let certificate = Certificate::make()?;
    let (suite, key_len) = suite(PROFILES[0].1)?;
    let shake = |mtu: u16, lose: &dyn Fn(Way, usize) -> bool| -> anyhow::Result<Passed> {
        let (_phone, mut media) = call(&house, &certificate)?;
        let mut handshake = Handshake::begin(&certificate, Some(PROFILES[0].0), key_len, mtu)?;
        let session = handshake.carry(&mut media, lose)?;
        media.srtp = Some(srtp_of(&session, suite)?);
        media.hears(TONE)?;
        Ok(handshake.passed)
    };
    // Cut into pieces by the phone, all of which must come together again.
    let pieces = shake(300, &|_, _| false).context("in pieces")?;
    ensure!(pieces.to_server.iter().all(|datagram| datagram.len() <= 300), "{pieces:?}");
    let whole = shake(ETHERNET, &|_, _| false)?;
    ensure!(pieces.to_server.len() > whole.to_server.len(), "{} pieces", pieces.to_server.len());
    let longest = whole.to_client.iter().chain(&pieces.to_client).map(Vec::len).max();
    ensure!(longest.is_some_and(|longest| longest <= LONGEST), "{longest:?} octets");
    // A HelloVerifyRequest comes before anything that costs (RFC 6347 §4.2.1).
    let first = whole.to_client.first().context("no answer")?;
    ensure!((first[0], first.get(13)) == (22, Some(&3)) && first.len() < 100, "{first:?}");

    for way in [Way::ToServer, Way::ToClient] {
        let count = if way == Way::ToServer { whole.to_server.len() } else { whole.to_client.len() };
        ensure!(count >= 3, "three flights {way:?} at least: {count}");
        for lost in 0..count {
            shake(ETHERNET, &|its_way, number| its_way == way && number == lost)
                .with_context(|| format!("number {lost} {way:?} lost"))?;
        }
    }
    claim.proven();
    Ok(())
}

/// Shakes hands from this socket with one of the server's ports; the server waits for it.
fn shake(socket: &UdpSocket, to: SocketAddr, identity: &Identity, theirs: &str) -> anyhow::Result<RawSrtp> {
    let plan = DtlsPlan { role: DtlsRole::Active, fingerprints: vec![theirs.parse()?] };
    let mut association = Association::new(identity, &plan, Instant::now());
    socket.set_read_timeout(Some(Duration::from_millis(5)))?;
    let give_up = Instant::now() + Duration::from_secs(10);
    let mut buffer = [0; 2_048];
    loop {
        let now = Instant::now();
        ensure!(now < give_up, "no handshake with {to}");
        if association.poll_timeout().is_some_and(|due| due <= now) {
            association.handle_timeout(now)?;
        }
        let mut agreed = None;
        while let Some(output) = association.poll_output() {
            match output {
                Output::Send(datagram) => {
                    socket.send_to(datagram, to)?;
                }
                Output::Keys(keys) => agreed = Some(keys),
                Output::Failed(why) => anyhow::bail!("{why}"),
            }
        }
        if let Some(keys) = agreed {
            let suite = Suite::named(keys.suite.name()).context("a suite")?;
            return RawSrtp::new(suite, &keys.local, &keys.remote);
        }
        if let Ok((len, from)) = socket.recv_from(&mut buffer)
            && from == to
            && matches!(buffer[0], 20..=63)
        {
            association.handle_datagram(&buffer[..len], now)?;
        }
    }
}

/// T-60: Linphone without rtcp-mux shakes hands twice, and sends bare STUN to the port of SRTP.
#[test]
fn without_mux_each_port_has_a_handshake_of_its_own() -> anyhow::Result<()> {
    let claim = covers(["T-60"]).pending();
    let house = house()?;
    let mut phone = RawPhone::guest(&house.server, "phone")?;
    let mut media = RawMedia::new(TONE)?;
    let identity = Identity::generate()?;
    let lines = format!("a=fingerprint:{}\r\na=setup:active\r\n", identity.fingerprint());
    let offer = media.sdp("UDP/TLS/RTP/SAVP 0", &lines);
    let (_, answer) = phone.join_by(phone.request("INVITE", &house.echo, "", &offer))?;
    ensure!(!answer.0.contains("a=rtcp-mux"), "{}", answer.0);
    media.follow(&answer.0)?;
    let (rtp, rtcp) = media.server.context("an answer")?;
    let theirs = attributes(&answer.0, "fingerprint")[0].to_owned();
    media.srtp = Some(shake(&media.rtp, rtp, &identity, &theirs)?);
    media.hears(TONE).context("before RTCP is keyed")?;
    let mut reports = shake(&media.rtcp, rtcp, &identity, &theirs)?;

    // The keys of one are not those of the other.
    media.rtcp.set_read_timeout(Some(Duration::from_millis(1)))?;
    let mut buffer = [0; 2_048];
    let give_up = Instant::now() + Duration::from_secs(15);
    let report = loop {
        ensure!(Instant::now() < give_up, "no report");
        media.talk(5)?;
        match media.rtcp.recv(&mut buffer) {
            Ok(len) if buffer[0] >> 6 == 2 => break reports.open_rtcp(&buffer[..len])?,
            _ => {}
        }
    };
    ensure!(matches!(report.get(1), Some(200 | 201)), "{report:?}");
    let receiver_report = [&[0x80, 201, 0, 1][..], &media.next.ssrc.to_be_bytes()].concat();
    let before = house.api.refused_media("authentication")?;
    media.rtcp.send_to(&reports.seal_rtcp(&receiver_report)?, rtcp)?;
    let by_rtp = media.srtp.as_mut().context("keys")?.seal_rtcp(&receiver_report)?;
    media.rtcp.send_to(&by_rtp, rtcp)?;
    house.wait_refused("authentication", before, 1)?;

    // Keep-alives: a Binding request of nothing but its header, and an indication.
    let before = house.api.refused_media("malformed")?;
    let lines = house.server.log().lines().count();
    for kind in [1, 0x11] {
        let mut bare = [0; 20];
        (bare[1], bare[4], bare[5], bare[6], bare[7]) = (kind, 0x21, 0x12, 0xa4, 0x42);
        for to in [rtp, rtcp] {
            let socket = if to == rtp { &media.rtp } else { &media.rtcp };
            for _ in 0..50 {
                socket.send_to(&bare, to)?;
            }
        }
        media.talk(5)?;
    }
    house.wait_refused("malformed", before, 200)?;
    media.drain()?;
    media.hears(TONE)?;
    let more = house.server.log().lines().count() - lines;
    ensure!(more < 50, "{more} lines for 200 datagrams");
    ensure!(house.api.refused_media("authentication")? < 2.0, "one report was forged");
    phone.expect_no("BYE", Duration::from_millis(1))?;
    claim.proven();
    Ok(())
}
