//! The endpoint: everything SIP between parsed messages below and calls above, without I/O and clock.

mod act;
mod calls;
mod command;
#[expect(clippy::module_inception, reason = "the file is named as the thing")]
mod endpoint;
mod event;
mod failover;
mod identity;
mod inspect;
mod machine;
mod moved_flows;
mod named;
mod output;
mod random;
mod receive;
mod refer;
mod return_path;
mod settings;
mod subscribe;
mod subscriptions;
mod timers;
mod transactions;

pub use crate::usage::{EventPackage, NewSubscription};
pub use command::{
    Body, Command, ContactTemplate, OutgoingInvite, OutgoingRefer, OutgoingRequest, SubscriptionState,
    TerminationReason,
};
pub use endpoint::Endpoint;
pub use event::{Ending, Event, ReferNews};
pub(crate) use inspect::Refusal;
pub(crate) use named::DialogStage;
pub use named::{FoundDialog, Named};
pub use output::{OPEN_HOST, Output, SendId, complete};
pub(crate) use output::{has_contact, open_via};
pub use random::Rng;
pub use settings::{EndpointSettings, OWN_EXTENSIONS, SentBy, SessionTimerSettings};

/// One call, from its INVITE to its end. Ids of incoming calls are odd and come from the endpoint; ids of
/// outgoing calls are even and come from the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// One request that is no INVITE: odd when it came from the peer, even when it is the user's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// One subscription of a peer's. It has the number of the request that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(pub u64);

impl RequestId {
    /// The subscription that accepting this request makes.
    pub fn subscription(self) -> SubscriptionId {
        SubscriptionId(self.0)
    }
}
