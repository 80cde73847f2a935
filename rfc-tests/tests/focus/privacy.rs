//! Who may be known to whom: RFC 3323, RFC 3325, and RFC 4538 for who asks without a password.

use std::time::Duration;

use rfc_tests::coverage::covers;
use rfc_tests::raw::Answer;
use rfc_tests::raw_phone::{RawDialog, RawPhone};
use rfc_tests::server::Server;
use serde_json::json;

const WITHIN: Duration = Duration::from_secs(5);

/// RFC 3323 §4.2, RFC 4579 §6: neither subscribers nor the console learn who came in.
#[test]
fn who_asks_for_privacy_is_anonymous_to_all_others() -> anyhow::Result<()> {
    let claim = covers(["3323-01", "4579-6b"]);
    let server = Server::start()?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001" }))?;
    let uri = format!("sip:3001@{}", server.address);
    let (mut alice, mut carol) = (RawPhone::new(&server, &api, "alice")?, RawPhone::new(&server, &api, "carol")?);
    alice.join(&uri)?;
    alice.subscribe(&uri, "")?;
    alice.notify()?;
    let extra = "Privacy: header;id\r\nCall-Info: <http://example.org/carol.jpg>;purpose=icon\r\n";
    let request = carol.request("INVITE", &uri, extra, &carol.sdp()?);
    let (request, ok) = carol.ask(request)?;
    assert_eq!(ok.status(), 200, "{}", ok.0);
    carol.acknowledge(&RawDialog::of(&request, &ok)?)?;
    let rows = api.wait_for_state("3001", "connected", 2, WITHIN)?;
    assert!(!json!(rows).to_string().contains("carol"), "{rows:?}");
    assert_eq!(
        (&rows[1]["name"], &rows[1]["address"]),
        (&json!("Anonymous"), &json!("sip:anonymous2@anonymous.invalid"))
    );
    let told = loop {
        let told = alice.notify()?;
        if told.0.contains("connected") && told.0.contains("anonymous2") {
            break told;
        }
        assert!(!told.0.contains("carol"), "{}", told.0);
    };
    assert!(!told.0.contains("carol"), "{}", told.0);
    // Out of it she can go all the same: it is her own account that says so.
    let bye = format!("Refer-To: <{};method=BYE>\r\n", carol.address());
    let refer = carol.request("REFER", &uri, &bye, "");
    assert_eq!(carol.ask(refer)?.1.status(), 202);
    carol.is_hung_up()?;
    claim.proven();
    Ok(())
}

/// In a call between phones, too.
#[test]
fn the_called_phone_is_not_told_who_calls() -> anyhow::Result<()> {
    let server = Server::start()?;
    let api = server.api()?;
    let (mut alice, mut bob) = (RawPhone::new(&server, &api, "alice")?, RawPhone::new(&server, &api, "bob")?);
    bob.register()?;
    let request = alice.request("INVITE", &bob.address(), "Privacy: id\r\n", &alice.sdp()?);
    let invite = std::thread::scope(|scope| {
        let called = scope.spawn(|| -> anyhow::Result<String> {
            let invite = bob.expect("INVITE")?;
            bob.answer(&invite, "603 Decline", "", "")?;
            Ok(invite)
        });
        let refused = alice.ask(request)?.1;
        assert_eq!(refused.status(), 603, "{}", refused.0);
        called.join().expect("bob's thread")
    })?;
    let invite = Answer(invite);
    assert!(!invite.0.contains("alice"), "{}", invite.0);
    assert!(invite.header("From").is_some_and(|from| from.contains("<sip:anonymous@anonymous.invalid>")));
    assert_eq!(invite.header("Privacy"), Some("id"));
    Ok(())
}

/// RFC 3323 §5.2.
#[test]
fn privacy_that_cannot_be_had_and_must_be_is_500() -> anyhow::Result<()> {
    let claim = covers(["3323-02"]);
    let server = Server::start()?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    let uri = format!("sip:3001@{}", server.address);
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    for (privacy, status) in
        [("session;critical", 500), ("teleport;critical", 500), ("id;critical", 200), ("session", 200)]
    {
        let request = alice.request("INVITE", &uri, &format!("Privacy: {privacy}\r\n"), &alice.sdp()?);
        assert_eq!(alice.ask(request)?.1.status(), status, "{privacy}");
    }
    claim.proven();
    Ok(())
}

/// RFC 3325 §5: who asserts himself is not believed.
#[test]
fn an_identity_that_a_phone_asserts_is_nobodys() -> anyhow::Result<()> {
    let claim = covers(["3325-01"]);
    let server = Server::start()?;
    let api = server.api()?;
    let members = json!([{ "address": "admin", "name": "Admin", "role": "chair" }]);
    api.post("/conferences", json!({ "number": "3001", "access": "accounts", "members": members }))?;
    let uri = format!("sip:3001@{}", server.address);
    let asserted = format!("P-Asserted-Identity: \"Admin\" <sip:admin@{}>\r\n", server.address);
    let mut guest = RawPhone::guest(&server, "nobody")?;
    let request = guest.request("INVITE", &uri, &asserted, &guest.sdp()?);
    assert_eq!(guest.ask_once(&request)?.status(), 401);
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    let request = alice.request("INVITE", &uri, &asserted, &alice.sdp()?);
    let (request, ok) = alice.ask(request)?;
    assert_eq!(ok.status(), 200, "{}", ok.0);
    alice.acknowledge(&RawDialog::of(&request, &ok)?)?;
    let rows = api.wait_for_state("3001", "connected", 1, WITHIN)?;
    assert_eq!((rows[0]["name"].as_str(), rows[0]["role"].as_str()), (Some("alice"), Some("participant")));
    claim.proven();
    Ok(())
}

/// RFC 4538 §4: the name of a live dialog stands for being in it, and no other does.
#[test]
fn target_dialog_stands_for_asking_within_the_call() -> anyhow::Result<()> {
    let claim = covers(["4538-01"]);
    let server = Server::start()?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    api.post("/conferences", json!({ "number": "3002", "access": "open" }))?;
    let uri = format!("sip:3001@{}", server.address);
    let mut uma = RawPhone::guest(&server, "uma")?;
    let call = uma.join(&uri)?;
    api.wait_for_state("3001", "connected", 1, WITHIN)?;
    let subscribe = |uma: &mut RawPhone, uri: &str, named: &str| -> anyhow::Result<u16> {
        let extra = format!("Event: conference\r\nTarget-Dialog: {named}\r\nRequire: tdialog\r\n");
        let request = uma.request("SUBSCRIBE", uri, &extra, "");
        Ok(uma.ask_once(&request)?.status())
    };
    // As the recipient sees it, and as some senders write it.
    let turned = call.name().replace("to-tag", "remote-tag").replace("from-tag", "local-tag");
    let named = call.name().replace("to-tag", "local-tag").replace("from-tag", "remote-tag");
    for named in [&turned, &named] {
        assert_eq!(subscribe(&mut uma, &uri, named)?, 200, "{named}");
        assert!(uma.notify()?.0.contains("sip:uma@"));
    }
    assert_eq!(subscribe(&mut uma, &uri, &named.replace("remote-tag=", "remote-tag=x"))?, 401);
    assert_eq!(subscribe(&mut uma, &uri, &call.name())?, 401, "not as Target-Dialog writes it");
    assert_eq!(subscribe(&mut uma, &uri.replace("3001", "3002"), &named)?, 401, "another conference");
    claim.proven();
    Ok(())
}
