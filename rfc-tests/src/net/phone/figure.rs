//! What the person at a phone does so that the message of a figure leaves it.

use plenary_media::plan::Direction;
use plenary_sip::endpoint::Command;
use plenary_sip::message::{Method, StatusCode};

use super::Phone;
use crate::net::label::{Label, Note, What};

impl Phone {
    /// False: nothing the person can do makes this message; it comes by itself or not at all.
    pub(crate) fn act(&mut self, label: &Label, to: &str) -> bool {
        match &label.what {
            What::Request(method) => self.act_by_request(method, label, to),
            What::Response(status) => {
                let is_for_invite = label.response_to().is_none_or(|method| *method == Method::Invite);
                is_for_invite && self.act_by_response(*status, label)
            }
        }
    }

    fn act_by_request(&mut self, method: &Method, label: &Label, to: &str) -> bool {
        match method {
            Method::Invite if self.is_talking_with(to) => {
                let holds = label.has(&Note::Hold);
                self.offers_anew(if holds { Direction::SendOnly } else { Direction::SendRecv });
            }
            Method::Invite if label.has(&Note::NoDescription) => self.calls_without_offer(to),
            Method::Invite => self.calls(to),
            Method::Bye | Method::Cancel if self.open_call().is_some() => self.hangs_up(),
            Method::Register if label.has(&Note::Star) => self.leaves(to),
            Method::Register => self.registers_at(to),
            Method::Options => {
                let outgoing = Box::new(self.request(Method::Options, to, Vec::new()));
                let request = self.agent.next_request();
                self.agent.command(Command::Request { request, outgoing });
            }
            Method::Info => return self.asks_in_call(Method::Info),
            _ => return false,
        }
        true
    }

    fn act_by_response(&mut self, status: StatusCode, label: &Label) -> bool {
        if self.alerting().is_none() || status == StatusCode::TRYING {
            return false;
        }
        match status {
            status if status.is_provisional() => self.rings_with(status, label.has(&Note::Description)),
            status if status.is_success() => self.answers(),
            status => self.refuses(status),
        }
        true
    }
}
