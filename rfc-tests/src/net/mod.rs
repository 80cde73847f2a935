//! A simulated network, in which call flows are played as they are drawn.
//!
//! Phones are endpoints of ours, a conference is the real focus behind one, and strangers say whatever a figure makes
//! them say. The clock jumps from one event to the next; chance comes from a seed; every message is printed and read
//! again on its way, and kept.
//!
//! # Figures
//!
//! ```text
//! alice                     conf-7
//!   |----INVITE (offer)------>|
//!   |<---200 OK (answer)------|  Contact has isfocus
//!   |----ACK-------x          |  (it is lost)
//!   |<---200 OK (again)-------|  after 0.5 s
//!   |----ACK----------------->|
//!   |                         |  5 s pass
//!   |----BYE--->   <---BYE----|
//!   |<---200 OK (BYE)---------|
//!   |----200 OK (BYE)-------->|
//! ```
//!
//! The first line names the parties, a line without arrows shows no message. Whatever passes between the parties must
//! be drawn, in the order of its sending.
//!
//! | drawn | means |
//! |---|---|
//! | `---BYE--->`, `<---BYE---` | a message; a method, or a status with any reason |
//! | `---BYE---x`, `x---BYE---` | it is lost on its way |
//! | `---BYE--->  <---BYE---` | two that cross: each is sent before the other arrives |
//! | `(offer)`, `(answer)`, `(SDP)`, `(no SDP)` | with, without a session description |
//! | `(hold)`, `(resume)`, `(held)` | which holds, resumes, says that it is held |
//! | `(again)` | the very message that passed before |
//! | `(BYE)` | the response is to a BYE |
//! | `(*)` | REGISTER of all contacts |
//! | `Contact has isfocus` | somewhere in a value of that header |
//! | `Event: conference` | a value of that header is this; what a stranger sends gets it |
//! | `some Retry-After`, `no Contact` | there is such a header, there is none |
//! | `after 0.5 s`, `after 2.1 to 4 s` | the time since the message before |
//! | `at 32 s` | the time since the figure began |
//! | `5 s pass` beside an empty row | silence for that long |
//! | `5 s pass` beside a row of `:` | what passes meanwhile is not looked at |
//! | `(words)` to the right | for the reader |
//!
//! Remarks are parted by `; `. A message that has a time comes by itself. Any other comes by itself, or else because
//! the person at the phone does what makes the phone send it. Strangers send all that is drawn for them; notes for them
//! alone are `(other branch)`, `(fork 2)`, `(lower CSeq)`, `(unknown dialog)`, `(unusable offer)`.
//!
//! Where something else happens, the test fails with the ladder that did happen, the message at which the two part, and
//! the seed.

mod agent;
mod clock;
mod conference;
mod doorkeeper;
mod figure;
mod label;
pub mod ladder;
mod network;
mod party;
mod passage;
mod phone;
mod play;
mod registrar;
mod remark;
mod stranger;
mod weather;
mod wire;

pub use conference::Conference;
pub use network::Net;
pub use passage::Passage;
pub use phone::{CallState, Habit, OfferHabit, Phone, PhoneCall};
pub use registrar::Registrar;
pub use stranger::Stranger;
pub use weather::Weather;
