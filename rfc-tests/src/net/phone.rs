//! A phone that keeps the rules: our own endpoint and negotiation as a user agent, with a person before it.
//!
//! The person does what the figure draws ([`Phone::act`]), or what the test says by name (`calls`, `hangs_up`, …), or
//! has a [`Habit`] for calls and one for new offers.

mod call;
mod figure;
mod registering;

use std::net::SocketAddr;

use bytes::Bytes;
use plenary::call::negotiate::{Entropy, LocalMedia, MediaPolicy, Negotiator, Signalling, SrtpPolicy};
use plenary_media::plan::AudioCodec;
use plenary_sip::endpoint::{Command, EndpointSettings, Event};
use plenary_sip::message::{Header, Response, StatusCode, Uri};
use plenary_sip::net_types::{Source, Transport};

use super::agent::{Agent, Outgoing};
use super::clock::Clock;
pub use call::{CallState, PhoneCall};
use registering::Login;

#[derive(Debug)]
pub struct Phone {
    pub(super) name: String,
    pub(super) agent: Agent,
    transport: Transport,
    media: MediaPolicy,
    seed: u64,
    login: Option<Login>,
    habit: Habit,
    offer_habit: OfferHabit,
    calls: Vec<PhoneCall>,
    responses: Vec<Response>,
}

/// What the person does when it rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// Waits for what the figure draws.
    AsDrawn,
    /// Lets it ring once and answers.
    Answers,
    Rings,
    Refuses(StatusCode),
}

/// What the phone does when it is offered anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferHabit {
    Accepts,
    Refuses(StatusCode),
    /// Leaves it open.
    Ponders,
}

impl Phone {
    pub(super) fn new(name: &str, host: SocketAddr, clock: Clock, seed: [u8; 32]) -> Self {
        let settings = EndpointSettings { user_agent: format!("{name}'s phone"), ..EndpointSettings::default() };
        Self {
            name: name.to_owned(),
            agent: Agent::new(clock, host, seed, settings),
            transport: Transport::Udp,
            media: MediaPolicy { srtp: SrtpPolicy::Off, ..MediaPolicy::default() },
            seed: u64::from(seed[0]),
            login: None,
            habit: Habit::AsDrawn,
            offer_habit: OfferHabit::Accepts,
            calls: Vec::new(),
            responses: Vec::new(),
        }
    }

    // ── What kind of phone it is ────────────────────────────────────────────────────────────────────────────

    pub fn over(&mut self, transport: Transport) -> &mut Self {
        self.transport = transport;
        self
    }

    /// The codecs it knows, preferred first.
    pub fn offers<const N: usize>(&mut self, codecs: [AudioCodec; N]) -> &mut Self {
        self.media.codecs = codecs.to_vec();
        self
    }

    pub fn has_password(&mut self, password: &str) -> &mut Self {
        self.login = Some(Login::new(&self.name, password));
        self
    }

    /// Other timers or extensions; to be said before its first message.
    pub fn set(&mut self, change: impl FnOnce(&mut EndpointSettings)) -> &mut Self {
        self.agent.set(change);
        self
    }

    pub fn when_called(&mut self, habit: Habit) -> &mut Self {
        self.habit = habit;
        self
    }

    pub fn when_offered(&mut self, habit: OfferHabit) -> &mut Self {
        self.offer_habit = habit;
        self
    }

    // ── What can be asked of it afterwards ──────────────────────────────────────────────────────────────────

    /// Its latest call.
    pub fn call(&self) -> &PhoneCall {
        self.calls.last().expect("the phone has had a call")
    }

    pub fn calls_so_far(&self) -> &[PhoneCall] {
        &self.calls
    }

    pub fn is_talking(&self) -> bool {
        self.calls.last().is_some_and(|call| call.state == CallState::Talking)
    }

    /// The final responses to its requests outside calls.
    pub fn responses(&self) -> &[Response] {
        &self.responses
    }

    // ── On the wire ─────────────────────────────────────────────────────────────────────────────────────────

    pub(super) fn hear(&mut self, octets: &Bytes, source: Source) {
        self.agent.hear(octets, source);
    }

    pub(super) fn poll_outgoing(&mut self) -> Option<Outgoing> {
        while let Some(event) = self.agent.poll_event() {
            self.handle_event(event);
        }
        self.agent.poll_send()
    }

    fn handle_event(&mut self, event: Event) {
        match event {
            Event::Request { request, .. } => {
                let (status, headers, body) = (StatusCode::OK, Vec::<Header>::new(), None);
                self.agent.command(Command::Respond { request, status, headers, body });
            }
            Event::Response { response, .. } => {
                let response = response.map(|response| (*response).clone());
                if let (Some(login), Some(response)) = (&mut self.login, &response) {
                    login.hear(response);
                }
                self.responses.extend(response);
            }
            event => self.handle_call_event(event),
        }
    }

    fn negotiator(&self) -> Negotiator {
        let rtp_port = 20_000 + 2 * u16::try_from(self.calls.len()).unwrap_or_default();
        let local = LocalMedia { address: self.agent.host.ip(), rtp_port, rtcp_port: rtp_port + 1, is_shared: false };
        let signalling = Signalling { secure: self.transport.is_secure(), source: None };
        Negotiator::new(self.media.clone(), local, signalling, Entropy::seeded(self.seed + u64::from(rtp_port)))
    }

    /// Where a party is reached from here.
    fn uri_of(&self, party: &str) -> Uri {
        let parameter = match self.transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            Transport::Tls => ";transport=tls",
            Transport::Ws | Transport::Wss => ";transport=ws",
        };
        format!("sip:{party}@{party}.example{parameter}").parse().expect("names of parties make URIs")
    }
}
