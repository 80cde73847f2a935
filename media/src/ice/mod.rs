//! ICE, lite: the answering half of connectivity checks (RFC 8445 §2.5), enough for a server with a reachable address.
//!
//! ```text
//!   full peer ──Binding request (ufrag, integrity)──▶ IceLite ──success, its address──▶ peer     the pair is valid
//!   full peer ──the same with USE-CANDIDATE─────────▶ IceLite                                    … and nominated
//! ```
//!
//! Pure and without allocation once made. Left out: checks of our own, gathering, TCP candidates, trickling.

mod lite;
mod stun;

pub use lite::{CheckFault, Checked, IceLite};
pub use stun::Reply;

/// Checks as a full agent sends them, for tests.
#[cfg(test)]
pub(crate) use stun::tests as checks;
