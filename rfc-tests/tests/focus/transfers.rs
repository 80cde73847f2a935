//! Transfers in calls between phones: RFC 5589 through a back-to-back user agent, and the conference keys of phones.

use std::time::Duration;

use rfc_tests::api::Api;
use rfc_tests::coverage::covers;
use rfc_tests::raw::Answer;
use rfc_tests::raw_phone::{RawDialog, RawPhone};
use rfc_tests::server::Server;
use serde_json::json;

const WITHIN: Duration = Duration::from_secs(5);

struct House {
    server: Server,
    api: Api,
    alice: RawPhone,
    bob: RawPhone,
    carol: RawPhone,
}

/// Three phones that can call one another. Alice shows her password when she calls.
fn started() -> anyhow::Result<House> {
    let server = Server::start()?;
    let api = server.api()?;
    let phone = |name: &str| -> anyhow::Result<RawPhone> {
        let mut phone = RawPhone::new(&server, &api, name)?;
        phone.register()?;
        Ok(phone)
    };
    let (alice, bob, carol) = (phone("alice")?, phone("bob")?, phone("carol")?);
    Ok(House { server, api, alice, bob, carol })
}

fn says(notify: &Answer, status_line: &str) {
    assert!(notify.0.ends_with(&format!("\r\n\r\n{status_line}\r\n")), "{status_line}: {}", notify.0);
}

fn refer(phone: &mut RawPhone, dialog: &mut RawDialog, refer_to: &str) -> anyhow::Result<Answer> {
    phone.ask_in(dialog, "REFER", &format!("Refer-To: {refer_to}\r\n"))
}

/// RFC 5589 §7: Alice has spoken with both, and puts them together.
#[test]
fn an_attended_transfer_joins_the_two_others() -> anyhow::Result<()> {
    let House { server: _server, mut alice, mut bob, mut carol, .. } = started()?;
    let (mut with_bob, _) = alice.calls(&mut bob)?;
    let (with_carol, mut carols) = alice.calls(&mut carol)?;
    let refer_to = format!("<{}?Replaces={}>", carol.address(), with_carol.escaped_name());
    assert_eq!(refer(&mut alice, &mut with_bob, &refer_to)?.status(), 202);
    says(&alice.notify()?, "SIP/2.0 100 Trying");
    says(&alice.notify()?, "SIP/2.0 200 OK");
    let replaced = alice.is_hung_up()?;
    assert_eq!(replaced.header("Call-ID"), Some(&*with_carol.call_id), "the leg that was replaced");
    assert_eq!(alice.ask_in(&mut with_bob, "BYE", "")?.status(), 200, "hers to hang up");
    for phone in [&mut bob, &mut carol] {
        phone.expect_no("BYE", Duration::from_millis(200))?;
        phone.hears()?;
    }
    // They are one call: when one hangs up, so does the other, and hears why (RFC 3326).
    let reasons = "Reason: SIP;cause=200;text=\"Done\"\r\nReason: Q.850;cause=16\r\n";
    assert_eq!(carol.ask_in(&mut carols, "BYE", reasons)?.status(), 200);
    let bye = bob.is_hung_up()?;
    assert_eq!(bye.header("Reason"), Some("SIP;cause=200;text=\"Done\", Q.850;cause=16"));
    Ok(())
}

/// RFC 5589 §6: the old call goes on until somebody answers, and further when nobody does.
#[test]
fn a_blind_transfer_calls_for_the_other() -> anyhow::Result<()> {
    let claim = covers(["5589-03"]).but("between phones; in a conference REFER adds");
    let House { server: _server, mut alice, mut bob, mut carol, .. } = started()?;
    let (mut with_bob, _) = alice.calls(&mut bob)?;
    let to_carol = format!("<{}>", carol.address());
    assert_eq!(refer(&mut alice, &mut with_bob, &to_carol)?.status(), 202);
    says(&alice.notify()?, "SIP/2.0 100 Trying");
    let invite = carol.expect("INVITE")?;
    carol.answer(&invite, "486 Busy Here", "", "")?;
    says(&alice.notify()?, "SIP/2.0 486 Busy Here");
    bob.expect_no("BYE", Duration::from_millis(200))?;

    assert_eq!(refer(&mut alice, &mut with_bob, &to_carol)?.status(), 202);
    says(&alice.notify()?, "SIP/2.0 100 Trying");
    let invite = Answer(carol.expect("INVITE")?);
    assert!(invite.header("From").is_some_and(|from| from.contains("sip:bob@")), "{}", invite.0);
    assert_eq!(invite.header("Referred-By"), Some(&*format!("<{}>", alice.address())));
    let sdp = carol.sdp()?;
    carol.answer(&invite.0, "200 OK", "", &sdp)?;
    carol.expect("ACK")?;
    says(&alice.notify()?, "SIP/2.0 200 OK");
    alice.is_hung_up()?;
    bob.expect_no("BYE", Duration::from_millis(200))?;
    carol.hears()?;
    claim.proven();
    Ok(())
}

/// RFC 3891 §3 in a call of two.
#[test]
fn a_second_phone_goes_on_with_the_call_of_the_first() -> anyhow::Result<()> {
    let claim = covers(["3891-04", "3891-05"]);
    let House { server, api, mut alice, mut bob, .. } = started()?;
    let (with_bob, _) = alice.calls(&mut bob)?;
    let replaces = format!("Replaces: {}\r\n", with_bob.name());
    let mut mallory = RawPhone::new(&server, &api, "mallory")?;
    let request = mallory.request("INVITE", &bob.address(), &replaces, &mallory.sdp()?);
    assert_eq!(mallory.ask(request)?.1.status(), 403);
    alice.expect_no("BYE", Duration::from_millis(200))?;

    let mut second = RawPhone::guest(&server, "alice")?;
    let request = second.request("INVITE", &bob.address(), &replaces, &second.sdp()?);
    let (request, ok) = second.ask(request)?;
    assert_eq!(ok.status(), 200, "{}", ok.0);
    let mut dialog = RawDialog::of(&request, &ok)?;
    second.acknowledge(&dialog)?;
    alice.is_hung_up()?;
    second.hears()?;
    bob.expect_no("BYE", Duration::from_millis(200))?;
    assert_eq!(second.ask_in(&mut dialog, "BYE", "")?.status(), 200);
    bob.is_hung_up()?;
    claim.proven();
    Ok(())
}

/// The conference key: by REFER to the focus, with Replaces, outside of any dialog and within that of the focus; and
/// by REFER to the conference within the call that is held.
#[test]
fn calls_between_phones_are_moved_into_a_conference() -> anyhow::Result<()> {
    let claim = covers(["4579-5.10c", "T-09"]);
    let House { server, api, mut alice, mut bob, mut carol } = started()?;
    let members = json!([{ "address": "alice", "name": "Alice", "role": "chair" }]);
    api.post("/conferences", json!({ "number": "3001", "access": "members", "members": members }))?;
    let uri = format!("sip:3001@{}", server.address);
    let (with_bob, _) = alice.calls(&mut bob)?;
    let (mut with_carol, _) = alice.calls(&mut carol)?;
    let mut in_conference = alice.join(&uri)?;

    let refer_to = format!("Refer-To: <{}?Replaces={}>\r\n", bob.address(), with_bob.escaped_name());
    assert_eq!(alice.ask_in(&mut in_conference, "REFER", &refer_to)?.status(), 202);
    says(&alice.notify()?, "SIP/2.0 100 Trying");
    says(&alice.notify()?, "SIP/2.0 200 OK");
    assert_eq!(refer(&mut alice, &mut with_carol, &format!("<{uri}>"))?.status(), 202);
    says(&alice.notify()?, "SIP/2.0 100 Trying");
    says(&alice.notify()?, "SIP/2.0 200 OK");

    let rows = api.wait_for_state("3001", "connected", 3, WITHIN)?;
    let names: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap_or_default()).collect();
    assert_eq!(names, ["alice", "bob", "carol"]);
    let ended = [alice.is_hung_up()?, alice.is_hung_up()?];
    let ended: Vec<_> = ended.iter().filter_map(|bye| bye.header("Call-ID")).collect();
    assert!(ended.contains(&&*with_bob.call_id) && ended.contains(&&*with_carol.call_id), "{ended:?}");
    for phone in [&mut bob, &mut carol] {
        phone.expect_no("BYE", Duration::from_millis(200))?;
        phone.hears()?;
    }
    claim.proven();
    Ok(())
}

/// Nobody's call is moved by somebody else.
#[test]
fn the_calls_of_others_are_not_moved() -> anyhow::Result<()> {
    let House { server, api, mut alice, mut bob, mut carol } = started()?;
    let (_, mut bobs) = alice.calls(&mut bob)?;
    let (with_carol, _) = alice.calls(&mut carol)?;
    let mut mallory = RawPhone::new(&server, &api, "mallory")?;
    let members = json!([{ "address": "mallory", "name": "Mallory", "role": "chair" }]);
    api.post("/conferences", json!({ "number": "3001", "access": "members", "members": members }))?;
    let uri = format!("sip:3001@{}", server.address);
    let refer_to = format!("Refer-To: <{}?Replaces={}>\r\n", carol.address(), with_carol.escaped_name());
    let request = mallory.request("REFER", &uri, &refer_to, "");
    assert_eq!(mallory.ask(request)?.1.status(), 403);
    // Bob names a call of Alice's in which he is not.
    let refer_to = format!("<{}?Replaces={}>", carol.address(), with_carol.escaped_name());
    assert_eq!(refer(&mut bob, &mut bobs, &refer_to)?.status(), 202);
    says(&bob.notify()?, "SIP/2.0 100 Trying");
    says(&bob.notify()?, "SIP/2.0 403 Forbidden");
    alice.expect_no("BYE", Duration::from_millis(300))
}
