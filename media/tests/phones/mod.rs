//! Phones for the engine's tests: each says a tone and keeps what it hears. They know no network.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod party;
pub mod tone;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use plenary_media::LegId;
use plenary_media::codec::{Decoder, Encoded, Encoder, SampleRate, make_decoder, make_encoder};
use plenary_media::dtmf::Event;
use plenary_media::plan::{
    AudioCodec, AudioLevels, AudioPlan, Bundle, Direction, ExtendedReports, Latch, MediaPlan, OpusWishes,
    ReceiveFormat, ReceiveKind, Security, SendEvents, SendFormat, SrtpKeys, SrtpSuite,
};
use plenary_media::rtp::{RtpHeader, RtpPacket, RtpSender};
use plenary_media::secure::{Protector, Unprotector};

pub const KEYS: u8 = 101;
pub const COMFORT_NOISE: u8 = 13;
const SALT: usize = 46;

/// How a phone is made.
#[derive(Clone, Debug)]
pub struct Model {
    pub codec: AudioCodec,
    pub ptime: Duration,
    pub suite: Option<SrtpSuite>,
    pub direction: Direction,
    /// Takes and sends telephone-events.
    pub events: bool,
    /// Header extensions with levels.
    pub levels: AudioLevels,
    /// The level that the phone tells of its own voice.
    pub tells_dbov: Option<i8>,
    /// The bit for a voice beside it.
    pub tells_voice: bool,
    /// Of the loudness of other phones.
    pub softer: f64,
    /// What it hears comes back from it so much later, times so much.
    pub returns: Option<(Duration, f32)>,
    /// Takes comfort noise (RFC 3389).
    pub comfort_noise: bool,
    /// `usedtx=1` of Opus.
    pub dtx: bool,
    /// The mode of AMR-WB that the phone asks for in every payload.
    pub asks_mode: Option<u8>,
    /// What the phone asks for (RFC 3611).
    pub extended_reports: ExtendedReports,
    /// Other media come to the same port.
    pub bundle: Option<Bundle>,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            codec: AudioCodec::Pcmu,
            ptime: Duration::from_millis(20),
            suite: None,
            direction: Direction::SendRecv,
            events: true,
            levels: AudioLevels::default(),
            tells_dbov: None,
            tells_voice: true,
            softer: 1.0,
            returns: None,
            comfort_noise: false,
            dtx: false,
            asks_mode: None,
            extended_reports: ExtendedReports::default(),
            bundle: None,
        }
    }
}

/// One packet as it was heard.
#[derive(Clone, Debug)]
pub struct Heard {
    pub header: RtpHeader,
    pub csrcs: Vec<u32>,
    /// Of the contributors, as told.
    pub levels: Vec<u8>,
    /// Of the whole, as told: with the bit for a voice.
    pub own_level: Option<u8>,
    pub payload_len: usize,
    /// When it left the mixer.
    pub left: Instant,
}

pub struct Phone {
    pub leg: LegId,
    pub address: SocketAddr,
    pub rtcp_address: SocketAddr,
    pub model: Model,
    pub tone_hz: Option<f64>,
    pub sender: RtpSender,
    /// Samples at `rate`, since the last [`forget`](Self::forget).
    pub heard: Vec<i16>,
    pub packets: Vec<Heard>,
    pub reports: Vec<Vec<u8>>,
    /// Packets of keys that came, since the last [`forget`](Self::forget).
    pub keys: Vec<(RtpHeader, Event)>,
    /// Comfort noise that came, since the last [`forget`](Self::forget).
    pub comfort: Vec<(RtpHeader, Vec<u8>)>,
    /// A second tone beside the first: both together may be a key.
    pub second_hz: Option<f64>,
    /// Says this in place of a tone: a function of seconds.
    pub speech: Option<fn(f64) -> f64>,
    encoder: Box<dyn Encoder>,
    decoder: Box<dyn Decoder>,
    protector: Option<Protector>,
    unprotector: Option<Unprotector>,
    said: u64,
}

impl Phone {
    pub fn new(leg: LegId, address: SocketAddr, model: Model, tone_hz: Option<f64>) -> Self {
        let keys = model.suite.map(|suite| peer_of(&keys(leg, suite)));
        Self {
            leg,
            address,
            rtcp_address: SocketAddr::new(address.ip(), address.port() + 1),
            tone_hz,
            sender: RtpSender::new(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835_u128.wrapping_mul(u128::from(leg.0) + 7)),
            heard: Vec::new(),
            packets: Vec::new(),
            reports: Vec::new(),
            keys: Vec::new(),
            comfort: Vec::new(),
            second_hz: None,
            speech: None,
            encoder: make_encoder(model.codec, OpusWishes::default()).expect("an encoder"),
            decoder: make_decoder(model.codec).expect("a decoder"),
            protector: keys.as_ref().map(|keys| Protector::new(keys).expect("keys")),
            unprotector: keys.as_ref().map(|keys| Unprotector::new(keys).expect("keys")),
            said: 0,
            model,
        }
    }

    /// The phone's side of the keys that a handshake brought.
    pub fn secure(&mut self, keys: &SrtpKeys) {
        self.protector = Some(Protector::new(keys).expect("keys"));
        self.unprotector = Some(Unprotector::new(keys).expect("keys"));
    }

    pub fn is_secured(&self) -> bool {
        self.protector.is_some()
    }

    /// What the server is told of the phone.
    pub fn plan(&self) -> MediaPlan {
        let receive = [
            (payload_type(self.model.codec), ReceiveKind::Audio(self.model.codec)),
            (KEYS, ReceiveKind::TelephoneEvent { clock_rate: self.model.codec.clock_rate() }),
            (COMFORT_NOISE, ReceiveKind::ComfortNoise),
        ];
        MediaPlan {
            audio: AudioPlan {
                remote_rtp: self.address,
                remote_rtcp: self.rtcp_address,
                rtcp_mux: false,
                direction: self.model.direction,
                receive: receive
                    .into_iter()
                    .filter(|(number, _)| self.model.events || *number != KEYS)
                    .filter(|(number, _)| self.model.comfort_noise || *number != COMFORT_NOISE)
                    .map(|(payload_type, kind)| ReceiveFormat { payload_type, kind })
                    .collect(),
                send: SendFormat {
                    payload_type: payload_type(self.model.codec),
                    codec: self.model.codec,
                    ptime: self.model.ptime,
                    opus: OpusWishes { dtx: self.model.dtx, ..OpusWishes::default() },
                },
                send_events: self.model.events.then_some(SendEvents {
                    payload_type: KEYS,
                    clock_rate: self.model.codec.clock_rate(),
                    taken: SendEvents::ALL,
                }),
                rtcp_interval: Some(std::time::Duration::from_secs(5)),
                extended_reports: self.model.extended_reports,
                bundle: self.model.bundle.clone().map(Box::new),
                levels: self.model.levels,
                security: self.model.suite.map_or(Security::Plain, |suite| Security::Sdes(keys(self.leg, suite))),
                ice: None,
                latch: Latch { trusted: Vec::new() },
            },
        }
    }

    pub fn rate(&self) -> u32 {
        self.decoder.sample_rate().hz()
    }

    /// The next packet of the phone's tone.
    pub fn say(&mut self) -> Vec<u8> {
        let rate = self.encoder.sample_rate();
        let samples = rate.samples(self.model.ptime);
        let start = self.said * samples as u64;
        let mut pcm = tone::samples(self.tone_hz, rate.hz(), start, samples);
        let second = tone::samples(self.second_hz, rate.hz(), start, samples);
        pcm.iter_mut().zip(second).for_each(|(sample, second)| *sample += second);
        pcm.iter_mut().for_each(|sample| *sample = (f64::from(*sample) * self.model.softer) as i16);
        let moment = |n: usize| (start + n as u64) as f64 / f64::from(rate.hz());
        if let Some(speech) = self.speech {
            pcm.iter_mut().enumerate().for_each(|(n, sample)| *sample += speech(moment(n)) as i16);
        }
        if let Some((delay, gain)) = self.model.returns {
            let back = rate.samples(delay) + samples;
            let heard = self.heard.len().checked_sub(back).map_or(&[][..], |from| &self.heard[from..]);
            pcm.iter_mut().zip(heard).for_each(|(sample, heard)| *sample += (f32::from(*heard) * gain) as i16);
        }
        let mut payload = [0; 1_500];
        let len = match self.encoder.encode(&pcm, &mut payload).expect("encoded") {
            Encoded::Payload(len) => len,
            Encoded::Nothing => 0,
        };
        if let Some(mode) = self.model.asks_mode {
            payload[0] = mode << 4 | payload[0] & 0x0f;
        }
        let position = self.said * u64::from(self.units());
        self.said += 1;
        self.packet(payload_type(self.model.codec), self.said == 1, position, &payload[..len])
    }

    /// Lets a packet's time pass without saying anything.
    pub fn pause(&mut self) {
        self.said += 1;
    }

    /// A packet of any kind, protected as the phone does.
    pub fn packet(&mut self, payload_type: u8, marker: bool, position: u64, payload: &[u8]) -> Vec<u8> {
        let timestamp = self.sender.timestamp(position);
        let header = self.sender.next_header(payload_type, marker, timestamp, payload.len());
        let mut packet = vec![0; 1_600];
        let voice = u8::from(self.model.tells_voice) << 7;
        let told = self.model.tells_dbov.map(|level| [voice | level.unsigned_abs()]);
        let element = self.model.levels.peer.zip(told.as_ref().map(|told| &told[..]));
        let start = header.write_extended(&[], element, &mut packet).expect("room");
        packet[start..start + payload.len()].copy_from_slice(payload);
        let len = start + payload.len();
        let len = match &mut self.protector {
            Some(protector) => protector.protect_rtp(&mut packet, len).expect("protected"),
            None => len,
        };
        packet.truncate(len);
        packet
    }

    /// Where the phone's next packet stands on its clock.
    pub fn position(&self) -> u64 {
        self.said * u64::from(self.units())
    }

    /// Takes an RTP datagram from the server.
    pub fn hear(&mut self, datagram: &[u8], left: Instant) {
        let mut datagram = datagram.to_vec();
        if let Some(unprotector) = &mut self.unprotector {
            let len = unprotector.unprotect_rtp(&mut datagram).expect("the server's tag verifies");
            datagram.truncate(len);
        }
        let packet = RtpPacket::parse(&datagram).expect("the server sends RTP");
        if packet.header.payload_type == KEYS {
            self.keys.push((packet.header, Event::parse(packet.payload).expect("an event")));
            return;
        }
        if packet.header.payload_type == COMFORT_NOISE {
            assert!(self.model.comfort_noise, "comfort noise was not agreed");
            self.comfort.push((packet.header, packet.payload.to_vec()));
            return;
        }
        assert_eq!(packet.header.payload_type, payload_type(self.model.codec));
        let csrcs = packet.csrcs().map(|ssrc| ssrc.0).collect();
        let id = self.model.levels.contributors.unwrap_or(1);
        let levels = packet.extension.and_then(|extension| extension.element(id)).unwrap_or_default().to_vec();
        let own = self.model.levels.own.and_then(|id| packet.extension?.element(id)?.first().copied());
        self.packets.push(Heard {
            levels,
            own_level: own,
            header: packet.header,
            csrcs,
            payload_len: packet.payload.len(),
            left,
        });
        let mut pcm = [0; SampleRate::Hz48000.hz() as usize / 10];
        let count = self.decoder.decode(packet.payload, &mut pcm).expect("decoded");
        self.heard.extend_from_slice(&pcm[..count]);
    }

    /// Takes an RTCP datagram from the server.
    pub fn hear_report(&mut self, datagram: &[u8]) {
        let mut datagram = datagram.to_vec();
        if let Some(unprotector) = &mut self.unprotector {
            let len = unprotector.unprotect_rtcp(&mut datagram).expect("the server's tag verifies");
            datagram.truncate(len);
        }
        self.reports.push(datagram);
    }

    pub fn forget(&mut self) {
        self.heard.clear();
        self.packets.clear();
        self.keys.clear();
        self.comfort.clear();
    }

    /// How loud a tone is in what was heard, dB below full scale.
    pub fn level_of(&self, hz: f64) -> f64 {
        tone::level_db(&self.heard, self.rate(), hz)
    }

    fn units(&self) -> u32 {
        (self.model.codec.clock_rate() as u128 * self.model.ptime.as_millis() / 1_000) as u32
    }
}

pub fn payload_type(codec: AudioCodec) -> u8 {
    match codec {
        AudioCodec::Pcmu => 0,
        AudioCodec::Pcma => 8,
        AudioCodec::G722 => 9,
        AudioCodec::AmrWb(_) => 98,
        AudioCodec::Opus => 111,
    }
}

/// The server's side of a leg's keys: another pair for each leg.
pub fn keys(leg: LegId, suite: SrtpSuite) -> SrtpKeys {
    let key = |salt: usize| (0..suite.key_and_salt_len()).map(|i| (i * 7 + salt) as u8).collect();
    SrtpKeys { suite, local: key(leg.0 as usize * 3), remote: key(leg.0 as usize * 3 + SALT) }
}

pub fn peer_of(keys: &SrtpKeys) -> SrtpKeys {
    SrtpKeys { suite: keys.suite, local: keys.remote.clone(), remote: keys.local.clone() }
}
