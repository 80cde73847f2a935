//! Calls: a SIP dialog and its media together are a Leg; here legs are made, joined and ended.
//!
//! ```text
//!   sip endpoint ──Event──▶ switchboard ──▶ one task a leg ◀── media engine (MediaEvent)
//!                                            │    ▲
//!                              LegNews, Join ▼    │ LegCommand, DialRequest
//!                                         conference
//! ```

mod arriving;
mod bell;
mod calls;
mod causes;
mod focus_requests;
mod hops;
mod identity;
mod message;
pub mod negotiate;
mod placing;
mod requests;
mod routing;
#[cfg(test)]
mod sizes;
mod switchboard;
mod talking;

pub use calls::{CallParts, CallSettings, Calls, ToldOfConferences};
pub use causes::{cause_of, news_of};
pub use identity::{Caller, Dialled, referred_by};
pub use routing::{Asked, Names, Routed, Routing};
