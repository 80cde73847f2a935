//! What both sides tell each other of their streams: extended reports (RFC 3611), circuit breakers (RFC 8083).
#![cfg(feature = "engine")]

mod phones;

use std::time::Duration;

use phones::Model;
use phones::party::Party;
use phones::tone::TONES_HZ;
use plenary_media::engine::{Breaker, Channel, LegStats, MediaEvent};
use plenary_media::plan::{Direction, ExtendedReports};
use plenary_media::rtp::rtcp::extended::{Block, DelaySince, VoipMetrics};
use plenary_media::rtp::rtcp::{Compound, Extended, Report, ReportBlock, RtcpPacket, write_report};
use plenary_media::rtp::{NtpTime, Ssrc};

const SECOND: Duration = Duration::from_secs(1);
const ALL: ExtendedReports = ExtendedReports { round_trip: true, statistics: true, voip_metrics: true };

fn stats(party: &Party, phone: usize) -> LegStats {
    let leg = party.leg(phone);
    let stats = party.events.iter().rev().find_map(|event| match event {
        MediaEvent::Stats { leg: of, stats } if *of == leg => Some(**stats),
        _ => None,
    });
    stats.expect("told every five seconds")
}

/// The server's SSRC on this leg.
fn server(party: &Party, phone: usize) -> Ssrc {
    party.phones[phone].packets.last().expect("sound").header.ssrc
}

/// The phone reports this.
fn report(party: &mut Party, phone: usize, blocks: &[ReportBlock], extended: Extended) {
    let (leg, from, ssrc) = {
        let phone = &party.phones[phone];
        (phone.leg, phone.rtcp_address, phone.sender.ssrc())
    };
    let mut out = [0; 256];
    let report = Report { ssrc, sender: None, blocks, cname: "phone", extended };
    let len = write_report(&report, &mut out).expect("room");
    party.sim.arrive(leg, Channel::Rtcp, from, &out[..len]);
}

fn metrics_in(report: &[u8]) -> Option<VoipMetrics> {
    let compound = Compound::parse(report).expect("reads");
    compound.packets().find_map(|packet| match packet {
        RtcpPacket::ExtendedReport(report) => report.blocks().find_map(|block| match block {
            Block::VoipMetrics(metrics) => Some(metrics),
            _ => None,
        }),
        _ => None,
    })
}

#[test]
fn who_asks_is_told_how_its_voice_arrives_and_nobody_else() {
    let mut party = Party::new();
    let asking = party.join(Model { extended_reports: ALL, ..Model::default() }, Some(TONES_HZ[0]));
    let other = party.join(Model::default(), Some(TONES_HZ[1]));
    for _ in 0..60 {
        party.run(Duration::from_millis(480));
        drop(party.phones[asking].say()); // one of twenty-five is lost
    }
    let last = party.phones[asking].reports.last().expect("reports");
    let metrics = metrics_in(last).expect("asked for");
    assert_eq!(metrics.ssrc, party.phones[asking].sender.ssrc());
    assert!((9..=11).contains(&metrics.loss_rate), "4 %: {metrics:?}");
    assert!((9..=11).contains(&metrics.gap_density) && metrics.burst_density == 0, "alone each: {metrics:?}");
    assert!((60..85).contains(&metrics.r_factor), "{metrics:?}");
    assert!((30..44).contains(&metrics.mos_conversation) && metrics.mos_listening >= metrics.mos_conversation);
    let blocks: Vec<_> = Compound::parse(last)
        .expect("reads")
        .packets()
        .filter_map(|packet| match packet {
            RtcpPacket::ExtendedReport(report) => Some(report.blocks().collect::<Vec<_>>()),
            _ => None,
        })
        .flatten()
        .collect();
    assert!(blocks.iter().any(|block| matches!(block, Block::ReferenceTime(_))), "{blocks:?}");
    let lost = blocks.iter().find_map(|block| match block {
        Block::Statistics(of) => of.lost,
        _ => None,
    });
    assert!(lost.is_some_and(|lost| (3..=20).contains(&lost)), "since the report before: {blocks:?}");
    for report in &party.phones[other].reports {
        let mut packets = Compound::parse(report).expect("reads").packets();
        assert!(packets.all(|packet| !matches!(packet, RtcpPacket::ExtendedReport(_))));
    }
}

#[test]
fn what_a_phone_measured_is_kept_and_what_cannot_be_read_is_passed_over() {
    let mut party = Party::new();
    let phone = party.join(Model { extended_reports: ALL, ..Model::default() }, Some(TONES_HZ[0]));
    party.run(SECOND);
    let ssrc = server(&party, phone);
    let metrics = VoipMetrics { ssrc, loss_rate: 12, mos_conversation: 37, ..VoipMetrics::default() };
    report(&mut party, phone, &[], Extended { voip_metrics: Some(metrics), ..Extended::default() });
    let foreign = VoipMetrics { ssrc: Ssrc(ssrc.0 ^ 1), mos_conversation: 10, ..VoipMetrics::default() };
    report(&mut party, phone, &[], Extended { voip_metrics: Some(foreign), ..Extended::default() });
    // An RR, and an XR with one block that says nine words and has one.
    let own = party.phones[phone].sender.ssrc().0.to_be_bytes();
    let broken = [&[0x80, 201, 0, 1][..], &own, &[0x80, 207, 0, 3], &own, &[7, 0, 0, 9, 0, 0, 0, 1]].concat();
    let (leg, from) = (party.leg(phone), party.phones[phone].rtcp_address);
    party.sim.arrive(leg, Channel::Rtcp, from, &broken);
    party.run(6 * SECOND);
    assert_eq!(stats(&party, phone).remote, Some(metrics));
    assert_eq!(party.sim.counters().report_blocks_unreadable, 1);
}

/// RFC 3611 §4.4, §4.5: a phone that sends no media learns the round trip, and so do we.
#[test]
fn the_round_trip_is_found_without_media() {
    let mut party = Party::new();
    let listens = Model { direction: Direction::SendOnly, extended_reports: ALL, ..Model::default() };
    let phone = party.join(listens, None);
    party.hushed = true;
    party.run(SECOND);
    let reference = NtpTime(0x1234_5678_9abc_def0);
    report(&mut party, phone, &[], Extended { reference_time: Some(reference), ..Extended::default() });
    party.run(10 * SECOND);
    let told = party.phones[phone].reports.last().expect("reports").clone();
    let (mut ours, mut answer) = (None, None);
    for packet in Compound::parse(&told).expect("reads").packets() {
        let RtcpPacket::ExtendedReport(report) = packet else { continue };
        for block in report.blocks() {
            match block {
                Block::ReferenceTime(time) => ours = Some((report.ssrc, time)),
                Block::DelaysSince(delays) => answer = delays.iter().next(),
                _ => {}
            }
        }
    }
    let answer = answer.expect("an answer to the phone's time");
    assert_eq!((answer.ssrc, answer.last_reference), (party.phones[phone].sender.ssrc(), reference.middle()));
    assert!((1..10).contains(&(answer.delay / 65_536)), "seconds since: {answer:?}");
    let (ssrc, time) = ours.expect("our time");
    let delay_since = Some(DelaySince { ssrc, last_reference: time.middle(), delay: 0 });
    report(&mut party, phone, &[], Extended { delay_since, ..Extended::default() });
    party.run(6 * SECOND);
    let trip = stats(&party, phone).round_trip.expect("known");
    assert!(trip < 8 * SECOND, "since the report was made: {trip:?}");
}

fn circuits(party: &Party, phone: usize) -> Vec<Option<Breaker>> {
    let leg = party.leg(phone);
    let of = |event: &MediaEvent| match event {
        MediaEvent::Circuit { leg: of, open } if *of == leg => Some(*open),
        _ => None,
    };
    party.events.iter().filter_map(of).collect()
}

#[test]
fn who_says_that_nothing_arrives_is_sent_nothing_until_it_has_moved() {
    let mut party = Party::new();
    let talker = party.join(Model::default(), Some(TONES_HZ[0]));
    let deaf = party.join(Model::default(), Some(TONES_HZ[1]));
    let mut highest = 100;
    for round in 0..8 {
        party.forget();
        party.run(5 * SECOND);
        if round < 3 {
            highest += 250;
        }
        if party.phones[deaf].packets.is_empty() {
            break;
        }
        assert!(round < 7, "still sent to");
        let ssrc = server(&party, deaf);
        let block = ReportBlock { ssrc, extended_highest: highest, ..ReportBlock::default() };
        report(&mut party, deaf, &[block], Extended::default());
    }
    assert!(party.phones[talker].packets.len() > 200, "only that one");
    let leg = party.leg(deaf);
    let plan = party.phones[deaf].plan();
    party.run(5 * SECOND);
    assert_eq!(stats(&party, deaf).stopped, Some(Breaker::MediaTimeout));
    party.forget();
    party.tell(plenary_media::engine::MediaCommand::Connect { leg, plan: Box::new(plan) });
    party.run(SECOND);
    assert!(party.phones[deaf].packets.len() > 40, "another plan, another try");
    assert_eq!(circuits(&party, deaf), [None]);
}

#[test]
fn a_phone_that_reported_and_vanished_is_sent_nothing_until_it_is_heard() {
    let mut party = Party::new();
    let phone = party.join(Model::default(), Some(TONES_HZ[0]));
    let never_reports = party.join(Model::default(), Some(TONES_HZ[1]));
    party.run(SECOND);
    let ssrc = server(&party, phone);
    let block = ReportBlock { ssrc, extended_highest: 7, ..ReportBlock::default() };
    report(&mut party, phone, &[block], Extended::default());
    party.run(SECOND);
    party.hushed = true;
    party.run(24 * SECOND);
    assert_eq!(circuits(&party, phone), []);
    party.run(2 * SECOND);
    assert_eq!(circuits(&party, phone), [Some(Breaker::RtcpTimeout)]);
    party.forget();
    party.run(SECOND);
    assert_eq!(party.phones[phone].packets.len(), 0);
    assert!(party.phones[never_reports].packets.len() >= 49, "who has no RTCP keeps its call");
    party.hushed = false;
    party.run(SECOND);
    assert_eq!(circuits(&party, phone), [None]);
    assert!(party.phones[phone].packets.len() > 40);
}
