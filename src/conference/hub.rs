//! The one place where changes of all conferences get their numbers, are kept for who comes back, and are told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::live::{LiveEvent, Numbered};
use super::roster::{Door, Participant, ParticipantState, Roster};
use crate::telemetry::metrics::{Family, Gauge, Metric, Metrics};

const ROOMS: Metric<0> = Metric::new("conference_rooms", "Conferences that run.", []);
const PARTICIPANTS: Metric<1> = Metric::new("conference_participants", "Participants who are in.", ["door"]);

/// How many changes a follower may have missed and still be brought up to date without a snapshot.
const KEPT: usize = 4096;

/// How many a follower may lag behind before it must ask anew.
const LAG: usize = 1024;

/// What happened so far, and the channel of all that will.
#[derive(Debug)]
pub struct Follow {
    pub first: Vec<Numbered>,
    pub rest: broadcast::Receiver<Arc<Numbered>>,
}

#[derive(Debug)]
pub(super) enum ToHub {
    /// A change, and how the conference looks after it; `None` once it is over.
    Publish {
        event: Box<LiveEvent>,
        roster: Option<Arc<Roster>>,
    },
    Follow {
        after: Option<u64>,
        reply: oneshot::Sender<Follow>,
    },
    Live {
        number: String,
        reply: oneshot::Sender<Option<Arc<Roster>>>,
    },
    Watch {
        number: String,
        reply: oneshot::Sender<watch::Receiver<Option<Arc<Roster>>>>,
    },
}

#[derive(Debug)]
pub(super) struct Hub {
    seq: u64,
    kept: VecDeque<Arc<Numbered>>,
    rosters: BTreeMap<String, Arc<Roster>>,
    followers: broadcast::Sender<Arc<Numbered>>,
    /// Of the conferences that somebody watches, running or not.
    watched: BTreeMap<String, watch::Sender<Option<Arc<Roster>>>>,
    rooms: Arc<Gauge>,
    participants: Family<Gauge, 1>,
}

impl Hub {
    /// `first_seq`: above every number of an earlier run, so that a follower of that run gets a snapshot.
    pub fn new(first_seq: u64, metrics: &Metrics) -> Self {
        let (followers, _) = broadcast::channel(LAG);
        Self {
            seq: first_seq,
            kept: VecDeque::new(),
            rosters: BTreeMap::new(),
            followers,
            watched: BTreeMap::new(),
            rooms: metrics.gauge(ROOMS).with([]),
            participants: metrics.gauge(PARTICIPANTS),
        }
    }

    pub async fn run(mut self, mut mailbox: mpsc::Receiver<ToHub>) {
        while let Some(message) = mailbox.recv().await {
            match message {
                ToHub::Publish { event, roster } => self.publish(*event, roster),
                // Who asked and went away needs no answer.
                ToHub::Follow { after, reply } => drop(reply.send(self.follow(after))),
                ToHub::Watch { number, reply } => drop(reply.send(self.watch(number))),
                ToHub::Live { number, reply } => drop(reply.send(self.rosters.get(&number).cloned())),
            }
        }
    }

    fn publish(&mut self, event: LiveEvent, roster: Option<Arc<Roster>>) {
        if let Some(number) = event.conference() {
            self.count(roster.as_deref(), 1);
            self.show(number, roster.as_ref());
            let before = match roster {
                Some(roster) => self.rosters.insert(number.to_owned(), roster),
                None => self.rosters.remove(number),
            };
            self.count(before.as_deref(), -1);
            self.rooms.set(i64::try_from(self.rosters.len()).unwrap_or(i64::MAX));
        }
        self.seq += 1;
        let numbered = Arc::new(Numbered { seq: self.seq, event });
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(numbered.clone());
        drop(self.followers.send(numbered)); // nobody follows: nothing lost
    }

    fn watch(&mut self, number: String) -> watch::Receiver<Option<Arc<Roster>>> {
        self.watched.retain(|_, watched| watched.receiver_count() > 0);
        let roster = || self.rosters.get(&number).cloned();
        self.watched.entry(number.clone()).or_insert_with(|| watch::Sender::new(roster())).subscribe()
    }

    /// Who speaks is no change of the roster: its version stays.
    fn show(&self, number: &str, roster: Option<&Arc<Roster>>) {
        let Some(watched) = self.watched.get(number) else { return };
        watched.send_if_modified(|shown| {
            let version = |roster: &Arc<Roster>| (roster.started_at, roster.version);
            let changed = shown.as_ref().map(version) != roster.map(version);
            if changed {
                *shown = roster.cloned();
            }
            changed
        });
    }

    fn count(&self, roster: Option<&Roster>, sign: i64) {
        let connected = |participant: &&Participant| participant.state == ParticipantState::Connected;
        for participant in roster.into_iter().flat_map(|roster| &roster.participants).filter(connected) {
            let door = match participant.door {
                Door::Sip => "sip",
                Door::Trunk => "trunk",
                Door::Browser => "browser",
            };
            self.participants.with([door]).add(sign);
        }
    }

    fn follow(&self, after: Option<u64>) -> Follow {
        let resumable = |after: &u64| {
            let oldest = self.kept.front().map_or(self.seq + 1, |first| first.seq);
            (oldest..=self.seq + 1).contains(&(after + 1))
        };
        let first = match after.filter(resumable) {
            Some(after) => self.kept.iter().filter(|kept| kept.seq > after).map(|kept| (**kept).clone()).collect(),
            None => {
                let conferences = self.rosters.values().map(|roster| (**roster).clone()).collect();
                vec![Numbered { seq: self.seq, event: LiveEvent::Snapshot { conferences } }]
            }
        };
        Follow { first, rest: self.followers.subscribe() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(n: u32) -> LiveEvent {
        LiveEvent::Ended { conference: n.to_string() }
    }

    #[test]
    fn a_follower_resumes_after_its_last_number_or_gets_a_snapshot() {
        let mut hub = Hub::new(100, &Metrics::default());
        for n in 0..3 {
            hub.publish(ended(n), None);
        }
        let seqs = |after| hub.follow(after).first.iter().map(|numbered| numbered.seq).collect::<Vec<_>>();
        assert_eq!(seqs(Some(101)), [102, 103]);
        assert!(seqs(Some(103)).is_empty());
        for unknown in [None, Some(7), Some(104)] {
            let first = hub.follow(unknown).first;
            assert!(matches!(first[..], [Numbered { seq: 103, event: LiveEvent::Snapshot { .. } }]), "{unknown:?}");
        }
    }

    #[test]
    fn what_is_too_old_to_be_kept_brings_a_snapshot() {
        let mut hub = Hub::new(0, &Metrics::default());
        for n in 0..KEPT as u32 + 10 {
            hub.publish(ended(n), None);
        }
        assert!(matches!(hub.follow(Some(5)).first[0].event, LiveEvent::Snapshot { .. }));
        assert_eq!(hub.follow(Some(10)).first.len(), KEPT);
    }
}
