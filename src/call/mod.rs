<<<<<<< HEAD
//! Calls: a SIP dialog and its media together are a Leg; here legs are made, joined and ended.
//!
//! ```text
//!   sip endpoint ──Event──▶ switchboard ──▶ one task a leg ◀── media engine (MediaEvent)
//!                                            │    ▲
//!                              LegNews, Join ▼    │ LegCommand, DialRequest
//!                                         conference
//! ```

mod calls;
mod causes;
mod connected;
mod fork;
mod identity;
mod incoming;
mod negotiate;
mod outgoing;
mod pin;
mod requests;
mod switchboard;

pub use calls::{CallSettings, Calls};
pub use negotiate::{MediaPolicy, SrtpPolicy};
pub use switchboard::Switchboard;
=======
//! Calls: what stands between a SIP dialog and the media of its leg.

pub mod negotiate;
>>>>>>> sip-net
