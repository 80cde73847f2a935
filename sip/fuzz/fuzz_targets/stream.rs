//! A TCP stream, cut where its first octet says: the same messages come out as from one piece.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plenary_sip::message::{Framed, Limits, StreamFramer, parse_datagram};

fuzz_target!(|octets: &[u8]| {
    let Some((cut, octets)) = octets.split_first() else { return };
    let whole = framed(&[octets]);
    let pieces: Vec<&[u8]> = octets.chunks(usize::from(*cut).max(1)).collect();
    assert_eq!(framed(&pieces), whole);
});

/// Every frame, and at its end whether the stream broke.
fn framed(pieces: &[&[u8]]) -> (Vec<Framed>, bool) {
    let mut framer = StreamFramer::new(Limits::default());
    let (mut frames, mut broken) = (Vec::new(), false);
    for piece in pieces {
        framer.push(piece);
        for frame in framer.by_ref() {
            match frame {
                Ok(frame) => frames.push(frame),
                Err(_) => broken = true,
            }
        }
    }
    for frame in &frames {
        if let Framed::Message(octets) = frame {
            let _ = parse_datagram(octets, &Limits::default());
        }
    }
    (frames, broken)
}
