//! What every leg's task needs: the ways to SIP, media, accounts and conferences.

use std::hash::RandomState;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plenary_media::engine::{EngineError, EngineHandle, MediaCommand, MediaEvents, OpenedLeg, PortUse};
use plenary_media::{LegId, RoomId};
use plenary_sip::endpoint::{CallId, Command, Event, FoundDialog, OutgoingRequest, RequestId, SubscriptionId};
use plenary_sip::guard::Reason;
use plenary_sip::message::{DialogId, Host, NameAddr, Request, SipUri};
use plenary_sip::net::{DomainIdentities, EndpointHandle};
use plenary_sip::net_types::Source;
use plenary_sip::sdp::About;
use tokio::sync::{mpsc, watch};
use tracing::warn;

use super::identity::Dialled;
use super::negotiate::{Entropy, LocalMedia, MediaPolicy, Negotiator, Signalling};
use super::routing::Routing;
use super::switchboard::{Inbox, LegInput, Line, Switchboard};
use crate::call::arriving::pin_patience::PinPatience;
use crate::call::arriving::unconfirmed::Unconfirmed;
use crate::call::placing::budget::DialBudget;
use crate::call::placing::dial;
use crate::call::talking::quality_metrics::QualityMetrics;
use crate::conference::{DialRequest, Directory};
use crate::registrar::RegistrarHandle;
use crate::store::Store;
use crate::telemetry::metrics::Metrics;
use crate::trunk::{Desk, Trunks};
use crate::voice::Voice;

#[derive(Clone, Debug)]
pub struct CallSettings {
    /// The SIP domain served.
    pub domain: String,
    pub domain_host: Host,
    pub media: MediaPolicy,
    /// Written into our SDP.
    pub media_address: IpAddr,
    /// The same, of conferences.
    pub told: ToldOfConferences,
    /// How long changes of a roster are collected before subscribers hear of them.
    pub collect_changes: Duration,
    /// Wrong PINs from one address before it has to wait, and how long at most.
    pub free_failures: u32,
    pub longest_block: Duration,
    /// Calls to the outside that one account may have placed within an hour; 0: any number.
    pub dial_outs: u32,
    /// Calls from one address, where nothing was proven, that may wait for their answer or its ACK.
    pub unconfirmed_calls: usize,
}

/// What the descriptions of conferences say beside their title (RFC 4579 §5.1); `{number}` stands for the conference's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToldOfConferences {
    pub uri: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
}

impl ToldOfConferences {
    pub fn about(&self, number: &str, title: &str) -> About {
        let of = |template: &Option<String>| template.as_ref().map(|text| text.replace("{number}", number));
        let information = Some(title.to_owned()).filter(|title| !title.is_empty());
        About { information, uri: of(&self.uri), email: of(&self.email), phone: of(&self.phone) }
    }
}

/// A handle, which each part of each leg may hold.
#[derive(Clone, Debug)]
pub struct Calls(Arc<Ways>);

impl Deref for Calls {
    type Target = Ways;

    fn deref(&self) -> &Ways {
        &self.0
    }
}

#[derive(Debug)]
pub struct Ways {
    pub settings: CallSettings,
    pub routing: Routing,
    pub store: Store,
    pub registrar: RegistrarHandle,
    pub directory: Directory,
    pub trunks: Trunks,
    pub engine: EngineHandle,
    pub voice: Voice,
    endpoint: EndpointHandle,
    lines: mpsc::UnboundedSender<Line>,
    ids: AtomicU64,
    /// Makes the marks of calls that we passed on; of this process alone.
    pub marks: RandomState,
    /// Who typed wrong PINs, across calls.
    pub pins: PinPatience,
    /// Calls of strangers that are not connected yet.
    pub(in crate::call) unconfirmed: Unconfirmed,
    pub(in crate::call) dial_budget: DialBudget,
    pub(in crate::call) quality: QualityMetrics,
    /// How many media legs are open.
    open: watch::Sender<usize>,
}

/// What calls are made of.
#[derive(Debug)]
pub struct CallParts {
    pub settings: CallSettings,
    pub routing: Routing,
    pub store: Store,
    pub registrar: RegistrarHandle,
    pub directory: Directory,
    pub trunks: Trunks,
    pub engine: EngineHandle,
    pub voice: Voice,
    pub endpoint: EndpointHandle,
    pub metrics: Metrics,
}

impl CallParts {
    /// Takes calls from here on: those that come in by `sip`, and those that conferences place.
    pub fn start(
        self,
        sip: mpsc::Receiver<Event>,
        media: MediaEvents,
        dials: mpsc::Receiver<DialRequest>,
        desk: Desk,
    ) -> Calls {
        let (lines, plugs) = mpsc::unbounded_channel();
        let pins = PinPatience::new(self.settings.free_failures, self.settings.longest_block, &self.metrics);
        let calls = Calls(Arc::new(Ways {
            pins,
            dial_budget: DialBudget::new(self.settings.dial_outs),
            unconfirmed: Unconfirmed::new(self.settings.unconfirmed_calls),
            quality: QualityMetrics::new(&self.metrics),
            settings: self.settings,
            routing: self.routing,
            store: self.store,
            registrar: self.registrar,
            directory: self.directory,
            trunks: self.trunks,
            engine: self.engine,
            voice: self.voice,
            endpoint: self.endpoint,
            lines,
            ids: AtomicU64::new(2),
            marks: RandomState::new(),
            open: watch::Sender::new(0),
        }));
        tokio::spawn(Switchboard::new(calls.clone(), plugs).run(sip, media));
        tokio::spawn(dial::dial_all(calls.clone(), dials));
        let asking = calls.clone();
        tokio::spawn(desk.run(move |outgoing| asking.ask(outgoing)));
        calls
    }
}

/// Why a request that wants to be passed on is refused.
pub(in crate::call) const NO_RELAY: &str = "this server relays nothing to other domains";

/// How many inputs may wait for a leg: a phone that sends faster loses keys, nobody else.
const INBOX: usize = 64;

impl Calls {
    /// Sends to the SIP endpoint. A full mailbox loses the command; the leg's own timeouts clean up.
    pub fn sip(&self, command: Command) {
        if let Err(error) = self.endpoint.command(command) {
            warn!(%error, "SIP endpoint took no command");
        }
    }

    /// A password was proven from there: for the guard at the door it is no stranger.
    pub fn vouch_for(&self, source: &Source) {
        self.endpoint.vouch_for(source.remote.ip());
    }

    /// Who has proven by certificate to be where this came from (RFC 5922 §7.4): nobody, for most.
    pub fn proven(&self, source: &Source) -> Arc<DomainIdentities> {
        self.endpoint.proven(source.flow)
    }

    /// A call that is not served, for the counters.
    pub fn refused(&self, reason: Reason) {
        self.endpoint.counters().refused(reason);
    }

    pub fn media(&self, command: MediaCommand) {
        if let Err(error) = self.engine.send(command) {
            warn!(%error, "media engine took no command");
        }
    }

    /// A call of our own making. The endpoint counts its calls odd, we count ours even.
    pub fn next_call(&self) -> CallId {
        CallId(self.next_id())
    }

    pub fn next_request(&self) -> RequestId {
        RequestId(self.next_id())
    }

    /// Sends a request outside calls; its response comes to the trunks' desk.
    fn ask(&self, outgoing: OutgoingRequest) -> RequestId {
        let request = self.next_request();
        self.sip(Command::Request { request, outgoing: Box::new(outgoing) });
        request
    }

    fn next_id(&self) -> u64 {
        self.ids.fetch_add(2, Ordering::Relaxed)
    }

    pub fn inbox(&self) -> (mpsc::Sender<LegInput>, Inbox) {
        mpsc::channel(INBOX)
    }

    pub fn plug(&self, line: Line) {
        drop(self.lines.send(line)); // no switchboard: the server is going down
    }

    pub async fn find_dialog(&self, id: DialogId) -> FoundDialog {
        self.endpoint.find_dialog(id).await
    }

    /// From here on the events of this call come to this inbox.
    pub fn listen_to_call(&self, call: CallId, inbox: mpsc::Sender<LegInput>) {
        self.plug(Line::Call { call, inbox });
    }

    /// The response to this request of ours comes to this inbox.
    pub fn listen_to_response(&self, request: RequestId, inbox: mpsc::Sender<LegInput>) {
        drop(self.lines.send(Line::Request { request, inbox }));
    }

    /// The events of this subscription come to the inbox that is returned.
    pub fn listen_to_subscription(&self, subscription: SubscriptionId) -> Inbox {
        let (inbox, events) = self.inbox();
        self.plug(Line::Subscription { subscription, inbox });
        events
    }

    /// Our domain, or the very address that the request came to (RFC 4579 §4.2: a Contact of ours is dialled).
    pub fn is_ours(&self, host: &str, source: &Source) -> bool {
        let host_ip = host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        let advertised = self.settings.media_address;
        self.routing.is_own_domain(host) || host_ip.is_some_and(|ip| ip == source.local.ip() || ip == advertised)
    }

    /// Whether the sender takes this server for a proxy: a Route that leads on from here, to a domain that is none of ours.
    /// Without one it is only a wrong address (RFC 3261 §8.2.2.1).
    pub fn asks_for_relay(&self, request: &Request, dialled: &Dialled, source: &Source) -> bool {
        let leads_on = |route: NameAddr| {
            let host = route.uri.as_sip().map(|uri| uri.host().to_string());
            host.is_none_or(|host| !self.is_ours(&host, source))
        };
        let routes = || request.headers.routes().unwrap_or_default().into_iter();
        dialled.scheme != "tel" && !self.is_ours(&dialled.host, source) && routes().any(leads_on)
    }

    /// Returns when the last leg is closed, or after this time.
    pub async fn wait_until_over(&self, within: Duration) {
        let mut open = self.open.subscribe();
        drop(tokio::time::timeout(within, open.wait_for(|open| *open == 0)).await);
    }

    /// The address-of-record of an account.
    pub fn address_of(&self, account: &str) -> SipUri {
        SipUri::new(Some(account), self.settings.domain_host.clone(), None)
    }
}

/// A room for calls that are no conference; closed when dropped.
#[derive(Debug)]
pub struct MediaRoom {
    pub id: RoomId,
    calls: Calls,
}

impl MediaRoom {
    pub fn open(calls: &Calls) -> Self {
        Self { id: calls.engine.open_room(), calls: calls.clone() }
    }
}

impl Drop for MediaRoom {
    fn drop(&mut self) {
        self.calls.media(MediaCommand::CloseRoom { room: self.id });
    }
}

/// The media half of a leg: closed when dropped, so that no way out of a call leaks a port.
#[derive(Debug)]
pub struct MediaLeg {
    pub id: LegId,
    opened: OpenedLeg,
    calls: Calls,
}

impl MediaLeg {
    /// Opens ports on the shard of `room`. Events of the leg come to `inbox`.
    pub fn open(
        calls: &Calls,
        room: RoomId,
        port: PortUse,
        inbox: &mpsc::Sender<LegInput>,
    ) -> Result<Self, EngineError> {
        let opened = calls.engine.open_leg_at(room, port).inspect_err(|error| {
            if matches!(error, EngineError::Overloaded { .. }) {
                calls.refused(Reason::Overload);
            }
        })?;
        let leg = Self { id: opened.leg, opened, calls: calls.clone() };
        calls.open.send_modify(|open| *open += 1);
        calls.plug(Line::Media { leg: leg.id, inbox: inbox.clone() });
        Ok(leg)
    }

    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Of the leg's audio, like no other's on this server (RFC 4574).
    pub fn label(&self) -> String {
        format!("a{}", self.id.0)
    }

    pub fn negotiator(&self, policy: MediaPolicy, signalling: Signalling) -> Negotiator {
        let settings = &self.calls.settings;
        let local = LocalMedia {
            address: settings.media_address,
            rtp_port: self.opened.rtp_port,
            rtcp_port: self.opened.rtcp_port,
            is_shared: self.opened.is_shared,
        };
        let certificate = self.calls.engine.fingerprint();
        Negotiator::new(policy, local, signalling, Entropy::system())
            .with_certificate(certificate)
            .with_label(self.label())
    }
}

impl Drop for MediaLeg {
    fn drop(&mut self) {
        self.calls.media(MediaCommand::CloseLeg { leg: self.id });
        self.calls.plug(Line::MediaClosed { leg: self.id });
        self.calls.open.send_modify(|open| *open -= 1);
    }
}
