//! Calls through bad weather: datagrams are lost, doubled and overtaken, everybody does what he likes, and in the end
//! both sides tell the same, and nothing is left behind. Each seed is another storm; a failing one is printed.

use std::time::Duration;

use plenary::conference::{Participant, ParticipantState};
use plenary_sip::endpoint::Rng;
use plenary_sip::message::StatusCode;
use rfc_tests::coverage::covers;
use rfc_tests::net::{CallState, Habit, Net, Weather};

/// Longer than 64·T1 twice over: nothing of what was begun is under way any more.
const QUIET: Duration = Duration::from_secs(100);

/// So many, or as many times more as the environment's `STORMS` says.
fn seeds(count: u64) -> std::ops::Range<u64> {
    let times = std::env::var("STORMS").ok().and_then(|times| times.parse::<u64>().ok());
    0..count * times.unwrap_or(1)
}

fn chance(seed: u64) -> Rng {
    let mut octets = [7; 32];
    octets[..8].copy_from_slice(&seed.to_be_bytes());
    Rng::new(octets)
}

/// Loses 10 to 30 % by the seed.
fn stormy(seed: u64) -> Net {
    let mut net = Net::with_seed(seed);
    net.has(Weather::stormy(10 + seed % 21));
    net
}

fn pause(chance: &mut Rng, longest_ms: u64) -> Duration {
    Duration::from_millis(chance.number() % longest_ms)
}

fn rows_of(net: &mut Net, party: &str) -> Vec<Participant> {
    let address = format!("sip:{party}@{party}.example");
    net.focus("conf-7").roster().participants.into_iter().filter(|row| row.address == address).collect()
}

/// Phone and conference tell the same of the calls between them.
fn agree(net: &mut Net, party: &str) {
    let rows: Vec<_> = rows_of(net, party).iter().map(|row| row.state).collect();
    let held = rows.iter().filter(|state| **state == ParticipantState::OnHold).count();
    let connected = rows.iter().filter(|state| **state == ParticipantState::Connected).count();
    let calls = net.phone(party).calls_so_far();
    let talking: Vec<_> = calls.iter().filter(|call| call.state == CallState::Talking).collect();
    let holding = talking.iter().filter(|call| call.direction.is_some_and(|direction| !direction.receives())).count();
    let told: Vec<_> = calls.iter().map(|call| (&call.state, call.direction, &call.reoffers)).collect();
    assert_eq!((talking.len(), holding), (connected + held, held), "{party}: {rows:?}, {told:?}");
}

fn ends_with_nothing_left(net: &mut Net, parties: &[&str]) {
    net.focus("conf-7").ends();
    net.runs_for(QUIET);
    // A CANCEL may have been lost for good: nobody rings for ever.
    parties.iter().for_each(|party| net.phone(party).refuses(StatusCode::TEMPORARILY_UNAVAILABLE));
    net.comes_to_rest();
    for party in parties {
        assert!(net.phone(party).calls_so_far().iter().all(|call| call.is_over()), "{party} is still in a call");
        let live = rows_of(net, party).into_iter().filter(|row| row.state != ParticipantState::Disconnected).count();
        assert_eq!(live, 0, "{party} is still in the roster");
    }
}

#[test]
fn a_dial_in_that_holds_resumes_and_hangs_up_leaves_nothing_behind() {
    let mut connected = 0_u64;
    for seed in seeds(300) {
        let mut net = stormy(seed);
        net.phone("alice");
        net.focus("conf-7");
        net.phone("alice").calls("conf-7");
        net.runs_for(QUIET);
        agree(&mut net, "alice");
        connected += u64::from(net.phone("alice").is_talking());
        net.phone("alice").holds();
        net.runs_for(QUIET);
        agree(&mut net, "alice");
        net.phone("alice").resumes();
        net.runs_for(QUIET);
        agree(&mut net, "alice");
        if seed % 2 == 0 {
            net.phone("alice").hangs_up();
        }
        ends_with_nothing_left(&mut net, &["alice"]);
    }
    let all = seeds(300).end;
    assert!(connected * 100 >= all * 99, "of {all} calls {connected} came about");
}

#[test]
fn a_caller_who_gives_up_at_any_moment_leaves_nothing_behind() {
    let _proven = covers(["5407-01"]);
    for seed in seeds(300) {
        let mut net = stormy(seed);
        let mut chance = chance(seed);
        net.phone("alice");
        net.phone("bob");
        net.phone("alice").calls("bob");
        net.runs_for(pause(&mut chance, 1500));
        net.phone("bob").rings();
        net.runs_for(pause(&mut chance, 1500));
        if seed % 3 == 0 {
            net.phone("bob").answers();
        }
        net.runs_for(pause(&mut chance, 1000));
        net.phone("alice").hangs_up();
        net.runs_for(pause(&mut chance, 500));
        net.phone("bob").answers();
        net.runs_for(QUIET);
        // The caller may be long gone, and the phone has never heard of it.
        net.phone("bob").refuses(StatusCode::TEMPORARILY_UNAVAILABLE);
        net.comes_to_rest();
        let over = |net: &mut Net, name: &str| net.phone(name).calls_so_far().iter().all(|call| call.is_over());
        assert!(over(&mut net, "alice") && over(&mut net, "bob"), "seed {seed}");
    }
}

#[test]
fn a_conference_that_calls_everybody_and_ends_at_any_moment_leaves_nothing_behind() {
    let names = ["ann", "ben", "cem", "dan", "eve"];
    let habits = [Habit::Answers, Habit::Rings, Habit::Refuses(StatusCode::BUSY_HERE), Habit::Answers, Habit::AsDrawn];
    for seed in seeds(150) {
        let mut net = stormy(seed);
        let mut chance = chance(seed);
        for (name, habit) in names.into_iter().zip(habits) {
            net.phone(name).when_called(habit);
        }
        net.focus("conf-7").has_members(names).calls_all();
        net.runs_for(pause(&mut chance, 8000));
        if seed % 2 == 0 {
            net.focus("conf-7").removes("ann");
            net.focus("conf-7").removes("ben");
        }
        if seed % 3 == 0 {
            net.runs_for(QUIET);
            names.iter().for_each(|name| agree(&mut net, name));
        }
        ends_with_nothing_left(&mut net, &names);
    }
}

/// Everybody does anything at any time: calls, hangs up, holds, is called, is removed.
#[test]
fn whatever_everybody_does_in_the_end_all_agree() {
    let names = ["ann", "ben", "cem"];
    for seed in seeds(150) {
        let mut net = stormy(seed);
        let mut chance = chance(seed);
        for name in names {
            net.phone(name).when_called(Habit::Answers);
        }
        net.focus("conf-7");
        for _ in 0..12 {
            let name = names[usize::try_from(chance.number() % 3).expect("small")];
            match chance.number() % 7 {
                0 | 1 => net.phone(name).calls("conf-7"),
                2 => net.phone(name).hangs_up(),
                3 => net.phone(name).holds(),
                4 => net.phone(name).resumes(),
                5 => net.focus("conf-7").calls(name),
                _ if net.focus("conf-7").has_row_of(name) => net.focus("conf-7").removes(name),
                _ => {}
            }
            net.runs_for(pause(&mut chance, 3000));
        }
        net.runs_for(QUIET);
        names.iter().for_each(|name| agree(&mut net, name));
        for name in names {
            while net.phone(name).calls_so_far().iter().any(|call| !call.is_over()) {
                net.phone(name).hangs_up();
                net.runs_for(QUIET);
            }
        }
        ends_with_nothing_left(&mut net, &names);
    }
}

/// Two phones offer anew again and again, at the same time as often as not.
#[test]
fn glare_after_glare_ends_with_both_sides_agreeing() {
    for seed in seeds(150) {
        let mut net = stormy(seed);
        let mut chance = chance(seed);
        net.phone("alice");
        net.phone("bob").when_called(Habit::Answers);
        net.phone("alice").calls("bob");
        net.runs_for(QUIET);
        for _ in 0..8 {
            let name = if chance.number().is_multiple_of(2) { "alice" } else { "bob" };
            match chance.number() % 2 {
                0 => net.phone(name).holds(),
                _ => net.phone(name).resumes(),
            }
            net.runs_for(pause(&mut chance, 700));
        }
        net.runs_for(QUIET);
        let told = ["alice", "bob"].map(|name| {
            let call = net.phone(name).call();
            (call.state == CallState::Talking).then_some(call.direction)
        });
        match told {
            // An offer that never got through has ended the call: 408, §12.2.1.2.
            [None, None] => {}
            [Some(Some(alices)), Some(Some(bobs))] => {
                let agreed = (alices.sends(), alices.receives()) == (bobs.receives(), bobs.sends());
                assert!(agreed, "alice {alices:?}, bob {bobs:?}");
            }
            _ => panic!("{told:?}"),
        }
        net.phone(if seed % 2 == 0 { "alice" } else { "bob" }).hangs_up();
        net.comes_to_rest();
        assert!(net.phone("alice").call().is_over() && net.phone("bob").call().is_over(), "seed {seed}");
    }
}
