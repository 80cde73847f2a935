//! RFC 3398, RFC 6432: causes of the telephone network, both ways.

use rfc_tests::coverage::covers;
use serde_json::json;

use super::house::{WITHIN, of, started};

#[test]
fn a_cause_from_the_trunk_is_told_in_the_roster() -> anyhow::Result<()> {
    let claim = covers(["3398-01"]).pending();
    let mut house = started(json!({}))?;
    let rows = [
        ("500 Server Internal Error", 17, "busy", 486),
        ("480 Temporarily Unavailable", 1, "not_found", 404),
        ("500 Server Internal Error", 21, "declined", 403),
        ("486 Busy Here", 16, "busy", 486),
    ];
    for (number, (answer, cause, told, status)) in rows.into_iter().enumerate() {
        let address = format!("tel:+3905570{number}");
        let invite = house.conference_calls(&address)?;
        house.pbx.answer(&invite, answer, &format!("Reason: Q.850;cause={cause};text=\"x\"\r\n"), "")?;
        house.pbx.expect("ACK")?;
        let people = house.api.wait_for_state("3001", "disconnected", number + 1, WITHIN)?;
        let person = people.iter().find(|person| person["address"] == address).expect("the row");
        assert_eq!((&person["cause"], &person["status"]), (&json!(told), &json!(status)), "{answer} {cause}: {person}");
    }
    // And when it hangs up later: 16 is an ordinary end.
    let invite = house.conference_calls("tel:+39055800")?;
    let sdp = house.pbx.sdp()?;
    house.pbx.answer(&invite, "200 OK", "", &sdp)?;
    house.pbx.expect("ACK")?;
    house.api.wait_for_state("3001", "connected", 1, WITHIN)?;
    let contact = of(&invite, "Contact").split(['<', '>']).nth(1).unwrap_or_default().to_owned();
    let (from, to) = (format!("{};tag=pbx-tag", of(&invite, "To")), of(&invite, "From"));
    let bye = house.pbx.request("BYE", &contact, "Reason: Q.850;cause=16\r\n", "");
    let own = (of(&bye, "From").to_owned(), of(&bye, "To").to_owned(), of(&bye, "Call-ID").to_owned());
    let bye = bye.replacen(&format!("From: {}", own.0), &format!("From: {from}"), 1);
    let bye = bye.replacen(&format!("To: {}", own.1), &format!("To: {to}"), 1);
    let bye = bye.replacen(&own.2, of(&invite, "Call-ID"), 1);
    assert_eq!(house.pbx.ask_once(&bye)?.status(), 200);
    let people = house.api.wait_for_state("3001", "disconnected", rows.len() + 1, WITHIN)?;
    let person = people.iter().find(|person| person["address"] == "tel:+39055800").expect("the row");
    assert_eq!((&person["cause"], person.get("status")), (&json!("left"), None), "{person}");
    claim.proven();
    Ok(())
}

#[test]
fn a_refusal_towards_the_trunk_says_its_cause() -> anyhow::Result<()> {
    let claim = covers(["3398-02", "T-11"]).pending();
    let mut house = started(json!({}))?;
    house.api.post("/conferences", json!({ "number": "3002", "access": "accounts" }))?;
    house
        .api
        .post("/conferences", json!({ "number": "3003", "access": "open", "options": { "max_participants": 1 } }))?;
    for (user, status, reason) in [("3002", 403, "Q.850;cause=21"), ("alice", 480, "Q.850;cause=18")] {
        let invite = house.pbx.request("INVITE", &house.uri(user), "", &house.pbx.sdp()?);
        let answer = house.pbx.ask_once(&invite)?;
        assert_eq!((answer.status(), answer.header("Reason")), (status, Some(reason)), "{user}: {}", answer.0);
    }
    // A PBX that cannot read it is spared it.
    house.api.patch("/trunks/pstn", json!({ "q850_reason": false }))?;
    let invite = house.pbx.request("INVITE", &house.uri("3002"), "", &house.pbx.sdp()?);
    let answer = house.pbx.ask_once(&invite)?;
    assert_eq!((answer.status(), answer.header("Reason")), (403, None), "{}", answer.0);
    claim.proven();
    Ok(())
}
