//! How a REFER goes, as the referrer is told: `message/sipfrag` of RFC 3420, RFC 3515 §2.4.5.
//!
//! The status line and nothing else: Contact and SDP of the one who was called are not the referrer's to know.

use plenary_sip::endpoint::Body;
use plenary_sip::message::StatusCode;

use crate::conference::{Cause, Participant, ParticipantState, Referred, Roster};

pub fn sipfrag(status: StatusCode) -> Body {
    let content = format!("SIP/2.0 {} {}\r\n", status.as_u16(), status.default_reason());
    Body { content_type: "message/sipfrag;version=2.0".into(), content: content.into() }
}

/// Follows one participant from the wish to the answer.
#[derive(Debug)]
pub(super) struct Progress {
    referred: Referred,
    seen: bool,
    told: StatusCode,
}

impl Progress {
    /// 100 was told.
    pub fn new(referred: Referred) -> Self {
        Self { referred, seen: false, told: StatusCode::TRYING }
    }

    /// What is to be told now; a final status is the last.
    pub fn handle_roster(&mut self, roster: Option<&Roster>) -> Option<StatusCode> {
        let status = match roster {
            None if self.seen => StatusCode::REQUEST_TERMINATED, // the conference has ended
            None => return None,
            // What was before the wish: an earlier call to the same person.
            Some(roster) if roster.version < self.referred.version => return None,
            Some(roster) => {
                self.seen = true;
                roster.participant(&self.referred.participant).map_or(StatusCode::REQUEST_TERMINATED, status_of)
            }
        };
        (status != std::mem::replace(&mut self.told, status)).then_some(status)
    }
}

fn status_of(person: &Participant) -> StatusCode {
    use ParticipantState::*;
    match person.state {
        Queued | Calling => StatusCode::TRYING,
        Ringing => StatusCode::RINGING,
        Connected | OnHold | Reconnecting => StatusCode::OK,
        Disconnected => ending_of(person),
    }
}

fn ending_of(person: &Participant) -> StatusCode {
    let said = person.status.and_then(StatusCode::new).filter(|status| status.is_failure());
    match person.cause {
        // Was in, if only for a moment.
        Some(Cause::Left) => StatusCode::OK,
        Some(Cause::Busy) => said.unwrap_or(StatusCode::BUSY_HERE),
        Some(Cause::Declined) => said.unwrap_or(StatusCode::DECLINE),
        Some(Cause::NoAnswer) => said.unwrap_or(StatusCode::TEMPORARILY_UNAVAILABLE),
        Some(Cause::NotFound) => said.unwrap_or(StatusCode::NOT_FOUND),
        Some(Cause::Removed) => StatusCode::REQUEST_TERMINATED,
        Some(Cause::Unreachable | Cause::Failed) | None => said.unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conference::notify::testing::{person, roster};

    fn at(version: u64, state: ParticipantState, cause: Option<Cause>, status: Option<u16>) -> Roster {
        let mut person = person("p1", "carol");
        (person.state, person.cause, person.status) = (state, cause, status);
        Roster { version, ..roster(vec![person]) }
    }

    fn progress() -> Progress {
        let participant = crate::conference::ParticipantId("p1".into());
        Progress::new(Referred { participant, version: 7 })
    }

    #[test]
    fn each_step_is_told_once() {
        use ParticipantState::*;
        let mut progress = progress();
        let steps = [(7, Queued), (8, Calling), (9, Ringing), (10, Ringing), (11, Connected), (12, OnHold)];
        let told = steps.map(|(version, state)| progress.handle_roster(Some(&at(version, state, None, None))));
        assert_eq!(told, [None, None, Some(StatusCode::RINGING), None, Some(StatusCode::OK), None]);
    }

    #[test]
    fn the_end_of_an_earlier_call_is_not_the_answer() {
        let mut progress = progress();
        assert_eq!(progress.handle_roster(None), None, "not told of by the hub yet");
        let before = at(6, ParticipantState::Disconnected, Some(Cause::Busy), Some(486));
        assert_eq!(progress.handle_roster(Some(&before)), None);
        let after = at(9, ParticipantState::Disconnected, Some(Cause::Busy), Some(600));
        assert_eq!(progress.handle_roster(Some(&after)).map(StatusCode::as_u16), Some(600));
    }

    #[test]
    fn only_the_status_line_is_told() {
        assert_eq!(sipfrag(StatusCode::RINGING).content, "SIP/2.0 180 Ringing\r\n");
    }
}
