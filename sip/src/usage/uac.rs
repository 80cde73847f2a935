//! A call of ours, until its final response: RFC 3261 §13.2 and §9.1.
//!
//! ```text
//!   INVITE ──▶ Calling ──1xx──▶ Proceeding ──2xx──▶ Session          300–699, nothing heard ──▶ Over
//!                 │ give up         │ give up
//!                 ▼                 ▼
//!             Abandoned ──1xx──▶ Cancelling ──487, silence──▶ Over   2xx meanwhile: ACK and BYE (forks)
//! ```

mod asking_again;
mod reliable;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::act::{Act, CallContext, Purpose, answer, put_body};
use super::offer::description_of;
use super::outside::{first_hops, invite_of};
use super::prack::Pracks;
use super::session::{Begun, Session};
use super::session_timer::SessionTimer;
use super::uas::is_sips;
use crate::auth::DigestClient;
use crate::dialog::EarlyDialogs;
use crate::endpoint::{Body, Ending, Event, OutgoingInvite, RequestId};
use crate::message::{DialogId, Header, Method, Request, Response, StatusCode};
use crate::net_types::{ByFlow, Destination, Source};
use crate::transaction::{Failure, TransactionId};

#[derive(Debug)]
pub struct Uac {
    context: CallContext,
    invite: Request,
    destinations: Vec<Destination>,
    contact: String,
    /// What we said: the INVITE's offer, or the PRACK's answer.
    offer: Option<Body>,
    /// The flow the INVITE was told to take.
    sent_by: Option<ByFlow>,
    state: State,
    ring_until: Instant,
    early: EarlyDialogs,
    pracks: Pracks,
    /// The answer in a reliable 1xx, where the 2xx has none.
    early_answer: Option<Body>,
    /// PRACK for a reliable 1xx that offers waits for the user's answer: the callee's tag, RAck.
    owed: Option<(String, String)>,
    timer: SessionTimer,
    login: Option<DigestClient>,
    output: VecDeque<Act>,
}

#[derive(Debug)]
enum State {
    Calling,
    Proceeding,
    /// Given up before anything was heard: CANCEL has to wait for a 1xx.
    Abandoned {
        headers: Vec<Header>,
    },
    Cancelling {
        until: Instant,
    },
    Over,
}

impl Uac {
    pub fn new(mut context: CallContext, outgoing: OutgoingInvite, now: Instant) -> Self {
        let contact = outgoing.contact.open(is_sips(&outgoing.request_uri));
        let timer = SessionTimer::new(context.session_timers);
        let first = outgoing.route.first().map_or(&outgoing.request_uri, |route| &route.uri);
        let destinations = first_hops(outgoing.flow, first).into_iter();
        let destinations = match outgoing.named_by {
            Some(asker) => destinations.map(|hop| hop.named_by(asker)).collect(),
            None => destinations.collect(),
        };
        let mut invite = invite_of(&mut context.rng, &outgoing, &contact);
        timer.write_request(&mut invite.headers);
        let mut uac = Self {
            ring_until: now + outgoing.ring_for,
            context,
            invite,
            destinations,
            contact,
            offer: outgoing.offer,
            sent_by: outgoing.flow,
            state: State::Calling,
            early: EarlyDialogs::default(),
            pracks: Pracks::default(),
            early_answer: None,
            owed: None,
            timer,
            login: outgoing.login,
            output: VecDeque::new(),
        };
        if uac.destinations.is_empty() {
            uac.refused(StatusCode::UNSUPPORTED_URI_SCHEME, None);
        } else {
            uac.send_invite();
        }
        uac
    }

    pub fn invite(&self) -> &Request {
        &self.invite
    }

    pub fn sent_by(&self) -> Option<ByFlow> {
        self.sent_by
    }

    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Whether the user still wants an answer.
    pub fn is_wanted(&self) -> bool {
        matches!(self.state, State::Calling | State::Proceeding)
    }

    /// Whether one of the phones that ring has made a dialog of this name.
    pub fn has_early(&self, id: &DialogId) -> bool {
        self.invite.headers.call_id().is_ok_and(|call_id| call_id == id.call_id) && self.early.has(id)
    }

    pub fn hangup(&mut self, headers: Vec<Header>, now: Instant) {
        if self.is_wanted() {
            self.tell_ended(Ending::ByUs);
            self.give_up(headers, now);
        }
    }

    /// 101–199, or 100 of the next hop.
    pub fn handle_provisional(&mut self, response: Response, source: Source, now: Instant) {
        match std::mem::replace(&mut self.state, State::Proceeding) {
            State::Calling | State::Proceeding => {}
            State::Abandoned { headers } => return self.cancel(headers, now),
            state => return self.state = state,
        }
        if response.status == StatusCode::TRYING {
            return;
        }
        // A 1xx that makes no dialog still says that it rings.
        let _ = self.early.handle_provisional(&self.invite, &response, self.sent_by, source);
        if !self.confirm_reliable(&response) {
            return;
        }
        self.tell(Event::Progress { call: self.context.call, response: Arc::new(response) });
    }

    /// The 2xx that is the first, and wanted.
    pub fn handle_success(&mut self, mut response: Response, source: Source, now: Instant) -> Option<Session> {
        self.state = State::Over;
        let Ok(dialog) = self.early.confirm(&self.invite, &response, self.sent_by, source) else {
            self.refused(StatusCode::BAD_GATEWAY, Some(response));
            return None;
        };
        if let (Some(body), true) = (self.early_answer.take(), response.body.is_empty()) {
            put_body(&mut response.headers, &mut response.body, &body);
        }
        let begun = Begun {
            context: self.context.clone(),
            dialog,
            contact: self.contact.clone(),
            timer: self.timer.clone(),
            output: std::mem::take(&mut self.output),
        };
        Some(Session::of_caller(begun, self.offer.take(), response, source, now))
    }

    /// A 2xx that nobody wants any more: ACK and BYE are the forks' affair, and nothing is left to be cancelled.
    pub fn handle_late_success(&mut self) {
        self.state = State::Over;
    }

    /// 300–699.
    pub fn handle_refusal(&mut self, response: Response, source: Source) {
        if self.is_wanted() && self.timer.handle_too_small(&response) {
            return self.ask_for_longer_session();
        }
        if self.is_wanted() && self.take_up_challenge(&response) {
            return self.ask_with_credentials(source);
        }
        if self.is_wanted() {
            self.refused(response.status, Some(response));
        }
        self.state = State::Over;
    }

    pub fn handle_failure(&mut self, failure: Failure) {
        if self.is_wanted() {
            let status = match failure {
                Failure::TimedOut => StatusCode::REQUEST_TIMEOUT,
                Failure::Transport => StatusCode::SERVICE_UNAVAILABLE,
            };
            self.refused(status, None);
        }
        self.state = State::Over;
    }

    /// A request of the callee in one of the early dialogs.
    pub fn handle_request(&mut self, transaction: TransactionId, request: Arc<Request>, source: Source, now: Instant) {
        let remote_tag = request.headers.from().ok().and_then(|from| from.tag().map(str::to_owned)).unwrap_or_default();
        let Some(dialog) = self.early.get_mut(&remote_tag) else {
            return self.respond(transaction, &request, StatusCode::CALL_DOES_NOT_EXIST);
        };
        if let Err(status) = dialog.check_order(&request) {
            return self.respond(transaction, &request, status);
        }
        match request.method {
            // It takes itself for confirmed, so its 2xx is lost or late, and no longer wanted (RFC 5407 §3.1.2).
            Method::Bye => {
                self.respond(transaction, &request, StatusCode::OK);
                if self.is_wanted() {
                    let reason = request.headers.reason();
                    self.tell_ended(Ending::HungUp { reason });
                    self.give_up(Vec::new(), now);
                }
            }
            Method::Invite => self.respond(transaction, &request, StatusCode::REQUEST_PENDING),
            Method::Update if description_of(&request.headers, &request.body).is_some() => {
                self.respond(transaction, &request, StatusCode::REQUEST_PENDING);
            }
            Method::Update => {
                dialog.refresh_target(&request.headers, source);
                self.respond(transaction, &request, StatusCode::OK);
            }
            Method::Options => self.respond(transaction, &request, StatusCode::OK),
            Method::Prack => self.respond(transaction, &request, StatusCode::CALL_DOES_NOT_EXIST),
            _ => {
                let (call, id) = (Some(self.context.call), RequestId::of_incoming(transaction));
                self.tell(Event::Request { request: id, call, message: request, source });
            }
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            State::Calling | State::Proceeding if self.ring_until <= now => {
                let status = StatusCode::TEMPORARILY_UNAVAILABLE;
                self.tell_ended(Ending::Refused { status, response: None });
                self.give_up(Vec::new(), now);
            }
            // §9.1: 64·T1 after the CANCEL the transaction counts as cancelled.
            State::Cancelling { until } if until <= now => {
                self.state = State::Over;
                self.output.push_back(Act::Abandon);
            }
            _ => {}
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Calling | State::Proceeding => Some(self.ring_until),
            State::Cancelling { until } => Some(until),
            State::Abandoned { .. } | State::Over => None,
        }
    }

    pub fn poll_output(&mut self) -> Option<Act> {
        self.output.pop_front()
    }

    fn give_up(&mut self, headers: Vec<Header>, now: Instant) {
        match self.state {
            State::Calling => self.state = State::Abandoned { headers },
            _ => self.cancel(headers, now),
        }
    }

    fn cancel(&mut self, headers: Vec<Header>, now: Instant) {
        self.output.push_back(Act::Cancel { headers });
        self.state = State::Cancelling { until: now + self.context.timing.patience() };
    }

    fn send_invite(&mut self) {
        let (request, destinations) = (self.invite.clone(), self.destinations.clone());
        self.output.push_back(Act::Request { purpose: Purpose::Invite, request, destinations });
    }

    fn refused(&mut self, status: StatusCode, response: Option<Response>) {
        self.state = State::Over;
        self.tell_ended(Ending::Refused { status, response: response.map(Arc::new) });
    }

    fn respond(&mut self, transaction: TransactionId, request: &Request, status: StatusCode) {
        let response = answer(request, status, "");
        self.output.push_back(Act::Respond { transaction, response });
    }

    fn tell(&mut self, event: Event) {
        self.output.push_back(Act::Tell(event));
    }

    fn tell_ended(&mut self, why: Ending) {
        self.tell(Event::Ended { call: self.context.call, why });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::{context, told};
    use super::*;
    use crate::dialog::testing::source;
    use crate::endpoint::ContactTemplate;
    use crate::message::{HeaderName, NameAddr};

    fn calling(uri: &str, now: Instant) -> Uac {
        let to: NameAddr = uri.parse().expect("an address");
        let outgoing = OutgoingInvite {
            request_uri: to.uri.clone(),
            from: "<sip:focus@p.example>".parse().expect("an address"),
            to,
            contact: ContactTemplate::default(),
            route: Vec::new(),
            flow: None,
            headers: Vec::new(),
            offer: Some(Body::sdp("v=0")),
            ring_for: Duration::from_secs(30),
            login: None,
            named_by: None,
        };
        Uac::new(context(), outgoing, now)
    }

    fn response(uac: &Uac, status: StatusCode) -> Response {
        let mut response = uac.invite().response(status, Some("theirs"));
        response.headers.set(Header::new(HeaderName::Contact, "<sip:bob@192.0.2.4>"));
        response
    }

    #[test]
    fn cancel_waits_for_a_1xx_and_silence_after_it_is_the_end() {
        let (start, bob) = (Instant::now(), source("192.0.2.4:5060"));
        let mut uac = calling("<sip:bob@192.0.2.4>", start);
        uac.hangup(Vec::new(), start);
        assert_eq!(told(|| uac.poll_output()), ["INVITE", "Ended"]);
        uac.handle_provisional(response(&uac, StatusCode::TRYING), bob, start);
        uac.handle_provisional(response(&uac, StatusCode::RINGING), bob, start);
        assert_eq!(told(|| uac.poll_output()), ["CANCEL"]);
        let at = uac.poll_timeout().expect("silence is timed");
        assert_eq!(at, start + Duration::from_secs(32));
        uac.handle_timeout(at);
        assert_eq!(told(|| uac.poll_output()), ["abandon"]);
        assert!(uac.is_over());
    }

    #[test]
    fn who_rings_too_long_is_cancelled() {
        let (start, bob) = (Instant::now(), source("192.0.2.4:5060"));
        let mut uac = calling("<sip:bob@192.0.2.4>", start);
        uac.handle_provisional(response(&uac, StatusCode::RINGING), bob, start);
        uac.handle_timeout(start + Duration::from_secs(30));
        assert_eq!(told(|| uac.poll_output()), ["INVITE", "Progress", "Ended", "CANCEL"]);
    }

    fn challenged(uac: &Uac, realm: &str) -> Response {
        let mut refusal = response(uac, StatusCode::UNAUTHORIZED);
        let challenge = format!("Digest realm=\"{realm}\", nonce=\"1\"");
        refusal.headers.set(Header::new(HeaderName::WwwAuthenticate, challenge));
        refusal
    }

    /// §22.2: the same call, the next CSeq, down the way the challenge came.
    #[test]
    fn a_challenge_is_answered_once_and_only_where_a_login_was_given() {
        let (start, bob) = (Instant::now(), source("192.0.2.4:5060"));
        let mut stranger = calling("<sip:bob@b.example>", start);
        stranger.handle_refusal(challenged(&stranger, "b.example"), bob);
        assert_eq!(told(|| stranger.poll_output()), ["INVITE", "Ended"]);

        let mut uac = calling("<sip:bob@b.example>", start);
        let login = crate::auth::Login { user: "us".into(), password: "secret".into() };
        uac.login = Some(DigestClient::new(login, Some("b.example".into())));
        told(|| uac.poll_output());
        uac.handle_refusal(challenged(&uac, "b.example"), bob);
        match uac.poll_output() {
            Some(Act::Request { request, destinations, .. }) => {
                assert_eq!(request.headers.cseq().map(|cseq| cseq.number), Ok(2));
                assert!(request.headers.contains(&HeaderName::Authorization));
                assert_eq!(destinations.first(), Some(&Destination::from(bob)));
            }
            other => panic!("{other:?}"),
        }
        uac.handle_refusal(challenged(&uac, "b.example"), bob);
        assert_eq!(told(|| uac.poll_output()), ["Ended"]);
    }

    #[test]
    fn the_first_2xx_begins_the_session() {
        let (start, bob) = (Instant::now(), source("192.0.2.4:5060"));
        let mut uac = calling("<sip:bob@192.0.2.4>", start);
        told(|| uac.poll_output());
        let ok = response(&uac, StatusCode::OK);
        let mut session = uac.handle_success(ok, bob, start).expect("a session");
        assert_eq!(told(|| session.poll_output()), ["ACK", "Established"]);
    }

    #[test]
    fn what_cannot_be_reached_by_sip_is_refused_at_once() {
        let mut uac = calling("<mailto:bob@b.example>", Instant::now());
        assert_eq!(told(|| uac.poll_output()), ["Ended"]);
        assert!(uac.is_over());
    }
}
