//! A call's surroundings, and a reader of what it wants done, for the tests of its parts.

use super::act::{Act, CallContext, Purpose};
use crate::endpoint::{CallId, Event, Rng};
use crate::transaction::Timing;

pub fn context() -> CallContext {
    CallContext { call: CallId(1), timing: Timing::default(), rng: Rng::new([3; 32]), session_timers: None }
}

/// Each act in a word or two.
pub fn told(poll: impl FnMut() -> Option<Act>) -> Vec<String> {
    std::iter::from_fn(poll).map(|act| word(&act)).collect()
}

fn word(act: &Act) -> String {
    match act {
        Act::Request { purpose: Purpose::ForkBye, .. } => "BYE to a fork".into(),
        Act::Request { request, .. } => request.method.to_string(),
        Act::Cancel { .. } => "CANCEL".into(),
        Act::Abandon => "abandon".into(),
        Act::Respond { response, .. } => response.status.as_u16().to_string(),
        Act::Ack { .. } => "ACK".into(),
        Act::Tell(Event::Incoming { .. }) => "Incoming".into(),
        Act::Tell(Event::Progress { .. }) => "Progress".into(),
        Act::Tell(Event::Established { .. }) => "Established".into(),
        Act::Tell(Event::Offered { .. }) => "Offered".into(),
        Act::Tell(Event::ReofferDone { .. }) => "ReofferDone".into(),
        Act::Tell(Event::Ended { .. }) => "Ended".into(),
        Act::Tell(Event::Request { .. } | Event::Response { .. }) => "request of the user".into(),
        Act::Tell(
            Event::Referred { .. } | Event::Resubscribed { .. } | Event::Notified { .. } | Event::Unsubscribed { .. },
        ) => unreachable!("not of a call"),
    }
}
