//! Participants whom the focus sends elsewhere by REFER: RFC 3515, RFC 4488, RFC 7647, RFC 6665 §4.1.

use std::time::Duration;

use anyhow::{Context, ensure};
use rfc_tests::api::Api;
use rfc_tests::coverage::covers;
use rfc_tests::deadline::wait_for;
use rfc_tests::raw::{Answer, header};
use rfc_tests::raw_phone::{RawDialog, RawPhone};
use rfc_tests::server::Server;
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(5);
const ALLOW: &str = "Allow: INVITE, ACK, CANCEL, BYE, REFER, NOTIFY\r\n";
const TARGET: &str = "sip:desk@far.example";

struct House {
    _server: Server,
    api: Api,
    phone: RawPhone,
    dialog: RawDialog,
    participant: String,
}

/// A caller in 3001; `contact` is what its Contact has beside the address, `headers` what its INVITE says more.
fn joined(contact: &str, headers: &str) -> anyhow::Result<House> {
    let server = Server::start()?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    let mut phone = RawPhone::guest(&server, "phone")?;
    let invite = phone.request("INVITE", &format!("sip:3001@{}", server.address), headers, &phone.sdp()?);
    let own = phone.contact()?;
    let (dialog, _) = phone.join_by(invite.replacen(&format!("<{own}>"), &format!("<{own}{contact}>"), 1))?;
    let people = api.wait_for_state("3001", "connected", 1, SOON)?;
    let participant = people[0]["id"].as_str().context("an id")?.to_owned();
    Ok(House { _server: server, api, phone, dialog, participant })
}

impl House {
    fn send_elsewhere(&self, to: &str) -> anyhow::Result<(u16, String)> {
        let path = format!("/conferences/3001/participants/{}/transfer", self.participant);
        self.api.call("POST", &path, Some(&json!({ "address": to }).to_string()))
    }

    /// What the API says of the transfer, once it is so far.
    fn wait_transfer(&self, state: &str) -> anyhow::Result<Value> {
        wait_for(&format!("a transfer {state}"), SOON, || {
            let people = self.api.participants("3001").ok()?;
            people.into_iter().find(|person| person["transfer"]["state"] == state)
        })
    }

    fn asked(&mut self) -> anyhow::Result<String> {
        let (status, body) = self.send_elsewhere(TARGET)?;
        ensure!(status == 202, "{status}: {body}");
        self.wait_transfer("asked")?;
        let refer = self.phone.expect("REFER")?;
        ensure!(header(&refer, "Refer-To") == Some(&format!("<{TARGET}>")), "{refer}");
        ensure!(header(&refer, "Referred-By").is_some_and(|by| by.starts_with("<sip:3001@")), "{refer}");
        Ok(refer)
    }

    /// NOTIFY within the dialog of the call.
    fn notify(&mut self, state: &str, body: &str) -> anyhow::Result<Answer> {
        let extra =
            format!("Event: refer\r\nSubscription-State: {state}\r\nContent-Type: message/sipfrag;version=2.0\r\n");
        self.phone.ask_in_with(&mut self.dialog, "NOTIFY", &extra, body)
    }
}

/// A phone without GRUU is asked within the dialog, for no subscription; if it makes one all the same, that may speak
/// before the 2xx, and what it says is told.
#[test]
fn an_old_phone_is_asked_in_its_call_and_its_notifys_are_heard() -> anyhow::Result<()> {
    let mut house = joined("", ALLOW)?;
    let refer = house.asked()?;
    ensure!(header(&refer, "Refer-Sub") == Some("false"), "RFC 4488: {refer}");
    ensure!(header(&refer, "Call-ID") == Some(&*house.dialog.call_id), "in the dialog: {refer}");
    ensure!(header(&refer, "Supported").is_some_and(|tags| tags.contains("norefersub")), "{refer}");
    let early = house.notify("active;expires=60", "SIP/2.0 180 Ringing\r\n")?;
    ensure!(early.status() == 200, "before the 202: {}", early.0);
    let person = house.wait_transfer("accepted")?;
    ensure!(person["transfer"] == json!({ "to": TARGET, "state": "accepted", "status": 180 }), "{person}");
    let (status, again) = house.send_elsewhere(TARGET)?;
    ensure!(status == 409 && again.contains("not-transferable"), "one at a time: {status} {again}");
    house.phone.answer(&refer, "202 Accepted", "", "")?;
    let last = house.notify("terminated;reason=noresource", "SIP/2.0 200 OK\r\n")?;
    ensure!(last.status() == 200, "{}", last.0);
    house.phone.is_hung_up()?;
    let person = house.wait_transfer("done")?;
    ensure!((&person["state"], &person["cause"]) == (&json!("disconnected"), &json!("left")), "{person}");
    Ok(())
}

/// RFC 4488 §4: nothing more is heard, and the phone leaves when it has its call.
#[test]
fn a_phone_that_keeps_silent_about_it_leaves_by_itself() -> anyhow::Result<()> {
    let mut house = joined("", ALLOW)?;
    let refer = house.asked()?;
    house.phone.answer(&refer, "202 Accepted", "Refer-Sub: false\r\n", "")?;
    house.wait_transfer("accepted")?;
    let mut dialog = std::mem::replace(&mut house.dialog, RawDialog::of_called(&refer, "nobody")?);
    ensure!(house.phone.ask_in(&mut dialog, "BYE", "")?.status() == 200);
    house.wait_transfer("done")?;
    Ok(())
}

/// RFC 7647 §4, RFC 4538, RFC 6665 §4.4.1: a phone with a GRUU that knows Target-Dialog is asked beside the call, and its
/// NOTIFY, which comes before the 2xx, makes the dialog of the subscription.
#[test]
fn a_phone_with_a_gruu_is_asked_beside_its_call() -> anyhow::Result<()> {
    let claims = (covers(["6665-06"]).pending(), covers(["7647-01"]).pending());
    let mut house = joined(";gr=urn:uuid:f81d4fae", &format!("{ALLOW}Supported: gruu, tdialog\r\n"))?;
    let refer = house.asked()?;
    ensure!(refer.starts_with(&format!("REFER {};gr=urn:uuid:f81d4fae ", house.phone.contact()?)), "{refer}");
    let named = header(&refer, "Target-Dialog").context("Target-Dialog")?;
    ensure!(named.starts_with(&house.dialog.call_id) && named.contains(";remote-tag="), "{refer}");
    let own_tag = named.split(";local-tag=").nth(1).and_then(|rest| rest.split(';').next()).context("a local tag")?;
    ensure!(house.dialog.name().ends_with(&format!(";from-tag={own_tag}")), "as the phone sees it: {refer}");
    ensure!(header(&refer, "Call-ID") != Some(&*house.dialog.call_id), "{refer}");
    ensure!(header(&refer, "To").is_some_and(|to| !to.contains(";tag=")), "{refer}");
    let mut beside = RawDialog::of_called(&refer, "of-the-notify")?;
    std::mem::swap(&mut house.dialog, &mut beside);
    let first = house.notify("active;expires=60", "SIP/2.0 100 Trying\r\n")?;
    ensure!(first.status() == 200, "before the 202, and the first of its dialog: {}", first.0);
    let of_others = RawDialog::of_called(&refer, "of-another-fork")?;
    let own = std::mem::replace(&mut house.dialog, of_others);
    ensure!(house.notify("active", "SIP/2.0 100 Trying\r\n")?.status() == 481, "a second dialog");
    house.dialog = own;
    let wrong = house.phone.ask_in(&mut house.dialog, "NOTIFY", "Event: refer\r\n")?;
    ensure!(wrong.status() == 400, "no Subscription-State: {}", wrong.0);
    house.phone.answer(&refer, "202 Accepted", "", "")?;
    ensure!(house.notify("terminated;reason=noresource", "SIP/2.0 486 Busy Here\r\n")?.status() == 200);
    let person = house.wait_transfer("failed")?;
    ensure!((&person["transfer"]["status"], &person["state"]) == (&json!(486), &json!("connected")), "{person}");
    ensure!(house.notify("active", "SIP/2.0 100 Trying\r\n")?.status() == 481, "the subscription is over");
    claims.0.proven();
    claims.1.proven();
    Ok(())
}

#[test]
fn who_cannot_be_sent_stays_and_it_is_said_why() -> anyhow::Result<()> {
    let house = joined("", "Allow: INVITE, ACK, CANCEL, BYE\r\n")?;
    let refused = wait_for("the phone's abilities", SOON, || {
        house.send_elsewhere(TARGET).ok().filter(|(status, _)| *status == 409)
    })?;
    ensure!(refused.1.contains("REFER"), "{}", refused.1);
    let (status, body) = house.send_elsewhere("mailto:x@y.example")?;
    ensure!(status == 422 && body.contains("bad-address"), "{status} {body}");

    let mut house = joined("", ALLOW)?;
    let refer = house.asked()?;
    house.phone.answer(&refer, "603 Decline", "", "")?;
    let person = house.wait_transfer("failed")?;
    ensure!((&person["transfer"]["status"], &person["state"]) == (&json!(603), &json!("connected")), "{person}");
    // It may be tried again.
    house.asked()?;
    Ok(())
}
