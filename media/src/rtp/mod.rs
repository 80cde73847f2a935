//! The Real-time Transport Protocol: packets, the numbers in them, and what a receiver and a sender keep of a stream.
//!
//! RFC 3550 (RTP, RTCP), RFC 3551 (audio profile), RFC 8285 (header extensions, read only).

pub mod bursts;
pub mod packet;
pub mod rtcp;
pub mod schedule;
pub mod sender;
pub mod sequence;
pub mod source;
pub mod ssrc;
pub mod timestamp;

pub use bursts::{BurstMetrics, Bursts};
pub use packet::{Extension, RtpError, RtpHeader, RtpPacket};
pub use schedule::RtcpSchedule;
pub use sender::RtpSender;
pub use sequence::{SequenceExtender, SequenceNumber};
pub use source::{RtpSource, Validity};
pub use ssrc::Ssrc;
pub use timestamp::{NtpTime, RtpTimestamp};
