//! RFC 4579 §5.4: the conference factory.

use std::time::Duration;

use rfc_tests::api::Api;
use rfc_tests::coverage::covers;
use rfc_tests::deadline::wait_for;
use rfc_tests::raw::Answer;
use rfc_tests::raw_phone::{RawDialog, RawPhone};
use rfc_tests::server::Server;

const WITHIN: Duration = Duration::from_secs(5);

fn create(phone: &mut RawPhone, factory: &str) -> anyhow::Result<(RawDialog, Answer, String)> {
    let request = phone.request("INVITE", factory, "", &phone.sdp()?);
    let (request, ok) = phone.ask(request)?;
    anyhow::ensure!(ok.status() == 200, "{}", ok.0);
    let dialog = RawDialog::of(&request, &ok)?;
    phone.acknowledge(&dialog)?;
    let contact = ok.header("Contact").unwrap_or_default().to_owned();
    let number = contact.split(['<', '>']).nth(1).and_then(|uri| uri.strip_prefix("sip:")?.split('@').next());
    let number = number.unwrap_or_default().to_owned();
    Ok((dialog, ok, number))
}

/// The 200 carries the new conference's own URI, which others dial; its creator is the chair.
#[test]
fn an_invite_to_the_factory_makes_a_conference_of_its_own() -> anyhow::Result<()> {
    let claim = covers(["4579-5.4b", "4579-5.4c", "T-08"]);
    let server = Server::start()?;
    let api = server.api()?;
    let factory = format!("sip:conference@{}", server.address);
    let (mut alice, mut bob) = (RawPhone::new(&server, &api, "alice")?, RawPhone::new(&server, &api, "bob")?);
    let (_, ok, one) = create(&mut alice, &factory)?;
    assert!(ok.header("Contact").is_some_and(|contact| contact.ends_with(";isfocus")), "{}", ok.0);
    assert!(one.len() >= 24 && one != "conference", "{one}");
    let (_, _, two) = create(&mut bob, &factory)?;
    assert_ne!(one, two);

    bob.join(&format!("sip:{one}@{}", server.address))?;
    let rows = api.wait_for_state(&one, "connected", 2, WITHIN)?;
    let roles: Vec<_> = rows.iter().map(|row| (row["name"].as_str(), row["role"].as_str())).collect();
    assert_eq!(roles, [(Some("alice"), Some("chair")), (Some("bob"), Some("participant"))]);

    // The chair steers it by API as in any other; who is no chair does not even see it.
    let hers = Api::sign_in(&server, "alice", "the-password-of-alice")?;
    let id = rows[1]["id"].as_str().unwrap_or_default();
    hers.delete(&format!("/conferences/{one}/participants/{id}"))?;
    bob.is_hung_up()?;
    let his = Api::sign_in(&server, "bob", "the-password-of-bob")?;
    assert_eq!(his.call("GET", &format!("/conferences/{one}/live"), None)?.0, 404);
    claim.proven();
    Ok(())
}

/// §5.4 and §6: guests make none, REFER and SUBSCRIBE make none, and one account makes only so many.
#[test]
fn who_may_not_create_leaves_nothing_behind() -> anyhow::Result<()> {
    let claim = covers(["4579-5.4d", "4579-5.4f"]);
    let server = Server::start()?;
    let api = server.api()?;
    let factory = format!("sip:conference@{}", server.address);
    let mut guest = RawPhone::guest(&server, "nobody")?;
    let request = guest.request("INVITE", &factory, "", &guest.sdp()?);
    assert_eq!(guest.ask_once(&request)?.status(), 401);
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    let subscribe = alice.request("SUBSCRIBE", &factory, "Event: conference\r\n", "");
    assert_eq!(alice.ask(subscribe)?.1.status(), 403);
    let refer = alice.request("REFER", &factory, &format!("Refer-To: <{}>\r\n", alice.address()), "");
    assert_eq!(alice.ask(refer)?.1.status(), 403);
    let options = alice.request("OPTIONS", &factory, "", "");
    let options = alice.ask(options)?.1;
    assert!(options.status() == 200 && !options.0.contains("isfocus"), "{}", options.0);
    assert_eq!(api.metric("conference_rooms")?, 0.0);

    for _ in 0..10 {
        create(&mut alice, &factory)?;
    }
    let request = alice.request("INVITE", &factory, "", &alice.sdp()?);
    assert_eq!(alice.ask(request)?.1.status(), 403, "one too many");
    claim.proven();
    Ok(())
}

/// `conference.empty-timeout`, and then never again.
#[test]
fn it_ends_when_nobody_is_left_in_it() -> anyhow::Result<()> {
    let claim =
        covers(["4579-5.12b"]).but("the policy that there is: alive while anybody is in, and for a while after");
    let server = Server::start_with(&["conference.empty-timeout=1s"])?;
    let api = server.api()?;
    let factory = format!("sip:conference@{}", server.address);
    let (mut alice, mut bob) = (RawPhone::new(&server, &api, "alice")?, RawPhone::new(&server, &api, "bob")?);
    let (mut hers, _, number) = create(&mut alice, &factory)?;
    let uri = format!("sip:{number}@{}", server.address);
    let mut his = bob.join(&uri)?;
    assert_eq!(alice.ask_in(&mut hers, "BYE", "")?.status(), 200);
    bob.expect_no("BYE", Duration::from_millis(1500))?;
    assert_eq!(bob.ask_in(&mut his, "BYE", "")?.status(), 200);
    wait_for("its end", WITHIN, || {
        let live = api.call("GET", &format!("/conferences/{number}/live"), None).ok()?;
        (live.0 == 404).then_some(())
    })?;
    let request = alice.request("INVITE", &uri, "", &alice.sdp()?);
    assert_eq!(alice.ask(request)?.1.status(), 404);
    claim.proven();
    Ok(())
}
