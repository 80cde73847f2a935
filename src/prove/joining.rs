//! Everybody joins: calls are placed at an even pace, and their media starts with the answer.

use std::collections::BTreeMap;
use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::Context;
use plenary_media::plan::{AudioCodec, MediaPlan};
use plenary_sip::endpoint::{CallId, Ending, Event};
use tokio::time::{sleep_until, timeout};

use super::fleet::Fleet;
use super::load::Load;
use super::phone::Phone;
use super::speech::Speeches;
use super::stream::Stream;
use crate::call::negotiate::{Entropy, LocalMedia, MediaPolicy, Negotiator, Signalling, SrtpPolicy};

/// For the answer to the last call, and for the end of all at the end.
const PATIENCE: Duration = Duration::from_secs(20);

/// All legs' calls.
pub struct Calls<'a> {
    load: &'a Load,
    speeches: &'a Speeches,
    /// Where the fleet's sockets are.
    local: IpAddr,
    /// Takes the RTCP of servers that do not send it to the RTP port. Nobody reads it.
    rtcp: UdpSocket,
    /// When each leg's INVITE went out.
    pub invited: Vec<Instant>,
    /// From INVITE to 200.
    pub answered: Vec<Duration>,
    waiting: BTreeMap<CallId, Waiting>,
    standing: BTreeMap<CallId, usize>,
    pub faults: Vec<String>,
}

/// A call without answer so far.
struct Waiting {
    leg: usize,
    socket: UdpSocket,
    negotiator: Negotiator,
}

impl<'a> Calls<'a> {
    pub fn new(load: &'a Load, speeches: &'a Speeches, local: IpAddr) -> anyhow::Result<Self> {
        Ok(Self {
            load,
            speeches,
            local,
            rtcp: UdpSocket::bind((local, 0))?,
            invited: Vec::new(),
            answered: Vec::new(),
            waiting: BTreeMap::new(),
            standing: BTreeMap::new(),
            faults: Vec::new(),
        })
    }

    /// Returns when every call has its answer, good or bad.
    pub async fn join(&mut self, phone: &mut Phone, fleet: &Fleet) -> anyhow::Result<()> {
        let start = tokio::time::Instant::now();
        while self.invited.len() < self.load.legs() {
            let leg = self.invited.len();
            let due = start + Duration::from_secs(1) * u32::try_from(leg)? / self.load.joins_per_second;
            tokio::select! {
                biased;
                () = sleep_until(due) => self.call(phone, leg)?,
                event = phone.event() => self.handle(event?, fleet),
            }
        }
        let answers = async {
            while !self.waiting.is_empty() {
                self.handle(phone.event().await?, fleet);
            }
            anyhow::Ok(())
        };
        if let Ok(failed) = timeout(PATIENCE, answers).await {
            failed?;
        }
        let unanswered = self.waiting.values().map(|waiting| format!("leg {}: no answer to its INVITE", waiting.leg));
        self.faults.extend(unanswered);
        Ok(())
    }

    /// Lets time pass; a call that ends meanwhile is a fault.
    pub async fn stay(&mut self, phone: &mut Phone, fleet: &Fleet, time: Duration) -> anyhow::Result<()> {
        let until = tokio::time::Instant::now() + time;
        loop {
            tokio::select! {
                biased;
                event = phone.event() => self.handle(event?, fleet),
                () = sleep_until(until) => return Ok(()),
            }
        }
    }

    /// Hangs up, and waits for the end of all calls.
    pub async fn leave(&mut self, phone: &mut Phone) -> anyhow::Result<()> {
        for call in self.standing.keys() {
            phone.hang_up(*call)?;
        }
        let all_ended = async {
            while !self.standing.is_empty() {
                if let Event::Ended { call, .. } = phone.event().await? {
                    self.standing.remove(&call);
                }
            }
            anyhow::Ok(())
        };
        if let Ok(failed) = timeout(PATIENCE, all_ended).await {
            failed?;
        }
        self.faults.extend(self.standing.values().map(|leg| format!("leg {leg}: no answer to its BYE")));
        Ok(())
    }

    fn call(&mut self, phone: &mut Phone, leg: usize) -> anyhow::Result<()> {
        let socket = UdpSocket::bind((self.local, 0)).context("a socket for one more leg")?;
        let media = LocalMedia {
            address: self.local,
            rtp_port: socket.local_addr()?.port(),
            rtcp_port: self.rtcp.local_addr()?.port(),
            is_shared: false,
        };
        let mut negotiator = negotiator(self.load.codec_of(leg), self.load.srtp, media);
        let offer = negotiator.offer()?;
        self.invited.push(Instant::now());
        let call = phone.invite(&format!("party-{leg}"), self.load.conference_of(leg), offer)?;
        self.waiting.insert(call, Waiting { leg, socket, negotiator });
        Ok(())
    }

    fn handle(&mut self, event: Event, fleet: &Fleet) {
        match event {
            Event::Established { call, response, .. } => {
                let Some(Waiting { leg, socket, mut negotiator }) = self.waiting.remove(&call) else { return };
                self.standing.insert(call, leg);
                self.answered.extend(self.invited.get(leg).map(Instant::elapsed));
                let answer = response.map(|response| response.body.clone()).unwrap_or_default();
                let started = negotiator.accept_answer(&answer).map_err(anyhow::Error::from);
                match started.and_then(|plan| self.stream(leg, socket, &plan)) {
                    Ok(stream) => fleet.add(stream),
                    Err(error) => self.faults.push(format!("leg {leg}: {error:#}")),
                }
            }
            Event::Ended { call, why } => {
                if let Some(waiting) = self.waiting.remove(&call) {
                    self.faults.push(format!("leg {}: {}", waiting.leg, describe(&why)));
                } else if let Some(leg) = self.standing.remove(&call) {
                    self.faults.push(format!("leg {leg}: {}", describe(&why)));
                }
            }
            _ => {}
        }
    }

    fn stream(&self, leg: usize, socket: UdpSocket, plan: &MediaPlan) -> anyhow::Result<Stream> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).context("the system gives no randomness")?;
        Stream::new(leg, socket, &plan.audio, self.speeches.of(leg), u128::from_be_bytes(random))
    }
}

/// Offers this and nothing else.
pub fn negotiator(codec: AudioCodec, srtp: bool, media: LocalMedia) -> Negotiator {
    let policy = MediaPolicy {
        codecs: vec![codec],
        srtp: if srtp { SrtpPolicy::Required } else { SrtpPolicy::Off },
        ..MediaPolicy::default()
    };
    Negotiator::new(policy, media, Signalling { secure: srtp, source: None }, Entropy::system())
}

pub fn describe(why: &Ending) -> String {
    match why {
        Ending::Refused { status, .. } => format!("refused with {status}"),
        Ending::HungUp { reason: Some(reason) } => format!("hung up by the server: {reason}"),
        Ending::HungUp { reason: None } => "hung up by the server".into(),
        Ending::Lost { status } => format!("lost with {status}"),
        Ending::Cancelled { .. } | Ending::ByUs => "ended".into(),
    }
}
