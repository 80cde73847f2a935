//! Conferences: the focus of RFC 4353 and RFC 4579, its roster, and the directory of those that run.

mod command;
mod directory;
mod live;
mod roster;

pub use command::{Action, Actor, AddParticipant, CallAll, CallAllReport, FocusError, ParticipantPatch, PlacedCall};
pub use directory::{Directory, Follow};
pub use live::{LiveEvent, Numbered, Speaker};
pub use roster::{CallDirection, Cause, Door, Participant, ParticipantId, ParticipantState, Role, Roster};
