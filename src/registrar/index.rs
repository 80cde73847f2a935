//! Bindings by something else than their address-of-record: by the time and the connection they end with, and by the
//! mark of their temporary GRUUs. So that nobody looks at all of them to find the few.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use plenary_sip::net_types::FlowId;

use super::binding::Binding;
use super::gruu::Mark;

/// Addresses-of-record by what is true of one of their bindings.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Seconds since 1970.
    by_time: BTreeSet<(i64, Arc<str>)>,
    /// Connections; a listener for datagrams never ends.
    by_flow: BTreeMap<FlowId, BTreeSet<Arc<str>>>,
    by_mark: BTreeMap<Mark, Arc<str>>,
}

impl Index {
    pub fn note(&mut self, aor: &Arc<str>, bindings: &[Binding]) {
        for binding in bindings {
            self.by_time.insert((binding.expires_at, aor.clone()));
            self.by_mark.extend(binding.mark.map(|mark| (mark, aor.clone())));
            if let Some(flow) = connection(binding) {
                self.by_flow.entry(flow).or_default().insert(aor.clone());
            }
        }
    }

    /// `bindings`: all that were noted.
    pub fn forget(&mut self, aor: &Arc<str>, bindings: &[Binding]) {
        for binding in bindings {
            self.by_time.remove(&(binding.expires_at, aor.clone()));
            binding.mark.and_then(|mark| self.by_mark.remove(&mark));
            if let Some(flow) = connection(binding)
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
        self.by_flow.get(&flow).into_iter().flatten().cloned().collect()
    }
}

fn connection(binding: &Binding) -> Option<FlowId> {
    binding.flow.filter(|source| source.transport.is_reliable()).map(|source| source.flow)
}
