//! Non-INVITE client transaction: RFC 3261 §17.1.2.
//!
//! ```text
//!   request ──▶ Trying ────1xx────▶ Proceeding      Trying: E resends at T1, 2·T1 … T2 (UDP)
//!                 │                    │            Proceeding: E resends every T2 (UDP)
//!              200-699              200-699         both: F, 32 s, gives up
//!                 └────▶ Completed ◀───┘            Completed: K, 5 s over UDP, absorbs repetitions
//! ```

use std::collections::VecDeque;
use std::mem;
use std::time::Instant;

use super::{Failure, Kind, Output, Resend, Timing};
use crate::message::{Message, Request, Response};
use crate::net_types::Transport;

#[derive(Debug)]
pub struct Client {
    request: Request,
    timing: Timing,
    /// Unknown until the first packet has left by a transport of the net's choice.
    transport: Option<Transport>,
    state: State,
    output: VecDeque<Output>,
}

#[derive(Debug)]
enum State {
    Trying { resend: Option<Resend>, give_up_at: Instant },
    Proceeding { resend: Option<Resend>, give_up_at: Instant },
    Completed { until: Instant },
    Terminated,
}

impl Client {
    /// Sends the request. Without a known `transport`, Timer E waits for [`Self::handle_sent`].
    pub fn new(request: Request, transport: Option<Transport>, timing: Timing, now: Instant) -> Self {
        let resend = (transport == Some(Transport::Udp)).then(|| Resend::capped(&timing, now));
        let output = VecDeque::from([Output::Send(Message::Request(request.clone()))]);
        let state = State::Trying { resend, give_up_at: now + timing.patience() };
        Self { request, timing, transport, state, output }
    }

    pub fn request(&self) -> &Request {
        &self.request
    }

    pub fn request_mut(&mut self) -> &mut Request {
        &mut self.request
    }

    /// The first packet left by `transport`.
    pub fn handle_sent(&mut self, transport: Transport, now: Instant) {
        if self.transport.replace(transport).is_some() || transport.is_reliable() {
            return;
        }
        match &mut self.state {
            State::Trying { resend, .. } => *resend = Some(Resend::capped(&self.timing, now)),
            State::Proceeding { resend, .. } => *resend = Some(Resend::steady(&self.timing, now)),
            State::Completed { .. } | State::Terminated => {}
        }
    }

    pub fn handle_response(&mut self, response: Response, now: Instant) {
        use State::*;
        let kind = Kind::of(&response);
        self.state = match (mem::replace(&mut self.state, Terminated), kind) {
            (Trying { resend, give_up_at }, Kind::Provisional) => {
                let resend = resend.map(|_| Resend::steady(&self.timing, now));
                self.deliver(response, Proceeding { resend, give_up_at })
            }
            (state @ Proceeding { .. }, Kind::Provisional) => self.deliver(response, state),
            (Trying { .. } | Proceeding { .. }, Kind::Success | Kind::Failure) => {
                let reliable = self.transport.is_some_and(Transport::is_reliable);
                self.deliver(response, Completed { until: now + self.timing.linger(reliable) })
            }
            (state, _) => state, // repeated; absorbed
        };
    }

    pub fn handle_transport_error(&mut self) {
        if matches!(self.state, State::Trying { .. } | State::Proceeding { .. }) {
            self.state = self.fail(Failure::Transport);
        }
    }

    /// Timer F: nobody has answered at all.
    pub fn gives_up(&self, now: Instant) -> bool {
        matches!(self.state, State::Trying { give_up_at, .. } if give_up_at <= now)
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        use State::*;
        self.state = match mem::replace(&mut self.state, Terminated) {
            Trying { give_up_at, .. } | Proceeding { give_up_at, .. } if give_up_at <= now => {
                self.fail(Failure::TimedOut)
            }
            Trying { resend: Some(resend), give_up_at } if resend.is_due(now) => {
                self.send();
                Trying { resend: Some(resend.next(now)), give_up_at }
            }
            Proceeding { resend: Some(resend), give_up_at } if resend.is_due(now) => {
                self.send();
                Proceeding { resend: Some(resend.next(now)), give_up_at }
            }
            Completed { until } if until <= now => Terminated,
            state => state,
        };
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Trying { resend, give_up_at } | State::Proceeding { resend, give_up_at } => {
                Some(resend.map_or(*give_up_at, |resend| resend.at.min(*give_up_at)))
            }
            State::Completed { until } => Some(*until),
            State::Terminated => None,
        }
    }

    pub fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// No response yet, so that another way to the same target may still be tried.
    pub fn is_trying(&self) -> bool {
        matches!(self.state, State::Trying { .. })
    }

    fn deliver(&mut self, response: Response, next: State) -> State {
        self.output.push_back(Output::Deliver(response));
        next
    }

    fn send(&mut self) {
        self.output.push_back(Output::Send(Message::Request(self.request.clone())));
    }

    fn fail(&mut self, failure: Failure) -> State {
        self.output.push_back(Output::Failed(failure));
        State::Terminated
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::{Said, request, respond, sent};
    use super::*;
    use crate::message::{Method, StatusCode};

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn over_udp_the_request_is_repeated_until_timer_f() {
        let start = Instant::now();
        let mut bye = Client::new(request(Method::Bye), Some(Transport::Udp), Timing::default(), start);
        assert_eq!(sent(&mut bye), [Said::Request(Method::Bye)]);
        let mut times = Vec::new();
        while let Some(at) = bye.poll_timeout() {
            bye.handle_timeout(at);
            times.push((at - start).as_millis());
        }
        assert_eq!(times[..5], [500, 1500, 3500, 7500, 11500]);
        assert_eq!(times.last(), Some(&32_000));
        assert_eq!(sent(&mut bye).last(), Some(&Said::Failed(Failure::TimedOut)));
    }

    #[test]
    fn a_stream_repeats_by_itself() {
        let start = Instant::now();
        let mut bye = Client::new(request(Method::Bye), Some(Transport::Tls), Timing::default(), start);
        assert_eq!(bye.poll_timeout(), Some(start + ms(32_000)));
        bye.handle_response(respond(bye.request(), StatusCode::OK), start);
        assert_eq!(bye.poll_timeout(), Some(start), "Timer K is nothing on a stream");
    }

    #[test]
    fn repetition_waits_until_the_net_tells_the_transport() {
        let start = Instant::now();
        let mut bye = Client::new(request(Method::Bye), None, Timing::default(), start);
        assert_eq!(bye.poll_timeout(), Some(start + ms(32_000)));
        bye.handle_sent(Transport::Udp, start + ms(100));
        assert_eq!(bye.poll_timeout(), Some(start + ms(600)));
    }

    #[test]
    fn the_final_response_is_delivered_once() {
        let start = Instant::now();
        let mut bye = Client::new(request(Method::Bye), Some(Transport::Udp), Timing::default(), start);
        sent(&mut bye);
        let ok = respond(bye.request(), StatusCode::OK);
        bye.handle_response(ok.clone(), start);
        bye.handle_response(ok, start + ms(10));
        assert_eq!(sent(&mut bye), [Said::Delivered(StatusCode::OK)]);
        bye.handle_timeout(start + ms(5000));
        assert!(bye.is_terminated());
    }
}
