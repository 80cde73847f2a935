//! The legs of a conference: news for the focus, answers for the endpoint.

use std::sync::Arc;

use plenary::call::negotiate::{NegotiationError, Negotiator};
use plenary::call::{Caller, Dialled, cause_of, news_of};
use plenary::conference::{Attempt, Door, Join, JoinError, LegNews, ParticipantId, Proof};
use plenary_media::plan::MediaPlan;
use plenary_sip::endpoint::{Body, CallId, Command, ContactTemplate, Event, OutgoingInvite};
use plenary_sip::message::{Header, HeaderName, Method, NameAddr, Request, StatusCode};
use plenary_sip::usage::description_of;

use super::Conference;

#[derive(Debug)]
pub(super) struct Leg {
    participant: ParticipantId,
    attempt: Attempt,
    negotiator: Negotiator,
    agreed: Option<MediaPlan>,
}

impl Leg {
    pub fn is(&self, participant: &ParticipantId, attempt: Attempt) -> bool {
        self.participant == *participant && self.attempt == attempt
    }

    fn is_held(&self) -> bool {
        self.agreed.as_ref().is_some_and(|plan| !plan.audio.direction.sends())
    }
}

impl Conference {
    pub(super) fn handle_event(&mut self, event: Event) {
        match event {
            Event::Incoming { call, request, .. } => {
                if let Err((status, headers)) = self.take(call, &request) {
                    self.agent.command(Command::Reject { call, status, headers });
                }
            }
            Event::Progress { call, .. } => self.tell(call, LegNews::Ringing),
            Event::Established { call, body, .. } => self.handle_established(call, body),
            Event::Offered { call, offer, .. } => self.handle_offered(call, offer),
            Event::Ended { call, why } => {
                self.tell(call, news_of(&why));
                self.legs.remove(&call);
            }
            Event::Request { request, message, .. } => {
                let (status, headers) = self.answer_request(&message);
                self.agent.command(Command::Respond { request, status, headers, body: None });
            }
            // Subscriptions are answered by a task that is not here.
            Event::Resubscribed { .. } | Event::Notified { .. } | Event::Unsubscribed { .. } => {}
            Event::ReofferDone { .. } | Event::Response { .. } | Event::Referred { .. } => {}
        }
    }

    /// As `call/incoming.rs` does: is it here, may he come in, what is spoken.
    fn take(&mut self, call: CallId, invite: &Arc<Request>) -> Result<(), (StatusCode, Vec<Header>)> {
        let caller = Caller::of(invite).ok_or((StatusCode::BAD_REQUEST, Vec::new()))?;
        let dialled = Dialled::of(&invite.uri).ok_or((StatusCode::UNSUPPORTED_URI_SCHEME, Vec::new()))?;
        if dialled.user != self.focus.plan().number || self.is_over {
            return Err((StatusCode::NOT_FOUND, Vec::new()));
        }
        let mut account = None;
        if self.focus.plan().proof() == Proof::Account {
            let proven = self.doorkeeper.authenticate(invite, self.agent.clock.unix());
            account = Some(proven.map_err(|challenge| (StatusCode::UNAUTHORIZED, challenge))?);
        }
        let referred_by = plenary::call::referred_by(invite);
        let (address, name) = (caller.address, caller.name);
        let join =
            Join { account, address, name, door: Door::Sip, pin: None, referred_by, brought: false, anonymous: false };
        let (participant, attempt) = self.focus.handle_join(join, self.agent.clock.now()).map_err(refused)?;
        let mut leg = Leg { participant, attempt, negotiator: self.negotiator(call), agreed: None };
        let body = match description_of(&invite.headers, &invite.body) {
            None => leg.negotiator.delayed_offer(),
            Some(offer) => leg.negotiator.answer(&offer.content).map(|(answer, plan)| {
                leg.agreed = Some(plan);
                answer
            }),
        };
        self.legs.insert(call, leg);
        let body = body.map_err(disagreed).inspect_err(|(status, _)| {
            let (cause, status) = (cause_of(*status), Some(status.as_u16()));
            self.tell(call, LegNews::Ended { cause, status });
            self.legs.remove(&call);
        })?;
        let headers = vec![self.contact().header(), Header::new(HeaderName::AllowEvents, "conference")];
        self.agent.command(Command::Accept { call, body: Some(Body::sdp(body)), headers });
        Ok(())
    }

    /// As `call/dial.rs` and `call/outgoing.rs` do.
    pub(super) fn dial(&mut self, participant: ParticipantId, attempt: Attempt, address: &str) {
        let call = self.agent.next_call();
        let mut leg = Leg { participant, attempt, negotiator: self.negotiator(call), agreed: None };
        let offer = leg.negotiator.offer().expect("the conference has codecs");
        let plan = self.focus.plan();
        let from = format!("sip:{}@{}", plan.number, plan.domain).parse().expect("a number makes a URI");
        let target: plenary_sip::message::Uri = address.parse().expect("the focus calls what can be called");
        let invite = OutgoingInvite {
            from: NameAddr::new(from).with_display_name(&plan.title),
            to: NameAddr::new(target.clone()),
            request_uri: target,
            contact: self.contact(),
            route: Vec::new(),
            flow: None,
            headers: vec![Header::new(HeaderName::AllowEvents, "conference")],
            offer: Some(Body::sdp(offer)),
            ring_for: plan.ring_for,
            login: None,
            named_by: None,
        };
        self.legs.insert(call, leg);
        self.agent.command(Command::Invite { call, invite: Box::new(invite) });
    }

    fn handle_established(&mut self, call: CallId, body: Option<Body>) {
        let Some(leg) = self.legs.get_mut(&call) else { return };
        let first = leg.agreed.is_none();
        if let Some(body) = &body {
            leg.agreed = leg.negotiator.accept_answer(&body.content).ok().or(leg.agreed.take());
        }
        let Some(plan) = leg.agreed.clone() else {
            return self.agent.command(Command::Hangup { call, headers: Vec::new() });
        };
        let held = leg.is_held();
        if first || body.is_none() {
            let codec = plan.audio.send.codec.name().to_owned();
            self.tell(call, LegNews::Connected { codec, secured: plan.audio.security.is_secured() });
        }
        if held {
            self.tell(call, LegNews::Held);
        }
    }

    fn handle_offered(&mut self, call: CallId, offer: Option<Body>) {
        let Some(leg) = self.legs.get_mut(&call) else { return };
        let was_held = leg.is_held();
        let answer = match offer {
            None => leg.negotiator.offer(),
            Some(offer) => leg.negotiator.answer(&offer.content).map(|(answer, plan)| {
                leg.agreed = Some(plan);
                answer
            }),
        };
        let held = leg.is_held();
        let answer = answer.map(Body::sdp).map_err(|error| disagreed(error).0);
        self.agent.command(Command::AnswerOffer { call, answer });
        if held != was_held {
            self.tell(call, if held { LegNews::Held } else { LegNews::Resumed });
        }
    }

    /// As `call/requests.rs` and `call/connected.rs` do.
    fn answer_request(&self, request: &Request) -> (StatusCode, Vec<Header>) {
        match request.method {
            Method::Options => {
                let dialled = Dialled::of(&request.uri).map(|dialled| dialled.user);
                let is_here = dialled.is_some_and(|user| user == self.focus.plan().number);
                (if is_here { StatusCode::OK } else { StatusCode::NOT_FOUND }, Vec::new())
            }
            Method::Info => (StatusCode::OK, Vec::new()),
            _ => (StatusCode::METHOD_NOT_ALLOWED, Vec::new()),
        }
    }

    fn tell(&mut self, call: CallId, news: LegNews) {
        if let Some(Leg { participant, attempt, .. }) = self.legs.get(&call) {
            self.focus.handle_leg(participant, *attempt, news, self.agent.clock.now());
        }
    }

    fn contact(&self) -> ContactTemplate {
        ContactTemplate { user: Some(self.focus.plan().number.clone()), parameters: ";isfocus".into(), host: None }
    }
}

fn refused(error: JoinError) -> (StatusCode, Vec<Header>) {
    let status = StatusCode::new(error.status()).unwrap_or(StatusCode::FORBIDDEN);
    (status, vec![Header::new(HeaderName::Warning, format!("399 plenary \"{error}\""))])
}

fn disagreed(error: NegotiationError) -> (StatusCode, Vec<Header>) {
    let status = StatusCode::new(error.status()).unwrap_or(StatusCode::NOT_ACCEPTABLE_HERE);
    (status, error.warning().map(|warning| Header::new(HeaderName::Warning, warning)).into_iter().collect())
}
