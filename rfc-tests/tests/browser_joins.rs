//! A browser and a desk phone in one conference: JsSIP over WSS, ICE and DTLS-SRTP beside SIP over TLS and SDES.

use std::time::Duration;

use rfc_tests::api::Api;
use rfc_tests::baresip::{Baresip, Ice, Phone};
use rfc_tests::browser_phone::{BrowserPhone, Caller};
use rfc_tests::server::Server;
use serde_json::json;

const PASSWORD: &str = "a-phones-password";
const BROWSER: u32 = 1_130;
const DESK: u32 = 440;
/// Chromium on a busy machine takes its time to start.
const BROWSER_STARTS: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_secs(20);

fn server_with_two_members(settings: &[&str]) -> anyhow::Result<(Server, Api)> {
    let server = Server::start_with(settings)?;
    let api = server.api()?;
    for name in ["alice", "bob"] {
        api.post("/accounts", json!({ "name": name, "password": PASSWORD }))?;
    }
    let members = json!([{ "address": "alice" }, { "address": "bob" }]);
    api.post("/conferences", json!({ "number": "3001", "title": "Monday", "members": members }))?;
    Ok((server, api))
}

fn desk_phone(server: &Server, api: &Api) -> anyhow::Result<Baresip> {
    let phone = Phone {
        account: "bob",
        password: PASSWORD,
        tone_hertz: DESK,
        transport: "tls",
        media_encryption: "srtp-mand",
        ice: Ice::Off,
        codecs: "PCMU/8000/1",
    };
    let phone = Baresip::start(server, &phone)?;
    phone.wait_registered(api)?;
    Ok(phone)
}

fn browser<'a>(dial: Option<&'a str>, camera: bool) -> Caller<'a> {
    Caller { account: "alice", password: PASSWORD, dial, tone_hertz: BROWSER, hears: &[DESK], not: &[BROWSER], camera }
}

/// Both hear each other, and the browser says by what.
fn assert_they_talk(browser: &BrowserPhone, desk: &Baresip) -> anyhow::Result<()> {
    let hears = browser.wait_for("hears", SOON)?;
    assert_eq!((&hears["dtls"], &hears["codec"]), (&json!("connected"), &json!("audio/opus")), "{hears}");
    assert!(hears["srtp"].as_str().is_some_and(|suite| suite.contains("AES")), "{hears}");
    desk.wait_to_hear(&[f64::from(BROWSER)], &[], 1.0, SOON)
}

#[test]
fn a_browser_dials_in_with_its_camera_and_talks_with_a_desk_phone() -> anyhow::Result<()> {
    let (server, api) = server_with_two_members(&[])?;
    let mut desk = desk_phone(&server, &api)?;
    desk.dial(&format!("sip:3001@{};transport=tls", server.tls()))?;
    let browser = BrowserPhone::start(&server, &browser(Some("3001"), true))?;
    browser.wait_for("in", BROWSER_STARTS)?;
    let people = api.wait_for_state("3001", "connected", 2, SOON)?;
    let alice = people.iter().find(|person| person["codec"] == "opus").expect("the browser");
    assert_eq!(alice["secured"], true, "{alice}");
    assert_they_talk(&browser, &desk)?;
    api.post("/conferences/3001/actions/end", json!({}))?;
    browser.wait_for("ended", SOON)?;
    Ok(())
}

#[test]
fn one_click_rings_the_browser_and_the_desk_phone() -> anyhow::Result<()> {
    let (server, api) = server_with_two_members(&[])?;
    let desk = desk_phone(&server, &api)?;
    let browser = BrowserPhone::start(&server, &browser(None, false))?;
    browser.wait_for("registered", BROWSER_STARTS)?;
    api.post("/conferences/3001/call-all", json!({}))?;
    api.wait_for_state("3001", "connected", 2, SOON)?;
    assert_they_talk(&browser, &desk)?;
    let people = api.participants("3001")?;
    let alice = people.iter().find(|person| person["codec"] == "opus").and_then(|alice| alice["id"].as_str());
    api.delete(&format!("/conferences/3001/participants/{}", alice.expect("the browser")))?;
    browser.wait_for("ended", SOON)?;
    Ok(())
}

#[test]
fn a_browser_calls_a_desk_phone() -> anyhow::Result<()> {
    let (server, api) = server_with_two_members(&[])?;
    let mut desk = desk_phone(&server, &api)?;
    let browser = BrowserPhone::start(&server, &browser(Some("bob"), false))?;
    browser.wait_for("in", BROWSER_STARTS)?;
    assert_they_talk(&browser, &desk)?;
    desk.command("hangup", "")?;
    browser.wait_for("ended", SOON)?;
    Ok(())
}

/// Both check, and Chromium hides its own address behind a name: only its checks tell where it is.
#[test]
fn a_browser_and_a_full_agent_find_each_other() -> anyhow::Result<()> {
    // Who dials offers, and so controls.
    for dial in [Some("3001"), None] {
        let (server, api) = server_with_two_members(&["media.ice=full"])?;
        let mut desk = desk_phone(&server, &api)?;
        desk.dial(&format!("sip:3001@{};transport=tls", server.tls()))?;
        let browser = BrowserPhone::start(&server, &browser(dial, false))?;
        if dial.is_none() {
            browser.wait_for("registered", BROWSER_STARTS)?;
            api.post("/conferences/3001/participants", json!({ "address": "alice" }))?;
        }
        browser.wait_for("in", BROWSER_STARTS)?;
        assert_they_talk(&browser, &desk)?;
    }
    Ok(())
}
