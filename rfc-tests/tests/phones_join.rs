//! Three baresip phones register over TLS, join with SRTP, and hear each other: the strangers' view of RFC 4579 §5.1.

use std::time::{Duration, Instant};

use rfc_tests::api::Api;
use rfc_tests::baresip::{Baresip, Ice, Phone};
use rfc_tests::server::Server;
use serde_json::json;

/// Unevenly spaced, so that no product of clipping falls on another's tone.
const TONES: [u32; 3] = [440, 613, 1_130];
const NAMES: [&str; 3] = ["alice", "bob", "carol"];
const PASSWORD: &str = "a-phones-password";

fn server_with_accounts() -> anyhow::Result<(Server, Api)> {
    let server = Server::start()?;
    let api = server.api()?;
    for name in NAMES {
        api.post("/accounts", json!({ "name": name, "password": PASSWORD }))?;
    }
    let members: Vec<_> = NAMES.iter().map(|name| json!({ "address": name })).collect();
    api.post("/conferences", json!({ "number": "3001", "title": "Monday", "members": members }))?;
    Ok((server, api))
}

fn phone(index: usize, transport: &'static str, media_encryption: &'static str, codecs: &'static str) -> Phone {
    Phone {
        account: NAMES[index],
        password: PASSWORD,
        tone_hertz: TONES[index],
        transport,
        media_encryption,
        ice: Ice::Off,
        codecs,
    }
}

fn others(index: usize) -> Vec<f64> {
    (0..TONES.len()).filter(|other| *other != index).map(|other| f64::from(TONES[other])).collect()
}

#[test]
fn three_phones_on_three_codecs_hear_each_other_over_srtp_and_the_muted_one_vanishes() -> anyhow::Result<()> {
    let (server, api) = server_with_accounts()?;
    let codecs = ["opus/48000/1", "G722/16000/1", "PCMU/8000/1"];
    let mut phones = Vec::new();
    for (index, codec) in codecs.into_iter().enumerate() {
        let mut phone = Baresip::start(&server, &phone(index, "tls", "srtp-mand", codec))?;
        phone.wait_registered(&api)?;
        phone.dial(&format!("sip:3001@{};transport=tls", server.tls()))?;
        phones.push(phone);
    }
    let people = api.wait_for_state("3001", "connected", 3, Duration::from_secs(5))?;
    for person in &people {
        assert_eq!(person["secured"], true, "{person}");
        assert_eq!(person["direction"], "dialed_in", "{person}");
    }
    let mut spoken: Vec<_> = people.iter().filter_map(|person| person["codec"].as_str()).collect();
    spoken.sort_unstable();
    assert_eq!(spoken, ["g722", "opus", "pcmu"]);
    for (index, phone) in phones.iter().enumerate() {
        phone.wait_to_hear(&others(index), &[], 2.0, Duration::from_secs(10))?;
    }

    let bob = people
        .iter()
        .find(|person| person["name"] == "bob" || person["address"].as_str().is_some_and(|a| a.contains("bob")));
    let bob = bob.and_then(|bob| bob["id"].as_str()).expect("bob is in");
    api.patch(&format!("/conferences/3001/participants/{bob}"), json!({ "muted": true }))?;
    let muted_at = Instant::now();
    // baresip writes what it hears as it hears it: 0.3 s after the mute its recording goes on without bob.
    let silent = Duration::from_millis(300);
    std::thread::sleep(silent.saturating_sub(muted_at.elapsed()));
    let from = phones[0].heard()?.samples.len();
    let window = 0.5;
    rfc_tests::deadline::wait_for("half a second more", Duration::from_secs(5), || {
        let heard = phones[0].heard().ok()?;
        (heard.samples.len() as f64 > from as f64 + window * f64::from(heard.rate)).then_some(())
    })?;
    let heard = phones[0].heard()?;
    let after = &heard.samples[from..from + (window * f64::from(heard.rate)) as usize];
    rfc_tests::tones::check(&heard, after, &[f64::from(TONES[2])], &[f64::from(TONES[1]), f64::from(TONES[0])])?;

    api.patch(&format!("/conferences/3001/participants/{bob}"), json!({ "muted": false }))?;
    phones[0].wait_to_hear(&others(0), &[], 1.0, Duration::from_secs(5))?;
    Ok(())
}

#[test]
fn phones_are_called_by_one_click_and_leave_by_either_side() -> anyhow::Result<()> {
    let (server, api) = server_with_accounts()?;
    let kinds = [("tls", "srtp-mand"), ("tcp", ""), ("udp", "")];
    let mut phones = Vec::new();
    for (index, (transport, encryption)) in kinds.into_iter().enumerate() {
        let phone = Baresip::start(&server, &phone(index, transport, encryption, "opus/48000/1,PCMU/8000/1"))?;
        phone.wait_registered(&api)?;
        phones.push(phone);
    }
    let report = api.post("/conferences/3001/call-all", json!({}))?;
    assert_eq!(report["calls"].as_array().map(Vec::len), Some(3), "{report}");
    let people = api.wait_for_state("3001", "connected", 3, Duration::from_secs(10))?;
    for (index, phone) in phones.iter().enumerate() {
        phone.wait_to_hear(&others(index), &[], 2.0, Duration::from_secs(10))?;
    }
    let of = |name: &str| people.iter().find(|person| person["address"].as_str().is_some_and(|a| a.contains(name)));
    assert_eq!(of("alice").map(|alice| alice["secured"].clone()), Some(json!(true)));
    assert_eq!(of("carol").map(|carol| carol["secured"].clone()), Some(json!(false)));

    phones[0].command("hangup", "")?;
    let people = api.wait_for_state("3001", "connected", 2, Duration::from_secs(5))?;
    let alice = people.iter().find(|person| person["state"] == "disconnected").expect("alice's row stays");
    assert_eq!(alice["cause"], "left", "{alice}");

    let bob = people.iter().find(|person| person["address"].as_str().is_some_and(|a| a.contains("bob"))).expect("bob");
    api.delete(&format!("/conferences/3001/participants/{}", bob["id"].as_str().expect("an id")))?;
    phones[1].wait_event("CALL_CLOSED", Duration::from_secs(5))?;

    api.post("/conferences/3001/actions/end", json!({}))?;
    phones[2].wait_event("CALL_CLOSED", Duration::from_secs(5))?;
    Ok(())
}

#[test]
fn a_phone_on_hold_is_shown_so_and_sent_nothing_until_it_resumes() -> anyhow::Result<()> {
    let (server, api) = server_with_accounts()?;
    let mut alice = Baresip::start(&server, &phone(0, "tls", "srtp", "opus/48000/1"))?;
    let mut bob = Baresip::start(&server, &phone(1, "tls", "srtp", "opus/48000/1"))?;
    for phone in [&mut alice, &mut bob] {
        phone.wait_registered(&api)?;
        phone.dial(&format!("sip:3001@{};transport=tls", server.tls()))?;
    }
    api.wait_for_state("3001", "connected", 2, Duration::from_secs(5))?;
    alice.wait_to_hear(&[f64::from(TONES[1])], &[], 1.0, Duration::from_secs(10))?;
    alice.command("hold", "")?;
    api.wait_for_state("3001", "on_hold", 1, Duration::from_secs(5))?;
    alice.wait_for_rate("nothing while on hold", |bits| bits == 0)?;
    alice.command("resume", "")?;
    api.wait_for_state("3001", "connected", 2, Duration::from_secs(5))?;
    // baresip 1.0.0 does not record again what it hears after a resume: what it receives tells.
    alice.wait_for_rate("sound after resuming", |bits| bits > 0)?;
    bob.wait_to_hear(&[f64::from(TONES[0])], &[], 1.0, Duration::from_secs(10))?;
    Ok(())
}

#[test]
fn a_conference_with_a_pin_lets_in_who_types_it_and_star_six_mutes() -> anyhow::Result<()> {
    let (server, api) = server_with_accounts()?;
    api.post("/conferences", json!({ "number": "3002", "access": "pin", "pin": "471100" }))?;
    let mut alice = Baresip::start(&server, &phone(0, "udp", "", "PCMU/8000/1"))?;
    alice.wait_registered(&api)?;
    alice.dial(&format!("sip:3002@{}", server.udp()))?;
    alice.press("471200#471100#")?;
    let people = api.wait_for_state("3002", "connected", 1, Duration::from_secs(10))?;
    assert_eq!(people[0]["muted"], false);
    alice.press("*6")?;
    rfc_tests::deadline::wait_for("alice to be muted", Duration::from_secs(5), || {
        (api.participants("3002").ok()?.first()?["muted"] == true).then_some(())
    })
}

#[test]
fn the_spoken_entrance_asks_for_number_and_pin_and_leads_in() -> anyhow::Result<()> {
    let (server, api) = server_with_accounts()?;
    let silent = json!({ "announcements": false });
    api.post("/conferences", json!({ "number": "3002", "access": "pin", "pin": "471100", "options": silent }))?;
    let mut alice = Baresip::start(&server, &phone(0, "udp", "", "PCMU/8000/1"))?;
    alice.wait_registered(&api)?;
    alice.dial(&format!("sip:access@{}", server.udp()))?;
    rfc_tests::deadline::wait_for("the entrance to speak", Duration::from_secs(10), || {
        let heard = alice.heard().ok().filter(|heard| heard.seconds() > 1.5)?;
        let loud = heard.last(1.0).iter().filter(|sample| sample.unsigned_abs() > 1_000).count();
        (loud > 400).then_some(())
    })?;
    // A number that is none is asked for its PIN like any other, and refused no sooner.
    alice.press("9999#471100#")?;
    assert!(api.participants("3002").is_ok_and(|people| people.is_empty()), "nobody is in");
    alice.press("3002#471100#")?;
    api.wait_for_state("3002", "connected", 1, Duration::from_secs(10))?;
    alice.command("hangup", "")?;
    rfc_tests::deadline::wait_for("alice to be gone", Duration::from_secs(5), || {
        (api.participants("3002").ok()?.first()?["state"] == "disconnected").then_some(())
    })
}

#[test]
fn a_phone_calls_an_account_and_all_its_phones_ring() -> anyhow::Result<()> {
    let (server, api) = server_with_accounts()?;
    let mut alice = Baresip::start(&server, &phone(0, "tls", "srtp-mand", "opus/48000/1"))?;
    // Two phones of one account: answermode=auto on both, so one of the two answers is kept and the other hung up on.
    let bobs =
        [phone(1, "udp", "", "PCMU/8000/1"), Phone { tone_hertz: TONES[2], ..phone(1, "tcp", "", "G722/16000/1") }];
    let bobs = bobs.iter().map(|bob| Baresip::start(&server, bob)).collect::<Result<Vec<_>, _>>()?;
    alice.wait_registered(&api)?;
    rfc_tests::deadline::wait_for("both phones of bob", Duration::from_secs(15), || {
        let known = api.get("/accounts/bob/registrations").ok()?.to_string();
        (known.matches("\"contact\"").count() == 2).then_some(())
    })?;
    alice.dial(&format!("sip:bob@{};transport=tls", server.address))?;
    let heard = |hertz: u32| alice.wait_to_hear(&[f64::from(hertz)], &[], 1.0, Duration::from_secs(5)).is_ok();
    let answered = [heard(TONES[1]), heard(TONES[2])];
    assert_eq!(answered.iter().filter(|tone| **tone).count(), 1, "one of the two: {answered:?}");
    let kept = &bobs[usize::from(answered[1])];
    kept.wait_to_hear(&[f64::from(TONES[0])], &[], 1.0, Duration::from_secs(5))?;
    Ok(())
}

#[test]
fn the_echo_test_gives_back_what_is_said() -> anyhow::Result<()> {
    let (server, _api) = server_with_accounts()?;
    let mut guest = Baresip::start(&server, &phone(0, "udp", "", "PCMU/8000/1"))?;
    guest.dial(&format!("sip:echo@{}", server.udp()))?;
    rfc_tests::deadline::wait_for("its own tone", Duration::from_secs(10), || {
        let heard = guest.heard().ok().filter(|heard| heard.seconds() > 1.5)?;
        rfc_tests::tones::check(&heard, heard.last(1.0), &[f64::from(TONES[0])], &[f64::from(TONES[1])]).ok()
    })
}
