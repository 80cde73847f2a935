//! The table of `make bench`: conferences of many sizes, then set-ups and registrations a second.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::Duration;

use plenary_media::plan::AudioCodec;
use plenary_sip::net_types::Transport;
use serde::Serialize;
use tokio::time::sleep;

use super::child::{Child, Wish};
use super::joining::negotiator;
use super::load::Load;
use super::machine::Machine;
use super::phone::Phone;
use super::registers::register;
use super::report::Report;
use super::run::run;
use super::setups::{Done, OPEN, set_up_calls};
use super::spread::Spread;
use super::usage::Usage;
use crate::call::negotiate::LocalMedia;

const SIZES: [usize; 4] = [10, 50, 100, 200];
const TALKERS: usize = 3;
const WINDOW: Duration = Duration::from_secs(5);
const JOINS_PER_SECOND: u32 = 50;
/// 64·T1 is 32 s: for so long a server remembers what it answered.
pub const SETTLED: Duration = Duration::from_secs(35);

#[derive(Clone, Debug, Serialize)]
pub struct Table {
    pub machine: Machine,
    pub conferences: Vec<Report>,
    pub signalling: Vec<Rate>,
}

/// Something done over and over, some open at once.
#[derive(Clone, Debug, Serialize)]
pub struct Rate {
    pub what: String,
    pub per_second: f64,
    pub server_cpu_ms_each: f64,
    pub server_cores: f64,
    /// To the 200, milliseconds.
    pub took_ms: Option<Spread>,
    /// Resident: before, after, and settled.
    pub memory_mib: [f64; 3],
    pub faults: Vec<String>,
}

impl Table {
    pub fn faults(&self) -> Vec<String> {
        let of_report = |report: &Report| {
            let name = report.name();
            report.faults.iter().map(move |fault| format!("{name}: {fault}")).collect::<Vec<_>>()
        };
        let of_rate =
            |rate: &Rate| rate.faults.iter().map(|fault| format!("{}: {fault}", rate.what)).collect::<Vec<_>>();
        let conferences = self.conferences.iter().flat_map(of_report);
        conferences.chain(self.signalling.iter().flat_map(of_rate)).collect()
    }

    /// The conference of this size and kind.
    pub fn conference(&self, media: &str, parties: usize) -> Option<&Report> {
        self.conferences.iter().find(|report| report.media == media && report.parties == parties)
    }
}

/// Measures everything, each conference on a server of its own; tells of its progress on standard error.
pub async fn table() -> anyhow::Result<Table> {
    let machine = Machine::here();
    eprintln!("{machine}");
    let mut conferences = Vec::new();
    for (codec, srtp) in
        [AudioCodec::Pcmu, AudioCodec::Opus].into_iter().flat_map(|codec| [(codec, false), (codec, true)])
    {
        for parties in SIZES {
            let talkers = TALKERS;
            let load = Load { parties, talkers, codec, srtp, window: WINDOW, joins_per_second: JOINS_PER_SECOND };
            let report = run(&load, None).await?;
            eprint!("{report}");
            conferences.push(report);
        }
    }
    Ok(Table { machine, conferences, signalling: signalling().await? })
}

/// Both servers stay until they have forgotten everything: what is left then grows with every call.
async fn signalling() -> anyhow::Result<Vec<Rate>> {
    let (calls, registrar) =
        (Child::start(Wish::default()).await?, Child::start(Wish { accounts: OPEN, ..Wish::default() }).await?);
    let mut rates = vec![set_ups(&calls).await?, registrations(&registrar).await?];
    rates.iter().for_each(|rate| eprintln!("{}: {:.0} a second", rate.what, rate.per_second));
    sleep(SETTLED).await;
    for (rate, child) in rates.iter_mut().zip([&calls, &registrar]) {
        rate.memory_mib[2] = child.usage()?.memory_mib();
    }
    Ok(rates)
}

async fn set_ups(child: &Child) -> anyhow::Result<Rate> {
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut phone = Phone::start(&child.target(Transport::Udp), Transport::Udp, local)?;
    // Takes what the server says; nobody listens.
    let socket = UdpSocket::bind((local, 0))?;
    let port = socket.local_addr()?.port();
    let (codec, srtp) = (AudioCodec::Pcmu, false);
    let load = Load { parties: OPEN, talkers: 1, codec, srtp, window: WINDOW, joins_per_second: JOINS_PER_SECOND };
    let offer =
        negotiator(&load, LocalMedia { address: local, rtp_port: port, rtcp_port: port, is_shared: false }).offer()?;
    let before = child.usage()?;
    let done = set_up_calls(&mut phone, offer, WINDOW).await?;
    Ok(rate(format!("calls set up, {OPEN} open"), done, &before, &child.usage()?))
}

async fn registrations(child: &Child) -> anyhow::Result<Rate> {
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut phone = Phone::start(&child.target(Transport::Udp), Transport::Udp, local)?;
    let before = child.usage()?;
    let done = register(&mut phone, &child.logins, WINDOW).await?;
    Ok(rate(format!("registrations with digest, {OPEN} open"), done, &before, &child.usage()?))
}

fn rate(what: String, done: Done, before: &Usage, after: &Usage) -> Rate {
    let count = (done.count as f64).max(1.0);
    Rate {
        what,
        per_second: done.count as f64 / WINDOW.as_secs_f64(),
        server_cpu_ms_each: after.cpu_since(before).as_secs_f64() * 1000.0 / count,
        server_cores: after.cores_since(before),
        took_ms: Spread::of(done.took),
        memory_mib: [before.memory_mib(), after.memory_mib(), after.memory_mib()],
        faults: done.faults,
    }
}
