//! What one call asks of another: whose it is, to make way for somebody, to give somebody away.
//!
//! Replaces (RFC 3891), Join (RFC 3911) and transfers (RFC 5589) all end in these three. A call that is about to end
//! drops the question, and with it its answer.

use plenary_media::RoomId;
use plenary_sip::endpoint::{CallId, FoundDialog};
use plenary_sip::message::DialogId;
use tokio::sync::{mpsc, oneshot};

use crate::call::calls::Calls;
use crate::call::switchboard::{LegInput, Line};
use crate::call::talking::party::{Party, Who};
use crate::conference::LegLink;

/// A call that somebody else's task leads.
#[derive(Clone, Debug)]
pub(in crate::call) struct OtherCall {
    pub call: CallId,
    line: mpsc::Sender<LegInput>,
}

#[derive(Debug)]
pub enum Asked {
    Owner {
        reply: oneshot::Sender<Owner>,
    },
    /// The party takes the place of the leg that is asked, which is hung up.
    MakeWay {
        party: Box<Party>,
        reply: oneshot::Sender<()>,
    },
    /// Gives away the party at the far end, and hangs up the leg that is asked.
    HandOver {
        reply: oneshot::Sender<Box<Party>>,
    },
}

/// What a call is part of.
#[derive(Clone, Debug)]
pub enum Owner {
    Participant(LegLink),
    /// A call of two, in this room.
    Party {
        who: Who,
        room: RoomId,
    },
}

impl Calls {
    pub(in crate::call) async fn other_call(&self, call: CallId) -> Option<OtherCall> {
        let (reply, answer) = oneshot::channel();
        self.plug(Line::Find { call, reply });
        Some(OtherCall { call, line: answer.await.ok()?? })
    }

    /// The answered call whose dialog has this name. Err: what RFC 3891 §3 says to it.
    pub(in crate::call) async fn answered_call(&self, id: DialogId) -> Result<OtherCall, NotThere> {
        match self.find_dialog(id).await {
            FoundDialog::Confirmed { call } => self.other_call(call).await.ok_or(NotThere::Ended),
            FoundDialog::Ended => Err(NotThere::Ended),
            FoundDialog::Early { .. } | FoundDialog::Unknown => Err(NotThere::Unknown),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::call) enum NotThere {
    Unknown,
    Ended,
}

impl OtherCall {
    pub async fn owner(&self) -> Option<Owner> {
        self.ask(|reply| Asked::Owner { reply }).await
    }

    /// False, and the party is hung up, when the call has ended meanwhile.
    pub async fn make_way(&self, party: Party) -> bool {
        self.ask(|reply| Asked::MakeWay { party: Box::new(party), reply }).await.is_some()
    }

    pub async fn hand_over(&self) -> Option<Party> {
        self.ask(|reply| Asked::HandOver { reply }).await.map(|party| *party)
    }

    pub async fn is_over(&self) {
        self.line.closed().await;
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Asked) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.line.send(LegInput::Asked(question(reply))).await.ok()?;
        answer.await.ok()
    }
}
