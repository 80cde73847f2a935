//! Reliable provisional responses to an INVITE of ours, each with its PRACK, and the descriptions in both: RFC 3262 §4 and
//! §5.

use std::sync::Arc;
use std::time::Instant;

use super::super::act::{Act, Purpose, put_body};
use super::super::offer::description_of;
use super::super::prack;
use super::Uac;
use crate::endpoint::{Body, Ending, Event};
use crate::message::{Header, HeaderName, Method, Response, StatusCode};

impl Uac {
    /// PRACK where it is due; false for a reliable response whose turn it is not.
    pub(super) fn confirm_reliable(&mut self, response: &Response) -> bool {
        let remote_tag = response.headers.to().ok().and_then(|to| to.tag().map(str::to_owned)).unwrap_or_default();
        if self.early.get_mut(&remote_tag).is_none() {
            return true;
        }
        match self.pracks.handle_provisional(&remote_tag, response) {
            prack::Due::Nothing => true,
            prack::Due::Ignore => false,
            prack::Due::Prack(rack) => {
                self.confirm(&remote_tag, rack, response);
                true
            }
        }
    }

    /// A description in the response answers our offer; where the INVITE had none it is one, and the PRACK answers (§5).
    fn confirm(&mut self, remote_tag: &str, rack: String, response: &Response) {
        match description_of(&response.headers, &response.body) {
            Some(offer) if self.offer.is_none() && self.owed.is_none() => {
                self.owed = Some((remote_tag.to_owned(), rack));
                let (call, request) = (self.context.call, Arc::new(self.invite.clone()));
                return self.tell(Event::Offered { call, request, offer: Some(offer) });
            }
            Some(answer) => self.early_answer = Some(answer),
            None => {}
        }
        self.send_prack(remote_tag, rack, None);
    }

    /// The user's answer to an offer in a reliable 1xx. Without one there is no call.
    pub fn answer_offer(&mut self, verdict: Result<Body, StatusCode>, now: Instant) {
        let Some((remote_tag, rack)) = self.owed.take().filter(|_| self.is_wanted()) else { return };
        match verdict {
            Ok(answer) => {
                self.send_prack(&remote_tag, rack, Some(&answer));
                self.offer = Some(answer);
            }
            Err(status) => {
                self.send_prack(&remote_tag, rack, None);
                self.tell_ended(Ending::Lost { status });
                self.give_up(Vec::new(), now);
            }
        }
    }

    fn send_prack(&mut self, remote_tag: &str, rack: String, answer: Option<&Body>) {
        let Some(dialog) = self.early.get_mut(remote_tag) else { return };
        let mut prack = dialog.request(Method::Prack);
        prack.headers.push(Header::new(HeaderName::RAck, rack));
        if let Some(answer) = answer {
            put_body(&mut prack.headers, &mut prack.body, answer);
        }
        let destinations = dialog.next_hops();
        self.output.push_back(Act::Request { purpose: Purpose::Prack, request: prack, destinations });
    }
}
