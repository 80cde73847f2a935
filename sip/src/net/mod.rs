//! The tokio shell: listeners, connections, name resolution, and the loop around the endpoint.
//!
//! ```text
//!   udp ───┐                        ┌─────────────┐  Received    ┌────────┐  Event    ┌──────┐
//!   tcp ───┼─ door ─▶ inbox ──────▶ │     Net     │ ───────────▶ │ driver │ ────────▶ │ user │
//!   tls ───┘  (a task each)         │ flows, RFC  │ ◀─────────── │  loop  │ ◀──────── │      │
//!   connections ◀── bounded queue ──│ 3261 §18    │  send()      └────────┘  Command  └──────┘
//!                                   └─────────────┘
//! ```
//!
//! One task owns the flows and the endpoint; listeners and connections are tasks that only read, parse and write.
//! WebSockets are accepted by the HTTP server and come in by the [`Gate`]. Left out: compression, SCTP.

mod connection;
mod counters;
mod dns;
mod door;
mod driver;
mod error;
mod event;
mod flow_table;
mod gate;
mod lean;
mod proofs;
mod resolve;
mod route;
mod sending;
mod settings;
mod signs;
mod silence;
mod tap;
mod tcp;
mod tls;
mod transport_layer;
mod udp;

pub use counters::{CounterSnapshot, Counters};
pub use driver::{EndpointHandle, MailboxFull, RunningEndpoint, spawn_endpoint};
pub use error::{NetError, SendError};
pub use event::{NetEvent, Received};
pub use gate::{Gate, GateFlow, Heard};
pub use settings::{NetSettings, NetTiming};
pub use silence::Silence;
pub use tap::{Direction, Seen, Tap, Watch};
pub use tls::{
    AskClients, DomainIdentities, Judge, TlsConfigs, TlsError, VerifyServer, client_judging_by, server_config,
};
pub use transport_layer::{Listening, Net};
