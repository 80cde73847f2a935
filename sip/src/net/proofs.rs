//! Who has proven by certificate to be at the other end of a connection, for those who decide what that is worth.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::tls::DomainIdentities;
use crate::net_types::FlowId;

/// By connection, as long as it stands. The lock is held for one look-up.
#[derive(Clone, Debug, Default)]
pub(super) struct Proofs(Arc<Mutex<HashMap<FlowId, Arc<DomainIdentities>>>>);

/// One connection's; taken back when it is dropped.
#[derive(Debug)]
pub(super) struct Proof {
    identities: Arc<DomainIdentities>,
    entered: Option<(Proofs, FlowId)>,
}

impl Proofs {
    /// Who proves nothing costs nothing.
    pub(super) fn enter(&self, flow: FlowId, identities: DomainIdentities) -> Proof {
        if identities.is_empty() {
            return Proof::none();
        }
        let identities = Arc::new(identities);
        self.change(|proofs| proofs.insert(flow, Arc::clone(&identities)));
        Proof { identities, entered: Some((self.clone(), flow)) }
    }

    pub(super) fn of(&self, flow: FlowId) -> Arc<DomainIdentities> {
        self.change(|proofs| proofs.get(&flow).cloned()).unwrap_or_default()
    }

    fn change<T>(&self, change: impl FnOnce(&mut HashMap<FlowId, Arc<DomainIdentities>>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Proof {
    pub(super) fn none() -> Self {
        Self { identities: Arc::default(), entered: None }
    }

    pub(super) fn identities(&self) -> Arc<DomainIdentities> {
        Arc::clone(&self.identities)
    }
}

impl Drop for Proof {
    fn drop(&mut self) {
        if let Some((proofs, flow)) = &self.entered {
            proofs.change(|proofs| proofs.remove(flow));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tls::testing::certificate;
    use super::*;

    #[test]
    fn a_proof_lasts_as_long_as_its_connection() {
        let proofs = Proofs::default();
        let proof = proofs.enter(FlowId(7), DomainIdentities::of(&certificate("x", &["a.example"])));
        assert!(proofs.of(FlowId(7)).include("a.example"));
        assert!(proofs.of(FlowId(8)).is_empty());
        drop(proof);
        assert!(proofs.of(FlowId(7)).is_empty());
    }
}
