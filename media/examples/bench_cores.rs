//! What the media cores cost on this machine: CPU per 20 ms and leg, and whether anything allocates.
//!
//! `cargo run --release -p plenary-media --no-default-features --example bench_cores`
//!
//! Wall time of the best of several rounds, one thread. The allocation count is that of the timed calls alone.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use plenary_media::codec::{Effort, Encoded, SampleRate, make_decoder, make_encoder};
use plenary_media::id::LegId;
use plenary_media::mix::{
    EncodeChain, FRAME_SAMPLES, LevelEstimator, Limiter, Playout, Resampler, SILENCE, Speakers, Sum,
};
use plenary_media::plan::{AudioCodec, OpusWishes, SrtpKeys, SrtpSuite};
use plenary_media::rtp::{RtpHeader, RtpPacket, RtpTimestamp, SequenceNumber, Ssrc};
use plenary_media::secure::{MAX_OVERHEAD, Protector, Unprotector};

const CODECS: [AudioCodec; AudioCodec::ALL.len()] = AudioCodec::ALL;
const ROUNDS: usize = 7;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: passes every call on to the system's allocator unchanged.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    println!("{:<44} {:>10} {:>12}", "", "µs", "allocations");
    codecs();
    resampling();
    mixing();
    srtp();
    handshake();
}

/// Runs `work` so many times a round and prints the best round's mean. `n` counts on.
fn measure(name: &str, times: u32, mut work: impl FnMut(u32)) {
    let (mut best, mut n, mut allocations) = (f64::MAX, 0, 0);
    for _ in 0..ROUNDS {
        let before = ALLOCATIONS.load(Relaxed);
        let start = Instant::now();
        for _ in 0..times {
            work(n);
            n += 1;
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(times));
        allocations = ALLOCATIONS.load(Relaxed) - before;
    }
    println!("{name:<44} {best:>10.3} {:>12.2}", allocations as f64 / f64::from(times));
}

/// Harmonics of a gliding pitch in syllables.
fn voice(rate: SampleRate, samples: usize) -> Vec<i16> {
    let mut phase = 0.0_f64;
    let rate = f64::from(rate.hz());
    let mut sample = |n: usize| {
        let t = n as f64 / rate;
        phase += (120.0 + 30.0 * (t * 3.0).sin()) / rate * std::f64::consts::TAU;
        let syllable = (t * 4.0 * std::f64::consts::PI).sin().abs();
        (4_000.0 * syllable * (1..20).map(|h| (phase * f64::from(h)).sin() / f64::from(h)).sum::<f64>()) as i16
    };
    (0..samples).map(&mut sample).collect()
}

fn codecs() {
    for codec in CODECS {
        let mut encoder = make_encoder(codec, OpusWishes::default()).expect("sets up");
        let mut decoder = make_decoder(codec).expect("sets up");
        let samples = encoder.sample_rate().samples(Duration::from_millis(20));
        let pcm = voice(encoder.sample_rate(), samples * 100);
        let frame = |n: u32| &pcm[n as usize % 100 * samples..][..samples];
        let mut out = [0; 1_500];
        measure(&format!("{} encode", codec.name()), 500, |n| {
            black_box(encoder.encode(frame(n), &mut out).expect("encodes"));
        });
        if codec == AudioCodec::Opus {
            for effort in [Effort::Full, Effort::Fair, Effort::Little, Effort::Least] {
                encoder.set_effort(effort);
                measure(&format!("{} encode, effort {effort:?}", codec.name()), 500, |n| {
                    black_box(encoder.encode(frame(n), &mut out).expect("encodes"));
                });
            }
            encoder.set_effort(Effort::Full);
        }
        let payloads: Vec<Vec<u8>> = (0..100)
            .map(|n| match encoder.encode(frame(n), &mut out) {
                Ok(Encoded::Payload(len)) => out[..len].to_vec(),
                other => panic!("{other:?}"),
            })
            .collect();
        let mut heard = [0; 5_760];
        measure(&format!("{} decode", codec.name()), 500, |n| {
            black_box(decoder.decode(&payloads[n as usize % 100], &mut heard).expect("decodes"));
        });
        let mut estimator = LevelEstimator::default();
        measure(&format!("{} level without decoding", codec.name()), 5_000, |n| {
            black_box(estimator.estimate(codec, &payloads[n as usize % 100]));
        });
        playout(codec, &payloads);
        let mut chain = EncodeChain::new(codec, OpusWishes::default(), Duration::from_millis(20)).expect("sets up");
        let pcm = voice(SampleRate::Hz48000, FRAME_SAMPLES * 100);
        measure(&format!("{} chain: downsample and encode", codec.name()), 500, |n| {
            let frame = pcm.as_chunks::<FRAME_SAMPLES>().0[n as usize % 100];
            chain.push(&frame, u64::from(n));
            black_box(chain.payloads().count());
        });
    }
}

fn playout(codec: AudioCodec, payloads: &[Vec<u8>]) {
    let (start, mut frame) = (Instant::now(), SILENCE);
    let units = codec.clock_rate() / 50;
    for listens in [true, false] {
        let mut playout = Playout::new(&CODECS).expect("sets up");
        let name = if listens { "playout: insert and pull" } else { "playout: insert and skip" };
        measure(&format!("{} {name}", codec.name()), 500, |n| {
            let now = start + Duration::from_millis(20) * n;
            let header = RtpHeader {
                marker: false,
                payload_type: 0,
                sequence: SequenceNumber(n as u16),
                timestamp: RtpTimestamp(n * units),
                ssrc: Ssrc(7),
            };
            black_box(playout.handle_packet(codec, &header, &payloads[n as usize % 100], now));
            let now = now + Duration::from_millis(10);
            if listens {
                black_box(playout.pull(&mut frame, now));
            } else {
                playout.skip(now);
            }
        });
    }
}

fn resampling() {
    use SampleRate::{Hz8000, Hz16000, Hz48000};
    for (from, to) in [(Hz8000, Hz48000), (Hz16000, Hz48000), (Hz48000, Hz8000), (Hz48000, Hz16000)] {
        let pcm = voice(from, from.samples(Duration::from_millis(20)));
        let (mut resampler, mut out) = (Resampler::new(from, to), [0; FRAME_SAMPLES]);
        measure(&format!("resample {} to {} Hz", from.hz(), to.hz()), 2_000, |_| {
            black_box(resampler.process(black_box(&pcm), &mut out));
        });
    }
}

fn mixing() {
    let mut frame = SILENCE;
    frame.copy_from_slice(&voice(SampleRate::Hz48000, FRAME_SAMPLES));
    let (mut sum, mut limiter, mut out) = (Sum::new(), Limiter::default(), SILENCE);
    measure("sum: clear, add 8 speakers", 5_000, |_| {
        sum.clear();
        (0..8).for_each(|_| sum.add(black_box(&frame)));
    });
    measure("sum: what one speaker hears", 5_000, |_| sum.without(black_box(&frame), &mut limiter, &mut out));
    let mut speakers = Speakers::new(8);
    (0..200).for_each(|leg| speakers.join(LegId(leg)));
    measure("speakers: rank 200 legs, 20 of them loud", 2_000, |n| {
        (0..20).for_each(|leg| speakers.handle_level(LegId(leg * 9), -20 - ((n as u64 + leg) % 30) as i8));
        speakers.handle_tick(std::iter::empty());
        black_box(speakers.speakers());
    });
}

fn srtp() {
    for len in [172, 1_200] {
        for suite in SrtpSuite::ALL {
            let key: Vec<u8> = (0..suite.key_and_salt_len()).map(|n| n as u8).collect();
            let keys = SrtpKeys { suite, local: key.clone(), remote: key };
            let (times, name) = (5_000, suite.name());
            let packet = |n: u32| {
                let mut packet = vec![0; len + MAX_OVERHEAD];
                let header = RtpHeader {
                    marker: false,
                    payload_type: 0,
                    sequence: SequenceNumber(n as u16),
                    timestamp: RtpTimestamp(n),
                    ssrc: Ssrc(7),
                };
                header.write(&[], &mut packet).expect("fits");
                packet
            };
            let mut protector = Protector::new(&keys).expect("key fits");
            let mut packets: Vec<Vec<u8>> = (0..times * ROUNDS as u32).map(packet).collect();
            measure(&format!("{name} protect {len} B"), times, |n| {
                let packet = &mut packets[n as usize];
                let protected = protector.protect_rtp(packet, len).expect("protects");
                packet.truncate(protected);
            });
            let mut unprotector = Unprotector::new(&keys).expect("key fits");
            measure(&format!("{name} unprotect {len} B"), times, |n| {
                black_box(unprotector.unprotect_rtp(&mut packets[n as usize]).expect("opens"));
            });
        }
    }
    let mut packet = vec![0; 172];
    packet[0] = 0x80;
    measure("rtp: parse a header", 50_000, |_| {
        black_box(RtpPacket::parse(black_box(&packet)).expect("reads"));
    });
}

/// What a DTLS handshake costs our side: in all, and the dearest datagram.
fn handshake() {
    use plenary_media::plan::{DtlsPlan, DtlsRole};
    use plenary_media::secure::dtls::{Association, Identity, Output};

    const ROUNDS: u32 = 200;
    let (ours, theirs) = (Identity::generate().expect("made"), Identity::generate().expect("made"));
    for role in [DtlsRole::Active, DtlsRole::Passive] {
        let other = if role == DtlsRole::Active { DtlsRole::Passive } else { DtlsRole::Active };
        let plan = |role, peer: &Identity| DtlsPlan { role, fingerprints: vec![peer.fingerprint().clone()] };
        let (mut whole, mut dearest) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..ROUNDS {
            let now = Instant::now();
            let mut us = Association::new(&ours, &plan(role, &theirs), now);
            let mut them = Association::new(&theirs, &plan(other, &ours), now);
            let mut arriving: Vec<Vec<u8>> = vec![Vec::new()];
            while !(us.is_established() && them.is_established()) {
                let mut leaving = Vec::new();
                for datagram in arriving.drain(..) {
                    let begun = Instant::now();
                    match datagram.is_empty() {
                        true => us.handle_timeout(now).expect("in time"),
                        false => us.handle_datagram(&datagram, now).expect("taken"),
                    }
                    while let Some(output) = us.poll_output() {
                        if let Output::Send(datagram) = output {
                            leaving.push(datagram.to_vec());
                        }
                    }
                    whole += begun.elapsed();
                    dearest = dearest.max(begun.elapsed());
                }
                them.handle_timeout(now).expect("in time");
                for datagram in leaving {
                    them.handle_datagram(&datagram, now).expect("taken");
                }
                while let Some(output) = them.poll_output() {
                    if let Output::Send(datagram) = output {
                        arriving.push(datagram.to_vec());
                    }
                }
            }
        }
        println!("DTLS handshake, {role:?}: {:?} in all, {dearest:?} the dearest datagram", whole / ROUNDS);
    }
}
