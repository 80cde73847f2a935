//! Calls: a SIP dialog and its media together are a Leg; here legs are made, joined and ended.
//!
//! ```text
//!   sip endpoint ──Event──▶ switchboard ──▶ one task a leg ◀── media engine (MediaEvent)
//!                                            │    ▲
//!                              LegNews, Join ▼    │ LegCommand, DialRequest
//!                                         conference
//! ```

mod bell;
mod between;
mod calls;
mod causes;
mod connected;
mod dial;
mod early;
mod entrance;
mod focus_requests;
mod fork;
mod hops;
mod identity;
mod incoming;
mod info;
mod joining;
mod keys;
mod message;
pub mod negotiate;
mod other;
mod outgoing;
mod party;
mod pin_patience;
mod quality;
mod replacing;
mod report;
mod requests;
mod routing;
mod switchboard;
mod targets;
mod transfer;
mod trunk_media;
mod way;

pub use calls::{CallParts, CallSettings, Calls};
pub use causes::{cause_of, news_of};
pub use identity::{Caller, Dialled, referred_by};
pub use routing::{Asked, Names, Routed, Routing};
