//! ICE over UDP with one address of ours (RFC 8445): lite for a server that everybody reaches, full for others.
//!
//! ```text
//!   full peer ──Binding request (ufrag, integrity)──▶ IceLite ──success, its address──▶ peer     the pair is valid
//!   full peer ──the same with USE-CANDIDATE─────────▶ IceLite                                    … and nominated
//!   any peer  ◀──Binding request───────────────────── IceFull ◀─success──────────────── peer     the same from our side
//! ```
//!
//! Pure and without allocation once made. Left out: gathering beyond the own address, TCP candidates, trickling.

mod agent;
mod checked;
mod full;
mod lite;
#[cfg(feature = "engine")]
mod shared;
mod stun;
mod valid_pairs;

pub use agent::IceAgent;
pub use checked::{CheckFault, Checked};
pub use full::IceFull;
pub use lite::IceLite;
#[cfg(feature = "engine")]
pub(crate) use shared::{Addressed, Addressee, Asker, Fragment, Knowledge};
pub use stun::{Check, Reply};

/// Checks as a full agent sends them, for tests.
#[cfg(all(test, feature = "engine"))]
pub(crate) use stun::tests as checks;
