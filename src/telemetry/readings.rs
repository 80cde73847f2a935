//! Metrics that other parts count for themselves: read at the time of the scrape.

use std::time::Duration;

use plenary_media::engine::{EngineHandle, ShardReading, TICK_BOUNDS};
use plenary_sip::net::EndpointHandle;

use super::memory;
use super::metrics::{HistogramReading, Metric, Metrics};

const SIP_REQUESTS: Metric<1> = Metric::new("sip_requests_total", "Requests received.", ["method"]);
const SIP_RESPONSES: Metric<2> = Metric::new("sip_responses_total", "Responses sent.", ["method", "class"]);
const SIP_UNREADABLE: Metric<0> = Metric::new("sip_unreadable_total", "Messages that could not be read.", []);
const SIP_REFUSED: Metric<1> =
    Metric::new("sip_refused_total", "Messages, connections and calls that were not served, by reason.", ["reason"]);
const SIP_CONNECTIONS: Metric<0> = Metric::new("sip_connections", "Connections open now.", []);
const SIP_TRANSACTIONS: Metric<0> = Metric::new("sip_transactions", "Transactions open now.", []);
const SIP_DIALOGS: Metric<0> = Metric::new("sip_dialogs", "Calls and subscriptions that are not over.", []);
const PACKETS: Metric<1> = Metric::new("media_packets_total", "RTP and RTCP packets.", ["direction"]);
const REFUSED: Metric<1> = Metric::new("media_refused_packets_total", "Packets dropped, by reason.", ["reason"]);
const UNREADABLE_BLOCKS: Metric<0> = Metric::new(
    "media_report_blocks_unreadable_total",
    "Blocks of extended reports (RFC 3611) that could not be read.",
    [],
);
const LATE: Metric<0> = Metric::new("media_late_packets_total", "Packets that came after their turn to play.", []);
const TICKS: Metric<0> = Metric::new("media_tick_seconds", "Time that a tick took.", []);
const OVERRUNS: Metric<0> =
    Metric::new("media_tick_overruns_total", "Ticks that took too long or were left out after a stall.", []);
const LATE_TICKS: Metric<0> = Metric::new("media_ticks_late_total", "Ticks that began more than 5 ms late.", []);
const HURRIED: Metric<0> = Metric::new(
    "media_ticks_hurried_total",
    "Ticks without automatic gain, noise suppression and level reports, after one that overran.",
    [],
);
const SPARING: Metric<0> = Metric::new(
    "media_ticks_sparing_total",
    "Ticks whose encoders searched less hard, because the thread was busy.",
    [],
);
const ENCODES: Metric<1> = Metric::new("media_encodes_total", "Frames encoded.", ["codec"]);
const ECHOES: Metric<0> = Metric::new("media_echoing_legs", "Legs that return to others what they say.", []);
const TRUNKS: Metric<0> =
    Metric::new("media_room_trunks", "Links between parts of conferences that span media threads.", []);
const LOST_VOICES: Metric<0> = Metric::new(
    "media_lost_voices_total",
    "Pieces of 20 ms that another media thread's part of a conference did not get in time.",
    [],
);
const SHARD_LEGS: Metric<1> = Metric::new("media_thread_legs", "Legs open now, by media thread.", ["thread"]);
const SHARD_BUSY: Metric<1> =
    Metric::new("media_thread_busy_ratio", "Share of its time that a media thread worked lately.", ["thread"]);
const LEGS: Metric<2> = Metric::new("media_legs", "Legs open now.", ["codec", "security"]);

/// Opens every metric that is read elsewhere.
pub fn announce(metrics: &Metrics, engine: &EngineHandle, endpoint: &EndpointHandle) {
    announce_sip(metrics, endpoint);
    announce_media(metrics, engine);
    memory::announce(metrics);
}

fn announce_sip(metrics: &Metrics, endpoint: &EndpointHandle) {
    let of = endpoint.clone();
    metrics.counter_read(SIP_REQUESTS, move || {
        of.counters().snapshot().requests.into_iter().map(|(method, count)| ([method], count)).collect()
    });
    let of = endpoint.clone();
    metrics.counter_read(SIP_RESPONSES, move || {
        let responses = of.counters().snapshot().responses;
        responses.into_iter().map(|(method, class, count)| ([method, format!("{class}xx")], count)).collect()
    });
    let of = endpoint.clone();
    metrics.counter_read(SIP_REFUSED, move || {
        of.counters().snapshot().refused.into_iter().map(|(reason, count)| ([reason.name().into()], count)).collect()
    });
    let of = endpoint.clone();
    metrics.counter_read(SIP_UNREADABLE, move || vec![([], of.counters().snapshot().parse_errors)]);
    let of = endpoint.clone();
    metrics.gauge_read(SIP_TRANSACTIONS, move || vec![([], of.counters().snapshot().transactions as f64)]);
    let of = endpoint.clone();
    metrics.gauge_read(SIP_DIALOGS, move || vec![([], of.counters().snapshot().dialogs as f64)]);
    let of = endpoint.clone();
    metrics.gauge_read(SIP_CONNECTIONS, move || vec![([], of.counters().snapshot().connections as f64)]);
}

fn announce_media(metrics: &Metrics, engine: &EngineHandle) {
    let of = engine.clone();
    metrics.counter_read(PACKETS, move || {
        let counters = of.counters();
        vec![(["in".into()], counters.packets_received), (["out".into()], counters.packets_sent)]
    });
    let of = engine.clone();
    metrics.counter_read(REFUSED, move || {
        of.counters().packets_refused.into_iter().map(|(why, count)| ([why.name().into()], count)).collect()
    });
    let of = engine.clone();
    metrics.counter_read(LATE, move || vec![([], of.counters().packets_late)]);
    let of = engine.clone();
    metrics.counter_read(UNREADABLE_BLOCKS, move || vec![([], of.counters().report_blocks_unreadable)]);
    let of = engine.clone();
    metrics.counter_read(OVERRUNS, move || {
        let counters = of.counters();
        vec![([], counters.tick_overruns + counters.ticks_skipped)]
    });
    let of = engine.clone();
    metrics.counter_read(LATE_TICKS, move || vec![([], of.counters().ticks_late)]);
    let of = engine.clone();
    metrics.counter_read(HURRIED, move || vec![([], of.counters().ticks_hurried)]);
    let of = engine.clone();
    metrics.counter_read(SPARING, move || vec![([], of.counters().ticks_sparing)]);
    let of = engine.clone();
    metrics.counter_read(ENCODES, move || {
        of.counters().encodes.into_iter().map(|(codec, count)| ([codec.name().into()], count)).collect()
    });
    let of = engine.clone();
    metrics.gauge_read(LEGS, move || {
        let security = |secured| if secured { "srtp" } else { "rtp" }.to_owned();
        let legs = of.counters().legs.into_iter();
        legs.map(|(codec, secured, count)| ([codec.name().into(), security(secured)], count as f64)).collect()
    });
    let of = engine.clone();
    metrics.gauge_read(ECHOES, move || vec![([], of.counters().echoing_legs as f64)]);
    announce_shards(metrics, engine);
    let of = engine.clone();
    metrics.histogram_read(TICKS, move || {
        let ticks = of.counters().ticks;
        HistogramReading {
            bounds_seconds: TICK_BOUNDS.iter().map(Duration::as_secs_f64).collect(),
            counts: ticks.buckets.into_iter().map(|(_, count)| count).collect(),
            sum_seconds: ticks.sum.as_secs_f64(),
        }
    });
}

fn announce_shards(metrics: &Metrics, engine: &EngineHandle) {
    let of = engine.clone();
    metrics.gauge_read(TRUNKS, move || vec![([], of.counters().room_trunks as f64)]);
    let of = engine.clone();
    metrics.counter_read(LOST_VOICES, move || vec![([], of.counters().voices_lost)]);
    let of = engine.clone();
    metrics.gauge_read(SHARD_LEGS, move || by_thread(&of, |shard| shard.legs as f64));
    let of = engine.clone();
    metrics.gauge_read(SHARD_BUSY, move || by_thread(&of, |shard| shard.busy));
}

fn by_thread(engine: &EngineHandle, read: fn(&ShardReading) -> f64) -> Vec<([String; 1], f64)> {
    let shards = engine.counters().shards;
    shards.iter().enumerate().map(|(index, shard)| ([index.to_string()], read(shard))).collect()
}
