//! A stream of telephone events: two octets of sequence number, two of timestamp, four of event, again and again.

#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use plenary_media::dtmf::{Event, KeyReceiver};
use plenary_media::rtp::{RtpHeader, RtpTimestamp, SequenceNumber, Ssrc};

fuzz_target!(|octets: &[u8]| {
    let mut receiver = KeyReceiver::default();
    let mut now = Instant::now();
    let (steps, rest) = octets.as_chunks::<8>();
    for [high, low, time_high, time_low, event @ ..] in steps {
        let header = RtpHeader {
            marker: high & 1 == 1,
            payload_type: 101,
            sequence: SequenceNumber(u16::from_be_bytes([*high, *low])),
            timestamp: RtpTimestamp(u32::from(u16::from_be_bytes([*time_high, *time_low])) << 16),
            ssrc: Ssrc(7),
        };
        let press = receiver.handle_packet(&header, event, 8000, now);
        assert!(press.is_none_or(|press| "0123456789*#ABCD".contains(press.key)));
        now += Duration::from_millis(20);
        let _ = receiver.handle_timeout(now);
    }
    let _ = Event::parse(rest);
});
