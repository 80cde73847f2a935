//! How a session ends: RFC 3261 §15.

use super::super::act::{Purpose, answer};
use super::{Phase, Session};
use crate::endpoint::Ending;
use crate::message::{Header, Method, StatusCode};

impl Session {
    /// Ends the call for the user at once; on the wire as soon as may be.
    pub fn hangup(&mut self, headers: Vec<Header>) {
        if !self.is_alive() {
            return;
        }
        self.terminate_theirs();
        match self.phase {
            Phase::Confirming => self.phase = Phase::WaitingForAck { headers },
            _ => self.send_bye(headers),
        }
        self.tell_ended(Ending::ByUs);
    }

    pub(super) fn send_bye(&mut self, headers: Vec<Header>) {
        if let Phase::Owing { cseq } = self.phase {
            self.acknowledge(cseq, None);
        }
        let mut bye = self.dialog.request(Method::Bye);
        headers.into_iter().for_each(|header| bye.headers.push(header));
        self.phase = Phase::Leaving;
        self.exchange.confirmed();
        self.send(Purpose::Bye, bye);
    }

    /// The call cannot go on: no ACK, no refresh, or the peer does not know it.
    pub(super) fn lose(&mut self, status: StatusCode) {
        if !self.is_alive() {
            return;
        }
        self.terminate_theirs();
        if status == StatusCode::CALL_DOES_NOT_EXIST {
            self.phase = Phase::Over;
        } else {
            self.send_bye(Vec::new());
        }
        self.tell_ended(Ending::Lost { status });
    }

    /// 64·T1 without ACK: §13.3.1.4.
    pub(super) fn handle_no_ack(&mut self) {
        self.exchange.confirmed();
        match &mut self.phase {
            Phase::WaitingForAck { headers } => {
                let headers = std::mem::take(headers);
                self.send_bye(headers);
            }
            Phase::Confirming | Phase::Owing { .. } | Phase::Talking => self.lose(StatusCode::REQUEST_TIMEOUT),
            Phase::Leaving | Phase::Over => {}
        }
    }

    /// A BYE, from whichever side, leaves no request open: §15.1.2.
    pub(super) fn terminate_theirs(&mut self) {
        if let Some(theirs) = self.exchange.close_theirs() {
            let terminated = answer(&theirs.request, StatusCode::REQUEST_TERMINATED, self.dialog.local_tag());
            self.respond(theirs.transaction, terminated);
        }
    }
}
