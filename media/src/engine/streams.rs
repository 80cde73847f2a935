//! One plan, carried out: both directions of a leg's audio, with all that they need ready-made.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::counters::Refusal;
use super::io::Channel;
use super::latch::Latch;
use super::path::{Path, Step};
use super::receive::{Accepted, Receiver};
use super::reports::{Clocks, Reports};
use super::send::Sender;
use super::settings::EngineError;
use super::solo::Solo;
use crate::codec::packet_time;
use crate::demux::Kind;
use crate::dtmf::KeySender;
use crate::id::LegId;
use crate::plan::{AudioCodec, AudioPlan, MediaPlan, Security, SrtpKeys};
use crate::random::Random;
use crate::secure::dtls::{DtlsError, Identity};
use crate::secure::{Protector, Unprotector};

#[derive(Debug)]
pub(super) struct Streams {
    plan: AudioPlan,
    pub latch: Latch,
    pub receiver: Receiver,
    pub sender: Sender,
    pub solo: Solo,
    pub reports: Reports,
    /// Keys on their way to the peer, where it takes any.
    pub keys: Option<KeySender>,
    /// Of legs with ICE or DTLS.
    path: Option<Box<Path>>,
    /// The same of RTCP, where it has a port of its own: RFC 8445 and RFC 5764 §4 find and key each component.
    rtcp_path: Option<Box<Path>>,
}

impl Streams {
    pub fn new(leg: LegId, plan: MediaPlan, identity: &Identity, random: &mut Random) -> Result<Self, EngineError> {
        let mut plan = plan.audio;
        plan.send.ptime = packet_time(plan.send.codec, plan.send.ptime);
        let keys = |source| EngineError::Keys { leg, source };
        let codec = |source| EngineError::Codec { leg, codec: plan.send.codec, source };
        Ok(Self {
            latch: Latch::new(&plan),
            receiver: Receiver::new(leg, &plan)?,
            sender: Sender::new(&plan, random).map_err(keys)?,
            solo: Solo::new(&plan.send).map_err(codec)?,
            reports: Reports::new(random, &plan),
            keys: plan.send_events.map(KeySender::new),
            path: Path::new(leg, &plan, Channel::Rtp, identity).map(Box::new),
            rtcp_path: Path::new(leg, &plan, Channel::Rtcp, identity).map(Box::new),
            plan,
        })
    }

    /// Goes on where the plan before stood: nothing that both have in common starts anew. What is left of `before` is
    /// to be dropped.
    pub fn take_over(&mut self, before: &mut Self, now: Instant) {
        let (same_local, same_remote) = match (&self.plan.security, &before.plan.security) {
            // After another handshake the new keys take the place of the old ones, which serve until then.
            (Security::Dtls(_), Security::Dtls(_)) => (true, true),
            // A direction whose key stays keeps its rollover counter, whatever becomes of the other (RFC 4568 §7.1.4).
            (Security::Sdes(now), Security::Sdes(then)) if now.suite == then.suite => {
                (now.local == then.local, now.remote == then.remote)
            }
            (now, then) => (now == then, now == then),
        };
        self.latch.take_over(&mut before.latch, now);
        if let (Some(path), Some(before)) = (&mut self.path, &mut before.path) {
            path.take_over(before);
        }
        if let (Some(path), Some(before)) = (&mut self.rtcp_path, &mut before.rtcp_path) {
            path.take_over(before);
        }
        if self.sender.format == before.sender.format {
            std::mem::swap(&mut self.solo, &mut before.solo);
        }
        self.sender.take_over(&mut before.sender, same_local);
        self.receiver.take_over(&mut before.receiver, same_remote);
        self.reports.take_over(&mut before.reports);
        if self.plan.send_events == before.plan.send_events {
            std::mem::swap(&mut self.keys, &mut before.keys);
        }
    }

    /// Whether the peer is to hear anything: not before it is found and the handshake done, nor where it does harm.
    pub fn sends(&self) -> bool {
        self.would_send() && self.reports.breaker.open().is_none()
    }

    fn would_send(&self) -> bool {
        self.plan.direction.sends() && self.is_open()
    }

    /// `quiet_for`: since anything came of the peer.
    pub fn watch_breaker(&mut self, quiet_for: Duration) {
        let sends = self.would_send();
        self.reports.watch_breaker(quiet_for, sends);
    }

    /// Whether packets can leave at all.
    pub fn is_open(&self) -> bool {
        self.sender.lets_pass() && self.path.as_ref().is_none_or(|path| path.is_open())
    }

    /// Whether reports can.
    pub fn lets_reports_pass(&self) -> bool {
        let path = if self.latch.is_muxed() { &self.path } else { &self.rtcp_path };
        self.sender.lets_rtcp_pass() && path.as_ref().is_none_or(|path| path.is_open())
    }

    /// Whether the peer asked for a mode of AMR-WB that it is not sent by itself (RFC 4867 §4.3.1).
    pub fn wants_another_mode(&self) -> bool {
        match (self.sender.format.codec, self.receiver.mode_request) {
            (AudioCodec::AmrWb(format), Some(mode)) => mode != format.initial() && format.allowed().holds(mode),
            _ => false,
        }
    }

    /// `quiet_for`: since the last packet that counted.
    pub fn watch_consent(&mut self, quiet_for: Duration, now: Instant) {
        self.path.iter_mut().chain(&mut self.rtcp_path).for_each(|path| path.watch_consent(quiet_for, now));
    }

    /// The payload number of keys that we send.
    pub fn key_payload_type(&self) -> Option<u8> {
        self.plan.send_events.map(|events| events.payload_type)
    }

    pub fn receives(&self) -> bool {
        self.plan.direction.receives()
    }

    pub fn is_secured(&self) -> bool {
        self.plan.security.is_secured()
    }

    /// Whether a datagram is one of a handshake with the peer: strangers' take nobody's turn.
    pub fn is_handshake(&self, datagram: &[u8], port: Channel, from: SocketAddr) -> bool {
        let path = if port == Channel::Rtp { &self.path } else { &self.rtcp_path };
        let path = path.as_ref().filter(|_| Kind::of(datagram) == Kind::Dtls);
        path.is_some_and(|path| path.shakes_hands_with(from))
    }

    /// Takes a datagram from either of the leg's ports.
    pub fn handle_datagram(
        &mut self,
        datagram: &mut [u8],
        port: Channel,
        from: SocketAddr,
        arrived: Instant,
        at: Clocks,
    ) -> Result<Accepted, Refusal> {
        let kind = Kind::of(datagram);
        let path = if port == Channel::Rtp { &mut self.path } else { &mut self.rtcp_path };
        match (kind, path) {
            (Kind::Stun, Some(path)) => {
                let accepted = path.handle_check(datagram, from, at.now)?;
                let Some(peer) = accepted.moved else { return Ok(accepted) };
                if port == Channel::Rtp {
                    self.latch.follow(peer);
                    return Ok(accepted);
                }
                self.latch.follow_rtcp(peer);
                return Ok(Accepted::default());
            }
            (Kind::Dtls, Some(path)) => return path.handle_handshake(datagram, from, at.now),
            (_, Some(path)) if !path.admits(from) => return Err(Refusal::Source),
            _ => {}
        }
        match kind {
            Kind::Rtp => self.receiver.handle_rtp(datagram, from, &mut self.latch, self.sender.ssrc(), arrived),
            Kind::Rtcp => {
                let (datagram, proof) = self.receiver.open_rtcp(datagram)?;
                if !self.latch.handle_rtcp(from, proof, at.now) {
                    return Err(Refusal::Source);
                }
                let read = self.reports.handle_rtcp(datagram, &self.sender, &mut self.receiver, at);
                let unreadable_blocks = read.map_err(|_| Refusal::Malformed)?;
                Ok(Accepted { unreadable_blocks, ..Accepted::default() })
            }
            Kind::Stun | Kind::Dtls | Kind::Other => Err(Refusal::Malformed),
        }
    }

    /// Answers checks and goes on with the handshake. `send` is given what leaves; an error ends the leg.
    pub fn attend_path(
        &mut self,
        now: Instant,
        mut send: impl FnMut(Channel, SocketAddr, &[u8]),
    ) -> Result<(), DtlsError> {
        let mut outcome = Ok(());
        let (sender, receiver) = (&mut self.sender, &mut self.receiver);
        if let Some(path) = &mut self.path {
            path.attend(now, |step| match step {
                Step::Send(to, datagram) => send(Channel::Rtp, to, datagram),
                Step::Keys(keys) => outcome = secure(sender, receiver, &keys),
                Step::Failed(why) => outcome = Err(why),
            });
        }
        if let Some(path) = &mut self.rtcp_path {
            path.attend(now, |step| match step {
                Step::Send(to, datagram) => send(Channel::Rtcp, to, datagram),
                Step::Keys(keys) => outcome = secure_rtcp(sender, receiver, &keys),
                // Another's certificate is no accident; but who leaves RTCP alone is only without it.
                Step::Failed(why @ DtlsError::Fingerprint) => outcome = Err(why),
                Step::Failed(_) => {}
            });
        }
        outcome
    }
}

fn secure(sender: &mut Sender, receiver: &mut Receiver, keys: &SrtpKeys) -> Result<(), DtlsError> {
    let made = Protector::new(keys).and_then(|protector| Ok((protector, Unprotector::new(keys)?)));
    let (protector, unprotector) = made.map_err(|_| DtlsError::Profile)?;
    sender.secure(protector);
    receiver.secure(unprotector);
    Ok(())
}

fn secure_rtcp(sender: &mut Sender, receiver: &mut Receiver, keys: &SrtpKeys) -> Result<(), DtlsError> {
    let made = Protector::new(keys).and_then(|protector| Ok((protector, Unprotector::new(keys)?)));
    let (protector, unprotector) = made.map_err(|_| DtlsError::Profile)?;
    sender.secure_rtcp(protector);
    receiver.secure_rtcp(unprotector);
    Ok(())
}
