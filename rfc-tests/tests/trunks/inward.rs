//! Calls in: who is a trunk, which number means what, and what a telephone network puts into its INVITEs.

use rfc_tests::coverage::covers;
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::scratch::own_address;
use serde_json::json;

use super::house::{WITHIN, of, started};

#[test]
fn a_number_of_the_trunk_leads_to_its_conference() -> anyhow::Result<()> {
    let mut house = started(json!({ "trust_identity": true }))?;
    let uri = house.uri("+39055123");
    let asserted = "P-Asserted-Identity: \"Boss\" <sip:+39333@carrier.example>, <sip:other@carrier.example>\r\n";
    let invite = house.pbx.request("INVITE", &uri, asserted, &house.pbx.sdp()?);
    assert_eq!(house.pbx.ask_once(&invite)?.status(), 200);
    // He has his 200, and sends no ACK.
    let people = house.api.wait_for_state("3001", "calling", 1, WITHIN)?;
    assert_eq!((&people[0]["door"], &people[0]["name"]), (&json!("trunk"), &json!("Boss")), "{people:?}");
    assert_eq!(people[0]["address"], "sip:+39333@carrier.example");
    Ok(())
}

/// A-23, S-17: from elsewhere the same INVITE is a guest's, whatever it asserts.
#[test]
fn an_unknown_source_is_no_trunk_whatever_it_says() -> anyhow::Result<()> {
    let claim = covers(["A-23", "3325-01", "3325-03"]).pending();
    let house = started(json!({ "trust_identity": true }))?;
    let mut stranger = RawPhone::guest_at(&house.server, "pbx", own_address())?;
    let asserted = "P-Asserted-Identity: \"Boss\" <sip:alice@carrier.example>\r\n";
    // The number is the trunk's, not ours: to a stranger it is a number of the world, for which he is to show who he is.
    let invite = stranger.request("INVITE", &house.uri("+39055123"), asserted, &stranger.sdp()?);
    assert_eq!(stranger.ask_once(&invite)?.status(), 401);
    let invite = stranger.request("INVITE", &house.uri("alice"), asserted, &stranger.sdp()?);
    assert_eq!(stranger.ask_once(&invite)?.status(), 401);
    let invite = stranger.request("INVITE", &house.uri("3001"), asserted, &stranger.sdp()?);
    assert_eq!(stranger.ask_once(&invite)?.status(), 200, "3001 is open to everybody");
    // He has his 200, and sends no ACK.
    let people = house.api.wait_for_state("3001", "calling", 1, WITHIN)?;
    assert_eq!((&people[0]["door"], &people[0]["name"]), (&json!("sip"), &json!("pbx")), "{people:?}");
    claim.proven();
    Ok(())
}

#[test]
fn a_number_that_means_nothing_here_reaches_the_spoken_entrance() -> anyhow::Result<()> {
    let mut house = started(json!({}))?;
    for user in ["+39055999", "access"] {
        let dialog = house.pbx.join(&house.uri(user))?;
        let mut dialog = dialog;
        let answer = house.pbx.ask_in(&mut dialog, "BYE", "")?;
        assert_eq!(answer.status(), 200, "{user}: {}", answer.0);
    }
    Ok(())
}

/// RFC 3966 §5.1.5: a local number that does not say whose it is reaches nobody.
#[test]
fn a_tel_uri_is_dialled_by_its_digits_and_its_context() -> anyhow::Result<()> {
    let claim = covers(["3966-01", "3966-02"]).pending();
    let groups = covers(["4904-01"]).but("the other leg gets the digits alone").pending();
    let mut house = started(json!({}))?;
    let context = house.server.address;
    // As it was typed, so it stays; compared, it is the number that calls.
    let members = json!([{ "address": "tel:+39-333.(1)", "name": "Typed" }]);
    let stored = house.api.post("/conferences", json!({ "number": "3003", "members": members }))?;
    assert_eq!(stored["members"][0]["address"], "tel:+39-333.(1)", "{stored}");
    for (uri, status) in [
        ("tel:+39-055-(123)".to_owned(), 200),
        ("tel:3001".to_owned(), 404),
        (format!("tel:30-01;phone-context={context}"), 200),
        ("tel:3001;phone-context=elsewhere.example".to_owned(), 404),
        ("tel:055123;phone-context=+39".to_owned(), 200),
        ("tel:+39055123;tgrp=TG-1".to_owned(), 200),
        ("tel:+39055123;tgrp=TG-1;trunk-context=example.com".to_owned(), 200),
    ] {
        let invite = house.pbx.request("INVITE", &uri, "", &house.pbx.sdp()?);
        let answer = house.pbx.ask_once(&invite)?;
        assert_eq!(answer.status(), status, "{uri}: {}", answer.0);
    }
    claim.proven();
    groups.proven();
    Ok(())
}

/// RFC 3966 wherever a telephone network may write a number, and where ours is told: RFC 4575 §5.3.1 for the last.
#[test]
fn a_tel_uri_is_good_for_everybody_who_has_one() -> anyhow::Result<()> {
    let claim = covers(["3966-05"]).pending();
    let mut house = started(json!({ "trust_identity": true, "numbers": [
        { "number": "+39055123", "to": "3001" }, { "number": "+390551*", "to": "3001" }, { "number": "055123", "to": "3001" },
        { "number": "+39055124", "to": "3002" } ] }))?;
    // Request-URI and To are written from the same; From and P-Asserted-Identity say who calls.
    let invite = house.pbx.request("INVITE", "tel:+39-055-123", "", &house.pbx.sdp()?);
    let from = of(&invite, "From").split(['<', '>']).nth(1).unwrap_or_default().to_owned();
    let by_from = invite.replacen(&format!("From: <{from}>"), "From: <tel:+39-333-1>", 1);
    assert!(of(&by_from, "To") == "<tel:+39-055-123>" && of(&by_from, "From").starts_with("<tel:"), "{by_from}");
    assert_eq!(house.pbx.ask_once(&by_from)?.status(), 200);
    let people = house.api.wait_for_state("3001", "calling", 1, WITHIN)?;
    assert_eq!((&people[0]["door"], &people[0]["address"]), (&json!("trunk"), &json!("tel:+39-333-1")), "{people:?}");
    let asserted = "P-Asserted-Identity: <tel:+39-333-2>\r\n";
    let by_identity = house.pbx.request("INVITE", "tel:+39-055-123", asserted, &house.pbx.sdp()?);
    assert_eq!(house.pbx.ask_once(&by_identity)?.status(), 200);
    let people = house.api.wait_for_state("3001", "calling", 2, WITHIN)?;
    assert!(people.iter().any(|person| person["address"] == "tel:+39-333-2"), "{people:?}");
    // In Refer-To, and in the conf-uris of the roster: only what means the same everywhere, and leads here.
    let members = json!([{ "address": "alice", "role": "chair" }]);
    house.api.patch("/conferences/3001", json!({ "access": "accounts", "members": members }))?;
    let uri = house.uri("3001");
    house.alice.subscribe(&uri, "")?;
    let roster = house.alice.notify()?;
    let uris =
        roster.0.split("<conf-uris>").nth(1).and_then(|rest| rest.split("</conf-uris>").next()).unwrap_or_default();
    assert!(uris.contains("<uri>tel:+39055123</uri>") && uris.matches("<uri>tel:").count() == 1, "{}", roster.0);
    let refer = house.alice.request("REFER", &uri, "Refer-To: <tel:+39-055-777>\r\n", "");
    let (_, accepted) = house.alice.ask(refer)?;
    assert_eq!(accepted.status(), 202, "{}", accepted.0);
    let called = house.pbx.expect("INVITE")?;
    assert!(called.starts_with("INVITE sip:+39055777@"), "{called}");
    house.pbx.answer(&called, "486 Busy Here", "", "")?;
    claim.proven();
    Ok(())
}

/// RFC 3398 §5.2, RFC 5621: the SDP of a multipart counts; what else is in it may be ignored only where it says so.
#[test]
fn isup_beside_the_sdp_is_ignored_when_it_is_optional() -> anyhow::Result<()> {
    let claim = covers(["3398-03"]).pending();
    let mut house = started(json!({}))?;
    for (handling, status) in [("optional", 200), ("required", 415)] {
        let sdp = house.pbx.sdp()?;
        let body = format!(
            "--x\r\nContent-Type: application/sdp\r\n\r\n{sdp}\r\n--x\r\nContent-Type: application/ISUP;version=itu-t92+\r\n\
             Content-Disposition: signal;handling={handling}\r\n\r\n\x01\x02\x03\r\n--x--\r\n"
        );
        let invite = house.pbx.request("INVITE", &house.uri("+39055123"), "", &body);
        let invite = invite.replacen("application/sdp", "multipart/mixed;boundary=x", 1);
        let answer = house.pbx.ask_once(&invite)?;
        assert_eq!(answer.status(), status, "{handling}: {}", answer.0);
    }
    claim.proven();
    Ok(())
}

/// A fax gateway tries T.38; the call goes on as speech.
#[test]
fn t38_is_refused_and_the_audio_goes_on() -> anyhow::Result<()> {
    let mut house = started(json!({}))?;
    let mut dialog = house.pbx.join(&house.uri("+39055123"))?;
    let image = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=image 49170 udptl t38\r\n";
    let answer = house.pbx.invite_again(&mut dialog, image)?;
    assert_eq!(answer.status(), 488, "{}", answer.0);
    assert_eq!(house.api.wait_for_state("3001", "connected", 1, WITHIN)?.len(), 1);
    let sdp = house.pbx.sdp()?;
    let again = house.pbx.invite_again(&mut dialog, &sdp)?;
    assert_eq!(again.status(), 200, "{}", again.0);
    Ok(())
}

/// Asterisk's qualify: OPTIONS to the bare host is for the server itself. A delayed offer gets ours in the 200.
#[test]
fn options_to_the_bare_host_and_an_invite_without_offer_are_answered() -> anyhow::Result<()> {
    let claim = covers(["T-30", "T-06"]).pending();
    let mut house = started(json!({ "codecs": ["pcma"], "srtp": "off" }))?;
    let options = house.pbx.request("OPTIONS", &format!("sip:{}:5060", house.server.address), "", "");
    assert_eq!(house.pbx.ask_once(&options)?.status(), 200);
    let invite = house.pbx.request("INVITE", &house.uri("+39055123"), "", "");
    let answer = house.pbx.ask_once(&invite)?;
    assert_eq!(answer.status(), 200, "{}", answer.0);
    let line = answer.0.lines().find(|line| line.starts_with("m=audio")).unwrap_or_default();
    assert!(line.contains("RTP/AVP 8"), "the trunk's own codecs, plain: {line}");
    claim.proven();
    Ok(())
}
