//! What one leg alone hears: the room less itself, a prompt, its echo, or nothing.

use crate::codec::CodecError;
use crate::mix::{EncodeChain, Frame, SILENCE, TICK};
use crate::plan::SendFormat;

#[derive(Debug)]
pub(super) struct Solo {
    chain: EncodeChain,
    /// The last tick that went into the chain.
    newest: Option<u64>,
    /// One packet of silence. Whoever hears nothing gets it over and over, which costs no encode.
    silence: Vec<u8>,
    /// Ticks of a packet, rounded up.
    ticks: u64,
}

impl Solo {
    pub fn new(format: &SendFormat) -> Result<Self, CodecError> {
        Ok(Self {
            chain: EncodeChain::new(format.codec, format.opus, format.ptime)?,
            newest: None,
            silence: encode_silence(format)?,
            ticks: format.ptime.as_nanos().div_ceil(TICK.as_nanos()) as u64,
        })
    }

    /// Encodes a tick of what this leg alone hears. When the leg comes from a shared chain, `before` gives what it
    /// heard in earlier ticks, so that this one starts warm and in step: 20 ms of it spare the click.
    pub fn encode<'f>(&mut self, frame: &Frame, tick: u64, before: impl Fn(u64) -> Option<&'f Frame>) -> &EncodeChain {
        if self.newest.is_none_or(|newest| newest + 1 != tick) {
            for earlier in tick.saturating_sub(self.ticks)..tick {
                if let Some(frame) = before(earlier) {
                    self.chain.push(frame, earlier);
                }
            }
        }
        self.newest = Some(tick);
        self.chain.push(frame, tick);
        &self.chain
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
