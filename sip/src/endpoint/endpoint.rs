//! The endpoint: transactions below, calls above, and between them the order of RFC 3261 §8.2.
//!
//! ```text
//!   handle_message ─▶ stamp ─▶ transactions ─▶ inspect ─▶ dialog? ─▶ calls ─▶ Output::Event
//!   handle_command ─────────────────────────────────────────────────▶ calls ─▶ transactions ─▶ Output::Send
//! ```

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::endpoint::calls::Calls;
use crate::endpoint::identity::Identity;
use crate::endpoint::moved_flows::MovedFlows;
use crate::endpoint::named::EndedDialogs;
use crate::endpoint::refer::Referrals;
use crate::endpoint::subscriptions::Subscriptions;
use crate::endpoint::transactions::Transactions;
use crate::endpoint::{Command, EndpointSettings, Output, Rng, SendId, complete};
use crate::guard::Reason;
use crate::message::{Message, ParseError};
use crate::net_types::{Destination, FlowId, Source, Transport};
use crate::transaction::TransactionId;

/// A SIP user agent without socket and clock.
///
/// Whoever drives it hands in messages, commands and the time, takes out what is to be sent and told, and
/// comes back at the time that it names:
///
/// ```
/// use std::time::{Duration, Instant};
/// use plenary_sip::endpoint::{Command, Endpoint, EndpointSettings, Event, Output, Rng};
/// use plenary_sip::message::{Limits, Message, StatusCode, parse_datagram};
/// use plenary_sip::net_types::{FlowId, Source, Transport};
///
/// let now = Instant::now();
/// let mut endpoint = Endpoint::new(EndpointSettings::default(), Rng::new([7; 32]));
/// let source = Source {
///     transport: Transport::Udp,
///     local: "192.0.2.4:5060".parse()?,
///     remote: "192.0.2.1:5060".parse()?,
///     flow: FlowId(1),
/// };
/// let invite = "INVITE sip:bob@192.0.2.4 SIP/2.0\r\n\
///     Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKnashds8\r\n\
///     From: Alice <sip:alice@192.0.2.1>;tag=1928301774\r\nTo: Bob <sip:bob@192.0.2.4>\r\n\
///     Call-ID: a84b4c76e66710\r\nCSeq: 314159 INVITE\r\nContact: <sip:alice@192.0.2.1>\r\n\
///     Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n";
/// let message = parse_datagram(&invite.into(), &Limits::default())?;
///
/// endpoint.handle_message(message, source, now);
/// let Some(Output::Event(Event::Incoming { call, .. })) = endpoint.poll_output() else { panic!("a call") };
///
/// endpoint.handle_command(Command::Ring { call, status: StatusCode::RINGING, body: None }, now);
/// let Some(Output::Send { message: Message::Response(ringing), .. }) = endpoint.poll_output() else {
///     panic!("a response")
/// };
/// assert_eq!(ringing.status, StatusCode::RINGING);
///
/// let wake = endpoint.poll_timeout().expect("a long ringing is said again");
/// assert!(wake <= now + Duration::from_secs(60));
/// endpoint.handle_timeout(wake);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The rules for the driver, which the `net` shell and every test follow:
/// - after each `handle_…`, take outputs until there are none;
/// - complete each message for the transport chosen ([`Endpoint::complete`]), then print it;
/// - tell what became of each send: [`Endpoint::handle_sent`] or [`Endpoint::handle_transport_error`];
/// - time never runs backwards.
#[derive(Debug)]
pub struct Endpoint {
    pub(super) settings: EndpointSettings,
    pub(super) identity: Identity,
    pub(super) rng: Rng,
    pub(super) transactions: Transactions,
    pub(super) calls: Calls,
    pub(super) subscriptions: Subscriptions,
    pub(super) referrals: Referrals,
    pub(super) ended: EndedDialogs,
    pub(super) moved: MovedFlows,
    pub(super) output: VecDeque<Output>,
    /// New requests are refused, and may come again after this.
    pub(super) busy: Option<Duration>,
    /// Why requests were refused since it was last asked.
    pub(super) refused: Vec<Reason>,
}

impl Endpoint {
    pub fn new(settings: EndpointSettings, rng: Rng) -> Self {
        Self {
            identity: Identity::new(&settings),
            transactions: Transactions::new(settings.timing),
            calls: Calls::default(),
            subscriptions: Subscriptions::default(),
            referrals: Referrals::default(),
            ended: EndedDialogs::default(),
            moved: MovedFlows::default(),
            output: VecDeque::new(),
            busy: None,
            refused: Vec::new(),
            settings,
            rng,
        }
    }

    /// A message that came in whole.
    pub fn handle_message(&mut self, message: Message, source: Source, now: Instant) {
        match message {
            Message::Request(request) => self.handle_request(request, source, now),
            Message::Response(response) => self.transactions.handle_response(response, now),
        }
        self.settle(Some(source), now);
    }

    /// A message that could not be read: answered without state, where it says enough of itself.
    pub fn handle_parse_error(&mut self, error: &ParseError, source: Source, now: Instant) {
        if let Some(request) = &error.reply {
            self.answer_stateless(request, error.status, Some(&error.reason), source);
        }
        self.settle(None, now);
    }

    /// What was sent with this id has left by this flow; the rest of its transaction will take it too.
    pub fn handle_sent(&mut self, send: SendId, flow: Source, now: Instant) {
        self.transactions.handle_sent(TransactionId(send.0), flow, now);
        self.settle(None, now);
    }

    /// Beside the server that this was sent to, the name stands for these (RFC 3263 §4.2); said before
    /// [`Self::handle_sent`].
    pub fn handle_alternatives(&mut self, send: SendId, alternatives: Vec<Destination>) {
        self.transactions.handle_alternatives(TransactionId(send.0), alternatives);
    }

    /// A connection is gone, and with it the answers that were to come by it.
    pub fn handle_flow_closed(&mut self, flow: FlowId, now: Instant) {
        self.transactions.handle_flow_closed(flow, now);
        self.settle(None, now);
    }

    /// What was sent with this id could not be: no address, no connection, no flow.
    pub fn handle_transport_error(&mut self, send: SendId, now: Instant) {
        self.transactions.handle_transport_error(TransactionId(send.0), now);
        self.settle(None, now);
    }

    /// From now on new requests get 503 with this Retry-After, or with `None` are served again. What belongs to a
    /// transaction or dialog that is there goes on.
    pub fn set_busy(&mut self, retry_after: Option<Duration>) {
        self.busy = retry_after;
    }

    /// Why requests were refused since the last call of this, each once for each request.
    pub fn take_refused(&mut self) -> Vec<Reason> {
        std::mem::take(&mut self.refused)
    }

    pub fn handle_command(&mut self, command: Command, now: Instant) {
        self.obey(command, now);
        self.settle(None, now);
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.transactions.handle_timeout(now);
        while let Some(id) = self.calls.pop_due(now) {
            if let Some(call) = self.calls.get_mut(id) {
                call.usage.handle_timeout(now);
            }
            self.run_call(id, now);
        }
        while let Some(id) = self.subscriptions.pop_due(now) {
            self.with_subscription(id, now, |notifier| notifier.handle_timeout(now));
        }
        self.time_out_referrals(now);
        self.settle(None, now);
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let timeouts = [
            self.transactions.poll_timeout(),
            self.calls.poll_timeout(),
            self.subscriptions.poll_timeout(),
            self.referrals.poll_timeout(),
        ];
        timeouts.into_iter().flatten().min()
    }

    /// Writes our address into a message for the transport that the net has chosen. `local`: the socket that
    /// it will leave by.
    pub fn complete(&self, message: &mut Message, transport: Transport, local: SocketAddr) {
        complete(message, transport, &self.settings.sent_by(transport, local));
    }

    /// Open transactions.
    pub fn transactions(&self) -> usize {
        self.transactions.len()
    }

    /// Calls that are not over, with those whose last messages are still under way.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// Subscriptions that are not over.
    pub fn subscriptions(&self) -> usize {
        self.subscriptions.len()
    }
}
