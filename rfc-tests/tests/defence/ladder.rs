//! A call that passed can be looked at, by API, by command and with a capture tool, and none of them shows its secrets.

use std::net::UdpSocket;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use rfc_tests::deadline::wait_for;
use rfc_tests::raw::{RawPeer, header};
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::server::{Server, plenary};
use serde_json::json;

const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

fn conference(server: &Server) -> anyhow::Result<rfc_tests::api::Api> {
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    Ok(api)
}

/// Calls the conference with a media key that goes unused, since UDP carries it in clear. Gives the INVITE.
fn call(server: &Server, peer: &RawPeer) -> anyhow::Result<String> {
    let offer = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n\
         a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n"
    );
    let invite = peer.request("INVITE", &format!("sip:3001@{}", server.address), "", &offer);
    let answer = peer.ask(&invite)?;
    ensure!(answer.status() == 200, "{}", answer.0);
    Ok(invite)
}

#[test]
fn the_ladder_of_a_call_shows_its_messages_and_none_of_its_secrets() -> anyhow::Result<()> {
    let server = Server::start()?;
    let api = conference(&server)?;
    let invite = call(&server, &RawPeer::new(&server)?)?;
    let call_id = header(&invite, "Call-ID").context("a Call-ID")?;
    // What was sent is recorded a moment after it was.
    let listed = wait_for("the call with its answer", Duration::from_secs(5), || {
        let calls = api.get("/calls").ok()?;
        calls["items"].as_array()?.iter().find(|call| call["call_id"] == call_id && call["status"] == 200).cloned()
    })?;
    ensure!(listed["ended"] == false, "{listed}");

    let path = format!("/calls/{}", call_id.replace('@', "%40"));
    let (status, ladder) = api.call("GET", &format!("{path}/ladder"), None)?;
    ensure!(status == 200, "{ladder}");
    let start = format!("INVITE sip:3001@{} SIP/2.0", server.address);
    for shown in ["|---INVITE (SDP)----", "|<--200 OK (INVITE, SDP)---", &start, "AES_CM_128_HMAC_SHA1_80 ******"] {
        ensure!(ladder.contains(shown), "{shown} in\n{ladder}");
    }
    let document = api.get(&path)?;
    ensure!(document["ladder"][0]["label"] == "INVITE (SDP)" && document["ladder"][0]["sent"] == false, "{document}");
    for text in [ladder, document.to_string()] {
        ensure!(!text.contains(KEY), "a media key in\n{text}");
    }
    Ok(())
}

#[test]
fn a_proof_of_a_password_is_not_in_the_ladder() -> anyhow::Result<()> {
    let server = Server::start()?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "accounts" }))?;
    let mut phone = RawPhone::new(&server, &api, "alice")?;
    let uri = format!("sip:3001@{}", server.address);
    let (invite, answer) = phone.ask(phone.request("INVITE", &uri, "", &phone.sdp()?))?;
    ensure!(answer.status() == 200, "{}", answer.0);
    let proof = header(&invite, "Authorization").context("credentials")?;
    let proof = proof.split("response=\"").nth(1).and_then(|rest| rest.split('"').next()).context("a proof")?;
    let path = format!("/calls/{}/ladder", header(&invite, "Call-ID").unwrap_or_default().replace('@', "%40"));
    let (_, ladder) = api.call("GET", &path, None)?;
    for shown in ["401 Unauthorized", "Authorization: Digest username=\"alice\"", "response=\"***"] {
        ensure!(ladder.contains(shown), "{shown} in\n{ladder}");
    }
    ensure!(!ladder.contains(proof), "{ladder}");
    Ok(())
}

#[test]
fn commands_list_calls_and_draw_their_ladders() -> anyhow::Result<()> {
    let server = Server::start()?;
    let api = conference(&server)?;
    let invite = call(&server, &RawPeer::new(&server)?)?;
    let call_id = header(&invite, "Call-ID").context("a Call-ID")?;
    // Only what the server has recorded is to be shown.
    wait_for("the call with its answer", Duration::from_secs(5), || {
        api.get("/calls").is_ok_and(|calls| calls.to_string().contains("\"status\":200")).then_some(())
    })?;
    let run = |arguments: &[&str]| -> anyhow::Result<(bool, String, String)> {
        let output = plenary(arguments, server.settings())?.stdin(Stdio::null()).output()?;
        let text = |octets: Vec<u8>| String::from_utf8_lossy(&octets).into_owned();
        Ok((output.status.success(), text(output.stdout), text(output.stderr)))
    };
    let (done, calls, errors) = run(&["calls"])?;
    ensure!(done && calls.contains(call_id) && calls.contains("200"), "{calls}{errors}");
    let (done, ladder, errors) = run(&["ladder", call_id])?;
    ensure!(done && ladder.contains("|---INVITE (SDP)----") && !ladder.contains(KEY), "{ladder}{errors}");
    let (done, document, errors) = run(&["ladder", call_id, "--json"])?;
    ensure!(done && document.starts_with('{'), "{document}{errors}");
    let (done, _, errors) = run(&["ladder", "no such call"])?;
    ensure!(!done && errors.contains("no such call"), "{errors}");
    Ok(())
}

#[test]
fn what_passes_is_exported_to_a_capture_tool_without_its_secrets() -> anyhow::Result<()> {
    let tool = UdpSocket::bind(("127.0.0.1", 0))?;
    tool.set_read_timeout(Some(Duration::from_secs(5)))?;
    let address = format!("capture.address={}", tool.local_addr()?);
    let server = Server::start_with(&[&address, "capture.node-id=77", "capture.password=a word for the tool"])?;
    conference(&server)?;
    let peer = RawPeer::new(&server)?;
    let invite = call(&server, &peer)?;
    let mut payloads = Vec::new();
    while !payloads.iter().any(|payload: &String| payload.starts_with("SIP/2.0 200")) {
        let mut octets = vec![0; 65_536];
        let length = tool.recv(&mut octets)?;
        let chunks = chunks(&octets[..length])?;
        let of = |kind: u16| chunks.iter().find(|chunk| chunk.0 == kind).map(|chunk| chunk.1.clone());
        ensure!(of(12) == Some(77_u32.to_be_bytes().to_vec()) && of(14) == Some(b"a word for the tool".to_vec()));
        ensure!(of(17).as_deref() == header(&invite, "Call-ID").map(str::as_bytes));
        let ports = [of(7), of(8)].map(|port| port.unwrap_or_default());
        let phone = peer.address()?.port().to_be_bytes().to_vec();
        ensure!(ports.contains(&phone) && ports.contains(&5060_u16.to_be_bytes().to_vec()), "{ports:?}");
        payloads.push(String::from_utf8(of(15).context("a payload")?)?);
    }
    ensure!(payloads[0].starts_with("INVITE sip:3001@"), "{payloads:?}");
    ensure!(payloads.iter().all(|payload| !payload.contains(KEY)), "{payloads:?}");
    let length: usize = header(&payloads[0], "Content-Length").context("a length")?.parse()?;
    ensure!(payloads[0].split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() == length), "its length holds");
    ensure!(server.api()?.metric("capture_packets_total")? >= 2.0);
    Ok(())
}

/// Types and values of a HEP packet.
fn chunks(packet: &[u8]) -> anyhow::Result<Vec<(u16, Vec<u8>)>> {
    let number = |octets: &[u8]| u16::from_be_bytes([octets[0], octets[1]]);
    ensure!(packet.starts_with(b"HEP3") && usize::from(number(&packet[4..])) == packet.len());
    let (mut chunks, mut rest) = (Vec::new(), &packet[6..]);
    while !rest.is_empty() {
        let length = usize::from(number(&rest[4..]));
        chunks.push((number(&rest[2..]), rest[6..length].to_vec()));
        rest = &rest[length..];
    }
    Ok(chunks)
}
