//! One subscriber: what he has been told, what he is to be told, and when. RFC 4575 §3.6, §3.9 and §4.5.
//!
//! ```text
//!   SUBSCRIBE ─▶ full, at once ──taken──▶ up to date ──a change──▶ collecting ──a moment later──▶ partial
//!                 ▲                          refresh, or a document that was refused: full again
//! ```
//!
//! A document is only made when the one before was answered: so versions have no gap, and a slow subscriber gets
//! fewer and larger ones.

use std::time::{Duration, Instant};

use super::difference::difference;
use super::document::Part;
use super::view::{Described, View};
use crate::conference::roster::Roster;

#[derive(Debug)]
pub struct Watcher {
    described: Described,
    collect: Duration,
    version: u32,
    /// What the subscriber has, once he has taken it.
    told: Option<View>,
    due: Due,
    /// A NOTIFY is out.
    waiting: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Nothing,
    /// What changed, when the moment is over.
    Changes {
        at: Instant,
    },
    Full,
}

/// A document that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub document: String,
    pub version: u32,
}

impl Watcher {
    /// `collect`: how long changes are collected before they are told.
    pub fn new(described: Described, collect: Duration) -> Self {
        Self { described, collect, version: 0, told: None, due: Due::Full, waiting: false }
    }

    /// Something of the conference changed.
    pub fn handle_change(&mut self, now: Instant) {
        if self.due == Due::Nothing {
            self.due = Due::Changes { at: now + self.collect };
        }
    }

    /// SUBSCRIBE again: §3.6.
    pub fn handle_resubscribed(&mut self) {
        self.due = Due::Full;
    }

    /// The answer to the NOTIFY that was out.
    pub fn handle_notified(&mut self, taken: bool, now: Instant) {
        self.waiting = false;
        if !taken {
            self.due = Due::Full;
        } else if self.told.as_ref().is_some_and(View::shows_an_end) {
            self.handle_change(now);
        }
    }

    /// When [`Self::poll_document`] is due.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        match self.due {
            _ if self.waiting => None,
            Due::Nothing => None,
            Due::Changes { at } => Some(at),
            Due::Full => Some(now),
        }
    }

    /// The document that is due, if one is. `roster`: as it is now; none while the conference does not run.
    pub fn poll_document(&mut self, roster: Option<&Roster>, now: Instant) -> Option<Said> {
        if self.poll_timeout(now).is_none_or(|at| at > now) {
            return None;
        }
        if let Some(roster) = roster {
            self.described.title.clone_from(&roster.title);
        }
        let before = self.told.take().filter(|_| self.due != Due::Full);
        let view = View::of(self.described.clone(), roster, before.as_ref());
        self.due = Due::Nothing;
        // Version 4294967295 is the last (§4.5): after it only full documents, which the subscriber takes as new.
        let version = self.version.saturating_add(1);
        let part = match &before {
            Some(before) if version < u32::MAX => difference(before, &view),
            _ => Some(Part::full(&view)),
        };
        let said = part.map(|part| Said { document: part.document(&self.described.entity, version), version });
        self.told = Some(view);
        if said.is_some() {
            self.version = version;
            self.waiting = true;
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::testing::*;
    use super::*;
    use crate::conference::roster::{Cause, ParticipantState};

    const COLLECT: Duration = Duration::from_millis(200);

    fn kind(said: Option<Said>) -> Option<(u32, bool)> {
        said.map(|said| {
            let root = said.document.split_once('>').map(|(_, rest)| rest.split_once('>').map_or("", |(root, _)| root));
            (said.version, root.unwrap_or_default().contains("state=\"full\""))
        })
    }

    #[test]
    fn full_first_and_then_what_changed_with_the_next_version() {
        let now = Instant::now();
        let mut watcher = Watcher::new(described(), COLLECT);
        let mut roster = roster(vec![person("p1", "alice")]);
        assert_eq!(kind(watcher.poll_document(Some(&roster), now)), Some((1, true)));
        watcher.handle_notified(true, now);
        roster.participants.push(person("p2", "bob"));
        watcher.handle_change(now);
        assert_eq!(watcher.poll_document(Some(&roster), now), None, "collected for a moment");
        assert_eq!(watcher.poll_timeout(now), Some(now + COLLECT));
        assert_eq!(kind(watcher.poll_document(Some(&roster), now + COLLECT)), Some((2, false)));
    }

    #[test]
    fn nothing_is_said_while_a_document_is_out_and_then_all_at_once() {
        let now = Instant::now();
        let mut watcher = Watcher::new(described(), COLLECT);
        let mut roster = roster(Vec::new());
        watcher.poll_document(Some(&roster), now);
        for name in ["alice", "bob", "carol"] {
            roster.participants.push(person(name, name));
            watcher.handle_change(now);
            assert_eq!(watcher.poll_document(Some(&roster), now + COLLECT * 9), None);
        }
        watcher.handle_notified(true, now + COLLECT * 9);
        let said = watcher.poll_document(Some(&roster), now + COLLECT * 9).expect("a document");
        assert_eq!((said.version, said.document.matches("<user entity").count()), (2, 3));
    }

    #[test]
    fn a_refresh_and_a_refused_document_bring_the_full_state() {
        let now = Instant::now();
        let mut watcher = Watcher::new(described(), COLLECT);
        let roster = roster(vec![person("p1", "alice")]);
        watcher.poll_document(Some(&roster), now);
        watcher.handle_notified(false, now);
        assert_eq!(kind(watcher.poll_document(Some(&roster), now)), Some((2, true)));
        watcher.handle_resubscribed();
        assert_eq!(watcher.poll_document(Some(&roster), now), None, "one at a time");
        watcher.handle_notified(true, now);
        assert_eq!(kind(watcher.poll_document(Some(&roster), now)), Some((3, true)));
    }

    #[test]
    fn who_left_is_disconnected_first_and_deleted_after() {
        let now = Instant::now();
        let mut watcher = Watcher::new(described(), COLLECT);
        let mut roster = roster(vec![person("p1", "alice")]);
        watcher.poll_document(Some(&roster), now);
        watcher.handle_notified(true, now);
        let alice = &mut roster.participants[0];
        (alice.state, alice.cause) = (ParticipantState::Disconnected, Some(Cause::Left));
        watcher.handle_change(now);
        let said = watcher.poll_document(Some(&roster), now + COLLECT).expect("the end");
        assert!(said.document.contains("<disconnection-method>departed<"), "{}", said.document);
        watcher.handle_notified(true, now + COLLECT);
        let said = watcher.poll_document(Some(&roster), now + COLLECT * 2).expect("the deletion");
        assert!(said.document.contains("<user entity=\"sip:alice@example.org\" state=\"deleted\"/>"));
        assert!(!said.document.contains("conference-state"), "told already");
    }

    #[test]
    fn a_change_that_nobody_sees_has_no_version() {
        let now = Instant::now();
        let mut watcher = Watcher::new(described(), COLLECT);
        let mut roster = roster(vec![person("p1", "alice")]);
        watcher.poll_document(Some(&roster), now);
        watcher.handle_notified(true, now);
        roster.participants[0].hand_raised = true;
        watcher.handle_change(now);
        assert_eq!(watcher.poll_document(Some(&roster), now + COLLECT), None);
        assert_eq!(watcher.poll_timeout(now), None);
    }
}
