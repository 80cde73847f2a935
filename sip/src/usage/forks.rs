//! The 2xx of other forks than the first, and those that come after a CANCEL: RFC 3261 §13.2.2.4 and §9.1.
//!
//! Each gets its ACK, since without one it is repeated for 32 seconds, and a BYE, since nobody wants it.

use std::collections::{BTreeMap, VecDeque};

use super::act::{Act, Purpose};
use crate::dialog::Dialog;
use crate::message::{Method, Request, Response};
use crate::net_types::{ByFlow, Destination, Source};

/// A peer that answers with more forks than this is making them up.
const MOST: usize = 32;

#[derive(Debug)]
pub struct Forks {
    invite: Request,
    sent_by: Option<ByFlow>,
    /// By remote tag: how each was acknowledged.
    unwanted: BTreeMap<String, (Request, Option<Destination>)>,
    output: VecDeque<Act>,
}

impl Forks {
    pub fn new(invite: Request, sent_by: Option<ByFlow>) -> Self {
        Self { invite, sent_by, unwanted: BTreeMap::new(), output: VecDeque::new() }
    }

    /// A 2xx that is not wanted, or the same again. `via` for its ACK.
    pub fn handle_unwanted(&mut self, response: &Response, source: Source, via: crate::message::Header) {
        let Ok(to) = response.headers.to() else { return };
        let tag = to.tag().unwrap_or_default();
        if let Some((ack, destination)) = self.unwanted.get(tag) {
            self.output.push_back(Act::Ack { ack: ack.clone(), destination: destination.clone() });
            return;
        }
        if self.unwanted.len() >= MOST {
            return;
        }
        let Ok(mut dialog) = Dialog::of_uac(&self.invite, response, self.sent_by, source) else { return };
        let mut ack = dialog.ack(dialog.local_cseq());
        ack.headers.push_front(via);
        let destinations = dialog.next_hops();
        let destination = destinations.first().cloned();
        self.unwanted.insert(tag.to_owned(), (ack.clone(), destination.clone()));
        let bye = dialog.request(Method::Bye);
        self.output.push_back(Act::Ack { ack, destination });
        self.output.push_back(Act::Request { purpose: Purpose::ForkBye, request: bye, destinations });
    }

    pub fn poll_output(&mut self) -> Option<Act> {
        self.output.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::told;
    use super::*;
    use crate::dialog::testing::{invite, source};
    use crate::endpoint::open_via;
    use crate::message::{Header, HeaderName, StatusCode};

    #[test]
    fn each_is_acked_every_time_and_byed_once() {
        let mut forks = Forks::new(invite(), None);
        for tag in ["one", "two", "one"] {
            let mut ok = invite().response(StatusCode::OK, Some(tag));
            ok.headers.set(Header::new(HeaderName::Contact, "<sip:bob@192.0.2.4>"));
            forks.handle_unwanted(&ok, source("192.0.2.4:5060"), open_via("branch"));
        }
        assert_eq!(told(|| forks.poll_output()), ["ACK", "BYE to a fork", "ACK", "BYE to a fork", "ACK"]);
    }
}
