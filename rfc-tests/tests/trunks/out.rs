//! Calls out: whom they ask for, who they say is calling, and to whom a password is given.

use std::thread;

use anyhow::{Context, ensure};
use rfc_tests::coverage::covers;
use rfc_tests::raw::Answer;
use serde_json::json;

use super::house::{WITHIN, is_proven, of, started};

const CHALLENGE: &str = "Proxy-Authenticate: Digest realm=\"carrier\", nonce=\"n\", qop=\"auth\"\r\n";

#[test]
fn a_phone_calls_a_number_and_the_trunk_gets_its_password_once() -> anyhow::Result<()> {
    let claim = covers(["T-15"]).but("by UDP; what is said over TLS: the test of encrypted trunks").pending();
    let mut house =
        started(json!({ "username": "us", "password": "geheim", "realm": "carrier", "caller_id": "+39055100",
        "identity": "asserted" }))?;
    let (uri, pbx) = (house.uri("+39055777"), &mut house.pbx);
    let (alice, answered) = (&mut house.alice, &house.api);
    let dialog = thread::scope(|scope| {
        let call = scope.spawn(move || alice.join(&uri).map(|dialog| (dialog, alice)));
        let invite = pbx.expect("INVITE")?;
        ensure!(of(&invite, "From").contains("<sip:+39055100@"), "the caller id of the trunk: {invite}");
        ensure!(of(&invite, "P-Asserted-Identity").contains("<sip:+39055100@"), "{invite}");
        ensure!(!invite.contains("a=crypto"), "no keys over UDP: {invite}");
        pbx.answer(&invite, "407 Proxy Authentication Required", CHALLENGE, "")?;
        pbx.expect("ACK")?;
        let invite = pbx.expect("INVITE")?;
        ensure!(is_proven(&invite, "Proxy-Authorization", "carrier"), "{invite}");
        pbx.answer(&invite, "180 Ringing", "", "")?;
        let sdp = pbx.sdp()?;
        pbx.answer(&invite, "200 OK", "", &sdp)?;
        pbx.expect("ACK")?;
        call.join().map_err(|_| anyhow::anyhow!("alice"))?
    });
    let (mut dialog, alice) = dialog?;
    assert_eq!(answered.get("/trunks/pstn")?["state"]["status"], "up");
    assert_eq!(alice.heard("SIP/2.0 180").len(), 1);
    alice.ask_in(&mut dialog, "BYE", "")?;
    let bye = pbx.expect("BYE")?;
    assert_eq!(of(&bye, "Reason"), "Q.850;cause=16", "{bye}");
    // CVE-2021-41158: a BYE that is challenged is a trap.
    pbx.answer(&bye, "407 Proxy Authentication Required", CHALLENGE, "")?;
    pbx.expect_no("BYE", std::time::Duration::from_millis(800))?;
    claim.proven();
    Ok(())
}

/// S-04, A-08: whoever stands behind the trunk and invents a realm gets nothing to crack.
#[test]
fn a_challenge_of_a_foreign_realm_is_not_answered() -> anyhow::Result<()> {
    let claim = covers(["S-04", "A-08"]).pending();
    let mut house = started(json!({ "username": "us", "password": "geheim", "realm": "carrier" }))?;
    let invite = house.conference_calls("tel:+39055777")?;
    let evil = "WWW-Authenticate: Digest realm=\"evil\", nonce=\"n\", qop=\"auth\"\r\n";
    house.pbx.answer(&invite, "401 Unauthorized", evil, "")?;
    house.pbx.expect("ACK")?;
    house.pbx.expect_no("INVITE", std::time::Duration::from_millis(800))?;
    house.api.wait_for_state("3001", "disconnected", 1, WITHIN)?;

    // A phone that is called and challenges the BYE: it never had a claim to any password.
    let invite = house.conference_calls("tel:+39055778")?;
    let sdp = house.pbx.sdp()?;
    house.pbx.answer(&invite, "200 OK", "", &sdp)?;
    house.pbx.expect("ACK")?;
    house.api.wait_for_state("3001", "connected", 1, WITHIN)?;
    house.api.post("/conferences/3001/actions/end", json!({}))?;
    let bye = house.pbx.expect("BYE")?;
    house.pbx.answer(&bye, "401 Unauthorized", &evil.replace("evil", "carrier"), "")?;
    house.pbx.expect_no("BYE", std::time::Duration::from_millis(800))?;
    assert!(!bye.contains("Authorization"), "{bye}");
    claim.proven();
    Ok(())
}

/// RFC 3325 §5 and §7, from the outgoing side: with and without trust, with and without privacy.
#[test]
fn who_calls_is_said_to_a_trusted_trunk_and_hidden_from_another() -> anyhow::Result<()> {
    let claim = covers(["3325-02"]).pending();
    for (identity, private, from, asserted) in [
        ("asserted", false, "+39055100@", true),
        ("asserted", true, "anonymous@anonymous.invalid", true),
        ("from", true, "anonymous@anonymous.invalid", false),
        ("from", false, "+39055100@", false),
    ] {
        let mut house = started(json!({ "identity": identity, "caller_id": "+39055100" }))?;
        let privacy = if private { "Privacy: id\r\n" } else { "" };
        let request = house.alice.request("INVITE", &house.uri("+39055777"), privacy, &house.alice.sdp()?);
        let (alice, pbx) = (&mut house.alice, &mut house.pbx);
        let invite = thread::scope(|scope| {
            let call = scope.spawn(move || alice.ask(request));
            let invite = pbx.expect("INVITE")?;
            pbx.answer(&invite, "486 Busy Here", "", "")?;
            let (_, answer) = call.join().map_err(|_| anyhow::anyhow!("alice"))??;
            ensure!(answer.status() == 486, "{}", answer.0);
            Ok(invite)
        })?;
        let said = format!("{identity} {private}: {invite}");
        assert!(of(&invite, "From").contains(from), "{said}");
        assert_eq!(invite.contains("P-Asserted-Identity: <sip:+39055100@"), asserted, "{said}");
        assert_eq!(of(&invite, "Privacy") == "id", private, "{said}");
        assert!(!private || asserted || !invite.contains("alice"), "nothing tells who it is: {said}");
    }
    claim.proven();
    Ok(())
}

/// RFC 3966: a REFER to a number goes by the trunk, with the conference's own right and the trunk's caller id.
#[test]
fn a_number_in_refer_to_is_called_through_the_trunk() -> anyhow::Result<()> {
    let claim = covers(["4579-5.5g"]).pending();
    let mut house = started(json!({ "caller_id": "+39055100", "identity": "asserted" }))?;
    let members = json!([{ "address": "alice", "role": "chair" }]);
    house.api.post("/conferences", json!({ "number": "3002", "access": "members", "members": members }))?;
    let extra = "Refer-To: <tel:+39-055-777>\r\nP-Asserted-Identity: <sip:boss@evil.example>\r\n";
    let refer = house.alice.request("REFER", &house.uri("3002"), extra, "");
    let (_, accepted) = house.alice.ask(refer)?;
    assert_eq!(accepted.status(), 202, "{}", accepted.0);
    let invite = house.pbx.expect("INVITE")?;
    assert!(invite.starts_with("INVITE sip:+39055777@"), "{invite}");
    assert!(of(&invite, "P-Asserted-Identity").contains("+39055100@") && !invite.contains("evil"), "{invite}");
    house.pbx.answer(&invite, "603 Decline", "", "")?;
    let notify = loop {
        let notify = house.alice.notify()?;
        if of(&notify.0, "Subscription-State").starts_with("terminated") {
            break notify;
        }
    };
    assert!(notify.0.contains("SIP/2.0 603"), "{}", notify.0);
    claim.proven();
    Ok(())
}

/// RFC 3261 §16.3 and §16.6, as far as they bind who makes a call of its own from a call.
#[test]
fn a_call_through_a_trunk_has_a_hop_less_to_go() -> anyhow::Result<()> {
    let claim = covers(["3261-16"]).pending();
    let mut house = started(json!({}))?;
    let uri = house.uri("+39055777");
    let spent =
        house.alice.request("INVITE", &uri, "", &house.alice.sdp()?).replacen("Max-Forwards: 70", "Max-Forwards: 0", 1);
    assert_eq!(house.alice.ask(spent)?.1.status(), 483);
    house.pbx.expect_no("INVITE", std::time::Duration::from_millis(200))?;
    let invite =
        house.alice.request("INVITE", &uri, "", &house.alice.sdp()?).replacen("Max-Forwards: 70", "Max-Forwards: 2", 1);
    let (alice, pbx) = (&mut house.alice, &mut house.pbx);
    thread::scope(|scope| {
        let call = scope.spawn(move || alice.ask(invite));
        let arrived = pbx.expect("INVITE")?;
        ensure!(of(&arrived, "Max-Forwards") == "1", "{arrived}");
        pbx.answer(&arrived, "486 Busy Here", "", "")?;
        let (_, answer) = call.join().map_err(|_| anyhow::anyhow!("alice"))??;
        ensure!(answer.status() == 486, "{}", answer.0);
        Ok(())
    })?;
    claim.proven();
    Ok(())
}

#[test]
fn a_number_without_a_trunk_is_refused_with_the_reason() -> anyhow::Result<()> {
    let mut house = started(json!({}))?;
    house.api.patch("/trunks/pstn", json!({ "enabled": false }))?;
    house.wait_for_trunk("off")?;
    let request = house.alice.request("INVITE", &house.uri("+39055777"), "", &house.alice.sdp()?);
    let (_, answer) = house.alice.ask(request)?;
    let warning = answer.header("Warning").context("a Warning")?;
    assert_eq!((answer.status(), warning), (503, "399 plenary \"trunk pstn is switched off\""), "{}", answer.0);

    // And a stranger reaches no trunk at all: he is asked who he is.
    let mut stranger = rfc_tests::raw_phone::RawPhone::guest(&house.server, "mallory")?;
    let request = stranger.request("INVITE", &house.uri("+39055777"), "", &stranger.sdp()?);
    let refused: Answer = stranger.ask_once(&request)?;
    assert_eq!(refused.status(), 401, "{}", refused.0);
    Ok(())
}
