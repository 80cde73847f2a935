//! Session border controllers of clouds, such as those of Microsoft Teams: their certificates have wildcards, and they take
//! who calls them for nobody unless his Contact has the name that they know.

use std::sync::Arc;

use anyhow::ensure;
use rfc_tests::authority::Authority;
use rfc_tests::coverage::covers;
use rfc_tests::raw::header;
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::scratch::Scratch;
use rfc_tests::server::Server;
use rustls::sign::CertifiedKey;
use serde_json::json;

use super::house::{House, WITHIN, of, started};

/// The whole value of a Contact, as far as its host and port.
fn contact(message: &str) -> &str {
    header(message, "Contact").unwrap_or_default().split([';', '>']).next().unwrap_or_default()
}

/// OPTIONS, calls out and calls in: each names us by the host that the trunk knows.
#[test]
fn contact_names_the_host_that_the_trunk_knows_us_by() -> anyhow::Result<()> {
    let claim = covers(["T-26"]).pending();
    let mut house = started(json!({ "contact_host": "sbc.example.org" }))?;
    house.api.patch("/trunks/pstn", json!({ "options_seconds": 10 }))?;
    let House { pbx, .. } = &mut house;
    let options = pbx.expect("OPTIONS")?;
    ensure!(contact(&options) == "<sip:sbc.example.org:5060", "{options}");
    pbx.answer(&options, "200 OK", "", "")?;

    let invite = house.conference_calls("tel:+390551")?;
    ensure!(
        contact(&invite) == "<sip:3001@sbc.example.org:5060" && of(&invite, "Contact").contains("isfocus"),
        "{invite}"
    );
    let (here, via) = (house.server.address.to_string(), of(&invite, "Via"));
    ensure!(via.contains(&here), "the way back is our address: {invite}");
    house.pbx.answer(&invite, "486 Busy Here", "", "")?;

    let uri = house.uri("+39055123");
    let dialled = house.pbx.request("INVITE", &uri, "", &house.pbx.sdp()?);
    let (_, ok) = house.pbx.join_by(dialled)?;
    ensure!(contact(&ok.0) == "<sip:3001@sbc.example.org:5060", "{}", ok.0);

    // Nobody else is told that name.
    let uri = house.uri("3001");
    let invite = house.alice.request("INVITE", &uri, "", &house.alice.sdp()?);
    let (_, ok) = house.alice.join_by(invite)?;
    ensure!(contact(&ok.0) == format!("<sip:3001@{here}:5060"), "{}", ok.0);
    claim.proven();
    Ok(())
}

/// RFC 5922 §7.2 forbids wildcards; one trunk may be known by one all the same.
#[test]
fn a_wildcard_certificate_is_the_trunks_where_it_says_so() -> anyhow::Result<()> {
    let claim = covers(["T-26"]).pending();
    let scratch = Scratch::new("trunk-wildcards")?;
    let authority = Authority::new("ours")?;
    let authorities = scratch.path().join("clients.pem");
    std::fs::write(&authorities, authority.pem())?;
    let server = Server::start_with(&[&format!("sip.tls-client-ca={}", authorities.display())])?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    api.post(
        "/trunks",
        json!({ "name": "cloud", "host": "127.0.0.1:9", "transport": "tls", "options_seconds": 0,
                "certificate": "sip.cloud.example", "numbers": [{ "number": "+39055123", "to": "3001" }] }),
    )?;
    let certified = |name: &str| authority.issue("x", &[name])?.certified();
    let (wildcard, other) = (certified("*.cloud.example")?, certified("*.example")?);
    let calls = |shown: &Arc<CertifiedKey>| -> anyhow::Result<u16> {
        let mut sbc = RawPhone::secure_guest_showing(&server, "sbc", Some(shown.clone()))?;
        let invite = sbc.request("INVITE", &format!("sip:+39055123@{}", server.address), "", &sbc.sdp()?);
        Ok(sbc.ask_once(&invite)?.status())
    };
    ensure!(calls(&wildcard)? == 401, "as RFC 5922 has it");
    api.patch("/trunks/cloud", json!({ "certificate_wildcard": true }))?;
    ensure!(calls(&wildcard)? == 200);
    let people = api.wait_for_state("3001", "calling", 1, WITHIN)?;
    ensure!(people[0]["door"] == "trunk", "{people:?}");
    ensure!(calls(&other)? == 401, "a wildcard is one label");
    claim.proven();
    Ok(())
}
