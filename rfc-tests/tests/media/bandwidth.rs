//! What `b=` lets the server send: RFC 8866 §5.8, RFC 3890 (TIAS), RFC 3556 (RS, RR).

use std::time::Duration;

use anyhow::ensure;
use plenary_media::plan::AudioCodec;
use rfc_tests::coverage::covers;
use rfc_tests::raw_media::{RawMedia, RawRtp};
use rfc_tests::raw_phone::RawPhone;

use crate::{House, TONE, house};

const OPUS: &str = "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=0\r\n";

/// An echo call with these lines of `b=`, of the session and of the stream.
fn call(house: &House, session: &str, stream: &str) -> anyhow::Result<RawMedia> {
    let mut media = RawMedia::speaking(AudioCodec::Opus, 111, TONE)?;
    let offer = media.sdp("RTP/AVP 111 0", &format!("{stream}{OPUS}")).replace("t=0 0", &format!("{session}t=0 0"));
    let mut phone = RawPhone::guest(&house.server, "phone")?;
    let (_, answer) = phone.join_by(phone.request("INVITE", &house.echo, "", &offer))?;
    media.follow(&answer.0)?;
    Ok(media)
}

/// bit/s of payload, and with the headers of IP, UDP and RTP.
fn rates(heard: &[RawRtp]) -> (f64, f64) {
    let octets: usize = heard.iter().map(|packet| packet.payload.len()).sum();
    let payload = octets as f64 * 8.0 * 50.0 / heard.len() as f64;
    (payload, payload + 40.0 * 8.0 * 50.0)
}

#[test]
fn no_more_is_sent_than_the_description_leaves() -> anyhow::Result<()> {
    let claim = covers(["8866-03"]).pending();
    let house = house()?;
    let free = {
        let mut media = call(&house, "", "b=X-HOUSE:1\r\nb=AS:sixty\r\n")?;
        media.hears(TONE)?;
        rates(&media.talk(75)?).0
    };
    ensure!(free > 20_000.0, "what is unknown limits nothing: {free:.0} bit/s");
    for (session, stream, payload, whole) in [
        ("", "b=AS:30\r\n", f64::MAX, 30_000.0),
        ("", "b=TIAS:10000\r\n", 10_000.0, f64::MAX),
        ("b=CT:28\r\n", "", f64::MAX, 28_000.0),
        ("b=AS:64\r\n", "b=TIAS:9000\r\nb=X-HOUSE:1\r\n", 9_000.0, 64_000.0),
    ] {
        let mut media = call(&house, session, stream)?;
        media.hears(TONE)?;
        let (sent, with_headers) = rates(&media.talk(100)?);
        let within = sent <= payload * 1.05 && with_headers <= whole * 1.05 && sent < free;
        ensure!(within, "{session}{stream}: {sent:.0} bit/s, {with_headers:.0} with headers");
    }
    claim.proven();
    Ok(())
}

/// RFC 3556: who leaves RTCP nothing is sent none; who says nothing gets it as usual.
#[test]
fn who_leaves_reports_no_bandwidth_gets_none() -> anyhow::Result<()> {
    let claim = covers(["3556/3890"]).pending();
    let house = house()?;
    let mut quiet = call(&house, "b=RS:600\r\nb=RR:2000\r\n", "b=RS:0\r\nb=RR:0\r\n")?;
    let mut usual = call(&house, "", "b=RS:800\r\nb=RR:2400\r\n")?;
    let (none, some) = std::thread::scope(|scope| {
        let usual = scope.spawn(|| usual.report(Duration::from_secs(9)));
        let none = quiet.report(Duration::from_secs(9));
        (none, usual.join().expect("no panic"))
    });
    ensure!(none.is_err() && some.is_ok(), "{none:?}, {some:?}");
    quiet.hears(TONE)?;
    let mut narrow = call(&house, "", "b=TIAS:8000\r\nb=RS:0\r\nb=RR:0\r\n")?;
    narrow.hears(TONE)?;
    let (sent, _) = rates(&narrow.talk(75)?);
    ensure!(sent <= 8_000.0 * 1.05, "{sent:.0} bit/s");
    claim.proven();
    Ok(())
}
