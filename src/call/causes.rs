//! SIP statuses and endings in the words of the roster: why a leg is no longer there.

use plenary_sip::endpoint::Ending;
use plenary_sip::message::StatusCode;

use crate::conference::{Cause, LegNews};
use crate::trunk::{q850_of, status_of_cause};

/// What the status of a failed outgoing call means to the person who called.
pub fn cause_of(status: StatusCode) -> Cause {
    match status.as_u16() {
        486 | 600 => Cause::Busy,
        487 => Cause::Left,
        403 | 603 | 607 | 608 => Cause::Declined,
        404 | 410 | 416 | 484 | 485 | 604 => Cause::NotFound,
        408 | 480 => Cause::NoAnswer,
        430 | 502 | 503 | 504 => Cause::Unreachable,
        _ => Cause::Failed,
    }
}

/// The news that an ended call is to its conference.
pub fn news_of(ending: &Ending) -> LegNews {
    let ended = |cause, status: Option<StatusCode>| LegNews::Ended { cause, status: status.map(|s| s.as_u16()) };
    match ending {
        // Nothing at all came back: the machine is not there, whereas a phone that rang is just not answered.
        Ending::Refused { status, response: None } if status.as_u16() == 408 => {
            ended(Cause::Unreachable, Some(*status))
        }
        Ending::Refused { status, .. } => ended(cause_of(*status), Some(*status)),
        // A telephone network that hangs up says why (RFC 6432); an ordinary end has no status.
        Ending::HungUp { reason: Some(reason) } => match q850_of(reason).and_then(status_of_cause) {
            Some(status) => {
                LegNews::Ended { cause: StatusCode::new(status).map_or(Cause::Failed, cause_of), status: Some(status) }
            }
            None => ended(Cause::Left, None),
        },
        Ending::Cancelled { .. } | Ending::HungUp { .. } => ended(Cause::Left, None),
        Ending::ByUs => ended(Cause::Removed, None),
        Ending::Lost { status } => ended(Cause::Failed, Some(*status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_tells_busy_declined_no_answer_and_unreachable_apart() {
        let refused = |status, answered: bool| {
            let status = StatusCode::new(status).expect("a status");
            let response = answered.then(|| std::sync::Arc::new(response(status)));
            match news_of(&Ending::Refused { status, response }) {
                LegNews::Ended { cause, .. } => cause,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refused(486, true), Cause::Busy);
        assert_eq!(refused(603, true), Cause::Declined);
        assert_eq!(refused(404, true), Cause::NotFound);
        assert_eq!(refused(480, true), Cause::NoAnswer);
        assert_eq!(refused(480, false), Cause::NoAnswer);
        assert_eq!(refused(408, false), Cause::Unreachable);
        assert_eq!(refused(503, false), Cause::Unreachable);
        assert_eq!(refused(488, true), Cause::Failed);
    }

    #[test]
    fn a_network_that_hangs_up_says_why() {
        let hung_up = |reason: &str| match news_of(&Ending::HungUp { reason: Some(reason.into()) }) {
            LegNews::Ended { cause, status } => (cause, status),
            other => panic!("{other:?}"),
        };
        assert_eq!(hung_up("Q.850;cause=16"), (Cause::Left, None));
        assert_eq!(hung_up("Q.850;cause=17;text=\"busy\""), (Cause::Busy, Some(486)));
        assert_eq!(hung_up("SIP;cause=200"), (Cause::Left, None));
    }

    fn response(status: StatusCode) -> plenary_sip::message::Response {
        plenary_sip::message::Response {
            status,
            reason: String::new(),
            headers: Default::default(),
            body: Default::default(),
        }
    }
}
