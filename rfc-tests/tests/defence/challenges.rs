//! A challenge leaves nothing behind: RFC 3261 §8.2.7 and §22.1.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rfc_tests::coverage::covers;
use rfc_tests::deadline::wait_for;
use rfc_tests::raw::{RawPeer, RawStream, header, request};
use rfc_tests::scratch::own_address;
use rfc_tests::server::Server;

const REQUESTS: usize = 150;
/// Less than the 32 s that a transaction without ACK would last.
const SOON: Duration = Duration::from_secs(10);
const METHODS: [&str; 3] = ["INVITE", "REGISTER", "SUBSCRIBE"];

/// Who is asked for his password and goes away has left nothing in any table: no ACK comes, and none is waited for.
#[test]
fn who_is_challenged_and_goes_away_leaves_no_state() -> anyhow::Result<()> {
    let claim = covers(["S-05", "A-09"]).pending();
    let server = Server::start()?;
    let api = server.api()?;
    let uri = format!("sip:alice@{}", server.address);
    let peer = RawPeer::at(&server, (own_address(), 0))?;
    let mut challenged = BTreeSet::new();
    for number in 0..REQUESTS {
        let asked = peer.request(METHODS[number % METHODS.len()], &uri, "Event: conference\r\n", "");
        let answer = peer.ask(&asked)?;
        ensure!(answer.status() == 401, "{}", answer.0);
        challenged.insert(answer.header("Call-ID").context("a Call-ID")?.to_owned());
    }
    ensure!(challenged.len() == REQUESTS);
    let mut stream = RawStream::connect(&server)?;
    let invites: String =
        (0..REQUESTS).map(|_| request("TCP", "raw.invalid", "INVITE", &uri, "", "")).collect::<Vec<_>>().concat();
    stream.send(invites.as_bytes())?;
    let read = stream.read_until(|read| read.matches("SIP/2.0 401 ").count() == REQUESTS)?;
    ensure!(read.matches("SIP/2.0 401 ").count() == REQUESTS, "{read}");
    let asked = Instant::now();
    for kept in ["sip_transactions", "sip_dialogs"] {
        wait_for(kept, SOON, || (api.metric(kept).ok()? == 0.0).then_some(()))?;
    }
    ensure!(asked.elapsed() < SOON, "they have only grown old");
    claim.proven();
    Ok(())
}

/// §8.2.7: asked again, the server says the same again, by the same tag; the ACK is absorbed; and a CANCEL comes too late.
#[test]
fn a_challenge_is_said_again_by_the_same_tag_and_its_ack_is_absorbed() -> anyhow::Result<()> {
    let claim = covers(["S-05"]).pending();
    let server = Server::start()?;
    let uri = format!("sip:alice@{}", server.address);
    for method in ["INVITE", "REGISTER"] {
        let peer = RawPeer::at(&server, (own_address(), 0))?;
        let padding = format!("Subject: {}\r\n", "x".repeat(300));
        let asked = peer.request(method, &uri, &padding, "");
        let (first, again) = (peer.ask(&asked)?, peer.ask(&asked)?);
        ensure!(first.status() == 401 && again.status() == 401, "{}\n{}", first.0, again.0);
        let tag = |text: &str| header(text, "To").and_then(|to| to.split_once(";tag=")).map(|(_, tag)| tag.to_owned());
        let (one, other) = (tag(&first.0).context("a tag")?, tag(&again.0).context("a tag")?);
        ensure!(one == other, "{one} and {other}");
        let fresh = peer.ask(&peer.request(method, &uri, &padding, ""))?;
        ensure!(tag(&fresh.0).is_some_and(|fresh| fresh != one), "another request has another tag");
        if method == "INVITE" {
            let in_transaction = |method: &str| {
                let text = asked.replacen("INVITE ", &format!("{method} "), 1);
                text.replacen("CSeq: 1 INVITE", &format!("CSeq: 1 {method}"), 1)
            };
            let to = header(&first.0, "To").context("a To")?;
            let ack = in_transaction("ACK").replacen(&format!("To: <{uri}>"), &format!("To: {to}"), 1);
            peer.send(ack.as_bytes())?;
            ensure!(peer.receive(Duration::from_millis(300))?.is_none(), "an ACK is answered by nothing");
            ensure!(peer.ask(&in_transaction("CANCEL"))?.status() == 481);
        }
    }
    claim.proven();
    Ok(())
}
