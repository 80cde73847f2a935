//! A call that a conference places: every phone of the person at once; who answers first is in.

use std::collections::HashMap;

use plenary_media::engine::MediaCommand;
use plenary_sip::endpoint::{Body, CallId, Command, ContactTemplate, Ending, Event, OutgoingInvite};
use plenary_sip::message::{Header, HeaderName, NameAddr, SipUri, StatusCode, Uri};
use tokio::sync::mpsc;
use tracing::{debug, info};

use super::calls::{Calls, MediaLeg};
use super::causes::news_of;
use super::connected::ConnectedLeg;
use super::fork::{Fork, Verdict};
use super::negotiate::{Negotiator, OfferProfile, Signalling};
use super::switchboard::{Inbox, LegInput};
use crate::conference::{DialRequest, LegNews};
use crate::registrar::Target;

/// Places the calls that conferences wish for, each in a task of its own.
pub(super) async fn dial_all(calls: Calls, mut requests: mpsc::Receiver<DialRequest>) {
    while let Some(request) = requests.recv().await {
        tokio::spawn(dial(calls.clone(), request));
    }
}

/// One phone that rings.
struct Branch {
    target: Target,
    profile: OfferProfile,
    media: MediaLeg,
    negotiator: Negotiator,
}

struct Outgoing {
    calls: Calls,
    request: DialRequest,
    line: mpsc::Sender<LegInput>,
    inbox: Inbox,
    fork: Fork,
    branches: HashMap<CallId, Branch>,
    rang: bool,
}

async fn dial(calls: Calls, request: DialRequest) {
    let (line, inbox) = calls.inbox();
    let mut outgoing =
        Outgoing { calls, request, line, inbox, fork: Fork::default(), branches: HashMap::new(), rang: false };
    match outgoing.reach().await {
        Ok(mut leg) => {
            let Outgoing { calls, request, inbox, .. } = &mut outgoing;
            leg.take().talk(calls, &request.link, &mut request.commands, inbox).await;
        }
        Err(ending) => {
            info!(participant = %outgoing.request.link.participant().0, ?ending, "not reached");
            outgoing.request.link.tell(news_of(&ending)).await;
        }
    }
}

impl Outgoing {
    /// Rings until somebody answers or nobody is left.
    async fn reach(&mut self) -> Result<Answered, Ending> {
        for target in self.calls.targets_of(&self.request.address).await? {
            let profile = OfferProfile::first(&self.calls.settings.media, &signalling(&target));
            self.ring(target, profile);
        }
        if self.fork.calls().is_empty() {
            return Err(own_finding(StatusCode::SERVICE_UNAVAILABLE));
        }
        loop {
            tokio::select! {
                input = self.inbox.recv() => match input {
                    Some(LegInput::Sip(event)) => if let Some(outcome) = self.handle_sip(event).await {
                        return outcome;
                    },
                    Some(LegInput::Media(event)) => debug!(?event, "before the answer"),
                    None => return Err(Ending::ByUs),
                },
                command = self.request.commands.recv() => {
                    debug!(?command, "called off");
                    self.call_off().await;
                    return Err(Ending::ByUs);
                },
            }
        }
    }

    fn ring(&mut self, target: Target, profile: OfferProfile) {
        let call = self.calls.next_call();
        let media = match MediaLeg::open(&self.calls, self.request.room, &self.line) {
            Ok(media) => media,
            Err(error) => {
                info!(%error, "no media for an outgoing call");
                return self.fork.note(own_finding(StatusCode::SERVICE_UNAVAILABLE));
            }
        };
        let mut negotiator = media.negotiator(signalling(&target));
        negotiator.set_offer_profile(profile);
        let offer = match negotiator.offer() {
            Ok(offer) => offer,
            Err(error) => {
                info!(%error, "nothing can be offered");
                return self.fork.note(own_finding(StatusCode::NOT_ACCEPTABLE_HERE));
            }
        };
        let invite = self.invite(&target, Body::sdp(offer));
        self.calls.listen_to_call(call, self.line.clone());
        self.fork.begin(call);
        self.branches.insert(call, Branch { target, profile, media, negotiator });
        self.calls.sip(Command::Invite { call, invite: Box::new(invite) });
    }

    fn invite(&self, target: &Target, offer: Body) -> OutgoingInvite {
        let Calls { settings, .. } = &self.calls;
        let conference = SipUri::new(Some(&self.request.number), settings.domain_host.clone(), None);
        // Checked when it was asked for; a target was found by it.
        let to = self.request.address.parse().unwrap_or_else(|_| target.uri.clone());
        OutgoingInvite {
            request_uri: target.uri.clone(),
            from: NameAddr::new(Uri::Sip(conference)).with_display_name(&self.request.title),
            to: NameAddr::new(to),
            contact: ContactTemplate { user: Some(self.request.number.clone()), parameters: ";isfocus".into() },
            route: target.path.clone(),
            flow: target.flow,
            headers: vec![Header::new(HeaderName::AllowEvents, "conference")],
            offer: Some(offer),
            ring_for: self.request.ring_for,
        }
    }

    async fn handle_sip(&mut self, event: Event) -> Option<Result<Answered, Ending>> {
        match event {
            Event::Progress { call, response } => {
                if response.status != StatusCode::TRYING && self.branches.contains_key(&call) && !self.rang {
                    self.rang = true;
                    self.request.link.tell(LegNews::Ringing).await;
                }
                None
            }
            Event::Established { call, body, .. } => self.answered(call, body).await,
            Event::Ended { call, why } => self.ended(call, why),
            event => {
                debug!(?event, "before the answer");
                None
            }
        }
    }

    async fn answered(&mut self, call: CallId, answer: Option<Body>) -> Option<Result<Answered, Ending>> {
        let Some(mut branch) = self.branches.remove(&call) else {
            self.calls.sip(Command::Hangup { call, headers: Vec::new() });
            return None;
        };
        let plan = answer.as_ref().map(|answer| branch.negotiator.accept_answer(&answer.content));
        let plan = match plan {
            Some(Ok(plan)) => plan,
            unusable => {
                info!(?unusable, "an answer that cannot be used");
                self.calls.sip(Command::Hangup { call, headers: Vec::new() });
                return self.ended(call, own_finding(StatusCode::NOT_ACCEPTABLE_HERE));
            }
        };
        for loser in self.fork.handle_answer(call) {
            let reason = Header::new(HeaderName::Reason, "SIP;cause=200;text=\"Call completed elsewhere\"");
            self.calls.sip(Command::Hangup { call: loser, headers: vec![reason] });
        }
        self.branches.clear();
        let (codec, secured) = (plan.audio.send.codec.name().to_owned(), plan.audio.srtp.is_some());
        let held = !plan.audio.direction.sends();
        let media = branch.media.id;
        self.calls.media(MediaCommand::Connect { leg: media, plan: Box::new(plan) });
        self.calls.media(MediaCommand::Join { leg: media, room: self.request.room });
        let link = &self.request.link;
        info!(participant = %link.participant().0, conference = %self.request.number, %codec, secured, "joined");
        link.joined(media).await;
        link.tell(LegNews::Connected { codec, secured }).await;
        Some(Ok(Answered(ConnectedLeg { call, media: branch.media, negotiator: branch.negotiator, held })))
    }

    fn ended(&mut self, call: CallId, why: Ending) -> Option<Result<Answered, Ending>> {
        if let Some(branch) = self.branches.remove(&call)
            && let Some(profile) = self.other_profile(branch.profile, &why)
        {
            // Begun before the old one is struck off: the fork never looks empty in between.
            self.ring(branch.target, profile);
        }
        match self.fork.handle_ending(call, why) {
            Verdict::Waiting => None,
            Verdict::Nobody(ending) => Some(Err(ending)),
        }
    }

    /// A phone that knows no `RTP/SAVP` says 488 to it: it is offered the other kind.
    fn other_profile(&self, profile: OfferProfile, why: &Ending) -> Option<OfferProfile> {
        let refused = matches!(why, Ending::Refused { status, .. } if matches!(status.as_u16(), 415 | 488 | 606));
        profile.after_refusal(&self.calls.settings.media).filter(|_| refused)
    }

    /// Cancels all, and waits for the ends, so that no phone is left ringing.
    async fn call_off(&mut self) {
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
}

fn signalling(target: &Target) -> Signalling {
    let secure = target.transport.is_some_and(|transport| transport.is_secure());
    Signalling { secure, source: target.remote.map(|remote| remote.ip()) }
}

/// The leg that was made of the branch that answered.
struct Answered(ConnectedLeg);

impl Answered {
    fn take(self) -> ConnectedLeg {
        self.0
    }
}

impl Calls {
    /// Where an address can be called: the phones of an account, or the address itself.
    async fn targets_of(&self, address: &str) -> Result<Vec<Target>, Ending> {
        let refused = |status| own_finding(status);
        let uri: Uri = address.parse().map_err(|_| refused(StatusCode::NOT_FOUND))?;
        let Uri::Sip(sip) = &uri else {
            info!("a telephone number, and no trunk is configured");
            return Err(refused(StatusCode::SERVICE_UNAVAILABLE));
        };
        if !self.is_own_domain(&sip.host().to_string()) {
            return Ok(vec![Target::of_uri(uri)]);
        }
        let user = sip.user().map(|user| user.into_owned()).unwrap_or_default();
        self.store.account(&user).await.map_err(|_| refused(StatusCode::NOT_FOUND))?;
        let targets = self.registrar.targets(&user).await;
        // Nobody registered: there is no phone to reach.
        if targets.is_empty() { Err(refused(StatusCode::SERVICE_UNAVAILABLE)) } else { Ok(targets) }
    }
}

fn own_finding(status: StatusCode) -> Ending {
    Ending::Refused { status, response: None }
}

