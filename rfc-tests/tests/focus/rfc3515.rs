//! RFC 3515 at a focus (RFC 4579 §5.5 and §5.11), with RFC 4488 and RFC 3892.

use std::time::Duration;

use rfc_tests::api::Api;
use rfc_tests::coverage::covers;
use rfc_tests::raw::Answer;
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::server::Server;
use serde_json::json;

struct House {
    server: Server,
    api: Api,
    alice: RawPhone,
    carol: RawPhone,
    uri: String,
}

/// Alice is the chair, Carol a member with a registered phone.
fn started() -> anyhow::Result<House> {
    let server = Server::start()?;
    let api = server.api()?;
    let alice = RawPhone::new(&server, &api, "alice")?;
    let mut carol = RawPhone::new(&server, &api, "carol")?;
    carol.register()?;
    let members = json!([
        { "address": "alice", "name": "Alice", "role": "chair" },
        { "address": "carol", "name": "Carol", "role": "participant" },
    ]);
    api.post("/conferences", json!({ "number": "3001", "access": "members", "members": members }))?;
    let uri = format!("sip:3001@{}", server.address);
    Ok(House { server, api, alice, carol, uri })
}

fn refer(phone: &mut RawPhone, uri: &str, refer_to: &str, extra: &str) -> anyhow::Result<Answer> {
    let request = phone.request("REFER", uri, &format!("Refer-To: {refer_to}\r\n{extra}"), "");
    Ok(phone.ask(request)?.1)
}

fn says(notify: &Answer, status_line: &str, state: &str) {
    assert!(notify.0.ends_with(&format!("\r\n\r\n{status_line}\r\n")), "{status_line}: {}", notify.0);
    assert!(notify.header("Subscription-State").is_some_and(|value| value.starts_with(state)), "{}", notify.0);
    assert_eq!(notify.header("Content-Type"), Some("message/sipfrag;version=2.0"));
    assert!(notify.header("Event").is_some_and(|event| event.starts_with("refer")), "{}", notify.0);
}

/// RFC 4579 §5.5: Alice asks the focus to call Carol.
#[test]
fn refer_to_the_focus_adds_a_participant() -> anyhow::Result<()> {
    let claim = covers(["3515-02", "3515-03", "3892-01", "4579-5.5a", "4579-5.5b", "4579-5.5f"]);
    let House { server: _server, api, mut alice, mut carol, uri } = started()?;
    let accepted = refer(&mut alice, &uri, &format!("<{}>", carol.address()), "")?;
    assert_eq!(accepted.status(), 202, "{}", accepted.0);
    assert!(accepted.header("Contact").is_some_and(|contact| contact.ends_with(";isfocus")), "{}", accepted.0);
    says(&alice.notify()?, "SIP/2.0 100 Trying", "active;expires=");

    let invite = Answer(carol.expect("INVITE")?);
    assert!(invite.header("Contact").is_some_and(|contact| contact.ends_with(";isfocus")), "{}", invite.0);
    assert_eq!(invite.header("Referred-By"), Some(format!("<{}>", alice.address()).as_str()));
    assert!(invite.header("Allow-Events").is_some_and(|events| events.contains("conference")), "{}", invite.0);
    carol.answer(&invite.0, "180 Ringing", "", "")?;
    says(&alice.notify()?, "SIP/2.0 180 Ringing", "active;expires=");
    let sdp = carol.sdp()?;
    carol.answer(&invite.0, "200 OK", "", &sdp)?;
    carol.expect("ACK")?;
    says(&alice.notify()?, "SIP/2.0 200 OK", "terminated;reason=noresource");
    api.wait_for_state("3001", "connected", 1, Duration::from_secs(5))?;

    alice.subscribe(&uri, "")?;
    let roster = alice.notify()?;
    for piece in [&*format!("<referred><by>{}</by></referred>", alice.address()), ">dialed-out<"] {
        assert!(roster.0.contains(piece), "{piece} in {}", roster.0);
    }
    // She is in already: nobody is called once more.
    assert_eq!(refer(&mut alice, &uri, &format!("<{}>", carol.address()), "")?.status(), 202);
    says(&alice.notify()?, "SIP/2.0 100 Trying", "active");
    says(&alice.notify()?, "SIP/2.0 200 OK", "terminated;reason=noresource");
    carol.expect_no("INVITE", Duration::from_millis(300))?;
    claim.proven();
    Ok(())
}

#[test]
fn a_refusal_is_told_with_its_status() -> anyhow::Result<()> {
    let claim = covers(["4579-5.5c"]).pending();
    let House { server: _server, mut alice, mut carol, uri, .. } = started()?;
    let mut call = alice.join(&uri)?;
    let answer = alice.ask_in(&mut call, "REFER", &format!("Refer-To: <{}>\r\n", carol.address()))?;
    assert_eq!(answer.status(), 202, "in the dialog of the call: {}", answer.0);
    says(&alice.notify()?, "SIP/2.0 100 Trying", "active");
    let invite = carol.expect("INVITE")?;
    carol.answer(&invite, "486 Busy Here", "", "")?;
    says(&alice.notify()?, "SIP/2.0 486 Busy Here", "terminated;reason=noresource");
    claim.proven();
    Ok(())
}

/// RFC 4579 §5.11.
#[test]
fn refer_with_method_bye_removes_a_participant() -> anyhow::Result<()> {
    let claim = covers(["4579-5.11a"]).but("the subscription of who is removed goes on");
    let House { server: _server, api, mut alice, mut carol, uri } = started()?;
    carol.join(&uri)?;
    api.wait_for_state("3001", "connected", 1, Duration::from_secs(5))?;
    let bye = format!("<{};method=BYE>", carol.address());
    assert_eq!(refer(&mut alice, &uri, &bye, "")?.status(), 202);
    says(&alice.notify()?, "SIP/2.0 100 Trying", "active");
    let gone = carol.expect("BYE")?;
    carol.answer(&gone, "200 OK", "", "")?;
    says(&alice.notify()?, "SIP/2.0 200 OK", "terminated;reason=noresource");
    assert_eq!(refer(&mut alice, &uri, &bye, "")?.status(), 404, "nobody of that name any more");
    claim.proven();
    Ok(())
}

/// §5.2: policy before any packet to the target.
#[test]
fn who_may_not_is_refused_and_nothing_is_sent() -> anyhow::Result<()> {
    let claim = covers(["3515-05", "4579-5.5d"]);
    let House { server, api, mut alice, mut carol, uri } = started()?;
    let mut mallory = RawPhone::new(&server, &api, "mallory")?;
    let carol_uri = format!("<{}>", carol.address());
    assert_eq!(refer(&mut mallory, &uri, &carol_uri, "")?.status(), 403, "a stranger");
    let alice_uri = format!("<{};method=BYE>", alice.address());
    alice.join(&uri)?;
    assert_eq!(refer(&mut carol, &uri, &alice_uri, "")?.status(), 403, "a plain member");
    let nowhere = format!("sip:9999@{}", server.address);
    assert_eq!(refer(&mut alice, &nowhere, &carol_uri, "")?.status(), 404);
    let mut guest = RawPhone::guest(&server, "nobody")?;
    let request = guest.request("REFER", &uri, &format!("Refer-To: {carol_uri}\r\n"), "");
    assert_eq!(guest.ask_once(&request)?.status(), 401);
    carol.expect_no("INVITE", Duration::from_millis(300))?;
    alice.expect_no("BYE", Duration::from_millis(300))?;
    claim.proven();
    Ok(())
}

/// §2.1, §2.4.2, and what a focus will not do for others.
#[test]
fn what_cannot_be_asked_for() -> anyhow::Result<()> {
    let claim = covers(["3515-01", "3515-06", "7614-01"]);
    let House { server, mut alice, mut carol, uri, .. } = started()?;
    let (to, domain) = (carol.address(), server.address);
    let none = alice.request("REFER", &uri, "", "");
    assert_eq!(alice.ask(none)?.1.status(), 400);
    for (refer_to, extra, status) in [
        (format!("<{to}>"), format!("Refer-To: <sip:bob@{domain}>\r\n"), 400),
        (format!("<{to};method=REGISTER>"), String::new(), 403),
        (format!("<{to};method=REFER?Refer-To=sip:x>"), String::new(), 501),
        ("<http://example.org/>".to_owned(), String::new(), 416),
        (format!("<{uri}>"), String::new(), 403),
        (format!("<{to}>"), "Require: explicitsub\r\n".to_owned(), 420),
    ] {
        let answer = refer(&mut alice, &uri, &refer_to, &extra)?;
        assert_eq!(answer.status(), status, "{refer_to} {extra}: {}", answer.0);
    }
    carol.expect_no("INVITE", Duration::from_millis(300))?;
    claim.proven();
    Ok(())
}

/// RFC 4488 §4; and no header of Refer-To speaks in the name of the focus.
#[test]
fn without_subscription_there_is_silence_after_the_2xx() -> anyhow::Result<()> {
    let claim = covers(["4488-01", "4579-5.5e"]);
    let House { server: _server, mut alice, mut carol, uri, .. } = started()?;
    let refer_to = format!("<{}?Route=%3Csip:evil.example%3E&From=%3Csip:mallory%40x%3E>", carol.address());
    let referred_by = "Referred-By: <sip:boss@example.org>\r\nRefer-Sub: false\r\n";
    let accepted = refer(&mut alice, &uri, &refer_to, referred_by)?;
    assert_eq!((accepted.status(), accepted.header("Refer-Sub")), (202, Some("false")));
    let invite = Answer(carol.expect("INVITE")?);
    assert!(!invite.0.contains("evil") && !invite.0.contains("mallory"), "{}", invite.0);
    assert_eq!(invite.header("Referred-By"), Some("<sip:boss@example.org>"));
    carol.answer(&invite.0, "603 Decline", "", "")?;
    alice.expect_no("NOTIFY", Duration::from_millis(500))?;
    claim.proven();
    Ok(())
}

/// §2.4.6: the second REFER of a dialog and all after it are told apart by their numbers. RFC 7614 §4: `nosub`.
#[test]
fn several_refers_in_a_dialog_have_subscriptions_of_their_own() -> anyhow::Result<()> {
    let claim = covers(["3515-04", "7614-01"]);
    let House { server: _server, mut alice, mut carol, uri, .. } = started()?;
    let mut call = alice.join(&uri)?;
    let refer_to = format!("Refer-To: <{}>\r\n", carol.address());
    let mut events = Vec::new();
    for _ in 0..2 {
        assert_eq!(alice.ask_in(&mut call, "REFER", &refer_to)?.status(), 202);
        let first = alice.notify()?;
        events.push(first.header("Event").unwrap_or_default().to_owned());
    }
    assert_eq!(events[0], "refer");
    assert!(events[1].starts_with("refer;id="), "{events:?}");
    let invite = carol.expect("INVITE")?;
    carol.answer(&invite, "486 Busy Here", "", "")?;
    for _ in 0..2 {
        says(&alice.notify()?, "SIP/2.0 486 Busy Here", "terminated;reason=noresource");
    }
    let quiet = format!("{refer_to}Require: nosub\r\n");
    assert_eq!(alice.ask_in(&mut call, "REFER", &quiet)?.status(), 202);
    let invite = carol.expect("INVITE")?;
    carol.answer(&invite, "486 Busy Here", "", "")?;
    alice.expect_no("NOTIFY", Duration::from_millis(500))?;
    claim.proven();
    Ok(())
}
