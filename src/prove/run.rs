//! One conference from its first call to its last: join, settle, measure, leave, judge.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::child::{Child, Wish};
use super::fleet::{Ended, Fleet};
use super::http::metric;
use super::joining::Calls;
use super::judge::judge;
use super::load::{Load, Target};
use super::machine::{Machine, check_open_files};
use super::phone::Phone;
use super::report::{Packets, Report, ServerUse};
use super::speech::Speeches;
use super::spread::Spread;
use super::stream::{Counts, Stream};
use super::usage::{Usage, datagrams_dropped};

/// Between the last answer and the window: jitter buffers settle.
const SETTLING: Duration = Duration::from_millis(1200);
/// Less than this of what went in came out: something is broken, however busy the machine.
const LEAST_OUT: f64 = 0.9;
/// More than this of what went out was lost or late.
const MOST_AMISS: f64 = 0.01;

/// Loads a server of our own, or one that runs already.
pub async fn run(load: &Load, target: Option<&Target>) -> anyhow::Result<Report> {
    let machine = Machine::here();
    check_open_files(load.legs())?;
    let speeches = Speeches::prepare(load)?;
    let Load { parties, conferences, talkers, .. } = *load;
    let child = match target {
        Some(_) => None,
        None => Some(Child::start(Wish { parties, conferences, talkers, ..Wish::default() }).await?),
    };
    let target = match (target, &child) {
        (None, Some(child)) => child.target(load.transport()),
        (target, _) => target.cloned().ok_or_else(|| anyhow::anyhow!("a target is given or started"))?,
    };
    let local = own_address_towards(target.address)?;
    let mut phone = Phone::start(&target, load.transport(), local)?;
    let fleet = Fleet::start(load.legs())?;
    let mut calls = Calls::new(load, &speeches, local)?;

    let idle = child.as_ref().map(Child::usage).transpose()?;
    calls.join(&mut phone, &fleet).await?;
    calls.stay(&mut phone, &fleet, SETTLING).await?;
    let before = Sample::take(child.as_ref(), local).await?;
    fleet.open_window();
    calls.stay(&mut phone, &fleet, load.window).await?;
    fleet.close_window();
    let after = Sample::take(child.as_ref(), local).await?;
    calls.leave(&mut phone).await?;

    let ended = fleet.end();
    let server = idle
        .zip(after.server_since(&before))
        .map(|(idle, used)| ServerUse { idle_memory_mib: idle.memory_mib(), ..used });
    let mut report = Report {
        parties,
        conferences,
        talkers,
        media: load.media_name(),
        seconds: after.fleet.seconds_since(&before.fleet),
        server,
        fleet_cores: after.fleet.cores_since(&before.fleet),
        fleet_overruns: ended.overruns,
        packets: packets(&ended.streams, after.dropped - before.dropped),
        answered_ms: Spread::of(calls.answered.iter().copied()),
        first_packet_ms: Spread::of(first_packets(&calls.invited, &ended.streams)),
        delay_ms: None,
        jitter_ms: Spread::of(ended.streams.iter().filter_map(|stream| stream.incoming.jitter())),
        heard_right: 0,
        faults: std::mem::take(&mut calls.faults),
        machine,
    };
    hear(&mut report, &ended, load, &speeches)?;
    weigh(&mut report);
    Ok(report)
}

/// One moment's counts.
struct Sample {
    server: Option<(Usage, String)>,
    fleet: Usage,
    dropped: u64,
}

impl Sample {
    async fn take(child: Option<&Child>, local: IpAddr) -> anyhow::Result<Self> {
        let server = match child {
            Some(child) => Some((child.usage()?, child.metrics().await?)),
            None => None,
        };
        let at_server = child.map_or(0, |child| datagrams_dropped(child.address()));
        let dropped = at_server + datagrams_dropped(local);
        Ok(Self { server, fleet: Usage::of(std::process::id())?, dropped })
    }

    fn server_since(&self, before: &Self) -> Option<ServerUse> {
        let ((now, metrics), (then, old)) = (self.server.as_ref()?, before.server.as_ref()?);
        let rise = |name| (metric(metrics, name) - metric(old, name)).max(0.0) as u64;
        Some(ServerUse {
            cores: now.cores_since(then),
            memory_mib: now.memory_mib(),
            idle_memory_mib: 0.0,
            late: rise("media_late_packets_total"),
            refused: rise("media_refused_packets_total"),
            tick_overruns: rise("media_tick_overruns_total"),
            encodes: rise("media_encodes_total"),
        })
    }
}

/// The address that the kernel would send from; nothing is sent. On loopback another than the server's and any
/// other fleet's.
pub fn own_address_towards(server: SocketAddr) -> anyhow::Result<IpAddr> {
    if let IpAddr::V4(v4) = server.ip()
        && v4.is_loopback()
    {
        let [_, _, _, low] = v4.octets();
        let [_, high, middle, own] = std::process::id().to_be_bytes();
        return Ok([127, 92 + (high & 1), middle ^ low, own.clamp(1, 254)].into());
    }
    let any: IpAddr = if server.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    Ok(socket.local_addr()?.ip())
}

fn packets(streams: &[Stream], dropped: u64) -> Packets {
    let mut all = Packets { dropped, ..Packets::default() };
    for Counts { sent, received } in streams.iter().map(Stream::in_window) {
        all.sent_in += sent;
        all.out += received.packets;
        all.late += received.late;
        // Below zero when a packet before the window was only late.
        all.lost += u64::try_from(received.lost).unwrap_or(0);
        all.unusable += received.unusable;
    }
    all
}

fn first_packets(invited: &[Instant], streams: &[Stream]) -> Vec<Duration> {
    let of = |stream: &Stream| stream.incoming.first_at?.checked_duration_since(*invited.get(stream.leg)?);
    streams.iter().filter_map(of).collect()
}

/// Decodes what everybody heard last, and judges it.
fn hear(report: &mut Report, ended: &Ended, load: &Load, speeches: &Speeches) -> anyhow::Result<()> {
    let marked = ended.streams.iter().find(|stream| stream.leg == 0);
    let said: Vec<Instant> = marked.map(|stream| stream.outgoing.markers.iter().copied().collect()).unwrap_or_default();
    let mut delays = Vec::new();
    for stream in &ended.streams {
        let heard = stream.incoming.ear.hear(load.codec_of(stream.leg))?;
        let verdict = judge(stream.leg, &heard, load, speeches.marker(), &said);
        report.heard_right += usize::from(verdict.faults.is_empty());
        report.faults.extend(verdict.faults);
        delays.extend(verdict.delays);
    }
    report.delay_ms = Spread::of(delays);
    Ok(())
}

/// Losses that nobody would put up with.
fn weigh(report: &mut Report) {
    let Packets { out, late, lost, unusable, .. } = report.packets;
    let ratio = report.packets.out_by_in();
    let too_many = |count: u64| count as f64 > MOST_AMISS * out as f64;
    if ratio < LEAST_OUT {
        report.faults.push(format!("only {ratio:.2} packets came out for each that went in"));
    }
    for (count, what) in [(late, "late"), (lost, "lost")] {
        if too_many(count) {
            report.faults.push(format!("{count} of {out} packets {what}"));
        }
    }
    if unusable > 0 {
        report.faults.push(format!("{unusable} packets came out that nobody can use"));
    }
}
