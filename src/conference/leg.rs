//! The seam between a conference and its legs, seen from the conference.

use std::time::Duration;

use plenary_media::{LegId, RoomId};
use tokio::sync::mpsc;

use super::command::Referral;
use super::focus::LegNews;
use super::people::Attempt;
use super::roster::ParticipantId;
use super::task::Input;

/// What a conference asks of a leg. Media it steers itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegCommand {
    /// REFER: the phone shall call this URI. What comes of it is told by [`LegNews::Referred`].
    Transfer { to: String },
    /// CANCEL, BYE or a refusal, whatever the state of the call needs.
    Hangup,
}

/// How a leg tells its conference what becomes of it.
#[derive(Clone, Debug)]
pub struct LegLink {
    pub(super) participant: ParticipantId,
    pub(super) attempt: Attempt,
    /// Of the conference.
    pub(super) number: String,
    pub(super) conference: mpsc::Sender<Input>,
}

impl LegLink {
    /// A conference that is gone needs no news.
    pub async fn tell(&self, news: LegNews) {
        let (participant, attempt) = (self.participant.clone(), self.attempt);
        drop(self.conference.send(Input::News { participant, attempt, news }).await);
    }

    /// The leg's media is in the room from now on, to be steered by the conference.
    pub async fn joined(&self, media: LegId) {
        let (participant, attempt) = (self.participant.clone(), self.attempt);
        drop(self.conference.send(Input::Joined { participant, attempt, media }).await);
    }

    pub fn participant(&self) -> &ParticipantId {
        &self.participant
    }

    /// The number of the conference.
    pub fn number(&self) -> &str {
        &self.number
    }
}

/// A caller was let in: where its media goes and whom to tell.
#[derive(Debug)]
pub struct Admitted {
    pub link: LegLink,
    pub room: RoomId,
    pub title: String,
}

/// A call that a conference wishes to be placed.
#[derive(Debug)]
pub struct DialRequest {
    pub link: LegLink,
    pub commands: mpsc::Receiver<LegCommand>,
    pub room: RoomId,
    /// A URI: `sip:`, `sips:` or `tel:`.
    pub address: String,
    /// Where a REFER asked for it.
    pub referral: Option<Referral>,
    /// The account whose wish it is.
    pub by: Option<String>,
    pub ring_for: Duration,
    /// Of the conference that calls.
    pub title: String,
}
