//! The table of calls: by id, by dialog, and by when each must be woken.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use crate::dialog::Dialog;
use crate::endpoint::CallId;
use crate::endpoint::timers::Timers;
use crate::message::Headers;
use crate::transaction::TransactionId;
use crate::usage::{Act, InviteUsage};

#[derive(Debug, Default)]
pub struct Calls {
    next: u64,
    open: BTreeMap<CallId, Call>,
    /// By Call-ID and our tag; the peer's tag is the call's own business, which knows its forks.
    dialogs: HashMap<DialogKey, CallId>,
    timers: Timers<CallId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DialogKey {
    pub call_id: String,
    pub local_tag: String,
}

impl DialogKey {
    /// Of a request that came in, whose To tag is ours.
    pub fn of_incoming(headers: &Headers) -> Option<Self> {
        Some(Self { call_id: headers.call_id().ok()?, local_tag: headers.to().ok()?.tag()?.to_owned() })
    }

    /// Of a request of ours.
    pub fn of_outgoing(headers: &Headers) -> Option<Self> {
        Some(Self { call_id: headers.call_id().ok()?, local_tag: headers.from().ok()?.tag()?.to_owned() })
    }
}

#[derive(Debug)]
pub struct Call {
    pub usage: InviteUsage,
    pub dialog: DialogKey,
    /// Our latest INVITE: what a CANCEL would be for.
    pub invite: Option<TransactionId>,
    /// The INVITE that made it, if it came in.
    pub invited: Option<TransactionId>,
    /// Whose phone the peer is, where that is known.
    pub account: Option<String>,
}

/// What is left of a call that is over.
#[derive(Debug)]
pub struct Left {
    pub key: DialogKey,
    pub dialog: Option<Dialog>,
    pub invited: Option<TransactionId>,
}

impl Calls {
    /// The id of the next incoming call; odd.
    pub fn next_id(&mut self) -> CallId {
        self.next += 1;
        CallId(self.next * 2 - 1)
    }

    pub fn len(&self) -> usize {
        self.open.len()
    }

    pub fn insert(&mut self, id: CallId, dialog: DialogKey, usage: InviteUsage) {
        self.dialogs.insert(dialog.clone(), id);
        self.open.insert(id, Call { usage, dialog, invite: None, invited: None, account: None });
    }

    pub fn get_mut(&mut self, id: CallId) -> Option<&mut Call> {
        self.open.get_mut(&id)
    }

    pub fn get(&self, id: CallId) -> Option<&Call> {
        self.open.get(&id)
    }

    pub fn find(&self, dialog: &DialogKey) -> Option<CallId> {
        self.dialogs.get(dialog).copied()
    }

    pub fn poll_act(&mut self, id: CallId) -> Option<Act> {
        self.open.get_mut(&id)?.usage.poll_output()
    }

    /// Notes when the call must be woken, and forgets one that is over; gives what is left of it.
    pub fn settle(&mut self, id: CallId) -> Option<Left> {
        let call = self.open.get(&id)?;
        if call.usage.is_over() {
            self.timers.set(id, None);
            self.dialogs.remove(&call.dialog);
            let call = self.open.remove(&id)?;
            Some(Left { key: call.dialog, dialog: call.usage.into_dialog(), invited: call.invited })
        } else {
            self.timers.set(id, call.usage.poll_timeout());
            None
        }
    }

    pub fn pop_due(&mut self, now: Instant) -> Option<CallId> {
        self.timers.pop_due(now)
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }
}
