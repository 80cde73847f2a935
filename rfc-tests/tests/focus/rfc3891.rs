//! RFC 3891 and RFC 3911 at a conference: a second phone takes the place of the first, or comes beside it.

use std::time::Duration;

use anyhow::Context;
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
    uri: String,
}

/// Alice may come in, Bob too; Mallory has an account and nothing to do with it.
fn started() -> anyhow::Result<House> {
    let server = Server::start()?;
    let api = server.api()?;
    let alice = RawPhone::new(&server, &api, "alice")?;
    let members = json!([
        { "address": "alice", "name": "Alice", "role": "participant" },
        { "address": "bob", "name": "Bob", "role": "participant" },
    ]);
    api.post("/conferences", json!({ "number": "3001", "access": "members", "members": members }))?;
    let uri = format!("sip:3001@{}", server.address);
    Ok(House { server, api, alice, uri })
}

fn invite(phone: &mut RawPhone, uri: &str, extra: &str) -> anyhow::Result<(String, Answer)> {
    let request = phone.request("INVITE", uri, extra, &phone.sdp()?);
    phone.ask(request)
}

fn replaces(dialog: &RawDialog) -> String {
    format!("Replaces: {}\r\nRequire: replaces\r\n", dialog.name())
}

/// §3: the place, its row, its mute are the new leg's; the old one hears BYE.
#[test]
fn a_second_phone_of_the_same_user_takes_the_place_of_the_first() -> anyhow::Result<()> {
    let claim = covers(["3891-05", "4579-5.9a", "4579-G3"]);
    let House { server, api, mut alice, uri } = started()?;
    let first = alice.join(&uri)?;
    let row = api.wait_for_state("3001", "connected", 1, WITHIN)?;
    let id = row[0]["id"].as_str().unwrap_or_default().to_owned();
    api.patch(&format!("/conferences/3001/participants/{id}"), json!({ "muted": true }))?;
    let (mut subscription, _) = alice.subscribe(&uri, "")?;
    alice.notify()?;

    let mut second = RawPhone::guest(&server, "alice")?;
    let (request, ok) = invite(&mut second, &uri, &replaces(&first))?;
    assert_eq!(ok.status(), 200, "{}", ok.0);
    let supported = ok.header("Supported").unwrap_or_default();
    assert!(supported.contains("replaces") && supported.contains("join"), "{supported}");
    let dialog = RawDialog::of(&request, &ok)?;
    second.acknowledge(&dialog)?;
    alice.is_hung_up()?;

    let rows = api.wait_for_state("3001", "connected", 1, WITHIN)?;
    assert_eq!((rows.len(), rows[0]["id"].as_str(), rows[0]["muted"].as_bool()), (1, Some(&*id), Some(true)));
    second.hears()?;
    // The subscription of the phone that went is not its call's (RFC 4579 §3.4), and nobody has come or gone.
    assert_eq!(alice.ask_in(&mut subscription, "SUBSCRIBE", "Event: conference\r\nExpires: 0\r\n")?.status(), 200);
    let told = std::iter::from_fn(|| alice.notify().ok()).find(|told| told.0.contains("terminated;reason=timeout"));
    let told = told.context("the last NOTIFY")?.0;
    assert!(told.contains("muted-via-focus") && !told.contains("departed"), "{told}");
    claim.proven();
    Ok(())
}

/// §3 and §8: who knows the name of a dialog does not own it.
#[test]
fn another_user_is_refused_and_the_leg_is_left_alone() -> anyhow::Result<()> {
    let claim = covers(["3891-04", "4579-5.9b", "S-23"]);
    let House { server, api, mut alice, uri } = started()?;
    let first = alice.join(&uri)?;
    api.wait_for_state("3001", "connected", 1, WITHIN)?;
    for name in ["bob", "mallory"] {
        let mut other = RawPhone::new(&server, &api, name)?;
        let extra = format!("{}Referred-By: <{}>\r\n", replaces(&first), alice.address());
        assert_eq!(invite(&mut other, &uri, &extra)?.1.status(), 403, "{name}");
    }
    let mut guest = RawPhone::guest(&server, "nobody")?;
    let request = guest.request("INVITE", &uri, &replaces(&first), &guest.sdp()?);
    assert_eq!(guest.ask_once(&request)?.status(), 401);
    alice.expect_no("BYE", Duration::from_millis(300))?;
    alice.hears()?;
    // Who may remove others may take a place, too.
    api.post("/accounts", json!({ "name": "olga", "password": "the-password-of-olga", "roles": ["operator"] }))?;
    let mut olga = RawPhone::guest(&server, "olga")?;
    assert_eq!(invite(&mut olga, &uri, &replaces(&first))?.1.status(), 200);
    claim.proven();
    Ok(())
}

/// §3: an INVITE that fails replaces nothing.
#[test]
fn an_offer_that_cannot_be_answered_leaves_the_leg_as_it_was() -> anyhow::Result<()> {
    let claim = covers(["3891-05"]);
    let House { server, api, mut alice, uri } = started()?;
    let first = alice.join(&uri)?;
    api.wait_for_state("3001", "connected", 1, WITHIN)?;
    let mut second = RawPhone::guest(&server, "alice")?;
    let sdp = second.sdp()?.replace("RTP/AVP 0", "RTP/AVP 4");
    let request = second.request("INVITE", &uri, &replaces(&first), &sdp);
    assert_eq!(second.ask(request)?.1.status(), 488);
    alice.expect_no("BYE", Duration::from_millis(300))?;
    alice.hears()?;
    claim.proven();
    Ok(())
}

/// §3: an early dialog of our own making; its phone stops ringing.
#[test]
fn a_phone_that_rings_is_replaced_by_another_of_its_user() -> anyhow::Result<()> {
    let claim = covers(["3891-03"]);
    let House { server, api, mut alice, uri } = started()?;
    alice.register()?;
    api.post("/conferences/3001/call-all", json!({ "only": null }))?;
    let ringing = alice.expect("INVITE")?;
    alice.answer(&ringing, "180 Ringing", "", "")?;
    api.wait_for_state("3001", "ringing", 1, WITHIN)?;
    let dialog = RawDialog::of_called(&ringing, "alice-tag")?;
    let mut second = RawPhone::guest(&server, "alice")?;
    let extra = format!("Replaces: {};early-only\r\n", dialog.name());
    let (request, ok) = invite(&mut second, &uri, &extra)?;
    assert_eq!(ok.status(), 200, "{}", ok.0);
    second.acknowledge(&RawDialog::of(&request, &ok)?)?;
    alice.expect("CANCEL")?;
    let rows = api.wait_for_state("3001", "connected", 1, WITHIN)?;
    assert_eq!(rows[0]["name"], "Alice");
    claim.proven();
    Ok(())
}

/// RFC 3911 §4.
#[test]
fn join_brings_a_caller_into_the_conference_of_a_leg() -> anyhow::Result<()> {
    let claim = covers(["3911-01", "3911-02", "4579-5.8a", "4579-5.8b"]);
    let House { server, api, mut alice, uri } = started()?;
    let first = alice.join(&uri)?;
    let mut bob = RawPhone::new(&server, &api, "bob")?;
    let mut mallory = RawPhone::new(&server, &api, "mallory")?;
    let join = format!("Join: {}\r\nRequire: join\r\n", first.name());
    let anywhere = format!("sip:alice@{}", server.address);
    assert_eq!(invite(&mut mallory, &anywhere, &join)?.1.status(), 403, "not on the list");
    let (request, ok) = invite(&mut bob, &anywhere, &join)?;
    assert_eq!(ok.status(), 200, "{}", ok.0);
    assert!(ok.header("Contact").is_some_and(|contact| contact.contains("sip:3001@")), "{}", ok.0);
    let mut bobs = RawDialog::of(&request, &ok)?;
    bob.acknowledge(&bobs)?;
    api.wait_for_state("3001", "connected", 2, WITHIN)?;
    assert_eq!(bob.ask_in(&mut bobs, "BYE", "")?.status(), 200);

    let unknown = "Join: nobody;to-tag=1;from-tag=2\r\n";
    assert_eq!(invite(&mut bob, &uri, unknown)?.1.status(), 200, "the conference itself was dialled");
    assert_eq!(invite(&mut bob, &anywhere, unknown)?.1.status(), 481);

    let (subscription, _) = alice.subscribe(&uri, "")?;
    let of_no_call = format!("Join: {}\r\n", subscription.name());
    assert_eq!(invite(&mut bob, &anywhere, &of_no_call)?.1.status(), 481, "no dialog of an INVITE");
    let mut left = first;
    alice.ask_in(&mut left, "BYE", "")?;
    assert_eq!(invite(&mut bob, &uri, &join)?.1.status(), 603);
    claim.proven();
    Ok(())
}

/// RFC 3911 §4: what rings is joined as what talks.
#[test]
fn join_of_a_phone_that_still_rings() -> anyhow::Result<()> {
    let claim = covers(["3911-03"]);
    let House { server, api, mut alice, .. } = started()?;
    alice.register()?;
    api.post("/conferences/3001/call-all", json!({ "only": null }))?;
    let ringing = alice.expect("INVITE")?;
    alice.answer(&ringing, "180 Ringing", "", "")?;
    api.wait_for_state("3001", "ringing", 1, WITHIN)?;
    let dialog = RawDialog::of_called(&ringing, "alice-tag")?;
    let mut bob = RawPhone::new(&server, &api, "bob")?;
    let anywhere = format!("sip:alice@{}", server.address);
    let (request, ok) = invite(&mut bob, &anywhere, &format!("Join: {}\r\n", dialog.name()))?;
    assert_eq!(ok.status(), 200, "{}", ok.0);
    bob.acknowledge(&RawDialog::of(&request, &ok)?)?;
    api.wait_for_state("3001", "connected", 1, WITHIN)?;
    api.wait_for_state("3001", "ringing", 1, WITHIN)?;
    claim.proven();
    Ok(())
}
