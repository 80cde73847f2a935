//! A call that we place: every phone of the person at once; who answers first is it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use plenary_dialplan::{self as dialplan, Action};
use plenary_media::engine::MediaCommand;
use plenary_media::{LegId, RoomId};
use plenary_sip::endpoint::{Body, CallId, Command, ContactTemplate, Ending, Event, OutgoingInvite};
use plenary_sip::message::{Header, HeaderName, NameAddr, Response, SipUri, StatusCode, Uri};
use plenary_sip::net_types::Transport;
use tokio::sync::mpsc;
use tracing::{debug, info};

use super::calls::{Calls, MediaLeg};
use super::connected::ConnectedLeg;
use super::early;
use super::fork::{Fork, Verdict};
use super::identity::Dialled;
use super::negotiate::{MediaPolicy, Negotiator, OfferProfile, Signalling, SrtpPolicy};
use super::routing::Asked;
use super::switchboard::{Inbox, LegInput};
use crate::conference::{Cause, LegNews};
use crate::registrar::Target;
use crate::trunk::{LiveTrunk, Presented, TrunkLeg, cause_of_headers, reason_of_status, status_of_cause};

/// Whom to call, and as whom.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub whom: Whom,
    pub from: NameAddr,
    /// Who calls, to a trunk.
    pub presented: Presented,
    pub contact: ContactTemplate,
    pub headers: Vec<Header>,
    /// The leg's ports are opened on the shard of this room.
    pub room: RoomId,
    pub ring_for: Duration,
    /// Phones that may ring at once, the first of the person's.
    pub branches: usize,
    /// Whether somebody listens to what comes before the answer.
    pub early_media: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Whom {
    /// A URI, which is also what To says.
    Address(String),
    /// A number out there; without a name through any trunk that carries it.
    Trunk { name: Option<String>, number: String },
}

/// Why nobody could even be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreached {
    #[error("there is no such account")]
    Unknown, // 404
    #[error("no phone of this account is registered")]
    NoPhone, // 480
    #[error("the dialplan does not let it out")]
    NotAllowed, // 403
    #[error("{why}")]
    NoTrunk { why: String }, // 503
    #[error("there are no media ports left")]
    NoMedia, // 503
}

impl Unreached {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::NoPhone => StatusCode::TEMPORARILY_UNAVAILABLE,
            Self::NotAllowed => StatusCode::FORBIDDEN,
            Self::NoTrunk { .. } | Self::NoMedia => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub fn news(&self) -> LegNews {
        let cause = match self {
            Self::Unknown => Cause::NotFound,
            Self::NotAllowed => Cause::Declined,
            Self::NoPhone | Self::NoTrunk { .. } | Self::NoMedia => Cause::Unreachable,
        };
        LegNews::Ended { cause, status: Some(self.status().as_u16()) }
    }
}

/// What happens while it rings.
#[derive(Debug)]
pub(super) enum Step {
    /// The first phone rings, or says what else goes on there.
    Ringing(StatusCode),
    /// The media of this leg can be heard already (RFC 3960).
    EarlyMedia(LegId),
    /// Connected, not in the room yet.
    Answered(Box<ConnectedLeg>),
    /// Nobody answered, and nobody will.
    Nobody(Ending),
}

/// One way to reach the person: a phone, or a trunk.
#[derive(Debug)]
struct Way {
    target: Target,
    to: NameAddr,
    through: Option<Through>,
}

#[derive(Debug)]
struct Through {
    trunk: Arc<LiveTrunk>,
    leg: TrunkLeg,
}

/// One phone that rings.
#[derive(Debug)]
struct Branch {
    way: Way,
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
    /// Trunks to be tried when the one before carries nothing.
    spare: VecDeque<Way>,
    early: bool,
    rang: bool,
}

impl Outgoing {
    /// Rings all phones of the person; fails where there is none.
    pub async fn start(calls: &Calls, wanted: Wanted) -> Result<Self, Unreached> {
        let mut ways = calls.ways_to(&wanted).await?;
        let (line, inbox) = calls.inbox();
        let (fork, branches) = (Fork::default(), HashMap::new());
        let in_turn = ways.iter().all(|way| way.through.is_some());
        let at_once = if in_turn { 1 } else { wanted.branches };
        let spare: VecDeque<_> = ways.drain(at_once.min(ways.len())..).filter(|_| in_turn).collect();
        let (early, rang) = (false, false);
        let mut outgoing = Self { calls: calls.clone(), wanted, line, inbox, fork, branches, spare, early, rang };
        for way in ways {
            let profile = first_profile(&outgoing.policy(&way), &way.target);
            outgoing.ring(way, profile);
        }
        if outgoing.fork.calls().is_empty() { Err(Unreached::NoMedia) } else { Ok(outgoing) }
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
                None => Some(Step::Nobody(Ending::ByUs)),
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    /// Cancels all and waits for their ends, so that no phone is left ringing.
    pub async fn call_off(&mut self) {
        for call in self.fork.calls() {
            self.calls.sip(Command::Hangup { call: *call, headers: Vec::new() });
        }
        while !self.fork.calls().is_empty() {
            match self.inbox.recv().await {
                Some(LegInput::Sip(Event::Ended { call, why })) => drop(self.fork.handle_ending(call, why)),
                Some(_) => {}
                None => return,
            }
        }
    }

    fn ring(&mut self, way: Way, profile: OfferProfile) {
        let call = self.calls.next_call();
        let media = match MediaLeg::open(&self.calls, self.wanted.room, &self.line) {
            Ok(media) => media,
            Err(error) => {
                info!(%error, "no media for an outgoing call");
                return self.fork.note(own_finding(StatusCode::SERVICE_UNAVAILABLE));
            }
        };
        let mut negotiator = media.negotiator(self.policy(&way), signalling(&way.target));
        negotiator.set_offer_profile(profile);
        let offer = match negotiator.offer() {
            Ok(offer) => Body::sdp(offer),
            Err(error) => {
                info!(%error, "nothing can be offered");
                return self.fork.note(own_finding(StatusCode::NOT_ACCEPTABLE_HERE));
            }
        };
        let invite = self.invite(&way, offer);
        self.calls.listen_to_call(call, self.line.clone());
        self.fork.begin(call);
        self.branches.insert(call, Branch { way, profile, media, negotiator });
        self.calls.sip(Command::Invite { call, invite: Box::new(invite) });
    }

    fn policy(&self, way: &Way) -> MediaPolicy {
        self.calls.settings.media.through(way.through.as_ref().map(|through| through.trunk.as_ref()))
    }

    fn invite(&self, way: &Way, offer: Body) -> OutgoingInvite {
        let (wanted, target) = (self.wanted.clone(), &way.target);
        let leg = way.through.as_ref().map(|through| &through.leg);
        let said = leg.map(|leg| leg.headers.clone()).unwrap_or_default();
        OutgoingInvite {
            request_uri: target.uri.clone(),
            from: leg.map_or(wanted.from, |leg| leg.from.clone()),
            to: way.to.clone(),
            contact: wanted.contact,
            route: target.path.clone(),
            flow: target.flow,
            headers: wanted.headers.into_iter().chain(said).collect(),
            offer: Some(offer),
            ring_for: wanted.ring_for,
            login: leg.and_then(|leg| leg.login.clone()),
        }
    }

    fn handle_sip(&mut self, event: Event) -> Option<Step> {
        match event {
            Event::Progress { call, response } => self.handle_progress(call, &response),
            Event::Established { call, body, .. } => self.handle_answer(call, body),
            Event::Ended { call, why } => self.handle_ending(call, why),
            event => {
                debug!(?event, "before the answer");
                None
            }
        }
    }

    fn handle_progress(&mut self, call: CallId, response: &Response) -> Option<Step> {
        let branch = self.branches.get_mut(&call)?;
        if let Some(answer) = early::sdp_of(response).filter(|_| self.wanted.early_media && !self.early)
            && let Ok(plan) = branch.negotiator.accept_answer(&answer)
        {
            (self.early, self.rang) = (true, true);
            self.calls.media(MediaCommand::Connect { leg: branch.media.id, plan: Box::new(plan) });
            return Some(Step::EarlyMedia(branch.media.id));
        }
        (!std::mem::replace(&mut self.rang, true)).then_some(Step::Ringing(response.status))
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
        let trunk = branch.way.through.as_ref().map(|through| through.trunk.trunk());
        let farewell = trunk.filter(|trunk| trunk.settings.q850_reason).map(|_| reason_of_status(200));
        let leg = ConnectedLeg::new(call, branch.media, branch.negotiator, &plan);
        let leg = leg.saying(farewell.into_iter().collect());
        self.calls.media(MediaCommand::Connect { leg: leg.media.id, plan: Box::new(plan) });
        Some(Step::Answered(Box::new(leg)))
    }

    fn handle_ending(&mut self, call: CallId, why: Ending) -> Option<Step> {
        let mut why = why;
        if let Some(branch) = self.branches.remove(&call) {
            // Begun before the old one is struck off: the fork never looks empty in between.
            if let Some(profile) = self.other_profile(&branch, &why) {
                self.ring(branch.way, profile);
            } else if branch.way.through.is_some() {
                if let Some(next) = self.spare.pop_front().filter(|_| carries_nothing(&why)) {
                    info!(?why, "the next trunk is tried");
                    let profile = first_profile(&self.policy(&next), &next.target);
                    self.ring(next, profile);
                }
                why = by_cause(why);
            }
        }
        match self.fork.handle_ending(call, why) {
            Verdict::Waiting => None,
            Verdict::Nobody(ending) => Some(Step::Nobody(ending)),
        }
    }

    /// A phone that knows no `RTP/SAVP` says 488 to it: it is offered the other kind.
    fn other_profile(&self, branch: &Branch, why: &Ending) -> Option<OfferProfile> {
        let refused = matches!(why, Ending::Refused { status, .. } if matches!(status.as_u16(), 415 | 488 | 606));
        branch.profile.after_refusal(&self.policy(&branch.way)).filter(|_| refused)
    }
}

/// The trunk itself failed, not the person at its far end.
fn carries_nothing(why: &Ending) -> bool {
    matches!(why, Ending::Refused { status, response } if match status.as_u16() {
        408 => response.is_none(),
        500 | 502 | 503 | 504 => true,
        _ => false,
    })
}

/// What the telephone network said goes before the status that a gateway made of it (RFC 3398 §7.2.4.1).
fn by_cause(why: Ending) -> Ending {
    match why {
        Ending::Refused { status, response: Some(response) } => {
            let cause = cause_of_headers(&response.headers).and_then(status_of_cause).and_then(StatusCode::new);
            Ending::Refused { status: cause.unwrap_or(status), response: Some(response) }
        }
        other => other,
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
    /// Where somebody can be called: the phones of an account, a trunk, or the address itself.
    async fn ways_to(&self, wanted: &Wanted) -> Result<Vec<Way>, Unreached> {
        let address = match &wanted.whom {
            Whom::Address(address) => address,
            Whom::Trunk { name, number } => return self.trunks_to(name.as_deref(), number, wanted),
        };
        let uri: Uri = address.parse().map_err(|_| Unreached::Unknown)?;
        let to = NameAddr::new(uri.clone());
        let way = |target| Way { target, to: to.clone(), through: None };
        // With a port it is a machine that is meant, even one with our domain's address.
        let foreign = |sip: &SipUri| !self.routing.is_own_domain(&sip.host().to_string()) || sip.port().is_some();
        let user = match &uri {
            Uri::Sip(sip) if foreign(sip) => return Ok(vec![way(Target::of_uri(uri))]),
            Uri::Sip(sip) => sip.user().map(|user| user.into_owned()).unwrap_or_default(),
            Uri::Tel(_) => return self.dial_number(&uri, wanted).await,
            Uri::Other(_) => return Err(Unreached::Unknown),
        };
        if self.store.account(&user).await.is_err() {
            return self.dial_number(&uri, wanted).await;
        }
        let targets = self.registrar.targets(&user).await;
        if targets.is_empty() { Err(Unreached::NoPhone) } else { Ok(targets.into_iter().map(way).collect()) }
    }

    /// A number that a conference calls: the dialplan sees an account, whose name is the conference's number.
    async fn dial_number(&self, uri: &Uri, wanted: &Wanted) -> Result<Vec<Way>, Unreached> {
        if matches!(uri, Uri::Tel(tel) if !tel.is_complete()) {
            return Err(Unreached::Unknown);
        }
        let dialled = Dialled::of(uri).ok_or(Unreached::Unknown)?;
        let local = dialled.host.is_empty() || self.routing.is_own_domain(&dialled.host);
        let from = format!("{}@{}", wanted.presented.user, self.settings.domain);
        let caller = dialplan::Caller::Account(&wanted.presented.user);
        let asked = Asked { from: &from, caller, transport: "", dialled: &dialled, local };
        match self.routing.route(asked).await.action {
            Action::Trunk { name, number } => self.trunks_to(name.as_deref(), &number, wanted),
            Action::Refuse { status: 403, .. } => Err(Unreached::NotAllowed),
            _ => Err(Unreached::Unknown),
        }
    }

    fn trunks_to(&self, name: Option<&str>, number: &str, wanted: &Wanted) -> Result<Vec<Way>, Unreached> {
        let trunks = self.trunks.snapshot();
        let through = |trunk: Arc<LiveTrunk>| {
            let leg = trunk.leg(number, &wanted.presented);
            let target = Target {
                flow: leg.flow,
                path: leg.route.clone(),
                transport: trunk.is_secure().then_some(Transport::Tls),
                ..Target::of_uri(leg.request_uri.clone())
            };
            Way { target, to: leg.to.clone(), through: Some(Through { trunk, leg }) }
        };
        let ways: Vec<_> = trunks.carriers(name).into_iter().map(through).collect();
        if ways.is_empty() { Err(Unreached::NoTrunk { why: trunks.why_none(name) }) } else { Ok(ways) }
    }
}

fn own_finding(status: StatusCode) -> Ending {
    Ending::Refused { status, response: None }
}
