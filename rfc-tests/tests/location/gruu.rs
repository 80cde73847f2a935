//! RFC 5627: an address that reaches one phone of an account and no other.

use std::time::Duration;

use anyhow::{Context, ensure};
use rfc_tests::coverage::covers;
use rfc_tests::raw::Answer;
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::server::Server;
use serde_json::json;

use super::{all, registered, with};

const DESK: &str = ";+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\"";
const MOBILE: &str = ";+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>\"";

/// Public and temporary one of the phone with this instance.
fn gruus(answer: &Answer, instance: &str) -> anyhow::Result<(String, String)> {
    let contact = all(&answer.0, "Contact").into_iter().find(|contact| contact.contains(instance));
    let contact = contact.with_context(|| answer.0.clone())?;
    let value = |name: &str| {
        let value = contact.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
        value.map(str::to_owned).with_context(|| format!("no {name} in {contact}"))
    };
    Ok((value("pub-gruu")?, value("temp-gruu")?))
}

fn status_of_call(bob: &mut RawPhone, uri: &str) -> anyhow::Result<u16> {
    Ok(bob.ask(bob.request("INVITE", uri, "", &bob.sdp()?))?.1.status())
}

/// Bob calls; the one phone declines and the other hears nothing.
fn reaches(bob: &mut RawPhone, uri: &str, one: &mut RawPhone, other: &mut RawPhone) -> anyhow::Result<()> {
    std::thread::scope(|scope| {
        let call = scope.spawn(|| status_of_call(bob, uri));
        let invite = one.expect("INVITE").with_context(|| format!("called {uri}"))?;
        other.expect_no("INVITE", Duration::from_millis(200))?;
        one.answer(&invite, "486 Busy Here", "", "")?;
        let status = call.join().unwrap_or_else(|_| anyhow::bail!("the caller panicked"))?;
        ensure!(status == 486, "{uri}: {status}");
        Ok(())
    })
}

#[test]
fn a_gruu_reaches_its_phone_alone_until_it_leaves() -> anyhow::Result<()> {
    let claim = covers(["5627-01", "5627-02", "5627-03"]).pending();
    let mut server = Server::start()?;
    let api = server.api()?;
    let mut bob = RawPhone::new(&server, &api, "bob")?;
    let (mut desk, mut mobile) = (RawPhone::new(&server, &api, "alice")?, RawPhone::guest(&server, "alice")?);
    registered(&mut mobile, MOBILE, "")?;
    // All of one Call-ID.
    let mut cseq = 10;
    let mut refresh = |desk: &mut RawPhone, expires: u32| -> anyhow::Result<Answer> {
        cseq += 10;
        let request = super::register(desk, DESK, &format!("Supported: gruu\r\nExpires: {expires}\r\n"))?;
        let request = with(&with(&request, "Call-ID", "desk@192.0.2.1"), "CSeq", &format!("{cseq} REGISTER"));
        let answer = desk.ask(request)?.1;
        ensure!(answer.status() == 200, "{}", answer.0);
        Ok(answer)
    };
    let first = gruus(&refresh(&mut desk, 600)?, "f81d4fae")?;
    let second = gruus(&refresh(&mut desk, 600)?, "f81d4fae")?;
    ensure!(first.0 == second.0 && first.1 != second.1, "{first:?} {second:?}");
    ensure!(first.0 == format!("{};gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", desk.address()), "{first:?}");
    for temporary in [&first.1, &second.1] {
        ensure!(!temporary.contains("alice") && !temporary.contains("f81d4fae") && temporary.len() > 60, "{temporary}");
        reaches(&mut bob, temporary, &mut desk, &mut mobile)?;
    }
    reaches(&mut bob, &first.0, &mut desk, &mut mobile)?;
    // Who does not know GRUUs is given none.
    ensure!(!registered(&mut mobile, MOBILE, "")?.0.contains("gruu="));

    // They last as long as the registration, over a crash too.
    server.crash_and_restart()?;
    reaches(&mut bob, &first.1, &mut desk, &mut mobile)?;

    let forged = first.1.replacen("sip:t.", "sip:t.A", 1);
    ensure!(status_of_call(&mut bob, &forged)? == 404);
    let unknown = first.0.replace("f81d4fae", "11111111");
    ensure!(status_of_call(&mut bob, &unknown)? == 480);
    refresh(&mut desk, 0)?;
    ensure!(status_of_call(&mut bob, &first.0)? == 480);
    ensure!(status_of_call(&mut bob, &first.1)? == 404);
    mobile.expect_no("INVITE", Duration::from_millis(200))?;
    claim.proven();
    Ok(())
}

/// RFC 4579 §4.2: requests outside dialogs reach the focus that the dialogs have.
#[test]
fn a_conference_uri_reaches_its_one_focus() -> anyhow::Result<()> {
    let claim = covers(["5627-04"]).but("one node").pending();
    let server = Server::start()?;
    let api = server.api()?;
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    api.post("/conferences", json!({ "number": "3001", "members": [{ "address": "alice", "role": "chair" }] }))?;
    let uri = format!("sip:3001@{}", server.address);
    alice.join(&uri)?;
    let (_, subscribed) = alice.subscribe(&uri, "")?;
    // And by the Contact that the focus gave.
    let contact = subscribed.header("Contact").and_then(|contact| contact.split(['<', '>']).nth(1));
    let contact = contact.context("a Contact")?.to_owned();
    let notify = alice.notify()?;
    ensure!(notify.0.contains("alice"), "{}", notify.0);
    alice.subscribe(&contact, "")?;
    ensure!(alice.notify()?.0.contains("alice"));
    claim.proven();
    Ok(())
}
