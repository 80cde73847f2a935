//! Phones that come back by another flow: RFC 5626 §6, for their calls (RFC 6141 §5).

use std::collections::{HashMap, VecDeque};

use plenary_sip::net_types::Source;

/// Beyond it the oldest is forgotten: its phone is then found by what it says itself.
const MOST: usize = 10_000;

/// One flow of a phone took the place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedFlow {
    pub account: String,
    pub from: Source,
    pub to: Source,
}

/// The last flows of bindings that went with them, by address-of-record and key.
#[derive(Debug, Default)]
pub(super) struct LostFlows {
    by_binding: HashMap<(String, String), Source>,
    order: VecDeque<(String, String)>,
}

impl LostFlows {
    pub fn insert(&mut self, aor: &str, key: &str, flow: Source) {
        while self.order.len() >= MOST {
            let Some(oldest) = self.order.pop_front() else { break };
            self.by_binding.remove(&oldest);
        }
        let binding = (aor.to_owned(), key.to_owned());
        if self.by_binding.insert(binding.clone(), flow).is_none() {
            self.order.push_back(binding);
        }
    }

    pub fn take(&mut self, aor: &str, key: &str) -> Option<Source> {
        if self.by_binding.is_empty() {
            return None;
        }
        self.by_binding.remove(&(aor.to_owned(), key.to_owned()))
    }
}
