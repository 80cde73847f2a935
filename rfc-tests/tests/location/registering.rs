//! RFC 3261 §10.3 at a live registrar, and the kill in the middle of it.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anyhow::ensure;
use rfc_tests::coverage::covers;
use rfc_tests::raw::{Answer, RawPeer, header};
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::scratch::own_address;
use rfc_tests::server::Server;
use serde_json::Value;

use super::{all, register, registered, with};

#[test]
fn the_registrar_keeps_the_order_of_its_steps() -> anyhow::Result<()> {
    let claim = covers(["3261-08"]).pending();
    let server = Server::start()?;
    let api = server.api()?;
    let mut phone = RawPhone::new(&server, &api, "alice")?;
    let mut ask = |request: String| -> anyhow::Result<Answer> { Ok(phone.ask(request)?.1) };
    let peer = RawPhone::guest(&server, "alice")?;

    // Before anybody is asked for a password: not ours, and what is required. After: an account for itself alone.
    let required = register(&peer, "", "Require: foo\r\n")?;
    let unknown = ask(required)?;
    ensure!((unknown.status(), unknown.header("Unsupported")) == (420, Some("foo")), "{}", unknown.0);
    let other = with(&register(&peer, "", "")?, "To", &peer.address().replace("alice", "bob"));
    ensure!(ask(other)?.status() == 403);

    let brief = ask(register(&peer, ";expires=1", "")?)?;
    ensure!((brief.status(), brief.header("Min-Expires")) == (423, Some("60")), "{}", brief.0);
    let star = |expires: u32| -> anyhow::Result<String> {
        Ok(with(&register(&peer, "", &format!("Expires: {expires}\r\n"))?, "Contact", "*"))
    };
    ensure!(ask(star(60)?)?.status() == 400);

    // Escapes and case do not make another address-of-record.
    let escaped = with(&register(&peer, ";q=0.5", "")?, "To", &format!("<{}>", peer.address().replace('a', "%61")));
    ensure!(ask(escaped)?.status() == 200);
    let two = with(
        &register(&peer, "", "Expires: 300\r\n")?,
        "Contact",
        "<sip:one@192.0.2.9>, <sip:two@192.0.2.9>;expires=120",
    );
    let listed = ask(two)?;
    let contacts = all(&listed.0, "Contact");
    ensure!(contacts.len() == 3 && contacts[0].contains(";q=0.5;expires="), "{}", listed.0);
    ensure!(contacts[1] == "<sip:one@192.0.2.9>;expires=300", "{}", listed.0);
    ensure!(contacts[2] == "<sip:two@192.0.2.9>;expires=120", "{}", listed.0);

    // Of one Call-ID only a higher CSeq changes a binding.
    let call_id = |request: String| with(&request, "Call-ID", "the-same@192.0.2.9");
    let third = |cseq: u32, expires: u32| -> anyhow::Result<String> {
        let request = with(&register(&peer, "", "")?, "Contact", &format!("<sip:three@192.0.2.9>;expires={expires}"));
        Ok(call_id(request).replace("CSeq: 1 ", &format!("CSeq: {cseq} ")))
    };
    ensure!(ask(third(20, 300)?)?.status() == 200);
    let late = ask(third(10, 0)?)?;
    ensure!(matches!(late.status(), 400 | 500), "{}", late.0);
    let query = |request: String| -> String {
        let line = format!("Contact: {}\r\n", header(&request, "Contact").unwrap_or_default());
        request.replacen(&line, "", 1)
    };
    let known = ask(query(register(&peer, "", "")?))?;
    ensure!(all(&known.0, "Contact").len() == 4, "{}", known.0);
    let none = ask(star(0)?)?;
    ensure!(none.status() == 200 && all(&none.0, "Contact").is_empty(), "{}", none.0);
    claim.proven();
    Ok(())
}

/// Every REGISTER that was answered with 200 before `kill -9` is bound after it.
#[test]
fn what_was_answered_is_bound_after_a_kill_amid_a_storm() -> anyhow::Result<()> {
    let mut server = Server::start_with(&["sip.max-bindings=100", "log.level=info"])?;
    let api = server.api()?;
    let mut phones = (0..4)
        .map(|number| RawPhone::new(&server, &api, &format!("phone-{number}")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let killed = AtomicBool::new(false);
    let answered = std::thread::scope(|scope| -> anyhow::Result<Vec<Vec<String>>> {
        let storms: Vec<_> = phones
            .iter_mut()
            .map(|phone| {
                let killed = &killed;
                scope.spawn(move || {
                    let mut answered = Vec::new();
                    for number in 0..90 {
                        let contact = format!("sip:{number}@192.0.2.7");
                        let Ok(request) = register(phone, "", "Expires: 600\r\n") else { break };
                        let request = with(&request, "Contact", &format!("<{contact}>"));
                        if killed.load(Relaxed) || !phone.ask(request).is_ok_and(|(_, answer)| answer.status() == 200) {
                            break;
                        }
                        answered.push(contact);
                    }
                    answered
                })
            })
            .collect();
        let is_amid = || {
            let bound = |name: &str| api.get(&format!("/accounts/{name}/registrations"));
            bound("phone-0")
                .is_ok_and(|bound| bound["items"].as_array().or(bound.as_array()).is_some_and(|all| all.len() > 20))
        };
        while !is_amid() && !storms.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            std::thread::yield_now();
        }
        let restarted = server.crash_and_restart();
        killed.store(true, Relaxed);
        let answered = storms.into_iter().map(|storm| storm.join().unwrap_or_default()).collect();
        restarted.map(|()| answered)
    })?;
    let api = server.api()?;
    let mut count = 0;
    for (phone, contacts) in phones.iter().zip(&answered) {
        let bound: Value = api.get(&format!("/accounts/{}/registrations", phone.name))?;
        let bound = bound.to_string();
        for contact in contacts {
            ensure!(bound.contains(&format!("\"{contact}\"")), "{} lost {contact}: {bound}", phone.name);
            count += 1;
        }
    }
    println!("{count} answered before the kill, all bound after it");
    ensure!(count > 20, "only {count} were answered before the kill");
    Ok(())
}

/// RFC 5393 §3: who may bind without bound makes one call a thousand.
#[test]
fn an_account_has_no_more_bindings_than_allowed_and_a_call_no_more_branches() -> anyhow::Result<()> {
    let claim = covers(["5393-03"]).pending();
    let server = Server::start_with(&["sip.max-bindings=3"])?;
    let api = server.api()?;
    let mut phone = RawPhone::new(&server, &api, "alice")?;
    for number in 0..40 {
        let request = register(&phone, "", "")?;
        let own = phone.contact()?.replace("alice", &format!("alice-{number}"));
        let answer = phone.ask(with(&request, "Contact", &format!("<{own}>")))?.1;
        ensure!(answer.status() == 200 && all(&answer.0, "Contact").len() <= 3, "{}", answer.0);
    }
    let four = (0..4).map(|number| format!("<sip:{number}@192.0.2.1>")).collect::<Vec<_>>().join(", ");
    let refused = phone.ask(with(&register(&phone, "", "")?, "Contact", &four))?.1;
    ensure!(refused.status() == 403, "{}", refused.0);
    let (mut bob, alice) = (RawPhone::new(&server, &api, "bob")?, phone.address());
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let call = scope.spawn(|| bob.ask(bob.request("INVITE", &alice, "", &bob.sdp()?)));
        let mut branches = Vec::new();
        for _ in 0..3 {
            let invite = phone.expect("INVITE")?;
            phone.answer(&invite, "486 Busy Here", "", "")?;
            branches.push(invite.split(' ').nth(1).unwrap_or_default().to_owned());
        }
        let (_, answer) = call.join().unwrap_or_else(|_| anyhow::bail!("the caller panicked"))?;
        ensure!(answer.status() == 486, "{}", answer.0);
        branches.sort();
        branches.dedup();
        ensure!(branches.len() == 3, "{branches:?}");
        Ok(())
    })?;
    claim.proven();
    Ok(())
}

/// RFC 3840 §9, RFC 8599 §4.1: what a Contact says beside its URI is kept and given back as it was.
#[test]
fn feature_tags_and_push_parameters_are_kept() -> anyhow::Result<()> {
    let claim = covers(["T-27"]).but("no call waits for a phone that is being woken").pending();
    let server = Server::start()?;
    let api = server.api()?;
    let mut phone = RawPhone::new(&server, &api, "alice")?;
    let params = ";+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\";audio;video;+sip.rendering=\"no\"";
    let push = format!("<{};pn-provider=fcm;pn-param=proj;pn-prid=ZH8~aB_c>{params}", phone.contact()?);
    let request = with(&register(&phone, "", "")?, "Contact", &push);
    let answer = phone.ask(request)?.1;
    ensure!(
        answer.header("Contact").is_some_and(|contact| contact.starts_with(&format!("{push};expires="))),
        "{}",
        answer.0
    );
    // Several instances stand side by side.
    let mut other = RawPhone::guest(&server, "alice")?;
    let answer = registered(&mut other, ";+sip.instance=\"<urn:uuid:2>\";reg-id=1", "Supported: outbound\r\n")?;
    ensure!(all(&answer.0, "Contact").len() == 2, "{}", answer.0);
    // Registering over and over is one binding.
    for _ in 0..5 {
        let again = registered(&mut other, ";+sip.instance=\"<urn:uuid:2>\";reg-id=1", "Supported: outbound\r\n")?;
        ensure!(all(&again.0, "Contact").len() == 2, "{}", again.0);
    }
    claim.proven();
    Ok(())
}

/// Old phones name a private address and ask for no `rport`.
#[test]
fn the_contact_is_listed_as_it_was_sent_however_private() -> anyhow::Result<()> {
    let claim = covers(["T-22"]).pending();
    let nat = own_address();
    let server = Server::start_with(&[&format!("sip.force-rport=[\"{nat}\"]")])?;
    let api = server.api()?;
    drop(RawPhone::new(&server, &api, "alice")?);
    let mut phone = RawPhone::guest_at(&server, "alice", nat)?;
    let request = with(&register(&phone, "", "")?, "Contact", "<sip:alice@10.9.8.7:5070>");
    let request = request.replacen(&format!("{};rport", phone.socket()?), "10.9.8.7:5070", 1);
    ensure!(!request.contains("rport"), "{request}");
    let answer = phone.ask(request)?.1;
    ensure!(answer.header("Contact").is_some_and(|contact| contact.starts_with("<sip:alice@10.9.8.7:5070>;")));
    // And calls come where the REGISTER came from.
    let (mut bob, alice) = (RawPhone::new(&server, &api, "bob")?, phone.address());
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let call = scope.spawn(|| bob.ask(bob.request("INVITE", &alice, "", &bob.sdp()?)));
        let invite = phone.expect("INVITE")?;
        ensure!(invite.starts_with("INVITE sip:alice@10.9.8.7:5070 "), "{invite}");
        phone.answer(&invite, "486 Busy Here", "", "")?;
        let (_, answer) = call.join().unwrap_or_else(|_| anyhow::bail!("the caller panicked"))?;
        ensure!(answer.status() == 486, "{}", answer.0);
        Ok(())
    })?;
    claim.proven();
    Ok(())
}

/// Asterisk asks every minute whether we are there, without a user part.
#[test]
fn options_to_the_server_itself_needs_no_user() -> anyhow::Result<()> {
    let claim = covers(["T-30", "3261-09"]).pending();
    let server = Server::start()?;
    let api = server.api()?;
    let peer = RawPeer::new(&server)?;
    let host = format!("sip:{}", server.address);
    // Long enough for a stranger to earn the whole answer at once.
    let request = peer.request("OPTIONS", &host, &format!("Subject: {}\r\n", "x".repeat(300)), "");
    let answer = peer.ask(&with(&request, "Contact", &format!("<sip:{}>", peer.address()?)))?;
    ensure!(answer.status() == 200, "{}", answer.0);
    for name in ["Allow", "Accept", "Accept-Encoding", "Accept-Language", "Supported"] {
        ensure!(answer.header(name).is_some(), "no {name} in {}", answer.0);
    }
    // As an INVITE: nobody 404; who proves himself hears whether a phone is there.
    ensure!(peer.ask(&peer.request("OPTIONS", &format!("sip:nobody@{}", server.address), "", ""))?.status() == 404);
    let mut bob = RawPhone::new(&server, &api, "bob")?;
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    let challenge = bob.ask_once(&register(&bob, "", "")?)?;
    let asked = |bob: &mut RawPhone, alice: &RawPhone| -> anyhow::Result<u16> {
        let request = bob.request("OPTIONS", &alice.address(), "", "");
        let request = bob.with_credentials(&request, &challenge, bob_nc())?;
        Ok(bob.ask_once(&request)?.status())
    };
    ensure!(asked(&mut bob, &alice)? == 480);
    alice.register()?;
    ensure!(asked(&mut bob, &alice)? == 200);
    claim.proven();
    Ok(())
}

/// Each use of a nonce has a count of its own.
fn bob_nc() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
