//! INVITE client transaction: RFC 3261 §17.1.1, with the Accepted state of RFC 6026 §7.2.
//!
//! ```text
//!   INVITE ──▶ Calling ────1xx────▶ Proceeding
//!               │   └──2xx──┐   ┌──2xx──┘ │
//!            300-699        ▼   ▼      300-699     Calling: A resends (UDP), B gives up
//!               │         Accepted        │        Accepted: M, 32 s, passes a fork's later 2xx on
//!               └───────▶ Completed ◀─────┘        Completed: D, 32 s over UDP, repeats the ACK
//! ```
//!
//! The ACK for 300–699 is made here (§17.1.1.3); the ACK for a 2xx is the dialog's.

use std::collections::VecDeque;
use std::mem;
use std::time::{Duration, Instant};

use super::{Failure, Kind, Output, Resend, Timing};
use crate::message::{CSeq, Header, HeaderName, Message, Method, Request, Response};
use crate::net_types::Transport;

#[derive(Debug)]
pub struct InviteClient {
    invite: Request,
    timing: Timing,
    /// Unknown until the first packet has left by a transport of the net's choice.
    transport: Option<Transport>,
    state: State,
    output: VecDeque<Output>,
}

#[derive(Debug)]
enum State {
    Calling { resend: Option<Resend>, give_up_at: Instant },
    Proceeding,
    Completed { ack: Box<Request>, until: Instant },
    Accepted { until: Instant },
    Terminated,
}

impl InviteClient {
    /// Sends the INVITE. Without a known `transport`, Timer A waits for [`Self::handle_sent`].
    pub fn new(invite: Request, transport: Option<Transport>, timing: Timing, now: Instant) -> Self {
        let resend = (transport == Some(Transport::Udp)).then(|| Resend::doubling(&timing, now));
        let output = VecDeque::from([Output::Send(Message::Request(invite.clone()))]);
        let state = State::Calling { resend, give_up_at: now + timing.patience() };
        Self { invite, timing, transport, state, output }
    }

    /// The INVITE as sent, from which CANCEL takes what must agree (§9.1).
    pub fn invite(&self) -> &Request {
        &self.invite
    }

    pub fn invite_mut(&mut self) -> &mut Request {
        &mut self.invite
    }

    /// The first packet left by `transport`.
    pub fn handle_sent(&mut self, transport: Transport, now: Instant) {
        if self.transport.replace(transport).is_some() {
            return;
        }
        if let State::Calling { resend, .. } = &mut self.state {
            *resend = (transport == Transport::Udp).then(|| Resend::doubling(&self.timing, now));
        }
    }

    pub fn handle_response(&mut self, response: Response, now: Instant) {
        use State::*;
        let kind = Kind::of(&response);
        self.state = match (mem::replace(&mut self.state, Terminated), kind) {
            (Calling { .. } | Proceeding, Kind::Provisional) => self.deliver(response, Proceeding),
            (Calling { .. } | Proceeding, Kind::Success) => {
                self.deliver(response, Accepted { until: now + self.timing.patience() })
            }
            (Calling { .. } | Proceeding, Kind::Failure) => {
                let ack = self.send_ack(Box::new(ack_for(&self.invite, &response)));
                self.deliver(response, Completed { ack, until: now + self.timer_d() })
            }
            (Accepted { until }, Kind::Success) => self.deliver(response, Accepted { until }),
            (Completed { ack, until }, Kind::Failure) => Completed { ack: self.send_ack(ack), until },
            (state, _) => state, // late or repeated; §17.1.1.2 absorbs it
        };
    }

    pub fn handle_transport_error(&mut self) {
        if matches!(self.state, State::Calling { .. } | State::Completed { .. }) {
            self.state = self.fail(Failure::Transport);
        }
    }

    /// The way that the INVITE took is gone, and no response will come by another.
    pub fn handle_flow_lost(&mut self) {
        if matches!(self.state, State::Calling { .. } | State::Proceeding) {
            self.state = self.fail(Failure::Transport);
        }
    }

    /// Timer B: nobody has answered at all.
    pub fn gives_up(&self, now: Instant) -> bool {
        matches!(self.state, State::Calling { give_up_at, .. } if give_up_at <= now)
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        use State::*;
        self.state = match mem::replace(&mut self.state, Terminated) {
            Calling { give_up_at, .. } if give_up_at <= now => self.fail(Failure::TimedOut),
            Calling { resend: Some(resend), give_up_at } if resend.is_due(now) => {
                self.output.push_back(Output::Send(Message::Request(self.invite.clone())));
                Calling { resend: Some(resend.next(now)), give_up_at }
            }
            Completed { until, .. } | Accepted { until } if until <= now => Terminated,
            state => state,
        };
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Calling { resend: Some(resend), give_up_at } => Some(resend.at.min(*give_up_at)),
            State::Calling { resend: None, give_up_at } => Some(*give_up_at),
            State::Completed { until, .. } | State::Accepted { until } => Some(*until),
            State::Proceeding | State::Terminated => None,
        }
    }

    pub fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// No response yet, so that another way to the same target may still be tried.
    pub fn is_calling(&self) -> bool {
        matches!(self.state, State::Calling { .. })
    }

    fn deliver(&mut self, response: Response, next: State) -> State {
        self.output.push_back(Output::Deliver(response));
        next
    }

    fn send_ack(&mut self, ack: Box<Request>) -> Box<Request> {
        self.output.push_back(Output::Send(Message::Request((*ack).clone())));
        ack
    }

    fn fail(&mut self, failure: Failure) -> State {
        self.output.push_back(Output::Failed(failure));
        State::Terminated
    }

    fn timer_d(&self) -> Duration {
        self.timing.absorb(self.transport.is_some_and(Transport::is_reliable))
    }
}

/// The ACK for 300–699: §17.1.1.3. One Via, the INVITE's own; the To of the response, so with its tag.
fn ack_for(invite: &Request, response: &Response) -> Request {
    let mut ack = hop_request(invite, Method::Ack);
    if let Some(to) = response.headers.get(&HeaderName::To) {
        ack.headers.set(Header::new(HeaderName::To, to.into_owned()));
    }
    ack
}

/// The CANCEL for an INVITE: §9.1. It has the same path, dialog headers and CSeq number.
pub fn cancel_for(invite: &Request) -> Request {
    hop_request(invite, Method::Cancel)
}

/// A request that must follow the INVITE hop by hop: ACK for a refusal, or CANCEL.
fn hop_request(invite: &Request, method: Method) -> Request {
    let number = invite.headers.cseq().map_or(0, |cseq| cseq.number);
    let mut request = Request {
        method: method.clone(),
        uri: invite.uri.clone(),
        headers: Default::default(),
        body: Default::default(),
    };
    if let Some(via) = invite.headers.all(&HeaderName::Via).next() {
        request.headers.push(via.clone());
    }
    for name in [HeaderName::Route, HeaderName::From, HeaderName::To, HeaderName::CallId] {
        for header in invite.headers.all(&name) {
            request.headers.push(header.clone());
        }
    }
    request.headers.push(Header::new(HeaderName::CSeq, CSeq { number, method }.to_string()));
    request.headers.push(Header::new(HeaderName::MaxForwards, "70"));
    request
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Said, request, respond, sent};
    use super::*;
    use crate::message::StatusCode;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn calling(transport: Transport, now: Instant) -> InviteClient {
        let mut client = InviteClient::new(request(Method::Invite), Some(transport), Timing::default(), now);
        assert_eq!(sent(&mut client), [Said::Request(Method::Invite)]);
        client
    }

    #[test]
    fn timer_a_doubles_and_timer_b_gives_up() {
        let start = Instant::now();
        let mut client = calling(Transport::Udp, start);
        let mut times = Vec::new();
        while let Some(at) = client.poll_timeout() {
            client.handle_timeout(at);
            times.push((at - start).as_millis());
        }
        assert_eq!(times, [500, 1500, 3500, 7500, 15_500, 31_500, 32_000]);
        assert_eq!(sent(&mut client).last(), Some(&Said::Failed(Failure::TimedOut)));
    }

    #[test]
    fn a_provisional_stops_the_repetition_for_good() {
        let start = Instant::now();
        let mut client = calling(Transport::Udp, start);
        client.handle_response(respond(client.invite(), StatusCode::RINGING), start + ms(100));
        assert_eq!(client.poll_timeout(), None);
        assert_eq!(sent(&mut client), [Said::Delivered(StatusCode::RINGING)]);
    }

    #[test]
    fn a_refusal_is_acked_each_time_and_told_once() {
        let start = Instant::now();
        let mut client = calling(Transport::Udp, start);
        let busy = respond(client.invite(), StatusCode::BUSY_HERE);
        client.handle_response(busy.clone(), start + ms(100));
        client.handle_response(busy, start + ms(600));
        let ack = Said::Request(Method::Ack);
        assert_eq!(sent(&mut client), [ack.clone(), Said::Delivered(StatusCode::BUSY_HERE), ack]);
        assert_eq!(client.poll_timeout(), Some(start + ms(32_100)), "Timer D");
    }

    /// §17.1.1.3.
    #[test]
    fn the_ack_has_the_via_of_the_invite_and_the_to_of_the_response() {
        let start = Instant::now();
        let mut client = calling(Transport::Tcp, start);
        let invite = client.invite().clone();
        client.handle_response(respond(&invite, StatusCode::BUSY_HERE), start);
        let Some(Output::Send(Message::Request(ack))) = client.poll_output() else { panic!("an ACK") };
        assert_eq!(ack.headers.get(&HeaderName::Via), invite.headers.get(&HeaderName::Via));
        assert_eq!(ack.headers.to().expect("To").tag(), Some("8321234356"));
        assert_eq!(ack.headers.cseq().expect("CSeq"), CSeq { number: 1, method: Method::Ack });
        client.handle_timeout(start);
        assert!(client.is_terminated(), "Timer D is nothing on a stream");
    }

    /// RFC 6026 §7.2.
    #[test]
    fn every_2xx_is_told_until_timer_m() {
        let start = Instant::now();
        let mut client = calling(Transport::Udp, start);
        let ok = respond(client.invite(), StatusCode::OK);
        client.handle_response(ok.clone(), start);
        client.handle_response(ok, start + ms(500));
        assert_eq!(sent(&mut client), [Said::Delivered(StatusCode::OK), Said::Delivered(StatusCode::OK)]);
        client.handle_timeout(start + ms(32_000));
        assert!(client.is_terminated());
    }
}
