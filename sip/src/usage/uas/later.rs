//! Offer and answer beside INVITE and 200: in the PRACK of a reliable 18x (RFC 3262 §5) and in UPDATE (RFC 3311 §5.2), while
//! the call is not answered.

use std::sync::Arc;
use std::time::Instant;

use super::super::act::{Act, answer, put_body};
use super::super::offer::description_of;
use super::super::session::Session;
use super::Uas;
use crate::endpoint::{Body, Ending, Event};
use crate::message::{Header, HeaderName, Method, Request, StatusCode};
use crate::net_types::Source;
use crate::transaction::TransactionId;

/// Offer and answer beside INVITE and 200.
#[derive(Debug, Default)]
pub(super) struct Later {
    /// Ours, in a reliable 18x whose PRACK is to answer it.
    pub(super) ours: Option<Body>,
    /// Offer and answer have met: a PRACK says so.
    pub(super) is_possible: bool,
    pub(super) open: Option<EarlyOffer>,
    /// What we said last, in place of the description in the 200.
    pub(super) said: Option<Body>,
}

/// The caller's, in a PRACK or an UPDATE.
#[derive(Debug)]
pub(super) struct EarlyOffer {
    transaction: TransactionId,
    request: Arc<Request>,
    source: Source,
    /// The request is given up after 64·T1.
    pub(super) give_up_at: Instant,
}

impl Uas {
    /// The user's answer to an offer in PRACK or UPDATE.
    pub fn answer_offer(&mut self, verdict: Result<Body, StatusCode>, now: Instant) -> Option<Session> {
        let EarlyOffer { transaction, request, source, .. } = self.later.open.take()?;
        let status = verdict.as_ref().map_or_else(|status| *status, |_| StatusCode::OK);
        let mut response = answer(&request, status, self.dialog.local_tag());
        if let Ok(body) = verdict {
            if request.method == Method::Update {
                self.dialog.refresh_target(&request.headers, source);
                response.headers.set(Header::new(HeaderName::Contact, self.contact.clone()));
            }
            put_body(&mut response.headers, &mut response.body, &body);
            self.later.said = Some(body);
        }
        self.output.push_back(Act::Respond { transaction, response });
        self.go_on(now)
    }

    pub(super) fn handle_prack(
        &mut self,
        transaction: TransactionId,
        prack: &Arc<Request>,
        source: Source,
        now: Instant,
    ) -> Option<Session> {
        let answered = self.reliable.holds_back_answer();
        if !self.reliable.handle_prack(prack) {
            self.refuse(transaction, prack, StatusCode::CALL_DOES_NOT_EXIST);
            return None;
        }
        self.later.is_possible |= answered;
        let description = description_of(&prack.headers, &prack.body);
        if let Some(ours) = self.later.ours.take_if(|_| answered) {
            self.refuse(transaction, prack, StatusCode::OK);
            let Some(theirs) = description else {
                let status = StatusCode::NOT_ACCEPTABLE_HERE;
                self.finish(answer(&self.invite, status, self.dialog.local_tag()), Ending::Lost { status });
                return None;
            };
            self.later.said = Some(ours);
            let call = self.context.call;
            self.output.push_back(Act::Tell(Event::ReofferDone { call, outcome: Ok(theirs) }));
            return self.go_on(now);
        }
        match description {
            None => self.refuse(transaction, prack, StatusCode::OK),
            Some(_) if self.later.is_possible && self.later.open.is_none() => {
                self.ask_user(transaction, prack, source, now);
            }
            // One too many: that of the INVITE has no answer yet.
            Some(_) => self.refuse(transaction, prack, StatusCode::NOT_ACCEPTABLE_HERE),
        }
        self.go_on(now)
    }

    pub(super) fn ask_user(
        &mut self,
        transaction: TransactionId,
        request: &Arc<Request>,
        source: Source,
        now: Instant,
    ) {
        let give_up_at = now + self.context.timing.patience() / 2;
        self.later.open = Some(EarlyOffer { transaction, request: request.clone(), source, give_up_at });
        let offer = description_of(&request.headers, &request.body);
        self.output.push_back(Act::Tell(Event::Offered { call: self.context.call, request: request.clone(), offer }));
    }

    /// What waited for a PRACK, or for our answer to its offer.
    pub(super) fn go_on(&mut self, now: Instant) -> Option<Session> {
        if self.over || self.later.open.is_some() {
            return None;
        }
        if let Some(response) = self.reliable.next(now) {
            self.respond(response);
        }
        let (body, headers) = self.held_back.take()?;
        self.accept(body, headers, now)
    }

    pub(super) fn close_later(&mut self, status: StatusCode) {
        if let Some(EarlyOffer { transaction, request, .. }) = self.later.open.take() {
            self.refuse(transaction, &request, status);
        }
    }
}
