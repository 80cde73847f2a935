//! A browser, as far as the engine sees one: it checks, shakes hands, then speaks.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::LegId;
use crate::engine::{Channel, EngineSettings, MediaCommand, MediaEvent, Refusal, Simulation};
use crate::ice::checks::{NOMINATE, PASSWORD, request};
use crate::plan::{
    AudioCodec, AudioPlan, Direction, DtlsPlan, DtlsRole, IceCredentials, IcePlan, Latch, MediaPlan, OpusWishes,
    ReceiveFormat, ReceiveKind, Security, SendFormat,
};
use crate::rtp::RtpSender;
use crate::secure::dtls::{Association, Identity, Output};
use crate::secure::{Protector, Unprotector};

const TICK: Duration = Duration::from_millis(20);
const HOME: &str = "192.0.2.9:50000";
const STRANGER: &str = "203.0.113.66:4000";

struct Browser {
    sim: Simulation,
    leg: LegId,
    identity: Identity,
    association: Association,
    address: SocketAddr,
    keys: Option<(Protector, Unprotector)>,
    sender: RtpSender,
    /// Datagrams of the server, by what they are, since the last look.
    stun: usize,
    hellos: usize,
    rtp: Vec<Vec<u8>>,
    said: u64,
}

impl Browser {
    /// `role`: the server's.
    fn call(role: DtlsRole) -> Self {
        let mut sim = Simulation::new(&EngineSettings::default(), 5763);
        let leg = sim.open_leg().leg;
        let own = match role {
            DtlsRole::Active => DtlsRole::Passive,
            DtlsRole::Passive => DtlsRole::Active,
        };
        let identity = Identity::generate().expect("made");
        let association = association(&identity, &sim, own);
        let mut browser = Self {
            sim,
            leg,
            association,
            address: HOME.parse().expect("an address"),
            keys: None,
            sender: RtpSender::new(0x1234_5678_9abc_def0_1122_3344_5566_7788),
            stun: 0,
            hellos: 0,
            rtp: Vec::new(),
            said: 0,
            identity,
        };
        browser.connect(browser.plan(role));
        browser
    }

    fn plan(&self, role: DtlsRole) -> AudioPlan {
        let fingerprints = vec![self.identity.fingerprint().clone()];
        let credentials = |ufrag: &str, pwd: &str| IceCredentials { ufrag: ufrag.into(), pwd: pwd.into() };
        AudioPlan {
            remote_rtp: "0.0.0.0:9".parse().expect("an address"),
            remote_rtcp: "0.0.0.0:9".parse().expect("an address"),
            rtcp_mux: true,
            direction: Direction::SendRecv,
            receive: vec![ReceiveFormat { payload_type: 0, kind: ReceiveKind::Audio(AudioCodec::Pcmu) }],
            send: SendFormat { payload_type: 0, codec: AudioCodec::Pcmu, ptime: TICK, opus: OpusWishes::default() },
            send_events: None,
            rtcp_interval: Some(std::time::Duration::from_secs(5)),
            extended_reports: Default::default(),
            bundle: None,
            levels: Default::default(),
            security: Security::Dtls(DtlsPlan { role, fingerprints }),
            ice: Some(IcePlan::lite(credentials("evtj", PASSWORD), credentials("h6vY", "theirs"))),
            latch: Latch { trusted: Vec::new() },
        }
    }

    fn connect(&mut self, audio: AudioPlan) {
        self.sim.send(MediaCommand::Connect { leg: self.leg, plan: Box::new(MediaPlan { audio }) }).expect("a plan");
    }

    fn check(&mut self, nominate: bool) {
        let extra: &[_] = if nominate { &[NOMINATE] } else { &[] };
        self.arrive(&request("evtj:h6vY", PASSWORD, extra));
    }

    fn arrive(&mut self, datagram: &[u8]) {
        self.sim.arrive(self.leg, Channel::Rtp, self.address, datagram);
    }

    /// Time passes; the browser's handshake goes on.
    fn run(&mut self, time: Duration) {
        let until = self.sim.now() + time;
        while self.sim.now() < until {
            self.talk();
            self.sim.run(TICK / 2);
            self.listen();
        }
    }

    /// RFC 8842 §5.1: once a check was answered. What is lost comes again by the clock, which does not run here.
    fn talk(&mut self) {
        if self.stun == 0 {
            return;
        }
        let now = self.sim.now();
        if self.association.poll_timeout().is_some_and(|due| due <= now) {
            self.association.handle_timeout(now).expect("in time");
        }
        let mut sent = Vec::new();
        while let Some(output) = self.association.poll_output() {
            match output {
                Output::Send(datagram) => sent.push(datagram.to_vec()),
                Output::Keys(keys) => {
                    let (protector, unprotector) = (Protector::new(&keys), Unprotector::new(&keys));
                    self.keys = Some((protector.expect("keys"), unprotector.expect("keys")));
                }
                Output::Failed(why) => panic!("{why}"),
            }
        }
        sent.iter().for_each(|datagram| self.arrive(datagram));
    }

    fn listen(&mut self) {
        let mut heard = Vec::new();
        let home = self.address;
        self.sim.take_sent(|sent| {
            assert_eq!(sent.to, home, "nothing goes anywhere else");
            heard.push(sent.datagram.to_vec());
        });
        let now = self.sim.now();
        for datagram in heard {
            match datagram.first() {
                Some(0..=3) => self.stun += 1,
                Some(20..=63) => {
                    self.hellos += usize::from(datagram.get(13) == Some(&1));
                    let _ = self.association.handle_datagram(&datagram, now);
                }
                _ => self.rtp.push(datagram),
            }
        }
    }

    fn say(&mut self) {
        let header = self.sender.next_header(0, false, self.sender.timestamp(self.said * 160), 160);
        self.said += 1;
        let mut packet = [0x55; 256];
        let start = header.write(&[], &mut packet).expect("room");
        let (protector, _) = self.keys.as_mut().expect("keys");
        let len = protector.protect_rtp(&mut packet, start + 160).expect("protected");
        let packet = packet[..len].to_vec();
        self.arrive(&packet);
    }

    fn hears(&mut self) -> usize {
        let (_, unprotector) = self.keys.as_mut().expect("keys");
        let mut good = 0;
        for mut packet in std::mem::take(&mut self.rtp) {
            let rtcp = packet.get(1).is_some_and(|second| (192..224).contains(second));
            good += usize::from(!rtcp && unprotector.unprotect_rtp(&mut packet).is_ok());
        }
        good
    }

    fn refused(&mut self, why: Refusal) -> u64 {
        self.sim.counters().refused(why)
    }
}

fn association(identity: &Identity, sim: &Simulation, role: DtlsRole) -> Association {
    let plan = DtlsPlan { role, fingerprints: vec![sim.fingerprint()] };
    Association::new(identity, &plan, Instant::now())
}

#[test]
fn a_browser_checks_shakes_hands_and_hears_itself() {
    for role in [DtlsRole::Active, DtlsRole::Passive] {
        let mut browser = Browser::call(role);
        browser.sim.send(MediaCommand::Echo { leg: browser.leg }).expect("sent");
        browser.run(TICK * 5);
        assert_eq!((browser.stun, browser.rtp.len()), (0, 0), "nothing leaves before the first check");
        browser.check(false);
        browser.run(TICK * 5);
        assert_eq!(browser.stun, 1);
        browser.check(true);
        browser.run(TICK * 250);
        assert!(browser.keys.is_some(), "{role:?}");
        browser.hears();
        for _ in 0..50 {
            browser.say();
            browser.run(TICK);
        }
        assert!(browser.hears() >= 48, "{role:?}");
        assert!(browser.sim.counters().legs.contains(&(AudioCodec::Pcmu, true, 1)));
    }
}

/// RFC 5763 §6.7.1: a stranger's ClientHello neither answers nor disturbs.
#[test]
fn handshakes_and_media_of_strangers_are_ignored() {
    let mut browser = Browser::call(DtlsRole::Passive);
    let stranger: SocketAddr = STRANGER.parse().expect("an address");
    let identity = Identity::generate().expect("made");
    let mut foreign = association(&identity, &browser.sim, DtlsRole::Active);
    foreign.handle_timeout(Instant::now()).expect("in time");
    let Some(Output::Send(hello)) = foreign.poll_output() else { panic!("a ClientHello") };
    browser.sim.arrive(browser.leg, Channel::Rtp, stranger, hello);
    browser.sim.arrive(browser.leg, Channel::Rtp, stranger, &[0x80; 40]);
    browser.sim.arrive(browser.leg, Channel::Rtp, stranger, &[22, 254, 253]);
    browser.check(true);
    browser.run(TICK * 250);
    assert!(browser.keys.is_some());
    assert_eq!(browser.refused(Refusal::Source), 3);
}

#[test]
fn a_forged_check_is_told_so_and_moves_nothing() {
    let mut browser = Browser::call(DtlsRole::Active);
    browser.arrive(&request("evtj:h6vY", "guess", &[NOMINATE]));
    browser.run(TICK * 10);
    assert_eq!((browser.stun, browser.hellos), (1, 0));
    assert_eq!(browser.refused(Refusal::Authentication), 1);
}

#[test]
fn a_nomination_elsewhere_takes_the_media_along() {
    let mut browser = Browser::call(DtlsRole::Active);
    browser.check(true);
    browser.run(TICK * 250);
    browser.address = "198.51.100.3:60000".parse().expect("an address");
    browser.sim.take_sent(|_| ());
    browser.check(true);
    browser.sim.run(TICK);
    browser.sim.take_sent(|_| ());
    browser.hears();
    browser.run(TICK * 10);
    assert!(browser.hears() >= 9);
}

/// RFC 8842 §5 and RFC 8839 §4.4.1.1.1: neither a re-offer nor a restart of ICE shakes hands anew.
#[test]
fn the_same_fingerprint_keeps_the_association() {
    let mut browser = Browser::call(DtlsRole::Active);
    browser.check(true);
    browser.run(TICK * 250);
    let hellos = browser.hellos;
    let plan = browser.plan(DtlsRole::Active);
    browser.connect(plan.clone());
    browser.hears();
    browser.run(TICK * 20);
    assert!(browser.hears() >= 19);
    let credentials = |ufrag: &str| IceCredentials { ufrag: ufrag.into(), pwd: PASSWORD.into() };
    browser.connect(AudioPlan { ice: Some(IcePlan::lite(credentials("new"), credentials("er"))), ..plan });
    browser.run(TICK * 20);
    assert!(browser.hears() >= 19, "the old pair serves until the new one is nominated");
    browser.arrive(&request("new:er", PASSWORD, &[NOMINATE]));
    browser.run(TICK * 20);
    assert!(browser.hears() >= 19);
    assert_eq!(browser.hellos, hellos);
}

/// RFC 5763 §5.
#[test]
fn another_certificate_than_described_is_told_and_gets_nothing() {
    let mut browser = Browser::call(DtlsRole::Active);
    let mut plan = browser.plan(DtlsRole::Active);
    let other = Identity::generate().expect("made");
    plan.security =
        Security::Dtls(DtlsPlan { role: DtlsRole::Active, fingerprints: vec![other.fingerprint().clone()] });
    browser.connect(plan);
    browser.check(true);
    browser.run(TICK * 250);
    let mut failed = 0;
    browser.sim.take_events(|event| failed += usize::from(matches!(event, MediaEvent::HandshakeFailed { .. })));
    assert_eq!(failed, 1);
    assert!(browser.keys.is_none() && browser.rtp.is_empty());
}

/// RFC 7675 §5.1: whoever is gone without a word is sent to no longer; a sign of life, and he is again.
#[test]
fn a_browser_that_went_silent_is_not_sent_to() {
    let mut browser = Browser::call(DtlsRole::Active);
    browser.check(true);
    browser.run(TICK * 250);
    browser.check(false);
    browser.run(Duration::from_secs(29));
    browser.hears();
    browser.run(Duration::from_secs(1));
    assert!(browser.hears() >= 40, "for thirty seconds it may be merely quiet");
    browser.run(Duration::from_secs(1));
    browser.hears();
    browser.run(Duration::from_secs(5));
    assert!(browser.rtp.is_empty(), "{} packets", browser.rtp.len());
    browser.check(false);
    browser.run(TICK * 20);
    assert!(browser.hears() >= 19);
}
