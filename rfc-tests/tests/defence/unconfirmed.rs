//! RFC 3261 §13.3.1.4 and §26.3.2.4: 200s that wait for their ACK, of one address and no more than a few.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::ensure;
use rfc_tests::api::Api;
use rfc_tests::coverage::covers;
use rfc_tests::deadline::wait_for;
use rfc_tests::raw::Answer;
use rfc_tests::raw_phone::{RawDialog, RawPhone};
use rfc_tests::scratch::own_address;
use rfc_tests::server::Server;
use serde_json::json;

use super::refused;

/// A caller who proves nothing and acknowledges nothing: gives the INVITE and its answer.
fn calls(server: &Server, from: Ipv4Addr, uri: &str) -> anyhow::Result<(RawPhone, String, Answer)> {
    let mut guest = RawPhone::guest_at(server, "guest", from)?;
    let invite = guest.request("INVITE", uri, "", &guest.sdp()?);
    let answer = guest.ask_once(&invite)?;
    Ok((guest, invite, answer))
}

#[test]
fn few_200s_of_one_address_wait_for_their_ack_at_once() -> anyhow::Result<()> {
    let claim = covers(["S-07"]).pending();
    let server = Server::start_with(&["security.unconfirmed-calls=2"])?;
    let api: Api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    let (uri, victim) = (format!("sip:3001@{}", server.address), own_address());

    let mut waiting = Vec::new();
    for _ in 0..2 {
        let (guest, invite, answer) = calls(&server, victim, &uri)?;
        ensure!(answer.status() == 200, "{}", answer.0);
        waiting.push((guest, invite, answer));
    }
    let (.., third) = calls(&server, victim, &uri)?;
    ensure!(third.status() == 503 && third.header("Retry-After").is_some(), "{}", third.0);
    ensure!(refused(&api, "unconfirmed")? == 1);

    // Another address has places of its own; and who proves a password is where he says he is.
    ensure!(calls(&server, own_address(), &uri)?.2.status() == 200);
    api.post("/accounts", json!({ "name": "alice", "password": "the-password-of-alice" }))?;
    let mut alice = RawPhone::guest_at(&server, "alice", victim)?;
    let challenge = alice.ask_once(&alice.request("REGISTER", &format!("sip:{}", server.address), "", ""))?;
    ensure!(challenge.status() == 401, "{}", challenge.0);
    let invite = alice.request("INVITE", &uri, "", &alice.sdp()?);
    let invite = alice.with_credentials(&invite, &challenge, 1)?;
    let answer = alice.ask_once(&invite)?;
    ensure!(answer.status() == 200, "{}", answer.0);

    // Who says ACK is there, and gives his place to the next.
    let (mut guest, invite, answer) = waiting.remove(0);
    let dialog = RawDialog::of(&invite, &answer)?;
    guest.acknowledge(&dialog)?;
    wait_for("a place", Duration::from_secs(10), || {
        calls(&server, victim, &uri).is_ok_and(|(.., answer)| answer.status() == 200).then_some(())
    })?;
    claim.proven();
    Ok(())
}
