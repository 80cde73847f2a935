//! A registrar: the real reading, checking and binding of REGISTER, behind an endpoint of ours.
//!
//! Stands in for the registrar's task alone, which adds the disk.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use plenary::registrar::register::{self, Reply};
use plenary::registrar::{Binding, Bindings, Gruus, Limits};
use plenary_sip::endpoint::{Command, EndpointSettings, Event};
use plenary_sip::message::{Method, Request, StatusCode};
use plenary_sip::net_types::Source;

use super::agent::{Agent, Outgoing};
use super::clock::Clock;
use super::doorkeeper::Doorkeeper;

#[derive(Debug)]
pub struct Registrar {
    pub(super) agent: Agent,
    domain: String,
    doorkeeper: Doorkeeper,
    bindings: Bindings,
}

impl Registrar {
    pub(super) fn new(name: &str, host: SocketAddr, clock: Clock, seed: [u8; 32]) -> Self {
        let settings = EndpointSettings { user_agent: "Plenary".into(), ..EndpointSettings::default() };
        let domain = format!("{name}.example");
        let gruus = Gruus::new(domain.parse().expect("a host name"), &seed);
        Self {
            agent: Agent::new(clock, host, seed, settings),
            doorkeeper: Doorkeeper::new(&domain, seed),
            bindings: Bindings::new(
                Limits { min_expires: 60, max_expires: 3600, max_bindings: 10, flow_timer: 120, flow_timer_udp: 30 },
                gruus,
            ),
            domain,
        }
    }

    pub fn knows(&mut self, account: &str, password: &str) -> &mut Self {
        self.doorkeeper.learn(account, password);
        self
    }

    /// Where the phones of an account are now.
    pub fn contacts_of(&mut self, account: &str) -> Vec<String> {
        self.bindings.handle_timeout(self.now_unix());
        self.bindings.of(account).iter().map(|binding: &Binding| binding.contact.uri.to_string()).collect()
    }

    pub(super) fn hear(&mut self, octets: &Bytes, source: Source) {
        self.agent.hear(octets, source);
    }

    pub(super) fn poll_outgoing(&mut self) -> Option<Outgoing> {
        while let Some(event) = self.agent.poll_event() {
            match event {
                Event::Request { request, message, source, .. } => {
                    let Reply { status, headers } = self.answer(&message, &source);
                    self.agent.command(Command::Respond { request, status, headers, body: None });
                }
                Event::Incoming { call, .. } => {
                    let (status, headers) = (StatusCode::NOT_FOUND, Vec::new());
                    self.agent.command(Command::Reject { call, status, headers });
                }
                _ => {}
            }
        }
        self.agent.poll_send()
    }

    fn answer(&mut self, message: &Arc<Request>, source: &Source) -> Reply {
        match message.method {
            Method::Register => self.register(message, source).unwrap_or_else(|refusal| refusal),
            Method::Options => Reply::new(StatusCode::OK),
            _ => Reply::new(StatusCode::METHOD_NOT_ALLOWED),
        }
    }

    /// The steps of RFC 3261 §10.3, in their order.
    fn register(&mut self, message: &Request, source: &Source) -> Result<Reply, Reply> {
        let domain = self.domain.clone();
        let is_ours = |host: &str| host.eq_ignore_ascii_case(&domain);
        register::check(message, is_ours)?;
        let account = self.doorkeeper.authenticate(message, self.agent.clock.unix());
        let account = account.map_err(|headers| Reply { status: StatusCode::UNAUTHORIZED, headers })?;
        register::check_address(message, &account, is_ours)?;
        let wish = register::read(message, source)?;
        let now = self.now_unix();
        let outbound = self.bindings.handle_register(&account, &wish, now).map_err(|why| register::refused(&why))?;
        Ok(register::granted(message, &self.bindings, &account, outbound.then_some(source.transport), now))
    }

    fn now_unix(&self) -> i64 {
        i64::try_from(self.agent.clock.unix()).expect("not that far in the future")
    }
}
