//! The engine: shards of rooms and legs, driven by commands, telling by events.
//!
//! ```text
//!  EngineHandle ──letters──▶ thread ──orders, packets, ticks──▶ Shard ──packets──▶ PacketIo
//!  MediaEvents  ◀──events, things to free──────────────────────┘
//! ```
//!
//! A shard is a thread and all it owns. In a packet or a tick it allocates nothing, locks nothing, logs nothing
//! and frees nothing. Its core knows neither sockets nor the clock, so a simulation drives it as well.

mod beat;
mod breaker;
mod bundled;
mod command;
mod counters;
mod desk;
mod early;
mod event;
mod guard;
mod handle;
mod hear;
mod io;
mod key_doubt;
mod latch;
mod leg;
mod load;
mod mailbox;
mod media_events;
mod mux;
mod path;
mod placement;
mod ports;
mod prepare;
mod prompt;
mod receive;
mod reports;
mod room;
mod send;
mod settings;
mod shard;
mod simulation;
mod solo;
mod streams;
mod table;
mod thread;
mod trunk;
mod voip_report;

pub use command::{Clip, Deaf, MediaCommand, Mute, Switch};
pub use counters::{CODECS, Counters, Refusal, ShardReading, TICK_BOUNDS, TickHistogram};
pub use event::{Breaker, Echo, LegStats, MediaEvent, SpeakerLevel};
pub use handle::{Engine, EngineHandle, OpenedLeg, PortUse};
pub use io::Channel;
pub use media_events::MediaEvents;
pub use settings::{EngineError, EngineSettings, MAX_SPEAKERS};
pub use simulation::{Sent, Simulation};
