//! A datagram of RTCP: every part, every report and every block of the extended ones in it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plenary_media::rtp::rtcp::extended::Block;
use plenary_media::rtp::rtcp::{Compound, RtcpPacket};

fuzz_target!(|octets: &[u8]| {
    let Ok(compound) = Compound::parse(octets) else { return };
    for packet in compound.packets() {
        match packet {
            RtcpPacket::SenderReport(report) => assert!(report.blocks.iter().count() <= 31),
            RtcpPacket::ReceiverReport(report) => assert!(report.blocks.iter().count() <= 31),
            RtcpPacket::Sdes(sdes) => {
                let _ = sdes.cname(plenary_media::rtp::Ssrc(1));
            }
            RtcpPacket::ExtendedReport(report) => {
                assert!(report.blocks().count() <= octets.len() / 4);
                for block in report.blocks() {
                    if let Block::DelaysSince(delays) = block {
                        assert!(delays.iter().count() <= octets.len() / 12);
                    }
                }
            }
            RtcpPacket::Bye(bye) => assert!(bye.sources().count() <= 31),
            RtcpPacket::Other { body, .. } => assert!(body.len() <= octets.len()),
        }
    }
});
