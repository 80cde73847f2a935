//! From a negotiated codec to what encodes and decodes it.

use std::time::Duration;

use super::{CodecError, Decoder, Encoder};
use crate::plan::{AudioCodec, OpusWishes};

/// Makes an encoder for packets of `ptime`. Allocates; not for the packet path.
pub fn make_encoder(codec: AudioCodec, wishes: OpusWishes, ptime: Duration) -> Result<Box<dyn Encoder>, CodecError> {
    let _ = (codec, wishes, ptime);
    unimplemented!()
}

/// Makes a decoder. Allocates; not for the packet path.
pub fn make_decoder(codec: AudioCodec) -> Result<Box<dyn Decoder>, CodecError> {
    let _ = codec;
    unimplemented!()
}
