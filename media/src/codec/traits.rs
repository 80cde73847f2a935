//! What a codec does, and how it fails.

use std::fmt::Debug;

use super::SampleRate;
use super::amr::Mode;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    #[error("{codec} takes no frame of {samples} samples")]
    FrameSize { codec: &'static str, samples: usize },
    #[error("{codec} payload of {len} octets is not readable")]
    Payload { codec: &'static str, len: usize },
    #[error("{codec} needs room for {needed}, the buffer has {len}")]
    BufferFull { codec: &'static str, needed: usize, len: usize },
    #[error("{codec} cannot be set up: {reason}")]
    Setup { codec: &'static str, reason: &'static str },
}

/// What came of encoding a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoded {
    /// So many octets to send.
    Payload(usize),
    /// Nothing to send: the codec transmits discontinuously (DTX).
    Nothing,
}

/// How hard an encoder searches for what to leave out: less costs less time, and sounds a little worse at the same rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    Least,
    Little,
    Fair,
    #[default]
    Full,
}

impl Effort {
    pub fn less(self) -> Self {
        match self {
            Self::Full => Self::Fair,
            Self::Fair => Self::Little,
            Self::Little | Self::Least => Self::Least,
        }
    }

    pub fn more(self) -> Self {
        match self {
            Self::Least => Self::Little,
            Self::Little => Self::Fair,
            Self::Fair | Self::Full => Self::Full,
        }
    }
}

/// Mono i16 to payloads, one packet a call.
pub trait Encoder: Debug + Send {
    fn sample_rate(&self) -> SampleRate;

    /// Encodes one packet's samples.
    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<Encoded, CodecError>;

    /// The peer asks for a mode (RFC 4867 §4.3.1), or with `None` for no mode any more. Codecs without modes do not care.
    fn handle_mode_request(&mut self, request: Option<Mode>) {
        let _ = request;
    }

    /// From the next packet on. Codecs that always do the same do not care.
    fn set_effort(&mut self, effort: Effort) {
        let _ = effort;
    }
}

/// Payloads to mono i16.
pub trait Decoder: Debug + Send {
    fn sample_rate(&self) -> SampleRate;

    /// Decodes one packet. Returns how many samples were written.
    fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError>;

    /// Fills `out` in place of what was lost, fading out when the loss lasts.
    fn conceal(&mut self, out: &mut [i16]);

    /// Fills `out` from the redundancy that the packet after the lost one carries, else as [`conceal`](Self::conceal).
    fn recover(&mut self, following: &[u8], out: &mut [i16]) {
        let _ = following;
        self.conceal(out);
    }
}
