//! A call that came in, until its final response: RFC 3261 §13.3.1.
//!
//! ```text
//!   INVITE ──▶ Waiting ──101–199──▶ Waiting ──200──▶ Session
//!                 │                    └──300–699, CANCEL: 487, BYE: 200 and 487──▶ Over
//! ```
//!
//! Reliable provisional responses (RFC 3262) stand in [`super::reliable`]. An INVITE without offer may get ours in the
//! first of them, and its PRACK answers. Once offer and answer have met, a PRACK or an UPDATE may bring another offer,
//! which its 2xx answers (RFC 3262 §5, RFC 3311 §5.2); the 200 to the INVITE waits for that.

mod later;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::later::Later;
use super::act::{Act, CallContext, answer, busy, put_body};
use super::invite::Arriving;
use super::offer::description_of;
use super::reliable::{Due, Reliable};
use super::session::{Begun, Session};
use super::session_timer::SessionTimer;
use crate::dialog::Dialog;
use crate::endpoint::{Body, ContactTemplate, Ending, Event, RequestId};
use crate::message::{Header, HeaderName, Method, Request, Response, StatusCode, Uri};
use crate::net_types::Source;
use crate::transaction::TransactionId;

/// §13.3.1.1: proxies stop a call that stays silent for three minutes.
const REMIND_EVERY: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Uas {
    context: CallContext,
    transaction: TransactionId,
    invite: Arc<Request>,
    dialog: Dialog,
    contact: String,
    timer: SessionTimer,
    /// The latest 1xx, and when it is said again.
    provisional: Option<(Response, Instant)>,
    reliable: Reliable,
    /// An answer that waits for the PRACK of an 18x with SDP (RFC 3262 §3).
    held_back: Option<(Option<Body>, Vec<Header>)>,
    later: Later,
    over: bool,
    /// Asked for credentials, and nothing else.
    challenged: bool,
    output: VecDeque<Act>,
}

impl Uas {
    /// `local_tag`: ours, in every response. Err: the response that the INVITE gets instead.
    pub fn new(
        context: CallContext,
        transaction: TransactionId,
        arriving: Arriving,
        local_tag: &str,
    ) -> Result<Self, Box<Response>> {
        let Arriving { invite, source, named } = arriving;
        let dialog = Dialog::of_uas(&invite, local_tag, source)
            .map_err(|_| Box::new(answer(&invite, StatusCode::BAD_REQUEST, local_tag)))?;
        let mut timer = SessionTimer::new(context.session_timers);
        timer.check_request(&invite, local_tag)?;
        let user = invite.uri.as_sip().and_then(|uri| uri.user().map(|user| user.into_owned()));
        let contact = ContactTemplate { user, parameters: String::new(), host: None }.open(is_sips(&invite.uri));
        let mut rng = context.rng.clone();
        let reliable = Reliable::new(&invite, context.timing, rng.number());
        let event = Event::Incoming { call: context.call, request: invite.clone(), source, named };
        let output = VecDeque::from([Act::Tell(event)]);
        Ok(Self {
            context,
            transaction,
            invite,
            dialog,
            contact,
            timer,
            provisional: None,
            reliable,
            held_back: None,
            later: Later::default(),
            over: false,
            challenged: false,
            output,
        })
    }

    pub fn dialog(&self) -> &Dialog {
        &self.dialog
    }

    pub fn dialog_mut(&mut self) -> &mut Dialog {
        &mut self.dialog
    }

    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Whoever made it has proven nothing: there never was a dialog (§8.2.7).
    pub fn was_challenged(&self) -> bool {
        self.challenged
    }

    /// What our Contact says from now on.
    pub fn name_contact(&mut self, contact: &Header) {
        let (sips, contact) = (is_sips(&self.invite.uri), contact.value());
        self.contact = if sips { contact.replacen("<sip:", "<sips:", 1) } else { contact.into_owned() };
    }

    /// 101–199.
    pub fn ring(&mut self, status: StatusCode, body: Option<Body>, now: Instant) {
        if self.over || self.held_back.is_some() || !status.is_provisional() || status == StatusCode::TRYING {
            return;
        }
        // Without an offer in the INVITE this is ours: in the first reliable response, or in the 200 (§13.2.1).
        let answers = description_of(&self.invite.headers, &self.invite.body).is_some();
        let may_offer = self.reliable.is_required() && self.later.ours.is_none() && !self.later.is_possible;
        let body = body.filter(|_| answers || may_offer);
        if !answers && may_offer {
            // A reliable response that says nothing would have to be followed by an offer that is none of the first.
            let Some(offer) = &body else { return };
            self.later.ours = Some(offer.clone());
        }
        let mut response = self.dialog_response(status);
        if let Some(body) = &body {
            put_body(&mut response.headers, &mut response.body, body);
        }
        if self.reliable.is_required() {
            if let Some(response) = self.reliable.send(response, body.is_some(), now) {
                self.respond(response);
            }
        } else {
            self.provisional = Some((response.clone(), now + REMIND_EVERY));
            self.respond(response);
        }
    }

    /// 200: the session begins, unless a reliable 18x with our answer still waits for its PRACK.
    pub fn accept(&mut self, body: Option<Body>, headers: Vec<Header>, now: Instant) -> Option<Session> {
        if self.over {
            return None;
        }
        if self.reliable.holds_back_answer() || self.later.open.is_some() {
            self.held_back = Some((body, headers));
            return None;
        }
        let contact = headers.iter().find(|header| *header.name() == HeaderName::Contact);
        contact.into_iter().for_each(|contact| self.name_contact(contact));
        let mut ok = self.dialog_response(StatusCode::OK);
        for header in headers.into_iter().filter(|header| *header.name() != HeaderName::Contact) {
            ok.headers.push(header);
        }
        if let Some(body) = body.as_ref().filter(|_| self.later.said.is_none()) {
            put_body(&mut ok.headers, &mut ok.body, body);
        }
        self.timer.write_response(&self.invite, &mut ok.headers);
        self.over = true;
        let begun = Begun {
            context: self.context.clone(),
            dialog: self.dialog.clone(),
            contact: self.contact.clone(),
            timer: self.timer.clone(),
            output: std::mem::take(&mut self.output),
        };
        let mut session = Session::of_callee(begun, self.transaction, &self.invite, ok, now);
        self.later.said.take().into_iter().for_each(|said| session.have_agreed(said));
        Some(session)
    }

    /// 300–699 by the user.
    pub fn reject(&mut self, status: StatusCode, headers: Vec<Header>) {
        if self.over {
            return;
        }
        self.challenged = status.is_challenge();
        let mut response = answer(&self.invite, status, self.dialog.local_tag());
        headers.into_iter().for_each(|header| response.headers.push(header));
        self.finish(response, Ending::ByUs);
    }

    /// The caller gave up: §9.2. The CANCEL itself is answered by the endpoint.
    pub fn cancel(&mut self, cancel: &Request) {
        let reason = cancel.headers.reason();
        self.terminate(Ending::Cancelled { reason });
    }

    /// A request within the early dialog.
    pub fn handle_request(
        &mut self,
        transaction: TransactionId,
        request: Arc<Request>,
        source: Source,
        now: Instant,
    ) -> Option<Session> {
        let from_tag = request.headers.from().ok().and_then(|from| from.tag().map(str::to_owned));
        if self.over || !self.dialog.is_with(from_tag.as_deref()) {
            self.refuse(transaction, &request, StatusCode::CALL_DOES_NOT_EXIST);
            return None;
        }
        if let Err(status) = self.dialog.check_order(&request) {
            let response = answer(&request, status, self.dialog.local_tag());
            self.output.push_back(Act::Respond { transaction, response });
            return None;
        }
        match request.method {
            Method::Bye => self.handle_bye(transaction, &request),
            Method::Prack => return self.handle_prack(transaction, &request, source, now),
            // §14.2: a second INVITE before the final response to the first; RFC 3311 §5.2 likewise.
            Method::Invite => self.refuse(transaction, &request, StatusCode::SERVER_INTERNAL_ERROR),
            Method::Update if description_of(&request.headers, &request.body).is_some() => {
                if self.later.is_possible && self.later.open.is_none() {
                    self.ask_user(transaction, &request, source, now);
                    return None;
                }
                self.refuse(transaction, &request, StatusCode::SERVER_INTERNAL_ERROR);
            }
            Method::Update => {
                self.dialog.refresh_target(&request.headers, source);
                let mut ok = answer(&request, StatusCode::OK, self.dialog.local_tag());
                ok.headers.set(Header::new(HeaderName::Contact, self.contact.clone()));
                self.output.push_back(Act::Respond { transaction, response: ok });
            }
            Method::Options => self.refuse(transaction, &request, StatusCode::OK),
            _ => {
                let (call, id) = (Some(self.context.call), RequestId::of_incoming(transaction));
                self.output.push_back(Act::Tell(Event::Request { request: id, call, message: request, source }));
            }
        }
        None
    }

    pub fn handle_timeout(&mut self, now: Instant) -> Option<Session> {
        if self.over {
            return None;
        }
        if self.later.open.as_ref().is_some_and(|open| open.give_up_at <= now) {
            self.close_later(StatusCode::NOT_ACCEPTABLE_HERE);
            return self.go_on(now);
        }
        match self.reliable.handle_timeout(now) {
            Due::Repeat(response) => self.respond(*response),
            // RFC 3262 §3: who does not confirm that it rings will not confirm the answer either.
            Due::GiveUp => {
                let response = answer(&self.invite, StatusCode::SERVER_TIMEOUT, self.dialog.local_tag());
                let status = StatusCode::REQUEST_TIMEOUT;
                self.finish(response, Ending::Lost { status });
            }
            Due::Nothing => {}
        }
        if let Some((response, again_at)) = &mut self.provisional
            && *again_at <= now
        {
            *again_at = now + REMIND_EVERY;
            let response = response.clone();
            self.respond(response);
        }
        None
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let again_at = self.provisional.as_ref().map(|(_, again_at)| *again_at);
        let give_up_at = self.later.open.as_ref().map(|open| open.give_up_at);
        [again_at, give_up_at, self.reliable.poll_timeout()].into_iter().flatten().min().filter(|_| !self.over)
    }

    pub fn poll_output(&mut self) -> Option<Act> {
        self.output.pop_front()
    }

    /// BYE of the caller in the early dialog: §15.1.2.
    fn handle_bye(&mut self, transaction: TransactionId, bye: &Request) {
        let ok = answer(bye, StatusCode::OK, self.dialog.local_tag());
        self.output.push_back(Act::Respond { transaction, response: ok });
        let reason = bye.headers.reason();
        self.terminate(Ending::Cancelled { reason });
    }

    fn terminate(&mut self, why: Ending) {
        if !self.over {
            let response = answer(&self.invite, StatusCode::REQUEST_TERMINATED, self.dialog.local_tag());
            self.finish(response, why);
        }
    }

    fn finish(&mut self, response: Response, why: Ending) {
        self.over = true;
        self.close_later(StatusCode::REQUEST_TERMINATED);
        self.respond(response);
        self.output.push_back(Act::Tell(Event::Ended { call: self.context.call, why }));
    }

    /// A response that makes or confirms the dialog: with Contact.
    fn dialog_response(&self, status: StatusCode) -> Response {
        let mut response = answer(&self.invite, status, self.dialog.local_tag());
        response.headers.set(Header::new(HeaderName::Contact, self.contact.clone()));
        response
    }

    /// A response with a status alone; 500 says when to come again.
    fn refuse(&mut self, transaction: TransactionId, request: &Arc<Request>, status: StatusCode) {
        let response = match status {
            StatusCode::SERVER_INTERNAL_ERROR => busy(request, self.dialog.local_tag(), &mut self.context.rng),
            status => answer(request, status, self.dialog.local_tag()),
        };
        self.output.push_back(Act::Respond { transaction, response });
    }

    fn respond(&mut self, response: Response) {
        self.output.push_back(Act::Respond { transaction: self.transaction, response });
    }
}

pub(super) fn is_sips(uri: &Uri) -> bool {
    uri.as_sip().is_some_and(|uri| uri.is_sips())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{context, told};
    use super::*;
    use crate::dialog::testing::{invite, source};

    fn called() -> Uas {
        let (invite, source) = (Arc::new(invite()), source("192.0.2.1:5060"));
        let mut uas = Uas::new(context(), TransactionId(1), Arriving { invite, source, named: None }, "ours")
            .expect("a complete INVITE");
        assert_eq!(told(|| uas.poll_output()), ["Incoming"]);
        uas
    }

    #[test]
    fn ringing_is_said_again_each_minute_until_the_answer() {
        let start = Instant::now();
        let mut uas = called();
        uas.ring(StatusCode::RINGING, None, start);
        for minute in 1..=3 {
            let at = uas.poll_timeout().expect("a reminder is due");
            assert_eq!(at, start + minute * REMIND_EVERY);
            uas.handle_timeout(at);
        }
        assert_eq!(told(|| uas.poll_output()), ["180"; 4]);
        let mut session = uas.accept(None, Vec::new(), start).expect("a session");
        assert_eq!(told(|| session.poll_output()), ["200"]);
        assert_eq!(uas.poll_timeout(), None);
    }

    #[test]
    fn after_the_end_nothing_is_said() {
        let now = Instant::now();
        let mut uas = called();
        uas.cancel(&invite());
        assert_eq!(told(|| uas.poll_output()), ["487", "Ended"]);
        uas.ring(StatusCode::RINGING, None, now);
        uas.reject(StatusCode::BUSY_HERE, Vec::new());
        assert!(uas.accept(None, Vec::new(), now).is_none());
        assert_eq!(told(|| uas.poll_output()), [] as [&str; 0]);
        assert!(uas.is_over());
    }

    #[test]
    fn an_invite_without_contact_is_refused() {
        let mut incomplete = invite();
        incomplete.headers.remove(&HeaderName::Contact);
        let source = source("192.0.2.1:5060");
        let arriving = Arriving { invite: Arc::new(incomplete), source, named: None };
        let refusal = Uas::new(context(), TransactionId(1), arriving, "ours").expect_err("refused");
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
    }
}
