//! baresip as a headless phone: it sends a tone, records what it hears, and is driven over its control port.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use crate::api::Api;
use crate::deadline::wait_for;
use crate::namespace::LAN_ADDRESS;
use crate::process::Process;
use crate::scratch::Scratch;
use crate::server::Server;
use crate::tones::{self, Recording};

/// Each phone takes ten ports from here on: SIP, its TLS, and the control port.
static NEXT_PORT: AtomicU16 = AtomicU16::new(0);

/// baresip sends one event at a time: a quicker finger's keys would be lost in it.
const KEY_EVERY: Duration = Duration::from_millis(250);

#[derive(Clone, Debug)]
pub struct Phone {
    pub account: &'static str,
    pub password: &'static str,
    pub tone_hertz: u32,
    pub transport: &'static str,
    /// `""`, `srtp`, `srtp-mand`, `srtp-mandf` or `dtls_srtp`.
    pub media_encryption: &'static str,
    pub ice: Ice,
    /// In baresip's own names: `opus/48000/1`, `G722/16000/1`, `PCMU/8000/1`.
    pub codecs: &'static str,
}

/// Whether the phone is found by ICE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ice {
    #[default]
    Off,
    /// Its ICE shuns loopback: only in a network of the test's own ([`crate::namespace`]), at that one's address.
    On,
}

#[derive(Debug)]
pub struct Baresip {
    process: Process,
    control: TcpStream,
    received: Vec<u8>,
    folder: Scratch,
    account: &'static str,
    tone_hertz: u32,
}

impl Phone {
    fn address(&self) -> Ipv4Addr {
        if self.ice == Ice::On { LAN_ADDRESS } else { Ipv4Addr::LOCALHOST }
    }
}

impl Baresip {
    /// Starts the phone; it registers by itself.
    pub fn start(server: &Server, phone: &Phone) -> anyhow::Result<Self> {
        let folder = Scratch::new(phone.account)?;
        let base = 20_000 + (std::process::id() % 900) as u16 * 10 % 9000;
        let port = base + NEXT_PORT.fetch_add(10, Ordering::Relaxed);
        configure(folder.path(), server, phone, port)?;
        let mut command = Command::new("baresip");
        command.args(["-4", "-v", "-f"]).arg(folder.path());
        let process = Process::start(&mut command, &folder.path().join("log"))?;
        let control = wait_for("baresip's control port", Duration::from_secs(10), || {
            TcpStream::connect((phone.address(), port + 5)).ok()
        });
        let control = control.with_context(|| process.output())?;
        control.set_read_timeout(Some(Duration::from_millis(50)))?;
        Ok(Self {
            process,
            control,
            received: Vec::new(),
            folder,
            account: phone.account,
            tone_hertz: phone.tone_hertz,
        })
    }

    /// The server knows the phone. Its own event may have come before anybody listened at its control port.
    pub fn wait_registered(&self, api: &Api) -> anyhow::Result<()> {
        let path = format!("/accounts/{}/registrations", self.account);
        let known = || api.get(&path).ok().filter(|bindings| bindings.to_string().contains("\"contact\"")).map(drop);
        wait_for("the registration", Duration::from_secs(15), known).with_context(|| self.log_tail())
    }

    /// Dials and waits for the answer.
    pub fn dial(&mut self, uri: &str) -> anyhow::Result<()> {
        self.command("dial", uri)?;
        self.wait_event("CALL_ESTABLISHED", Duration::from_secs(15))
    }

    /// `hangup`, `hold`, `resume`, `sndcode 5` …
    pub fn command(&mut self, command: &str, parameters: &str) -> anyhow::Result<()> {
        let text = json!({ "command": command, "params": parameters, "token": command }).to_string();
        write!(self.control, "{}:{text},", text.len())?;
        Ok(())
    }

    /// Presses keys as a finger does: down, up, and a moment until the next.
    pub fn press(&mut self, keys: &str) -> anyhow::Result<()> {
        for key in keys.chars() {
            self.command("sndcode", &key.to_string())?;
            // A key is held until the next command of this kind.
            self.command("sndcode", "")?;
            std::thread::sleep(KEY_EVERY);
        }
        Ok(())
    }

    pub fn wait_event(&mut self, wanted: &str, within: Duration) -> anyhow::Result<()> {
        let found = wait_for(wanted, within, || {
            self.read_events().into_iter().find(|event| event["type"] == wanted).map(|_| ())
        });
        found.with_context(|| self.log_tail())
    }

    /// What it has heard so far.
    pub fn heard(&self) -> anyhow::Result<Recording> {
        let folder = std::fs::read_dir(self.folder.path().join("rec"))?;
        let mut files: Vec<PathBuf> = folder.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|path| path.to_string_lossy().ends_with("-dec.wav"));
        files.sort();
        Recording::read(files.last().context("it has heard nothing yet")?)
    }

    /// Waits until the last `seconds` of what it hears hold these tones and neither `not` nor its own.
    pub fn wait_to_hear(&self, has: &[f64], not: &[f64], seconds: f64, within: Duration) -> anyhow::Result<()> {
        let mut others = not.to_vec();
        others.push(f64::from(self.tone_hertz));
        let mut last = None;
        let heard = wait_for("the tones", within, || {
            let listened = self.heard().and_then(|recording| {
                anyhow::ensure!(recording.seconds() > seconds, "heard only {:.1} s", recording.seconds());
                tones::check(&recording, recording.last(seconds), has, &others)
            });
            listened.map_err(|error| last = Some(error)).ok()
        });
        heard.with_context(|| format!("{:#}", last.unwrap_or_else(|| anyhow::anyhow!("nothing"))))
    }

    /// Waits until the rate that it receives with, in bit/s, is as wanted.
    pub fn wait_for_rate(&self, what: &str, wanted: impl Fn(u64) -> bool) -> anyhow::Result<()> {
        // It prints `audio=SENT/RECEIVED (bit/s)`, over and over on one line.
        let received = || {
            let log = self.process.output();
            let (_, last) = log.rsplit_once("audio=")?;
            last.split(['/', ' ']).nth(1)?.parse().ok()
        };
        wait_for(what, Duration::from_secs(15), || received().filter(|bits| wanted(*bits)).map(drop))
    }

    pub fn log_tail(&self) -> String {
        let log = self.process.output();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    fn read_events(&mut self) -> Vec<Value> {
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = self.control.read(&mut chunk) {
            self.received.extend_from_slice(&chunk[..count]);
        }
        let mut events = Vec::new();
        while let Some((event, used)) = netstring(&self.received) {
            events.extend(serde_json::from_slice(event).ok());
            self.received.drain(..used);
        }
        events
    }
}

/// `LENGTH:TEXT,` at the beginning: the text, and how much it takes.
fn netstring(octets: &[u8]) -> Option<(&[u8], usize)> {
    let colon = octets.iter().position(|octet| *octet == b':')?;
    let length: usize = std::str::from_utf8(&octets[..colon]).ok()?.parse().ok()?;
    Some((octets.get(colon + 1..colon + 1 + length)?, colon + 1 + length + 1)).filter(|(_, used)| octets.len() >= *used)
}

fn configure(folder: &Path, server: &Server, phone: &Phone, port: u16) -> anyhow::Result<()> {
    let recordings = folder.join("rec");
    std::fs::create_dir_all(&recordings)?;
    let Phone { account, password, tone_hertz, transport, media_encryption, codecs, ice } = phone;
    let own = phone.address();
    let ca = server.certificate();
    let config = format!(
        "\
poll_method epoll
sip_listen {own}:{port}
sip_cafile {ca}
call_local_timeout 60
call_max_calls 8
audio_path /usr/share/baresip
audio_source ausine,{tone_hertz}
audio_player aubridge,null{port}
audio_alert aubridge,alert{port}
ausrc_srate 48000
ausrc_channels 2
auplay_srate 48000
auplay_channels 2
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
audio_buffer 20-160
rtp_ports {rtp}-{rtp_end}
jitter_buffer_delay 2-10
rtp_stats yes
rtcp_mux {mux}
net_interface {own}
snd_path {recordings}
ctrl_tcp_listen {own}:{control}
module_path /usr/lib/baresip/modules
module g711.so
module g722.so
module opus.so
module ausine.so
module aubridge.so
module sndfile.so
module srtp.so
module dtls_srtp.so
module ice.so
module_tmp account.so
module_app menu.so
module_app contact.so
module_app ctrl_tcp.so
opus_bitrate 48000
opus_stereo no
opus_sprop_stereo no
",
        // With one port for both it comes to the port of all; without ICE the two are told apart.
        mux = if *ice == Ice::On { "yes" } else { "no" },
        ca = ca.display(),
        recordings = recordings.display(),
        rtp = port + 20_000,
        rtp_end = port + 20_009,
        control = port + 5,
    );
    std::fs::write(folder.join("config"), config)?;
    let (host, sip_port) = (server.address, if *transport == "tls" { 5061 } else { 5060 });
    let encryption = if media_encryption.is_empty() { String::new() } else { format!(";mediaenc={media_encryption}") };
    let nat = if *ice == Ice::On { ";medianat=ice" } else { "" };
    let account = format!(
        "<sip:{account}@{host}:{sip_port};transport={transport}>;auth_pass={password};regint=60;\
         audio_codecs={codecs};answermode=auto{encryption}{nat}\n"
    );
    std::fs::write(folder.join("accounts"), account)?;
    std::fs::write(folder.join("contacts"), "")?;
    Ok(())
}
