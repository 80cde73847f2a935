//! RTP as it stands in RFC 3550 §5.1, written and read for tests.

/// Whatever is set is written, also what no sane sender would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawRtp {
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub csrcs: Vec<u32>,
    /// Profile and content, of whole words.
    pub extension: Option<(u16, Vec<u8>)>,
    pub payload: Vec<u8>,
}

impl RawRtp {
    pub fn octets(&self) -> Vec<u8> {
        let first = 0x80 | u8::from(self.extension.is_some()) << 4 | self.csrcs.len() as u8;
        let mut octets = vec![first, u8::from(self.marker) << 7 | self.payload_type];
        octets.extend(self.sequence.to_be_bytes());
        octets.extend(self.timestamp.to_be_bytes());
        octets.extend(self.ssrc.to_be_bytes());
        self.csrcs.iter().for_each(|csrc| octets.extend(csrc.to_be_bytes()));
        if let Some((profile, content)) = &self.extension {
            octets.extend(profile.to_be_bytes());
            octets.extend(((content.len() / 4) as u16).to_be_bytes());
            octets.extend(content);
        }
        octets.extend(&self.payload);
        octets
    }

    pub fn read(octets: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_be_bytes(octets.get(at..at + 4)?.try_into().ok()?));
        let (first, second) = (*octets.first()?, *octets.get(1)?);
        if first >> 6 != 2 {
            return None;
        }
        let csrcs: Vec<u32> = (0..usize::from(first & 15)).map(|n| word(12 + 4 * n)).collect::<Option<_>>()?;
        let mut at = 12 + 4 * csrcs.len();
        let mut extension = None;
        if first & 0x10 != 0 {
            let header = word(at)?;
            let len = 4 * (header & 0xffff) as usize;
            extension = Some(((header >> 16) as u16, octets.get(at + 4..at + 4 + len)?.to_vec()));
            at += 4 + len;
        }
        Some(Self {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            sequence: (word(0)? & 0xffff) as u16,
            timestamp: word(4)?,
            ssrc: word(8)?,
            csrcs,
            extension,
            payload: octets.get(at..)?.to_vec(),
        })
    }
}
