//! Carriers for whom TLS and SRTP are one switch, as Twilio's trunks: both, or neither.

use anyhow::ensure;
use rfc_tests::coverage::covers;
use rfc_tests::raw_media::{SUITES, Suite, crypto_lines};
use rfc_tests::raw_phone::RawPhone;
use serde_json::json;

use super::house::{sdp_at, started};

/// What the carrier offers with these lines of keys.
fn secure(lines: &str) -> String {
    format!("{}{lines}", sdp_at(41_000).replace("RTP/AVP", "RTP/SAVP"))
}

fn line(tag: u32, suite: Suite, key_parameters: &str) -> String {
    suite.line(tag, &suite.made(7)).replacen("\r\n", &format!("{key_parameters}\r\n"), 1)
}

#[test]
fn over_tls_only_srtp_is_spoken_and_elsewhere_none() -> anyhow::Result<()> {
    let claim = covers(["T-15"]).pending();
    let mut house = started(json!({ "srtp": "off" }))?;
    let mut pbx = RawPhone::secure_guest(&house.server, "pbx")?;
    let own = pbx.socket()?.ip().to_string();
    house.api.post(
        "/trunks",
        json!({ "name": "secure", "host": "127.0.0.1:9", "transport": "tls", "srtp": "required", "options_seconds": 0,
                "sources": [own], "numbers": [{ "number": "+39055200", "to": "3001" }] }),
    )?;
    let number = house.uri("+39055200");
    // Headers that only they know are in nobody's way.
    let theirs = "X-Twilio-AccountSid: AC00\r\nX-Twilio-CallSid: CA00\r\nDiversion: <sip:+39055@carrier.example>;reason=no-answer\r\n";
    let [sha1_80, sha1_32, ..] = SUITES;
    for (offer, status, tag) in [
        (secure(&line(1, sha1_80, "")), 200, 1),
        (secure(&line(1, sha1_32, "")), 200, 1),
        (secure(&format!("{}{}", line(1, sha1_80, "|2^31|1:1"), line(2, sha1_80, "|2^31"))), 200, 2),
        (secure(&line(1, sha1_80, "|2^31|1:4")), 488, 0),
        (sdp_at(41_000), 488, 0),
    ] {
        let answer = pbx.ask_once(&pbx.request("INVITE", &number, theirs, &offer))?;
        ensure!(answer.status() == status, "{offer}: {}", answer.0);
        if status == 200 {
            ensure!(answer.0.contains("RTP/SAVP ") && crypto_lines(&answer.0)[0].0 == tag, "{}", answer.0);
            ensure!(!answer.0.lines().any(|line| line.starts_with("a=crypto:") && line.contains('|')), "{}", answer.0);
        }
    }
    let asked = pbx.ask_once(&pbx.request("INVITE", &number, theirs, ""))?;
    let lines: Vec<_> = asked.0.lines().filter(|line| line.starts_with("m=")).collect();
    ensure!(asked.status() == 200 && lines.len() == 1 && lines[0].contains(" RTP/SAVP "), "{}", asked.0);
    let suites: Vec<_> = crypto_lines(&asked.0).into_iter().map(|(_, suite, _)| suite.to_owned()).collect();
    ensure!([sha1_80, sha1_32].iter().all(|suite| suites.iter().any(|known| known == suite.name)), "{suites:?}");
    ensure!(!asked.0.lines().any(|line| line.starts_with("a=crypto:") && line.contains('|')), "no MKI: {}", asked.0);

    // The trunk that is plain.
    let number = house.uri("+39055123");
    let keyed = house.pbx.request("INVITE", &number, theirs, &secure(&line(1, sha1_80, "")));
    ensure!(house.pbx.ask_once(&keyed)?.status() == 488);
    let asked = house.pbx.ask_once(&house.pbx.request("INVITE", &number, theirs, ""))?;
    ensure!(asked.status() == 200 && asked.0.contains(" RTP/AVP ") && !asked.0.contains("a=crypto"), "{}", asked.0);
    claim.proven();
    Ok(())
}
