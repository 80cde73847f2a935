//! A call of two in a room of their own: what each says is passed on, the keys it presses too, and either place can be
//! another's.

use std::time::Duration;

use plenary_media::engine::{MediaCommand, MediaEvent};
use plenary_sip::endpoint::{CallId, Ending, Event};
use plenary_sip::message::{Header, HeaderName, Method, NameAddr, SipUri, Uri};
use tokio::sync::oneshot;
use tracing::info;

use crate::call::calls::{Calls, MediaRoom};
use crate::call::identity::Caller;
use crate::call::switchboard::{Inbox, LegInput};
use crate::call::talking::connected::ConnectedLeg;
use crate::call::talking::other::{Asked, Owner};
use crate::call::talking::transfer::{self, Transfer};
use crate::conference::{Door, Join, LegNews};
use crate::trunk::Presented;

/// How long who has transferred the other may take to hang up himself.
const LINGERS: Duration = Duration::from_secs(5);

/// A key that came by INFO is passed on as long as this: phones say little of it that is true.
const BY_INFO: Duration = Duration::from_millis(160);

/// Who is at the other end of a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// Proven by digest, or by the registration that it was called at.
    pub account: Option<String>,
    /// A URI.
    pub address: String,
    pub name: String,
    /// Others are not to learn any of it (RFC 3323).
    pub anonymous: bool,
}

impl Who {
    pub(in crate::call) fn of(caller: Caller, account: Option<String>) -> Self {
        let Caller { address, name, anonymous } = caller;
        Self { account, address, name, anonymous }
    }

    /// As others see him: a URI.
    pub fn told_address(&self) -> &str {
        if self.anonymous { "sip:anonymous@anonymous.invalid" } else { &self.address }
    }

    fn told_name(&self) -> &str {
        if self.anonymous { "Anonymous" } else { &self.name }
    }

    /// As a trunk is told of him, which has rules of its own for who wants to stay unknown.
    pub fn presented(&self) -> Presented {
        let user = self.address.split([':', '@']).nth(1).unwrap_or_default().to_owned();
        Presented { name: self.name.clone(), user, private: self.anonymous }
    }

    /// Into a conference, sent by somebody who is asked there.
    pub fn join(&self, referred_by: &str, brought: bool) -> Join {
        let Self { account, address, name, anonymous } = self.clone();
        let referred_by = Some(referred_by.to_owned());
        Join { account, address, name, door: Door::Sip, pin: None, referred_by, brought, anonymous }
    }
}

impl Calls {
    /// From, in a call that is placed for somebody, and what keeps him unknown further on.
    pub(in crate::call) fn presented_from(&self, who: &Who) -> (NameAddr, Vec<Header>) {
        let from = who.told_address().parse::<Uri>().map(NameAddr::new);
        let us = || NameAddr::new(Uri::Sip(SipUri::new(None, self.settings.domain_host.clone(), None)));
        let privacy = who.anonymous.then(|| Header::new(HeaderName::Privacy, "id"));
        (from.unwrap_or_else(|_| us()).with_display_name(who.told_name()), privacy.into_iter().collect())
    }
}

/// One side of a call of two.
#[derive(Debug)]
pub struct Party {
    pub leg: Box<ConnectedLeg>,
    pub inbox: Inbox,
    pub who: Who,
}

#[derive(Debug)]
pub(in crate::call) struct Pair {
    calls: Calls,
    room: MediaRoom,
    parties: [Party; 2],
}

impl Party {
    /// Waits a while for its BYE, since a phone that has transferred its peer says it itself (RFC 5589 §6.1).
    async fn linger(mut self, calls: &Calls) {
        let ended = async {
            while let Some(input) = self.inbox.recv().await {
                match input {
                    LegInput::Sip(Event::Ended { call, .. }) if call == self.leg.call => return,
                    LegInput::Sip(event) => drop(self.leg.handle_sip(calls, event)),
                    LegInput::Media(_) | LegInput::Asked(_) => {}
                }
            }
        };
        drop(tokio::time::timeout(LINGERS, ended).await);
    }
}

impl Pair {
    /// From here on the two hear each other.
    pub fn new(calls: &Calls, room: MediaRoom, parties: [Party; 2]) -> Self {
        for party in &parties {
            calls.media(MediaCommand::Join { leg: party.leg.media.id, room: room.id });
        }
        Self { calls: calls.clone(), room, parties }
    }

    /// Talks in a task of its own.
    pub fn start(self) {
        tokio::spawn(self.talk());
    }

    /// Until one of the two hangs up; then the other is hung up on.
    pub async fn talk(mut self) {
        loop {
            let [one, two] = &mut self.parties;
            let (input, near, far) = tokio::select! {
                input = one.inbox.recv() => (input, one, two),
                input = two.inbox.recv() => (input, two, one),
            };
            match input {
                None => return,
                Some(LegInput::Sip(Event::Ended { call, why })) if call == near.leg.call => {
                    return far.leg.hang_up_for(&self.calls, reason_of(&why));
                }
                Some(LegInput::Sip(Event::Request { request, message, source, .. }))
                    if message.method == Method::Refer =>
                {
                    let (referrer, referred) = (near.who.clone(), far.who.clone());
                    let call = near.leg.call;
                    let asked = Transfer { request, message, source, call, referrer, referred };
                    tokio::spawn(transfer::handle(self.calls.clone(), asked));
                }
                Some(LegInput::Sip(event)) => {
                    if let Some(LegNews::Key(key)) = near.leg.handle_sip(&self.calls, event) {
                        far.leg.press(&self.calls, key, BY_INFO);
                    }
                }
                Some(LegInput::Media(MediaEvent::Digit { digit, duration, way, .. })) => {
                    if near.leg.is_new(digit, way) {
                        far.leg.press(&self.calls, digit, duration);
                    }
                }
                Some(LegInput::Media(event)) => near.leg.handle_media(&self.calls, &event),
                Some(LegInput::Asked(Asked::Owner { reply })) => {
                    let (who, room) = (near.who.clone(), self.room.id);
                    drop(reply.send(Owner::Party { who, room })); // who asked may be gone
                }
                Some(LegInput::Asked(Asked::MakeWay { party, reply })) => {
                    info!("a leg is replaced");
                    self.calls.media(MediaCommand::Join { leg: party.leg.media.id, room: self.room.id });
                    drop(std::mem::replace(near, *party));
                    let _ = reply.send(()); // as above
                }
                Some(LegInput::Asked(Asked::HandOver { reply })) => {
                    info!("a leg is transferred");
                    let leaving = near.leg.call;
                    return self.part(leaving, reply).await;
                }
            }
        }
    }

    async fn part(self, leaving: CallId, reply: oneshot::Sender<Box<Party>>) {
        let [one, two] = self.parties;
        let (near, far) = if one.leg.call == leaving { (one, two) } else { (two, one) };
        if reply.send(Box::new(far)).is_ok() {
            near.linger(&self.calls).await;
        }
    }
}

/// Why the other side ended, word for word: RFC 3326 §2.
pub(in crate::call) fn reason_of(why: &Ending) -> Vec<Header> {
    let reason = match why {
        Ending::HungUp { reason } | Ending::Cancelled { reason } => reason.as_deref(),
        Ending::Refused { .. } | Ending::ByUs | Ending::Lost { .. } => None,
    };
    reason.map(|reason| Header::new(HeaderName::Reason, reason)).into_iter().collect()
}
