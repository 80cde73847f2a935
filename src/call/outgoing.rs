//! A call that we place: the phones of the person, the preferred ones first; who answers first is it.

use std::collections::HashMap;
use std::time::Duration;

use plenary_media::RoomId;
use plenary_media::engine::MediaCommand;
use plenary_sip::endpoint::{Body, CallId, Command, ContactTemplate, Ending, Event, OutgoingInvite};
use plenary_sip::message::{Header, HeaderName, NameAddr, StatusCode, Uri};
use plenary_sip::net_types::Transport;
use tokio::sync::mpsc;
use tracing::{debug, info};

use super::calls::{Calls, MediaLeg};
use super::connected::ConnectedLeg;
use super::fork::{self, Fork};
use super::negotiate::{MediaPolicy, Negotiator, OfferProfile, Signalling, SrtpPolicy};
use super::other::{Asked, Owner};
use super::switchboard::{Inbox, LegInput};
use crate::address::account_of;
use crate::conference::{Cause, LegLink, LegNews};
use crate::registrar::Target;

/// Whom to call, and as whom.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// A URI, which is also what To says.
    pub address: String,
    pub from: NameAddr,
    pub contact: ContactTemplate,
    pub headers: Vec<Header>,
    /// The leg's ports are opened on the shard of this room.
    pub room: RoomId,
    pub ring_for: Duration,
    /// Phones that may ring at once, the first of the person's.
    pub branches: usize,
    /// The participant that is called, where a conference calls.
    pub conference: Option<LegLink>,
    /// The one phone that is meant (RFC 5627); else all of the person's.
    pub only: Option<Target>,
}

/// How long the preferred phones ring when there are others to try.
const PREFERRED_RING_FOR: Duration = Duration::from_secs(20);

/// Why nobody could even be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreached {
    #[error("there is no such account")]
    Unknown, // 404
    #[error("no phone of this account is registered")]
    NoPhone, // 480
    #[error("it is a telephone number, and no trunk is configured")]
    NoTrunk, // 503
    #[error("there are no media ports left")]
    NoMedia, // 503
}

impl Unreached {
    pub fn status(self) -> StatusCode {
        match self {
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::NoPhone => StatusCode::TEMPORARILY_UNAVAILABLE,
            Self::NoTrunk | Self::NoMedia => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub fn news(self) -> LegNews {
        let cause = if self == Self::Unknown { Cause::NotFound } else { Cause::Unreachable };
        LegNews::Ended { cause, status: Some(self.status().as_u16()) }
    }
}

/// What happens while it rings.
#[derive(Debug)]
pub(super) enum Step {
    /// The first phone rings.
    Ringing,
    /// Connected, not in the room yet.
    Answered(Box<ConnectedLeg>),
    /// Nobody answered, and nobody will.
    Nobody(Ending),
}

/// One phone that rings.
#[derive(Debug)]
struct Branch {
    target: Target,
    profile: OfferProfile,
    media: MediaLeg,
    negotiator: Negotiator,
}

#[derive(Debug)]
pub(super) struct Outgoing {
    calls: Calls,
    wanted: Wanted,
    line: mpsc::Sender<LegInput>,
    pub inbox: Inbox,
    fork: Fork,
    branches: HashMap<CallId, Branch>,
    rang: bool,
}

impl Outgoing {
    /// Rings all phones of the person; fails where there is none.
    pub async fn start(calls: &Calls, wanted: Wanted) -> Result<Self, Unreached> {
        let targets = match &wanted.only {
            Some(target) => vec![target.clone()],
            None => calls.targets_of(&wanted.address).await?,
        };
        let (line, inbox) = calls.inbox();
        let (fork, branches) = (Fork::new(targets, wanted.branches), HashMap::new());
        let mut outgoing = Self { calls: calls.clone(), wanted, line, inbox, fork, branches, rang: false };
        outgoing.ring_next();
        if outgoing.fork.is_ringing() { Ok(outgoing) } else { Err(Unreached::NoMedia) }
    }

    /// What happens next. Nothing is lost when the wait is given up halfway.
    pub async fn next(&mut self) -> Step {
        loop {
            let step = match self.inbox.recv().await {
                Some(LegInput::Sip(event)) => self.handle_sip(event),
                Some(LegInput::Media(event)) => {
                    debug!(?event, "before the answer");
                    None
                }
                Some(LegInput::Asked(Asked::Owner { reply })) => {
                    let conference = self.wanted.conference.clone();
                    conference.map(|link| reply.send(Owner::Participant(link)));
                    None
                }
                Some(LegInput::Asked(_)) => None, // nobody is there yet
                None => Some(Step::Nobody(Ending::ByUs)),
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    /// Cancels all and waits for their ends, so that no phone is left ringing. `why`: Reason, where there is one.
    pub async fn call_off(&mut self, why: Vec<Header>) {
        for call in self.fork.call_off() {
            self.calls.sip(Command::Hangup { call, headers: why.clone() });
        }
        while self.fork.is_ringing() {
            match self.inbox.recv().await {
                Some(LegInput::Sip(Event::Ended { call, why })) => drop(self.fork.handle_ending(call, why)),
                Some(_) => {}
                None => return,
            }
        }
    }

    /// Rings whoever is to ring now.
    fn ring_next(&mut self) {
        while let Some(target) = self.fork.poll_target() {
            let profile = first_profile(&self.calls.settings.media, &target);
            self.ring(target, profile);
        }
    }

    fn ring(&mut self, target: Target, profile: OfferProfile) {
        let call = self.calls.next_call();
        let media = match MediaLeg::open(&self.calls, self.wanted.room, &self.line) {
            Ok(media) => media,
            Err(error) => {
                info!(%error, "no media for an outgoing call");
                return self.fork.note(own_finding(StatusCode::SERVICE_UNAVAILABLE));
            }
        };
        let mut negotiator = media.negotiator(signalling(&target));
        negotiator.set_offer_profile(profile);
        let offer = match negotiator.offer() {
            Ok(offer) => Body::sdp(offer),
            Err(error) => {
                info!(%error, "nothing can be offered");
                return self.fork.note(own_finding(StatusCode::NOT_ACCEPTABLE_HERE));
            }
        };
        let invite = self.invite(&target, offer);
        self.calls.listen_to_call(call, self.line.clone());
        self.fork.begin(call, &target);
        self.branches.insert(call, Branch { target, profile, media, negotiator });
        self.calls.sip(Command::Invite { call, invite: Box::new(invite) });
    }

    fn invite(&self, target: &Target, offer: Body) -> OutgoingInvite {
        let wanted = self.wanted.clone();
        OutgoingInvite {
            request_uri: target.uri.clone(),
            from: wanted.from,
            // It was read once already, to find the targets.
            to: NameAddr::new(wanted.address.parse().unwrap_or_else(|_| target.uri.clone())),
            contact: wanted.contact,
            route: target.path.clone(),
            flow: target.flow,
            headers: wanted.headers,
            offer: Some(offer),
            ring_for: if self.fork.has_more() { PREFERRED_RING_FOR.min(wanted.ring_for) } else { wanted.ring_for },
        }
    }

    fn handle_sip(&mut self, event: Event) -> Option<Step> {
        match event {
            Event::Progress { call, response } => {
                let rings = response.status != StatusCode::TRYING && self.branches.contains_key(&call);
                (rings && !std::mem::replace(&mut self.rang, true)).then_some(Step::Ringing)
            }
            Event::Established { call, body, .. } => self.handle_answer(call, body),
            Event::Ended { call, why } => self.handle_ending(call, why),
            event => {
                debug!(?event, "before the answer");
                None
            }
        }
    }

    fn handle_answer(&mut self, call: CallId, answer: Option<Body>) -> Option<Step> {
        let Some(mut branch) = self.branches.remove(&call) else {
            self.calls.sip(Command::Hangup { call, headers: Vec::new() });
            return None;
        };
        let plan = match answer.as_ref().map(|answer| branch.negotiator.accept_answer(&answer.content)) {
            Some(Ok(plan)) => plan,
            unusable => {
                info!(?unusable, "an answer that cannot be used");
                self.calls.sip(Command::Hangup { call, headers: Vec::new() });
                return self.handle_ending(call, own_finding(StatusCode::NOT_ACCEPTABLE_HERE));
            }
        };
        for loser in self.fork.handle_answer(call) {
            let reason = Header::new(HeaderName::Reason, "SIP;cause=200;text=\"Call completed elsewhere\"");
            self.calls.sip(Command::Hangup { call: loser, headers: vec![reason] });
        }
        self.branches.clear();
        let leg = ConnectedLeg::new(call, branch.media, branch.negotiator, &plan);
        self.calls.media(MediaCommand::Connect { leg: leg.media.id, plan: Box::new(plan) });
        Some(Step::Answered(Box::new(leg)))
    }

    fn handle_ending(&mut self, call: CallId, why: Ending) -> Option<Step> {
        if let Some(branch) = self.branches.remove(&call) {
            // Begun before the old one is struck off: the fork never looks empty in between.
            if let Some(profile) = self.other_profile(branch.profile, &why) {
                self.ring(branch.target, profile);
            } else if fork::is_flow_failed(&why)
                && let Some(next) = branch.target.by_next_flow()
            {
                info!("the phone's next flow is tried");
                self.ring(next, branch.profile);
            }
        }
        let reason = Header::new(HeaderName::Reason, "SIP;cause=603;text=\"Declined\"");
        for other in self.fork.handle_ending(call, why) {
            self.calls.sip(Command::Hangup { call: other, headers: vec![reason.clone()] });
        }
        self.ring_next();
        self.fork.poll_nobody().map(Step::Nobody)
    }

    /// A phone that knows no `RTP/SAVP` says 488 to it: it is offered the other kind.
    fn other_profile(&self, profile: OfferProfile, why: &Ending) -> Option<OfferProfile> {
        let refused = matches!(why, Ending::Refused { status, .. } if matches!(status.as_u16(), 415 | 488 | 606));
        profile.after_refusal(&self.calls.settings.media).filter(|_| refused)
    }
}

/// What comes over a WebSocket is a browser.
fn first_profile(policy: &MediaPolicy, target: &Target) -> OfferProfile {
    match target.transport {
        Some(Transport::Ws | Transport::Wss) if policy.srtp != SrtpPolicy::Off => OfferProfile::Dtls,
        _ => OfferProfile::first(policy, &signalling(target)),
    }
}

fn signalling(target: &Target) -> Signalling {
    let secure = target.transport.is_some_and(|transport| transport.is_secure());
    Signalling { secure, source: target.remote.map(|remote| remote.ip()) }
}

impl Calls {
    /// The account of this server that was called by this address.
    pub(super) async fn account_called(&self, address: &str) -> Option<String> {
        let account = account_of(address, &self.settings.domain)?;
        self.store.account(&account).await.ok().map(|account| account.name)
    }

    /// Where an address can be called: the phones of an account, or the address itself.
    async fn targets_of(&self, address: &str) -> Result<Vec<Target>, Unreached> {
        let uri: Uri = address.parse().map_err(|_| Unreached::Unknown)?;
        let Uri::Sip(sip) = &uri else { return Err(Unreached::NoTrunk) };
        let user = sip.user().map(|user| user.into_owned()).unwrap_or_default();
        // With a port it is a machine that is meant, even one with our domain's address.
        let foreign = !self.is_own_domain(&sip.host().to_string()) || sip.port().is_some();
        if foreign {
            return Ok(vec![Target::of_uri(uri)]);
        }
        self.store.account(&user).await.map_err(|_| Unreached::Unknown)?;
        let targets = self.registrar.targets(&user).await;
        if targets.is_empty() { Err(Unreached::NoPhone) } else { Ok(targets) }
    }
}

fn own_finding(status: StatusCode) -> Ending {
    Ending::Refused { status, response: None }
}
