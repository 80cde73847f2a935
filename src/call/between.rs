//! A call from one phone to another, or out through a trunk: all phones of the called account ring, or the trunk is
//! called, and the two legs share a room of their own.

use std::time::Duration;

use plenary_media::RoomId;
use plenary_media::engine::MediaCommand;
use plenary_sip::endpoint::{Command, ContactTemplate, Ending, Event};
use plenary_sip::message::{HeaderName, NameAddr, SipUri, StatusCode, Uri};
use tracing::debug;

use super::calls::MediaLeg;
use super::connected::ConnectedLeg;
use super::hops::{Hops, Onward};
use super::identity::Caller;
use super::incoming::{Incoming, Outcome, Prepared, Refusal, no_media, refuse_with};
use super::outgoing::{Outgoing, Step, Wanted, Whom};
use super::switchboard::LegInput;
use crate::trunk::{Presented, q850_of};

/// How long a phone may ring before the caller is told that nobody answers.
const RING_FOR: Duration = Duration::from_secs(60);

/// Who is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Callee {
    Account(String),
    /// Without a name: any trunk that carries it.
    Trunk {
        name: Option<String>,
        number: String,
    },
}

impl Callee {
    /// What the call is for, to the caller: the user part of our Contact.
    fn user(&self) -> &str {
        match self {
            Self::Account(account) => account,
            Self::Trunk { number, .. } => number,
        }
    }
}

impl Incoming {
    pub(super) async fn phone(&mut self, caller: Caller, callee: Callee) -> Outcome<()> {
        let room = self.calls.engine.open_room();
        let outcome = self.phone_in(room, caller, &callee).await;
        self.calls.media(MediaCommand::CloseRoom { room });
        outcome
    }

    async fn phone_in(&mut self, room: RoomId, caller: Caller, callee: &Callee) -> Outcome<()> {
        let onward = self.onward(callee).await?;
        let outgoing = Outgoing::start(&self.calls, self.wanted(room, &caller, callee, onward)).await;
        let mut outgoing = outgoing.map_err(|unreached| refuse_with(unreached.status(), &unreached.to_string()))?;
        let contact = ContactTemplate { user: Some(callee.user().to_owned()), parameters: String::new() };
        let (callee, early) = self.ring_until_answered(room, &mut outgoing).await?;
        let caller = match early {
            Some(early) => self.accept(early, contact).await,
            None => match MediaLeg::open(&self.calls, room, &self.line).map_err(no_media) {
                Ok(media) => self.answer(media, contact).await,
                Err(refusal) => Err(refusal),
            },
        };
        let caller = match caller {
            Ok(caller) => caller,
            Err(refusal) => {
                callee.hang_up(&self.calls);
                return Err(refusal);
            }
        };
        for leg in [caller.media.id, callee.media.id] {
            self.calls.media(MediaCommand::Join { leg, room });
        }
        self.talk(caller, callee, &mut outgoing).await;
        Ok(())
    }

    async fn ring_until_answered(
        &mut self,
        room: RoomId,
        outgoing: &mut Outgoing,
    ) -> Outcome<(ConnectedLeg, Option<Prepared>)> {
        let mut early = None;
        loop {
            tokio::select! {
                step = outgoing.next() => match step {
                    // While the network plays what it has to say, a 180 would have the phone play its own bell.
                    Step::Ringing(_) if early.is_some() => {}
                    Step::Ringing(status) => self.calls.sip(Command::Ring { call: self.call, status, body: None }),
                    Step::EarlyMedia(leg) => early = early.or_else(|| self.open_early_media(room, leg)),
                    Step::Answered(leg) => return Ok((*leg, early)),
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
                input = self.inbox.recv() => (input, &mut caller, &callee),
                input = outgoing.inbox.recv() => (input, &mut callee, &caller),
            };
            match input {
                Some(LegInput::Sip(Event::Ended { call, .. })) if call == leg.call => {
                    return other.hang_up(&calls);
                }
                Some(LegInput::Sip(event)) => drop(leg.handle_sip(&calls, event)),
                Some(LegInput::Media(event)) => debug!(?event, "media event"),
                None => return,
            }
        }
    }

    /// Our legs together are one hop.
    async fn onward(&self, callee: &Callee) -> Outcome<Onward> {
        let (passed, phones) = match callee {
            Callee::Account(account) => (account.clone(), self.calls.registrar.targets(account).await.len().max(1)),
            Callee::Trunk { number, .. } => (format!("trunk {number}"), 1),
        };
        Hops::of(&self.request).onward(&passed, phones, &self.calls.marks).map_err(|fault| {
            self.calls.refused(fault.reason());
            refuse_with(fault.status(), &fault.to_string())
        })
    }

    fn wanted(&self, room: RoomId, caller: &Caller, callee: &Callee, onward: Onward) -> Wanted {
        let settings = &self.calls.settings;
        let from = caller.address.parse::<Uri>().map(NameAddr::new);
        let us = || NameAddr::new(Uri::Sip(SipUri::new(None, settings.domain_host.clone(), None)));
        let privacy = self.request.headers.get(&HeaderName::Privacy).unwrap_or_default().to_ascii_lowercase();
        let private = privacy.split([';', ',']).any(|part| matches!(part.trim(), "id" | "user" | "header"));
        let user = caller.address.split([':', '@']).nth(1).unwrap_or_default().to_owned();
        Wanted {
            whom: match callee {
                Callee::Account(account) => Whom::Address(format!("sip:{account}@{}", settings.domain)),
                Callee::Trunk { name, number } => Whom::Trunk { name: name.clone(), number: number.clone() },
            },
            from: from.unwrap_or_else(|_| us()).with_display_name(&caller.name),
            presented: Presented { name: caller.name.clone(), user, private },
            contact: ContactTemplate { user: Some(callee.user().to_owned()), parameters: String::new() },
            headers: onward.headers,
            room,
            ring_for: RING_FOR,
            branches: onward.branches,
            early_media: matches!(callee, Callee::Trunk { .. }),
        }
    }
}

/// What the called phone said, to the caller; of our own findings 480 says most. The cause of a telephone network goes
/// with it (RFC 6432).
fn refused(ending: Ending) -> Refusal {
    match ending {
        Ending::Refused { status, response: Some(response) } => {
            let reasons = response.headers.all(&HeaderName::Reason).filter(|reason| q850_of(&reason.value()).is_some());
            Refusal::Status(status, reasons.cloned().collect())
        }
        Ending::Refused { status, response: None } if status == StatusCode::SERVICE_UNAVAILABLE => {
            refuse_with(status, "it cannot be reached")
        }
        _ => refuse_with(StatusCode::TEMPORARILY_UNAVAILABLE, "nobody answers"),
    }
}
