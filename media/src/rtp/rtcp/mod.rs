//! RTCP: sender and receiver reports, source description, goodbye (RFC 3550 §6), extended reports (RFC 3611).
//!
//! Others (feedback, APP) pass through [`Compound`] as [`RtcpPacket::Other`].

pub mod bye;
pub mod compound;
pub mod extended;
pub mod receiver_report;
pub mod sdes;
pub mod sender_report;
pub mod write;

pub use bye::Bye;
pub use compound::{Compound, RtcpError, RtcpPacket};
pub use extended::{Extended, ExtendedReport};
pub use receiver_report::{ReceiverReport, ReportBlock, ReportBlocks};
pub use sdes::Sdes;
pub use sender_report::{SenderInfo, SenderReport};
pub use write::{Report, write_bye, write_report};
