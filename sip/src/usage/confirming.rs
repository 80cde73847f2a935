//! A 2xx of ours to an INVITE, until the ACK comes: RFC 3261 §13.3.1.4.
//!
//! Repeated by us, whatever the transport, since only the caller itself can confirm it: at T1, doubling to T2,
//! and given up after 64·T1.

use std::time::Instant;

use crate::message::{Request, Response};
use crate::transaction::{Resend, Timing, TransactionId};

#[derive(Debug)]
pub struct Confirming {
    pub transaction: TransactionId,
    response: Response,
    cseq: u32,
    /// The 2xx has our offer, so that the ACK must bring the answer.
    pub offered: bool,
    resend: Resend,
    give_up_at: Instant,
}

#[derive(Debug)]
pub enum Due {
    Nothing,
    Repeat(TransactionId, Response),
    GiveUp,
}

impl Confirming {
    pub fn new(
        transaction: TransactionId,
        invite: &Request,
        response: Response,
        offered: bool,
        timing: &Timing,
        now: Instant,
    ) -> Self {
        let cseq = invite.headers.cseq().map_or(0, |cseq| cseq.number);
        let resend = Resend::capped(timing, now);
        Self { transaction, response, cseq, offered, resend, give_up_at: now + timing.patience() }
    }

    pub fn is_acked_by(&self, ack: &Request) -> bool {
        ack.headers.cseq().is_ok_and(|cseq| cseq.number == self.cseq)
    }

    pub fn handle_timeout(&mut self, now: Instant) -> Due {
        if self.give_up_at <= now {
            return Due::GiveUp;
        }
        if !self.resend.is_due(now) {
            return Due::Nothing;
        }
        self.resend = self.resend.next(now);
        Due::Repeat(self.transaction, self.response.clone())
    }

    pub fn poll_timeout(&self) -> Instant {
        self.resend.at.min(self.give_up_at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::dialog::testing::invite;
    use crate::message::StatusCode;

    #[test]
    fn a_200_is_repeated_at_growing_intervals_and_given_up_after_64_t1() {
        let start = Instant::now();
        let response = invite().response(StatusCode::OK, Some("a"));
        let timing = Timing::default();
        let mut confirming = Confirming::new(TransactionId(1), &invite(), response, false, &timing, start);
        let mut seconds = Vec::new();
        loop {
            let at = confirming.poll_timeout();
            seconds.push((at - start).as_secs_f32());
            match confirming.handle_timeout(at) {
                Due::Repeat(..) => {}
                Due::GiveUp => break,
                Due::Nothing => panic!("woken for nothing after {:?}", at - start),
            }
        }
        assert_eq!(seconds, [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5, 32.0]);
        assert_eq!(confirming.poll_timeout(), start + Duration::from_secs(32));
    }
}
