//! Types of values, each with the text it is written as.

mod byte_size;
pub(crate) mod duration;
pub(crate) mod listeners;
pub(crate) mod port_range;
mod secret;

pub use byte_size::ByteSize;
pub use secret::{DatabaseUrl, Secret};
