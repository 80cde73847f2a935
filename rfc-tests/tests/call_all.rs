//! The main job: one click in a browser calls every member of a stored conference, all at once.

use std::time::Duration;

use anyhow::Context;
use rfc_tests::api::Api;
use rfc_tests::browser;
use rfc_tests::scratch::own_address;
use rfc_tests::server::{ADMIN_PASSWORD, Server};
use rfc_tests::sipp::Sipp;
use serde_json::{Value, json};

fn store_conference(api: &Api, addresses: &[String]) -> anyhow::Result<()> {
    let members: Vec<_> = addresses.iter().map(|address| json!({ "address": address })).collect();
    api.post("/conferences", json!({ "number": "3001", "title": "Everybody", "members": members }))?;
    Ok(())
}

/// The click, and what the table shows once nothing is under way any more.
fn click(server: &Server, members: usize) -> anyhow::Result<Value> {
    let (url, count) = (server.url(), members.to_string());
    let arguments = [url.as_str(), "admin", ADMIN_PASSWORD, "3001", &count];
    let output = browser::run("call-all.mjs", &arguments, Duration::from_secs(90))?;
    let line = output.lines().find(|line| line.starts_with('{')).with_context(|| output.clone())?;
    Ok(serde_json::from_str(line)?)
}

fn in_state(told: &Value, state: &str) -> usize {
    told["rows"].as_array().into_iter().flatten().filter(|row| row["state"] == state).count()
}

#[test]
fn one_click_rings_thirty_phones_within_a_second_and_the_table_shows_them_connected() -> anyhow::Result<()> {
    let server = Server::start()?;
    let api = server.api()?;
    let phones = own_address();
    let sipp = Sipp::answer("answer.xml", phones, 6000, 30)?;
    let addresses: Vec<_> = (0..30).map(|n| format!("sip:phone{n:02}@{phones}:6000")).collect();
    store_conference(&api, &addresses)?;

    let told = click(&server, 30)?;
    assert_eq!(in_state(&told, "connected"), 30, "{told}\n{}", sipp.process.output());
    let clicked = told["clicked"].as_f64().context("the time of the click")?;
    let invites = sipp.received_at("INVITE")?;
    let last = invites.iter().copied().fold(0.0, f64::max);
    assert_eq!(invites.len(), 30, "one INVITE each");
    assert!(last - clicked / 1000.0 < 1.0, "the last INVITE came {:.3} s after the click", last - clicked / 1000.0);

    api.post("/conferences/3001/actions/end", json!({}))?;
    sipp.wait(Duration::from_secs(10))
}

#[test]
fn the_table_says_who_is_busy_declined_did_not_answer_and_cannot_be_reached() -> anyhow::Result<()> {
    let server = Server::start_with(&["sip.t1=50ms"])?;
    let api = server.api()?;
    let phones = own_address();
    let _answering = Sipp::answer("answer.xml", phones, 6000, 10)?;
    let _busy = Sipp::answer("busy.xml", phones, 6001, 5)?;
    let _declining = Sipp::answer("decline.xml", phones, 6002, 5)?;
    let _ringing = Sipp::answer("ring_forever.xml", phones, 6003, 5)?;
    // Nobody listens at the last port.
    let kinds = [(6000, 10), (6001, 5), (6002, 5), (6003, 5), (6004, 5)];
    let addresses = kinds.iter().flat_map(|(port, count)| (0..*count).map(move |n| (port, n)));
    let addresses: Vec<_> = addresses.map(|(port, n)| format!("sip:phone{n}@{phones}:{port}")).collect();
    let members: Vec<_> = addresses.iter().map(|address| json!({ "address": address })).collect();
    let options = json!({ "ring_seconds": 5 });
    api.post("/conferences", json!({ "number": "3001", "members": members, "options": options }))?;

    let told = click(&server, 30)?;
    let rows = told["rows"].as_array().context("rows")?;
    let causes = |port: u16| {
        let of_port =
            rows.iter().filter(|row| row["address"].as_str().is_some_and(|a| a.ends_with(&format!(":{port}"))));
        let mut causes: Vec<_> = of_port.map(|row| row["cause"].as_str().unwrap_or("-").to_owned()).collect();
        causes.dedup();
        causes
    };
    assert_eq!(in_state(&told, "connected"), 10, "{told}");
    assert_eq!(causes(6001), ["busy"], "{told}");
    assert_eq!(causes(6002), ["declined"], "{told}");
    assert_eq!(causes(6003), ["no_answer"], "{told}");
    assert_eq!(causes(6004), ["unreachable"], "{told}");
    Ok(())
}
