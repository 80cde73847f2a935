//! A confirmed dialog and what goes on in it, until its BYE: RFC 3261 §14 and §15.
//!
//! ```text
//!   our 200 ──▶ Confirming ──ACK──▶ Talking ◀──ACK with the user's answer── Owing ◀── 2xx with an offer
//!                   │ hang up          │ hang up, no ACK, 481, session expired        ◀── 2xx: Talking at once
//!                   ▼                  ▼
//!             WaitingForAck ──ACK──▶ Leaving ──response to BYE──▶ Over ◀── their BYE, from anywhere
//! ```

mod ending;
mod incoming;
mod outcome;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::act::{Act, CallContext, Purpose, put_body};
use super::confirming::{Confirming, Due};
use super::exchange::{Exchange, Offer};
use super::offer::description_of;
use super::session_timer::{SessionTimer, Wake};
use crate::dialog::Dialog;
use crate::endpoint::{Body, Ending, Event, OutgoingRequest, RequestId, has_contact, open_via};
use crate::message::{Header, HeaderName, Method, Request, Response, StatusCode};
use crate::net_types::Source;
use crate::transaction::{Failure, TransactionId};

#[derive(Debug)]
pub struct Session {
    context: CallContext,
    dialog: Dialog,
    /// Our Contact, its address open.
    contact: String,
    phase: Phase,
    exchange: Exchange,
    timer: SessionTimer,
    /// Our latest ACK, said again for each repeated 2xx.
    ack: Option<Request>,
    /// Our session description, for a refresh that must not change it.
    local: Option<Body>,
    /// Own re-INVITEs wait a moment after the ACK: phones offer anew right then, and both would meet 491.
    settled_at: Instant,
    output: VecDeque<Act>,
}

#[derive(Debug)]
enum Phase {
    /// Our first 200 waits for its ACK.
    Confirming,
    /// The peer's 2xx had the offer; our ACK waits for the user's answer.
    Owing {
        cseq: u32,
    },
    Talking,
    /// Hung up already, but no BYE before the ACK: §15.
    WaitingForAck {
        headers: Vec<Header>,
    },
    /// Our BYE is out.
    Leaving,
    Over,
}

/// What a call brings along from before it was answered.
pub struct Begun {
    pub context: CallContext,
    pub dialog: Dialog,
    pub contact: String,
    pub timer: SessionTimer,
    /// What it had still to say.
    pub output: VecDeque<Act>,
}

impl Session {
    /// The callee's session begins with its 200, which is repeated until the ACK.
    pub fn of_callee(
        begun: Begun,
        transaction: TransactionId,
        invite: &Request,
        response: Response,
        now: Instant,
    ) -> Self {
        let mut session = Self::new(begun, Phase::Confirming, now);
        session.local = description_of(&response.headers, &response.body);
        let offered = session.local.is_some() && description_of(&invite.headers, &invite.body).is_none();
        session.timer.handle_sent_2xx(&response, now);
        session.respond(transaction, response.clone());
        let timing = session.context.timing;
        session.exchange.confirm(Confirming::new(transaction, invite, response, offered, &timing, now));
        session
    }

    /// The caller's session begins with the peer's 2xx; `offer` is what our INVITE carried.
    pub fn of_caller(begun: Begun, offer: Option<Body>, response: Response, source: Source, now: Instant) -> Self {
        let phase = if offer.is_some() { Phase::Talking } else { Phase::Owing { cseq: cseq_of(&response) } };
        let mut session = Self::new(begun, phase, now);
        session.local = offer;
        session.timer.handle_received_2xx(&response, now);
        if let Phase::Talking = session.phase {
            session.acknowledge(cseq_of(&response), None);
        }
        let body = description_of(&response.headers, &response.body);
        let call = session.context.call;
        session.tell(Event::Established { call, response: Some(Arc::new(response)), body, source });
        session
    }

    fn new(begun: Begun, phase: Phase, now: Instant) -> Self {
        let Begun { mut context, dialog, contact, timer, output } = begun;
        let settled_at = now + context.rng.duration(Duration::from_millis(100)..=Duration::from_secs(1));
        let exchange = Exchange::new(dialog.role());
        Self { context, dialog, contact, phase, exchange, timer, ack: None, local: None, settled_at, output }
    }

    /// What stands on our side was said in answer to a PRACK already.
    pub(super) fn have_agreed(&mut self, local: Body) {
        self.local = Some(local);
    }

    pub fn remote_tag(&self) -> &str {
        self.dialog.remote_tag()
    }

    pub fn dialog(&self) -> &Dialog {
        &self.dialog
    }

    pub fn dialog_mut(&mut self) -> &mut Dialog {
        &mut self.dialog
    }

    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Offers anew, as soon as nothing else is open.
    pub fn reoffer(&mut self, body: Body, now: Instant) {
        if !self.is_alive() {
            return;
        }
        let displaced = self.exchange.want(Offer { body, is_refresh: false }, self.settled_at);
        if displaced.is_some_and(|offer| !offer.is_refresh) {
            self.tell_reoffer(Err(StatusCode::REQUEST_PENDING));
        }
        self.offer_if_due(now);
    }

    /// A request of the user within the dialog; false when that has ended.
    pub fn request(&mut self, id: RequestId, outgoing: OutgoingRequest) -> bool {
        if !self.is_alive() {
            return false;
        }
        let mut request = self.dialog.request(outgoing.method);
        if has_contact(&request.method) {
            request.headers.push(Header::new(HeaderName::Contact, self.contact.clone()));
        }
        outgoing.headers.into_iter().for_each(|header| request.headers.push(header));
        if let Some(body) = &outgoing.body {
            put_body(&mut request.headers, &mut request.body, body);
        }
        self.send(Purpose::User(id), request);
        true
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        match self.exchange.confirming().map(|confirming| confirming.handle_timeout(now)) {
            Some(Due::Repeat(transaction, response)) => {
                self.output.push_back(Act::Respond { transaction, response });
            }
            Some(Due::GiveUp) => self.handle_no_ack(),
            Some(Due::Nothing) | None => {}
        }
        if self.exchange.is_overdue(now) {
            self.output.push_back(Act::Abandon);
            self.handle_failure(&Purpose::Reoffer, Failure::TimedOut, now);
        }
        if self.is_alive() {
            match self.timer.handle_timeout(now) {
                Some(Wake::Refresh) => self.refresh(now),
                Some(Wake::Expired) => self.lose(StatusCode::REQUEST_TIMEOUT),
                None => {}
            }
        }
        self.offer_if_due(now);
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let timer = self.timer.poll_timeout().filter(|_| self.is_alive());
        let exchange = match self.phase {
            Phase::Talking => self.exchange.poll_timeout(),
            Phase::Confirming | Phase::WaitingForAck { .. } => self.exchange.poll_confirming(),
            Phase::Owing { .. } | Phase::Leaving | Phase::Over => self.exchange.poll_ours(),
        };
        [timer, exchange].into_iter().flatten().min()
    }

    pub fn poll_output(&mut self) -> Option<Act> {
        self.output.pop_front()
    }

    /// Neither side has hung up.
    pub fn is_alive(&self) -> bool {
        matches!(self.phase, Phase::Confirming | Phase::Owing { .. } | Phase::Talking)
    }

    fn offer_if_due(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Talking) {
            return;
        }
        let Some(offer) = self.exchange.next_offer(now) else { return };
        let mut invite = self.target_refresh(Method::Invite);
        put_body(&mut invite.headers, &mut invite.body, &offer.body);
        self.send(Purpose::Reoffer, invite);
    }

    /// Keeps the session alive: by UPDATE where the peer knows it, else by a re-INVITE that changes nothing.
    fn refresh(&mut self, now: Instant) {
        if self.timer.peer_allows_update() {
            let update = self.target_refresh(Method::Update);
            self.send(Purpose::Refresh, update);
        } else if let Some(body) = self.local.clone() {
            self.exchange.want_if_idle(Offer { body, is_refresh: true }, now);
        }
    }

    /// INVITE or UPDATE within the dialog, with Contact and session timer.
    fn target_refresh(&mut self, method: Method) -> Request {
        let mut request = self.dialog.request(method);
        request.headers.push(Header::new(HeaderName::Contact, self.contact.clone()));
        self.timer.write_request(&mut request.headers);
        request
    }

    fn send(&mut self, purpose: Purpose, request: Request) {
        let destinations = self.dialog.next_hops();
        self.output.push_back(Act::Request { purpose, request, destinations });
    }

    fn acknowledge(&mut self, cseq: u32, answer: Option<&Body>) {
        let mut ack = self.dialog.ack(cseq);
        ack.headers.push_front(open_via(&self.context.rng.token()));
        if let Some(body) = answer {
            put_body(&mut ack.headers, &mut ack.body, body);
        }
        self.ack = Some(ack);
        self.repeat_ack();
    }

    fn repeat_ack(&mut self) {
        if let Some(ack) = self.ack.clone() {
            self.output.push_back(Act::Ack { ack, destination: self.dialog.next_hops().into_iter().next() });
        }
    }

    fn respond(&mut self, transaction: TransactionId, response: Response) {
        self.output.push_back(Act::Respond { transaction, response });
    }

    fn tell(&mut self, event: Event) {
        self.output.push_back(Act::Tell(event));
    }

    fn tell_ended(&mut self, why: Ending) {
        self.tell(Event::Ended { call: self.context.call, why });
    }

    fn tell_reoffer(&mut self, outcome: Result<Body, StatusCode>) {
        self.tell(Event::ReofferDone { call: self.context.call, outcome });
    }
}

fn cseq_of(response: &Response) -> u32 {
    response.headers.cseq().map_or(0, |cseq| cseq.number)
}
