//! Peers that know RFC 2543 alone: their Via has no magic cookie, so requests are told apart by everything else.
//! RFC 3261 §17.1.3 and §17.2.3.

use std::thread::scope;
use std::time::Duration;

use anyhow::{Context, ensure};
use rfc_tests::coverage::covers;
use rfc_tests::raw::{Answer, header};
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::server::Server;

/// As an old phone writes it.
fn without_branch(request: &str) -> String {
    let via = header(request, "Via").unwrap_or_default();
    let bare = via.split(";branch=").next().unwrap_or_default();
    request.replacen(via, bare, 1)
}

fn method_of(request: &str, method: &str) -> String {
    let was = request.split(' ').next().unwrap_or_default().to_owned();
    let headers = |line: &str| !line.starts_with("Content-") && !line.starts_with("Authorization:");
    let head: Vec<_> =
        request.split("\r\n\r\n").next().unwrap_or_default().split("\r\n").filter(|line| headers(line)).collect();
    let request = format!("{}\r\nContent-Length: 0\r\n\r\n", head.join("\r\n"));
    request.replacen(&format!("{was} "), &format!("{method} "), 1).replacen(
        &format!(" {was}\r\n"),
        &format!(" {method}\r\n"),
        1,
    )
}

#[test]
fn without_a_cookie_all_that_rfc_2543_compared_decides() -> anyhow::Result<()> {
    let claim = covers(["3261-18"]).pending();
    let server = Server::start()?;
    let api = server.api()?;
    let (mut alice, mut bob) = (RawPhone::new(&server, &api, "alice")?, RawPhone::new(&server, &api, "bob")?);
    // Whoever has shown a password is answered in full, and as often as it takes.
    alice.register()?;
    bob.register()?;

    // The refusal is said again until the ACK, which has a To tag that its INVITE had not, and no cookie either.
    let invite = without_branch(&alice.request("INVITE", &bob.address(), "Require: foo\r\n", &alice.sdp()?));
    alice.send(&invite)?;
    let refused = Answer(alice.expect("SIP/2.0")?);
    let refused = if refused.status() == 100 { Answer(alice.expect("SIP/2.0")?) } else { refused };
    ensure!(refused.status() == 420, "{}", refused.0);
    alice.send(&invite)?;
    let again = Answer(alice.expect("SIP/2.0")?);
    ensure!(again.0 == refused.0, "the same transaction, so the same tag: {} {}", refused.0, again.0);
    let said_by_itself = Answer(alice.expect("SIP/2.0")?);
    ensure!(said_by_itself.0 == refused.0, "Timer G: {}", said_by_itself.0);
    let to = header(&invite, "To").context("a To")?;
    let ack = method_of(&invite, "ACK").replacen(
        &format!("To: {to}"),
        &format!("To: {}", refused.header("To").context("a To")?),
        1,
    );
    alice.send(&ack)?;
    // One that was on its way already.
    drop(alice.expect_no("SIP/2.0", Duration::from_millis(100)));
    alice.expect_no("SIP/2.0", Duration::from_millis(2_500))?;
    // Another number is another request, though all else is the same.
    let other = invite.replacen("CSeq: 1 INVITE", "CSeq: 2 INVITE", 1);
    let other = alice.ask_once(&other)?;
    ensure!(other.header("To") != refused.header("To"), "{} {}", refused.0, other.0);

    // CANCEL names its INVITE in the same way.
    let invite = alice.request("INVITE", &bob.address(), "", &alice.sdp()?);
    let challenged = alice.ask_once(&without_branch(&invite))?;
    ensure!(challenged.status() == 401, "{}", challenged.0);
    let invite = without_branch(&alice.with_credentials(&invite, &challenged, 1)?);
    scope(|scope| -> anyhow::Result<()> {
        let ringing = scope.spawn(|| -> anyhow::Result<()> {
            let invite = bob.expect("INVITE")?;
            bob.answer(&invite, "180 Ringing", "", "")?;
            let cancel = bob.expect("CANCEL")?;
            bob.answer(&cancel, "200 OK", "", "")?;
            bob.answer(&invite, "487 Request Terminated", "", "")
        });
        alice.send(&invite)?;
        alice.expect("SIP/2.0 180")?;
        let cancelled = alice.ask_once(&method_of(&invite, "CANCEL"))?;
        ensure!(cancelled.status() == 200, "{}", cancelled.0);
        let ended = alice.answer_to(&invite)?;
        ensure!(ended.status() == 487, "{}", ended.0);
        ringing.join().unwrap_or_else(|_| anyhow::bail!("bob panicked"))
    })?;
    claim.proven();
    Ok(())
}
