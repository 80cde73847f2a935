//! Wishes on their way: each carries the way its answer goes back.

use std::time::Instant;

use tokio::sync::oneshot;

use super::command::{
    Action, Actor, AddParticipant, CallAll, CallAllReport, FocusError, ParticipantPatch, PlacedCall, Referral,
    Referred, TransferParticipant,
};
use super::focus::Focus;
use super::plan::Plan;
use super::roster::{Participant, ParticipantId};

pub(super) type Reply<T> = oneshot::Sender<Result<T, FocusError>>;

/// What is asked of one conference.
#[derive(Debug)]
pub(super) enum ConferenceWish {
    CallAll { wish: CallAll, by: Actor, reply: Reply<CallAllReport> },
    Add { wish: AddParticipant, by: Actor, reply: Reply<PlacedCall> },
    Refer { address: String, referral: Referral, by: Actor, reply: Reply<Referred> },
    Patch { id: ParticipantId, patch: ParticipantPatch, by: Actor, reply: Reply<Participant> },
    Remove { id: ParticipantId, ban: bool, by: Actor, reply: Reply<()> },
    Transfer { id: ParticipantId, wish: TransferParticipant, by: Actor, reply: Reply<()> },
    Act { action: Action, by: Actor, reply: Reply<()> },
}

impl ConferenceWish {
    /// Whether this starts a conference that does not run; the others find it not running.
    pub fn starts(&self) -> bool {
        matches!(self, Self::CallAll { .. } | Self::Add { .. } | Self::Refer { .. })
    }

    /// Why it is not worth starting a conference for.
    pub fn hopeless(&self, plan: &Plan) -> Option<FocusError> {
        match self {
            Self::CallAll { .. } if plan.members.is_empty() => {
                Some(FocusError::NobodyToCall { number: plan.number.clone() })
            }
            Self::Add { wish, .. } => plan.callable(&wish.address).err(),
            _ => None,
        }
    }

    /// Who asked and went away needs no answer.
    pub fn carry_out(self, focus: &mut Focus, now: Instant) {
        match self {
            Self::CallAll { wish, by, reply } => drop(reply.send(focus.handle_call_all(wish, &by, now))),
            Self::Add { wish, by, reply } => drop(reply.send(focus.handle_add(wish, &by, now))),
            Self::Refer { address, referral, by, reply } => {
                drop(reply.send(focus.handle_refer(&address, referral, &by, now)));
            }
            Self::Patch { id, patch, by, reply } => drop(reply.send(focus.handle_patch(&id, patch, &by, now))),
            Self::Remove { id, ban, by, reply } => drop(reply.send(focus.handle_remove(&id, ban, &by, now))),
            Self::Transfer { id, wish, by, reply } => drop(reply.send(focus.handle_transfer(&id, &wish, &by, now))),
            Self::Act { action, by, reply } => drop(reply.send(focus.handle_action(action, &by, now))),
        }
    }

    pub fn refuse(self, error: FocusError) {
        match self {
            Self::CallAll { reply, .. } => drop(reply.send(Err(error))),
            Self::Add { reply, .. } => drop(reply.send(Err(error))),
            Self::Refer { reply, .. } => drop(reply.send(Err(error))),
            Self::Patch { reply, .. } => drop(reply.send(Err(error))),
            Self::Remove { reply, .. } => drop(reply.send(Err(error))),
            Self::Transfer { reply, .. } => drop(reply.send(Err(error))),
            Self::Act { reply, .. } => drop(reply.send(Err(error))),
        }
    }
}
