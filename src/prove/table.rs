//! The table of `make bench`: conferences of many sizes, then calls and registrations a second, then churn.

use std::time::Duration;

use plenary_media::plan::AudioCodec;
use plenary_sip::net_types::Transport;
use serde::Serialize;
use tokio::time::sleep;

use super::child::{Child, Wish};
use super::load::{Load, MIXED};
use super::machine::{Machine, check_open_files};
use super::report::Report;
use super::run::run;
use super::signalling::{CALLS_OPEN, Churn, Deed, Rate, Server, Work, churn_of_own, rate};

/// Of one conference; its own report shows more.
const SHOWN_FAULTS: usize = 3;
const SIZES: [usize; 4] = [10, 50, 100, 200];
const TALKERS: usize = 3;
const WINDOW: Duration = Duration::from_secs(5);
const JOINS_PER_SECOND: u32 = 100;
/// That register, or have registered.
const PHONES: usize = 64;
/// Twice as long as a server remembers.
const CHURN: usize = 21_000;
pub const CHURN_PER_SECOND: u32 = 300;
/// 64·T1 is 32 s: for so long a server remembers what it answered.
pub const SETTLED: Duration = Duration::from_secs(35);

#[derive(Clone, Debug, Serialize)]
pub struct Table {
    pub machine: Machine,
    pub conferences: Vec<Report>,
    pub signalling: Vec<Rate>,
    pub churn: Churn,
}

impl Table {
    pub fn faults(&self) -> Vec<String> {
        let of_report = |report: &Report| {
            let name = report.name();
            let more = report.faults.len().saturating_sub(SHOWN_FAULTS);
            let shown = report.faults.iter().take(SHOWN_FAULTS).map(|fault| format!("{name}: {fault}"));
            shown.chain((more > 0).then(|| format!("{name}: and {more} more"))).collect::<Vec<_>>()
        };
        let of_rate =
            |rate: &Rate| rate.faults.iter().map(|fault| format!("{}: {fault}", rate.what)).collect::<Vec<_>>();
        let conferences = self.conferences.iter().flat_map(of_report);
        let of_churn = self.churn.faults.iter().map(|fault| format!("churn: {fault}"));
        conferences.chain(self.signalling.iter().flat_map(of_rate)).chain(of_churn).collect()
    }

    /// The conference of this size and kind.
    pub fn conference(&self, media: &str, parties: usize) -> Option<&Report> {
        self.conferences
            .iter()
            .find(|report| report.media == media && report.legs() == parties && report.conferences == 1)
    }
}

/// What the table measures beside conferences of each size.
const SPECIAL: [Load; 4] = [
    // Listeners cost headers and a system call, encodings are shared.
    Load { parties: 25, ..of(&[AudioCodec::Opus], false) },
    Load { parties: 100, talkers: 100, ..of(&[AudioCodec::Pcmu], false) },
    Load { parties: 5, conferences: 100, codecs: &MIXED, ..of(&MIXED, false) },
    Load { parties: 1000, joins_per_second: 200, ..of(&[AudioCodec::Pcmu], false) },
];

const fn of(codecs: &'static [AudioCodec], srtp: bool) -> Load {
    Load {
        parties: 0,
        conferences: 1,
        talkers: TALKERS,
        codecs,
        srtp,
        window: WINDOW,
        joins_per_second: JOINS_PER_SECOND,
    }
}

/// Measures everything, each conference on a server of its own; tells of its progress on standard error.
pub async fn table() -> anyhow::Result<Table> {
    let machine = Machine::here();
    eprintln!("{machine}");
    let codecs: [&[AudioCodec]; 2] = [&[AudioCodec::Pcmu], &[AudioCodec::Opus]];
    let kinds = codecs.into_iter().flat_map(|codecs| [of(codecs, false), of(codecs, true)]);
    let sizes = kinds.flat_map(|kind| SIZES.map(|parties| Load { parties, ..kind }));
    let mut conferences = Vec::new();
    for load in sizes.chain(SPECIAL) {
        if let Err(few) = check_open_files(load.legs()) {
            eprintln!("left out: {few}");
            continue;
        }
        let report = run(&load, None).await?;
        eprint!("{report}");
        conferences.push(report);
    }
    let signalling = signalling().await?;
    let churn = churn_of_own(CHURN, CHURN_PER_SECOND).await?;
    Ok(Table { machine, conferences, signalling, churn })
}

/// Every server stays until it has forgotten everything: what is left then grows with every call.
async fn signalling() -> anyhow::Result<Vec<Rate>> {
    let mut rates = Vec::new();
    let mut servers = Vec::new();
    for deed in [Deed::Call, Deed::Register, Deed::Refresh] {
        let open = if deed == Deed::Call { CALLS_OPEN } else { PHONES };
        for transport in [Transport::Udp, Transport::Tls] {
            let wish = Wish { accounts: if deed == Deed::Call { 0 } else { PHONES }, ..Wish::default() };
            let server = Server::Own(Box::new(Child::start(wish).await?));
            let row = rate(&server, Work { deed, transport, open }, WINDOW).await?;
            eprintln!("{}: {:.0} a second", row.what, row.per_second);
            rates.push(row);
            servers.push(server);
        }
    }
    sleep(SETTLED).await;
    for (rate, server) in rates.iter_mut().zip(&servers) {
        rate.settled_mib = Some(server.usage()?.memory_mib());
    }
    Ok(rates)
}
