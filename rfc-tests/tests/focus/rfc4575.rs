//! RFC 4575: the conference package, as a phone that follows a conference sees it.

use std::time::Duration;

use rfc_tests::api::Api;
use rfc_tests::coverage::covers;
use rfc_tests::raw::Answer;
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::server::Server;
use serde_json::json;

fn started() -> anyhow::Result<(Server, Api, RawPhone, String)> {
    let server = Server::start()?;
    let api = server.api()?;
    let alice = RawPhone::new(&server, &api, "alice")?;
    let members = json!([
        { "address": "alice", "name": "Alice", "role": "chair" },
        { "address": "bob", "name": "Bob", "role": "participant" },
    ]);
    let conference = json!({ "number": "3001", "title": "Q&A <now>", "access": "members", "members": members });
    api.post("/conferences", conference)?;
    let uri = format!("sip:3001@{}", server.address);
    Ok((server, api, alice, uri))
}

fn version(notify: &Answer) -> u32 {
    let version = notify.0.split("version=\"").filter_map(|rest| rest.split('"').next()?.parse().ok());
    version.last().unwrap_or(0)
}

/// Takes NOTIFYs until one says this; every version is one more than the one before.
fn until(phone: &mut RawPhone, after: &mut u32, wanted: &str) -> anyhow::Result<Answer> {
    loop {
        let notify = phone.notify()?;
        assert_eq!(version(&notify), *after + 1, "{}", notify.0);
        *after += 1;
        if notify.0.contains(wanted) {
            return Ok(notify);
        }
    }
}

/// §3.5, §3.6, §4.4, §4.5.
#[test]
fn a_member_sees_who_comes_changes_and_goes() -> anyhow::Result<()> {
    let claim = covers(["4575-N4", "4575-V2", "4575-V4", "4575-V8", "4575-V9"])
        .but("refreshes; a user with two endpoints")
        .pending();
    let (server, api, mut alice, uri) = started()?;
    let mut bob = RawPhone::new(&server, &api, "bob")?;
    alice.subscribe(&uri, "")?;
    let first = alice.notify()?;
    assert_eq!(version(&first), 1);
    for piece in [
        "state=\"full\"",
        &format!("entity=\"{uri}\""),
        "<display-text>Q&amp;A &lt;now&gt;</display-text>",
        "<active>false</active>",
        "<user-count>0</user-count>",
    ] {
        assert!(first.0.contains(piece), "{piece} in {}", first.0);
    }

    let mut seen = 1;
    let mut call = bob.join(&uri)?;
    let joined = until(&mut alice, &mut seen, "<status>connected</status>")?;
    for piece in ["<users state=\"partial\">", &format!("entity=\"{}\"", bob.address()), ">dialed-in<"] {
        assert!(joined.0.contains(piece), "{piece} in {}", joined.0);
    }
    assert!(!joined.0.contains("call-info"));

    let people = api.wait_for_state("3001", "connected", 1, Duration::from_secs(5))?;
    let id = people[0]["id"].as_str().expect("an id");
    api.patch(&format!("/conferences/3001/participants/{id}"), json!({ "muted": true }))?;
    until(&mut alice, &mut seen, "<status>muted-via-focus</status>")?;
    api.post("/conferences/3001/actions/lock", json!({}))?;
    until(&mut alice, &mut seen, "<locked>true</locked>")?;

    assert_eq!(bob.ask_in(&mut call, "BYE", "")?.status(), 200);
    until(&mut alice, &mut seen, "<disconnection-method>departed</disconnection-method>")?;
    until(&mut alice, &mut seen, &format!("<user entity=\"{}\" state=\"deleted\"/>", bob.address()))?;
    claim.proven();
    Ok(())
}

/// §4.5: each subscription counts for itself.
#[test]
fn two_subscribers_count_for_themselves() -> anyhow::Result<()> {
    let claim = covers(["4575-V1"]).pending();
    let (server, api, mut alice, uri) = started()?;
    let mut bob = RawPhone::new(&server, &api, "bob")?;
    alice.subscribe(&uri, "")?;
    assert_eq!(version(&alice.notify()?), 1);
    alice.join(&uri)?;
    let mut seen = 1;
    until(&mut alice, &mut seen, "<status>connected</status>")?;
    bob.subscribe(&uri, "")?;
    let first = bob.notify()?;
    assert_eq!((version(&first), first.0.contains("<status>connected</status>")), (1, true));
    claim.proven();
    Ok(())
}

/// §3.5 and §3.4.
#[test]
fn strangers_stay_outside_and_who_cannot_read_xml_too() -> anyhow::Result<()> {
    let claim = covers(["4575-N1", "4575-N3"]).but("nobody is kept pending").pending();
    let (server, api, mut alice, uri) = started()?;
    let mut mallory = RawPhone::new(&server, &api, "mallory")?;
    let subscribe = |phone: &mut RawPhone, uri: &str, extra: &str| -> anyhow::Result<u16> {
        let request = phone.request("SUBSCRIBE", uri, &format!("Event: conference\r\n{extra}"), "");
        Ok(phone.ask(request)?.1.status())
    };
    assert_eq!(subscribe(&mut mallory, &uri, "")?, 403);
    let mut guest = RawPhone::guest(&server, "nobody")?;
    let request = guest.request("SUBSCRIBE", &uri, "Event: conference\r\n", "");
    assert_eq!(guest.ask_once(&request)?.status(), 401);
    assert_eq!(subscribe(&mut alice, &format!("sip:9999@{}", server.address), "")?, 404);
    assert_eq!(subscribe(&mut alice, &format!("sip:conference@{}", server.address), "")?, 403);
    assert_eq!(subscribe(&mut alice, &uri, "Accept: application/pidf+xml\r\n")?, 406);
    claim.proven();
    Ok(())
}

/// §3.3.
#[test]
fn the_end_of_the_conference_ends_the_subscription() -> anyhow::Result<()> {
    let claim = covers(["4575-N2", "4575-N7"])
        .but("the default of an hour; a stored conference is not gone by its end")
        .pending();
    let (_server, api, mut alice, uri) = started()?;
    alice.join(&uri)?;
    alice.subscribe(&uri, "")?;
    alice.notify()?;
    api.post("/conferences/3001/actions/end", json!({}))?;
    let last = loop {
        let notify = alice.notify()?;
        if notify.header("Subscription-State").is_some_and(|state| state.starts_with("terminated")) {
            break notify;
        }
    };
    assert_eq!(last.header("Subscription-State"), Some("terminated;reason=noresource"));
    claim.proven();
    Ok(())
}

/// §3.9: many changes in a short time are one document.
#[test]
fn many_at_once_are_told_at_once() -> anyhow::Result<()> {
    let claim = covers(["4575-N5"]).but("the pace is a setting, one second here").pending();
    let server = Server::start_with(&["conference.notify-interval=1s"])?;
    let api = server.api()?;
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    let members = json!([{ "address": "alice", "name": "Alice", "role": "chair" }]);
    api.post("/conferences", json!({ "number": "3001", "access": "accounts", "members": members }))?;
    let uri = format!("sip:3001@{}", server.address);
    let mut phones = Vec::new();
    for number in 0..5 {
        phones.push(RawPhone::new(&server, &api, &format!("phone{number}"))?);
    }
    alice.subscribe(&uri, "")?;
    alice.notify()?;
    for phone in &mut phones {
        phone.join(&uri)?;
    }
    let mut seen = 1;
    until(&mut alice, &mut seen, "<user-count>5</user-count>")?;
    assert!(seen - 1 < 5, "as many documents as people: {seen}");
    claim.proven();
    Ok(())
}

/// RFC 4579 §5.13.
#[test]
fn options_tell_that_it_is_a_focus() -> anyhow::Result<()> {
    let (_server, _api, mut alice, uri) = started()?;
    // Long enough for all that there is to say, since over UDP nobody gets more than twice what he sent.
    let subject = format!("Subject: {}\r\n", "x".repeat(400));
    let answer = alice.ask(alice.request("OPTIONS", &uri, &subject, ""))?.1;
    assert_eq!(answer.status(), 200);
    for (name, piece) in [
        ("Contact", ";isfocus"),
        ("Allow-Events", "conference, refer"),
        ("Accept", "application/conference-info+xml"),
        ("Allow", "SUBSCRIBE, NOTIFY, REFER"),
        ("Supported", "norefersub"),
    ] {
        assert!(answer.header(name).is_some_and(|value| value.contains(piece)), "{name}: {piece} in {}", answer.0);
    }
    Ok(())
}
