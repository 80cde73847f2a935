//! Chromium with JsSIP as a phone: it speaks a tone, tells what it hears, and is driven by what it was told at its start.

use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use crate::browser;
use crate::deadline::wait_for;
use crate::process::Process;
use crate::scratch::Scratch;
use crate::server::Server;
use crate::tones;

#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    pub account: &'a str,
    pub password: &'a str,
    /// Called once registered; without one it waits to be called, and answers.
    pub dial: Option<&'a str>,
    pub tone_hertz: u32,
    /// Tones that it is to hear, and such that it is not.
    pub hears: &'a [u32],
    pub not: &'a [u32],
    /// Whether it offers its camera too.
    pub camera: bool,
}

#[derive(Debug)]
pub struct BrowserPhone {
    process: Process,
    _scratch: Scratch,
}

impl BrowserPhone {
    pub fn start(server: &Server, caller: &Caller<'_>) -> anyhow::Result<Self> {
        let scratch = Scratch::new("browser-phone")?;
        let microphone = scratch.path().join("microphone.wav");
        tones::write(&microphone, caller.tone_hertz)?;
        let wish = json!({
            "url": server.url(),
            "domain": server.address.to_string(),
            "account": caller.account,
            "password": caller.password,
            "dial": caller.dial,
            "microphone": microphone,
            "hears": caller.hears,
            "not": caller.not,
            "video": caller.camera,
        });
        let process = browser::start("phone.mjs", &[&wish.to_string()], &scratch)?;
        Ok(Self { process, _scratch: scratch })
    }

    /// Waits for a piece of news: `registered`, `in`, `hears`, `ended`.
    pub fn wait_for(&self, event: &str, within: Duration) -> anyhow::Result<Value> {
        let told = || {
            let output = self.process.output();
            let news = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            news.into_iter().find(|news| news["event"] == event)
        };
        wait_for(&format!("the browser's {event:?}"), within, told).with_context(|| self.process.output())
    }
}
