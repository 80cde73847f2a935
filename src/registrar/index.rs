//! Bindings by something else than their address-of-record: by the time and the connection they end with, and by the
//! mark of their temporary GRUUs. So that nobody looks at all of them to find the few.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use plenary_sip::net_types::FlowId;

use super::binding::Binding;
use super::gruu::Mark;

/// A connection; or a listener for datagrams, which never ends, with the phone behind it.
type Way = (FlowId, Option<SocketAddr>);

/// Addresses-of-record by what is true of one of their bindings.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Seconds since 1970.
    by_time: BTreeSet<(i64, Arc<str>)>,
    by_flow: BTreeMap<Way, BTreeSet<Arc<str>>>,
    by_mark: BTreeMap<Mark, Arc<str>>,
}

impl Index {
    pub fn note(&mut self, aor: &Arc<str>, bindings: &[Binding]) {
        for binding in bindings {
            self.by_time.insert((binding.expires_at, aor.clone()));
            self.by_mark.extend(binding.mark.map(|mark| (mark, aor.clone())));
            if let Some(flow) = way(binding) {
                self.by_flow.entry(flow).or_default().insert(aor.clone());
            }
        }
    }

    /// `bindings`: all that were noted.
    pub fn forget(&mut self, aor: &Arc<str>, bindings: &[Binding]) {
        for binding in bindings {
            self.by_time.remove(&(binding.expires_at, aor.clone()));
            binding.mark.and_then(|mark| self.by_mark.remove(&mark));
            if let Some(flow) = way(binding)
                && let Some(here) = self.by_flow.get_mut(&flow)
            {
                here.remove(aor);
                if here.is_empty() {
                    self.by_flow.remove(&flow);
                }
            }
        }
    }

    pub fn first(&self) -> Option<i64> {
        self.by_time.first().map(|(time, _)| *time)
    }

    /// One whose binding has expired by `now`.
    pub fn first_until(&self, now: i64) -> Option<Arc<str>> {
        self.by_time.first().filter(|(time, _)| *time <= now).map(|(_, aor)| aor.clone())
    }

    pub fn of_mark(&self, mark: Mark) -> Option<&Arc<str>> {
        self.by_mark.get(&mark)
    }

    pub fn of_flow(&self, flow: FlowId) -> Vec<Arc<str>> {
        self.of_way((flow, None))
    }

    pub fn of_datagrams(&self, flow: FlowId, remote: SocketAddr) -> Vec<Arc<str>> {
        self.of_way((flow, Some(remote)))
    }

    fn of_way(&self, way: Way) -> Vec<Arc<str>> {
        self.by_flow.get(&way).into_iter().flatten().cloned().collect()
    }
}

/// What the binding may end with, before its time.
fn way(binding: &Binding) -> Option<Way> {
    let source = binding.flow?;
    let remote = (!source.transport.is_reliable()).then_some(source.remote);
    (remote.is_none() || binding.is_outbound()).then_some((source.flow, remote))
}
