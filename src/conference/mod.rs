//! Conferences: the focus of RFC 4353 and RFC 4579, its roster, and the directory of those that run.
//!
//! ```text
//!   API, legs ──▶ Directory ──▶ one task a conference, around its Focus ──▶ Hub ──▶ followers
//!                                   │ DialRequest           │ MediaCommand
//!                                   ▼                       ▼
//!                               src/call                media engine
//! ```

mod admission;
mod command;
mod dial_out;
mod directory;
mod directory_task;
mod factory;
mod focus;
mod hub;
mod keypad;
mod leg;
mod live;
mod notice;
pub mod notify;
mod people;
mod plan;
mod roles;
mod roster;
mod task;
mod transfer;
mod wish;

pub use admission::{Join, JoinError, Proof, role_by_pin};
pub use command::{
    Action, Actor, AddParticipant, CallAll, CallAllReport, FocusError, ParticipantPatch, PlacedCall, Referral,
    Referred, TransferParticipant,
};
pub use dial_out::Pace;
pub use directory::Directory;
pub use directory_task::DirectorySettings;
pub use factory::Creator;
pub use focus::{Focus, FocusSettings, LegNews, Output, Passage};
pub use hub::Follow;
pub use leg::{Admitted, DialRequest, LegCommand, LegLink};
pub use live::{LiveEvent, Numbered, Speaker};
pub use notice::Notice;
pub use people::Attempt;
pub use plan::{Plan, PlanDefaults, PlannedMember};
pub use roles::{Deed, may};
pub use roster::{
    CallDirection, Cause, Door, EchoReading, Participant, ParticipantId, ParticipantState, Quality, RemoteQuality,
    Role, Roster, StopReason,
};
pub use transfer::{Transfer, TransferState};
