//! Trunks: PBXs and carriers, how we stand with them, and what a call says that goes out or comes in through one.
//!
//! ```text
//!   store ──changed──▶ desk ──REGISTER, OPTIONS──▶ SIP endpoint
//!                       │ ◀────── responses ───────┘
//!                       ▼ Snapshot: who is up, where it registered
//!              calls, registrar's door, API
//! ```
//!
//! RFC 3261 §10.2 and §11 as a client, RFC 3608, RFC 3325, RFC 3398, RFC 3966, SIPconnect 2.0.
//! RFC 5922 §7.4: the certificate that a trunk shows is one of the marks by which it is known.
//! Left out: bulk registration (RFC 6140).

mod desk;
mod identify;
mod inbound;
mod live;
mod outbound;
mod q850;
mod reach;
mod registration;
mod state;

pub use desk::{Desk, ToDesk, Trunks};
pub use inbound::{called, caller, leads_to};
pub use live::{LiveTrunk, Snapshot};
pub use outbound::{Presented, TrunkLeg};
pub use q850::{cause_of_headers, cause_of_status, q850_of, reason_of_status, status_of_cause};
pub use state::{TrunkState, TrunkStatus};
