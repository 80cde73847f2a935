//! `kill -9` while a conference runs: what was answered is still there after the next start.

use std::time::Duration;

use rfc_tests::baresip::{Baresip, Phone};
use rfc_tests::server::Server;
use serde_json::json;

#[test]
fn accounts_conferences_and_bindings_survive_kill_9() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let api = server.api()?;
    api.post("/accounts", json!({ "name": "alice", "password": "a-phones-password" }))?;
    api.post("/conferences", json!({ "number": "3001", "members": [{ "address": "alice" }] }))?;
    let alice = Phone {
        account: "alice",
        password: "a-phones-password",
        tone_hertz: 440,
        transport: "udp",
        media_encryption: "",
        ice: rfc_tests::baresip::Ice::Off,
        codecs: "PCMU/8000/1",
    };
    let mut phone = Baresip::start(&server, &alice)?;
    phone.wait_registered(&api)?;
    phone.dial(&format!("sip:3001@{}", server.udp()))?;
    api.wait_for_state("3001", "connected", 1, Duration::from_secs(5))?;

    server.crash_and_restart()?;
    let api = server.api()?;
    assert_eq!(api.get("/accounts/alice")?["name"], "alice");
    assert_eq!(api.get("/conferences/3001")?["members"][0]["address"], "alice");
    let bindings = api.get("/accounts/alice/registrations")?;
    assert!(bindings.to_string().contains("sip:alice"), "{bindings}");
    // And they are good for a call.
    phone.command("hangup", "")?;
    phone.wait_event("CALL_CLOSED", Duration::from_secs(5))?;
    api.post("/conferences/3001/call-all", json!({}))?;
    api.wait_for_state("3001", "connected", 1, Duration::from_secs(10))?;
    Ok(())
}

#[test]
fn sigterm_hangs_up_and_ends_with_status_0() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let api = server.api()?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    let guest = Phone {
        account: "guest",
        password: "unknown here",
        tone_hertz: 440,
        transport: "udp",
        media_encryption: "",
        ice: rfc_tests::baresip::Ice::Off,
        codecs: "PCMU/8000/1",
    };
    let mut phone = Baresip::start(&server, &guest)?;
    phone.dial(&format!("sip:3001@{}", server.udp()))?;
    api.wait_for_state("3001", "connected", 1, Duration::from_secs(5))?;
    server.stop()?;
    phone.wait_event("CALL_CLOSED", Duration::from_secs(5))?;
    Ok(())
}
