//! RFC 3261 §10.2 as a client, RFC 8760 §2.4, RFC 3608.

use rfc_tests::coverage::covers;
use serde_json::json;

use super::house::{House, is_proven, of, started};

fn challenge(realm: &str, nonce: u32) -> String {
    format!(
        "WWW-Authenticate: Digest realm=\"{realm}\", nonce=\"n{nonce}\", algorithm=SHA-512-256, qop=\"auth\"\r\n\
         WWW-Authenticate: Digest realm=\"{realm}\", nonce=\"n{nonce}\", algorithm=SHA-256, qop=\"auth\"\r\n\
         WWW-Authenticate: Digest realm=\"{realm}\", nonce=\"n{nonce}\", algorithm=MD5, qop=\"auth\"\r\n"
    )
}

fn registering() -> anyhow::Result<House> {
    started(json!({ "register": true, "username": "us", "password": "geheim" }))
}

#[test]
fn it_registers_and_later_calls_go_by_the_service_route() -> anyhow::Result<()> {
    let claim = covers(["3608-02"]).pending();
    let mut house = registering()?;
    let first = house.pbx.expect("REGISTER")?;
    assert_eq!(of(&first, "To"), format!("<sip:us@{}>", house.pbx.socket()?));
    assert!(!first.contains("Authorization:"));
    house.pbx.answer(&first, "401 Unauthorized", &challenge("carrier", 1), "")?;
    let second = house.pbx.expect("REGISTER")?;
    assert!(is_proven(&second, "Authorization", "carrier"), "{second}");
    assert!(of(&second, "Authorization").contains("SHA-256"), "the topmost that is known: {second}");
    let route =
        format!("Service-Route: <sip:{};lr;x=1>, <sip:inner.example;lr>\r\nExpires: 600\r\n", house.pbx.socket()?);
    house.pbx.answer(&second, "200 OK", &route, "")?;
    let trunk = house.wait_for_trunk("up")?;
    assert_eq!(trunk["state"]["registered"], true, "{trunk}");
    assert!(!trunk.to_string().contains("geheim") && !house.server.log().contains("geheim"));

    let invite = house.conference_calls("tel:+39-055-777")?;
    assert!(
        invite.starts_with(&format!("INVITE sip:+39055777@{};user=phone SIP/2.0", house.pbx.socket()?)),
        "{invite}"
    );
    let routes: Vec<_> = invite.lines().filter_map(|line| line.strip_prefix("Route: ")).collect();
    assert_eq!(routes.join(", "), format!("<sip:{};lr;x=1>, <sip:inner.example;lr>", house.pbx.socket()?));

    // Removed, it takes its registration back.
    house.pbx.answer(&invite, "486 Busy Here", "", "")?;
    house.api.delete("/trunks/pstn")?;
    let last = house.pbx.expect("REGISTER")?;
    assert_eq!(of(&last, "Expires"), "0", "{last}");
    claim.proven();
    Ok(())
}

#[test]
fn a_registrar_that_challenges_for_ever_gets_two_answers() -> anyhow::Result<()> {
    let claim = covers(["8760-06"]).pending();
    let mut house = registering()?;
    let mut proofs = 0;
    // Each challenge is of another realm, so that none says that the password is wrong.
    for round in 0..3 {
        let register = house.pbx.expect("REGISTER")?;
        proofs += usize::from(register.contains("Authorization:"));
        house.pbx.answer(&register, "401 Unauthorized", &challenge(&format!("realm{round}"), round), "")?;
    }
    assert_eq!(proofs, 2);
    let state = house.wait_for_trunk("down")?["state"].clone();
    assert_eq!(state["why"], "401: challenged again after 2 answers", "{state}");
    house.pbx.expect_no("REGISTER", std::time::Duration::from_secs(1))?;
    claim.proven();
    Ok(())
}

#[test]
fn a_wrong_password_is_tried_once_and_said() -> anyhow::Result<()> {
    let mut house = registering()?;
    for _ in 0..2 {
        let register = house.pbx.expect("REGISTER")?;
        house.pbx.answer(&register, "401 Unauthorized", &challenge("carrier", 1), "")?;
    }
    let state = house.wait_for_trunk("down")?["state"].clone();
    assert_eq!(state["why"], "401: the password is wrong", "{state}");

    // Nobody is called by a trunk that is down, and the roster says so.
    house.api.post("/conferences/3001/participants", json!({ "address": "tel:+39055777" }))?;
    let people = house.api.wait_for_state("3001", "disconnected", 1, super::house::WITHIN)?;
    assert_eq!((&people[0]["cause"], &people[0]["status"]), (&json!("unreachable"), &json!(503)), "{people:?}");
    Ok(())
}
