//! OpenSSL's DTLS client or server behind a relay: it shakes hands for a phone that a test plays, whose socket carries
//! it all.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::deadline::wait_for;
use crate::process::Process;
use crate::raw_media::{RawMedia, RawSrtp, Suite};
use crate::scratch::Scratch;

/// DTLS sends again after a second, two, four …
const WITHIN: Duration = Duration::from_secs(15);

/// A key, its certificate, and what the description says of it.
#[derive(Debug)]
pub struct Certificate {
    scratch: Scratch,
    /// The value of `a=fingerprint`.
    pub fingerprint: String,
}

impl Certificate {
    pub fn make() -> anyhow::Result<Self> {
        Self::make_with(&["ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
    }

    /// What many phones and PBXs show.
    pub fn make_rsa() -> anyhow::Result<Self> {
        Self::make_with(&["rsa:2048"])
    }

    fn make_with(key_kind: &[&str]) -> anyhow::Result<Self> {
        let scratch = Scratch::new("openssl")?;
        let (key, certificate) = (scratch.path().join("key.pem"), scratch.path().join("cert.pem"));
        run(Command::new("openssl")
            .args(["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=phone", "-newkey"])
            .args(key_kind)
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate))?;
        let printed =
            run(Command::new("openssl").args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(&certificate))?;
        let octets = printed.trim().split_once('=').context("no fingerprint")?.1;
        Ok(Self { fingerprint: format!("sha-256 {octets}"), scratch })
    }

    fn shown_by(&self, command: &mut Command, profile: Option<&str>, key_len: usize) {
        command.arg("-cert").arg(self.folder().join("cert.pem")).arg("-key").arg(self.folder().join("key.pem"));
        command.args(["-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", &key_len.to_string()]);
        command.args(profile.into_iter().flat_map(|profile| ["-use_srtp", profile]));
    }

    fn folder(&self) -> &Path {
        self.scratch.path()
    }
}

fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().context("openssl cannot be started")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// Which way a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    ToServer,
    ToClient,
}

/// What went over the relay.
#[derive(Debug, Default)]
pub struct Passed {
    pub to_server: Vec<Vec<u8>>,
    pub to_client: Vec<Vec<u8>>,
}

#[derive(Debug)]
pub struct Handshake {
    phone: Process,
    relay: UdpSocket,
    /// Where OpenSSL is: known of its server, of its client once that sent something.
    phone_address: Option<SocketAddr>,
    /// Is printed last.
    is_done: &'static str,
    pub passed: Passed,
}

impl Handshake {
    /// `profile`: the one SRTP profile that it offers, by OpenSSL's name; `None`: it knows no SRTP. `mtu`: the longest
    /// datagram that it sends.
    pub fn begin(certificate: &Certificate, profile: Option<&str>, key_len: usize, mtu: u16) -> anyhow::Result<Self> {
        let relay = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        relay.set_nonblocking(true)?;
        let mut command = Command::new("openssl");
        command.args(["s_client", "-dtls1_2", "-ign_eof", "-connect"]).arg(relay.local_addr()?.to_string());
        command.args(["-mtu", &mtu.to_string()]);
        certificate.shown_by(&mut command, profile, key_len);
        let phone = Process::start(&mut command, &certificate.folder().join("log"))?;
        let is_done = "Verify return code";
        Ok(Self { phone, relay, phone_address: None, is_done, passed: Passed::default() })
    }

    /// The phone waits for the server's first word.
    pub fn attend(certificate: &Certificate, profile: &str, key_len: usize) -> anyhow::Result<Self> {
        let relay = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        relay.set_nonblocking(true)?;
        let address = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new("openssl");
        command.args(["s_server", "-dtls1_2", "-Verify", "1", "-accept"]).arg(address.to_string());
        certificate.shown_by(&mut command, Some(profile), key_len);
        let phone = Process::start_attended(&mut command, &certificate.folder().join("log"))?;
        wait_for("OpenSSL's server", WITHIN, || phone.output().contains("ACCEPT").then_some(()))?;
        let is_done = "Keying material: ";
        Ok(Self { phone, relay, phone_address: Some(address), is_done, passed: Passed::default() })
    }

    /// Carries datagrams both ways until the phone is done; `lose` tells by way and number which are lost.
    /// Gives what OpenSSL says of the session.
    pub fn carry(&mut self, media: &mut RawMedia, mut lose: impl FnMut(Way, usize) -> bool) -> anyhow::Result<String> {
        let give_up = Instant::now() + WITHIN;
        let mut buffer = [0; 2_048];
        loop {
            let output = self.phone.output();
            let is_done = output.contains(self.is_done) && output.contains("Keying material");
            // What it has sent before it printed that is carried too: a server's last flight.
            while let Ok((len, from)) = self.relay.recv_from(&mut buffer) {
                self.phone_address = Some(from);
                if !lose(Way::ToServer, self.passed.to_server.len()) {
                    media.send_octets(&buffer[..len])?;
                }
                self.passed.to_server.push(buffer[..len].to_vec());
            }
            drop(media.hear(Duration::from_millis(5))?);
            for datagram in std::mem::take(&mut media.others) {
                let to = self.phone_address.context("the server spoke first")?;
                if !lose(Way::ToClient, self.passed.to_client.len()) {
                    self.relay.send_to(&datagram, to)?;
                }
                self.passed.to_client.push(datagram);
            }
            if is_done {
                return Ok(output);
            }
            ensure!(Instant::now() < give_up, "no handshake: {:?}\n{output}", self.passed);
        }
    }
}

/// The keys of a session whose client the phone is: the client's come first (RFC 5764 §4.2).
pub fn srtp_of(session: &str, suite: Suite) -> anyhow::Result<RawSrtp> {
    let (client, server) = keys_of(session, suite)?;
    RawSrtp::new(suite, &client, &server)
}

/// The same where it is the server.
pub fn srtp_of_server(session: &str, suite: Suite) -> anyhow::Result<RawSrtp> {
    let (client, server) = keys_of(session, suite)?;
    RawSrtp::new(suite, &server, &client)
}

fn keys_of(session: &str, suite: Suite) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
    let hex = session.lines().find_map(|line| line.trim().strip_prefix("Keying material: ")).context("no keys")?;
    let octets: Option<Vec<u8>> =
        (0..hex.len() / 2).map(|i| u8::from_str_radix(hex.get(2 * i..2 * i + 2)?, 16).ok()).collect();
    let octets = octets.context("not hexadecimal")?;
    let (key, salt) = suite.lengths();
    let part = |at: usize, len: usize| octets.get(at..at + len).context("too few octets");
    let client = [part(0, key)?, part(2 * key, salt)?].concat();
    let server = [part(key, key)?, part(2 * key + salt, salt)?].concat();
    Ok((client, server))
}
