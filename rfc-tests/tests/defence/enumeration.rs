//! Who has an account, and which numbers lead out, cannot be found out by asking.

use std::time::{Duration, Instant};

use anyhow::ensure;
use rfc_tests::coverage::covers;
use rfc_tests::raw::{Answer, RawPeer};
use rfc_tests::scratch::own_address;
use rfc_tests::server::Server;
use serde_json::json;

use super::PASSWORD;
use super::abuse::Elsewhere;

const NAMES: usize = 1000;
/// One name of so many is an account.
const EVERY: usize = 25;

/// The same words, after the same time: a thousand names, of which forty are accounts.
#[test]
fn a_thousand_names_do_not_tell_which_are_accounts() -> anyhow::Result<()> {
    let claim = covers(["S-01", "A-26"]).pending();
    let rates = ["address", "network", "strangers"].map(|who| format!("security.{who}-rate=1000000"));
    let mut settings: Vec<&str> = rates.iter().map(String::as_str).collect();
    settings.push("log.level=info");
    let server = Server::start_with(&settings)?;
    let api = server.api()?;
    let name = |number: usize| format!("user{number:04}");
    for number in (0..NAMES).step_by(EVERY) {
        api.post("/accounts", json!({ "name": name(number), "password": PASSWORD }))?;
    }
    let carrier = Elsewhere::new()?;
    let trunk = json!({ "name": "pstn", "host": carrier.address()?.to_string(), "options_seconds": 0 });
    api.post("/trunks", trunk)?;
    let peer = RawPeer::at(&server, (own_address(), 0))?;
    for method in ["REGISTER", "INVITE", "OPTIONS"] {
        let (mut known, mut unknown, mut shapes) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..NAMES {
            let uri = format!("sip:{}@{}", name(number), server.address);
            let asked = Instant::now();
            let answer = peer.ask(&peer.request(method, &uri, "", ""))?;
            let times = if number % EVERY == 0 { &mut known } else { &mut unknown };
            times.push(asked.elapsed());
            shapes.push(shape(&answer));
        }
        ensure!(shapes.iter().all(|shape| *shape == shapes[0]), "{method}: answers differ");
        let share = share_above(&known, &unknown);
        println!("{method}: {:.2} of the accounts' answers are later than another's", share);
        // Of 40 and 960 that do not differ, chance takes this share further from a half than 0.23 once in a million times.
        ensure!((0.27..0.73).contains(&share), "{method}: {share:.3} of the accounts' answers are later");
    }
    for number in ["+39055123456", "0039055123456", "900123456", "0", "112"] {
        let uri = format!("sip:{number}@{}", server.address);
        let status = peer.ask(&peer.request("INVITE", &uri, "", ""))?.status();
        ensure!(matches!(status, 401 | 404), "{number}: {status}");
    }
    carrier.heard_nothing()?;
    claim.proven();
    Ok(())
}

/// How often one of `these` is above one of `those`: a half where they are of one kind.
fn share_above(these: &[Duration], those: &[Duration]) -> f64 {
    let pairs = these.iter().flat_map(|this| those.iter().map(move |that| this > that));
    pairs.filter(|above| *above).count() as f64 / (these.len() * those.len()) as f64
}

/// All that could tell one answer from another: status, headers in order, and how long each is.
fn shape(answer: &Answer) -> Vec<String> {
    let lines = answer.0.split("\r\n");
    let own = ["Via", "From", "To", "Call-ID", "CSeq"];
    lines
        .map(|line| match line.split_once(": ") {
            Some((name, _)) if own.contains(&name) => name.to_owned(),
            Some((name, value)) => format!("{name}: {}", value.len()),
            None => line.to_owned(),
        })
        .collect()
}
