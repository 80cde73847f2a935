//! The task behind [`Directory`]: starts conferences when somebody needs them and knows which run.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use plenary_media::RoomId;
use plenary_media::engine::EngineHandle;
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{error, warn};

use super::admission::{Join, JoinError};
use super::command::{Action, Actor, FocusError};
use super::directory::{Directory, JoinReply, ToDirectory};
use super::focus::{Focus, FocusSettings};
use super::hub::{Hub, ToHub};
use super::leg::{DialRequest, LegCommand};
use super::plan::{Plan, PlanDefaults};
use super::roster::Role;
use super::task::{ConferenceTask, Input};
use super::wish::ConferenceWish;
use crate::store::Store;
use crate::telemetry::metrics::Metrics;
use crate::voice::Voice;

/// Commands that may wait for the directory, changes that may wait for the hub, inputs for one conference.
const MAILBOX: usize = 1024;

/// How long the last BYEs of a stopping server may take.
const STOP_WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub struct DirectorySettings {
    pub focus: FocusSettings,
    pub defaults: PlanDefaults,
}

#[derive(Debug)]
struct Running {
    mailbox: mpsc::Sender<Input>,
    room: RoomId,
}

#[derive(Debug)]
struct DirectoryTask {
    settings: DirectorySettings,
    store: Store,
    engine: EngineHandle,
    voice: Voice,
    dial: mpsc::Sender<DialRequest>,
    hub: mpsc::Sender<ToHub>,
    running: HashMap<String, Running>,
    tasks: JoinSet<(String, RoomId)>,
}

impl Directory {
    /// Starts the directory and its hub. Calls to be placed come out of the receiver.
    pub fn start(
        settings: DirectorySettings,
        store: Store,
        engine: EngineHandle,
        voice: Voice,
        metrics: &Metrics,
    ) -> (Self, mpsc::Receiver<DialRequest>) {
        let (directory, mailbox) = mpsc::channel(MAILBOX);
        let (hub, to_hub) = mpsc::channel(MAILBOX);
        let (dial, dials) = mpsc::channel(MAILBOX);
        let milliseconds = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
        tokio::spawn(Hub::new(u64::try_from(milliseconds).unwrap_or_default(), metrics).run(to_hub));
        let task = DirectoryTask {
            settings,
            store,
            engine,
            voice,
            dial,
            hub: hub.clone(),
            running: HashMap::new(),
            tasks: JoinSet::new(),
        };
        tokio::spawn(task.run(mailbox));
        (Self { directory, hub }, dials)
    }
}

impl DirectoryTask {
    async fn run(mut self, mut mailbox: mpsc::Receiver<ToDirectory>) {
        loop {
            tokio::select! {
                message = mailbox.recv() => match message {
                    None => return,
                    Some(ToDirectory::Stop { reply }) => {
                        self.stop().await;
                        let _ = reply.send(()); // who asked may be gone
                        return;
                    }
                    Some(message) => self.handle(message).await,
                },
                Some(ended) = self.tasks.join_next() => self.forget(ended),
            }
        }
    }

    async fn handle(&mut self, message: ToDirectory) {
        match message {
            ToDirectory::Wish { number, wish } => self.pass_on(number, wish).await,
            ToDirectory::Plan { name, reply } => drop(reply.send(self.load(&name).await)),
            ToDirectory::Room { name, reply } => drop(reply.send(self.room(&name).await)),
            ToDirectory::Join { name, join, commands, reply } => self.join(name, join, commands, reply).await,
            ToDirectory::Speakers { room, speakers } => {
                let running = self.running.values().find(|running| running.room == room);
                running
                    .into_iter()
                    .for_each(|running| drop(running.mailbox.try_send(Input::Speakers(speakers.clone()))));
            }
            ToDirectory::Changed { number } => self.renew(number).await,
            ToDirectory::Stop { .. } => {} // taken by `run`
        }
    }

    async fn pass_on(&mut self, number: String, wish: ConferenceWish) {
        if !self.runs(&number) {
            if !wish.starts() {
                return wish.refuse(FocusError::NotRunning { number });
            }
            let Some(plan) = self.load(&number).await else {
                return wish.refuse(FocusError::NoSuchConference { number });
            };
            if let Some(error) = wish.hopeless(&plan) {
                return wish.refuse(error);
            }
            self.start(plan);
        }
        if let Some(running) = self.running.get(&number) {
            // A conference that ended this instant drops the wish, and with it its answer.
            drop(running.mailbox.send(Input::Wish(wish)).await);
        }
    }

    async fn join(&mut self, name: String, join: Join, commands: mpsc::Sender<LegCommand>, reply: JoinReply) {
        let Some(plan) = self.load(&name).await else {
            return drop(reply.send(Err(JoinError::NoSuchConference { number: name })));
        };
        let number = plan.number.clone();
        if !self.runs(&number) {
            self.start(plan);
        }
        if let Some(running) = self.running.get(&number) {
            drop(running.mailbox.send(Input::Join { join, commands, reply }).await);
        }
    }

    async fn room(&mut self, name: &str) -> Option<RoomId> {
        let plan = self.load(name).await?;
        let number = plan.number.clone();
        if !self.runs(&number) {
            self.start(plan);
        }
        self.running.get(&number).map(|running| running.room)
    }

    /// A conference that has closed its mailbox is over, even if its task was not reaped yet.
    fn runs(&self, number: &str) -> bool {
        self.running.get(number).is_some_and(|running| !running.mailbox.is_closed())
    }

    fn start(&mut self, plan: Plan) {
        let number = plan.number.clone();
        let (mailbox, inputs) = mpsc::channel(MAILBOX);
        let focus = Focus::new(plan, self.settings.focus.clone(), Instant::now(), OffsetDateTime::now_utc());
        let (engine, voice) = (self.engine.clone(), self.voice.clone());
        let task = ConferenceTask::new(focus, engine, voice, mailbox.clone(), self.dial.clone(), self.hub.clone());
        self.running.insert(number, Running { mailbox, room: task.room });
        self.tasks.spawn(task.run(inputs));
    }

    async fn load(&self, name: &str) -> Option<Plan> {
        match self.store.conference_by_number_or_alias(name).await {
            Ok(stored) => stored.map(|stored| Plan::of(stored, &self.settings.defaults)),
            Err(error) => {
                error!(%error, conference = name, "conference could not be read");
                None
            }
        }
    }

    /// A deleted conference runs on with what it has: its people are in the middle of a talk.
    async fn renew(&mut self, number: String) {
        let plan = if self.running.contains_key(&number) { self.load(&number).await } else { None };
        if let (Some(running), Some(plan)) = (self.running.get(&number), plan) {
            drop(running.mailbox.send(Input::Plan(Box::new(plan))).await);
        }
    }

    fn forget(&mut self, ended: Result<(String, RoomId), tokio::task::JoinError>) {
        match ended {
            // The same number may run again already, in another room.
            Ok((number, room)) => self.running.retain(|other, running| *other != number || running.room != room),
            Err(error) => {
                error!(%error, "a conference task failed");
                self.running.retain(|_, running| !running.mailbox.is_closed());
            }
        }
    }

    async fn stop(&mut self) {
        for running in self.running.values() {
            let by = Actor { name: "the server".into(), role: Role::Owner };
            let (reply, _) = tokio::sync::oneshot::channel();
            let wish = ConferenceWish::Act { action: Action::End, by, reply };
            drop(running.mailbox.send(Input::Wish(wish)).await);
        }
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_WITHIN, all).await.is_err() {
            warn!(within = ?STOP_WITHIN, "conferences did not end in time");
        }
    }
}
