//! What phones, gateways and proxies really send: each odd message gets what its sender needs.

use std::time::Duration;

use anyhow::{Context, ensure};
use rfc_tests::api::Api;
use rfc_tests::coverage::covers;
use rfc_tests::raw::{Answer, RawPeer, RawStream, header, request};
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::server::Server;
use serde_json::json;

/// An open conference, a guest, and the address to call.
fn house() -> anyhow::Result<(Server, Api, RawPhone, String)> {
    let server = Server::start()?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    let phone = RawPhone::guest(&server, "phone")?;
    let uri = format!("sip:3001@{}", server.address);
    Ok((server, api, phone, uri))
}

fn direction(answer: &Answer) -> &str {
    let lines = answer.0.lines().filter_map(|line| line.strip_prefix("a="));
    lines.into_iter().find(|line| ["sendrecv", "sendonly", "recvonly", "inactive"].contains(line)).unwrap_or("sendrecv")
}

fn audio_port(answer: &Answer) -> Option<&str> {
    answer.0.lines().find_map(|line| line.strip_prefix("m=audio "))?.split(' ').next()
}

#[test]
fn hold_is_understood_in_each_of_its_dialects() -> anyhow::Result<()> {
    let claim = covers(["T-01", "T-02", "T-07"]).but("the roster's word for it and the mix").pending();
    let (server, api, mut phone, uri) = house()?;
    let (mut dialog, joined) = phone.join_by(phone.request("INVITE", &uri, "", &phone.sdp()?))?;
    api.wait_for_state("3001", "connected", 1, Duration::from_secs(5))?;
    let plain = phone.sdp()?;
    let at_session = plain.replace("t=0 0\r\n", "t=0 0\r\na=inactive\r\n");
    for (what, held, wanted) in [
        ("sendonly", format!("{plain}a=sendonly\r\n"), vec!["recvonly"]),
        ("inactive", format!("{plain}a=inactive\r\n"), vec!["inactive"]),
        ("inactive for the session", at_session, vec!["inactive"]),
        (
            "no address",
            plain.replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0"),
            vec!["sendrecv", "recvonly", "inactive"],
        ),
    ] {
        let answer = phone.invite_again(&mut dialog, &held)?;
        ensure!(answer.status() == 200 && wanted.contains(&direction(&answer)), "{what}: {}", answer.0);
        ensure!(answer.0.contains(&format!("c=IN IP4 {}", server.address)), "{what}: {}", answer.0);
        ensure!(audio_port(&answer) == audio_port(&joined), "{what} keeps the port: {}", answer.0);
        let resumed = phone.invite_again(&mut dialog, "")?;
        ensure!(resumed.status() == 200 && direction(&resumed) == "sendrecv", "after {what}: {}", resumed.0);
        ensure!(resumed.0.contains("PCMU") && resumed.0.contains("opus"), "a full offer: {}", resumed.0);
    }
    ensure!(api.participants("3001")?.len() == 1, "one call throughout");
    claim.proven();
    Ok(())
}

#[test]
fn a_call_without_offer_is_offered_everything() -> anyhow::Result<()> {
    let claim = covers(["T-06"]).but("no policy for each trunk").pending();
    let (_server, api, mut phone, uri) = house()?;
    let (_, answer) = phone.join_by(phone.request("INVITE", &uri, "", ""))?;
    ensure!(answer.0.contains("RTP/AVP ") && answer.0.contains("opus") && answer.0.contains("PCMA"), "{}", answer.0);
    api.wait_for_state("3001", "connected", 1, Duration::from_secs(5))?;
    claim.proven();
    Ok(())
}

#[test]
fn of_two_audio_lines_the_first_that_can_be_is_taken() -> anyhow::Result<()> {
    let claim = covers(["T-20"]).pending();
    let (_server, api, mut phone, uri) = house()?;
    let plain = phone.sdp()?;
    // Over UDP a key is nobody's secret: the first line cannot be taken.
    let two = plain.replace(
        "m=audio",
        "m=audio 40000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\
                             WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\nm=audio",
    );
    let (_, answer) = phone.join_by(phone.request("INVITE", &uri, "", &two))?;
    let lines: Vec<_> = answer.0.lines().filter(|line| line.starts_with("m=audio ")).collect();
    ensure!(lines.len() == 2 && lines[0].starts_with("m=audio 0 ") && !lines[1].starts_with("m=audio 0 "), "{lines:?}");
    ensure!(api.participants("3001")?.len() == 1, "one participant");
    claim.proven();
    Ok(())
}

#[test]
fn long_messages_and_long_routes_pass() -> anyhow::Result<()> {
    let claims = (
        covers(["T-24"]).but("own long requests, which the transport tests show").pending(),
        covers(["T-25"]).pending(),
    );
    let (server, _api, mut phone, uri) = house()?;
    let peer = RawPeer::new(&server)?;
    let vias = "Via: SIP/2.0/UDP p.example;branch=z9hG4bKp\r\n".repeat(69);
    // Behind the first, which is where the answer goes.
    let options = peer.request("OPTIONS", &format!("sip:{}", server.address), "", "");
    let options = options.replace("Max-Forwards", &format!("{vias}Max-Forwards"));
    ensure!(peer.ask(&options)?.status() == 200);
    let mut stream = RawStream::connect(&server)?;
    let many = (0..8).map(|line| format!("X-Long-{line}: {}\r\n", "z".repeat(7_900))).collect::<String>();
    let options = request("TCP", &stream.local()?, "OPTIONS", &format!("sip:{}", server.address), &many, "");
    ensure!(options.len() > 63_000);
    stream.send(options.as_bytes())?;
    let answer = stream.read_until(|read| read.contains("\r\n\r\n"))?;
    ensure!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    let routes = (0..50).map(|hop| format!("Record-Route: <sip:p{hop}.example;lr>\r\n")).collect::<String>();
    let padding = format!("{}a=x-padding:{}\r\n", phone.sdp()?, "y".repeat(3_000));
    let (_, answer) = phone.join_by(phone.request("INVITE", &uri, &routes, &padding))?;
    let echoed = answer.0.lines().filter(|line| line.starts_with("Record-Route:"));
    ensure!(echoed.flat_map(|line| line.split(',')).count() == 50, "{}", answer.0);
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

#[test]
fn record_routes_come_back_to_the_letter() -> anyhow::Result<()> {
    let claim = covers(["T-29"]).pending();
    let (_server, api, mut phone, uri) = house()?;
    // The proxy is the phone's own socket, so that the BYE can be read.
    let contact = phone.contact()?;
    let proxy = contact.split('@').nth(1).context("an address")?;
    let routes = [
        format!("<sip:{proxy};transport=udp;r2=on;lr;did=a11.7f2;alias=10.0.0.1~5060~1;ftag=x;nat>"),
        "<sip:10.255.255.1;r2=on;lr=on;did=a11.7f2;UPPER=Case;empty=>".to_owned(),
    ];
    let extra = routes.iter().map(|route| format!("Record-Route: {route}\r\n")).collect::<String>();
    let (_, answer) = phone.join_by(phone.request("INVITE", &uri, &extra, &phone.sdp()?))?;
    for route in &routes {
        ensure!(answer.0.contains(route), "{route} in {}", answer.0);
    }
    let people = api.wait_for_state("3001", "connected", 1, Duration::from_secs(5))?;
    api.delete(&format!("/conferences/3001/participants/{}", people[0]["id"].as_str().unwrap_or_default()))?;
    let bye = phone.expect("BYE")?;
    let at: Vec<_> = routes.iter().map(|route| bye.find(route.as_str())).collect();
    ensure!(at[0].is_some() && at[0] < at[1], "{at:?} in {bye}");
    claim.proven();
    Ok(())
}

#[test]
fn keepalives_and_strange_headers_are_answered() -> anyhow::Result<()> {
    let claim = covers(["T-30", "T-32"]).pending();
    let (server, api, mut phone, uri) = house()?;
    let peer = RawPeer::new(&server)?;
    let local = peer.address()?;
    for user in ["", "asterisk@"] {
        let options = peer.request("OPTIONS", &format!("sip:{}", server.address), "", "");
        let options = options.replace(&format!("Contact: <sip:raw@{local}>"), &format!("Contact: <sip:{user}{local}>"));
        ensure!(peer.ask(&options)?.status() == 200, "{user}");
    }
    let extra = "Supported: X-cisco-callinfo,X-cisco-serviceuri,replaces\r\n\
        Call-Info: <urn:x-cisco-remotecc:callinfo>;x-cisco-video-traffic-class=DESKTOP\r\n\
        Remote-Party-ID: \"A, B\" <sip:a@b>;party=calling;id-type=subscriber;privacy=off;screen=yes\r\n\
        Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000\r\n\
        Cisco-Guid: 1-2-3-4\r\nX-Odd!%'*+._`~: yes\r\n";
    let invite = phone.request("INVITE", &uri, extra, &phone.sdp()?);
    let contact = header(&invite, "Contact").context("a Contact")?.to_owned();
    let odd = format!("{contact};+u.sip!devicename.ccm.cisco.com=\"SEP0011\";+sip.instance=\"<urn:uuid:0-0>\";video");
    phone.join_by(invite.replace(&format!("Contact: {contact}"), &format!("Contact: {odd}")))?;
    api.wait_for_state("3001", "connected", 1, Duration::from_secs(5))?;
    claim.proven();
    Ok(())
}

#[test]
fn names_in_any_writing_are_shown_as_text() -> anyhow::Result<()> {
    let claim = covers(["T-33"]).but("no header of theirs is forwarded").pending();
    let (server, api, _, uri) = house()?;
    for (number, (name, shown)) in [
        ("\"Zo\u{eb} \u{5f20}\"".as_bytes().to_vec(), "Zo\u{eb} \u{5f20}"),
        // Not UTF-8, so Latin-1.
        (b"\"Zo\xeb M\"".to_vec(), "Zo\u{eb} M"),
        (b"\"Doe, John\"".to_vec(), "Doe, John"),
    ]
    .into_iter()
    .enumerate()
    {
        let peer = RawPeer::new(&server)?;
        let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
        let invite = peer.request("INVITE", &uri, "", sdp);
        let (before, after) = invite.split_once("From: <").context("a From")?;
        peer.send(&[before.as_bytes(), b"From: ", &name, b" <", after.as_bytes()].concat())?;
        let answer = loop {
            let text = peer.receive(Duration::from_secs(5))?.context("no answer")?;
            if !text.starts_with("SIP/2.0 1") {
                break text;
            }
        };
        ensure!(answer.starts_with("SIP/2.0 200"), "{number}: {answer}");
        let people = api.participants("3001")?;
        ensure!(people.iter().any(|person| person["name"] == shown), "{shown}: {people:?}");
    }
    claim.proven();
    Ok(())
}

#[test]
fn gateways_put_more_than_sdp_into_a_body() -> anyhow::Result<()> {
    let claim = covers(["T-35"]).pending();
    let (_server, api, mut phone, uri) = house()?;
    let sdp = phone.sdp()?;
    let body = format!(
        "--b\r\nContent-Type: application/sdp\r\n\r\n{sdp}\r\n--b\r\nContent-Type: application/isup;version=itu-t92+\r\n\
         Content-Disposition: signal;handling=optional\r\n\r\n\u{1}\u{2}\u{3}\r\n--b\r\nContent-Type: application/pidf+xml\
         \r\nContent-ID: <a@b>\r\n\r\n<presence/>\r\n--b--\r\n"
    );
    let invite = phone.request("INVITE", &uri, "Geolocation: <cid:a@b>\r\n", &body);
    let invite = invite.replace(
        "Content-Type: application/sdp\r\nContent-Length",
        "Content-Type: multipart/mixed;boundary=b\r\nContent-Length",
    );
    let (mut dialog, _) = phone.join_by(invite)?;
    api.wait_for_state("3001", "connected", 1, Duration::from_secs(5))?;
    let info = phone.ask_with(&mut dialog, "INFO", "application/isup;version=itu-t92+", "\u{1}\u{2}")?;
    ensure!(matches!(info.status(), 200 | 415 | 469), "{}", info.0);
    let bye = phone.ask_with(&mut dialog, "BYE", "application/isup", "\u{c}\u{2}")?;
    ensure!(bye.status() == 200, "{}", bye.0);
    claim.proven();
    Ok(())
}
