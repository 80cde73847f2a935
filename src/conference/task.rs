//! The task of one running conference: the shell around its [`Focus`], and the owner of its room.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use plenary_media::engine::{Clip, Deaf, EngineHandle, MediaCommand, Mute, SpeakerLevel, Switch};
use plenary_media::{LegId, RoomId, tone};
use plenary_sip::endpoint::ReferNews;
use plenary_sip::message::StatusCode;
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::admission::Join;
use super::command::Referral;
use super::directory::JoinReply;
use super::focus::{Focus, LegNews, Output, Passage};
use super::hub::ToHub;
use super::leg::{Admitted, DialRequest, LegCommand, LegLink};
use super::live::LiveEvent;
use super::notice::Notice;
use super::people::Attempt;
use super::plan::Plan;
use super::roster::ParticipantId;
use super::wish::ConferenceWish;
use crate::voice::Voice;

/// What reaches a conference.
#[derive(Debug)]
pub(super) enum Input {
    Wish(ConferenceWish),
    Join { join: Join, commands: mpsc::Sender<LegCommand>, reply: JoinReply },
    TakeOver { participant: ParticipantId, join: Join, commands: mpsc::Sender<LegCommand>, reply: JoinReply },
    Joined { participant: ParticipantId, attempt: Attempt, media: LegId },
    News { participant: ParticipantId, attempt: Attempt, news: LegNews },
    Speakers(Vec<SpeakerLevel>),
    Plan(Box<Plan>),
}

#[derive(Debug)]
struct Leg {
    attempt: Attempt,
    commands: mpsc::Sender<LegCommand>,
    media: Option<LegId>,
}

#[derive(Debug)]
pub(super) struct ConferenceTask {
    pub focus: Focus,
    pub room: RoomId,
    pub engine: EngineHandle,
    pub voice: Voice,
    pub mailbox: mpsc::Sender<Input>,
    pub dial: mpsc::Sender<DialRequest>,
    pub hub: mpsc::Sender<ToHub>,
    legs: HashMap<ParticipantId, Leg>,
}

impl ConferenceTask {
    pub fn new(
        focus: Focus,
        engine: EngineHandle,
        voice: Voice,
        mailbox: mpsc::Sender<Input>,
        dial: mpsc::Sender<DialRequest>,
        hub: mpsc::Sender<ToHub>,
    ) -> Self {
        let room = engine.open_room();
        Self { focus, room, engine, voice, mailbox, dial, hub, legs: HashMap::new() }
    }

    /// Runs until the conference is over; says which it was.
    pub async fn run(mut self, mut inputs: mpsc::Receiver<Input>) -> (String, RoomId) {
        let number = self.focus.plan().number.clone();
        info!(conference = %number, "conference started");
        while self.perform_outputs().await {
            let wake = self.focus.poll_timeout().map(tokio::time::Instant::from_std);
            tokio::select! {
                Some(input) = inputs.recv() => self.handle(input),
                () = sleep_until(wake) => self.focus.handle_timeout(Instant::now()),
            }
        }
        self.media(MediaCommand::CloseRoom { room: self.room });
        info!(conference = %number, "conference ended");
        (number, self.room)
    }

    fn handle(&mut self, input: Input) {
        let now = Instant::now();
        match input {
            Input::Wish(wish) => wish.carry_out(&mut self.focus, now),
            Input::Join { join, commands, reply } => {
                let outcome = self.focus.handle_join(join, now);
                let outcome = outcome.map(|(participant, attempt)| self.admit(participant, attempt, commands));
                drop(reply.send(outcome)); // a caller who gave up meanwhile reports its own end
            }
            Input::TakeOver { participant, join, commands, reply } => {
                let outcome = self.focus.handle_take_over(&participant, &join, now);
                let outcome = outcome.map(|attempt| self.admit(participant, attempt, commands));
                drop(reply.send(outcome)); // as above
            }
            Input::Joined { participant, attempt, media } => {
                let leg = self.legs.get_mut(&participant).filter(|leg| leg.attempt == attempt);
                leg.into_iter().for_each(|leg| leg.media = Some(media));
            }
            Input::News { participant, attempt, news } => {
                if matches!(news, LegNews::Ended { .. }) && self.attempt_of(&participant) == Some(attempt) {
                    self.legs.remove(&participant);
                }
                self.focus.handle_leg(&participant, attempt, news, now);
            }
            Input::Speakers(levels) => {
                let named = levels.iter().filter_map(|level| Some((self.owner_of(level.leg)?, level.level_dbov)));
                let speakers: Vec<_> = named.collect();
                self.focus.handle_speakers(&speakers, now);
            }
            Input::Plan(plan) => self.focus.handle_plan(*plan),
        }
    }

    fn admit(&mut self, participant: ParticipantId, attempt: Attempt, commands: mpsc::Sender<LegCommand>) -> Admitted {
        let replaced = self.legs.insert(participant.clone(), Leg { attempt, commands, media: None });
        replaced.into_iter().for_each(|leg| hang_up(&leg));
        let plan = self.focus.plan();
        Admitted {
            link: LegLink { participant, attempt, number: plan.number.clone(), conference: self.mailbox.clone() },
            room: self.room,
            title: plan.title.clone(),
        }
    }

    /// Carries out what the focus decided. False when the conference is over.
    async fn perform_outputs(&mut self) -> bool {
        while let Some(output) = self.focus.poll_output() {
            match output {
                Output::Dial { participant, attempt, address, referral, by } => {
                    self.dial(participant, attempt, address, (referral, by)).await;
                }
                Output::Hangup { participant, attempt } => {
                    if let Some(leg) = self.legs.get(&participant).filter(|leg| leg.attempt == attempt) {
                        hang_up(leg);
                    }
                }
                Output::Transfer { participant, attempt, to } => {
                    if let Some(leg) = self.legs.get(&participant).filter(|leg| leg.attempt == attempt)
                        && leg.commands.try_send(LegCommand::Transfer { to }).is_err()
                    {
                        let news = LegNews::Referred(ReferNews::Refused(StatusCode::SERVICE_UNAVAILABLE));
                        self.focus.handle_leg(&participant, attempt, news, Instant::now());
                    }
                }
                Output::SetMute { participant, muted } => {
                    let mute = if muted { Mute::Muted } else { Mute::Open };
                    self.steer(&participant, |leg| MediaCommand::SetMute { leg, mute });
                }
                Output::SetDeaf { participant, deafened } => {
                    let deaf = if deafened { Deaf::Deafened } else { Deaf::Hears };
                    self.steer(&participant, |leg| MediaCommand::SetDeaf { leg, deaf });
                }
                Output::SetGain { participant, gain_db } => {
                    self.steer(&participant, |leg| MediaCommand::SetGain { leg, gain_db });
                }
                Output::SetNoiseSuppression { participant, on } => {
                    let noise_suppression = if on { Switch::On } else { Switch::Off };
                    self.steer(&participant, |leg| MediaCommand::SetNoiseSuppression { leg, noise_suppression });
                }
                Output::Music { participant, on: true } => {
                    let clip = self.voice.music();
                    self.steer(&participant, |leg| MediaCommand::PlayMusic { leg, clip });
                }
                Output::Music { participant, on: false } => {
                    self.steer(&participant, |leg| MediaCommand::StopMusic { leg });
                }
                Output::Say { participant, notice } => {
                    let leg = self.legs.get(&participant).and_then(|leg| leg.media);
                    if let Some(leg) = leg {
                        self.say(&notice, move |clip| MediaCommand::Play { leg, clip });
                    }
                }
                Output::SayToAll(notice) => {
                    let room = self.room;
                    self.say(&notice, move |clip| MediaCommand::PlayToRoom { room, clip });
                }
                Output::Tone(passage) => {
                    let samples = if passage == Passage::In { tone::entry_beep() } else { tone::exit_beep() };
                    self.media(MediaCommand::PlayToRoom { room: self.room, clip: Clip { samples }.into() });
                }
                Output::Announce(event) => self.announce(event).await,
                Output::Close => return false,
            }
        }
        true
    }

    async fn dial(
        &mut self,
        participant: ParticipantId,
        attempt: Attempt,
        address: String,
        (referral, by): (Option<Referral>, Option<String>),
    ) {
        let (sender, commands) = mpsc::channel(4);
        self.legs.insert(participant.clone(), Leg { attempt, commands: sender, media: None });
        let plan = self.focus.plan();
        let request = DialRequest {
            link: LegLink { participant, attempt, number: plan.number.clone(), conference: self.mailbox.clone() },
            commands,
            room: self.room,
            address,
            referral,
            by,
            ring_for: plan.ring_for,
            title: plan.title.clone(),
        };
        drop(self.dial.send(request).await); // no call layer: the server is going down
    }

    async fn announce(&self, event: LiveEvent) {
        let over = matches!(event, LiveEvent::Ended { .. });
        let roster = (!over).then(|| Arc::new(self.focus.roster()));
        drop(self.hub.send(ToHub::Publish { event: Box::new(event), roster }).await);
    }

    fn steer(&self, participant: &ParticipantId, command: impl FnOnce(LegId) -> MediaCommand) {
        if let Some(leg) = self.legs.get(participant).and_then(|leg| leg.media) {
            self.media(command(leg));
        }
    }

    /// Beside the task: reading a name aloud takes its time.
    fn say(&self, notice: &Notice, play: impl FnOnce(Arc<Clip>) -> MediaCommand + Send + 'static) {
        let (sentence, tone) = (notice.sentence(self.focus.plan()), notice.tone());
        let language = self.focus.plan().language;
        let (voice, engine) = (self.voice.clone(), self.engine.clone());
        tokio::spawn(async move {
            let clip = voice.say(&sentence, language).await.unwrap_or(Clip { samples: tone });
            if let Err(error) = engine.send(play(Arc::new(clip))) {
                warn!(%error, "media engine took no command");
            }
        });
    }

    fn media(&self, command: MediaCommand) {
        if let Err(error) = self.engine.send(command) {
            warn!(%error, "media engine took no command");
        }
    }

    fn attempt_of(&self, participant: &ParticipantId) -> Option<Attempt> {
        self.legs.get(participant).map(|leg| leg.attempt)
    }

    fn owner_of(&self, media: LegId) -> Option<ParticipantId> {
        self.legs.iter().find(|(_, leg)| leg.media == Some(media)).map(|(participant, _)| participant.clone())
    }
}

fn hang_up(leg: &Leg) {
    // Full or closed: the leg is ending already.
    let _ = leg.commands.try_send(LegCommand::Hangup);
}

async fn sleep_until(wake: Option<tokio::time::Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}
