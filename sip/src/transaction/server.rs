//! Non-INVITE server transaction: RFC 3261 §17.2.2, with what RFC 4320 §4 takes out and puts in.
//!
//! ```text
//!   request ──▶ Trying ──(3.5 s)──▶ Proceeding       Trying: silent, 100 when the client's Timer E reaches T2
//!                 │                     │            Proceeding: repeats the 100
//!              200-699               200-699         both: after 32 s the client has given up, and so do we
//!                 └────▶ Completed ◀────┘            Completed: J, 32 s over UDP, repeats the response; over a
//!                                                    connection only until the response is on its way, by
//!                                                    whichever of RFC 3261 §18.2.2
//! ```
//!
//! A challenge ends it at once (RFC 3261 §8.2.7): asked again, we challenge again.
//! No 1xx but 100, and no 408: a late answer helps nobody (RFC 4320 §4.2).

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::{Kind, Output, Timing};
use crate::message::{Limits, Message, Request, Response, StatusCode, parse_datagram};

#[derive(Debug)]
pub struct Server {
    timing: Timing,
    reliable: bool,
    state: State,
    output: VecDeque<Output>,
}

#[derive(Debug)]
enum State {
    Trying {
        request: Arc<Request>,
        trying_at: Instant,
        give_up_at: Instant,
    },
    Proceeding {
        trying: Box<Response>,
        give_up_at: Instant,
    },
    /// The response as it was printed: of thousands a second each is kept for half a minute.
    Completed {
        response: Box<[u8]>,
        until: Instant,
    },
    Terminated,
}

impl Server {
    pub fn new(request: Arc<Request>, reliable: bool, timing: Timing, now: Instant) -> Self {
        let state =
            State::Trying { request, trying_at: now + timing.until_e_is_t2(), give_up_at: now + timing.patience() };
        Self { timing, reliable, state, output: VecDeque::new() }
    }

    /// The request again.
    pub fn handle_request(&mut self) {
        let again = match &self.state {
            State::Proceeding { trying, .. } => Some(Message::Response((**trying).clone())),
            State::Completed { response, .. } => {
                parse_datagram(&Bytes::copy_from_slice(response), &Limits::default()).ok()
            }
            State::Trying { .. } | State::Terminated => None,
        };
        self.output.extend(again.map(Output::Send));
    }

    /// The user's final response. A provisional one is dropped: RFC 4320 §4.1 leaves only our own 100.
    pub fn respond(&mut self, response: Response, now: Instant) {
        use State::*;
        let kind = Kind::of(&response);
        self.state = match (mem::replace(&mut self.state, Terminated), kind) {
            (Trying { .. } | Proceeding { .. }, Kind::Failure) if response.status.is_challenge() => {
                self.output.push_back(Output::Send(Message::Response(response)));
                Terminated
            }
            (Trying { .. } | Proceeding { .. }, Kind::Success | Kind::Failure) => {
                let (kept, until) = (response.to_bytes(), now + self.timing.absorb(false));
                self.output.push_back(Output::Send(Message::Response(response)));
                Completed { response: kept[..].into(), until }
            }
            (state, _) => state,
        };
    }

    /// A response is on its way. Over a connection nobody asks again: Timer J is nought.
    pub fn handle_sent(&mut self) {
        if self.reliable && matches!(self.state, State::Completed { .. }) {
            self.state = State::Terminated;
        }
    }

    /// A response went by none of its ways.
    pub fn handle_transport_error(&mut self) {
        self.handle_sent();
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        use State::*;
        self.state = match mem::replace(&mut self.state, Terminated) {
            Trying { give_up_at, .. } | Proceeding { give_up_at, .. } if give_up_at <= now => Terminated,
            Trying { request, trying_at, give_up_at } if trying_at <= now => {
                let trying = request.response(StatusCode::TRYING, None);
                self.output.push_back(Output::Send(Message::Response(trying.clone())));
                Proceeding { trying: Box::new(trying), give_up_at }
            }
            Completed { until, .. } if until <= now => Terminated,
            state => state,
        };
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Trying { trying_at, give_up_at, .. } => Some(*trying_at.min(give_up_at)),
            State::Proceeding { give_up_at, .. } => Some(*give_up_at),
            State::Completed { until, .. } => Some(*until),
            State::Terminated => None,
        }
    }

    pub fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::{Said, request, sent};
    use super::*;
    use crate::message::Method;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// RFC 4320 §4.1.
    #[test]
    fn no_100_before_the_clients_timer_e_reaches_t2_and_one_then() {
        let start = Instant::now();
        let info = Arc::new(request(Method::Info));
        let mut server = Server::new(info, false, Timing::default(), start);
        assert_eq!(server.poll_timeout(), Some(start + ms(3500)));
        server.handle_request();
        assert_eq!(sent(&mut server), []);
        server.handle_timeout(start + ms(3500));
        assert_eq!(sent(&mut server), [Said::Response(StatusCode::TRYING)]);
    }

    /// RFC 4320 §4.2.
    #[test]
    fn a_user_that_never_answers_leaves_silence() {
        let start = Instant::now();
        let info = Arc::new(request(Method::Info));
        let mut server = Server::new(info.clone(), false, Timing::default(), start);
        server.handle_timeout(start + ms(3500));
        sent(&mut server);
        server.handle_timeout(start + ms(32_000));
        server.respond(info.response(StatusCode::OK, Some("a")), start + ms(33_000));
        assert_eq!(sent(&mut server), []);
        assert!(server.is_terminated());
    }

    #[test]
    fn a_repeated_request_gets_the_same_response() {
        let start = Instant::now();
        let info = Arc::new(request(Method::Info));
        let mut server = Server::new(info.clone(), false, Timing::default(), start);
        server.respond(info.response(StatusCode::OK, Some("a")), start);
        server.handle_request();
        assert_eq!(sent(&mut server), vec![Said::Response(StatusCode::OK); 2]);
        assert_eq!(server.poll_timeout(), Some(start + ms(32_000)), "Timer J");
        server.handle_sent();
        assert!(!server.is_terminated(), "it may be lost");
    }

    #[test]
    fn over_a_connection_it_ends_when_the_response_is_on_its_way() {
        let start = Instant::now();
        let info = Arc::new(request(Method::Info));
        for lost in [false, true] {
            let mut server = Server::new(info.clone(), true, Timing::default(), start);
            server.respond(info.response(StatusCode::OK, Some("a")), start);
            assert!(!server.is_terminated(), "another way may be tried yet");
            if lost {
                server.handle_transport_error()
            } else {
                server.handle_sent()
            }
            assert!(server.is_terminated());
        }
    }
}
