//! Calls as ladders: the last messages of the last calls, kept so that a call can be looked at after it went wrong.
//!
//! ```text
//!   sip::net ──Seen──▶ task ──▶ Recorder (bounded, secrets masked) ──▶ GET /calls, GET /calls/{call_id}
//! ```
//!
//! A call is what has one Call-ID and began with INVITE. Left out: REGISTER and OPTIONS, and media.

mod print;
mod recorder;
mod task;

pub use recorder::{CallSummary, RecordedCall, RecordedMessage, Recorder};
pub use task::Ladders;
