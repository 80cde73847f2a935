//! The directory of running conferences: the one way in for everybody who wishes something of them.

use std::sync::Arc;

use plenary_media::RoomId;
use plenary_media::engine::SpeakerLevel;
use tokio::sync::{mpsc, oneshot, watch};

use super::admission::{Join, JoinError};
use super::command::{
    Action, Actor, AddParticipant, CallAll, CallAllReport, FocusError, ParticipantPatch, PlacedCall, Referral,
    Referred, TransferParticipant,
};
use super::factory::Creator;
use super::hub::{Follow, ToHub};
use super::leg::{Admitted, LegCommand};
use super::plan::Plan;
use super::roster::{Participant, ParticipantId, Roster};
use super::wish::{ConferenceWish, Reply};

/// What is asked of the directory.
#[derive(Debug)]
pub(super) enum ToDirectory {
    Wish {
        number: String,
        wish: ConferenceWish,
    },
    Plan {
        name: String,
        reply: oneshot::Sender<Option<Plan>>,
    },
    Create {
        creator: Creator,
        reply: oneshot::Sender<Result<Plan, JoinError>>,
    },
    Room {
        name: String,
        reply: oneshot::Sender<Option<RoomId>>,
    },
    Join {
        name: String,
        join: Join,
        commands: mpsc::Sender<LegCommand>,
        reply: JoinReply,
    },
    TakeOver {
        number: String,
        participant: ParticipantId,
        join: Join,
        commands: mpsc::Sender<LegCommand>,
        reply: JoinReply,
    },
    Speakers {
        room: RoomId,
        speakers: Vec<SpeakerLevel>,
    },
    Changed {
        number: String,
    },
    Stop {
        reply: oneshot::Sender<()>,
    },
}

pub(super) type JoinReply = oneshot::Sender<Result<Admitted, JoinError>>;

#[derive(Clone, Debug)]
pub struct Directory {
    pub(super) directory: mpsc::Sender<ToDirectory>,
    pub(super) hub: mpsc::Sender<ToHub>,
}

impl Directory {
    pub async fn live(&self, number: &str) -> Result<Arc<Roster>, FocusError> {
        let (reply, answer) = oneshot::channel();
        self.hub.send(ToHub::Live { number: number.into(), reply }).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?.ok_or_else(|| FocusError::NotRunning { number: number.into() })
    }

    /// The roster as it changes; none while the conference does not run. Changes in quick succession are seen as one.
    pub async fn watch(&self, number: &str) -> Result<watch::Receiver<Option<Arc<Roster>>>, FocusError> {
        let (reply, answer) = oneshot::channel();
        self.hub.send(ToHub::Watch { number: number.into(), reply }).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())
    }

    /// Calls every member that is not in, in parallel; answers as soon as the calls are queued.
    pub async fn call_all(&self, number: &str, wish: CallAll, by: Actor) -> Result<CallAllReport, FocusError> {
        self.ask(number, |reply| ConferenceWish::CallAll { wish, by, reply }).await
    }

    /// Calls one more; starts the conference where it does not run.
    pub async fn add(&self, number: &str, wish: AddParticipant, by: Actor) -> Result<PlacedCall, FocusError> {
        self.ask(number, |reply| ConferenceWish::Add { wish, by, reply }).await
    }

    /// Calls one more because a REFER asked for it; starts the conference where it does not run.
    pub async fn refer(
        &self,
        number: &str,
        address: String,
        referral: Referral,
        by: Actor,
    ) -> Result<Referred, FocusError> {
        self.ask(number, |reply| ConferenceWish::Refer { address, referral, by, reply }).await
    }

    pub async fn patch(
        &self,
        number: &str,
        id: &ParticipantId,
        patch: ParticipantPatch,
        by: Actor,
    ) -> Result<Participant, FocusError> {
        self.ask(number, |reply| ConferenceWish::Patch { id: id.clone(), patch, by, reply }).await
    }

    /// Hangs up; with `ban` the address may not come back while this conference runs.
    pub async fn remove(&self, number: &str, id: &ParticipantId, ban: bool, by: Actor) -> Result<(), FocusError> {
        self.ask(number, |reply| ConferenceWish::Remove { id: id.clone(), ban, by, reply }).await
    }

    /// Sends a participant elsewhere; answers as soon as its phone is asked.
    pub async fn transfer(
        &self,
        number: &str,
        id: &ParticipantId,
        wish: TransferParticipant,
        by: Actor,
    ) -> Result<(), FocusError> {
        self.ask(number, |reply| ConferenceWish::Transfer { id: id.clone(), wish, by, reply }).await
    }

    pub async fn act(&self, number: &str, action: Action, by: Actor) -> Result<(), FocusError> {
        self.ask(number, |reply| ConferenceWish::Act { action, by, reply }).await
    }

    /// Follows changes: those after `after` while they are still kept, else a snapshot first.
    pub async fn follow(&self, after: Option<u64>) -> Result<Follow, FocusError> {
        let (reply, answer) = oneshot::channel();
        self.hub.send(ToHub::Follow { after, reply }).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())
    }

    /// The stored conference was edited or deleted.
    pub async fn changed(&self, number: &str) {
        // A directory that is gone has nothing running that could be told.
        drop(self.directory.send(ToDirectory::Changed { number: number.into() }).await);
    }

    /// The conference of this number or alias, as it runs or as it is stored.
    pub async fn plan(&self, name: &str) -> Option<Plan> {
        let (reply, answer) = oneshot::channel();
        self.directory.send(ToDirectory::Plan { name: name.into(), reply }).await.ok()?;
        answer.await.ok()?
    }

    /// A new ad-hoc conference, running already: RFC 4579 §5.4.
    pub async fn create(&self, creator: Creator) -> Result<Plan, JoinError> {
        let (reply, answer) = oneshot::channel();
        let busy = || JoinError::Busy { what: "it is shutting down".into() };
        self.directory.send(ToDirectory::Create { creator, reply }).await.map_err(|_| busy())?;
        answer.await.map_err(|_| busy())?
    }

    /// The room of this conference, which is started where it does not run: a leg that waits outside has its ports on
    /// the same shard.
    pub async fn room(&self, name: &str) -> Option<RoomId> {
        let (reply, answer) = oneshot::channel();
        self.directory.send(ToDirectory::Room { name: name.into(), reply }).await.ok()?;
        answer.await.ok()?
    }

    /// Lets a caller in, or says why not. `commands`: how the conference reaches the leg.
    pub async fn join(
        &self,
        name: &str,
        join: Join,
        commands: mpsc::Sender<LegCommand>,
    ) -> Result<Admitted, JoinError> {
        let (reply, answer) = oneshot::channel();
        let busy = || JoinError::Busy { what: "it is shutting down".into() };
        let message = ToDirectory::Join { name: name.into(), join, commands, reply };
        self.directory.send(message).await.map_err(|_| busy())?;
        answer.await.map_err(|_| busy())?
    }

    /// Another leg takes the place of this participant's, whatever the door would say (RFC 3891).
    pub async fn take_over(
        &self,
        number: &str,
        participant: &ParticipantId,
        join: Join,
        commands: mpsc::Sender<LegCommand>,
    ) -> Result<Admitted, JoinError> {
        let (reply, answer) = oneshot::channel();
        let gone = || JoinError::NobodyToReplace { number: number.into() };
        let (number, participant) = (number.to_owned(), participant.clone());
        let message = ToDirectory::TakeOver { number: number.clone(), participant, join, commands, reply };
        self.directory.send(message).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Who speaks in a room, as media tells it. Dropped when the directory is too busy: the next one comes soon.
    pub fn speakers(&self, room: RoomId, speakers: Vec<SpeakerLevel>) {
        drop(self.directory.try_send(ToDirectory::Speakers { room, speakers }));
    }

    /// Ends every conference and lets nobody in any more.
    pub async fn stop(&self) {
        let (reply, answer) = oneshot::channel();
        if self.directory.send(ToDirectory::Stop { reply }).await.is_ok() {
            drop(answer.await);
        }
    }

    async fn ask<T>(&self, number: &str, wish: impl FnOnce(Reply<T>) -> ConferenceWish) -> Result<T, FocusError> {
        let (reply, answer) = oneshot::channel();
        let message = ToDirectory::Wish { number: number.into(), wish: wish(reply) };
        self.directory.send(message).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| FocusError::NotRunning { number: number.into() })?
    }
}

fn stopping() -> FocusError {
    FocusError::Busy { what: "it is shutting down".into() }
}
