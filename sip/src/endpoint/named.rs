//! Requests that point at a dialog of ours: Replaces (RFC 3891 §3), Join (RFC 3911 §4), Target-Dialog (RFC 4538 §4).
//!
//! ```text
//!                      Replaces               Join                    the user decides
//!   no such dialog     481                    ─────────────────────▶  Join(None): R-URI of a conference, or 481
//!   ended              603                    603
//!   early, by us       ─────────────────────  ─────────────────────▶  may he? then the place is his
//!   early, by them     481                    ─────────────────────▶
//!   confirmed          early-only: 486, else  ─────────────────────▶
//! ```

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::dialog::Dialog;
use crate::endpoint::calls::DialogKey;
use crate::endpoint::{CallId, Endpoint};
use crate::message::{DialogId, HeaderName, Method, Request, StatusCode};

/// What an INVITE wishes of another call of ours, whose dialog it knows by name. Who may, the user decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// To take its place.
    Replaces(CallId),
    /// To be in one conference with it; `None` when no dialog has this name.
    Join(Option<CallId>),
}

/// What became of the dialog that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundDialog {
    /// No INVITE of the last minute made one of this name.
    Unknown,
    Ended,
    Early {
        call: CallId,
        by_us: bool,
    },
    Confirmed {
        call: CallId,
    },
}

/// Replaces and Join are for INVITE, one at a time, and point at another dialog: 400 else.
pub fn check_names(request: &Request) -> Result<(), StatusCode> {
    let headers = &request.headers;
    let has = |name| headers.contains(&name);
    if !has(HeaderName::Replaces) && !has(HeaderName::Join) {
        return Ok(());
    }
    let contradicts = request.method != Method::Invite || (has(HeaderName::Replaces) && has(HeaderName::Join));
    let readable = headers.replaces().is_ok() && headers.join().is_ok();
    if contradicts || !readable { Err(StatusCode::BAD_REQUEST) } else { Ok(()) }
}

impl Endpoint {
    /// The call whose dialog has this name.
    pub fn find_dialog(&self, id: &DialogId) -> FoundDialog {
        let key = DialogKey { call_id: id.call_id.clone(), local_tag: id.to_tag.clone() };
        let found = self.calls.find(&key).and_then(|call| Some((call, self.calls.get(call)?.usage.stage_of(id)?)));
        match found {
            Some((call, DialogStage::Early { by_us })) => FoundDialog::Early { call, by_us },
            Some((call, DialogStage::Confirmed)) => FoundDialog::Confirmed { call },
            Some((_, DialogStage::Ended)) => FoundDialog::Ended,
            None if self.ended.has(&key, id) => FoundDialog::Ended,
            None => FoundDialog::Unknown,
        }
    }

    /// What a new INVITE wishes of another dialog; Err: the final response.
    pub(super) fn named_by(&self, invite: &Request) -> Result<Option<Named>, StatusCode> {
        let bad = |_| StatusCode::BAD_REQUEST;
        if let Some(id) = invite.headers.replaces().map_err(bad)? {
            return match self.find_dialog(&id) {
                FoundDialog::Confirmed { .. } if id.early_only => Err(StatusCode::BUSY_HERE),
                FoundDialog::Confirmed { call } | FoundDialog::Early { call, by_us: true } => {
                    Ok(Some(Named::Replaces(call)))
                }
                FoundDialog::Ended => Err(StatusCode::DECLINE),
                FoundDialog::Unknown | FoundDialog::Early { by_us: false, .. } => Err(StatusCode::CALL_DOES_NOT_EXIST),
            };
        }
        let Some(id) = invite.headers.join().map_err(bad)? else { return Ok(None) };
        match self.find_dialog(&id) {
            FoundDialog::Confirmed { call } | FoundDialog::Early { call, .. } => Ok(Some(Named::Join(Some(call)))),
            FoundDialog::Ended => Err(StatusCode::DECLINE),
            FoundDialog::Unknown => Ok(Some(Named::Join(None))),
        }
    }
}

/// Where the INVITE usage of a dialog stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogStage {
    Early { by_us: bool },
    Confirmed,
    Ended,
}

/// As long as anybody may ask for a dialog that he believes to be alive.
const REMEMBERED: Duration = Duration::from_secs(60);
const MOST: usize = 10_000;

/// The dialogs of INVITEs that have ended a short while ago.
#[derive(Debug, Default)]
pub struct EndedDialogs {
    remote_tags: HashMap<DialogKey, String>,
    order: VecDeque<(Instant, DialogKey)>,
}

impl EndedDialogs {
    pub fn insert(&mut self, key: DialogKey, dialog: &Dialog, now: Instant) {
        let is_old = |(at, _): &(Instant, DialogKey)| *at + REMEMBERED <= now;
        while self.order.len() >= MOST || self.order.front().is_some_and(is_old) {
            let Some((_, oldest)) = self.order.pop_front() else { break };
            self.remote_tags.remove(&oldest);
        }
        self.remote_tags.insert(key.clone(), dialog.remote_tag().to_owned());
        self.order.push_back((now, key));
    }

    fn has(&self, key: &DialogKey, id: &DialogId) -> bool {
        self.remote_tags.get(key).is_some_and(|tag| *tag == id.from_tag)
    }
}
