//! Phones in calls whose flow broke, and that registered anew: RFC 6141 §5, RFC 5626 §6.
//!
//! A dialog goes down the flow by which its peer was last heard. When that is gone, the peer can say where it is by a
//! re-INVITE or UPDATE of its own; one that has nothing to say only registers, by the same instance and reg-id. What was to
//! take the old flow takes the new one then, in the calls of the account that registered and in no others: several may
//! share a flow.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use crate::net_types::{Destination, FlowId, Source};

/// Beyond it the oldest is forgotten.
const MOST: usize = 10_000;

#[derive(Debug, Default)]
pub struct MovedFlows {
    by_old: HashMap<Old, Source>,
    order: VecDeque<Old>,
}

/// The address tells phones apart that came over one listener for datagrams.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Old {
    account: String,
    flow: FlowId,
    remote: SocketAddr,
}

impl MovedFlows {
    pub fn insert(&mut self, account: &str, from: Source, to: Source) {
        let old = |source: Source| Old { account: account.to_owned(), flow: source.flow, remote: source.remote };
        if old(from) == old(to) {
            return;
        }
        // No flow that is in use leads on: so there are no circles.
        self.by_old.remove(&old(to));
        while self.order.len() >= MOST {
            let Some(oldest) = self.order.pop_front() else { break };
            self.by_old.remove(&oldest);
        }
        if self.by_old.insert(old(from), to).is_none() {
            self.order.push_back(old(from));
        }
    }

    /// Where this leads in a call of the account now.
    pub fn follow(&self, account: &str, destination: Destination) -> Destination {
        let mut destination = destination;
        while let Destination::Flow { flow, remote, .. } = destination
            && let Some(to) = self.by_old.get(&Old { account: account.to_owned(), flow, remote })
        {
            destination = Destination::from(*to);
        }
        destination
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialog::testing::source_by;
    use crate::net_types::Transport;

    fn flow(number: u64) -> Source {
        Source { flow: FlowId(number), ..source_by(Transport::Tcp, "192.0.2.1:40000") }
    }

    fn followed(moved: &MovedFlows, account: &str, from: u64) -> Destination {
        moved.follow(account, Destination::from(flow(from)))
    }

    #[test]
    fn a_flow_leads_to_the_newest_and_back_again() {
        let mut moved = MovedFlows::default();
        moved.insert("alice", flow(1), flow(2));
        moved.insert("alice", flow(2), flow(3));
        assert_eq!(followed(&moved, "alice", 1), Destination::from(flow(3)));
        moved.insert("alice", flow(3), flow(1));
        for from in 1..=3 {
            assert_eq!(followed(&moved, "alice", from), Destination::from(flow(1)), "{from}");
        }
    }

    #[test]
    fn who_shares_a_flow_is_not_moved_with_it() {
        let mut moved = MovedFlows::default();
        moved.insert("mallory", flow(1), flow(2));
        assert_eq!(followed(&moved, "alice", 1), Destination::from(flow(1)));
    }

    #[test]
    fn the_table_is_bounded() {
        let mut moved = MovedFlows::default();
        let most = u64::try_from(MOST).expect("small");
        for number in 0..2 * most {
            moved.insert("alice", flow(10 + number), flow(1));
            moved.insert("bob", flow(number % 2), flow((number + 1) % 2));
        }
        assert!(moved.by_old.len() <= MOST && moved.order.len() <= MOST);
    }
}
