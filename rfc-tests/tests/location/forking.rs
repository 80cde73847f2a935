//! Several phones of one account: RFC 3261 §16.6 and §16.7, RFC 3326, RFC 5393.

use std::thread::scope;
use std::time::Duration;

use anyhow::ensure;
use rfc_tests::api::Api;
use rfc_tests::coverage::covers;
use rfc_tests::raw::{Answer, header};
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::server::Server;

use super::registered;

/// Long enough for what would come at once.
const AT_ONCE: Duration = Duration::from_millis(300);

fn started() -> anyhow::Result<(Server, Api, RawPhone)> {
    let server = Server::start()?;
    let api = server.api()?;
    let bob = RawPhone::new(&server, &api, "bob")?;
    Ok((server, api, bob))
}

/// Phones of alice, each with what stands behind its Contact.
fn phones<const N: usize>(server: &Server, api: &Api, contacts: [&str; N]) -> anyhow::Result<Vec<RawPhone>> {
    let mut phones = vec![RawPhone::new(server, api, "alice")?];
    for _ in 1..N {
        phones.push(RawPhone::guest(server, "alice")?);
    }
    for (phone, contact) in phones.iter_mut().zip(contacts) {
        registered(phone, contact, "")?;
    }
    Ok(phones)
}

/// Bob calls alice; gives what he is told in the end.
fn call(bob: &mut RawPhone, extra: &str) -> anyhow::Result<Answer> {
    let request = bob.request("INVITE", &bob.address().replace("bob", "alice"), extra, &bob.sdp()?);
    Ok(bob.ask(request)?.1)
}

fn is_cancelled(phone: &mut RawPhone, invite: &str, reason: &str) -> anyhow::Result<()> {
    let cancel = phone.expect("CANCEL")?;
    ensure!(header(&cancel, "Reason").is_some_and(|said| said.contains(reason)), "{cancel}");
    phone.answer(&cancel, "200 OK", "", "")?;
    phone.answer(invite, "487 Request Terminated", "", "")
}

#[test]
fn all_phones_ring_and_the_losers_hear_that_the_call_was_answered_elsewhere() -> anyhow::Result<()> {
    let (server, api, mut bob) = started()?;
    let mut phones = phones(&server, &api, ["", ""])?;
    scope(|scope| -> anyhow::Result<()> {
        let caller = scope.spawn(|| call(&mut bob, ""));
        let invites = phones.iter_mut().map(|phone| phone.expect("INVITE")).collect::<anyhow::Result<Vec<_>>>()?;
        for (phone, invite) in phones.iter_mut().zip(&invites) {
            phone.answer(invite, "180 Ringing", "", "")?;
        }
        let sdp = phones[0].sdp()?;
        phones[0].answer(&invites[0], "200 OK", "", &sdp)?;
        phones[0].expect("ACK")?;
        is_cancelled(&mut phones[1], &invites[1], "SIP;cause=200;text=\"Call completed elsewhere\"")?;
        let answer = caller.join().unwrap_or_else(|_| anyhow::bail!("the caller panicked"))?;
        ensure!(answer.status() == 200, "{}", answer.0);
        Ok(())
    })
}

#[test]
fn a_lower_q_rings_after_the_higher_has_refused() -> anyhow::Result<()> {
    let (server, api, mut bob) = started()?;
    let mut phones = phones(&server, &api, [";q=0.3", ";q=0.9"])?;
    scope(|scope| -> anyhow::Result<()> {
        let caller = scope.spawn(|| call(&mut bob, ""));
        let preferred = phones[1].expect("INVITE")?;
        phones[0].expect_no("INVITE", AT_ONCE)?;
        phones[1].answer(&preferred, "480 Temporarily Unavailable", "", "")?;
        let next = phones[0].expect("INVITE")?;
        phones[0].answer(&next, "486 Busy Here", "", "")?;
        let answer = caller.join().unwrap_or_else(|_| anyhow::bail!("the caller panicked"))?;
        ensure!(answer.status() == 486, "the more telling of the two: {}", answer.0);
        Ok(())
    })
}

#[test]
fn a_6xx_stops_all_and_a_302_is_not_followed() -> anyhow::Result<()> {
    let (server, api, mut bob) = started()?;
    let mut phones = phones(&server, &api, ["", "", ";q=0.1"])?;
    scope(|scope| -> anyhow::Result<()> {
        let caller = scope.spawn(|| call(&mut bob, ""));
        let invites = [phones[0].expect("INVITE")?, phones[1].expect("INVITE")?];
        phones[1].answer(&invites[1], "180 Ringing", "", "")?;
        phones[0].answer(&invites[0], "603 Decline", "", "")?;
        is_cancelled(&mut phones[1], &invites[1], "SIP;cause=603")?;
        let answer = caller.join().unwrap_or_else(|_| anyhow::bail!("the caller panicked"))?;
        ensure!(answer.status() == 603, "{}", answer.0);
        phones[2].expect_no("INVITE", AT_ONCE)
    })?;
    scope(|scope| -> anyhow::Result<()> {
        let caller = scope.spawn(|| call(&mut bob, ""));
        for phone in &mut phones {
            let invite = phone.expect("INVITE")?;
            phone.answer(&invite, "302 Moved Temporarily", "Contact: <sip:premium@192.0.2.66>\r\n", "")?;
        }
        let answer = caller.join().unwrap_or_else(|_| anyhow::bail!("the caller panicked"))?;
        ensure!(answer.status() == 480 && !answer.0.contains("premium"), "{}", answer.0);
        Ok(())
    })
}

/// RFC 3326 §2: why the caller gave up, or hung up, in all the words he found.
#[test]
fn the_reasons_of_a_cancel_and_of_a_bye_reach_the_phone() -> anyhow::Result<()> {
    let claim = covers(["3326-01"]).pending();
    let (server, api, mut bob) = started()?;
    let mut phones = phones(&server, &api, [""])?;
    let alice = &mut phones[0];
    for (said, heard) in [
        (
            "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\nReason: Q.850;cause=26\r\n",
            Some("SIP;cause=200;text=\"Call completed elsewhere\", Q.850;cause=26"),
        ),
        (
            "Reason: SIP ;cause=600, Q.850 ;cause=16;text=\"Busy; really\"\r\n",
            Some("SIP ;cause=600, Q.850 ;cause=16;text=\"Busy; really\""),
        ),
        ("", None),
    ] {
        let invite = bob.request("INVITE", &alice.address(), "", &bob.sdp()?);
        let challenge = bob.ask_once(&invite)?;
        let invite = bob.with_credentials(&invite, &challenge, 1)?;
        bob.send(&invite)?;
        let ringing = alice.expect("INVITE")?;
        alice.answer(&ringing, "180 Ringing", "", "")?;
        bob.cancels(&invite, said)?;
        let cancel = alice.expect("CANCEL")?;
        ensure!(header(&cancel, "Reason") == heard, "{cancel}");
        alice.answer(&cancel, "200 OK", "", "")?;
        alice.answer(&ringing, "487 Request Terminated", "", "")?;
        ensure!(bob.answer_to(&invite)?.status() == 487);
    }
    let (mut call, _) = bob.calls(alice)?;
    let said = "Reason: SIP;cause=200;text=\"Done\"\r\nReason: Q.850;cause=16\r\n";
    ensure!(bob.ask_in(&mut call, "BYE", said)?.status() == 200);
    let bye = alice.is_hung_up()?;
    ensure!(bye.header("Reason") == Some("SIP;cause=200;text=\"Done\", Q.850;cause=16"), "{}", bye.0);
    claim.proven();
    Ok(())
}

#[test]
fn max_breadth_bounds_how_many_ring_at_once() -> anyhow::Result<()> {
    let claim = covers(["5393-02"]).pending();
    let (server, api, mut bob) = started()?;
    let mut phones = phones(&server, &api, ["", "", "", ""])?;
    ensure!(call(&mut bob, "Max-Breadth: 0\r\n")?.status() == 440);
    scope(|scope| -> anyhow::Result<()> {
        let caller = scope.spawn(|| call(&mut bob, "Max-Breadth: 2\r\n"));
        // The newest first. Each has its share.
        for pair in [[3, 2], [1, 0]] {
            for at in pair {
                let invite = phones[at].expect("INVITE")?;
                ensure!(header(&invite, "Max-Breadth") == Some("1"), "{invite}");
                if pair == [3, 2] {
                    phones[1 - (3 - at)].expect_no("INVITE", AT_ONCE)?;
                }
                phones[at].answer(&invite, "486 Busy Here", "", "")?;
            }
        }
        let answer = caller.join().unwrap_or_else(|_| anyhow::bail!("the caller panicked"))?;
        ensure!(answer.status() == 486, "{}", answer.0);
        Ok(())
    })?;
    claim.proven();
    Ok(())
}

/// Alice's phone is a proxy that sends the call back to alice, with the headers it came with.
#[test]
fn a_call_that_comes_back_to_the_same_account_is_a_loop() -> anyhow::Result<()> {
    let claim = covers(["5393-01"]).pending();
    let (server, api, mut bob) = started()?;
    let mut phones = phones(&server, &api, [""])?;
    let alice = &mut phones[0];
    scope(|scope| -> anyhow::Result<()> {
        let caller = scope.spawn(|| call(&mut bob, ""));
        let invite = alice.expect("INVITE")?;
        let passed = header(&invite, "Plenary-Passed").unwrap_or_default();
        let back = alice.request("INVITE", &alice.address(), &format!("Plenary-Passed: {passed}\r\n"), &alice.sdp()?);
        let looped = alice.ask(back)?.1;
        ensure!(looped.status() == 482, "{}", looped.0);
        alice.answer(&invite, "482 Loop Detected", "", "")?;
        let answer = caller.join().unwrap_or_else(|_| anyhow::bail!("the caller panicked"))?;
        ensure!(answer.status() == 482, "{}", answer.0);
        Ok(())
    })?;
    claim.proven();
    Ok(())
}
