//! A call from one phone to another: all phones of the called account ring, and the two legs share a room of their own.

use std::time::Duration;

use plenary_sip::endpoint::{Command, ContactTemplate, Ending, Event};
use plenary_sip::message::StatusCode;

use super::calls::{MediaLeg, MediaRoom};
use super::connected::ConnectedLeg;
use super::fork;
use super::hops::{Hops, Onward};
use super::incoming::{Incoming, Outcome, Refusal, no_media, refuse_with};
use super::outgoing::{Outgoing, Step, Wanted};
use super::party::{Pair, Party, Who, reason_of};
use super::switchboard::LegInput;

/// How long a phone may ring before the caller is told that nobody answers.
pub(super) const RING_FOR: Duration = Duration::from_secs(60);

impl Incoming {
    pub(super) async fn phone(mut self, caller: Who, account: &str) -> Outcome<()> {
        let room = MediaRoom::open(&self.calls);
        let only = self.phone.take().transpose().map_err(|error| refuse_with(error.status(), &error.to_string()))?;
        let onward = self.onward(account).await?;
        let address = format!("sip:{account}@{}", self.calls.settings.domain);
        let (from, privacy) = self.calls.from_of(&caller);
        let wanted = Wanted {
            from,
            contact: contact(account),
            headers: [onward.headers, privacy].concat(),
            room: room.id,
            ring_for: RING_FOR,
            branches: onward.branches,
            conference: None,
            only,
            address: address.clone(),
        };
        let outgoing = Outgoing::start(&self.calls, wanted).await;
        let mut outgoing = outgoing.map_err(|unreached| refuse_with(unreached.status(), &unreached.to_string()))?;
        // Hung up where the caller cannot be answered.
        let callee = self.ring_until_answered(&mut outgoing).await?;
        let media = MediaLeg::open(&self.calls, room.id, &self.line).map_err(no_media)?;
        let leg = self.answer(media, contact(account)).await?;
        let called = Who { account: Some(account.to_owned()), address, name: account.to_owned(), anonymous: false };
        let parties =
            [Party { leg, inbox: self.inbox, who: caller }, Party { leg: callee, inbox: outgoing.inbox, who: called }];
        Pair::new(&self.calls, room, parties).talk().await;
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
                input = self.inbox.recv() => match input {
                    Some(LegInput::Sip(Event::Ended { why, .. })) => {
                        outgoing.call_off(reason_of(&why)).await;
                        return Err(Refusal::Over);
                    }
                    Some(_) => {}
                    None => return Err(Refusal::Over),
                },
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
