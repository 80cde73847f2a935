//! Asking by voice: the spoken entrance, and the PIN of a conference that wants one.
//!
//! The entrance tells nobody which numbers are conferences: who keys in one that is none is asked for a PIN like
//! everybody else.

use std::time::Instant;

use plenary_media::tone;
use plenary_sip::endpoint::{Command, ContactTemplate};
use plenary_sip::guard::Reason;
use plenary_sip::message::StatusCode;
use tokio::sync::mpsc;
use tracing::info;

use crate::call::arriving::incoming::{Incoming, Outcome, Refusal, refusal};
use crate::call::arriving::keys::Typed;
use crate::call::calls::MediaRoom;
use crate::call::identity::Caller;
use crate::call::talking::connected::ConnectedLeg;
use crate::conference::{Join, JoinError, LegCommand, Plan, Proof, role_by_pin};
use crate::voice::{Phrase, Sentence};

/// Numbers, or PINs, that may be tried before the call ends.
const TRIES: usize = 3;

/// What a caller showed to be let in.
enum Shown {
    Enough(Box<Plan>, Option<String>),
    NotEnough,
    /// He went, or gave up.
    Nothing,
}

impl Incoming {
    /// Answers, asks which conference is wanted, and leads there.
    pub(in crate::call) async fn entrance(mut self, caller: Caller, account: Option<String>) -> Outcome<()> {
        let entrance = self.calls.routing.names().entrance.clone();
        self.refuse_guesser(&entrance)?;
        let lobby = MediaRoom::open(&self.calls);
        let media = self.open_media(lobby.id)?;
        let contact = ContactTemplate { user: Some(entrance), parameters: String::new(), host: None };
        let mut leg = self.answer(media, contact).await?;
        let mut join = self.join_of(account, caller);
        join.name = self.display_name(&join).await;
        let mut before = Phrase::Welcome;
        for _ in 0..TRIES {
            let question = Sentence::from(before).then(Phrase::NumberWanted);
            let Some(number) = self.ask_or_end(&mut leg, &question, tone::pin_wanted()).await else { return Ok(()) };
            match self.proof_for(&mut leg, &number, &join).await {
                Shown::Enough(plan, pin) => return self.enter(leg, &plan, Join { pin, ..join }).await,
                Shown::NotEnough => before = Phrase::NotAdmitted,
                Shown::Nothing => return Ok(()),
            }
        }
        self.send_away(&mut leg, before).await;
        Ok(())
    }

    /// A number that is none, and one that is not for him, are asked for a PIN like all others and end in the same words: who
    /// tries numbers learns nothing by it.
    async fn proof_for(&mut self, leg: &mut ConnectedLeg, number: &str, join: &Join) -> Shown {
        let plan = self.calls.directory.plan(number).await;
        let needs_no_pin = |plan: &Plan| match plan.proof() {
            Proof::Nothing => true,
            Proof::Account => join.account.is_some(),
            Proof::Pin => false,
        };
        if plan.as_ref().is_some_and(needs_no_pin) {
            return plan.map_or(Shown::Nothing, |plan| Shown::Enough(Box::new(plan), None));
        }
        let Some(pin) = self.ask_or_end(leg, &Phrase::PinWanted.into(), tone::pin_wanted()).await else {
            return Shown::Nothing;
        };
        let by_pin = plan.filter(|plan| plan.proof() == Proof::Pin);
        match (self.opens(by_pin.as_ref(), number, &pin), by_pin) {
            (true, Some(plan)) => Shown::Enough(Box::new(plan), Some(pin)),
            _ => Shown::NotEnough,
        }
    }

    /// Answers the call, asks for the PIN, and lets in who knows it.
    pub(in crate::call) async fn conference_by_pin(
        mut self,
        join: Join,
        plan: Plan,
        contact: ContactTemplate,
    ) -> Outcome<()> {
        self.refuse_guesser(&plan.number)?;
        let room = self.calls.directory.room(&plan.number).await.ok_or(refusal(StatusCode::NOT_FOUND))?;
        // Beside the room, not in it: nothing of the conference reaches a caller who was not let in.
        let media = self.open_media(room)?;
        let mut leg = self.answer(media, contact).await?;
        self.language = plan.language;
        let mut question = Sentence::from(Phrase::PinWanted);
        let mut tone = tone::pin_wanted();
        for _ in 0..TRIES {
            let Some(pin) = self.ask_or_end(&mut leg, &question, tone).await else { return Ok(()) };
            if self.opens(Some(&plan), &plan.number, &pin) {
                return self.enter(leg, &plan, Join { pin: Some(pin), ..join }).await;
            }
            question = Sentence::from(Phrase::PinWrong).then(Phrase::PinWanted);
            tone = tone::pin_wrong();
        }
        self.send_away(&mut leg, Phrase::PinWrong).await;
        Ok(())
    }

    /// Into the conference, all questions being answered; says by voice where that is impossible.
    async fn enter(&mut self, mut leg: Box<ConnectedLeg>, plan: &Plan, join: Join) -> Outcome<()> {
        self.language = plan.language;
        let (conference, mut commands) = mpsc::channel::<LegCommand>(4);
        match self.calls.directory.join(&plan.number, join, conference).await {
            Ok(admitted) => {
                leg.join(&self.calls, admitted.room, &admitted.link).await;
                leg.talk(&self.calls, &admitted.link, &mut commands, &mut self.inbox).await;
            }
            Err(error) => {
                info!(%error, "caller stays outside");
                let why = match error {
                    JoinError::Locked { .. } => Phrase::LockedOut,
                    JoinError::Full { .. } => Phrase::Full,
                    _ => Phrase::NotAdmitted,
                };
                self.send_away(&mut leg, why).await;
            }
        }
        Ok(())
    }

    /// What was typed. `None`: the call is over, or is being ended because nothing was.
    async fn ask_or_end(&mut self, leg: &mut ConnectedLeg, question: &Sentence, tone: Vec<i16>) -> Option<String> {
        match self.ask(leg, question, tone).await {
            Typed::Complete(text) => return Some(text),
            Typed::Nothing => {
                self.last_words(leg, &Phrase::Goodbye.into(), tone::exit_beep()).await;
                self.hang_up();
            }
            Typed::Gone => {}
        }
        None
    }

    async fn send_away(&mut self, leg: &mut ConnectedLeg, why: Phrase) {
        self.last_words(leg, &Sentence::from(why).then(Phrase::Goodbye), tone::pin_wrong()).await;
        self.hang_up();
    }

    fn hang_up(&self) {
        self.calls.sip(Command::Hangup { call: self.call, headers: self.farewell() });
    }

    /// Whether the PIN opens this conference. While its caller has to wait for wrong ones, none does.
    fn opens(&self, plan: Option<&Plan>, number: &str, pin: &str) -> bool {
        let (pins, source, now) = (&self.calls.pins, self.source.remote.ip(), Instant::now());
        let role = plan.and_then(|plan| role_by_pin(pin, plan.pin.as_deref(), plan.chair_pin.as_deref()));
        if pins.is_waiting(source, number, now) {
            self.calls.refused(Reason::Pin);
        } else if role.is_some() {
            pins.right(source, number, now);
            return true;
        }
        pins.wrong(source, number, now);
        false
    }

    /// Before the call is answered.
    fn refuse_guesser(&self, number: &str) -> Outcome<()> {
        if !self.calls.pins.is_waiting(self.source.remote.ip(), number, Instant::now()) {
            return Ok(());
        }
        self.calls.refused(Reason::Pin);
        Err(Refusal::Status(StatusCode::FORBIDDEN, Vec::new()))
    }
}
