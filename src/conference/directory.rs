//! The directory of running conferences: the one way in for everybody who wishes something of them.

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, oneshot};

use super::{
    Action, Actor, AddParticipant, CallAll, CallAllReport, FocusError, Numbered, Participant, ParticipantId,
    ParticipantPatch, PlacedCall, Roster,
};

/// What is asked of the directory; each carries the way its answer goes back.
#[derive(Debug)]
pub(crate) enum Wish {
    Live { number: String, reply: Reply<Arc<Roster>> },
    CallAll { number: String, wish: CallAll, by: Actor, reply: Reply<CallAllReport> },
    Add { number: String, wish: AddParticipant, by: Actor, reply: Reply<PlacedCall> },
    Patch { number: String, id: ParticipantId, patch: ParticipantPatch, by: Actor, reply: Reply<Participant> },
    Remove { number: String, id: ParticipantId, ban: bool, by: Actor, reply: Reply<()> },
    Act { number: String, action: Action, by: Actor, reply: Reply<()> },
    Follow { after: Option<u64>, reply: oneshot::Sender<Follow> },
    Changed { number: String },
}

pub(crate) type Reply<T> = oneshot::Sender<Result<T, FocusError>>;

/// What happened so far, and the channel of all that will.
#[derive(Debug)]
pub struct Follow {
    pub first: Vec<Numbered>,
    pub rest: broadcast::Receiver<Arc<Numbered>>,
}

#[derive(Clone, Debug)]
pub struct Directory {
    wishes: mpsc::Sender<Wish>,
}

impl Directory {
    pub(crate) fn new(wishes: mpsc::Sender<Wish>) -> Self {
        Self { wishes }
    }

    pub async fn live(&self, number: &str) -> Result<Arc<Roster>, FocusError> {
        self.ask(|reply| Wish::Live { number: number.into(), reply }).await
    }

    /// Calls every member that is not in, in parallel; answers as soon as the calls are placed.
    pub async fn call_all(&self, number: &str, wish: CallAll, by: Actor) -> Result<CallAllReport, FocusError> {
        self.ask(|reply| Wish::CallAll { number: number.into(), wish, by, reply }).await
    }

    pub async fn add(&self, number: &str, wish: AddParticipant, by: Actor) -> Result<PlacedCall, FocusError> {
        self.ask(|reply| Wish::Add { number: number.into(), wish, by, reply }).await
    }

    pub async fn patch(
        &self,
        number: &str,
        id: &ParticipantId,
        patch: ParticipantPatch,
        by: Actor,
    ) -> Result<Participant, FocusError> {
        self.ask(|reply| Wish::Patch { number: number.into(), id: id.clone(), patch, by, reply }).await
    }

    /// Hangs up; with `ban` the address may not come back while this conference runs.
    pub async fn remove(&self, number: &str, id: &ParticipantId, ban: bool, by: Actor) -> Result<(), FocusError> {
        self.ask(|reply| Wish::Remove { number: number.into(), id: id.clone(), ban, by, reply }).await
    }

    pub async fn act(&self, number: &str, action: Action, by: Actor) -> Result<(), FocusError> {
        self.ask(|reply| Wish::Act { number: number.into(), action, by, reply }).await
    }

    /// Follows changes: those after `after` while the ring still has them, else a snapshot first.
    pub async fn follow(&self, after: Option<u64>) -> Result<Follow, FocusError> {
        let (reply, answer) = oneshot::channel();
        self.wishes.send(Wish::Follow { after, reply }).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())
    }

    /// The stored conference was edited or deleted.
    pub async fn changed(&self, number: &str) {
        // A directory that is gone has nothing running that could be told.
        let _ = self.wishes.send(Wish::Changed { number: number.into() }).await;
    }

    async fn ask<T>(&self, wish: impl FnOnce(Reply<T>) -> Wish) -> Result<T, FocusError> {
        let (reply, answer) = oneshot::channel();
        self.wishes.send(wish(reply)).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }
}

fn stopping() -> FocusError {
    FocusError::Busy { what: "it is shutting down".into() }
}
