//! Each length that a binary packet names, one too short, one too long, nothing, and the most: read or refused, and never
//! beyond the packet.

use std::net::SocketAddr;

use plenary_media::dtmf::Event;
use plenary_media::ice::IceLite;
use plenary_media::plan::{IceCredentials, IcePlan};
use plenary_media::rtp::rtcp::{Compound, RtcpPacket};
use plenary_media::rtp::{RtpPacket, Ssrc};
use plenary_sip::stun;
use rfc_tests::coverage::covers;

/// The packet with each octet, and each pair of octets, in the place of a length.
fn mutants(packet: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![packet.to_vec()];
    for at in 0..packet.len() {
        let octet = packet[at];
        for value in [octet.wrapping_sub(1), octet.wrapping_add(1), 0, u8::MAX] {
            let mut mutant = packet.to_vec();
            mutant[at] = value;
            all.push(mutant);
        }
        let Some(pair) = packet.get(at..at + 2) else { continue };
        let length = u16::from_be_bytes([pair[0], pair[1]]);
        for value in [length.wrapping_sub(1), length.wrapping_add(1), 0, u16::MAX, u16::MAX - 3] {
            let mut mutant = packet.to_vec();
            mutant[at..at + 2].copy_from_slice(&value.to_be_bytes());
            all.push(mutant);
        }
    }
    // And each of them cut off anywhere.
    let cut = all.iter().flat_map(|mutant| (0..mutant.len()).map(move |length| mutant[..length].to_vec()));
    let cut: Vec<_> = cut.collect();
    all.extend(cut);
    all
}

#[test]
fn no_length_leads_beyond_its_packet() {
    let _claim = covers(["S-30"]).but("BFCP and MSRP are not spoken here");
    let from: SocketAddr = "192.0.2.1:5060".parse().expect("an address");

    // RTP: two contributing sources, an extension of two words with three elements, padding.
    let mut rtp = vec![0xb2, 0x80, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 9];
    rtp.extend([0xbe, 0xde, 0, 2, 0x10, 0x55, 0x21, 1, 2, 0x30, 9, 0]);
    rtp.extend([1, 2, 3, 4, 5, 0, 0, 3]);
    let mut read = 0;
    for packet in mutants(&rtp) {
        let Ok(parsed) = RtpPacket::parse(&packet) else { continue };
        read += 1;
        assert!(parsed.payload.len() <= packet.len() && parsed.csrcs().count() <= 15);
        let elements = (0..=u8::MAX).filter_map(|id| parsed.extension.as_ref().and_then(|found| found.element(id)));
        assert!(elements.map(<[u8]>::len).sum::<usize>() <= packet.len());
    }
    assert!(read > 100, "{read} packets are readable all the same");

    // RTCP: a sender report with a block, SDES with two items, BYE with a reason.
    let mut rtcp = vec![0x81, 200, 0, 12, 0, 0, 0, 7];
    rtcp.extend([0; 20]);
    rtcp.extend([0, 0, 0, 8, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    rtcp.extend([0x81, 202, 0, 3, 0, 0, 0, 7, 1, 1, b'a', 2, 1, b'b', 0, 0]);
    rtcp.extend([0x80, 207, 0, 4, 0, 0, 0, 7, 4, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
    rtcp.extend([0x81, 203, 0, 2, 0, 0, 0, 7, 3, b'b', b'y', b'e']);
    let mut read = 0;
    for packet in mutants(&rtcp) {
        let Ok(compound) = Compound::parse(&packet) else { continue };
        read += 1;
        for part in compound.packets() {
            match part {
                RtcpPacket::SenderReport(report) => assert!(report.blocks.iter().count() <= 31),
                RtcpPacket::ReceiverReport(report) => assert!(report.blocks.iter().count() <= 31),
                RtcpPacket::Sdes(sdes) => assert!(sdes.cname(Ssrc(7)).is_none_or(|cname| cname.len() <= packet.len())),
                RtcpPacket::Bye(bye) => assert!(bye.sources().count() <= 31),
                RtcpPacket::ExtendedReport(report) => assert!(report.blocks().count() <= packet.len() / 4),
                RtcpPacket::Other { body, .. } => assert!(body.len() <= packet.len()),
            }
        }
    }
    assert!(read > 100, "{read} packets are readable all the same");

    // STUN: a check of ICE with USERNAME, PRIORITY, MESSAGE-INTEGRITY and FINGERPRINT; none of its mutants proves anything.
    let credentials = |ufrag: &str| IceCredentials { ufrag: ufrag.into(), pwd: "a-password-of-22-octets".into() };
    let mut ice = IceLite::new(&IcePlan::lite(credentials("us"), credentials("them")));
    let mut check = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    check.extend([7; 12]);
    check.extend([0, 6, 0, 7]);
    check.extend(b"us:them\0");
    check.extend([0, 0x24, 0, 4, 1, 2, 3, 4, 0, 8, 0, 20]);
    check.extend([0; 20]);
    check.extend([0x80, 0x28, 0, 4, 0, 0, 0, 0]);
    let length = u16::try_from(check.len() - 20).expect("short");
    check[2..4].copy_from_slice(&length.to_be_bytes());
    for packet in mutants(&check) {
        let _ = ice.handle_datagram(&packet, from);
        assert_eq!(ice.peer(), None);
        // At the SIP port, a keep-alive.
        assert!(stun::answer(&packet, from).is_none_or(|answer| answer.len() <= 44));
    }

    for packet in mutants(&[5, 0x8a, 0x03, 0x20]) {
        let _ = Event::parse(&packet);
    }
}
