//! Random wishes of both sides at random times over a network that loses packets: whatever happens, every call ends
//! once for each side, nothing is told after that, and nothing stays behind.

mod wire;

use std::collections::BTreeSet;
use std::time::Duration;

use plenary_sip::endpoint::{Body, CallId, Command, Event, Rng};
use plenary_sip::message::StatusCode;
use wire::{Phone, Wire};

fn call_of(event: &Event) -> Option<CallId> {
    match event {
        Event::Incoming { call, .. }
        | Event::Progress { call, .. }
        | Event::Established { call, .. }
        | Event::Offered { call, .. }
        | Event::ReofferDone { call, .. }
        | Event::Ended { call, .. } => Some(*call),
        Event::Request { call, .. } => *call,
        // What becomes of a REFER may be heard when the call is over.
        Event::Referred { .. }
        | Event::Response { .. }
        | Event::Resubscribed { .. }
        | Event::Notified { .. }
        | Event::Unsubscribed { .. } => None,
    }
}

fn assert_told_in_order(phone: &Phone, seed: u8) {
    let mut ended = BTreeSet::new();
    for event in &phone.events {
        let Some(call) = call_of(event) else { continue };
        assert!(!ended.contains(&call), "seed {seed}: {} was told {event:?} after the end", phone.name);
        if let Event::Ended { .. } = event {
            ended.insert(call);
        }
    }
    let all: BTreeSet<_> = phone.events.iter().filter_map(call_of).collect();
    assert_eq!(all, ended, "seed {seed}: {} was not told every end", phone.name);
}

fn random_wish(chance: &mut Rng, call: CallId) -> Command {
    let body = Body::sdp("v=0");
    match chance.number() % 12 {
        0..3 => Command::Reoffer { call, offer: body },
        3..6 => Command::AnswerOffer { call, answer: Ok(body) },
        6 => Command::AnswerOffer { call, answer: Err(StatusCode::NOT_ACCEPTABLE_HERE) },
        7 => Command::Ring { call, status: StatusCode::RINGING, body: None },
        8..10 => Command::Accept { call, body: Some(body), headers: Vec::new() },
        10 => Command::Reject { call, status: StatusCode::BUSY_HERE, headers: Vec::new() },
        _ => Command::Hangup { call, headers: Vec::new() },
    }
}

#[test]
fn every_call_ends_once_and_leaves_nothing() {
    for seed in 0..150 {
        let mut chance = Rng::new([seed; 32]);
        let mut wire = Wire::new(seed, &["alice", "bob"]);
        wire.loss = u64::from(seed % 4) * 10;
        for (from, to) in [("alice", "bob"), ("bob", "alice"), ("alice", "bob")] {
            let offer = !chance.number().is_multiple_of(4);
            wire.call_with(from, to, |invite| invite.offer = offer.then(|| Body::sdp("v=0")));
        }
        for _ in 0..60 {
            wire.run_for(chance.duration(Duration::ZERO..=Duration::from_millis(800)));
            let name = if chance.number().is_multiple_of(2) { "alice" } else { "bob" };
            let calls: BTreeSet<_> = wire.phone(name).events.iter().filter_map(call_of).collect();
            let chosen = usize::try_from(chance.number() % 3).expect("small");
            if let Some(call) = calls.into_iter().nth(chosen) {
                let wish = random_wish(&mut chance, call);
                wire.command(name, wish);
            }
        }
        // Twice: an INVITE may still have been under way.
        for name in ["alice", "bob", "alice", "bob"] {
            let calls: BTreeSet<_> = wire.phone(name).events.iter().filter_map(call_of).collect();
            calls.into_iter().for_each(|call| wire.hangup(name, call));
            wire.run_for(Duration::from_secs(40));
        }
        wire.run_out();
        wire.assert_nothing_left();
        wire.phones.iter().for_each(|phone| assert_told_in_order(phone, seed));
    }
}
