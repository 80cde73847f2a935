//! From packets to what everybody hears: all at 48 kHz, in ticks of 20 ms.
//!
//! ```text
//!  packet ─▶ Playout (jitter ─▶ decoder ─▶ resampler) ─frame─▶ Sum ─limit(S − own)─▶ EncodeChain ─▶ payload
//!               └─level─▶ Speakers ─▶ who is decoded and summed        shared by EncodeKey
//! ```

pub mod auto_gain;
pub mod echo;
pub mod encode_chain;
pub mod frame;
pub mod gain;
pub mod groups;
pub mod jitter;
pub mod level;
pub mod limit;
pub mod noise;
pub mod playout;
pub mod resample;
pub mod speakers;
pub mod stretch;
pub mod sum;
pub mod told_level;

pub use auto_gain::AutoGain;
pub use echo::{Echo, EchoWatch};
pub use encode_chain::{EncodeChain, Payload};
pub use frame::{FRAME_SAMPLES, Frame, SILENCE, TICK};
pub use gain::Gain;
pub use groups::{EncodeKey, Groups, MixKey};
pub use jitter::{Inserted, JitterBuffer, JitterStats, Step};
pub use level::{LevelEstimator, level_dbov};
pub use limit::Limiter;
pub use noise::NoiseSuppressor;
pub use playout::{Playout, Sound};
pub use resample::Resampler;
pub use speakers::{Guest, SpeakerLevel, Speakers};
pub use stretch::Stretcher;
pub use sum::Sum;
pub use told_level::ToldLevel;
