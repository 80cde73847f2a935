//! A call from one phone to another: all phones of the called account ring, and the two legs share a room of their own.

use std::time::Duration;

use plenary_media::RoomId;
use plenary_media::engine::MediaCommand;
use plenary_sip::endpoint::{Command, ContactTemplate, Ending, Event};
use plenary_sip::message::{NameAddr, SipUri, StatusCode, Uri};
use tracing::debug;

use super::calls::MediaLeg;
use super::connected::ConnectedLeg;
use super::fork;
use super::hops::{Hops, Onward};
use super::identity::Caller;
use super::incoming::{Incoming, Outcome, Refusal, no_media, refuse_with};
use super::outgoing::{Outgoing, Step, Wanted};
use super::switchboard::LegInput;
use crate::registrar::Target;

/// How long a phone may ring before the caller is told that nobody answers.
const RING_FOR: Duration = Duration::from_secs(60);

impl Incoming {
    pub(super) async fn phone(&mut self, caller: Caller, account: &str) -> Outcome<()> {
        let room = self.calls.engine.open_room();
        let outcome = self.phone_in(room, caller, account).await;
        self.calls.media(MediaCommand::CloseRoom { room });
        outcome
    }

    async fn phone_in(&mut self, room: RoomId, caller: Caller, account: &str) -> Outcome<()> {
        let only = self.phone.clone().transpose().map_err(|error| refuse_with(error.status(), &error.to_string()))?;
        let onward = self.onward(account).await?;
        let outgoing = Outgoing::start(&self.calls, self.wanted(room, &caller, account, onward, only)).await;
        let mut outgoing = outgoing.map_err(|unreached| refuse_with(unreached.status(), &unreached.to_string()))?;
        let callee = self.ring_until_answered(&mut outgoing).await?;
        let media = MediaLeg::open(&self.calls, room, &self.line).map_err(no_media);
        let caller = match media {
            Ok(media) => self.answer(media, contact(account)).await,
            Err(refusal) => Err(refusal),
        };
        let caller = match caller {
            Ok(caller) => caller,
            Err(refusal) => {
                self.calls.sip(Command::Hangup { call: callee.call, headers: Vec::new() });
                return Err(refusal);
            }
        };
        for leg in [caller.media.id, callee.media.id] {
            self.calls.media(MediaCommand::Join { leg, room });
        }
        self.talk(caller, callee, &mut outgoing).await;
        Ok(())
    }

    async fn ring_until_answered(&mut self, outgoing: &mut Outgoing) -> Outcome<ConnectedLeg> {
        loop {
            tokio::select! {
                step = outgoing.next() => match step {
                    Step::Ringing => {
                        self.calls.sip(Command::Ring { call: self.call, status: StatusCode::RINGING, body: None });
                    }
                    Step::Answered(leg) => return Ok(*leg),
                    Step::Nobody(ending) => return Err(refused(ending)),
                },
                input = self.inbox.recv() => if let Some(LegInput::Sip(Event::Ended { .. })) | None = input {
                    outgoing.call_off().await;
                    return Err(Refusal::Over);
                },
            }
        }
    }

    /// Until one of the two hangs up; then the other is hung up on.
    async fn talk(&mut self, mut caller: ConnectedLeg, mut callee: ConnectedLeg, outgoing: &mut Outgoing) {
        let calls = self.calls.clone();
        loop {
            let (input, leg, other) = tokio::select! {
                input = self.inbox.recv() => (input, &mut caller, &callee.call),
                input = outgoing.inbox.recv() => (input, &mut callee, &caller.call),
            };
            match input {
                Some(LegInput::Sip(Event::Ended { call, .. })) if call == leg.call => {
                    return calls.sip(Command::Hangup { call: *other, headers: Vec::new() });
                }
                Some(LegInput::Sip(event)) => drop(leg.handle_sip(&calls, event)),
                Some(LegInput::Media(event)) => debug!(?event, "media event"),
                None => return,
            }
        }
    }

    /// Our legs together are one hop.
    async fn onward(&self, account: &str) -> Outcome<Onward> {
        let phones = self.calls.registrar.targets(account).await.len().max(1);
        Hops::of(&self.request).onward(account, phones, &self.calls.marks).map_err(|fault| {
            self.calls.refused(fault.reason());
            refuse_with(fault.status(), &fault.to_string())
        })
    }

    fn wanted(&self, room: RoomId, caller: &Caller, account: &str, onward: Onward, only: Option<Target>) -> Wanted {
        let settings = &self.calls.settings;
        let from = caller.address.parse::<Uri>().map(NameAddr::new);
        let us = || NameAddr::new(Uri::Sip(SipUri::new(None, settings.domain_host.clone(), None)));
        Wanted {
            address: format!("sip:{account}@{}", settings.domain),
            from: from.unwrap_or_else(|_| us()).with_display_name(&caller.name),
            contact: contact(account),
            headers: onward.headers,
            room,
            ring_for: RING_FOR,
            branches: onward.branches,
            only,
        }
    }
}

fn contact(account: &str) -> ContactTemplate {
    ContactTemplate { user: Some(account.to_owned()), parameters: String::new() }
}

/// What the called phone said, to the caller; of our own findings 480 says most.
fn refused(ending: Ending) -> Refusal {
    let told = match ending {
        Ending::Refused { status, response: Some(_) } => fork::told(status),
        _ => None,
    };
    let nobody = || refuse_with(StatusCode::TEMPORARILY_UNAVAILABLE, "no phone of this account answers");
    told.map_or_else(nobody, |status| Refusal::Status(status, Vec::new()))
}
