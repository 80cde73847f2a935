//! RFC 6665: subscriptions as a subscriber sees them, at a started server.

use std::time::Duration;

use rfc_tests::api::Api;
use rfc_tests::coverage::covers;
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::server::Server;
use serde_json::json;

fn started() -> anyhow::Result<(Server, Api, RawPhone, String)> {
    let server = Server::start()?;
    let api = server.api()?;
    let alice = RawPhone::new(&server, &api, "alice")?;
    let members = json!([{ "address": "alice", "name": "Alice", "role": "chair" }]);
    api.post("/conferences", json!({ "number": "3001", "access": "members", "members": members }))?;
    let uri = format!("sip:3001@{}", server.address);
    Ok((server, api, alice, uri))
}

/// §4.2.1.1.
#[test]
fn an_unknown_or_missing_event_gets_489_with_what_there_is() -> anyhow::Result<()> {
    let claim = covers(["6665-01"]);
    let (_server, _api, mut alice, uri) = started()?;
    for event in ["Event: foo\r\n", ""] {
        let answer = alice.ask(alice.request("SUBSCRIBE", &uri, event, ""))?.1;
        assert_eq!(answer.status(), 489, "{}", answer.0);
        assert!(answer.header("Allow-Events").is_some_and(|events| events.contains("conference")), "{}", answer.0);
    }
    claim.proven();
    Ok(())
}

/// §4.2.1.1, §4.2.1.4 and §4.2.2.
#[test]
fn the_duration_is_shortened_or_refused_and_the_state_comes_at_once() -> anyhow::Result<()> {
    let claim = covers(["6665-03", "6665-05"])
        .but("an id of the Event, and an expiry that nobody refreshes: unit tests of the notifier");
    let (_server, _api, mut alice, uri) = started()?;
    let brief = alice.ask(alice.request("SUBSCRIBE", &uri, "Event: conference\r\nExpires: 1\r\n", ""))?.1;
    assert_eq!(brief.status(), 423);
    let least: u32 = brief.header("Min-Expires").expect("Min-Expires").parse()?;
    assert!(least > 1);

    let (mut dialog, ok) = alice.subscribe(&uri, "Expires: 99999\r\n")?;
    let granted: u32 = ok.header("Expires").expect("Expires").parse()?;
    assert!(granted < 99_999, "{}", ok.0);
    assert!(ok.header("Contact").is_some_and(|contact| contact.ends_with(";isfocus")), "{}", ok.0);
    let first = alice.notify()?;
    assert_eq!(first.header("Event"), Some("conference"));
    let state = first.header("Subscription-State").expect("a state");
    assert!(state.starts_with("active;expires="), "{state}");
    assert_eq!(first.header("Content-Type"), Some("application/conference-info+xml"));

    let again = alice.ask_in(&mut dialog, "SUBSCRIBE", "Event: conference\r\nExpires: 300\r\n")?;
    assert_eq!((again.status(), again.header("Expires")), (200, Some("300")));
    assert!(alice.notify()?.0.contains("state=\"full\""));

    let bye = alice.ask_in(&mut dialog, "SUBSCRIBE", "Event: conference\r\nExpires: 0\r\n")?;
    assert_eq!((bye.status(), bye.header("Expires")), (200, Some("0")));
    let last = alice.notify()?;
    assert_eq!(last.header("Subscription-State"), Some("terminated;reason=timeout"));
    let late = alice.ask_in(&mut dialog, "SUBSCRIBE", "Event: conference\r\n")?;
    assert_eq!(late.status(), 481);
    claim.proven();
    Ok(())
}

/// §4.4.3.
#[test]
fn a_fetch_gets_the_state_and_no_subscription() -> anyhow::Result<()> {
    let claim = covers(["6665-02"]);
    let (_server, _api, mut alice, uri) = started()?;
    alice.subscribe(&uri, "Expires: 0\r\n")?;
    let only = alice.notify()?;
    assert_eq!(only.header("Subscription-State"), Some("terminated;reason=timeout"));
    assert!(only.0.contains("<conference-info"), "{}", only.0);
    alice.join(&uri)?;
    alice.expect_no("NOTIFY", Duration::from_millis(600))?;
    claim.proven();
    Ok(())
}

/// §4.2.2: 481 ends it, 500 does not.
#[test]
fn a_subscriber_that_answers_481_hears_no_more_and_after_500_all_anew() -> anyhow::Result<()> {
    let claim = covers(["6665-04"]).but("481 stands for the other statuses, which unit tests list");
    let (_server, _api, mut alice, uri) = started()?;
    alice.subscribe(&uri, "")?;
    let first = alice.expect("NOTIFY")?;
    alice.answer(&first, "481 Subscription Does Not Exist", "", "")?;
    alice.join(&uri)?;
    alice.expect_no("NOTIFY", Duration::from_millis(600))?;

    alice.subscribe(&uri, "")?;
    let refused = alice.expect("NOTIFY")?;
    alice.answer(&refused, "500 Busy", "Retry-After: 1\r\n", "")?;
    // The server waits five seconds at least; the phone looks that long and once more.
    alice.expect_no("NOTIFY", Duration::from_secs(4))?;
    assert!(alice.notify()?.0.contains("state=\"full\""), "what was refused comes in full");
    claim.proven();
    Ok(())
}

/// §4.5: the Contact of a subscription's dialog reaches the conference from outside that dialog, as a GRUU does.
#[test]
fn a_subscription_has_a_dialog_of_its_own_and_a_target_that_all_can_reach() -> anyhow::Result<()> {
    let claim = covers(["6665-07"]).but("a focus writes its own address, in place of a GRUU of it");
    let (server, api, mut alice, uri) = started()?;
    let mut bob = RawPhone::new(&server, &api, "bob")?;
    api.patch("/conferences/3001", json!({ "access": "accounts" }))?;
    let mut call = alice.join(&uri)?;
    let (mut own, ok) = alice.subscribe(&uri, "")?;
    assert_ne!(own.call_id, call.call_id);
    assert!(alice.notify()?.0.contains("sip:alice@"));
    let target = ok.header("Contact").expect("a Contact").split(['<', '>']).nth(1).expect("in brackets").to_owned();
    bob.join(&target)?;
    while !alice.notify()?.0.contains("sip:bob@") {}
    bob.subscribe(&target, "")?;
    assert!(bob.notify()?.0.contains("sip:alice@"), "the same conference");
    // The call ends and the subscription does not; nor the other way round.
    assert_eq!(alice.ask_in(&mut call, "BYE", "")?.status(), 200);
    while !alice.notify()?.0.contains("<disconnection-method>departed<") {}
    let mut call = alice.join(&target)?;
    assert_eq!(alice.ask_in(&mut own, "SUBSCRIBE", "Event: conference\r\nExpires: 0\r\n")?.status(), 200);
    while !alice.notify()?.header("Subscription-State").is_some_and(|state| state.starts_with("terminated")) {}
    // An old phone asks within its call, and is told too.
    assert_eq!(alice.ask_in(&mut call, "SUBSCRIBE", "Event: conference\r\n")?.status(), 200);
    assert!(alice.notify()?.0.contains("sip:alice@"));
    claim.proven();
    Ok(())
}

/// §4.5.1, RFC 4579 §3.4: an old phone subscribes within its call, and BYE does not end that.
#[test]
fn a_subscription_within_a_call_outlives_it() -> anyhow::Result<()> {
    let claim = covers(["5057-01", "4579-G5"]);
    let (server, api, mut alice, uri) = started()?;
    let mut bob = RawPhone::new(&server, &api, "bob")?;
    api.patch("/conferences/3001", json!({ "access": "accounts" }))?;
    let mut call = alice.join(&uri)?;
    let answer = alice.ask_in(&mut call, "SUBSCRIBE", "Event: conference\r\n")?;
    assert_eq!(answer.status(), 200, "{}", answer.0);
    assert!(alice.notify()?.0.contains("sip:alice@"));
    bob.join(&uri)?;
    while !alice.notify()?.0.contains("sip:bob@") {}
    assert_eq!(alice.ask_in(&mut call, "BYE", "")?.status(), 200);
    while !alice.notify()?.0.contains("<disconnection-method>departed<") {}
    claim.proven();
    Ok(())
}
