//! The HTTP side: `/api/v1` in JSON, its WebSocket of events, metrics and health, and the console's files.
//!
//! A request passes `router.rs` (which handler), `permission.rs` (who may), then one file per resource. The handlers
//! are translators: wishes go to the [`Store`](crate::store::Store) or to the
//! [`Directory`](crate::conference::Directory) of running conferences, which decide; refusals come back as problems
//! (RFC 9457, `problem.rs`). `web-admin/openapi.json` is written from this code by
//! `UPDATE_OPENAPI=1 cargo test -p plenary openapi`.

mod account;
mod attempts;
mod body;
mod caller;
mod calls;
mod conference;
mod console;
mod dialplan;
mod docs;
mod events;
#[cfg(test)]
mod fixture;
mod headers;
mod health;
mod later;
mod live;
mod openapi;
mod permission;
mod problem;
mod requests;
mod router;
mod serve;
mod server_info;
mod session;
mod state;
mod token;
mod trunk;

pub use openapi::openapi;
pub use problem::{Problem, ProblemType};
pub use serve::{ApiLimits, ApiServer, ApiSettings, ServeError};
pub use server_info::{ServerInfo, SipListener};
pub use state::{ApiState, Later, Registration, Registrations};
pub use token::Token;
