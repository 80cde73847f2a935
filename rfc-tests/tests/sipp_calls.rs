//! SIPp as a phone: what everyday calls are made of, over UDP and over TCP.

use std::net::SocketAddr;
use std::time::Duration;

use rfc_tests::api::Api;
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::server::Server;
use rfc_tests::sipp::Sipp;
use serde_json::json;

const PASSWORD: &str = "a-phones-password";
/// One socket for all calls, by UDP and by TCP.
const TRANSPORTS: [&str; 2] = ["u1", "t1"];
const SOON: Duration = Duration::from_secs(10);

fn start() -> anyhow::Result<(Server, Api)> {
    // It takes the first challenge that it sees and knows MD5 alone.
    // Sends no sound, which is not what these tests are about.
    let server = Server::start_with(&["security.digest=[\"md5\"]", "media.silent-after=10m"])?;
    let api = server.api()?;
    api.post("/accounts", json!({ "name": "alice", "password": PASSWORD }))?;
    api.post("/conferences", json!({ "number": "3001", "access": "open" }))?;
    Ok((server, api))
}

fn play(scenario: &str, server: &Server, user: &str, calls: u32) -> anyhow::Result<()> {
    let target: SocketAddr = server.udp();
    TRANSPORTS.iter().try_for_each(|transport| {
        let arguments = ["-t", transport, "-au", "alice", "-ap", PASSWORD];
        Sipp::call_with(scenario, target, user, calls, &arguments)
    })
}

#[test]
fn it_registers_and_takes_the_registration_back() -> anyhow::Result<()> {
    let (server, api) = start()?;
    play("register.xml", &server, "alice", 1)?;
    let left = api.get("/accounts/alice/registrations")?;
    assert!(!left.to_string().contains("\"contact\""), "{left}");
    Ok(())
}

#[test]
fn it_dials_in_and_hangs_up() -> anyhow::Result<()> {
    let (server, api) = start()?;
    play("call.xml", &server, "3001", 10)?;
    // Whoever returns takes his old row.
    let people = api.wait_for_state("3001", "connected", 0, SOON)?;
    assert!(!people.is_empty() && people.iter().all(|person| person["cause"] == "left"), "{people:?}");
    Ok(())
}

#[test]
fn it_holds_and_resumes() -> anyhow::Result<()> {
    let (server, api) = start()?;
    play("reinvite.xml", &server, "3001", 1)?;
    api.wait_for_state("3001", "connected", 0, SOON)?;
    Ok(())
}

#[test]
fn it_gives_up_a_call_that_rings() -> anyhow::Result<()> {
    let (server, api) = start()?;
    let mut bob = RawPhone::new(&server, &api, "bob")?;
    bob.register()?;
    for transport in TRANSPORTS {
        let target = server.udp();
        let caller = std::thread::spawn(move || {
            let called = format!("bob@{target}");
            let arguments = ["-t", transport, "-au", "alice", "-ap", PASSWORD, "-auth_uri", &called];
            Sipp::call_with("cancel.xml", target, "bob", 1, &arguments)
        });
        let invite = bob.expect("INVITE")?;
        bob.answer(&invite, "180 Ringing", "", "")?;
        let cancel = bob.expect("CANCEL")?;
        bob.answer(&cancel, "200 OK", "", "")?;
        bob.answer(&invite, "487 Request Terminated", "", "")?;
        bob.expect("ACK")?;
        caller.join().expect("the caller's thread")?;
    }
    Ok(())
}

/// RFC 4028 §7 and §8: too short a session is refused with the least that is accepted; the server refreshes at half time.
#[test]
fn its_session_is_refreshed_by_the_server() -> anyhow::Result<()> {
    let (server, _) = start()?;
    Sipp::call_with("session_timer.xml", server.udp(), "3001", 1, &["-t", "t1"])
}
