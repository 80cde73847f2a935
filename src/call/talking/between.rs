//! A call from one phone to another, or out through a trunk: all phones of the called account ring, or the trunk is
//! called, and the two legs share a room of their own.

use std::time::Duration;

use plenary_media::RoomId;
use plenary_sip::endpoint::{ContactTemplate, Ending, Event};
use plenary_sip::message::{HeaderName, StatusCode};
use plenary_sip::sdp::About;

use crate::call::arriving::incoming::{Incoming, Outcome, Prepared, Refusal, refuse_with};
use crate::call::calls::MediaRoom;
use crate::call::hops::{Hops, Onward};
use crate::call::placing::fork;
use crate::call::placing::outgoing::{Outgoing, Step, Wanted};
use crate::call::placing::way::Whom;
use crate::call::switchboard::LegInput;
use crate::call::talking::connected::ConnectedLeg;
use crate::call::talking::party::{Pair, Party, Who, reason_of};
use crate::trunk::q850_of;

/// How long a phone may ring before the caller is told that nobody answers.
pub(in crate::call) const RING_FOR: Duration = Duration::from_secs(60);

/// Who is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::call) enum Callee {
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
    pub(in crate::call) async fn phone(mut self, caller: Who, callee: Callee) -> Outcome<()> {
        let room = MediaRoom::open(&self.calls);
        let only = self.phone.take().transpose().map_err(|error| refuse_with(error.status(), &error.to_string()))?;
        let onward = self.onward(&callee).await?;
        let (from, privacy) = self.calls.presented_from(&caller);
        let contact = ContactTemplate { user: Some(callee.user().to_owned()), parameters: String::new(), host: None };
        let domain = &self.calls.settings.domain;
        let (whom, called, headers) = match &callee {
            Callee::Account(account) => {
                let address = format!("sip:{account}@{domain}");
                let name = account.to_owned();
                let called = Who { account: Some(name.clone()), address: address.clone(), name, anonymous: false };
                (Whom::Address(address), called, [onward.headers, privacy].concat())
            }
            // What keeps the caller unknown there, the trunk adds by its own rules.
            Callee::Trunk { name, number } => {
                let address = format!("sip:{number}@{domain}");
                let called = Who { account: None, address, name: number.clone(), anonymous: false };
                (Whom::Trunk { name: name.clone(), number: number.clone() }, called, onward.headers)
            }
        };
        let wanted = Wanted {
            whom,
            from,
            presented: caller.presented(),
            contact: contact.clone(),
            headers,
            room: room.id,
            ring_for: RING_FOR,
            branches: onward.branches,
            conference: None,
            only,
            early_media: matches!(callee, Callee::Trunk { .. }),
            about: About::default(),
            by: caller.account.clone(),
            named_by: None,
        };
        let outgoing = Outgoing::start(&self.calls, wanted).await;
        let mut outgoing = outgoing.map_err(|unreached| refuse_with(unreached.status(), &unreached.to_string()))?;
        // Hung up where the caller cannot be answered.
        let (callee, early) = self.ring_until_answered(room.id, &mut outgoing).await?;
        let leg = match early {
            Some(early) => self.accept(early, contact).await?,
            None => {
                let media = self.open_media(room.id)?;
                self.answer(media, contact).await?
            }
        };
        let parties =
            [Party { leg, inbox: self.inbox, who: caller }, Party { leg: callee, inbox: outgoing.inbox, who: called }];
        Pair::new(&self.calls, room, parties).talk().await;
        Ok(())
    }

    async fn ring_until_answered(
        &mut self,
        room: RoomId,
        outgoing: &mut Outgoing,
    ) -> Outcome<(Box<ConnectedLeg>, Option<Prepared>)> {
        let mut early = None;
        loop {
            tokio::select! {
                step = outgoing.next() => match step {
                    // While the network plays what it has to say, a 180 would have the phone play its own bell.
                    Step::Ringing(_) if early.is_some() => {}
                    Step::Ringing(status) => early = self.ring_back(room, status),
                    Step::EarlyMedia(leg) => early = early.or_else(|| self.open_early_media(room, leg)),
                    Step::Answered(leg) => return Ok((leg, early)),
                    Step::Nobody(ending) => return Err(refused(ending)),
                },
                input = self.inbox.recv() => match input {
                    Some(LegInput::Sip(Event::Ended { why, .. })) => {
                        outgoing.call_off(reason_of(&why)).await;
                        return Err(Refusal::Over);
                    }
                    Some(LegInput::Sip(Event::ReofferDone { outcome, .. })) => {
                        early.iter_mut().for_each(|early| early.take_answer(&self.calls, outcome.clone().ok()));
                    }
                    Some(LegInput::Sip(Event::Offered { offer, .. })) => {
                        early.iter_mut().for_each(|early| early.answer_offer(&self.calls, self.call, offer.clone()));
                    }
                    Some(_) => {}
                    None => return Err(Refusal::Over),
                },
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
}

/// What the called phone said, to the caller; of our own findings 480 says most. The cause of a telephone network goes
/// with it (RFC 6432).
fn refused(ending: Ending) -> Refusal {
    let told = match &ending {
        Ending::Refused { status, response: Some(response) } => fork::told(*status).map(|status| (status, response)),
        Ending::Refused { status, response: None } if *status == StatusCode::SERVICE_UNAVAILABLE => {
            return refuse_with(*status, "it cannot be reached");
        }
        _ => None,
    };
    let Some((status, response)) = told else {
        return refuse_with(StatusCode::TEMPORARILY_UNAVAILABLE, "nobody answers");
    };
    let reasons = response.headers.all(&HeaderName::Reason).filter(|reason| q850_of(&reason.value()).is_some());
    Refusal::Status(status, reasons.cloned().collect())
}
