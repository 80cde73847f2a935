//! What became of our own requests within the dialog: RFC 3261 §12.2.1.2 and §14.1.

use std::sync::Arc;
use std::time::Instant;

use super::super::act::Purpose;
use super::super::exchange::Resolution;
use super::super::offer::description_of;
use super::{Phase, Session, cseq_of};
use crate::endpoint::{Event, RequestId};
use crate::message::{Response, StatusCode};
use crate::net_types::Source;
use crate::transaction::Failure;

impl Session {
    pub fn handle_response(&mut self, purpose: &Purpose, response: Response, source: Source, now: Instant) {
        if response.status.is_provisional() {
            return;
        }
        match purpose {
            Purpose::Invite if response.status.is_success() => self.repeat_ack_of(&response),
            Purpose::Reoffer if response.status.is_success() => self.handle_reoffer_accepted(response, source, now),
            Purpose::Reoffer => self.handle_reoffer_refused(&response, now),
            Purpose::Refresh => self.handle_refreshed(&response, now),
            Purpose::User(id) => self.handle_user_response(*id, response),
            Purpose::Bye => self.phase = Phase::Over,
            Purpose::Invite | Purpose::Cancel | Purpose::Prack | Purpose::ForkBye => {}
        }
        self.offer_if_due(now);
    }

    /// A request of ours had no response at all: 408, or could not be sent: 503 (§8.1.3.1).
    pub fn handle_failure(&mut self, purpose: &Purpose, failure: Failure, now: Instant) {
        let status = match failure {
            Failure::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Failure::Transport => StatusCode::SERVICE_UNAVAILABLE,
        };
        match purpose {
            Purpose::Reoffer => {
                if self.exchange.abandon().is_some_and(|offer| !offer.is_refresh) && self.is_alive() {
                    self.tell_reoffer(Err(status));
                }
                self.lose_if_fatal(status);
            }
            Purpose::Refresh => self.lose_if_fatal(status),
            Purpose::User(id) => {
                self.tell(Event::Response { request: *id, status, response: None, source: None });
                self.lose_if_fatal(status);
            }
            Purpose::Bye => self.phase = Phase::Over,
            Purpose::Invite | Purpose::Cancel | Purpose::Prack | Purpose::ForkBye => {}
        }
        self.offer_if_due(now);
    }

    fn handle_reoffer_accepted(&mut self, response: Response, source: Source, now: Instant) {
        let cseq = cseq_of(&response);
        if self.ack.as_ref().is_some_and(|ack| ack.headers.cseq().is_ok_and(|acked| acked.number == cseq)) {
            return self.repeat_ack();
        }
        self.dialog.refresh_target(&response.headers, source);
        self.acknowledge(cseq, None);
        let Resolution::Accepted(offer) = self.exchange.resolve(&response, &mut self.context.rng, now) else { return };
        self.local = Some(offer.body);
        if !self.is_alive() {
            return;
        }
        self.timer.handle_received_2xx(&response, now);
        if !offer.is_refresh {
            let answer = description_of(&response.headers, &response.body);
            self.tell_reoffer(answer.ok_or(StatusCode::NOT_ACCEPTABLE_HERE));
        }
    }

    fn handle_reoffer_refused(&mut self, response: &Response, now: Instant) {
        let resolution = self.exchange.resolve(response, &mut self.context.rng, now);
        if let Resolution::Refused(offer) = resolution
            && !offer.is_refresh
            && self.is_alive()
        {
            self.tell_reoffer(Err(response.status));
        }
        self.lose_if_fatal(response.status);
    }

    fn handle_refreshed(&mut self, response: &Response, now: Instant) {
        if response.status.is_success() {
            self.timer.handle_received_2xx(response, now);
        } else if self.timer.handle_refresh_refused(response, now) {
            self.refresh(now);
        }
        self.lose_if_fatal(response.status);
    }

    fn handle_user_response(&mut self, id: RequestId, response: Response) {
        let status = response.status;
        self.tell(Event::Response { request: id, status, response: Some(Arc::new(response)), source: None });
        self.lose_if_fatal(status);
    }

    fn repeat_ack_of(&mut self, response: &Response) {
        let acked = self.ack.as_ref().and_then(|ack| ack.headers.cseq().ok());
        if acked.is_some_and(|acked| acked.number == cseq_of(response)) {
            self.repeat_ack();
        }
    }

    /// 481 and 408 end the dialog, whatever they answered: §12.2.1.2.
    fn lose_if_fatal(&mut self, status: StatusCode) {
        if matches!(status, StatusCode::CALL_DOES_NOT_EXIST | StatusCode::REQUEST_TIMEOUT) {
            self.lose(status);
        }
    }
}
