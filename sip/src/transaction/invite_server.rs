//! INVITE server transaction: RFC 3261 §17.2.1, with the Accepted state of RFC 6026 §7.1.
//!
//! ```text
//!   INVITE ──▶ Proceeding ──2xx──▶ Accepted      Proceeding: repeats its last 1xx; 100 when the user is slow
//!                  │                             Accepted: L, 32 s, absorbs the INVITE; the user repeats the 2xx
//!               300-699
//!                  ▼
//!              Completed ──ACK──▶ Confirmed      Completed: G resends (UDP), H, 32 s, gives up
//!                                                Confirmed: I, 5 s over UDP, absorbs ACKs
//! ```
//!
//! A challenge ends it at once: whoever asks may have forged his address, and whoever lost it asks again and is challenged
//! anew (§8.2.7, §22.1, §26.3.2.4); the ACK of it finds nothing and is dropped. A send that fails is told, but ends nothing (RFC 6026 §6): the ACK may still come by another way.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Failure, Kind, Output, Resend, Timing};
use crate::message::{Message, Request, Response, StatusCode};

/// §17.2.1 wants 100 on the wire within 200 ms of silence; the rest is left to the scheduler and the wire.
const TRYING_AFTER: Duration = Duration::from_millis(150);

#[derive(Debug)]
pub struct InviteServer {
    timing: Timing,
    reliable: bool,
    state: State,
    output: VecDeque<Output>,
}

#[derive(Debug)]
enum State {
    /// Nothing said yet.
    Silent {
        invite: Arc<Request>,
        trying_at: Instant,
    },
    Proceeding {
        last: Box<Response>,
    },
    Completed {
        response: Box<Response>,
        resend: Option<Resend>,
        give_up_at: Instant,
    },
    Confirmed {
        until: Instant,
    },
    Accepted {
        until: Instant,
    },
    Terminated,
}

impl InviteServer {
    pub fn new(invite: Arc<Request>, reliable: bool, timing: Timing, now: Instant) -> Self {
        let state = State::Silent { invite, trying_at: now + TRYING_AFTER };
        Self { timing, reliable, state, output: VecDeque::new() }
    }

    /// The INVITE again.
    pub fn handle_invite(&mut self) {
        match &self.state {
            State::Proceeding { last: response } | State::Completed { response, .. } => {
                let message = Message::Response((**response).clone());
                self.output.push_back(Output::Send(message));
            }
            State::Silent { .. } | State::Confirmed { .. } | State::Accepted { .. } | State::Terminated => {}
        }
    }

    /// An ACK with the INVITE's own branch. In Accepted it belongs to the dialog, and is left alone here.
    pub fn handle_ack(&mut self, now: Instant) {
        if let State::Completed { .. } = self.state {
            self.state = State::Confirmed { until: now + self.timing.linger(self.reliable) };
        }
    }

    /// What the user answers. A 2xx may be given again while Accepted (§13.3.1.4).
    pub fn respond(&mut self, response: Response, now: Instant) {
        use State::*;
        let kind = Kind::of(&response);
        self.state = match (mem::replace(&mut self.state, Terminated), kind) {
            (Silent { .. } | Proceeding { .. }, Kind::Provisional) => {
                Proceeding { last: Box::new(self.send(response)) }
            }
            (Silent { .. } | Proceeding { .. }, Kind::Success) => {
                self.send(response);
                Accepted { until: now + self.timing.patience() }
            }
            (Silent { .. } | Proceeding { .. }, Kind::Failure) if response.status.is_challenge() => {
                self.send(response);
                Terminated
            }
            (Silent { .. } | Proceeding { .. }, Kind::Failure) => Completed {
                response: Box::new(self.send(response)),
                resend: (!self.reliable).then(|| Resend::capped(&self.timing, now)),
                give_up_at: now + self.timing.patience(),
            },
            (Accepted { until }, Kind::Success) => {
                self.send(response);
                Accepted { until }
            }
            (state, _) => state, // one final response, no more
        };
    }

    pub fn handle_transport_error(&mut self) {
        if !self.is_terminated() {
            self.output.push_back(Output::Failed(Failure::Transport));
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        use State::*;
        self.state = match mem::replace(&mut self.state, Terminated) {
            Silent { invite, trying_at } if trying_at <= now => {
                Proceeding { last: Box::new(self.send(invite.response(StatusCode::TRYING, None))) }
            }
            Completed { give_up_at, .. } if give_up_at <= now => {
                self.output.push_back(Output::Failed(Failure::TimedOut));
                Terminated
            }
            Completed { response, resend: Some(resend), give_up_at } if resend.is_due(now) => {
                self.send((*response).clone());
                Completed { response, resend: Some(resend.next(now)), give_up_at }
            }
            Confirmed { until } | Accepted { until } if until <= now => Terminated,
            state => state,
        };
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Silent { trying_at, .. } => Some(*trying_at),
            State::Completed { resend: Some(resend), give_up_at, .. } => Some(resend.at.min(*give_up_at)),
            State::Completed { resend: None, give_up_at, .. } => Some(*give_up_at),
            State::Confirmed { until } | State::Accepted { until } => Some(*until),
            State::Proceeding { .. } | State::Terminated => None,
        }
    }

    pub fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// A 2xx went out: an ACK that matches nevertheless is for the dialog (RFC 6026 §7.1).
    pub fn is_accepted(&self) -> bool {
        matches!(self.state, State::Accepted { .. })
    }

    /// No final response yet, so that CANCEL has something to end (§9.2).
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Silent { .. } | State::Proceeding { .. })
    }

    fn send(&mut self, response: Response) -> Response {
        self.output.push_back(Output::Send(Message::Response(response.clone())));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Said, request, sent};
    use super::*;
    use crate::message::Method;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn opened(reliable: bool, now: Instant) -> (InviteServer, Arc<Request>) {
        let invite = Arc::new(request(Method::Invite));
        (InviteServer::new(invite.clone(), reliable, Timing::default(), now), invite)
    }

    #[test]
    fn a_slow_user_is_covered_by_100() {
        let start = Instant::now();
        let (mut server, _) = opened(false, start);
        assert_eq!(sent(&mut server), []);
        let at = server.poll_timeout().expect("silence is timed");
        assert!(at <= start + ms(200));
        server.handle_timeout(at);
        assert_eq!(sent(&mut server), [Said::Response(StatusCode::TRYING)]);
        server.handle_invite();
        assert_eq!(sent(&mut server), [Said::Response(StatusCode::TRYING)]);
    }

    #[test]
    fn a_repeated_invite_gets_the_last_provisional_and_after_2xx_nothing() {
        let start = Instant::now();
        let (mut server, invite) = opened(false, start);
        server.respond(invite.response(StatusCode::RINGING, Some("a")), start);
        server.handle_invite();
        assert_eq!(sent(&mut server), vec![Said::Response(StatusCode::RINGING); 2]);
        server.respond(invite.response(StatusCode::OK, Some("a")), start);
        server.handle_invite();
        assert_eq!(sent(&mut server), [Said::Response(StatusCode::OK)]);
        assert_eq!(server.poll_timeout(), Some(start + ms(32_000)), "Timer L");
    }

    #[test]
    fn a_refusal_is_repeated_until_the_ack() {
        let start = Instant::now();
        let (mut server, invite) = opened(false, start);
        server.respond(invite.response(StatusCode::BUSY_HERE, Some("a")), start);
        for at in [500, 1500, 3500, 7500, 11_500] {
            assert_eq!(server.poll_timeout(), Some(start + ms(at)));
            server.handle_timeout(start + ms(at));
        }
        assert_eq!(sent(&mut server).len(), 6);
        server.handle_ack(start + ms(12_000));
        assert_eq!(server.poll_timeout(), Some(start + ms(17_000)), "Timer I");
        server.handle_timeout(start + ms(17_000));
        assert!(server.is_terminated());
    }

    /// §8.2.7: whoever has proven nothing leaves nothing behind, neither over UDP nor over a connection.
    #[test]
    fn a_challenge_is_said_once_and_ends_the_transaction() {
        let start = Instant::now();
        for reliable in [false, true] {
            let (mut server, invite) = opened(reliable, start);
            server.respond(invite.response(StatusCode::UNAUTHORIZED, Some("a")), start);
            assert_eq!(sent(&mut server), [Said::Response(StatusCode::UNAUTHORIZED)]);
            assert!(server.is_terminated());
        }
    }

    #[test]
    fn without_ack_timer_h_ends_it() {
        let start = Instant::now();
        let (mut server, invite) = opened(true, start);
        server.respond(invite.response(StatusCode::BUSY_HERE, Some("a")), start);
        assert_eq!(server.poll_timeout(), Some(start + ms(32_000)), "no Timer G on a stream");
        server.handle_timeout(start + ms(32_000));
        assert_eq!(sent(&mut server).last(), Some(&Said::Failed(Failure::TimedOut)));
    }

    #[test]
    fn a_failed_send_leaves_the_transaction_alive() {
        let start = Instant::now();
        let (mut server, invite) = opened(false, start);
        server.respond(invite.response(StatusCode::OK, Some("a")), start);
        server.handle_transport_error();
        assert!(server.is_accepted());
    }
}
