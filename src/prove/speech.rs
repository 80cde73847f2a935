//! What a leg says, encoded once and said over and over, so that sending costs the fleet next to nothing.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use plenary_media::codec::{Encoded, make_decoder, make_encoder};
use plenary_media::plan::{AudioCodec, OpusWishes};

use super::pace::FRAME;
use super::tone::{self, amplitude, marker_at};
use super::{
    load::{Load, MAX_TALKERS},
    marker,
};

/// Longest payload: G.722's and G.711's 160 octets; Opus at 32 kbit/s stays below.
const LONGEST: usize = 400;
/// Encoded before the loop that is kept, so that the codec has settled.
const SETTLING_LOOPS: usize = 2;

/// A second of payloads.
#[derive(Clone, Debug)]
pub struct Speech {
    pub payloads: Arc<[Box<[u8]>]>,
    /// The place of the payload with the marker, and where in it the marker's middle is heard by who decodes the loop.
    pub marker: Option<Marker>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Marker {
    pub place: usize,
    /// From the payload's first sample; a codec's own delay may put it behind the payload's end.
    pub middle: Duration,
}

/// What all legs say: a loop for each talker, one for who is silent. Talker 0 says the marker.
#[derive(Clone, Debug)]
pub struct Speeches {
    of_codecs: Vec<OfCodec>,
    load: Load,
}

#[derive(Clone, Debug)]
struct OfCodec {
    codec: AudioCodec,
    talkers: Vec<Speech>,
    silent: Speech,
}

impl Speeches {
    pub fn prepare(load: &Load) -> anyhow::Result<Self> {
        let of_codecs = load.codecs.iter().map(|codec| OfCodec::prepare(*codec, load.talkers));
        Ok(Self { of_codecs: of_codecs.collect::<anyhow::Result<_>>()?, load: *load })
    }

    /// The first legs of a conference are its talkers.
    pub fn of(&self, leg: usize) -> Speech {
        let (codec, place) = (self.load.codec_of(leg), self.load.place_of(leg));
        let prepared =
            self.of_codecs.iter().find(|of| of.codec == codec).expect("prepared for every codec of the load");
        match place < self.load.talkers {
            true => prepared.talkers[place % prepared.talkers.len()].clone(),
            false => prepared.silent.clone(),
        }
    }

    /// As talker 0 says it. None of mixed codecs: what each adds by itself is then no one figure.
    pub fn marker(&self) -> Option<Marker> {
        let [only] = &self.of_codecs[..] else { return None };
        only.talkers.first().and_then(|talker| talker.marker)
    }
}

impl OfCodec {
    fn prepare(codec: AudioCodec, talkers: usize) -> anyhow::Result<Self> {
        let rate = rate_of(codec)?;
        let talker = |talker| {
            let marked = talker == 0;
            let payloads = encode(codec, &tone::voice(talker, talkers, rate, marked))?;
            let marker = if marked { Some(locate(codec, talkers, &payloads, rate)?) } else { None };
            anyhow::Ok(Speech { payloads, marker })
        };
        let silent = Speech { payloads: encode(codec, &tone::line_noise(rate))?, marker: None };
        let talkers = (0..talkers.min(MAX_TALKERS)).map(talker).collect::<anyhow::Result<_>>()?;
        Ok(Self { codec, talkers, silent })
    }
}

/// Samples a second that the codec is fed with.
pub fn rate_of(codec: AudioCodec) -> anyhow::Result<u32> {
    Ok(make_decoder(codec)?.sample_rate().hz())
}

fn encode(codec: AudioCodec, pcm: &[i16]) -> anyhow::Result<Arc<[Box<[u8]>]>> {
    let mut encoder = make_encoder(codec, OpusWishes::default())?;
    let frame = encoder.sample_rate().samples(FRAME);
    let mut out = [0; LONGEST];
    let mut payloads = Vec::new();
    for turn in 0..=SETTLING_LOOPS {
        for samples in pcm.chunks_exact(frame) {
            let Encoded::Payload(len) = encoder.encode(samples, &mut out)? else { anyhow::bail!("an empty payload") };
            if turn == SETTLING_LOOPS {
                payloads.push(out[..len].into());
            }
        }
    }
    Ok(payloads.into())
}

/// Listens to one's own loop: the codec's delay of both directions is then no delay of the server's.
fn locate(codec: AudioCodec, talkers: usize, payloads: &[Box<[u8]>], rate: u32) -> anyhow::Result<Marker> {
    let mut decoder = make_decoder(codec)?;
    let frame = decoder.sample_rate().samples(FRAME);
    let mut heard = vec![0; frame * payloads.len() * 2];
    for (payload, samples) in payloads.iter().cycle().zip(heard.chunks_exact_mut(frame)) {
        decoder.decode(payload, samples)?;
    }
    let second = &heard[frame * payloads.len()..];
    let found = marker::find(second, rate, 0.3 * amplitude(talkers));
    let middle = *found.first().context("the codec swallows the marker")?;
    let place = (marker_at().as_micros() / FRAME.as_micros()) as usize;
    Ok(Marker { place, middle: middle.saturating_sub(FRAME * place as u32) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_a_second_and_its_marker_is_where_it_was_put() {
        const ALL: &[AudioCodec] = &AudioCodec::ALL;
        for codecs in ALL.chunks(1) {
            let (window, joins_per_second) = (Duration::ZERO, 1);
            let load = Load { parties: 3, conferences: 1, talkers: 2, codecs, srtp: false, window, joins_per_second };
            let speeches = Speeches::prepare(&load).expect("encodes");
            assert_eq!(speeches.of(1).payloads.len(), 50);
            assert_eq!(speeches.of(1).marker, None);
            let marker = speeches.marker().expect("talker 0 says it");
            assert_eq!(marker.place, 25);
            let delay = marker.middle.saturating_sub(Duration::from_millis(10));
            assert!(delay < Duration::from_millis(8), "{codecs:?}: {delay:?}");
        }
    }
}
