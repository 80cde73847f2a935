//! The loop around the endpoint: the only place of SIP that reads the clock.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use super::counters::Counters;
use super::door::Door;
use super::event::{NetEvent, Received};
use super::tls::DomainIdentities;
use super::transport_layer::Net;
use crate::endpoint::{Command, Endpoint, EndpointSettings, Event, FoundDialog, Output, Rng};
use crate::guard::Load;
use crate::message::DialogId;
use crate::net_types::{FlowEnd, FlowId};

const MAILBOX: usize = 4096;
const EVENTS: usize = 4096;
const CLOSED_FLOWS: usize = 4096;

/// An endpoint at work. It stops when every handle is dropped.
#[derive(Debug)]
pub struct RunningEndpoint {
    pub handle: EndpointHandle,
    pub events: mpsc::Receiver<Event>,
    /// Connections that are gone, and phones gone silent that registered by datagrams, so that bindings made over them can go too. A reader that falls far behind misses
    /// some; a binding whose flow is gone shows when it is used.
    pub closed_flows: mpsc::Receiver<FlowEnd>,
    /// Ends when the loop does.
    pub task: JoinHandle<()>,
}

#[derive(Clone, Debug)]
pub struct EndpointHandle {
    mailbox: mpsc::Sender<ToDriver>,
    counters: Arc<Counters>,
    door: Door,
}

#[derive(Debug)]
enum ToDriver {
    Command(Command),
    Find { id: DialogId, reply: oneshot::Sender<FoundDialog> },
}

/// The command comes back; a request from outside is best answered with 503.
#[derive(Debug, thiserror::Error)]
#[error("the SIP endpoint takes no more commands")]
pub struct MailboxFull(pub Box<Command>);

impl EndpointHandle {
    /// Never waits.
    pub fn command(&self, command: Command) -> Result<(), MailboxFull> {
        match self.mailbox.try_reserve() {
            Ok(place) => place.send(ToDriver::Command(command)),
            Err(_) => return Err(MailboxFull(Box::new(command))),
        }
        Ok(())
    }

    /// The call whose dialog has this name.
    pub async fn find_dialog(&self, id: DialogId) -> FoundDialog {
        let (reply, answer) = oneshot::channel();
        match self.mailbox.send(ToDriver::Find { id, reply }).await {
            Ok(()) => answer.await.unwrap_or(FoundDialog::Unknown),
            Err(_) => FoundDialog::Unknown,
        }
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Who has proven by certificate to be at the other end of this connection (mutual TLS, RFC 5922 §7.4). Nobody, when
    /// it was not asked for, or the connection is gone.
    pub fn proven(&self, flow: FlowId) -> Arc<DomainIdentities> {
        self.door.proofs.of(flow)
    }

    /// Somebody at this address has proven a password: it is no stranger for a while.
    pub fn vouch_for(&self, address: IpAddr) {
        self.door.vouch_for(address);
    }
}

/// Starts an endpoint on a net. `settings.local` may stay empty: then Via and Contact name the net's own addresses.
pub fn spawn_endpoint(settings: EndpointSettings, rng: Rng, mut net: Net) -> RunningEndpoint {
    let (mailbox, commands) = mpsc::channel(MAILBOX);
    let (tell, events) = mpsc::channel(EVENTS);
    let (tell_closed, closed_flows) = mpsc::channel(CLOSED_FLOWS);
    let handle = EndpointHandle { mailbox, counters: net.counters(), door: net.door() };
    let load = Load::new(net.overload_delay());
    net.name_by(settings.clone());
    let driver =
        Driver { endpoint: Endpoint::new(settings, rng), net, load, commands, events: tell, closed_flows: tell_closed };
    RunningEndpoint { handle, events, closed_flows, task: tokio::spawn(driver.run()) }
}

struct Driver {
    endpoint: Endpoint,
    net: Net,
    load: Load,
    commands: mpsc::Receiver<ToDriver>,
    events: mpsc::Sender<Event>,
    closed_flows: mpsc::Sender<FlowEnd>,
}

impl Driver {
    async fn run(mut self) {
        loop {
            while let Some(output) = self.endpoint.poll_output() {
                self.perform(output).await;
            }
            // What became of a send is told before any timer: over a connection that of a transaction may end it at once, and
            // an answer that could not be sent would not go another way (RFC 3261 §18.2.2).
            if let Some(event) = self.net.poll_ready() {
                self.handle_net(event);
                continue;
            }
            let Self { endpoint, net, .. } = &self;
            net.keeps(endpoint.transactions(), endpoint.calls() + endpoint.subscriptions());
            let wake_up = self.endpoint.poll_timeout().map(Instant::from_std);
            tokio::select! {
                event = self.net.receive() => self.handle_net(event),
                command = self.commands.recv() => match command {
                    Some(ToDriver::Command(command)) => self.endpoint.handle_command(command, now()),
                    Some(ToDriver::Find { id, reply }) => drop(reply.send(self.endpoint.find_dialog(&id))),
                    None => return,
                },
                () = sleep_until(wake_up.unwrap_or_else(Instant::now)), if wake_up.is_some() => {
                    self.endpoint.handle_timeout(now());
                }
            }
        }
    }

    async fn perform(&mut self, output: Output) {
        match output {
            Output::Send { id, destination, message } => self.net.send(id, destination, message),
            Output::Event(event) => {
                // Waits for a busy user. One that is gone hears nothing more; the calls end by their own timers.
                let _ = self.events.send(event).await;
            }
        }
    }

    fn handle_net(&mut self, event: NetEvent) {
        match event {
            NetEvent::Received(Received { message, source, at }) => {
                let now = now();
                self.measure(now.saturating_duration_since(at), now);
                match message {
                    Ok(message) => self.endpoint.handle_message(message, source, now),
                    Err(error) => self.endpoint.handle_parse_error(&error, source, now),
                }
                let counters = self.net.counters();
                self.endpoint.take_refused().into_iter().for_each(|reason| counters.refused(reason));
            }
            NetEvent::Sent { id, outcome: Ok(source), alternatives } => {
                self.endpoint.handle_alternatives(id, alternatives);
                self.endpoint.handle_sent(id, source, now());
            }
            NetEvent::Sent { id, outcome: Err(error), .. } => {
                debug!(?id, %error, "not sent");
                self.endpoint.handle_transport_error(id, now());
            }
            NetEvent::FlowClosed(flow) => {
                self.endpoint.handle_flow_closed(flow, now());
                self.tell_end(FlowEnd::Closed(flow));
            }
            NetEvent::FlowSilent { flow, remote } => {
                debug!(%remote, "silent for longer than its Flow-Timer");
                self.tell_end(FlowEnd::Silent { flow, remote });
            }
        }
    }

    /// Says when overload begins and ends.
    fn measure(&mut self, waited: Duration, now: std::time::Instant) {
        let (was_over, fullness) = (self.load.retry_after().is_some(), self.net.fullness());
        self.load.handle_message(waited, fullness, now);
        let retry_after = self.load.retry_after();
        match (was_over, retry_after) {
            (false, Some(_)) => {
                let mailbox = format_args!("{:.0} %", 100.0 * fullness);
                warn!(mean_wait = ?self.load.mean_wait(), %mailbox, "overloaded: new requests get 503");
            }
            (true, None) => info!(mean_wait = ?self.load.mean_wait(), "no longer overloaded"),
            _ => {}
        }
        self.endpoint.set_busy(retry_after);
    }

    fn tell_end(&self, end: FlowEnd) {
        if let Err(TrySendError::Full(_)) = self.closed_flows.try_send(end) {
            warn!("notices of closed connections are not read; some are lost");
        }
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}
