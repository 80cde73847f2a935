//! A leg: one participant's media, its place, and what others want of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::command::{Clip, Deaf, Mute, Switch};
use super::counters::{Count, Refusal};
use super::desk::Desk;
use super::early::{Early, KEPT, Taken};
use super::event::{Breaker, LegStats};
use super::io::{Channel, PacketIo, Slot};
use super::key_doubt::KeyDoubt;
use super::latch::canonical;
use super::mailbox::{Returned, Told};
use super::prompt::Prompt;
use super::reports::{Clocks, REPORT_LEN};
use super::streams::Streams;
use crate::dtmf::tone::Verdict;
use crate::dtmf::{KeyPress, KeyWay};
use crate::id::LegId;
use crate::mix::echo::Track;
use crate::mix::{AutoGain, EchoWatch, Frame, Gain, Limiter, NoiseSuppressor, SILENCE, Sound};
use crate::rtp::Ssrc;

/// A voice this loud may hold the tones of keys, and is decoded for them even of who is muted.
const SOFTEST_KEY_DBOV: i8 = -40;
/// Ticks between two [`LegStats`]: five seconds.
const STATS_TICKS: u64 = 250;

#[derive(Debug)]
pub(super) struct Leg {
    pub id: LegId,
    pub place: Place,
    pub streams: Option<Box<Streams>>,
    mute: Mute,
    pub deaf: Deaf,
    gain: Gain,
    /// Switched on, it finds the gain besides the one that was set.
    auto_gain: Option<AutoGain>,
    /// Present where noise is taken out.
    suppressor: Option<Box<NoiseSuppressor>>,
    /// Whether the leg returns what it hears.
    echo: EchoWatch,
    /// Of what the leg hears when it is heard itself.
    pub limiter: Limiter,
    pub prompt: Option<Prompt>,
    /// Again and again, while there is no prompt.
    pub music: Option<Prompt>,
    /// What the peer said in this tick, once pulled.
    pub frame: Frame,
    pulled: Option<Sound>,
    /// Whether `frame` is part of the room's sum in this tick.
    pub is_summed: bool,
    received: u64,
    pub sent: u64,
    /// Ticks in a row in which the leg was to hear nothing.
    pub silent_ticks: u64,
    refused: u64,
    heard_at: Option<Instant>,
    told_silent: bool,
    /// The stream that was told of as the peer's.
    told_source: Option<Ssrc>,
    key_doubt: KeyDoubt,
    told_breaker: Option<Breaker>,
    /// What came before the first plan.
    early: Option<Box<Early>>,
    collided: bool,
}

/// Where a leg is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Nowhere,
    /// In the room of this slot.
    Room(Slot),
    /// With itself.
    Echo,
}

impl Leg {
    pub fn new(id: LegId) -> Self {
        Self {
            id,
            place: Place::Nowhere,
            streams: None,
            mute: Mute::Open,
            deaf: Deaf::Hears,
            gain: Gain::default(),
            auto_gain: None,
            suppressor: None,
            echo: EchoWatch::new(),
            limiter: Limiter::default(),
            prompt: None,
            music: None,
            frame: SILENCE,
            pulled: None,
            is_summed: false,
            received: 0,
            sent: 0,
            silent_ticks: 0,
            refused: 0,
            heard_at: None,
            told_silent: false,
            told_source: None,
            key_doubt: KeyDoubt::default(),
            told_breaker: None,
            early: None,
            collided: false,
        }
    }

    /// With room for what comes before the plan.
    pub fn with_early(self, early: Box<Early>) -> Self {
        Self { early: Some(early), ..self }
    }

    pub fn set_mute(&mut self, mute: Mute) {
        self.mute = mute;
    }

    pub fn set_gain(&mut self, gain_db: f32) {
        self.gain.set_db(gain_db);
    }

    /// Switching on what is on keeps what it learnt.
    pub fn set_auto_gain(&mut self, auto_gain: Switch) {
        match auto_gain {
            Switch::On => drop(self.auto_gain.get_or_insert_default()),
            Switch::Off => {
                self.auto_gain = None;
                self.gain.set_auto_db(0.0);
            }
        }
    }

    /// Switches noise suppression on or off; switching on what is on keeps what it learnt. Returns what is not needed.
    pub fn set_suppressor(&mut self, suppressor: Option<Box<NoiseSuppressor>>) -> Option<Box<NoiseSuppressor>> {
        match (&self.suppressor, suppressor) {
            (Some(_), Some(another)) => Some(another),
            (_, suppressor) => std::mem::replace(&mut self.suppressor, suppressor),
        }
    }

    /// A key for the peer; one that it cannot take is left out.
    pub fn send_key(&mut self, key: char, duration: Duration) {
        if let Some(keys) = self.streams.as_mut().and_then(|streams| streams.keys.as_mut()) {
            keys.press(key, duration);
        }
    }

    /// Carries out a plan. Returns the streams before it, or what is left of them.
    pub fn connect(&mut self, mut streams: Box<Streams>, now: Instant) -> Option<Box<Streams>> {
        if let Some(before) = &mut self.streams {
            streams.take_over(before, now);
        }
        self.heard_at = Some(now);
        self.told_silent = false;
        self.key_doubt = KeyDoubt::default();
        self.streams.replace(streams)
    }

    /// Takes in what came before the first plan. Returns what held it.
    pub fn replay(&mut self, at: Clocks, desk: &mut Desk) -> Option<Box<Early>> {
        let mut early = self.early.take()?;
        if let Some(streams) = self.streams.as_mut().filter(|_| !early.is_empty()) {
            streams.receiver.playout.allow_backlog(KEPT);
        }
        let too_old = early.drain(at.now, |datagram, from, arrived| {
            self.take_datagram(datagram, (Channel::Rtp, from), arrived, at, desk);
        });
        self.refused += too_old;
        desk.tally.add(Count::refused(Refusal::NotConnected), too_old);
        Some(early)
    }

    /// Starts a clip, or with `None` stops it. Returns the clip that it replaces.
    pub fn play(&mut self, clip: Option<Arc<Clip>>) -> Option<Arc<Clip>> {
        std::mem::replace(&mut self.prompt, clip.map(Prompt::new)).map(Prompt::into_clip)
    }

    /// The same for music.
    pub fn play_music(&mut self, clip: Option<Arc<Clip>>) -> Option<Arc<Clip>> {
        std::mem::replace(&mut self.music, clip.map(Prompt::new)).map(Prompt::into_clip)
    }

    /// `port`: of ours. `arrived`: when the datagram came, up to a tick before it is read.
    pub fn handle_datagram(
        &mut self,
        datagram: &mut [u8],
        (port, from): (Channel, SocketAddr),
        arrived: Instant,
        at: Clocks,
        desk: &mut Desk,
    ) {
        desk.tally.add(Count::RECEIVED, 1);
        if let (None, Some(early), Channel::Rtp) = (&self.streams, &mut self.early, port) {
            match early.handle_datagram(datagram, from, arrived) {
                Taken::Kept => return,
                Taken::Displaced => {
                    self.refused += 1;
                    return desk.tally.add(Count::refused(Refusal::NotConnected), 1);
                }
                Taken::Dropped => {}
            }
        }
        self.take_datagram(datagram, (port, from), arrived, at, desk);
    }

    fn take_datagram(
        &mut self,
        datagram: &mut [u8],
        (port, from): (Channel, SocketAddr),
        arrived: Instant,
        at: Clocks,
        desk: &mut Desk,
    ) {
        let outcome = match &mut self.streams {
            Some(streams) if streams.is_handshake(datagram, port, from) && !desk.take_handshake_turn() => {
                Err(Refusal::Busy)
            }
            Some(streams) => streams.handle_datagram(datagram, port, from, arrived, at),
            None => Err(Refusal::NotConnected),
        };
        match outcome {
            Ok(accepted) => {
                self.received += 1;
                self.key_doubt.handle_opened();
                self.heard_at = Some(at.now);
                self.told_silent = false;
                desk.tally.add(Count::LATE, accepted.late.into());
                desk.tally.add(Count::UNREADABLE_BLOCKS, accepted.unreadable_blocks);
                if let Some(address) = accepted.moved {
                    self.streams.iter_mut().for_each(|streams| streams.reports.breaker.restart());
                    desk.outbox.tell(Told::Latched { leg: self.id, address });
                }
                if let Some(press) = accepted.press {
                    desk.outbox.tell(Told::Digit {
                        leg: self.id,
                        digit: press.key,
                        duration: press.duration,
                        way: KeyWay::Event,
                    });
                }
            }
            Err(why) => {
                self.refused += 1;
                self.collided |= why == Refusal::Looped;
                let expected = |streams: &Streams| streams.latch.expects_from(canonical(from).ip());
                if why == Refusal::Authentication
                    && self.streams.as_deref().is_some_and(expected)
                    && self.key_doubt.handle_unopened(at.now)
                {
                    desk.outbox.tell(Told::KeyUnusable { leg: self.id });
                }
                desk.tally.add(Count::refused(why), 1);
            }
        }
    }

    /// Begins a tick. Returns how loud the leg is; `None`: it is not to be heard.
    pub fn begin_tick(&mut self, now: Instant, desk: &mut Desk) -> Option<i8> {
        self.pulled = None;
        if let (false, Some(suppressor)) = (self.is_summed, &mut self.suppressor) {
            suppressor.handle_gap();
        }
        self.is_summed = false;
        let streams = self.streams.as_ref().filter(|streams| streams.receives())?;
        let level = streams.receiver.playout.level();
        let loud = level.is_some_and(|level| level > SOFTEST_KEY_DBOV);
        if streams.receiver.tones.is_some_and(|tones| loud || tones.is_pressed()) {
            self.pull(now, desk);
        }
        if self.mute == Mute::Muted {
            return None;
        }
        match level {
            Some(level_dbov) => Some(level_dbov),
            None => match self.pull(now, desk) {
                Sound::Voice { level_dbov } => Some(level_dbov),
                Sound::Silence => None,
            },
        }
    }

    /// Decodes this tick's sound into `frame`, unless it is there already.
    pub fn pull(&mut self, now: Instant, desk: &mut Desk) -> Sound {
        if let Some(sound) = self.pulled {
            return sound;
        }
        let sound = match &mut self.streams {
            Some(streams) => streams.receiver.playout.pull(&mut self.frame, now),
            None => Sound::Silence,
        };
        match sound {
            Sound::Voice { level_dbov } => {
                if let Some(auto_gain) = self.auto_gain.as_mut().filter(|_| !desk.hurries) {
                    self.gain.set_auto_db(auto_gain.handle_level(level_dbov));
                }
                self.gain.apply(&mut self.frame);
                desk.tally.add(Count::DECODES, 1);
            }
            Sound::Silence => self.frame = SILENCE,
        }
        let sound = self.listen_for_keys(sound, desk);
        self.pulled = Some(sound);
        sound
    }

    /// Readies the tick's voice for the others' ears.
    pub fn enter_sum(&mut self, tick: u64, desk: &mut Desk) {
        match &mut self.suppressor {
            Some(suppressor) if desk.hurries => suppressor.handle_gap(),
            Some(suppressor) => suppressor.handle_frame(&mut self.frame),
            None => {}
        }
        self.echo.handle_said(tick, &self.frame, &mut desk.tracks);
        self.is_summed = true;
    }

    /// Looks for what the leg heard in what it said. `room`: the whole sum of the last second.
    pub fn watch_echo(&mut self, room: &Track, tick: u64, slot: Slot, desk: &mut Desk) {
        if !self.is_summed {
            self.echo.handle_unheard(tick, &mut desk.tracks);
        } else if !desk.hurries {
            self.echo.handle_tick(room, tick, slot.0.into());
        }
    }

    /// The leg is in another room now.
    pub fn begin_room(&mut self, room: Slot) {
        self.place = Place::Room(room);
        self.told_source = None;
    }

    /// The leg is in its room no more.
    pub fn end_room(&mut self, place: Place, desk: &mut Desk) {
        self.place = place;
        self.echo.clear(&mut desk.tracks);
    }

    /// Whether others hear themselves by way of this leg.
    pub fn echoes(&self, tick: u64) -> bool {
        self.echo.echo(tick).is_some()
    }

    /// Reads keys from the voice of a peer that knows no telephone-event, and keeps their tones from the others.
    fn listen_for_keys(&mut self, sound: Sound, desk: &mut Desk) -> Sound {
        let Some(tones) = self.streams.as_mut().and_then(|streams| streams.receiver.tones.as_mut()) else {
            return sound;
        };
        let (verdict, press) = match sound {
            Sound::Voice { .. } => tones.handle_frame(&self.frame),
            Sound::Silence => (Verdict::Voice, tones.handle_silence()),
        };
        if let Some(KeyPress { key: digit, duration }) = press {
            desk.outbox.tell(Told::Digit { leg: self.id, digit, duration, way: KeyWay::Tone });
        }
        match verdict {
            Verdict::Voice => sound,
            Verdict::Tone => {
                self.frame = SILENCE;
                Sound::Silence
            }
        }
    }

    /// Whether anybody may hear the leg.
    pub fn may_be_heard(&self) -> bool {
        self.mute == Mute::Open && self.streams.as_ref().is_some_and(|streams| streams.receives())
    }

    /// A tick outside of all rooms.
    pub fn be_alone(&mut self, slot: Slot, tick: u64, now: Instant, desk: &mut Desk, io: &mut impl PacketIo) {
        self.begin_tick(now, desk);
        if self.place == Place::Echo && self.may_be_heard() {
            self.pull(now, desk);
        } else {
            self.frame = SILENCE;
        }
        self.pass(now);
        self.hear(slot, None, tick, desk, io);
    }

    /// Lets the tick pass unheard, unless it was pulled.
    pub fn pass(&mut self, now: Instant) {
        if let (None, Some(streams)) = (self.pulled, &mut self.streams) {
            streams.receiver.playout.skip(now);
        }
    }

    /// The stream that the peer sends, as a contributing source.
    pub fn peer_ssrc(&self) -> Option<Ssrc> {
        self.streams.as_ref()?.receiver.source().map(|source| source.ssrc())
    }

    /// What falls due at a tick besides sound: reports, keys that ended unsaid, silence, statistics.
    pub fn attend(
        &mut self,
        slot: Slot,
        tick: u64,
        at: Clocks,
        silent_after: Duration,
        desk: &mut Desk,
        io: &mut impl PacketIo,
    ) {
        let Some(streams) = &mut self.streams else { return };
        if let Some(heard_at) = self.heard_at {
            let quiet_for = at.now.saturating_duration_since(heard_at);
            streams.watch_consent(quiet_for, at.now);
            streams.watch_breaker(quiet_for);
        }
        let path = streams.attend_path(at.now, |port, to, datagram| {
            let sent = io.send(slot, port, to, datagram);
            desk.tally.add(if sent { Count::SENT } else { Count::UNSENT }, 1);
        });
        if let Err(why) = path {
            desk.outbox.tell(Told::HandshakeFailed { leg: self.id, why });
        }
        let keys = &mut streams.receiver.keys;
        let unsaid = keys.poll_timeout().filter(|due| *due <= at.now).and_then(|_| keys.handle_timeout(at.now));
        if let Some(press) = unsaid {
            desk.outbox.tell(Told::Digit {
                leg: self.id,
                digit: press.key,
                duration: press.duration,
                way: KeyWay::Event,
            });
        }
        if std::mem::take(&mut self.collided) {
            self.leave_ssrc(slot, at, desk, io);
        } else if streams.reports.is_due(at.now) {
            self.report(slot, Farewell::None, at, desk, io);
        }
        self.watch_silence(at.now, silent_after, desk);
        self.watch_source(desk);
        self.watch_breaker(desk);
        if (tick + u64::from(slot.0)).is_multiple_of(STATS_TICKS) {
            let stats = LegStats { echo: self.echo.echo(tick), ..self.stats() };
            desk.outbox.tell(Told::Stats { leg: self.id, stats });
        }
    }

    /// Sends an RTCP report.
    pub fn report(&mut self, slot: Slot, farewell: Farewell, at: Clocks, desk: &mut Desk, io: &mut impl PacketIo) {
        let Some(streams) = &mut self.streams else { return };
        if !streams.lets_reports_pass() || streams.reports.are_off() {
            return;
        }
        let Streams { reports, sender, receiver, latch, .. } = &mut **streams;
        let mut buffer = [0; REPORT_LEN];
        let len = match farewell {
            Farewell::None => reports.report(sender, receiver, at, &mut buffer),
            Farewell::Bye => reports.bye(sender, receiver, at, &mut buffer),
        };
        let from = if latch.is_muxed() { Channel::Rtp } else { Channel::Rtcp };
        let datagram = len.and_then(|len| buffer.get(..len));
        let sent = datagram.is_some_and(|datagram| io.send(slot, from, latch.rtcp_destination(), datagram));
        desk.tally.add(if sent { Count::SENT } else { Count::UNSENT }, 1);
    }

    pub fn stats(&self) -> LegStats {
        let mut stats = LegStats {
            packets_received: self.received,
            packets_sent: self.sent,
            packets_refused: self.refused,
            ..LegStats::default()
        };
        if let Some(streams) = &self.streams {
            stats.packets_late = streams.receiver.playout.stats().late;
            stats.round_trip = streams.reports.round_trip;
            stats.remote_loss = streams.reports.remote_loss;
            stats.remote_jitter = streams.reports.remote_jitter;
            stats.remote = streams.reports.remote;
            stats.codec = streams.receiver.codec();
            stats.stopped = streams.reports.breaker.open();
            if let Some(source) = streams.receiver.source() {
                stats.packets_lost = source.lost();
                stats.jitter = source.jitter();
            }
        }
        stats
    }

    /// Ends the clip when it is over.
    pub fn finish_prompt(&mut self, desk: &mut Desk) {
        if let Some(prompt) = self.prompt.take_if(|prompt| prompt.is_over()) {
            desk.outbox.tell(Told::Played { leg: self.id });
            desk.outbox.give_back(Returned::Clip(prompt.into_clip()));
        }
    }

    /// The peer uses our SSRC: say goodbye to it and go on under another (RFC 3550 §8.2).
    fn leave_ssrc(&mut self, slot: Slot, at: Clocks, desk: &mut Desk, io: &mut impl PacketIo) {
        self.report(slot, Farewell::Bye, at, desk, io);
        if let Some(streams) = &mut self.streams {
            let another = streams.sender.ssrc().0.wrapping_mul(0x9e37_79b1).wrapping_add(at.ntp.0 as u32);
            streams.sender.change_ssrc(Ssrc(another));
        }
    }

    fn watch_source(&mut self, desk: &mut Desk) {
        let Some(ssrc) = self.peer_ssrc().filter(|ssrc| self.told_source != Some(*ssrc)) else { return };
        self.told_source = Some(ssrc);
        desk.outbox.tell(Told::Source { leg: self.id, ssrc });
    }

    fn watch_breaker(&mut self, desk: &mut Desk) {
        let open = self.streams.as_ref().and_then(|streams| streams.reports.breaker.open());
        if open != std::mem::replace(&mut self.told_breaker, open) {
            desk.outbox.tell(Told::Circuit { leg: self.id, open });
        }
    }

    fn watch_silence(&mut self, now: Instant, silent_after: Duration, desk: &mut Desk) {
        let expects = self.streams.as_ref().is_some_and(|streams| streams.receives());
        let Some(heard_at) = self.heard_at.filter(|_| expects && !self.told_silent) else { return };
        let quiet_for = now.saturating_duration_since(heard_at);
        if quiet_for >= silent_after {
            self.told_silent = true;
            desk.outbox.tell(Told::Silent { leg: self.id, quiet_for });
        }
    }
}

/// Whether a report is the stream's last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    None,
    Bye,
}
