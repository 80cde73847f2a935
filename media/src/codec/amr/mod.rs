//! AMR-WB (ITU-T G.722.2, 3GPP TS 26.171): wideband speech of mobile networks, 6.6 to 23.85 kbit/s.
//!
//! The payload format (RFC 4867), the choice of mode and the parameters of a stream are always here; coder and decoder
//! come with the feature `amr-wb` from two libraries of the system.
//! Left out: interleaving, CRC, robust sorting and several channels, whose formats are not agreed to; AMR narrowband.

mod control;
#[cfg(feature = "amr-wb")]
mod ffi;
mod format;
mod frame;
mod payload;
#[cfg(feature = "amr-wb")]
mod wideband;

pub use control::ModeControl;
pub use format::{AmrFormat, Layout};
pub use frame::{FRAME_SAMPLES, FrameType, Mode, ModeSet};
pub use payload::{NO_REQUEST, Payload, PayloadError, StoredFrame, write};
#[cfg(feature = "amr-wb")]
pub use wideband::{AmrWbDecoder, AmrWbEncoder};
