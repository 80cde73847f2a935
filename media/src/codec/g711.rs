//! G.711: logarithmic PCM of 8 bits at 8 kHz, µ-law and A-law (ITU-T G.711; RFC 3551 §4.5.14).

use super::conceal::Concealer;
use super::{CodecError, Decoder, Encoded, Encoder, SampleRate};

/// Which of the two laws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    Mu,
    A,
}

impl Law {
    fn name(self) -> &'static str {
        match self {
            Self::Mu => "pcmu",
            Self::A => "pcma",
        }
    }

    /// What each octet means.
    pub fn samples(self) -> &'static [i16; 256] {
        match self {
            Self::Mu => &MU_SAMPLES,
            Self::A => &A_SAMPLES,
        }
    }

    /// The octet of a sample.
    pub fn octet(self, sample: i16) -> u8 {
        match self {
            Self::Mu => mu_octet(sample),
            Self::A => a_octet(sample),
        }
    }
}

/// Added before µ-law's segments are found, so that each segment starts at a power of two.
const MU_BIAS: u16 = 0x84;
const MU_CLIP: u16 = 32_635;

static MU_SAMPLES: [i16; 256] = table(Law::Mu);
static A_SAMPLES: [i16; 256] = table(Law::A);

const fn table(law: Law) -> [i16; 256] {
    let mut samples = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        samples[octet] = match law {
            Law::Mu => mu_sample(octet as u8),
            Law::A => a_sample(octet as u8),
        };
        octet += 1;
    }
    samples
}

/// Sent inverted: sign, segment 3 bits, place in it 4 bits.
const fn mu_sample(octet: u8) -> i16 {
    let octet = !octet;
    let (segment, place) = ((octet >> 4) & 7, (octet & 0x0f) as i16);
    let magnitude = (((place << 3) + MU_BIAS as i16) << segment) - MU_BIAS as i16;
    if octet & 0x80 != 0 { -magnitude } else { magnitude }
}

fn mu_octet(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = sample.unsigned_abs().min(MU_CLIP) + MU_BIAS;
    let segment = 8 - magnitude.leading_zeros(); // the bias sets bit 7 or higher
    let place = (magnitude >> (segment + 3)) & 0x0f;
    !(sign | (segment << 4) as u8 | place as u8)
}

/// Sent with every other bit inverted: sign (set: positive), segment, place.
const fn a_sample(octet: u8) -> i16 {
    let octet = octet ^ 0x55;
    let (segment, place) = ((octet >> 4) & 7, (octet & 0x0f) as i16);
    let magnitude = if segment == 0 { (place << 4) + 8 } else { ((place << 4) + 0x108) << (segment - 1) };
    if octet & 0x80 != 0 { magnitude } else { -magnitude }
}

fn a_octet(sample: i16) -> u8 {
    // Negative samples are held as −1 − n, so that −1 falls into the first step below zero.
    let (sign, magnitude) = if sample < 0 { (0, !sample) } else { (0x80, sample) };
    let magnitude = magnitude.cast_unsigned();
    let segment = 8_u32.saturating_sub(magnitude.leading_zeros());
    let place = (magnitude >> (segment.max(1) + 3)) & 0x0f;
    (sign | (segment << 4) as u8 | place as u8) ^ 0x55
}

#[derive(Debug)]
pub struct G711Encoder {
    law: Law,
}

impl G711Encoder {
    pub fn new(law: Law) -> Self {
        Self { law }
    }
}

impl Encoder for G711Encoder {
    fn sample_rate(&self) -> SampleRate {
        SampleRate::Hz8000
    }

    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<Encoded, CodecError> {
        let (codec, needed, len) = (self.law.name(), pcm.len(), out.len());
        let out = out.get_mut(..needed).ok_or(CodecError::BufferFull { codec, needed, len })?;
        match self.law {
            Law::Mu => out.iter_mut().zip(pcm).for_each(|(octet, &sample)| *octet = mu_octet(sample)),
            Law::A => out.iter_mut().zip(pcm).for_each(|(octet, &sample)| *octet = a_octet(sample)),
        }
        Ok(Encoded::Payload(needed))
    }
}

#[derive(Debug)]
pub struct G711Decoder {
    law: Law,
    concealer: Concealer,
}

impl G711Decoder {
    pub fn new(law: Law) -> Self {
        Self { law, concealer: Concealer::new(SampleRate::Hz8000) }
    }
}

impl Decoder for G711Decoder {
    fn sample_rate(&self) -> SampleRate {
        SampleRate::Hz8000
    }

    fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        let (codec, needed, len) = (self.law.name(), payload.len(), out.len());
        let out = out.get_mut(..needed).ok_or(CodecError::BufferFull { codec, needed, len })?;
        let samples = self.law.samples();
        out.iter_mut().zip(payload).for_each(|(sample, &octet)| *sample = samples[usize::from(octet)]);
        self.concealer.handle_heard(out);
        Ok(needed)
    }

    fn conceal(&mut self, out: &mut [i16]) {
        self.concealer.conceal(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Corners of ITU-T G.711 tables 1a to 2b.
    #[test]
    fn the_tables_corners_stand() {
        let mu = Law::Mu.samples();
        assert_eq!((mu[0xff], mu[0x7f], mu[0x80], mu[0x00]), (0, 0, 32_124, -32_124));
        assert_eq!((mu[0xfe], mu[0xef], mu[0x8f]), (8, 132, 16_764));
        let a = Law::A.samples();
        assert_eq!((a[0xd5], a[0x55], a[0xaa], a[0x2a]), (8, -8, 32_256, -32_256));
        assert_eq!((a[0xd4], a[0xc5], a[0xa5]), (24, 264, 16_896));
    }

    #[test]
    fn every_octet_is_read_and_written_back() {
        for law in [Law::Mu, Law::A] {
            for octet in 0..=255 {
                let again = law.octet(law.samples()[usize::from(octet)]);
                // µ-law has two zeros; the positive one is written.
                let expected = if (law, octet) == (Law::Mu, 0x7f) { 0xff } else { octet };
                assert_eq!(again, expected, "{law:?}");
            }
        }
    }

    #[test]
    fn every_sample_is_off_by_half_a_step_at_most() {
        for law in [Law::Mu, Law::A] {
            for sample in i16::MIN..=i16::MAX {
                let read = law.samples()[usize::from(law.octet(sample))];
                let off = (i32::from(read) - i32::from(sample)).abs();
                let step = 16 + i32::from(sample).abs() / 16;
                assert!(off <= step / 2 + 8 || sample.unsigned_abs() > 32_000, "{law:?} {sample} read as {read}");
            }
        }
    }

    #[test]
    fn a_larger_sample_is_never_read_smaller() {
        for law in [Law::Mu, Law::A] {
            let read = |sample: i16| law.samples()[usize::from(law.octet(sample))];
            assert!((i16::MIN..i16::MAX).all(|sample| read(sample) <= read(sample + 1)), "{law:?}");
        }
    }

    #[test]
    fn a_small_buffer_is_told_what_is_needed() {
        let fault = CodecError::BufferFull { codec: "pcma", needed: 160, len: 80 };
        assert_eq!(G711Encoder::new(Law::A).encode(&[0; 160], &mut [0; 80]), Err(fault));
        assert_eq!(G711Decoder::new(Law::A).decode(&[0; 160], &mut [0; 80]), Err(fault));
    }
}
