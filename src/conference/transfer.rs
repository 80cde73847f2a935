//! A participant who is sent elsewhere: his phone is asked by REFER (RFC 3515) to call somebody else, and leaves when it has.

use plenary_sip::endpoint::ReferNews;
use serde::Serialize;
use utoipa::ToSchema;

/// How it goes. It stays with the row until the participant is called or calls anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Transfer {
    /// Whom the phone was asked to call: a URI.
    pub to: String,
    pub state: TransferState,
    /// The SIP status that was heard last, of the phone itself or of whom it calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransferState {
    /// The phone has not answered yet.
    Asked,
    /// The phone calls.
    Accepted,
    /// The phone talks to whom it was sent to.
    Done,
    /// The participant stays.
    Failed,
}

impl Transfer {
    pub fn begin(to: String) -> Self {
        Self { to, state: TransferState::Asked, status: None }
    }

    /// Whether more will be heard of it. Of a phone that agreed and tells nothing (RFC 4488) it will not: it may be asked again.
    pub fn is_open(&self) -> bool {
        match self.state {
            TransferState::Asked => true,
            TransferState::Accepted => self.status.is_some(),
            TransferState::Done | TransferState::Failed => false,
        }
    }

    pub fn hear(&mut self, news: ReferNews) {
        use TransferState::*;
        let (state, status) = match news {
            ReferNews::Progress(status) => (Accepted, Some(status)),
            ReferNews::Unwatched => (Accepted, None),
            ReferNews::Settled(status) if status.is_success() => (Done, Some(status)),
            ReferNews::Settled(status) | ReferNews::Refused(status) => (Failed, Some(status)),
            ReferNews::Lost => (Failed, None),
        };
        (self.state, self.status) = (state, status.map(|status| status.as_u16()));
    }

    /// The participant hung up: a phone that makes its call without telling how it goes does so when it has it.
    pub fn hear_end(&mut self) {
        match self.state {
            TransferState::Asked => self.state = TransferState::Failed,
            TransferState::Accepted => self.state = TransferState::Done,
            TransferState::Done | TransferState::Failed => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use plenary_sip::message::StatusCode;

    use super::*;

    #[test]
    fn news_are_taken_as_they_come() {
        let mut transfer = Transfer::begin("sip:bob@localhost".into());
        transfer.hear(ReferNews::Progress(StatusCode::RINGING));
        assert_eq!((transfer.state, transfer.status, transfer.is_open()), (TransferState::Accepted, Some(180), true));
        transfer.hear(ReferNews::Settled(StatusCode::BUSY_HERE));
        assert_eq!((transfer.state, transfer.status, transfer.is_open()), (TransferState::Failed, Some(486), false));
        transfer.hear_end();
        assert_eq!(transfer.state, TransferState::Failed);
    }

    #[test]
    fn who_hangs_up_has_gone_where_he_was_sent_once_the_phone_has_agreed() {
        let mut transfer = Transfer::begin("sip:bob@localhost".into());
        transfer.hear(ReferNews::Unwatched);
        assert!(!transfer.is_open(), "it may be asked again");
        transfer.hear_end();
        assert_eq!(transfer.state, TransferState::Done);
        let mut unanswered = Transfer::begin("sip:bob@localhost".into());
        assert!(unanswered.is_open());
        unanswered.hear_end();
        assert_eq!(unanswered.state, TransferState::Failed);
    }
}
