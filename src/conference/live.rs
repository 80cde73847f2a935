//! The numbered stream of changes that the console follows: a snapshot, then deltas.

use serde::Serialize;
use utoipa::ToSchema;

use super::roster::{Participant, ParticipantId, Roster};

/// One message of `GET /api/v1/events`. `seq` rises by one with every change on this server.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Numbered {
    pub seq: u64,
    #[serde(flatten)]
    pub event: LiveEvent,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "most of them are of one participant, which is the large one")]
pub enum LiveEvent {
    /// Every running conference; the first message of a connection that could not be resumed.
    Snapshot { conferences: Vec<Roster> },
    /// A conference started, or something of it other than its participants changed.
    Conference { conference: String, title: String, version: u64, locked: bool },
    /// The conference is over.
    Ended { conference: String },
    /// A participant came or changed.
    Participant { conference: String, version: u64, participant: Participant },
    /// A participant's row is gone.
    Removed { conference: String, version: u64, id: ParticipantId },
    /// Who speaks, loudest first; everybody else is silent.
    Speakers { conference: String, speakers: Vec<Speaker> },
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Speaker {
    pub id: ParticipantId,
    pub level_dbov: i8,
}

impl LiveEvent {
    /// The number of the conference that this is about; `None` for a snapshot.
    pub fn conference(&self) -> Option<&str> {
        match self {
            Self::Snapshot { .. } => None,
            Self::Conference { conference, .. }
            | Self::Ended { conference }
            | Self::Participant { conference, .. }
            | Self::Removed { conference, .. }
            | Self::Speakers { conference, .. } => Some(conference),
        }
    }
}
