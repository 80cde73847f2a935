//! The calls of a phone: what the person does, and what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use plenary::call::negotiate::{NegotiationError, Negotiator};
use plenary_media::plan::{AudioCodec, Direction};
use plenary_sip::endpoint::{Body, CallId, Command, ContactTemplate, Ending, Event, OutgoingInvite, OutgoingRequest};
use plenary_sip::message::{Method, NameAddr, Request, StatusCode};
use plenary_sip::usage::description_of;

use super::{Habit, OfferHabit, Phone};

#[derive(Debug)]
pub struct PhoneCall {
    pub(super) id: CallId,
    /// The party at the other end.
    pub with: String,
    pub state: CallState,
    /// What is spoken.
    pub codec: Option<AudioCodec>,
    /// This side's direction, as agreed.
    pub direction: Option<Direction>,
    /// What became of the offers made in the call.
    pub reoffers: Vec<Result<(), StatusCode>>,
    negotiator: Negotiator,
    /// The offer of the INVITE that waits for an answer; None inside: it had none.
    invited: Option<Option<Body>>,
    /// A later offer that the person has not made up his mind about.
    pondered: Option<Option<Body>>,
}

#[derive(Clone, Debug)]
pub enum CallState {
    Calling,
    /// The other end rings.
    Ringing,
    /// It rings here.
    Alerting,
    Talking,
    Over(Ending),
}

/// Endings are alike when they are of one kind and status.
impl PartialEq for CallState {
    fn eq(&self, other: &Self) -> bool {
        let told = |state: &Self| match state {
            Self::Over(Ending::Refused { status, .. }) => format!("refused {}", status.as_u16()),
            Self::Over(Ending::Lost { status }) => format!("lost {}", status.as_u16()),
            Self::Over(Ending::Cancelled { .. }) => "cancelled".into(),
            Self::Over(Ending::HungUp { .. }) => "hung up".into(),
            state => format!("{state:?}"),
        };
        told(self) == told(other)
    }
}

impl PhoneCall {
    pub fn ending(&self) -> Option<&Ending> {
        match &self.state {
            CallState::Over(why) => Some(why),
            _ => None,
        }
    }

    pub fn is_over(&self) -> bool {
        self.ending().is_some()
    }

    /// The status that the call was refused with.
    pub fn refused_with(&self) -> Option<u16> {
        match self.ending()? {
            Ending::Refused { status, .. } => Some(status.as_u16()),
            _ => None,
        }
    }

    /// The answer to the INVITE's offer, the same each time; or an offer where it had none.
    fn answer(&mut self) -> Result<Bytes, NegotiationError> {
        let Some(offer) = self.invited.clone().flatten() else { return self.negotiator.delayed_offer() };
        let (answer, plan) = self.negotiator.answer(&offer.content)?;
        self.agree(plan);
        Ok(answer)
    }

    fn agree(&mut self, plan: plenary_media::plan::MediaPlan) {
        self.codec = Some(plan.audio.send.codec);
        self.direction = Some(plan.audio.direction);
    }
}

impl Phone {
    // ── The person ──────────────────────────────────────────────────────────────────────────────────────────

    pub fn calls(&mut self, party: &str) {
        self.invite(party, true);
    }

    pub fn calls_without_offer(&mut self, party: &str) {
        self.invite(party, false);
    }

    fn invite(&mut self, party: &str, with_offer: bool) {
        let mut negotiator = self.negotiator();
        let offer = with_offer.then(|| Body::sdp(negotiator.offer().expect("the phone has codecs")));
        let target = self.uri_of(party);
        let headers = self.login.as_mut().map(|login| login.headers(&Method::Invite, &target)).unwrap_or_default();
        let invite = OutgoingInvite {
            from: NameAddr::new(self.uri_of(&self.name)).with_display_name(&self.name),
            to: NameAddr::new(target.clone()),
            request_uri: target,
            contact: ContactTemplate { user: Some(self.name.clone()), parameters: String::new(), host: None },
            route: Vec::new(),
            flow: None,
            headers,
            offer,
            ring_for: Duration::from_secs(180),
            login: None,
            named_by: None,
        };
        let id = self.agent.next_call();
        self.note_call(id, party, CallState::Calling, negotiator, None);
        self.agent.command(Command::Invite { call: id, invite: Box::new(invite) });
    }

    pub fn rings(&mut self) {
        self.rings_with(StatusCode::RINGING, false);
    }

    /// `answering`: with the answer to the offer already, or with an offer where there was none.
    pub fn rings_with(&mut self, status: StatusCode, answering: bool) {
        let Some(id) = self.alerting() else { return };
        let body = self.find(id).filter(|_| answering).and_then(|call| call.answer().ok()).map(Body::sdp);
        self.agent.command(Command::Ring { call: id, status, body });
    }

    pub fn answers(&mut self) {
        let Some(id) = self.alerting() else { return };
        let Some(call) = self.find(id) else { return };
        let command = match call.answer() {
            Ok(body) => Command::Accept { call: id, body: Some(Body::sdp(body)), headers: Vec::new() },
            Err(error) => {
                let status = StatusCode::new(error.status()).expect("a status");
                Command::Reject { call: id, status, headers: Vec::new() }
            }
        };
        self.agent.command(command);
    }

    pub fn refuses(&mut self, status: StatusCode) {
        if let Some(call) = self.alerting() {
            self.agent.command(Command::Reject { call, status, headers: Vec::new() });
        }
    }

    pub fn hangs_up(&mut self) {
        if let Some(call) = self.open_call() {
            self.agent.command(Command::Hangup { call, headers: Vec::new() });
        }
    }

    pub fn holds(&mut self) {
        self.offers_anew(Direction::SendOnly);
    }

    pub fn resumes(&mut self) {
        self.offers_anew(Direction::SendRecv);
    }

    /// Accepts the offer in PRACK that is open.
    pub fn ponders_no_longer(&mut self) {
        self.offer_habit = OfferHabit::Accepts;
        let open = self.calls.iter_mut().rev().find_map(|call| Some((call.id, call.pondered.take()?)));
        if let Some((call, offer)) = open {
            self.handle_offered(call, offer);
        }
    }

    pub(super) fn offers_anew(&mut self, direction: Direction) {
        let talking = self.calls.iter_mut().rev().find(|call| call.state == CallState::Talking);
        let Some(call) = talking else { return };
        let id = call.id;
        call.negotiator.set_direction(direction);
        let offer = Body::sdp(call.negotiator.offer().expect("it was offered before"));
        self.agent.command(Command::Reoffer { call: id, offer });
    }

    /// A request within the call.
    pub(super) fn asks_in_call(&mut self, method: Method) -> bool {
        let Some(call) = self.open_call() else { return false };
        let request = self.agent.next_request();
        let outgoing = Box::new(self.request(method, &self.name.clone(), Vec::new()));
        self.agent.command(Command::RequestInCall { call, request, outgoing });
        true
    }

    pub(super) fn request(
        &self,
        method: Method,
        party: &str,
        headers: Vec<plenary_sip::message::Header>,
    ) -> OutgoingRequest {
        OutgoingRequest {
            method,
            request_uri: self.uri_of(party),
            from: NameAddr::new(self.uri_of(&self.name)),
            to: NameAddr::new(self.uri_of(party)),
            route: Vec::new(),
            flow: None,
            headers,
            body: None,
        }
    }

    // ── The phone ───────────────────────────────────────────────────────────────────────────────────────────

    pub(super) fn handle_call_event(&mut self, event: Event) {
        match event {
            Event::Incoming { call, request, .. } => self.handle_incoming(call, &request),
            Event::Progress { call, .. } => self.move_on(call, CallState::Ringing),
            Event::Established { call, body, response, .. } => self.handle_established(call, body, response.is_some()),
            Event::Offered { call, offer, .. } => self.handle_offered(call, offer),
            Event::ReofferDone { call, outcome } => {
                let Some(call) = self.find(call) else { return };
                let done = outcome.map(|answer| {
                    let plan = call.negotiator.accept_answer(&answer.content);
                    plan.into_iter().for_each(|plan| call.agree(plan));
                });
                call.reoffers.push(done);
            }
            Event::Ended { call, why } => {
                if let (Ending::Refused { response: Some(response), .. }, Some(login)) = (&why, &mut self.login) {
                    login.hear(response);
                }
                self.move_on(call, CallState::Over(why));
            }
            Event::Resubscribed { .. } | Event::Notified { .. } | Event::Unsubscribed { .. } => {}
            Event::Request { .. } | Event::Response { .. } | Event::Referred { .. } => {}
        }
    }

    fn handle_incoming(&mut self, call: CallId, invite: &Arc<Request>) {
        let offer = description_of(&invite.headers, &invite.body);
        let from = invite.headers.from().ok();
        let with = from.and_then(|from| from.uri.as_sip().and_then(|uri| uri.user().map(|user| user.into_owned())));
        let negotiator = self.negotiator();
        self.note_call(call, &with.unwrap_or_default(), CallState::Alerting, negotiator, Some(offer));
        match self.habit {
            Habit::AsDrawn => {}
            Habit::Rings => self.rings(),
            Habit::Refuses(status) => self.refuses(status),
            Habit::Answers => {
                self.rings();
                self.answers();
            }
        }
    }

    /// `called`: it was this phone that called.
    fn handle_established(&mut self, id: CallId, body: Option<Body>, called: bool) {
        let Some(call) = self.find(id) else { return };
        call.state = CallState::Talking;
        let Some(body) = body else { return };
        // With an offer open it is the answer to that; without one it is the offer of a 200 to an empty INVITE.
        if let Ok(plan) = call.negotiator.accept_answer(&body.content) {
            call.agree(plan);
        } else if called {
            let answer = call.negotiator.answer(&body.content).map(|(answer, plan)| {
                call.agree(plan);
                Body::sdp(answer)
            });
            let answer = answer.map_err(|error| StatusCode::new(error.status()).expect("a status"));
            self.agent.command(Command::AnswerOffer { call: id, answer });
        }
    }

    fn handle_offered(&mut self, id: CallId, offer: Option<Body>) {
        let habit = self.offer_habit;
        let Some(call) = self.find(id) else { return };
        let status = |error: NegotiationError| StatusCode::new(error.status()).expect("a status");
        let answer = match (habit, offer) {
            (OfferHabit::Ponders, offer) => {
                call.pondered = Some(offer);
                return;
            }
            (OfferHabit::Refuses(status), _) => Err(status),
            (OfferHabit::Accepts, None) => call.negotiator.offer().map(Body::sdp).map_err(status),
            (OfferHabit::Accepts, Some(offer)) => {
                let answer = call.negotiator.answer(&offer.content).map_err(status);
                answer.map(|(answer, plan)| {
                    call.agree(plan);
                    Body::sdp(answer)
                })
            }
        };
        self.agent.command(Command::AnswerOffer { call: id, answer });
    }

    fn note_call(
        &mut self,
        id: CallId,
        with: &str,
        state: CallState,
        negotiator: Negotiator,
        invited: Option<Option<Body>>,
    ) {
        let (codec, direction, reoffers) = (None, None, Vec::new());
        let with = with.to_owned();
        self.calls.push(PhoneCall { id, with, state, codec, direction, reoffers, negotiator, invited, pondered: None });
    }

    fn move_on(&mut self, id: CallId, state: CallState) {
        if let Some(call) = self.find(id) {
            call.state = state;
        }
    }

    fn find(&mut self, id: CallId) -> Option<&mut PhoneCall> {
        self.calls.iter_mut().find(|call| call.id == id)
    }

    pub(super) fn alerting(&self) -> Option<CallId> {
        self.calls.iter().rev().find(|call| call.state == CallState::Alerting).map(|call| call.id)
    }

    /// The latest that is not over.
    pub(super) fn open_call(&self) -> Option<CallId> {
        self.calls.iter().rev().find(|call| !call.is_over()).map(|call| call.id)
    }

    pub(super) fn is_talking_with(&self, party: &str) -> bool {
        self.calls.iter().any(|call| call.with == party && call.state == CallState::Talking)
    }
}
