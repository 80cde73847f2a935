//! RFC 6665: subscriptions as a subscriber sees them, at a started server.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rfc_tests::api::Api;
use rfc_tests::coverage::covers;
use rfc_tests::raw::{Answer, header};
use rfc_tests::raw_phone::{RawDialog, RawPhone};
use rfc_tests::server::Server;
use serde_json::json;

fn started() -> anyhow::Result<(Server, Api, RawPhone, String)> {
    started_with(&[])
}

fn started_with(settings: &[&str]) -> anyhow::Result<(Server, Api, RawPhone, String)> {
    let server = Server::start_with(settings)?;
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
    let claim = covers(["6665-03"]).but("an id of the Event, and the body that is accepted: tests of their own");
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

/// §4.2.2 and §8.2.1: every NOTIFY names the subscription as its SUBSCRIBE did, in a format that was accepted.
#[test]
fn a_notify_says_the_id_the_state_and_what_was_accepted() -> anyhow::Result<()> {
    let claim = covers(["6665-03"]).pending();
    let (_server, _api, mut alice, uri) = started()?;
    let other = "Event: conference\r\nAccept: text/plain, application/pidf+xml\r\n";
    let refused = alice.ask(alice.request("SUBSCRIBE", &uri, other, ""))?.1;
    assert_eq!((refused.status(), refused.header("Accept")), (406, Some("application/conference-info+xml")));
    let named = "Event: conference;id=a7\r\nAccept: text/plain, application/conference-info+xml\r\nExpires: 600\r\n";
    let (asked, ok) = alice.ask(alice.request("SUBSCRIBE", &uri, named, ""))?;
    assert_eq!(ok.status(), 200, "{}", ok.0);
    let mut dialog = RawDialog::of(&asked, &ok)?;
    let says = |notify: &Answer, state: &str| {
        assert_eq!(notify.header("Event"), Some("conference;id=a7"), "{}", notify.0);
        assert!(notify.header("Subscription-State").is_some_and(|said| said.starts_with(state)), "{}", notify.0);
        assert_eq!(notify.header("Content-Type"), Some("application/conference-info+xml"), "{}", notify.0);
    };
    let first = alice.notify()?;
    says(&first, "active;expires=");
    let left = first.header("Subscription-State").and_then(|state| state.split('=').next_back()?.parse::<u32>().ok());
    assert!(left.is_some_and(|left| (590..=600).contains(&left)), "{}", first.0);
    // The id tells it from another one in the same dialog.
    assert_eq!(alice.ask_in(&mut dialog, "SUBSCRIBE", "Event: conference\r\nExpires: 600\r\n")?.status(), 200);
    assert_eq!(alice.notify()?.header("Event"), Some("conference"));
    let bye = alice.ask_in(&mut dialog, "SUBSCRIBE", "Event: conference;id=a7\r\nExpires: 0\r\n")?;
    assert_eq!(bye.status(), 200, "{}", bye.0);
    says(&alice.notify()?, "terminated;reason=timeout");
    alice.join(&uri)?;
    let only = alice.notify()?;
    assert_eq!(only.header("Event"), Some("conference"), "the other one stands: {}", only.0);
    // What else comes of his joining is for that one, too.
    alice.expect_no("INVITE", Duration::from_millis(700))?;
    let others: Vec<_> = alice.heard("NOTIFY ").into_iter().map(|notify| header(notify, "Event")).collect();
    assert!(others.iter().all(|event| *event == Some("conference")), "{others:?}");
    claim.proven();
    Ok(())
}

/// §4.2.1.4, §4.2.2: too brief is refused; what is granted and not refreshed ends when it is over, and its end is told.
#[test]
fn a_subscription_that_nobody_refreshes_ends_with_a_last_word() -> anyhow::Result<()> {
    let claim = covers(["6665-05"]).pending();
    let (server, api, mut alice, uri) = started()?;
    let brief = alice.ask(alice.request("SUBSCRIBE", &uri, "Event: conference\r\nExpires: 1\r\n", ""))?.1;
    assert_eq!((brief.status(), brief.header("Min-Expires")), (423, Some("60")), "{}", brief.0);
    let least = alice.ask(alice.request("SUBSCRIBE", &uri, "Event: conference\r\nExpires: 60\r\n", ""))?.1;
    assert_eq!((least.status(), least.header("Expires")), (200, Some("60")), "{}", least.0);
    alice.notify()?;

    // The subscription of a REFER may be as short as a second.
    let mut bob = RawPhone::new(&server, &api, "bob")?;
    bob.register()?;
    let refer = alice.request("REFER", &uri, &format!("Refer-To: <{}>\r\n", bob.address()), "");
    let (asked, accepted) = alice.ask(refer)?;
    assert_eq!(accepted.status(), 202, "{}", accepted.0);
    let mut dialog = RawDialog::of(&asked, &accepted)?;
    let invite = bob.expect("INVITE")?;
    bob.answer(&invite, "180 Ringing", "", "")?;
    let shorter = alice.ask_in(&mut dialog, "SUBSCRIBE", "Event: refer\r\nExpires: 1\r\n")?;
    let granted = Instant::now();
    assert_eq!((shorter.status(), shorter.header("Expires")), (200, Some("1")), "{}", shorter.0);
    loop {
        let notify = alice.notify()?;
        let of_refer = notify.header("Event").is_some_and(|event| event.starts_with("refer"));
        match notify.header("Subscription-State") {
            Some("terminated;reason=timeout") if of_refer => break,
            state => assert!(state.is_some_and(|state| state.starts_with("active")), "{}", notify.0),
        }
    }
    let elapsed = granted.elapsed();
    assert!((Duration::from_millis(800)..Duration::from_secs(4)).contains(&elapsed), "{elapsed:?}");
    let late = alice.ask_in(&mut dialog, "SUBSCRIBE", "Event: refer\r\nExpires: 60\r\n")?;
    assert!((400..500).contains(&late.status()), "it is over: {}", late.0);
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
    let claim = covers(["6665-04"]).but("481 stands for the other statuses, which the next test lists");
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

/// §4.2.2, status by status: some end the subscription, and so does silence; after any other all is said anew.
#[test]
fn each_answer_to_a_notify_ends_the_subscription_or_leaves_it() -> anyhow::Result<()> {
    let claim = covers(["6665-04"]).pending();
    // 64·T1 are 3.2 s then.
    let (server, api, mut alice, uri) = started_with(&["sip.t1=50ms"])?;
    let mut bob = RawPhone::new(&server, &api, "bob")?;
    api.patch("/conferences/3001", json!({ "access": "accounts" }))?;
    let call_id = |notify: &str| header(notify, "Call-ID").unwrap_or_default().to_owned();
    let mut answered = |status: Option<u16>| -> anyhow::Result<String> {
        let (dialog, _) = alice.subscribe(&uri, "")?;
        loop {
            let notify = alice.expect("NOTIFY")?;
            if call_id(&notify) != dialog.call_id {
                continue; // repeated, of one before
            }
            let said = status.map(|status| format!("{status} Said"));
            let retry = if status == Some(500) { "Retry-After: 6\r\n" } else { "" };
            said.map_or(Ok(()), |said| alice.answer(&notify, &said, retry, ""))?;
            return Ok(dialog.call_id);
        }
    };
    let gone = [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604];
    let gone: BTreeSet<String> =
        gone.into_iter().map(Some).chain([None]).map(&mut answered).collect::<anyhow::Result<_>>()?;
    let kept: BTreeSet<String> =
        [400, 403, 408, 486, 500, 503, 600].into_iter().map(Some).map(&mut answered).collect::<anyhow::Result<_>>()?;
    assert_eq!((gone.len(), kept.len()), (14, 7));
    // Refused ones come again after five seconds and more; by then nobody waits for the one without answer.
    let mut heard = BTreeSet::new();
    let give_up = Instant::now() + Duration::from_secs(20);
    while heard.len() < kept.len() && Instant::now() < give_up {
        let Ok(notify) = alice.expect("NOTIFY") else { continue };
        if kept.contains(&call_id(&notify)) {
            assert!(notify.contains("state=\"full\""), "what was refused comes in full: {notify}");
            alice.answer(&notify, "200 OK", "", "")?;
            heard.insert(call_id(&notify));
        }
    }
    assert_eq!(heard, kept);
    while alice.expect_no("NOTIFY", Duration::from_millis(300)).is_err() {}
    bob.join(&uri)?;
    let mut heard = BTreeSet::new();
    let give_up = Instant::now() + Duration::from_secs(10);
    while heard.len() < kept.len() && Instant::now() < give_up {
        let notify = alice.notify()?;
        heard.insert(call_id(&notify.0));
    }
    assert_eq!(heard, kept, "who was told of bob");
    claim.proven();
    Ok(())
}

/// §4.5: the Contact of a subscription's dialog reaches the conference from outside that dialog, by whomever: that is what
/// makes a URI a GRUU (RFC 5627 §3). A conference server registers nowhere and makes its own; a focus is its URI.
#[test]
fn a_subscription_has_a_dialog_of_its_own_and_a_target_that_all_can_reach() -> anyhow::Result<()> {
    let claim = covers(["6665-07"]);
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
