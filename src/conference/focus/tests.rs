//! The focus driven by hand: joins, wishes and news in, outputs out.

use std::time::{Duration, Instant};

use time::OffsetDateTime;

use super::{Focus, FocusSettings, LegNews, Output};
use crate::conference::admission::{Join, JoinError};
use crate::conference::command::{Action, Actor, AddParticipant, CallAll, FocusError, ParticipantPatch};
use crate::conference::dial_out::Pace;
use crate::conference::live::LiveEvent;
use crate::conference::notice::Notice;
use crate::conference::plan::{Plan, PlannedMember};
use crate::conference::roster::{Cause, Door, ParticipantId, ParticipantState, Role};
use crate::store::Access;

const MINUTE: Duration = Duration::from_secs(60);

pub(super) fn plan(access: Access, members: &[&str]) -> Plan {
    let member = |name: &&str| PlannedMember {
        address: format!("sip:{name}@example.org"),
        name: None,
        role: if *name == "chair" { Role::Chair } else { Role::Member },
    };
    Plan {
        number: "3001".into(),
        title: "Monday".into(),
        access,
        pin: Some("123456".into()),
        chair_pin: Some("654321".into()),
        members: members.iter().map(member).collect(),
        max_participants: 3,
        muted_on_entry: false,
        announcements: true,
        music_when_alone: false,
        tones: false,
        language: None,
        ring_for: Duration::from_secs(45),
        domain: "example.org".into(),
    }
}

pub(super) fn focus(plan: Plan, now: Instant) -> Focus {
    let pace = Pace { burst: 100, interval: Duration::from_millis(5) };
    Focus::new(
        plan,
        FocusSettings { empty_timeout: MINUTE, pace, legs_per_account: 2 },
        now,
        OffsetDateTime::UNIX_EPOCH,
    )
}

pub(super) fn caller(account: Option<&str>) -> Join {
    let name = account.unwrap_or("stranger");
    let address = format!("sip:{name}@example.org");
    Join {
        account: account.map(Into::into),
        address,
        name: name.into(),
        door: Door::Sip,
        pin: None,
        referred_by: None,
        brought: false,
        anonymous: false,
    }
}

pub(super) fn operator() -> Actor {
    Actor { name: "olga".into(), role: Role::Owner }
}

pub(super) fn outputs(focus: &mut Focus) -> Vec<Output> {
    std::iter::from_fn(|| focus.poll_output()).collect()
}

/// Who is called now, as (id, attempt, address).
fn dialled(focus: &mut Focus) -> Vec<(ParticipantId, u32, String)> {
    let dial = |output| match output {
        Output::Dial { participant, attempt, address, .. } => Some((participant, attempt, address)),
        _ => None,
    };
    outputs(focus).into_iter().filter_map(dial).collect()
}

pub(super) fn connect(focus: &mut Focus, id: &ParticipantId, attempt: u32, now: Instant) {
    focus.handle_leg(id, attempt, LegNews::Connected { codec: "opus".into(), secured: true }, now);
}

fn state(focus: &Focus, id: &ParticipantId) -> (ParticipantState, Option<Cause>) {
    let roster = focus.roster();
    let participant = roster.participant(id).expect("a row");
    (participant.state, participant.cause)
}

#[test]
fn one_click_calls_every_member_at_once_and_only_those_who_are_not_in() {
    let now = Instant::now();
    let mut focus = focus(plan(Access::Accounts, &["chair", "bob", "carol"]), now);
    let (bob, attempt) = focus.handle_join(caller(Some("bob")), now).expect("bob is let in");
    connect(&mut focus, &bob, attempt, now);
    let report = focus.handle_call_all(CallAll::default(), &operator(), now).expect("allowed");
    assert_eq!(report.calls.len(), 2);
    let called: Vec<_> = dialled(&mut focus).into_iter().map(|(_, _, address)| address).collect();
    assert_eq!(called, ["sip:chair@example.org", "sip:carol@example.org"]);
    let again = focus.handle_call_all(CallAll::default(), &operator(), now).expect("allowed");
    assert_eq!(again.calls, [], "who is being called is not called twice");
}

#[test]
fn the_rest_can_be_called_again_in_the_same_rows() {
    let now = Instant::now();
    let mut focus = focus(plan(Access::Accounts, &["bob", "carol"]), now);
    focus.handle_call_all(CallAll::default(), &operator(), now).expect("allowed");
    let calls = dialled(&mut focus);
    let [(bob, b, _), (carol, c, _)] = &calls[..] else { panic!("{calls:?}") };
    focus.handle_leg(bob, *b, LegNews::Ended { cause: Cause::Busy, status: Some(486) }, now);
    connect(&mut focus, carol, *c, now);
    focus.handle_leg(carol, *c, LegNews::Ended { cause: Cause::Left, status: None }, now);
    assert_eq!(state(&focus, bob), (ParticipantState::Disconnected, Some(Cause::Busy)));

    let failed = CallAll { only: Some(vec![Cause::Failed]) };
    let report = focus.handle_call_all(failed, &operator(), now).expect("allowed");
    assert_eq!(report.calls.iter().map(|call| &call.participant_id).collect::<Vec<_>>(), [bob]);
    assert_eq!(dialled(&mut focus), [(bob.clone(), b + 1, "sip:bob@example.org".into())]);
    focus.handle_leg(bob, *b, LegNews::Ringing, now);
    assert_eq!(state(&focus, bob).0, ParticipantState::Calling, "news of the first call is old");
}

#[test]
fn a_caller_is_let_in_as_the_access_says() {
    let now = Instant::now();
    let with_pin = |pin: &str| Join { pin: Some(pin.into()), ..caller(None) };
    let refused = |access, join| focus(plan(access, &["bob"]), now).handle_join(join, now).err();

    assert_eq!(refused(Access::Open, caller(None)), None);
    assert!(matches!(refused(Access::Accounts, caller(None)), Some(JoinError::NotAuthenticated { .. })));
    assert_eq!(refused(Access::Accounts, caller(Some("eve"))), None);
    assert_eq!(refused(Access::Members, caller(Some("bob"))), None);
    assert!(matches!(refused(Access::Members, caller(Some("eve"))), Some(JoinError::NotAMember { .. })));
    assert!(matches!(refused(Access::Pin, with_pin("000000")), Some(JoinError::WrongPin { .. })));
    assert_eq!(refused(Access::Pin, with_pin("123456")), None);
}

#[test]
fn a_lock_keeps_out_all_but_the_chair_and_a_full_conference_everybody() {
    let now = Instant::now();
    let mut focus = focus(plan(Access::Accounts, &["chair"]), now);
    focus.handle_action(Action::Lock, &operator(), now).expect("allowed");
    assert!(matches!(focus.handle_join(caller(Some("bob")), now), Err(JoinError::Locked { .. })));
    assert!(focus.handle_join(caller(Some("chair")), now).is_ok());
    focus.handle_action(Action::Unlock, &operator(), now).expect("allowed");
    for name in ["a", "b", "c"] {
        let (id, attempt) = focus.handle_join(caller(Some(name)), now).expect("there is room");
        connect(&mut focus, &id, attempt, now);
    }
    let full = focus.handle_join(caller(Some("d")), now);
    assert!(matches!(full, Err(JoinError::Full { present: 3, limit: 3, .. })), "{full:?}");
}

#[test]
fn who_dials_in_while_being_called_is_not_called_any_more() {
    let now = Instant::now();
    let mut focus = focus(plan(Access::Accounts, &["bob"]), now);
    focus.handle_call_all(CallAll::default(), &operator(), now).expect("allowed");
    let calls = dialled(&mut focus);
    let (bob, attempt, _) = &calls[0];
    let (joined, second) = focus.handle_join(caller(Some("bob")), now).expect("let in");
    assert_eq!((&joined, second), (bob, attempt + 1));
    assert!(outputs(&mut focus).contains(&Output::Hangup { participant: joined, attempt: *attempt }));
}

#[test]
fn a_claimed_address_takes_neither_anothers_ringing_row_nor_the_chairs_role() {
    let now = Instant::now();
    let mut focus = focus(plan(Access::Open, &["chair"]), now);
    focus.handle_call_all(CallAll::default(), &operator(), now).expect("allowed");
    let chair = dialled(&mut focus)[0].0.clone();
    let impostor = Join { address: "sip:chair@example.org".into(), ..caller(None) };
    let (id, _) = focus.handle_join(impostor, now).expect("open to all");
    assert_ne!(id, chair);
    assert_eq!(focus.roster().participant(&id).map(|row| row.role), Some(Role::Participant));
    assert!(!outputs(&mut focus).iter().any(|output| matches!(output, Output::Hangup { .. })));
}

#[test]
fn mute_and_the_right_to_speak_both_close_the_microphone() {
    let now = Instant::now();
    let mut focus = focus(plan(Access::Open, &[]), now);
    let (id, attempt) = focus.handle_join(caller(None), now).expect("open to all");
    connect(&mut focus, &id, attempt, now);
    outputs(&mut focus);
    let mut patch = |patch| {
        focus.handle_patch(&id, patch, &operator(), now).expect("allowed");
        let mute = |output: &Output| matches!(output, Output::SetMute { .. });
        outputs(&mut focus).into_iter().filter(mute).collect::<Vec<_>>()
    };
    let set = |muted| Output::SetMute { participant: id.clone(), muted };
    assert_eq!(patch(ParticipantPatch { muted: Some(true), ..Default::default() }), [set(true)]);
    assert_eq!(patch(ParticipantPatch { may_speak: Some(false), ..Default::default() }), []);
    assert_eq!(patch(ParticipantPatch { muted: Some(false), ..Default::default() }), []);
    assert_eq!(patch(ParticipantPatch { may_speak: Some(true), ..Default::default() }), [set(false)]);
}

#[test]
fn the_removed_and_banned_stay_out_and_plain_participants_may_not_steer() {
    let now = Instant::now();
    let mut focus = focus(plan(Access::Open, &[]), now);
    let (id, attempt) = focus.handle_join(caller(None), now).expect("open to all");
    connect(&mut focus, &id, attempt, now);
    let nobody = Actor { name: "paul".into(), role: Role::Participant };
    assert!(matches!(focus.handle_remove(&id, true, &nobody, now), Err(FocusError::Forbidden { .. })));
    focus.handle_remove(&id, true, &operator(), now).expect("allowed");
    assert_eq!(state(&focus, &id), (ParticipantState::Disconnected, Some(Cause::Removed)));
    assert!(matches!(focus.handle_join(caller(None), now), Err(JoinError::Banned { .. })));
}

#[test]
fn an_address_that_cannot_be_called_is_refused_and_changes_nothing() {
    let now = Instant::now();
    let mut focus = focus(plan(Access::Open, &[]), now);
    outputs(&mut focus);
    let wish = AddParticipant { address: "http://example.org".into(), name: None, role: None };
    assert!(matches!(focus.handle_add(wish, &operator(), now), Err(FocusError::BadAddress { .. })));
    assert_eq!((outputs(&mut focus), focus.roster().participants), (vec![], vec![]));
}

#[test]
fn an_empty_conference_ends_by_itself_and_one_with_people_does_not() {
    let now = Instant::now();
    let mut focus = focus(plan(Access::Open, &[]), now);
    let (id, attempt) = focus.handle_join(caller(None), now).expect("open to all");
    connect(&mut focus, &id, attempt, now);
    assert_eq!(focus.poll_timeout(), None);
    let left = now + MINUTE * 90;
    focus.handle_leg(&id, attempt, LegNews::Ended { cause: Cause::Left, status: None }, left);
    assert_eq!(focus.poll_timeout(), Some(left + MINUTE));
    focus.handle_timeout(left + MINUTE);
    assert_eq!(outputs(&mut focus).last(), Some(&Output::Close));
}

#[test]
fn the_version_rises_by_one_with_every_announced_change() {
    let now = Instant::now();
    let mut focus = focus(plan(Access::Open, &["bob"]), now);
    focus.handle_call_all(CallAll::default(), &operator(), now).expect("allowed");
    let (id, attempt) = focus.handle_join(caller(None), now).expect("open to all");
    connect(&mut focus, &id, attempt, now);
    focus.handle_action(Action::MuteAll, &operator(), now).expect("allowed");
    let version = |output: &Output| match output {
        Output::Announce(LiveEvent::Participant { version, .. } | LiveEvent::Conference { version, .. }) => {
            Some(*version)
        }
        _ => None,
    };
    let versions: Vec<_> = outputs(&mut focus).iter().filter_map(version).collect();
    assert_eq!(versions, (1..=versions.len() as u64).collect::<Vec<_>>());
}

#[test]
fn keys_mute_the_caller_himself_and_only_a_chair_mutes_all() {
    let now = Instant::now();
    let mut focus = focus(plan(Access::Open, &["chair"]), now);
    let (id, attempt) = focus.handle_join(caller(None), now).expect("open to all");
    let (chair, chairs) = focus.handle_join(caller(Some("chair")), now).expect("open to all");
    connect(&mut focus, &id, attempt, now);
    connect(&mut focus, &chair, chairs, now);
    outputs(&mut focus);
    let mut press = |who: &ParticipantId, attempt, keys: &str| {
        keys.chars().for_each(|key| focus.handle_leg(who, attempt, LegNews::Key(key), now));
        let told = outputs(&mut focus);
        let told_to_all = told.contains(&Output::SayToAll(Notice::AllMuted));
        let notice = told.iter().find_map(|output| match output {
            Output::Say { notice, .. } => Some(notice.clone()),
            _ => None,
        });
        (notice, told_to_all, focus.roster().participant(&id).map(|row| (row.muted, row.hand_raised)))
    };
    assert_eq!(press(&id, attempt, "*6"), (Some(Notice::Muted), false, Some((true, false))));
    assert_eq!(press(&id, attempt, "*6"), (Some(Notice::Open), false, Some((false, false))));
    assert_eq!(press(&id, attempt, "*9"), (Some(Notice::HandRaised), false, Some((false, true))));
    assert_eq!(press(&id, attempt, "*5"), (Some(Notice::NotAllowed), false, Some((false, true))));
    assert_eq!(press(&chair, chairs, "*5"), (None, true, Some((true, true))));
    assert_eq!(press(&id, attempt, "*2"), (Some(Notice::Standing { muted: true }), false, Some((true, true))));
    let here = Notice::Here { names: vec!["stranger".into(), "chair".into()] };
    assert_eq!(press(&id, attempt, "*1"), (Some(here), false, Some((true, true))));
    assert_eq!(press(&chair, chairs, "*#"), (Some(Notice::Help { chair: true }), false, Some((true, true))));
    assert_eq!(press(&id, attempt + 1, "*6"), (None, false, Some((true, true))), "a leg that is no longer his");
}

#[test]
fn who_may_not_speak_cannot_unmute_by_key() {
    let now = Instant::now();
    let mut focus = focus(plan(Access::Open, &[]), now);
    let (id, attempt) = focus.handle_join(caller(None), now).expect("open to all");
    connect(&mut focus, &id, attempt, now);
    let silenced = ParticipantPatch { muted: Some(true), may_speak: Some(false), ..Default::default() };
    focus.handle_patch(&id, silenced, &operator(), now).expect("allowed");
    outputs(&mut focus);
    "*6".chars().for_each(|key| focus.handle_leg(&id, attempt, LegNews::Key(key), now));
    assert_eq!(outputs(&mut focus), [Output::Say { participant: id, notice: Notice::NotAllowed }]);
}

/// RFC 3891 §3: the place in the conference is the new leg's, as it was.
#[test]
fn a_leg_that_takes_anothers_place_is_muted_as_that_was_and_the_old_one_is_hung_up() {
    let now = Instant::now();
    let mut focus = focus(Plan { muted_on_entry: true, ..plan(Access::Accounts, &["chair"]) }, now);
    let (id, first) = focus.handle_join(caller(Some("bob")), now).expect("an account");
    connect(&mut focus, &id, first, now);
    let unmuted = ParticipantPatch { muted: Some(false), gain_db: Some(6.0), ..ParticipantPatch::default() };
    let unmuted = ParticipantPatch { noise_suppression: Some(true), ..unmuted };
    focus.handle_patch(&id, unmuted, &operator(), now).expect("the owner may");
    outputs(&mut focus);

    let second = focus.handle_take_over(&id, &caller(Some("bob")), now).expect("he is in");
    let hangup = Output::Hangup { participant: id.clone(), attempt: first };
    assert!(outputs(&mut focus).contains(&hangup));
    connect(&mut focus, &id, second, now);
    let steered = outputs(&mut focus);
    assert!(steered.contains(&Output::SetGain { participant: id.clone(), gain_db: 6.0 }), "the new leg is as loud");
    assert!(steered.contains(&Output::SetNoiseSuppression { participant: id.clone(), on: true }), "and as clean");
    let roster = focus.roster();
    let bob = roster.participant(&id).expect("his row");
    assert_eq!((bob.muted, bob.state, roster.participants.len()), (false, ParticipantState::Connected, 1));
}

#[test]
fn a_place_that_is_passed_on_does_not_carry_the_office_with_it() {
    let now = Instant::now();
    let mut focus = focus(plan(Access::Accounts, &["chair"]), now);
    let (id, first) = focus.handle_join(caller(Some("chair")), now).expect("an account");
    connect(&mut focus, &id, first, now);
    focus.handle_take_over(&id, &caller(Some("bob")), now).expect("the chair is in");
    let roster = focus.roster();
    let row = roster.participant(&id).expect("the row");
    assert_eq!((row.role, row.name.as_str()), (Role::Participant, "bob"));
    let nobody = ParticipantId("p9".into());
    assert!(focus.handle_take_over(&nobody, &caller(Some("bob")), now).is_err());
}

#[test]
fn the_only_one_hears_music_until_the_next_comes_and_not_on_hold() {
    let now = Instant::now();
    let mut focus = focus(Plan { music_when_alone: true, ..plan(Access::Accounts, &[]) }, now);
    let (alice, first) = focus.handle_join(caller(Some("alice")), now).expect("an account");
    let music = |focus: &mut Focus| -> Vec<(ParticipantId, bool)> {
        let of = |output| if let Output::Music { participant, on } = output { Some((participant, on)) } else { None };
        outputs(focus).into_iter().filter_map(of).collect()
    };
    assert_eq!(music(&mut focus), [], "not before she is in");
    connect(&mut focus, &alice, first, now);
    assert_eq!(music(&mut focus), [(alice.clone(), true)]);
    focus.handle_leg(&alice, first, LegNews::Held, now);
    assert_eq!(music(&mut focus), [(alice.clone(), false)]);
    focus.handle_leg(&alice, first, LegNews::Resumed, now);
    assert_eq!(music(&mut focus), [(alice.clone(), true)]);

    let (bob, second) = focus.handle_join(caller(Some("bob")), now).expect("an account");
    connect(&mut focus, &bob, second, now);
    assert_eq!(music(&mut focus), [(alice.clone(), false)]);
    focus.handle_leg(&alice, first, LegNews::Ended { cause: Cause::Left, status: None }, now);
    assert_eq!(music(&mut focus), [(bob, true)]);
}

#[test]
fn it_is_counted_how_long_each_has_spoken() {
    let now = Instant::now();
    let mut focus = focus(plan(Access::Accounts, &[]), now);
    let (alice, first) = focus.handle_join(caller(Some("alice")), now).expect("an account");
    let (bob, second) = focus.handle_join(caller(Some("bob")), now).expect("an account");
    connect(&mut focus, &alice, first, now);
    connect(&mut focus, &bob, second, now);
    let at = |seconds| now + Duration::from_secs(seconds);
    focus.handle_speakers(&[(alice.clone(), -20)], at(10));
    focus.handle_speakers(&[(bob.clone(), -18), (alice.clone(), -25)], at(14));
    focus.handle_speakers(&[(bob.clone(), -18)], at(17));
    focus.handle_speakers(&[], at(20));
    focus.handle_speakers(&[], at(60));
    let roster = focus.roster();
    let spoke = |id| roster.participant(id).map(|person| person.spoke_seconds);
    assert_eq!((spoke(&alice), spoke(&bob)), (Some(7), Some(6)));
}
