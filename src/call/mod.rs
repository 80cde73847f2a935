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
mod keys;
pub mod negotiate;
mod outgoing;
mod quality;
mod requests;
mod routing;
mod switchboard;
mod trunk_media;

pub use calls::{CallParts, CallSettings, Calls};
pub use causes::{cause_of, news_of};
pub use identity::{Caller, Dialled};
pub use routing::{Asked, Names, Routed, Routing};
