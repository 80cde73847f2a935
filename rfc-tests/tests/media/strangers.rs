//! Stacks that are not ours, with every way to keys: baresip by SDES and ICE, and aiortc as browsers do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use rfc_tests::aiortc::Aiortc;
use rfc_tests::baresip::{Baresip, Ice, Phone};
use rfc_tests::namespace::in_own_network;
use rfc_tests::raw_media::RawMedia;
use rfc_tests::tones;
use serde_json::json;

use crate::{TONE, house};

const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave"];
const PASSWORD: &str = "a-phones-password";
/// Unevenly spaced, so that no product of clipping falls on another's tone.
const TONES: [u32; 4] = [440, 613, 857, 1_130];
const CODECS: [&str; 4] = ["PCMU/8000/1", "PCMA/8000/1", "G722/16000/1", "opus/48000/1"];
const SOON: Duration = Duration::from_secs(20);

/// How phones of one kind come into the conference.
#[derive(Clone, Copy, Debug)]
struct Kind {
    transport: &'static str,
    keying: &'static str,
    ice: Ice,
    /// Answers the server's offer, in place of making one.
    is_called: bool,
}

const fn dialling(transport: &'static str, keying: &'static str, ice: Ice) -> Kind {
    Kind { transport, keying, ice, is_called: false }
}

const fn called(transport: &'static str, keying: &'static str, ice: Ice) -> Kind {
    Kind { transport, keying, ice, is_called: true }
}

const BY_KEYS: [Kind; 3] =
    [dialling("tls", "srtp-mand", Ice::Off), dialling("udp", "", Ice::On), dialling("tls", "srtp-mand", Ice::On)];

/// baresip 1.0.0 shows an RSA certificate, and without ICE shakes hands for RTCP too.
const BY_DTLS: [Kind; 4] = [
    dialling("udp", "dtls_srtp", Ice::Off),
    dialling("tls", "dtls_srtp", Ice::On),
    called("tls", "dtls_srtp", Ice::Off),
    called("tls", "srtp", Ice::Off),
];

/// Four phones of one kind, each with another codec, hear each other.
#[test]
fn baresip_talks_by_every_keying_in_every_codec() -> anyhow::Result<()> {
    all_talk("strangers::baresip_talks_by_every_keying_in_every_codec", &BY_KEYS)
}

#[test]
fn baresip_talks_by_dtls_in_every_codec_whoever_calls() -> anyhow::Result<()> {
    all_talk("strangers::baresip_talks_by_dtls_in_every_codec_whoever_calls", &BY_DTLS)
}

fn all_talk(name: &str, kinds: &[Kind]) -> anyhow::Result<()> {
    in_own_network(name, Duration::from_secs(300), || {
        kinds.iter().try_for_each(|kind| talk(*kind).with_context(|| format!("{kind:?}")))
    })
}

fn talk(Kind { transport, keying, ice, is_called }: Kind) -> anyhow::Result<()> {
    let house = house()?;
    let api = &house.api;
    for name in NAMES {
        api.post("/accounts", json!({ "name": name, "password": PASSWORD }))?;
    }
    let members = NAMES.map(|name| json!({ "address": name }));
    let quiet = json!({ "announcements": false });
    api.post("/conferences", json!({ "number": "3002", "access": "open", "members": members, "options": quiet }))?;
    let mut phones = Vec::new();
    for (index, codecs) in CODECS.into_iter().enumerate() {
        let (account, tone_hertz) = (NAMES[index], TONES[index]);
        let media_encryption = keying;
        let phone = Phone { account, password: PASSWORD, tone_hertz, transport, media_encryption, ice, codecs };
        let mut phone = Baresip::start(&house.server, &phone)?;
        phone.wait_registered(api)?;
        let port = if transport == "tls" { 5061 } else { 5060 };
        if !is_called {
            phone.dial(&format!("sip:3002@{}:{port};transport={transport}", house.server.address))?;
        }
        phones.push(phone);
    }
    if is_called {
        api.post("/conferences/3002/call-all", json!({}))?;
    }
    let people = api.wait_for_state("3002", "connected", NAMES.len(), SOON);
    let people = people.with_context(|| phones.iter().map(Baresip::log_tail).collect::<String>())?;
    for person in &people {
        ensure!(person["secured"] == !keying.is_empty(), "{person}");
    }
    let mut spoken: Vec<_> = people.iter().filter_map(|person| person["codec"].as_str()).collect();
    spoken.sort_unstable();
    ensure!(spoken == ["g722", "opus", "pcma", "pcmu"], "{spoken:?}");
    for (index, phone) in phones.iter().enumerate() {
        let others: Vec<f64> = (0..4).filter(|other| *other != index).map(|other| f64::from(TONES[other])).collect();
        phone.wait_to_hear(&others, &[], 1.0, SOON).with_context(|| format!("{} hears", CODECS[index]))?;
    }
    Ok(())
}

/// A browser's offer by a phone's signalling: ICE, DTLS-SRTP and Opus by another stack.
#[test]
fn aiortc_talks_with_a_phone() -> anyhow::Result<()> {
    for mode in ["lite", "full"] {
        let house = crate::house_with(&[&format!("media.ice={mode}")])?;
        let mut phone = house.call(&house.conference, RawMedia::new(TONE)?, "RTP/AVP 0", "")?;
        let stranger = Aiortc::call(&house.server, &house.conference, TONES[3], 5)?;
        let is_over = AtomicBool::new(false);
        let (heard, loudest) = std::thread::scope(|scope| {
            let talking = scope.spawn(|| -> anyhow::Result<f64> {
                let mut loudest = f64::NEG_INFINITY;
                while !is_over.load(Ordering::Relaxed) {
                    let heard = phone.media.talk(50)?;
                    loudest = loudest.max(phone.media.level(&heard, f64::from(TONES[3]))?);
                }
                Ok(loudest)
            });
            let heard = stranger.heard();
            is_over.store(true, Ordering::Relaxed);
            Ok::<_, anyhow::Error>((heard?, talking.join().expect("no panic")?))
        })
        .with_context(|| mode.to_owned())?;
        ensure!(loudest > -30.0, "{mode}: the phone hears the stranger at {loudest:.1} dBFS");
        tones::check(&heard, heard.last(1.0), &[TONE], &[f64::from(TONES[3])]).with_context(|| mode.to_owned())?;
    }
    Ok(())
}
