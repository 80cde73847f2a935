//! One kind of work done by many phones at once, and what it cost the server.

use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use plenary_media::plan::AudioCodec;
use plenary_sip::net_types::Transport;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::caller::Caller;
use super::line::Line;
use super::server::Server;
use crate::call::negotiate::LocalMedia;
use crate::prove::joining::negotiator;
use crate::prove::run::own_address_towards;
use crate::prove::spread::Spread;

/// Before the window: connections are open, nonces known, caches warm.
const WARMING: Duration = Duration::from_secs(1);
/// More of the same tell nothing new.
const SHOWN_FAULTS: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// From the first REGISTER without credentials on.
    Register,
    /// With the nonce that the phone has.
    Refresh,
    Call,
}

#[derive(Clone, Copy, Debug)]
pub struct Work {
    pub deed: Deed,
    pub transport: Transport,
    /// Phones at it at once.
    pub open: usize,
}

#[derive(Clone, Debug, Serialize)]
pub struct Rate {
    pub server: String,
    pub what: String,
    pub per_second: f64,
    pub server_cpu_ms_each: f64,
    pub server_cores: f64,
    /// To the 200 that settles it, milliseconds.
    pub took_ms: Option<Spread>,
    /// Requests said again for want of an answer.
    pub repeats: u64,
    /// Resident: before and after.
    pub memory_mib: [f64; 2],
    /// Resident when all is forgotten; where that was waited for.
    pub settled_mib: Option<f64>,
    pub faults: Vec<String>,
}

impl Deed {
    fn name(self) -> &'static str {
        match self {
            Self::Register => "REGISTER, digest",
            Self::Refresh => "REGISTER, refresh",
            Self::Call => "call",
        }
    }

    async fn once(self, caller: &mut Caller) -> anyhow::Result<Duration> {
        let began = Instant::now();
        match self {
            Self::Register => caller.register_anew().await?,
            Self::Refresh => caller.refresh().await?,
            Self::Call => return caller.call().await,
        }
        Ok(began.elapsed())
    }
}

impl Work {
    pub fn name(self) -> String {
        let Self { deed, transport, open } = self;
        format!("{}, {transport}, {open} phones", deed.name())
    }
}

/// What one phone has done, and when.
#[derive(Default)]
struct Done {
    each: Vec<(Instant, Duration)>,
    repeats: u64,
    fault: Option<String>,
}

/// Measured for as long as `window`, after a second that counts for nothing.
pub async fn rate(server: &Server, work: Work, window: Duration) -> anyhow::Result<Rate> {
    let (begin, end) = (Instant::now() + WARMING, Instant::now() + WARMING + window);
    let callers = callers(server, work).await?;
    let idle = server.usage()?;
    let mut phones = JoinSet::new();
    for caller in callers {
        phones.spawn(keep_at_it(caller, work.deed, end));
    }
    sleep(begin.saturating_duration_since(Instant::now())).await;
    let before = server.usage()?;
    let from = Instant::now();
    sleep(window).await;
    let (after, until) = (server.usage()?, Instant::now());

    let (mut took, mut repeats, mut faults) = (Vec::new(), 0, Vec::new());
    while let Some(done) = phones.join_next().await {
        let Done { each, repeats: again, fault } = done?;
        took.extend(each.into_iter().filter(|(at, _)| (from..until).contains(at)).map(|(_, took)| took));
        repeats += again;
        faults.extend(fault);
    }
    faults.truncate(SHOWN_FAULTS);
    if took.is_empty() {
        faults.push("nothing was done".into());
    }
    let count = (took.len() as f64).max(1.0);
    Ok(Rate {
        server: server.name().to_owned(),
        what: work.name(),
        per_second: took.len() as f64 / until.duration_since(from).as_secs_f64(),
        server_cpu_ms_each: after.cpu_since(&before).as_secs_f64() * 1000.0 / count,
        server_cores: after.cores_since(&before),
        took_ms: Spread::of(took),
        repeats,
        memory_mib: [idle.memory_mib(), after.memory_mib()],
        settled_mib: None,
        faults,
    })
}

pub(super) async fn callers(server: &Server, work: Work) -> anyhow::Result<Vec<Caller>> {
    let Work { transport, open, .. } = work;
    let target = server.target(transport);
    let local = own_address_towards(target.address)?;
    // Takes what the server sends into calls; nobody listens.
    let media = Arc::new(UdpSocket::bind((local, 0))?);
    let offer = offer(local, media.local_addr()?.port())?;
    let mut callers = Vec::with_capacity(open);
    for number in 0..open {
        let line = Line::open(target.address, transport, local).await?;
        let media = (offer.clone(), Arc::clone(&media));
        callers.push(Caller::new(line, &target, transport, Server::login(number), media)?);
    }
    Ok(callers)
}

fn offer(address: IpAddr, port: u16) -> anyhow::Result<String> {
    let media = LocalMedia { address, rtp_port: port, rtcp_port: port, is_shared: false };
    let offer = negotiator(AudioCodec::Pcmu, false, media).offer()?;
    Ok(String::from_utf8(offer.to_vec())?)
}

async fn keep_at_it(mut caller: Caller, deed: Deed, end: Instant) -> Done {
    let mut done = Done::default();
    while Instant::now() < end {
        match deed.once(&mut caller).await {
            Ok(took) => done.each.push((Instant::now(), took)),
            Err(error) => {
                done.fault = Some(format!("{error:#}"));
                break;
            }
        }
    }
    done.repeats = caller.repeats;
    done
}
