//! A call that we place: the phones of the person, the preferred ones first; who answers first is it.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use plenary_media::engine::{MediaCommand, PortUse};
use plenary_media::{LegId, RoomId};
use plenary_sip::endpoint::{Body, CallId, Command, ContactTemplate, Ending, Event, OutgoingInvite};
use plenary_sip::guard::Reason;
use plenary_sip::message::{Header, HeaderName, NameAddr, Response, StatusCode};
use plenary_sip::net_types::Transport;
use plenary_sip::sdp::About;
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use crate::call::arriving::early;
use crate::call::calls::{Calls, MediaLeg};
use crate::call::negotiate::{MediaPolicy, Negotiator, OfferProfile, Signalling, SrtpPolicy};
use crate::call::placing::fork::{self, Fork};
use crate::call::placing::way::{Way, Whom, by_cause};
use crate::call::switchboard::{Inbox, LegInput};
use crate::call::talking::connected::{ConnectedLeg, reason_no_agreement};
use crate::call::talking::other::{Asked, Owner};
use crate::conference::{Cause, LegLink, LegNews};
use crate::registrar::Target;
use crate::trunk::{Presented, reason_of_status};

/// Whom to call, and as whom.
#[derive(Clone, Debug)]
pub(in crate::call) struct Wanted {
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
    /// The participant that is called, where a conference calls.
    pub conference: Option<LegLink>,
    /// The one phone that is meant (RFC 5627); else all of the person's.
    pub only: Option<Target>,
    /// Whether somebody listens to what comes before the answer.
    pub early_media: bool,
    /// What our descriptions say of the session.
    pub about: About,
    /// The account whose wish it is, which pays for calls to the outside.
    pub by: Option<String>,
    /// Where whoever chose the address is, if it was somebody outside: a REFER.
    pub named_by: Option<IpAddr>,
}

/// How long the preferred phones ring when there are others to try.
const PREFERRED_RING_FOR: Duration = Duration::from_secs(20);

/// Why nobody could even be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::call) enum Unreached {
    #[error("there is no such account")]
    Unknown, // 404
    #[error("no phone of this account is registered")]
    NoPhone, // 480
    #[error("the dialplan does not let it out")]
    NotAllowed, // 403
    #[error("{account} has had as many calls placed to the outside as it may within an hour")]
    Spent { account: String }, // 403
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
            Self::NotAllowed | Self::Spent { .. } => StatusCode::FORBIDDEN,
            Self::NoTrunk { .. } | Self::NoMedia => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub fn news(&self) -> LegNews {
        let cause = match self {
            Self::Unknown => Cause::NotFound,
            Self::NotAllowed | Self::Spent { .. } => Cause::Declined,
            Self::NoPhone | Self::NoTrunk { .. } | Self::NoMedia => Cause::Unreachable,
        };
        LegNews::Ended { cause, status: Some(self.status().as_u16()) }
    }
}

/// What happens while it rings.
#[derive(Debug)]
pub(in crate::call) enum Step {
    /// The first phone rings, or says what else goes on there.
    Ringing(StatusCode),
    /// The media of this leg can be heard already (RFC 3960).
    EarlyMedia(LegId),
    /// Connected, not in the room yet.
    Answered(Box<ConnectedLeg>),
    /// Nobody answered, and nobody will.
    Nobody(Ending),
}

/// Calls to the outside are counted against the account that wishes for them.
fn charge(calls: &Calls, wanted: &Wanted, ways: &VecDeque<Way>) -> Result<(), Unreached> {
    let Some(account) = wanted.by.as_ref().filter(|_| ways.iter().any(Way::leads_outside)) else { return Ok(()) };
    if calls.dial_budget.take(account, Instant::now()) {
        return Ok(());
    }
    warn!(account, "has had as many calls placed to the outside as it may: is its password known to others?");
    calls.refused(Reason::DialOuts);
    Err(Unreached::Spent { account: account.clone() })
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
pub(in crate::call) struct Outgoing {
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
        let mut ways: VecDeque<_> = calls.ways_to(&wanted).await?.into();
        charge(calls, &wanted, &ways)?;
        let (line, inbox) = calls.inbox();
        // Trunks take turns, and the next only where the one before fails; phones ring as the fork says.
        let in_turn = ways.iter().all(|way| way.through.is_some());
        let spare = if in_turn && !ways.is_empty() { ways.split_off(1) } else { VecDeque::new() };
        let (fork, branches) = (Fork::new(ways, wanted.branches), HashMap::new());
        let (early, rang) = (false, false);
        let mut outgoing = Self { calls: calls.clone(), wanted, line, inbox, fork, branches, spare, early, rang };
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
        while let Some(way) = self.fork.poll_way() {
            self.ring_first(way);
        }
    }

    fn ring_first(&mut self, way: Way) {
        let profile = first_profile(&self.policy(&way), &way.target);
        self.ring(way, profile);
    }

    fn ring(&mut self, way: Way, profile: OfferProfile) {
        let call = self.calls.next_call();
        let media = match MediaLeg::open(&self.calls, self.wanted.room, port_for(profile), &self.line) {
            Ok(media) => media,
            Err(error) => {
                info!(%error, "no media for an outgoing call");
                return self.fork.note(own_finding(StatusCode::SERVICE_UNAVAILABLE));
            }
        };
        let negotiator = media.negotiator(self.policy(&way), signalling(&way.target));
        let mut negotiator = negotiator.with_about(self.wanted.about.clone());
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
        self.fork.begin(call, &way);
        let account = way.target.account.clone();
        self.branches.insert(call, Branch { way, profile, media, negotiator });
        self.calls.sip(Command::Invite { call, invite: Box::new(invite) });
        if let Some(account) = account {
            self.calls.sip(Command::Belongs { call, account });
        }
    }

    fn policy(&self, way: &Way) -> MediaPolicy {
        self.calls.settings.media.through(way.through.as_ref().map(|through| through.trunk.as_ref()))
    }

    fn invite(&self, way: &Way, offer: Body) -> OutgoingInvite {
        let (wanted, target) = (self.wanted.clone(), &way.target);
        let leg = way.through.as_ref().map(|through| &through.leg);
        let host = way.through.as_ref().and_then(|through| through.trunk.contact_host());
        let said = leg.map(|leg| leg.headers.clone()).unwrap_or_default();
        OutgoingInvite {
            request_uri: target.uri.clone(),
            from: leg.map_or(wanted.from, |leg| leg.from.clone()),
            to: way.to.clone(),
            contact: ContactTemplate { host, ..wanted.contact },
            route: target.path.clone(),
            flow: target.flow,
            headers: wanted.headers.into_iter().chain(said).collect(),
            offer: Some(offer),
            ring_for: if self.fork.has_more() { PREFERRED_RING_FOR.min(wanted.ring_for) } else { wanted.ring_for },
            login: leg.and_then(|leg| leg.login.clone()),
            named_by: wanted.named_by.filter(|_| leg.is_none()),
        }
    }

    fn handle_sip(&mut self, event: Event) -> Option<Step> {
        match event {
            Event::Progress { call, response } => self.handle_progress(call, &response),
            Event::Established { call, body, response, .. } => self.handle_answer(call, body, response.as_deref()),
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

    fn handle_answer(&mut self, call: CallId, answer: Option<Body>, said: Option<&Response>) -> Option<Step> {
        let Some(mut branch) = self.branches.remove(&call) else {
            self.calls.sip(Command::Hangup { call, headers: Vec::new() });
            return None;
        };
        let plan = match answer.as_ref().map(|answer| branch.negotiator.accept_answer(&answer.content)) {
            Some(Ok(plan)) => plan,
            unusable => {
                info!(?unusable, "an answer that cannot be used");
                self.calls.sip(Command::Hangup { call, headers: vec![reason_no_agreement()] });
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
        let said = said.map(|response| response.headers.clone()).unwrap_or_default();
        let leg = ConnectedLeg::new(call, branch.media, branch.negotiator, &plan, &said);
        let leg = leg.saying(farewell.into_iter().collect());
        self.calls.media(MediaCommand::Connect { leg: leg.media.id, plan: Box::new(plan) });
        Some(Step::Answered(leg))
    }

    fn handle_ending(&mut self, call: CallId, why: Ending) -> Option<Step> {
        let mut why = why;
        if let Some(branch) = self.branches.remove(&call) {
            // Begun before the old one is struck off: the fork never looks empty in between.
            if let Some(profile) = self.other_profile(&branch, &why) {
                self.ring(branch.way, profile);
            } else if branch.way.through.is_some() {
                if branch.way.carries_nothing(&why)
                    && let Some(next) = self.spare.pop_front()
                {
                    info!(?why, "the next trunk is tried");
                    self.ring_first(next);
                }
                why = by_cause(why);
            } else if fork::is_flow_failed(&why)
                && let Some(target) = branch.way.target.by_next_flow()
            {
                info!("the phone's next flow is tried");
                self.ring(Way { target, ..branch.way }, branch.profile);
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
    fn other_profile(&self, branch: &Branch, why: &Ending) -> Option<OfferProfile> {
        let refused = matches!(why, Ending::Refused { status, .. } if matches!(status.as_u16(), 415 | 488 | 606));
        branch.profile.after_refusal(&self.policy(&branch.way)).filter(|_| refused)
    }
}

/// What comes over a WebSocket is a browser.
fn own_finding(status: StatusCode) -> Ending {
    Ending::Refused { status, response: None }
}

fn first_profile(policy: &MediaPolicy, target: &Target) -> OfferProfile {
    match target.transport {
        Some(Transport::Ws | Transport::Wss) if policy.srtp != SrtpPolicy::Off => OfferProfile::Dtls,
        _ => OfferProfile::first(policy, &signalling(target)),
    }
}

/// What is offered with ICE is met by ICE.
fn port_for(profile: OfferProfile) -> PortUse {
    match profile {
        OfferProfile::Dtls => PortUse::Shared,
        OfferProfile::Plain | OfferProfile::Opportunistic | OfferProfile::Savp => PortUse::Own,
    }
}

fn signalling(target: &Target) -> Signalling {
    let secure = target.transport.is_some_and(|transport| transport.is_secure());
    Signalling { secure, source: target.remote.map(|remote| remote.ip()) }
}
