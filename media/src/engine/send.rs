//! What a leg's peer is sent: payloads get their header and their protection here.
//!
//! RFC 3550 §5.1; RFC 3551 §4.1: timestamps run on through pauses, and the first packet after one has the marker.

use std::time::Duration;

use super::breaker::SentSoFar;
use super::guard::Guard;
use crate::dtmf::event::EVENT_LEN;
use crate::mix::TICK;
use crate::mix::level::SILENT;
use crate::plan::{AudioCodec, AudioPlan, ReceiveKind, Security, SendFormat};
use crate::random::Random;
use crate::rtp::packet::MAX_CSRCS;
use crate::rtp::rtcp::SenderInfo;
use crate::rtp::timestamp::units_of;
use crate::rtp::{NtpTime, RtpHeader, RtpSender, Ssrc};
use crate::secure::{Protector, SrtpError};

/// Of the noise that a peer makes for itself, −dBov: a quiet room, so that the line does not seem dead.
const COMFORT_NOISE_LEVEL: u8 = 65;
/// Ticks of silence that are sent as they are.
const HANGOVER_TICKS: u64 = 10;
/// What is as loud as that is called a voice: only who speaks gets into a mix, but a file may be played in it.
const VOICE_DBOV: i8 = -55;

/// What is sent while there is nothing to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hush {
    /// Silence, packet by packet.
    Whole,
    /// Comfort noise with this payload number, five times a second: G.711 with a peer that listed it (RFC 3389).
    ComfortNoise(u8),
    /// One packet of silence every 400 ms, as DTX of Opus does it (RFC 7587 §3.1.3).
    Sparse,
    /// A description of silence every 160 ms (3GPP TS 26.193 §5.1.2).
    Described,
}

/// What a tick of silence sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hushed {
    Silence,
    ComfortNoise(u8),
    Nothing,
}

impl Hush {
    fn of(plan: &AudioPlan) -> Self {
        let noise = plan.receive.iter().find(|format| format.kind == ReceiveKind::ComfortNoise);
        match (plan.send.codec, noise) {
            (AudioCodec::Pcmu | AudioCodec::Pcma, Some(format)) => Self::ComfortNoise(format.payload_type),
            (AudioCodec::AmrWb(_), _) => Self::Described,
            (AudioCodec::Opus, _) if plan.send.opus.dtx => Self::Sparse,
            _ => Self::Whole,
        }
    }

    /// `silent_ticks`: how many were silent before this one. `packet_ticks`: how many a packet takes, for one of as many
    /// ticks in a row ends one.
    pub fn at(self, silent_ticks: u64, packet_ticks: u64) -> Hushed {
        let after = silent_ticks.checked_sub(HANGOVER_TICKS);
        match (self, after) {
            (Self::Whole, _) | (_, None) => Hushed::Silence,
            (Self::ComfortNoise(payload_type), Some(after)) if after.is_multiple_of(10) => {
                Hushed::ComfortNoise(payload_type)
            }
            (Self::Sparse, Some(after)) if after % 20 < packet_ticks => Hushed::Silence,
            (Self::Described, Some(after)) if after % 8 < packet_ticks => Hushed::Silence,
            _ => Hushed::Nothing,
        }
    }
}

#[derive(Debug)]
pub(super) struct Sender {
    pub format: SendFormat,
    /// Identifier under which contributors' levels are told.
    levels: Option<u8>,
    /// The same of the level of all that is heard, and whether its first bit says if it is a voice.
    own_level: Option<u8>,
    voice_bit: bool,
    /// The medium that our packets name (RFC 9143 §9.2), and its identifier.
    mid: Option<(u8, Box<str>)>,
    /// How silence is sent.
    pub hush: Hush,
    rtp: RtpSender,
    protector: Guard<Protector>,
    /// Of RTCP, where a handshake of its own gives it other keys (RFC 5764 §4).
    rtcp_protector: Option<Guard<Protector>>,
    /// Where the next packet starts if none is left out.
    expected: Option<u64>,
}

/// A payload and what its header tells of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passage<'a> {
    pub octets: &'a [u8],
    /// In units of the RTP clock since tick 0.
    pub position: u64,
    /// Who is heard in it, and how loud each, dBov.
    pub csrcs: &'a [Ssrc],
    pub levels: &'a [i8],
    /// How loud all of it is, dBov.
    pub level_dbov: i8,
}

/// A packet of a key press in place of audio.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyPassage {
    pub payload_type: u8,
    pub marker: bool,
    /// Tick in which the press began: all its packets have that timestamp (RFC 4733 §2.5.1.2).
    pub began: u64,
    /// How long after that its present segment did (§2.5.1.3).
    pub offset: Duration,
    pub payload: [u8; EVENT_LEN],
}

impl Sender {
    pub fn new(plan: &AudioPlan, random: &mut Random) -> Result<Self, SrtpError> {
        Ok(Self {
            format: plan.send,
            levels: plan.levels.contributors,
            own_level: plan.levels.own,
            voice_bit: plan.levels.voice_bit,
            mid: plan
                .bundle
                .as_deref()
                .filter(|bundle| bundle.names_ours)
                .and_then(|bundle| bundle.mid_extension.map(|id| (id, bundle.mid.as_str().into()))),
            hush: Hush::of(plan),
            rtp: RtpSender::new(u128::from(random.next_u64()) << 64 | u128::from(random.next_u64())),
            protector: match &plan.security {
                Security::Plain => Guard::Plain,
                Security::Sdes(keys) => Guard::Ready(Protector::new(keys)?.into()),
                Security::Dtls(_) => Guard::Awaited,
            },
            rtcp_protector: plan.has_rtcp_handshake().then_some(Guard::Awaited),
            expected: None,
        })
    }

    /// Goes on where another plan's sender stood. With the same keys the protector must go on too: no part of a key
    /// stream is used twice (RFC 3711 §9.1). A clock of another rate is another stream (RFC 7160 §4.1).
    pub fn take_over(&mut self, before: &mut Self, same_keys: bool) {
        use std::mem::swap;
        if same_keys {
            swap(&mut self.protector, &mut before.protector);
            if self.rtcp_protector.is_some() && before.rtcp_protector.is_some() {
                swap(&mut self.rtcp_protector, &mut before.rtcp_protector);
            }
        }
        if self.format.codec.clock_rate() == before.format.codec.clock_rate() {
            swap(&mut self.rtp, &mut before.rtp);
            self.expected = before.expected;
        }
    }

    /// The handshake is done.
    pub fn secure(&mut self, protector: Protector) {
        self.protector = Guard::Ready(protector.into());
    }

    /// So is that of RTCP.
    pub fn secure_rtcp(&mut self, protector: Protector) {
        self.rtcp_protector = Some(Guard::Ready(protector.into()));
    }

    /// Whether the level of what is heard has to be known.
    pub fn tells_level(&self) -> bool {
        self.own_level.is_some()
    }

    /// Whether packets can leave: not before the handshake.
    pub fn lets_pass(&self) -> bool {
        self.protector.lets_pass()
    }

    /// The same of RTCP.
    pub fn lets_rtcp_pass(&self) -> bool {
        self.rtcp_protector.as_ref().unwrap_or(&self.protector).lets_pass()
    }

    pub fn ssrc(&self) -> Ssrc {
        self.rtp.ssrc()
    }

    pub fn sent_so_far(&self) -> SentSoFar {
        let (packets, octets) = self.rtp.counts();
        SentSoFar { packets, octets }
    }

    /// Leaves an SSRC that the peer uses too (RFC 3550 §8.2).
    pub fn change_ssrc(&mut self, ssrc: Ssrc) {
        self.rtp.change_ssrc(ssrc);
        self.expected = None;
    }

    /// Writes a packet into `buffer`, protected. Returns its length; none when it cannot be sent.
    pub fn packet(&mut self, passage: Passage<'_>, buffer: &mut [u8]) -> Option<usize> {
        let Passage { octets, position, csrcs, levels, level_dbov } = passage;
        let marker = self.expected != Some(position);
        self.expected = Some(position + u64::from(self.units()));
        let timestamp = self.rtp.timestamp(position);
        let header = self.rtp.next_header(self.format.payload_type, marker, timestamp, octets.len());
        // One octet a contributor, in their order (RFC 6465 §3): the level without its sign.
        let mut told = [0; MAX_CSRCS];
        told.iter_mut().zip(levels).for_each(|(octet, level)| *octet = level.unsigned_abs().min(127));
        let told = self.levels.zip(told.get(..levels.len()));
        self.write(&header, csrcs, told, level_dbov, octets, buffer)
    }

    /// Writes a key's packet. It takes its number in the sequence of the audio, and its time on the audio's clock, also
    /// where the event counts its duration on another.
    pub fn key_packet(&mut self, passage: KeyPassage, buffer: &mut [u8]) -> Option<usize> {
        let KeyPassage { payload_type, marker, began, offset, payload } = passage;
        let clock_rate = self.format.codec.clock_rate();
        let (units, offset) = (units_of(TICK, clock_rate), units_of(offset, clock_rate));
        let timestamp = self.rtp.timestamp(began * u64::from(units) + u64::from(offset));
        self.expected = None;
        let header = self.rtp.next_header(payload_type, marker, timestamp, payload.len());
        self.write(&header, &[], None, SILENT, &payload, buffer)
    }

    /// Writes comfort noise (RFC 3389 §4): the level in one octet, no spectrum. The audio after it has the marker.
    pub fn comfort_noise_packet(&mut self, payload_type: u8, tick: u64, buffer: &mut [u8]) -> Option<usize> {
        let units = units_of(TICK, self.format.codec.clock_rate());
        let timestamp = self.rtp.timestamp(tick * u64::from(units));
        self.expected = None;
        let header = self.rtp.next_header(payload_type, false, timestamp, 1);
        let level_dbov = -COMFORT_NOISE_LEVEL.cast_signed();
        self.write(&header, &[], None, level_dbov, &[COMFORT_NOISE_LEVEL], buffer)
    }

    fn write(
        &mut self,
        header: &RtpHeader,
        csrcs: &[Ssrc],
        levels: Option<(u8, &[u8])>,
        level_dbov: i8,
        octets: &[u8],
        buffer: &mut [u8],
    ) -> Option<usize> {
        // RFC 6464 §3: the bit for a voice, then the level without its sign.
        let voice = if self.voice_bit && level_dbov >= VOICE_DBOV { 0x80 } else { 0 };
        let own = [voice | level_dbov.unsigned_abs().min(127)];
        let own = self.own_level.map(|id| (id, &own[..]));
        let mid = self.mid.as_ref().map(|(id, mid)| (*id, mid.as_bytes()));
        let elements = [own, levels, mid].map(|element| element.unwrap_or((0, &[])));
        let start = header.write_with_elements(csrcs, &elements, buffer).ok()?;
        let len = start + octets.len();
        buffer.get_mut(start..len)?.copy_from_slice(octets);
        match &mut self.protector {
            Guard::Ready(protector) => protector.protect_rtp(buffer, len).ok(),
            Guard::Plain => Some(len),
            Guard::Awaited => None,
        }
    }

    /// Protects the RTCP packet `buffer[..len]` where the leg is secured. Returns its new length.
    pub fn protect_rtcp(&mut self, buffer: &mut [u8], len: usize) -> Option<usize> {
        match self.rtcp_protector.as_mut().unwrap_or(&mut self.protector) {
            Guard::Ready(protector) => protector.protect_rtcp(buffer, len).ok(),
            Guard::Plain => Some(len),
            Guard::Awaited => None,
        }
    }

    /// Where the packets start that end with this tick, in RTP clock units: in step with all encode chains.
    pub fn positions(&self, tick: u64) -> impl Iterator<Item = u64> + use<> {
        let (units, ptime) = (u64::from(self.units()), self.format.ptime.as_millis() as u64);
        let ended = move |tick: u64| tick * TICK.as_millis() as u64 / ptime.max(1);
        (ended(tick)..ended(tick + 1)).map(move |packet| packet * units)
    }

    /// The sender's part of a report; none before the first packet. `since_start`: of the beat.
    pub fn info(&self, ntp: NtpTime, since_start: Duration) -> Option<SenderInfo> {
        let rate = u128::from(self.format.codec.clock_rate());
        let position = since_start.as_nanos() * rate / 1_000_000_000;
        self.rtp.has_sent().then(|| self.rtp.info(ntp, position as u64))
    }

    /// Ticks that a packet takes, begun ones counted.
    pub fn packet_ticks(&self) -> u64 {
        (self.format.ptime.as_millis() as u64).div_ceil(TICK.as_millis() as u64).max(1)
    }

    fn units(&self) -> u32 {
        units_of(self.format.ptime, self.format.codec.clock_rate())
    }
}
