//! A caller who comes into a conference: let in first and answered then, or by PIN the other way round.

use std::sync::Arc;
use std::time::Instant;

use plenary_media::engine::{Clip, MediaCommand, MediaEvent};
use plenary_media::tone;
use plenary_sip::endpoint::{Command, ContactTemplate, Event};
use plenary_sip::message::StatusCode;
use tokio::sync::mpsc;
use tracing::info;

use super::calls::MediaLeg;
use super::causes::cause_of;
use super::connected::ConnectedLeg;
use super::focus_requests::contact_of;
use super::identity::Caller;
use super::incoming::{Incoming, Outcome, Refusal, no_media, refusal, refuse_with};
use super::pin::{Key, PinEntry, Retry};
use super::switchboard::LegInput;
use crate::conference::{Creator, Join, JoinError, LegCommand, LegNews, Plan, Proof, role_by_pin};

impl Incoming {
    /// The factory makes a conference, whose own URI the 200 carries (RFC 4579 §5.4), and the caller is its chair.
    pub(super) async fn new_conference(self, caller: Caller, account: Option<String>) -> Outcome<()> {
        let Some(account) = account else { return Err(self.challenge()) };
        let join = self.join_of(Some(account.clone()), caller.clone());
        let creator = Creator { account: account.clone(), name: self.display_name(&join).await };
        let plan = self.calls.directory.create(creator).await.map_err(refused_join)?;
        self.conference(caller, Some(account), plan).await
    }

    pub(super) async fn conference(mut self, caller: Caller, account: Option<String>, plan: Plan) -> Outcome<()> {
        if plan.proof() == Proof::Account && account.is_none() {
            return Err(self.challenge());
        }
        let contact = contact_of(&plan.number);
        let mut join = self.join_of(account, caller);
        if plan.proof() == Proof::Pin {
            return self.conference_by_pin(join, plan, contact).await;
        }
        let (conference, mut commands) = mpsc::channel::<LegCommand>(4);
        join.name = self.display_name(&join).await;
        let admitted = self.calls.directory.join(&plan.number, join, conference).await.map_err(refused_join)?;
        let link = admitted.link;
        let media = match MediaLeg::open(&self.calls, admitted.room, &self.line) {
            Ok(media) => media,
            Err(error) => {
                link.tell(failed(StatusCode::SERVICE_UNAVAILABLE)).await;
                return Err(no_media(error));
            }
        };
        match self.answer(media, contact).await {
            Ok(leg) => {
                leg.join(&self.calls, admitted.room, &link).await;
                leg.talk(&self.calls, &link, &mut commands, &mut self.inbox).await;
                Ok(())
            }
            Err(refusal) => {
                let status = match &refusal {
                    Refusal::Status(status, _) => *status,
                    Refusal::Over => StatusCode::REQUEST_TERMINATED,
                };
                link.tell(failed(status)).await;
                Err(refusal)
            }
        }
    }

    /// Answers first, asks by keypad, and lets in who knows the PIN.
    async fn conference_by_pin(mut self, mut join: Join, plan: Plan, contact: ContactTemplate) -> Outcome<()> {
        let room = self.calls.directory.room(&plan.number).await.ok_or(refusal(StatusCode::NOT_FOUND))?;
        // Beside the room, not in it: nothing of the conference reaches a caller who was not let in.
        let media = MediaLeg::open(&self.calls, room, &self.line).map_err(no_media)?;
        let leg = self.answer(media, contact).await?;
        let Some(pin) = self.ask_for_pin(&leg, &plan).await else {
            self.calls.sip(Command::Hangup { call: self.call, headers: Vec::new() });
            return Ok(());
        };
        join.pin = Some(pin);
        let (conference, mut commands) = mpsc::channel::<LegCommand>(4);
        match self.calls.directory.join(&plan.number, join, conference).await {
            Ok(admitted) => {
                leg.join(&self.calls, admitted.room, &admitted.link).await;
                leg.talk(&self.calls, &admitted.link, &mut commands, &mut self.inbox).await;
            }
            Err(error) => {
                info!(%error, "caller with the PIN stays outside");
                self.calls.sip(Command::Hangup { call: self.call, headers: Vec::new() });
            }
        }
        Ok(())
    }

    async fn ask_for_pin(&mut self, leg: &ConnectedLeg, plan: &Plan) -> Option<String> {
        let play = |samples| {
            let clip = Arc::new(Clip { samples });
            self.calls.media(MediaCommand::Play { leg: leg.media.id, clip });
        };
        let mut entry = PinEntry::new(Instant::now());
        play(tone::pin_wanted());
        loop {
            let give_up = tokio::time::Instant::from_std(entry.poll_timeout());
            let digit = tokio::select! {
                input = self.inbox.recv() => match input {
                    Some(LegInput::Media(MediaEvent::Digit { digit, .. })) => digit,
                    Some(LegInput::Sip(Event::Ended { .. })) | None => return None,
                    Some(_) => continue,
                },
                () = tokio::time::sleep_until(give_up) => return None,
            };
            let Key::Complete(typed) = entry.handle_digit(digit, Instant::now()) else { continue };
            if role_by_pin(&typed, plan.pin.as_deref(), plan.chair_pin.as_deref()).is_some() {
                return Some(typed);
            }
            match entry.handle_wrong(Instant::now()) {
                Retry::Again => play(tone::pin_wrong()),
                Retry::HangUp => return None,
            }
        }
    }
}

pub(super) fn refused_join(error: JoinError) -> Refusal {
    let status = StatusCode::new(error.status()).unwrap_or(StatusCode::FORBIDDEN);
    refuse_with(status, &error.to_string())
}

pub(super) fn failed(status: StatusCode) -> LegNews {
    LegNews::Ended { cause: cause_of(status), status: Some(status.as_u16()) }
}
