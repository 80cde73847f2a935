//! Audio codecs behind two traits, each at the sample rate it is made for.

pub mod amr;
mod conceal;
pub mod duration;
pub mod g711;
pub mod g722;
pub mod opus;
pub mod registry;
pub mod sample_rate;
mod traits;

pub use duration::payload_units;
pub use registry::{make_decoder, make_encoder, packet_time};
pub use sample_rate::SampleRate;
pub use traits::{CodecError, Decoder, Effort, Encoded, Encoder};
