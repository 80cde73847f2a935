//! What the peer asks within the dialog: RFC 3261 §12.2.2, §14.2 and §15.1.2, RFC 3311 §5.2.

use std::sync::Arc;
use std::time::Instant;

use super::super::act::{answer, busy, put_body};
use super::super::confirming::Confirming;
use super::super::exchange::Theirs;
use super::super::offer::{description_of, unacceptable_body};
use super::{Phase, Session};
use crate::endpoint::{Body, Ending, Event, RequestId};
use crate::message::{Header, HeaderName, Method, Request, Response, StatusCode};
use crate::net_types::Source;
use crate::transaction::TransactionId;

impl Session {
    pub fn handle_request(&mut self, transaction: TransactionId, request: Arc<Request>, source: Source, now: Instant) {
        let from_tag = request.headers.from().ok().and_then(|from| from.tag().map(str::to_owned));
        if !self.dialog.is_with(from_tag.as_deref()) {
            return self.refuse(transaction, &request, StatusCode::CALL_DOES_NOT_EXIST);
        }
        if let Err(status) = self.dialog.check_order(&request) {
            return self.respond(transaction, answer(&request, status, self.dialog.local_tag()));
        }
        match request.method {
            Method::Bye => self.handle_bye(transaction, &request),
            _ if !self.is_alive() => self.refuse(transaction, &request, StatusCode::CALL_DOES_NOT_EXIST),
            Method::Invite | Method::Update if unacceptable_body(&request.headers, &request.body) => {
                self.refuse(transaction, &request, StatusCode::UNSUPPORTED_MEDIA_TYPE);
            }
            Method::Invite => self.handle_reinvite(transaction, request, source),
            Method::Update => self.handle_update(transaction, request, source, now),
            Method::Prack => self.refuse(transaction, &request, StatusCode::CALL_DOES_NOT_EXIST),
            Method::Options => self.refuse(transaction, &request, StatusCode::OK),
            _ => {
                let call = Some(self.context.call);
                let request_id = RequestId::of_incoming(transaction);
                self.tell(Event::Request { request: request_id, call, message: request, source });
            }
        }
    }

    /// The ACK for a 2xx of ours.
    pub fn handle_ack(&mut self, ack: &Request, source: Source, now: Instant) {
        if !self.exchange.confirming().is_some_and(|confirming| confirming.is_acked_by(ack)) {
            return;
        }
        let offered = self.exchange.confirmed().is_some_and(|confirming| confirming.offered);
        let body = description_of(&ack.headers, &ack.body).filter(|_| offered);
        match &mut self.phase {
            Phase::Confirming if offered && body.is_none() => self.lose(StatusCode::NOT_ACCEPTABLE_HERE),
            Phase::Confirming => self.handle_confirmed(body, source),
            Phase::WaitingForAck { headers } => {
                let headers = std::mem::take(headers);
                self.send_bye(headers);
            }
            Phase::Talking if offered => self.tell_reoffer(body.ok_or(StatusCode::NOT_ACCEPTABLE_HERE)),
            Phase::Talking | Phase::Owing { .. } | Phase::Leaving | Phase::Over => {}
        }
        self.offer_if_due(now);
    }

    /// The user's answer to the peer's offer, in whichever message that came.
    pub fn answer_offer(&mut self, verdict: Result<Body, StatusCode>, now: Instant) {
        if let Phase::Owing { cseq } = self.phase {
            match verdict {
                Ok(body) => {
                    self.acknowledge(cseq, Some(&body));
                    self.local = Some(body);
                    self.phase = Phase::Talking;
                }
                Err(status) => self.lose(status),
            }
        } else if let Some(theirs) = self.exchange.close_theirs() {
            match verdict {
                Ok(body) => self.accept_theirs(theirs, body, now),
                Err(status) => self.refuse(theirs.transaction, &theirs.request, status),
            }
        }
        self.offer_if_due(now);
    }

    /// The peer takes its re-INVITE back: §9.2.
    pub fn handle_cancel(&mut self) {
        if self.exchange.theirs().is_some_and(|theirs| theirs.request.method == Method::Invite) {
            self.terminate_theirs();
        }
    }

    fn handle_bye(&mut self, transaction: TransactionId, bye: &Request) {
        self.respond(transaction, answer(bye, StatusCode::OK, self.dialog.local_tag()));
        if self.is_alive() {
            self.terminate_theirs();
            let reason = bye.headers.reason();
            self.tell_ended(Ending::HungUp { reason });
        }
        if !matches!(self.phase, Phase::Leaving) {
            self.phase = Phase::Over;
        }
    }

    fn handle_reinvite(&mut self, transaction: TransactionId, request: Arc<Request>, source: Source) {
        if let Err(status) = self.exchange.admit() {
            return self.refuse(transaction, &request, status);
        }
        if let Err(response) = self.timer.check_request(&request, self.dialog.local_tag()) {
            return self.respond(transaction, *response);
        }
        // RFC 5407 §3.1.4: whoever sends the next INVITE has our 200, whatever became of the ACK.
        if self.exchange.confirmed().is_some() && matches!(self.phase, Phase::Confirming) {
            self.handle_confirmed(None, source);
        }
        self.ask_user(transaction, request, source);
    }

    fn handle_update(&mut self, transaction: TransactionId, request: Arc<Request>, source: Source, now: Instant) {
        let offers = description_of(&request.headers, &request.body).is_some();
        if let Err(status) = self.exchange.admit().or_else(|status| if offers { Err(status) } else { Ok(()) }) {
            return self.refuse(transaction, &request, status);
        }
        if let Err(response) = self.timer.check_request(&request, self.dialog.local_tag()) {
            return self.respond(transaction, *response);
        }
        if offers {
            return self.ask_user(transaction, request, source);
        }
        let ok = self.refreshing_ok(&request, source, now);
        self.respond(transaction, ok);
    }

    fn ask_user(&mut self, transaction: TransactionId, request: Arc<Request>, source: Source) {
        let offer = description_of(&request.headers, &request.body);
        self.exchange.open_theirs(Theirs { transaction, request: request.clone(), source });
        self.tell(Event::Offered { call: self.context.call, request, offer });
    }

    fn accept_theirs(&mut self, theirs: Theirs, body: Body, now: Instant) {
        let Theirs { transaction, request, source } = theirs;
        let mut ok = self.refreshing_ok(&request, source, now);
        put_body(&mut ok.headers, &mut ok.body, &body);
        if request.method == Method::Invite {
            let offered = description_of(&request.headers, &request.body).is_none();
            let timing = self.context.timing;
            self.exchange.confirm(Confirming::new(transaction, &request, ok.clone(), offered, &timing, now));
        }
        self.local = Some(body);
        self.respond(transaction, ok);
    }

    /// 200 to a target refresh, which takes effect with it (RFC 6141 §4).
    fn refreshing_ok(&mut self, request: &Request, source: Source, now: Instant) -> Response {
        self.dialog.refresh_target(&request.headers, source);
        let mut ok = answer(request, StatusCode::OK, self.dialog.local_tag());
        ok.headers.set(Header::new(HeaderName::Contact, self.contact.clone()));
        self.timer.write_response(request, &mut ok.headers);
        self.timer.handle_sent_2xx(&ok, now);
        ok
    }

    fn handle_confirmed(&mut self, body: Option<Body>, source: Source) {
        self.phase = Phase::Talking;
        self.tell(Event::Established { call: self.context.call, response: None, body, source });
    }

    /// A response with a status alone; 500 says when to come again.
    fn refuse(&mut self, transaction: TransactionId, request: &Arc<Request>, status: StatusCode) {
        let response = if status == StatusCode::SERVER_INTERNAL_ERROR {
            busy(request, self.dialog.local_tag(), &mut self.context.rng)
        } else {
            answer(request, status, self.dialog.local_tag())
        };
        self.respond(transaction, response);
    }
}
