//! `plenary calls` and `plenary ladder`: what passed in the calls of the running server.

use anyhow::Context;
use plenary_config::Settings;
use serde::Deserialize;

use super::Failure;
use super::running::{get, segment};

/// What is shown of a call in the list.
#[derive(Debug, Deserialize)]
struct Call {
    call_id: String,
    begun: String,
    from: String,
    to: String,
    #[serde(default)]
    status: Option<u16>,
    ended: bool,
    messages: usize,
}

#[derive(Debug, Deserialize)]
struct Calls {
    items: Vec<Call>,
}

pub(super) fn calls(settings: &Settings, json: bool) -> Result<(), Failure> {
    let answer = get(settings, "/calls")?;
    if json {
        println!("{answer}");
        return Ok(());
    }
    let calls: Calls = serde_json::from_str(&answer).context("the server's list of calls")?;
    for call in calls.items {
        let status = call.status.map_or_else(|| "…".to_owned(), |status| status.to_string());
        let over = if call.ended { "ended" } else { "" };
        // To the second.
        let begun = call.begun.get(..19).unwrap_or(&call.begun);
        println!("{begun}  {status:<3} {over:<5} {:>3}  {}  {} → {}", call.messages, call.call_id, call.from, call.to);
    }
    Ok(())
}

pub(super) fn ladder(settings: &Settings, call_id: &str, json: bool) -> Result<(), Failure> {
    let path = format!("/calls/{}", segment(call_id));
    match json {
        true => println!("{}", get(settings, &path)?),
        false => print!("{}", get(settings, &format!("{path}/ladder"))?),
    }
    Ok(())
}
