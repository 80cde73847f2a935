//! RFC 3261 §10.2 as a client, RFC 8760 §2.4, RFC 3608.

use std::thread;

use anyhow::ensure;
use rfc_tests::coverage::covers;
use rfc_tests::dns::{NameServer, Record, Zone};
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::scratch::own_address;
use rfc_tests::server::Server;
use serde_json::json;

use super::house::{House, WITHIN, is_proven, of, started};

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

/// RFC 3263 §4, SIPconnect: the servers of a carrier are asked in the order of its records, and calls go to the one that took
/// the registration, though the records would rather have another.
#[test]
fn of_a_carriers_servers_the_one_that_took_the_registration_carries_the_calls() -> anyhow::Result<()> {
    let claim = covers(["T-16"]).but("one caller id stands for the whole block of numbers; over UDP").pending();
    let (first_at, second_at) = (own_address(), own_address());
    // The name server has to be there first, and knows where both are by ports that nobody else takes at these addresses.
    let srv = |priority, host: &str| Record::Srv(priority, 0, 5070, host.into());
    let zone = Zone::default()
        .with("carrier.example", Record::Naptr(10, "SIP+D2U", "_sip._udp.carrier.example".into()))
        .with("_sip._udp.carrier.example", srv(2, "second.example"))
        .with("_sip._udp.carrier.example", srv(1, "first.example"))
        .with("first.example", Record::Address(first_at.into()))
        .with("second.example", Record::Address(second_at.into()));
    let names = NameServer::start(zone)?;
    let server = Server::start_with(&[&format!("sip.name-servers=[\"{}\"]", names.address)])?;
    let api = server.api()?;
    let mut first = RawPhone::guest_at_port(&server, "first", first_at, 5070)?;
    let mut second = RawPhone::guest_at_port(&server, "second", second_at, 5070)?;
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    api.post(
        "/trunks",
        json!({ "name": "carrier", "host": "carrier.example", "register": true, "username": "+39055100",
                "password": "geheim", "identity": "preferred", "options_seconds": 0, "codecs": ["pcma"],
                "numbers": [{ "number": "+390551*", "to": "3001" }] }),
    )?;
    let asked = first.expect("REGISTER")?;
    first.answer(&asked, "503 Service Unavailable", "", "")?;
    let asked = second.expect("REGISTER")?;
    ensure!(of(&asked, "To") == "<sip:+39055100@carrier.example>", "one address for the block: {asked}");
    second.answer(&asked, "200 OK", "Expires: 600\r\n", "")?;
    let up = || api.get("/trunks/carrier").ok().filter(|trunk| trunk["state"]["status"] == "up").map(drop);
    rfc_tests::deadline::wait_for("the trunk", WITHIN, up)?;

    let uri = format!("sip:+39055777@{}", server.address);
    thread::scope(|scope| {
        let call = scope.spawn(|| alice.ask(alice.request("INVITE", &uri, "", &alice.sdp()?)));
        let invite = second.expect("INVITE")?;
        ensure!(invite.starts_with("INVITE sip:+39055777@carrier.example;user=phone "), "{invite}");
        ensure!(of(&invite, "P-Preferred-Identity").contains("<sip:+39055100@carrier.example>"), "{invite}");
        ensure!(!invite.contains("P-Asserted-Identity"), "{invite}");
        second.answer(&invite, "486 Busy Here", "", "")?;
        let (_, answer) = call.join().map_err(|_| anyhow::anyhow!("alice"))??;
        ensure!(answer.status() == 486, "{}", answer.0);
        Ok(())
    })?;
    first.expect_no("INVITE", std::time::Duration::from_millis(300))?;
    // It asks whether we are there, and calls in: a number of the block, and one codec comes back.
    let options = second.request("OPTIONS", &format!("sip:{}:5060", server.address), "", "");
    ensure!(second.ask_once(&options)?.status() == 200);
    let offer = second.sdp()?.replace("RTP/AVP 0", "RTP/AVP 8 0 9 101")
        + "a=rtpmap:101 telephone-event/8000\r\na=maxptime:20\r\n";
    let answer =
        second.ask_once(&second.request("INVITE", &format!("sip:+39055199@{}", server.address), "", &offer))?;
    ensure!(answer.status() == 200, "{}", answer.0);
    let audio = answer.0.lines().find(|line| line.starts_with("m=audio ")).unwrap_or_default();
    let formats: Vec<_> = audio.split(' ').skip(3).filter(|format| *format != "101").collect();
    ensure!(formats.len() == 1, "one codec beside the keys: {audio}");
    claim.proven();
    Ok(())
}
