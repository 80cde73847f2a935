//! What one leg alone hears: the room less itself, a prompt, its echo, or nothing.

use crate::codec::amr::Mode;
use crate::codec::{CodecError, Effort};
use crate::mix::{EncodeChain, Frame, SILENCE};
use crate::plan::SendFormat;

#[derive(Debug)]
pub(super) struct Solo {
    chain: EncodeChain,
    /// One packet of silence. Whoever hears nothing gets it over and over, which costs no encode.
    silence: Vec<u8>,
}

impl Solo {
    pub fn new(format: &SendFormat) -> Result<Self, CodecError> {
        Ok(Self { chain: EncodeChain::new(format.codec, format.opus, format.ptime)?, silence: encode_silence(format)? })
    }

    /// Encodes a tick of what this leg alone hears. `heard`: what it heard before, where it comes from a shared chain.
    pub fn encode<'f>(
        &mut self,
        frame: &Frame,
        tick: u64,
        effort: Effort,
        heard: impl Fn(u64) -> Option<&'f Frame>,
    ) -> &EncodeChain {
        self.chain.set_effort(effort);
        self.chain.push_after(frame, tick, heard);
        &self.chain
    }

    /// The peer asks for a mode of its codec, or for none any more.
    pub fn handle_mode_request(&mut self, request: Option<Mode>) {
        self.chain.handle_mode_request(request);
    }

    pub fn silence(&self) -> &[u8] {
        &self.silence
    }
}

/// The last packet of a quarter second of silence, when an encoder has settled; with DTX the last that it gave.
fn encode_silence(format: &SendFormat) -> Result<Vec<u8>, CodecError> {
    let mut chain = EncodeChain::new(format.codec, format.opus, format.ptime)?;
    let mut silence = Vec::new();
    for tick in 0..12 {
        chain.push(&SILENCE, tick);
        if let Some(payload) = chain.payloads().last() {
            silence = payload.octets.to_vec();
        }
    }
    Ok(silence)
}
