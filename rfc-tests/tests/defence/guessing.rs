//! Guessing: passwords and PINs, by one source or for many names. The guesser waits, and nobody else.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, ensure};
use rfc_tests::coverage::covers;
use rfc_tests::deadline::wait_for;
use rfc_tests::raw::{RawPeer, header};
use rfc_tests::raw_phone::RawPhone;
use rfc_tests::scratch::own_address;
use rfc_tests::server::Server;
use serde_json::json;

use super::refused;

/// What became of guesses that were sent.
#[derive(Debug, Default)]
pub struct Guessed {
    pub looked_at: usize,
    pub told_to_wait: usize,
    pub unanswered: usize,
}

/// As fast as they go out, each with a nonce that the server gave. `name`: the account of each guess.
pub fn guess(
    server: &Server,
    attacker: &RawPeer,
    count: usize,
    name: impl Fn(usize) -> String,
) -> anyhow::Result<Guessed> {
    let uri = format!("sip:{}", server.address);
    let register = |name: &str, extra: &str| {
        let request = attacker.request("REGISTER", &uri, extra, "");
        request.replacen("To: <sip:", &format!("To: <sip:{name}@"), 1)
    };
    let challenged = attacker.ask(&register(&name(0), ""))?;
    let nonce = challenged.header("WWW-Authenticate").and_then(|value| value.split("nonce=\"").nth(1));
    let nonce = nonce.and_then(|rest| rest.split('"').next()).context("a nonce")?.to_owned();
    let mut guessed = Guessed::default();
    let mut tally = |text: &str| match text.split(' ').nth(1) {
        Some("401") => guessed.looked_at += 1,
        Some("403") => guessed.told_to_wait += 1,
        other => println!("{other:?}"),
    };
    for number in 0..count {
        let proof = format!(
            "Authorization: Digest username=\"{0}\", realm=\"{1}\", nonce=\"{nonce}\", uri=\"sip:{1}\", \
             algorithm=SHA-256, qop=auth, nc={2:08x}, cnonce=\"c\", response=\"{number:064x}\"\r\n",
            name(number),
            server.address,
            number + 1,
        );
        attacker.send(register(&name(number), &proof).as_bytes())?;
        while let Some(text) = attacker.receive(Duration::from_millis(1))? {
            tally(&text);
        }
    }
    while let Some(text) = attacker.receive(Duration::from_millis(500))? {
        tally(&text);
    }
    guessed.unanswered = count - guessed.looked_at - guessed.told_to_wait;
    Ok(guessed)
}

/// A few wrong ones are told so, then 403, then nothing; the account's own phone goes on, and goes on elsewhere.
#[test]
fn a_thousand_wrong_passwords_meet_403_and_then_silence() -> anyhow::Result<()> {
    let claim = covers(["S-02"]).pending();
    let server = Server::start_with(&["log.level=info"])?;
    let api = server.api()?;
    let mut alice = RawPhone::new(&server, &api, "alice")?;
    alice.register()?;
    let attacker = RawPeer::at(&server, (own_address(), 0))?;
    let guessed = guess(&server, &attacker, 1000, |_| "alice".into())?;
    println!("{guessed:?}");
    // Each wait that passes meanwhile lets one more be looked at: 1 s, 2 s, 4 s, 8 s.
    ensure!((10..=16).contains(&guessed.looked_at), "{guessed:?}");
    ensure!((1..=150).contains(&guessed.told_to_wait), "{guessed:?}");
    ensure!(guessed.unanswered >= 800, "{guessed:?}");
    ensure!(refused(&api, "guesser")? >= 800);
    alice.register().context("the victim is served while the attacker waits")?;
    let mut travelling = RawPhone::guest_at(&server, "alice", own_address())?;
    travelling.register().context("the victim is served at another address, too")?;
    claim.proven();
    Ok(())
}

/// One password for many names is as good as many for one.
#[test]
fn a_password_tried_on_many_names_counts_for_its_source() -> anyhow::Result<()> {
    let claim = covers(["S-02"]).pending();
    let server = Server::start_with(&["log.level=info"])?;
    let attacker = RawPeer::at(&server, (own_address(), 0))?;
    let guessed = guess(&server, &attacker, 200, |number| format!("user{number}"))?;
    println!("{guessed:?}");
    ensure!(guessed.looked_at <= 14 && guessed.unanswered >= 100, "{guessed:?}");
    claim.proven();
    Ok(())
}

/// Calls, types three wrong PINs, and gives what the next call meets.
pub fn type_wrong_pins(server: &Server, peer: &RawPeer, number: &str) -> anyhow::Result<String> {
    let media = UdpSocket::bind(("127.0.0.1", 0))?;
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {} RTP/AVP 0 101\r\n\
         a=rtpmap:101 telephone-event/8000\r\n",
        media.local_addr()?.port()
    );
    let uri = format!("sip:{number}@{}", server.address);
    let invite = peer.request("INVITE", &uri, "", &sdp);
    let answer = peer.ask(&invite)?;
    ensure!(answer.status() == 200, "{}", answer.0);
    let to = header(&answer.0, "To").unwrap_or_default();
    let ack = invite.replace("INVITE", "ACK").replace(&format!("To: <{uri}>"), &format!("To: {to}"));
    let ack = ack.split("Content-Type").next().unwrap_or_default().replace("branch=", "branch=z9hG4bKa");
    peer.send(format!("{ack}Content-Length: 0\r\n\r\n").as_bytes())?;
    let port = answer.0.lines().find_map(|line| line.strip_prefix("m=audio ")).context("audio")?;
    let port: u16 = port.split(' ').next().context("a port")?.parse()?;
    let mut keys = Keys { media, to: SocketAddr::from((server.address, port)), sequence: 1, timestamp: 160 };
    // Some to be latched on to, then three wrong PINs; the call goes on for its last words meanwhile.
    "**0000#0000#0000#".chars().try_for_each(|key| keys.press(key))?;
    Ok(sdp)
}

#[test]
fn pins_are_not_guessed_call_by_call() -> anyhow::Result<()> {
    let claim =
        covers(["S-21"]).but("PINs of four digits are allowed unless conference.min-pin says otherwise").pending();
    let server = Server::start_with(&["security.free-failures=1", "conference.min-pin=6"])?;
    let api = server.api()?;
    // A PIN of four digits is refused where an administrator says so.
    let short = json!({ "number": "3002", "access": "pin", "pin": "2468" });
    let (status, why) = api.call("POST", "/conferences", Some(&short.to_string()))?;
    ensure!(status == 422 && why.contains("4 digits long, at least 6"), "{status} {why}");
    api.post("/conferences", json!({ "number": "3001", "access": "pin", "pin": "246810" }))?;
    let peer = RawPeer::new(&server)?;
    let sdp = type_wrong_pins(&server, &peer, "3001")?;
    let uri = format!("sip:3001@{}", server.address);
    wait_for("a refusal of who calls again", Duration::from_secs(2), || {
        let answer = peer.ask(&peer.request("INVITE", &uri, "", &sdp)).ok()?;
        (answer.status() == 403).then_some(())
    })?;
    // He may hear the same at the spoken entrance, and for a conference that is none.
    ensure!(peer.ask(&peer.request("INVITE", &format!("sip:access@{}", server.address), "", &sdp))?.status() == 403);
    ensure!(refused(&api, "pin")? >= 2);
    ensure!(api.metric("conference_wrong_pins_total")? >= 3.0);
    ensure!(api.metric("conference_pin_alarms_total")? >= 1.0);
    ensure!(server.log().contains("has typed many wrong PINs"), "the administrator is told");
    ensure!(api.participants("3001")?.iter().all(|person| person["state"] != "connected"));
    claim.proven();
    Ok(())
}

/// RFC 4733 by hand.
struct Keys {
    media: UdpSocket,
    to: SocketAddr,
    sequence: u16,
    timestamp: u32,
}

impl Keys {
    fn press(&mut self, key: char) -> std::io::Result<()> {
        let event = match key {
            '*' => 10,
            '#' => 11,
            digit => digit.to_digit(10).unwrap_or_default() as u8,
        };
        for step in 0..6_u16 {
            let (end, duration) = (u8::from(step > 2) << 7, (step.min(3) + 1) * 160);
            let mut packet = vec![0x80, 101 | u8::from(step == 0) << 7];
            packet.extend(self.sequence.to_be_bytes());
            packet.extend(self.timestamp.to_be_bytes());
            packet.extend([0, 0, 0, 7, event, end | 10]);
            packet.extend(duration.to_be_bytes());
            self.media.send_to(&packet, self.to)?;
            self.sequence += 1;
            std::thread::sleep(Duration::from_millis(20)); // the pace of RTP
        }
        self.timestamp += 1600;
        Ok(())
    }
}
