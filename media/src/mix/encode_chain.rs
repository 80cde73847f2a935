//! From the mixer's frames to payloads of one codec and packet time: downsampler, gathering, encoder.
//!
//! All chains gather in step with the tick counter, so that a listener may pass from a shared chain to its own and back
//! without its timestamps or its packet boundaries moving.
//!
//! ```text
//!  tick        0         1         2         3
//!  frames  |---------|---------|---------|---------|
//!  30 ms   |-- packet 0 --|-- packet 1 --|-- packet 2 …      whoever starts at tick 1 starts within packet 0
//! ```

use std::time::Duration;

use super::{Frame, Resampler, TICK};
use crate::codec::amr::Mode;
use crate::codec::{CodecError, Effort, Encoded, Encoder, SampleRate, make_encoder, packet_time};
use crate::plan::{AudioCodec, OpusWishes};

/// Packets that one tick can complete: two of 10 ms.
const PACKETS: usize = 2;
/// The longest frame of Opus, at 32 kbit/s it is 240 octets in 60 ms; of others no sample takes more than an octet.
const PAYLOAD: usize = 1_275;

/// One packet's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload<'a> {
    pub octets: &'a [u8],
    /// Of its first sample, in the codec's RTP clock units since tick 0: for
    /// [`RtpSender::timestamp`](crate::rtp::RtpSender::timestamp).
    pub position: u64,
}

#[derive(Debug)]
pub struct EncodeChain {
    codec: AudioCodec,
    encoder: Box<dyn Encoder>,
    effort: Effort,
    resampler: Resampler,
    rate: SampleRate,
    /// Samples of a packet, at the codec's rate.
    packet: usize,
    /// Samples gathered, and room for a tick more.
    gathered: Vec<i16>,
    len: usize,
    /// Of the first gathered sample, in samples since tick 0.
    position: u64,
    next_tick: Option<u64>,
    done: [Done; PACKETS],
    encodes: u64,
}

/// A packet that the last push completed.
#[derive(Debug)]
struct Done {
    octets: Box<[u8]>,
    len: usize,
    position: u64,
}

impl EncodeChain {
    /// Allocates all that it ever needs. `ptime`: as [`packet_time`] rounds it.
    pub fn new(codec: AudioCodec, wishes: OpusWishes, ptime: Duration) -> Result<Self, CodecError> {
        let encoder = make_encoder(codec, wishes)?;
        let rate = encoder.sample_rate();
        let packet = rate.samples(packet_time(codec, ptime));
        let payload = || vec![0; packet.min(PAYLOAD)].into_boxed_slice();
        Ok(Self {
            codec,
            encoder,
            effort: Effort::default(),
            resampler: Resampler::new(SampleRate::Hz48000, rate),
            rate,
            packet,
            gathered: vec![0; packet + rate.samples(TICK)],
            len: 0,
            position: 0,
            next_tick: None,
            done: std::array::from_fn(|_| Done { octets: payload(), len: 0, position: 0 }),
            encodes: 0,
        })
    }

    /// Takes the frame of tick number `tick`. A tick left out starts the chain anew, in step.
    pub fn push(&mut self, frame: &Frame, tick: u64) {
        if self.next_tick != Some(tick) {
            self.start(tick);
        }
        self.next_tick = Some(tick + 1);
        self.len += self.resampler.process(frame, &mut self.gathered[self.len..]);
        for n in 0..PACKETS {
            self.done[n].len = 0;
            if self.len >= self.packet {
                self.encode(n);
            }
        }
    }

    /// As [`push`](Self::push). Where ticks were left out, `heard` gives the last ones, as many as a packet takes: with
    /// them the chain starts warm, and its listeners, who come from another chain, hear no click.
    pub fn push_after<'f>(&mut self, frame: &Frame, tick: u64, heard: impl Fn(u64) -> Option<&'f Frame>) {
        if self.next_tick != Some(tick) {
            let missed = self.packet.div_ceil(self.rate.samples(TICK)) as u64;
            for earlier in tick.saturating_sub(missed)..tick {
                if let Some(frame) = heard(earlier) {
                    self.push(frame, earlier);
                }
            }
        }
        self.push(frame, tick);
    }

    /// Packets that the last push completed, in order: two for 10 ms, now and then one for 60 ms; none while the codec
    /// is silent (DTX).
    pub fn payloads(&self) -> impl Iterator<Item = Payload<'_>> {
        let done = self.done.iter().filter(|done| done.len > 0);
        done.map(|done| Payload { octets: &done.octets[..done.len], position: done.position })
    }

    /// The peer asks for a mode, or for none any more.
    pub fn handle_mode_request(&mut self, request: Option<Mode>) {
        self.encoder.handle_mode_request(request);
    }

    /// How hard to try, from the next packet on.
    pub fn set_effort(&mut self, effort: Effort) {
        if effort != self.effort {
            self.effort = effort;
            self.encoder.set_effort(effort);
        }
    }

    pub fn codec(&self) -> AudioCodec {
        self.codec
    }

    /// Packets encoded since the chain was made.
    pub fn encodes(&self) -> u64 {
        self.encodes
    }

    /// Fills the part of a packet that passed before this tick with silence.
    fn start(&mut self, tick: u64) {
        let position = tick * self.rate.samples(TICK) as u64;
        self.len = (position % self.packet as u64) as usize;
        self.position = position - self.len as u64;
        self.gathered[..self.len].fill(0);
        self.resampler.reset();
    }

    /// Encodes the first packet gathered.
    fn encode(&mut self, n: usize) {
        let done = &mut self.done[n];
        let units = u64::from(self.codec.clock_rate());
        done.position = self.position * units / u64::from(self.rate.hz());
        // A frame that the encoder refuses is left out like silence; its size was checked when the chain was made.
        if let Ok(Encoded::Payload(len)) = self.encoder.encode(&self.gathered[..self.packet], &mut done.octets) {
            done.len = len;
        }
        self.encodes += 1;
        self.gathered.copy_within(self.packet..self.len, 0);
        self.len -= self.packet;
        self.position += self.packet as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Positions and lengths of what a chain sends over so many ticks from `first` on.
    fn sent(codec: AudioCodec, ptime: u64, first: u64, ticks: u64) -> Vec<(u64, u64, usize)> {
        let mut chain = EncodeChain::new(codec, OpusWishes::default(), Duration::from_millis(ptime)).expect("sets up");
        let mut sent = Vec::new();
        for tick in first..first + ticks {
            chain.push(&[1_000; 960], tick);
            sent.extend(chain.payloads().map(|payload| (tick, payload.position, payload.octets.len())));
        }
        sent
    }

    #[test]
    fn twenty_milliseconds_give_a_packet_a_tick() {
        assert_eq!(sent(AudioCodec::Pcma, 20, 7, 2), [(7, 1_120, 160), (8, 1_280, 160)]);
    }

    #[test]
    fn ten_milliseconds_give_two_and_sixty_one_in_three() {
        assert_eq!(sent(AudioCodec::Pcmu, 10, 0, 1), [(0, 0, 80), (0, 80, 80)]);
        assert_eq!(sent(AudioCodec::Pcmu, 60, 0, 6), [(2, 0, 480), (5, 480, 480)]);
    }

    #[test]
    fn thirty_milliseconds_do_not_fit_ticks_and_still_run_on() {
        assert_eq!(sent(AudioCodec::Pcmu, 30, 0, 6), [(1, 0, 240), (2, 240, 240), (4, 480, 240), (5, 720, 240)]);
    }

    #[test]
    fn g722_counts_8000_a_second_and_opus_48000() {
        assert_eq!(sent(AudioCodec::G722, 20, 3, 2), [(3, 480, 160), (4, 640, 160)]);
        let opus = sent(AudioCodec::Opus, 20, 3, 2);
        assert_eq!(opus.iter().map(|&(_, position, _)| position).collect::<Vec<_>>(), [2_880, 3_840]);
    }

    #[test]
    fn who_starts_later_is_in_step() {
        let (early, late) = (sent(AudioCodec::Pcmu, 60, 0, 9), sent(AudioCodec::Pcmu, 60, 4, 5));
        assert_eq!(late, early[1..]);
    }

    #[test]
    fn who_was_heard_elsewhere_meanwhile_goes_on_as_if_always_here() {
        let loud = [12_000; 960];
        for ptime in [10, 20, 30, 60] {
            let chain = || EncodeChain::new(AudioCodec::Pcmu, OpusWishes::default(), Duration::from_millis(ptime));
            let (mut steady, mut warm) = (chain().expect("sets up"), chain().expect("sets up"));
            (0..11).for_each(|tick| steady.push(&loud, tick));
            warm.push_after(&loud, 10, |_| Some(&loud));
            assert!(warm.payloads().eq(steady.payloads()), "{ptime} ms");
        }
    }

    #[test]
    fn a_tick_left_out_starts_anew_in_step() {
        let mut chain =
            EncodeChain::new(AudioCodec::Pcmu, OpusWishes::default(), Duration::from_millis(30)).expect("sets up");
        for tick in [0, 1, 5, 6, 7] {
            chain.push(&[1_000; 960], tick);
            let positions: Vec<u64> = chain.payloads().map(|payload| payload.position).collect();
            assert!(positions.iter().all(|position| position % 240 == 0), "{positions:?}");
        }
    }
}
