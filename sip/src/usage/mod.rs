//! The usages of a dialog (RFC 5057): a call, from its INVITE to its BYE (RFC 3261 §13–§15), and subscriptions.
//!
//! ```text
//!             ┌──▶ Uas ──accept──┐                    ┌─ exchange    who has an offer open
//!   INVITE ───┤                  ├──▶ Session ────────┼─ confirming  our 2xx, until the ACK
//!             └──▶ Uac ───2xx────┘       │            └─ session_timer
//!                   └─ forks: other 2xx: ACK, BYE     └──▶ BYE
//! ```
//!
//! Each part is fed requests, responses and wishes, and says through [`Act`]s what it wants done. Transactions
//! are the endpoint's.

mod act;
mod confirming;
mod exchange;
mod forks;
mod invite;
mod offer;
mod outside;
mod prack;
mod reliable;
mod session;
mod session_timer;
mod subscription;
mod uac;
mod uas;

pub(crate) use act::put_body;
pub use act::{Act, CallContext, Purpose};
pub use invite::{Arriving, InviteUsage};
pub use offer::{description_of, unacceptable_body};
pub use outside::{first_hops, request_of};
pub use subscription::{
    Asked, Delivery, EventPackage, NewSubscription, Notifier, NotifierAct, Referral, Subscriber, allow_events, asked,
    delivery_of,
};

#[cfg(test)]
mod testing;
