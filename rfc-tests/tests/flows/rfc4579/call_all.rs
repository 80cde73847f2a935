//! RFC 4579 §5.2 for everybody at once: one wish calls all members.

use std::time::Duration;

use plenary::conference::{Cause, ParticipantState};
use plenary_sip::message::StatusCode;
use rfc_tests::coverage::covers;
use rfc_tests::net::{Habit, Net};

#[test]
fn one_wish_calls_all_members_and_each_is_told_as_it_went() {
    let mut net = Net::with_seed(5200);
    net.phone("alice");
    net.phone("bob");
    net.focus("conf-7").has_members(["alice", "bob"]).calls_all();
    net.plays(
        "
        alice                    conf-7                     bob
          |<---INVITE (offer)------|                         |
          |                        |----INVITE (offer)------>|
          |----180 Ringing-------->|                         |
          |                        |<---486 Busy Here--------|
          |                        |----ACK----------------->|
          |----200 OK (answer)---->|                         |
          |<---ACK-----------------|                         |
    ",
    );
    assert_eq!(net.focus("conf-7").present(), ["alice"]);
    assert_eq!(net.focus("conf-7").participant("bob").cause, Some(Cause::Busy));
}

/// 4353 §5.2–5.4: added by dial-in and by dial-out, and the end of the conference ends every dialog.
#[test]
fn the_end_of_a_conference_hangs_up_on_everybody() {
    let _proven = covers(["4353-02"]).but("no third parties by REFER");
    let mut net = Net::with_seed(5201);
    net.phone("alice");
    net.phone("bob");
    net.phone("carol").when_called(Habit::Rings);
    net.focus("conf-7").has_members(["bob", "carol"]);
    net.plays(
        "
        alice                   conf-7
          |----INVITE (offer)----->|
          |<---200 OK (answer)-----|
          |----ACK---------------->|
    ",
    );
    net.phone("bob").when_called(Habit::Answers);
    net.focus("conf-7").calls_all();
    net.runs_for(Duration::from_secs(2));
    assert_eq!(net.focus("conf-7").present(), ["alice", "bob"]);
    net.focus("conf-7").ends();
    net.plays(
        "
        alice                    conf-7                     bob                     carol
          |<---BYE-----------------|                         |                        |
          |                        |----BYE----------------->|                        |
          |                        |----CANCEL--------------------------------------->|
          |----200 OK (BYE)------->|                         |                        |
          |                        |<---200 OK (BYE)---------|                        |
          |                        |<---200 OK (CANCEL)-------------------------------|
          |                        |<---487 Terminated--------------------------------|
          |                        |----ACK------------------------------------------>|
    ",
    );
    assert!(net.focus("conf-7").is_over());
    net.comes_to_rest();
}

#[test]
fn fifty_phones_are_called_within_a_second_and_those_who_can_come_do() {
    let mut net = Net::with_seed(5202);
    let names: [String; 50] = std::array::from_fn(|n| format!("phone{n:02}"));
    for (n, name) in names.iter().enumerate() {
        let habit = match n % 5 {
            0 => Habit::Refuses(StatusCode::BUSY_HERE),
            1 => Habit::Rings,
            _ => Habit::Answers,
        };
        net.phone(name).when_called(habit);
    }
    net.focus("conf-7").has_members(names.each_ref().map(String::as_str)).calls_all();
    net.runs_for(Duration::from_secs(5));
    let last = net.passages().iter().filter(|passage| passage.text().starts_with("INVITE")).map(|p| p.sent_at).max();
    let first = net.passages().first().map(|passage| passage.sent_at);
    let within = last.zip(first).map(|(last, first)| last - first);
    assert!(within.is_some_and(|within| within < Duration::from_secs(1)), "{within:?}");
    let states: Vec<_> = net.focus("conf-7").roster().participants.iter().map(|row| row.state).collect();
    let count = |state| states.iter().filter(|row| **row == state).count();
    assert_eq!(count(ParticipantState::Connected), 30);
    assert_eq!(count(ParticipantState::Ringing), 10);
    assert_eq!(count(ParticipantState::Disconnected), 10);
    net.focus("conf-7").ends();
    net.comes_to_rest();
}
