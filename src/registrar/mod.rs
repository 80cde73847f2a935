//! The registrar and location service: where the phones of an account are reached.
//!
//! RFC 3261 §10 with RFC 3327 (Path), RFC 3608 (Service-Route), RFC 5626 (outbound, the server's side), RFC 5627
//! (GRUU) and RFC 8760 (digest).
//!
//! ```text
//!   REGISTER ──▶ credentials ──▶ register ──▶ bindings ──▶ store ──▶ 200
//!                 who is it?     read, check   §10.3        durable
//!   calls ───────────────────── targets ────────▲
//! ```
//!
//! Left out: registrations by third parties. How long a silent flow lives (Flow-Timer, RFC 5626 §4.4) is the transport's
//! affair, and its end is told here.

mod binding;
mod bindings;
mod credentials;
mod gruu;
mod handle;
mod index;
mod key_file;
#[cfg(test)]
mod many;
mod moved;
mod patience;
pub mod register;
mod task;

pub use binding::{Binding, Registration, Target};
pub use bindings::{Bindings, Limits, Refusal, Wish};
pub use credentials::{Authenticator, Refused};
pub use gruu::{GruuError, Gruus};
pub use handle::{RegistrarError, RegistrarHandle, RegistrarSettings};
pub use key_file::load_or_make as load_or_make_secret;
pub use moved::MovedFlow;
pub use patience::{Patience, Verdict};
pub use register::Reply;
