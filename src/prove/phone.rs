//! The user agent of all legs: many callers, one UDP socket or TLS connection.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use plenary_sip::endpoint::{Body, CallId, Command, ContactTemplate, EndpointSettings, Event, OutgoingInvite, Rng};
use plenary_sip::guard::{GuardSettings, Rate};
use plenary_sip::message::{NameAddr, StatusCode, Uri};
use plenary_sip::net::{Net, NetSettings, RunningEndpoint, spawn_endpoint};
use plenary_sip::net_types::Transport;

use super::load::Target;

const RING_FOR: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub struct Phone {
    endpoint: RunningEndpoint,
    /// The number of the first conference, and where it is.
    conference: String,
    place: String,
    host: String,
    /// Ids of the user's own are even.
    next: u64,
}

impl Phone {
    /// `local`: where it sends datagrams from.
    pub fn start(target: &Target, transport: Transport, local: IpAddr) -> anyhow::Result<Self> {
        let udp = if transport == Transport::Udp { vec![SocketAddr::new(local, 0)] } else { Vec::new() };
        // All it hears is the one server, faster than any stranger may speak.
        let all = Rate(1_000_000);
        let guard = GuardSettings { address: all, network: all, strangers: all, ..GuardSettings::default() };
        let net = Net::start(NetSettings { udp, guard, ..NetSettings::default() })?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).context("the system gives no randomness")?;
        let settings = EndpointSettings { user_agent: "plenary prove".into(), ..EndpointSettings::default() };
        let Target { host, address, conference } = target;
        let parameter = if transport == Transport::Tls { ";transport=tls" } else { "" };
        let place = format!("{host}:{}{parameter}", address.port());
        Ok(Self {
            endpoint: spawn_endpoint(settings, Rng::new(seed), net),
            conference: conference.clone(),
            place,
            host: host.clone(),
            next: 0,
        })
    }

    /// Calls the conference that is so many after the first.
    pub fn invite(&mut self, caller: &str, after_first: usize, offer: Bytes) -> anyhow::Result<CallId> {
        let call = CallId(self.next_id());
        let number = match after_first {
            0 => self.conference.clone(),
            after => (self.conference.parse::<usize>().context("a conference without number")? + after).to_string(),
        };
        let conference: Uri = format!("sip:{number}@{}", self.place).parse()?;
        let invite = OutgoingInvite {
            from: self.address_of(caller)?,
            to: format!("<{}>", conference.as_str()).parse()?,
            request_uri: conference,
            contact: ContactTemplate { user: Some(caller.to_owned()), parameters: String::new(), host: None },
            route: Vec::new(),
            flow: None,
            headers: Vec::new(),
            offer: Some(Body::sdp(offer)),
            ring_for: RING_FOR,
            login: None,
            named_by: None,
        };
        self.command(Command::Invite { call, invite: Box::new(invite) })?;
        Ok(call)
    }

    pub fn hang_up(&self, call: CallId) -> anyhow::Result<()> {
        self.command(Command::Hangup { call, headers: Vec::new() })
    }

    /// What comes next. What the server asks within a call is answered here.
    pub async fn event(&mut self) -> anyhow::Result<Event> {
        loop {
            let event = self.endpoint.events.recv().await.context("the fleet's SIP endpoint has stopped")?;
            match event {
                // The session stays as it was.
                Event::Offered { call, .. } => {
                    self.command(Command::AnswerOffer { call, answer: Err(StatusCode::NOT_ACCEPTABLE_HERE) })?;
                }
                Event::Request { request, .. } => {
                    let (status, headers, body) = (StatusCode::OK, Vec::new(), None);
                    self.command(Command::Respond { request, status, headers, body })?;
                }
                event => return Ok(event),
            }
        }
    }

    fn address_of(&self, user: &str) -> anyhow::Result<NameAddr> {
        Ok(format!("<sip:{user}@{}>", self.host).parse()?)
    }

    fn command(&self, command: Command) -> anyhow::Result<()> {
        let taken = self.endpoint.handle.command(command);
        ensure!(taken.is_ok(), "the fleet's SIP endpoint is behind");
        Ok(())
    }

    fn next_id(&mut self) -> u64 {
        self.next += 2;
        self.next
    }
}
