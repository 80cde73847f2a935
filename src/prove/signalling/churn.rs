//! Calls come and go at an even pace, long enough that the server forgets as many transactions as it opens: from then on
//! its memory must stay as it is.

use std::fmt;
use std::time::{Duration, Instant};

use plenary_sip::net_types::Transport;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at, sleep};

use super::bench::{Deed, Work, callers};
use super::caller::Caller;
use super::server::Server;
use crate::prove::SETTLED;
use crate::prove::child::{Child, Wish};

const PHONES: usize = 8;

#[derive(Clone, Debug, Serialize)]
pub struct Churn {
    pub calls: usize,
    pub per_second: f64,
    /// Resident, in MiB: idle, when as much is forgotten as comes, and at the end.
    pub memory_mib: [f64; 3],
    /// And when all is forgotten.
    pub settled_mib: f64,
    pub repeats: u64,
    pub faults: Vec<String>,
}

/// Of a server of our own; `calls` should take twice as long as it remembers.
pub async fn churn_of_own(calls: usize, per_second: u32) -> anyhow::Result<Churn> {
    churn(&Server::Own(Box::new(Child::start(Wish::default()).await?)), calls, per_second).await
}

/// `calls` at `per_second`; they should take twice as long as the server remembers.
async fn churn(server: &Server, calls: usize, per_second: u32) -> anyhow::Result<Churn> {
    let work = Work { deed: Deed::Call, transport: Transport::Udp, open: PHONES };
    let idle = server.usage()?;
    let began = Instant::now();
    let mut phones = JoinSet::new();
    for (number, caller) in callers(server, work).await?.into_iter().enumerate() {
        let share = calls / PHONES + usize::from(number < calls % PHONES);
        phones.spawn(calls_of(caller, share, Duration::from_secs(1) * PHONES as u32 / per_second));
    }
    sleep(SETTLED).await;
    let level = server.usage()?;
    let (mut done, mut repeats, mut faults) = (0, 0, Vec::new());
    while let Some(ended) = phones.join_next().await {
        let (count, again, fault) = ended?;
        done += count;
        repeats += again;
        faults.extend(fault);
    }
    let (per_second, end) = (done as f64 / began.elapsed().as_secs_f64(), server.usage()?);
    sleep(SETTLED).await;
    let memory_mib = [idle, level, end].map(|usage| usage.memory_mib());
    Ok(Churn { calls: done, per_second, memory_mib, settled_mib: server.usage()?.memory_mib(), repeats, faults })
}

impl fmt::Display for Churn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, per_second, memory_mib: [idle, level, end], settled_mib, repeats, .. } = self;
        let settled = SETTLED.as_secs();
        writeln!(
            f,
            "Churn: {calls} calls at {per_second:.0} a second, {repeats} requests said again. Resident, MiB: {idle:.1} idle,"
        )?;
        writeln!(f, "{level:.1} after {settled} s, {end:.1} at the end, {settled_mib:.1} settled.")
    }
}

async fn calls_of(mut caller: Caller, count: usize, every: Duration) -> (usize, u64, Option<String>) {
    let mut beat = interval_at(tokio::time::Instant::now(), every);
    beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for done in 0..count {
        beat.tick().await;
        if let Err(error) = caller.call().await {
            return (done, caller.repeats, Some(format!("{error:#}")));
        }
    }
    (count, caller.repeats, None)
}
