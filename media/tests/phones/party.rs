//! A simulated room with phones in it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use plenary_media::engine::{Channel, EngineSettings, MediaCommand, MediaEvent, Simulation};
use plenary_media::{LegId, RoomId};

use super::tone;
use super::{Model, Phone};

const STEP: Duration = Duration::from_millis(10);

pub struct Party {
    pub sim: Simulation,
    pub room: RoomId,
    pub phones: Vec<Phone>,
    pub events: Vec<MediaEvent>,
    /// Phones do not speak.
    pub hushed: bool,
    elapsed: Duration,
}

impl Party {
    pub fn new() -> Self {
        Self::with(&EngineSettings::default())
    }

    pub fn with(settings: &EngineSettings) -> Self {
        let mut sim = Simulation::new(settings, 4579);
        let room = sim.open_room();
        Self { sim, room, phones: Vec::new(), events: Vec::new(), hushed: false, elapsed: Duration::ZERO }
    }

    /// A phone that is connected and in the room. Returns its index.
    pub fn join(&mut self, model: Model, tone_hz: Option<f64>) -> usize {
        let index = self.call(model, tone_hz);
        let leg = self.phones[index].leg;
        self.tell(MediaCommand::Join { leg, room: self.room });
        index
    }

    /// A phone that is connected, and in no room.
    pub fn call(&mut self, model: Model, tone_hz: Option<f64>) -> usize {
        let leg = self.sim.open_leg().leg;
        let host = Ipv4Addr::new(192, 0, 2, (self.phones.len() + 1) as u8);
        let phone = Phone::new(leg, SocketAddr::new(host.into(), 4_000), model, tone_hz);
        self.tell(MediaCommand::Connect { leg, plan: Box::new(phone.plan()) });
        self.phones.push(phone);
        self.phones.len() - 1
    }

    pub fn leg(&self, phone: usize) -> LegId {
        self.phones[phone].leg
    }

    pub fn tell(&mut self, command: MediaCommand) {
        self.sim.send(command).expect("a command that can be prepared");
    }

    /// Everybody talks and listens for a while.
    pub fn run(&mut self, time: Duration) {
        let until = self.elapsed + time;
        while self.elapsed < until {
            self.speak();
            self.sim.run(STEP);
            self.elapsed += STEP;
            self.deliver();
        }
    }

    /// Everybody talks on while the shard does not get to run.
    pub fn stall(&mut self, time: Duration) {
        let until = self.elapsed + time;
        while self.elapsed < until {
            self.speak();
            self.sim.freeze(STEP);
            self.elapsed += STEP;
        }
        self.sim.thaw();
        self.deliver();
    }

    /// What was heard so far does not count.
    pub fn forget(&mut self) {
        self.phones.iter_mut().for_each(Phone::forget);
        self.events.clear();
    }

    /// Checks who hears which of the party's tones.
    pub fn assert_hears(&self, phone: usize, others: &[usize]) {
        for (other, speaker) in self.phones.iter().enumerate() {
            let Some(hz) = speaker.tone_hz else { continue };
            let level = self.phones[phone].level_of(hz) - tone::full_level_db();
            if others.contains(&other) {
                assert!(level > -6.0, "phone {phone} hears phone {other} ({hz} Hz) {level:.1} dB below its tone");
            } else {
                assert!(level < -30.0, "phone {phone} hears phone {other} ({hz} Hz) {level:.1} dB above silence");
            }
        }
    }

    fn speak(&mut self) {
        for phone in &mut self.phones {
            if self.elapsed.as_millis().is_multiple_of(phone.model.ptime.as_millis()) {
                if self.hushed {
                    phone.pause();
                } else {
                    let datagram = phone.say();
                    self.sim.arrive(phone.leg, Channel::Rtp, phone.address, &datagram);
                }
            }
        }
    }

    fn deliver(&mut self) {
        let phones = &mut self.phones;
        self.sim.take_sent(|sent| {
            let phone = phones.iter_mut().find(|phone| Some(phone.leg) == sent.leg);
            let Some(phone) = phone.filter(|phone| phone.address.ip() == sent.to.ip()) else { return };
            match sent.from {
                Channel::Rtp => phone.hear(sent.datagram, sent.at),
                Channel::Rtcp => phone.hear_report(sent.datagram),
            }
        });
        self.sim.take_events(|event| self.events.push(event));
    }
}
