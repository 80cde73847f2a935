//! What a leg's peer sends: from a datagram to the playout, in the order that a packet takes.
//!
//! ```text
//!  demux ─▶ unprotect ─▶ parse ─▶ payload type ─▶ latch ─▶ source ─┬─▶ audio ─▶ playout
//!                                                                  ├─▶ comfort noise (RFC 3389)
//!                                                                  └─▶ key (RFC 4733), never into the mix
//! ```

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::bundled::{Bundled, Medium};
use super::counters::Refusal;
use super::guard::Guard;
use super::latch::{Latch, Proof, Verdict};
use super::settings::EngineError;
use crate::codec::amr::{Mode, Payload};
use crate::dtmf::{KeyPress, KeyReceiver, ToneReceiver};
use crate::id::LegId;
use crate::mix::level::Told;
use crate::mix::{Inserted, Playout};
use crate::plan::{AudioCodec, AudioPlan, ReceiveKind, Security};
use crate::rtp::{RtpHeader, RtpPacket, RtpSource, Ssrc, Validity};
use crate::secure::{SrtpError, Unprotector};

/// Another stream of the peer takes over when the one before paused for this long …
const HANDOVER_PAUSE: Duration = Duration::from_millis(100);
/// … or when so many of its packets came and none of the one before.
const HANDOVER_PACKETS: u8 = 5;

#[derive(Debug)]
pub(super) struct Receiver {
    /// By payload type.
    formats: [Option<ReceiveKind>; 128],
    listens: bool,
    /// Of the header extension with the peer's level, and whether its first bit says something.
    level_id: Option<u8>,
    voice_bit: bool,
    /// Where other media come to the same port.
    bundled: Option<Bundled>,
    unprotector: Guard<Unprotector>,
    /// Of RTCP, where a handshake of its own gives it other keys (RFC 5764 §4).
    rtcp_unprotector: Option<Guard<Unprotector>>,
    source: Option<RtpSource>,
    heard_at: Option<Instant>,
    successor: Option<(Ssrc, u8)>,
    /// That the peer sent last.
    codec: Option<AudioCodec>,
    pub playout: Playout,
    pub keys: KeyReceiver,
    /// What the peer asks to be sent (RFC 4867 §4.3.1).
    pub mode_request: Option<Mode>,
    /// Of a peer that knows no telephone-event.
    pub tones: Option<ToneReceiver>,
}

/// What an acceptable packet brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Accepted {
    /// The peer lives here from now on.
    pub moved: Option<SocketAddr>,
    pub press: Option<KeyPress>,
    pub late: bool,
    /// Blocks of extended reports that could not be read.
    pub unreadable_blocks: u64,
}

impl Receiver {
    pub fn new(leg: LegId, plan: &AudioPlan) -> Result<Self, EngineError> {
        let keys = |source| EngineError::Keys { leg, source };
        let codec = |source| EngineError::Codec { leg, codec: plan.send.codec, source };
        let has_events = plan.receive.iter().any(|format| matches!(format.kind, ReceiveKind::TelephoneEvent { .. }));
        let mut formats = [None; 128];
        for format in &plan.receive {
            if let Some(place) = formats.get_mut(usize::from(format.payload_type)) {
                *place = Some(format.kind);
            }
        }
        Ok(Self {
            formats,
            listens: plan.direction.receives(),
            level_id: plan.levels.peer,
            voice_bit: plan.levels.voice_bit,
            bundled: plan.bundle.as_deref().cloned().map(Bundled::new),
            codec: None,
            unprotector: match &plan.security {
                Security::Plain => Guard::Plain,
                Security::Sdes(sdes) => Guard::Ready(Unprotector::new(sdes).map_err(keys)?.into()),
                Security::Dtls(_) => Guard::Awaited,
            },
            rtcp_unprotector: plan.has_rtcp_handshake().then_some(Guard::Awaited),
            source: None,
            heard_at: None,
            successor: None,
            playout: Playout::new(&codecs(plan)).map_err(codec)?,
            keys: KeyReceiver::default(),
            mode_request: None,
            tones: (!has_events).then(ToneReceiver::default),
        })
    }

    /// Goes on where another plan's receiver stood. What is not needed of either stays in `before`.
    pub fn take_over(&mut self, before: &mut Self, same_keys: bool) {
        use std::mem::swap;
        if same_keys {
            swap(&mut self.unprotector, &mut before.unprotector);
            if self.rtcp_unprotector.is_some() && before.rtcp_unprotector.is_some() {
                swap(&mut self.rtcp_unprotector, &mut before.rtcp_unprotector);
            }
        }
        if self.formats == before.formats {
            swap(&mut self.playout, &mut before.playout);
            swap(&mut self.keys, &mut before.keys);
        }
        if let (Some(bundled), Some(before)) = (&mut self.bundled, &before.bundled) {
            bundled.take_over(before);
        }
        self.codec = before.codec;
        swap(&mut self.source, &mut before.source);
        self.heard_at = before.heard_at;
    }

    /// The handshake is done.
    pub fn secure(&mut self, unprotector: Unprotector) {
        self.unprotector = Guard::Ready(unprotector.into());
    }

    /// So is that of RTCP.
    pub fn secure_rtcp(&mut self, unprotector: Unprotector) {
        self.rtcp_unprotector = Some(Guard::Ready(unprotector.into()));
    }

    pub fn source(&self) -> Option<&RtpSource> {
        self.source.as_ref()
    }

    /// That the peer sent last; none before its first voice.
    pub fn codec(&self) -> Option<AudioCodec> {
        self.codec
    }

    pub fn source_mut(&mut self) -> Option<&mut RtpSource> {
        self.source.as_mut()
    }

    /// The peer says goodbye to a stream: the next one starts anew, the leg stays (RFC 3550 §6.6).
    pub fn handle_bye(&mut self, ssrc: Ssrc) {
        if self.source.as_ref().is_some_and(|source| source.ssrc() == ssrc) {
            self.source = None;
        }
    }

    pub fn handle_rtp(
        &mut self,
        datagram: &mut [u8],
        from: SocketAddr,
        latch: &mut Latch,
        own: Ssrc,
        now: Instant,
    ) -> Result<Accepted, Refusal> {
        let (packet, proof) = self.open_rtp(datagram)?;
        let packet = RtpPacket::parse(packet).map_err(|_| Refusal::Malformed)?;
        let header = packet.header;
        let medium = self.bundled.as_ref().map_or(Medium::Untold, |bundled| bundled.medium_of(&packet));
        let is_proven = proof == Proof::Authenticated || from == latch.rtp_destination();
        if let Some(bundled) = self.bundled.as_mut().filter(|_| is_proven) {
            bundled.learn(&packet);
        }
        medium.check()?;
        let kind = self.formats.get(usize::from(header.payload_type)).copied().flatten();
        let kind = kind.ok_or(Refusal::PayloadType)?;
        let moved = match latch.handle_rtp(from, &header, proof, now) {
            Verdict::Welcome => None,
            Verdict::Moved => Some(from),
            Verdict::Unproven => return Err(Refusal::Unproven),
            Verdict::Stranger => return Err(Refusal::Source),
        };
        if header.ssrc == own {
            return Err(Refusal::Looped);
        }
        self.count(&header, clock_rate(kind), now)?;
        let told = self.level_id.zip(packet.extension).and_then(|(id, extension)| Told::of(&extension, id));
        let told = told.map(|told| Told { voice: told.voice || !self.voice_bit, ..told });
        let (press, inserted) = self.deliver(kind, &header, told, packet.payload, now);
        let late = inserted == Some(Inserted::Late);
        if let Some(source) = self.source.as_mut().filter(|_| late) {
            source.handle_discard(header.sequence);
        }
        Ok(Accepted { moved, press, late, ..Accepted::default() })
    }

    /// Opens SRTCP. Clear RTCP on a secured leg fails like a forged one.
    pub fn open_rtcp<'a>(&mut self, datagram: &'a mut [u8]) -> Result<(&'a [u8], Proof), Refusal> {
        let unprotector = match self.rtcp_unprotector.as_mut().unwrap_or(&mut self.unprotector) {
            Guard::Plain => return Ok((datagram, Proof::None)),
            Guard::Awaited => return Err(Refusal::Unproven),
            Guard::Ready(unprotector) => unprotector,
        };
        let len = unprotector.unprotect_rtcp(datagram).map_err(refusal)?;
        Ok((datagram.get(..len).ok_or(Refusal::Malformed)?, Proof::Authenticated))
    }

    fn open_rtp<'a>(&mut self, datagram: &'a mut [u8]) -> Result<(&'a [u8], Proof), Refusal> {
        let unprotector = match &mut self.unprotector {
            Guard::Plain => return Ok((datagram, Proof::None)),
            Guard::Awaited => return Err(Refusal::Unproven),
            Guard::Ready(unprotector) => unprotector,
        };
        let len = unprotector.unprotect_rtp(datagram).map_err(refusal)?;
        Ok((datagram.get(..len).ok_or(Refusal::Malformed)?, Proof::Authenticated))
    }

    /// Counts the packet to its stream. A second stream waits until the first has gone.
    fn count(&mut self, header: &RtpHeader, clock_rate: u32, now: Instant) -> Result<(), Refusal> {
        let source = match &mut self.source {
            Some(source) if source.ssrc() == header.ssrc => source,
            current => {
                let paused = self.heard_at.is_none_or(|at| now.saturating_duration_since(at) >= HANDOVER_PAUSE);
                let seen = match self.successor {
                    Some((ssrc, seen)) if ssrc == header.ssrc => seen + 1,
                    _ => 1,
                };
                if current.is_some() && !paused && seen < HANDOVER_PACKETS {
                    self.successor = Some((header.ssrc, seen));
                    return Err(Refusal::Unproven);
                }
                current.insert(RtpSource::new(header.ssrc))
            }
        };
        self.successor = None;
        self.heard_at = Some(now);
        match source.handle_packet(header, clock_rate, now) {
            Validity::Valid | Validity::Restarted => Ok(()),
            Validity::Doubtful => Err(Refusal::Unproven),
        }
    }

    fn note_request(&mut self, codec: AudioCodec, payload: &[u8]) {
        if let AudioCodec::AmrWb(format) = codec
            && let Ok(payload) = Payload::parse(format.layout, payload)
        {
            self.mode_request = payload.request();
        }
    }

    fn deliver(
        &mut self,
        kind: ReceiveKind,
        header: &RtpHeader,
        told: Option<Told>,
        payload: &[u8],
        now: Instant,
    ) -> (Option<KeyPress>, Option<Inserted>) {
        match kind {
            _ if !self.listens => (None, None),
            ReceiveKind::Audio(codec) => {
                self.note_request(codec, payload);
                self.codec = Some(codec);
                (None, Some(self.playout.handle_leveled_packet(codec, header, told, payload, now)))
            }
            ReceiveKind::ComfortNoise => {
                self.playout.handle_silence(header);
                (None, None)
            }
            ReceiveKind::TelephoneEvent { clock_rate } => {
                self.playout.handle_silence(header);
                (self.keys.handle_packet(header, payload, clock_rate, now), None)
            }
        }
    }
}

fn codecs(plan: &AudioPlan) -> Vec<AudioCodec> {
    let mut codecs: Vec<AudioCodec> = Vec::new();
    for format in &plan.receive {
        match format.kind {
            ReceiveKind::Audio(codec) if !codecs.contains(&codec) => codecs.push(codec),
            _ => {}
        }
    }
    codecs
}

fn clock_rate(kind: ReceiveKind) -> u32 {
    match kind {
        ReceiveKind::Audio(codec) => codec.clock_rate(),
        ReceiveKind::TelephoneEvent { clock_rate } => clock_rate,
        ReceiveKind::ComfortNoise => 8_000,
    }
}

fn refusal(error: SrtpError) -> Refusal {
    match error {
        SrtpError::Malformed { .. } => Refusal::Malformed,
        _ => Refusal::Authentication,
    }
}
