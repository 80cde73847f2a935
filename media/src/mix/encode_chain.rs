//! From the mixer's frames to payloads of one codec and ptime: downsampler, gathering, encoder.
//!
//! All chains gather in step with the tick counter, so that a listener may pass from a shared chain to its own and back
//! without its timestamps or its packet boundaries moving.

use std::time::Duration;

use super::Frame;
use crate::codec::CodecError;
use crate::plan::{AudioCodec, OpusWishes};

/// One packet's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload<'a> {
    pub octets: &'a [u8],
    /// Of its first sample, in the codec's RTP clock units since tick 0: for [`RtpSender::timestamp`](crate::rtp::RtpSender::timestamp).
    pub position: u64,
}

#[derive(Debug)]
pub struct EncodeChain {}

impl EncodeChain {
    /// Allocates all that it ever needs. `ptime`: 10 to 60 ms in steps of 10.
    pub fn new(codec: AudioCodec, wishes: OpusWishes, ptime: Duration) -> Result<Self, CodecError> {
        let _ = (codec, wishes, ptime);
        unimplemented!()
    }

    /// Takes the frame of tick number `tick`. A tick left out starts the chain anew, in step.
    pub fn push(&mut self, frame: &Frame, tick: u64) {
        let _ = (frame, tick);
        unimplemented!()
    }

    /// Packets that the last push completed, in order: two for 10 ms, now and then one for 60 ms; none while the codec
    /// is silent (DTX).
    pub fn payloads(&self) -> impl Iterator<Item = Payload<'_>> {
        std::iter::empty()
    }
}
