//! `plenary prove`: a synthetic fleet that loads a server over real sockets, and says what the server made of it.
//!
//! ```text
//!   this process                                            child process (or --target)
//!   phone ── INVITE, REGISTER, BYE over UDP or TLS ───────▶ plenary serve
//!   fleet ── a socket a leg, 50 packets/s, own tones ─────▶   │
//!         ◀─ what the others say ──────────────────────────── │
//!   child ── CPU and memory from /proc, its /metrics ◀─────── │
//! ```
//!
//! The server is a process of its own, so that its CPU and memory are measured from outside and the fleet's are not
//! among them. Every leg keeps what it heard last; afterwards all of it is decoded and searched for the talkers' tones:
//! all of them must be there, one's own must not.
//!
//! | file | holds |
//! |---|---|
//! | `run`, `table` | one conference; the table of `make bench` |
//! | `phone`, `joining` | the user agent of all legs; how everybody joins |
//! | `signalling` | calls and registrations a second, of our server and of others |
//! | `fleet`, `pace`, `stream`, `outgoing`, `incoming` | RTP of all legs |
//! | `tone`, `speech`, `ear`, `marker`, `judge` | what is said, what is heard, whether it is right |
//! | `child`, `usage`, `machine`, `http` | the server under load and its figures |
//! | `report`, `markdown`, `spread` | what is told |
//!
//! Left out: loss and jitter of the network, RTCP of the fleet's own, video.

mod child;
mod ear;
mod fleet;
mod http;
mod incoming;
mod joining;
mod judge;
mod load;
mod machine;
mod markdown;
mod marker;
mod outgoing;
mod pace;
mod phone;
mod report;
mod run;
mod signalling;
mod speech;
mod spread;
mod stream;
mod table;
mod tone;
mod usage;

pub use load::{Load, MAX_TALKERS, MIXED, Target};
pub use report::Report;
pub use run::run;
pub use signalling::{Beside, Churn, Comparison, Plan, churn_of_own, compare};
pub use table::{CHURN_PER_SECOND, SETTLED, Table, table};
