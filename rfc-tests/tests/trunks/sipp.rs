//! SIPp as the stranger PBX: we register at it, call out through it, and it calls us.

use std::time::Duration;

use rfc_tests::deadline::wait_for;
use rfc_tests::scratch::own_address;
use rfc_tests::server::Server;
use rfc_tests::sipp::Sipp;
use serde_json::json;

use super::house::WITHIN;

#[test]
fn we_register_at_it_call_out_through_it_and_are_called_by_it() -> anyhow::Result<()> {
    let server = Server::start()?;
    let api = server.api()?;
    let address = own_address();
    let pbx = Sipp::answer("pbx.xml", address, 5060, 2)?;
    let numbers = json!([{ "number": "+39055123", "to": "3001" }]);
    api.post(
        "/trunks",
        json!({ "name": "pbx", "host": format!("{address}:5060"), "register": true, "username": "us", "password": "geheim",
            "options_seconds": 0, "sources": ["127.0.0.1"], "numbers": numbers }),
    )?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    let state = || api.get("/trunks/pbx").map(|trunk| trunk["state"].clone()).unwrap_or_default();
    wait_for("the registration", WITHIN, || (state()["registered"] == true).then_some(()))?;

    api.post("/conferences/3001/participants", json!({ "address": "tel:+39055777" }))?;
    let people = api.wait_for_state("3001", "connected", 1, WITHIN)?;
    assert_eq!(people[0]["codec"], "pcma", "{people:?}");
    Sipp::call("trunk_calls.xml", server.udp(), "+39055123", 1)?;
    let people = api.participants("3001")?;
    assert!(people.iter().any(|person| person["door"] == "trunk" && person["cause"] == "left"), "{people:?}");
    api.post("/conferences/3001/actions/end", json!({}))?;
    pbx.wait(Duration::from_secs(15))
}
