//! The table of subscriptions: by id, by dialog, and by when each must be woken.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use crate::dialog::Dialog;
use crate::endpoint::SubscriptionId;
use crate::endpoint::calls::{Calls, DialogKey};
use crate::endpoint::timers::Timers;
use crate::usage::{Asked, Notifier, NotifierAct};

#[derive(Debug, Default)]
pub struct Subscriptions {
    open: BTreeMap<SubscriptionId, Entry>,
    by_dialog: HashMap<DialogKey, Vec<SubscriptionId>>,
    /// The dialogs that no call has, or has any more.
    dialogs: HashMap<DialogKey, Dialog>,
    /// In these a REFER has made a subscription already: the next needs an id (RFC 3515 §2.4.6).
    referred: HashSet<DialogKey>,
    timers: Timers<SubscriptionId>,
}

#[derive(Debug)]
struct Entry {
    notifier: Notifier,
    dialog: DialogKey,
}

impl Subscriptions {
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// `dialog`: where no call has it.
    pub fn insert(&mut self, id: SubscriptionId, key: DialogKey, dialog: Option<Dialog>, notifier: Notifier) {
        if let Some(dialog) = dialog {
            self.dialogs.insert(key.clone(), dialog);
        }
        self.by_dialog.entry(key.clone()).or_default().push(id);
        self.open.insert(id, Entry { notifier, dialog: key });
    }

    /// A call has ended: if subscriptions share its dialog, that lives on.
    pub fn inherit(&mut self, key: DialogKey, dialog: Dialog) {
        if self.by_dialog.contains_key(&key) {
            self.dialogs.insert(key, dialog);
        } else {
            self.referred.remove(&key);
        }
    }

    /// Whether this REFER is the first of its dialog.
    pub fn is_first_refer(&mut self, key: &DialogKey) -> bool {
        self.referred.insert(key.clone())
    }

    /// The subscription that a SUBSCRIBE in this dialog is for.
    pub fn find(&self, key: &DialogKey, asked: &Asked) -> Option<SubscriptionId> {
        let of_dialog = self.by_dialog.get(key)?;
        of_dialog.iter().copied().find(|id| self.open.get(id).is_some_and(|entry| entry.notifier.is_for(asked)))
    }

    pub fn get_mut(&mut self, id: SubscriptionId) -> Option<&mut Notifier> {
        self.open.get_mut(&id).map(|entry| &mut entry.notifier)
    }

    /// The dialog of a subscription, whoever keeps it.
    pub fn dialog_of<'a>(&'a mut self, id: SubscriptionId, calls: &'a mut Calls) -> Option<&'a mut Dialog> {
        let key = self.open.get(&id)?.dialog.clone();
        self.dialog(&key, calls)
    }

    pub fn dialog<'a>(&'a mut self, key: &DialogKey, calls: &'a mut Calls) -> Option<&'a mut Dialog> {
        match calls.find(key).and_then(|call| calls.get_mut(call)) {
            Some(call) => call.usage.dialog_mut(),
            None => self.dialogs.get_mut(key),
        }
    }

    pub fn poll_act(&mut self, id: SubscriptionId) -> Option<NotifierAct> {
        self.open.get_mut(&id)?.notifier.poll_output()
    }

    /// Notes when the subscription must be woken, and forgets one that is over, with its dialog if it was the last.
    pub fn settle(&mut self, id: SubscriptionId, calls: &Calls) {
        let Some(entry) = self.open.get(&id) else { return };
        if !entry.notifier.is_over() {
            return self.timers.set(id, entry.notifier.poll_timeout());
        }
        self.timers.set(id, None);
        let Some(Entry { dialog: key, .. }) = self.open.remove(&id) else { return };
        let Some(of_dialog) = self.by_dialog.get_mut(&key) else { return };
        of_dialog.retain(|other| *other != id);
        if of_dialog.is_empty() {
            self.by_dialog.remove(&key);
            self.dialogs.remove(&key);
            if calls.find(&key).is_none() {
                self.referred.remove(&key);
            }
        }
    }

    pub fn pop_due(&mut self, now: Instant) -> Option<SubscriptionId> {
        self.timers.pop_due(now)
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }
}
