//! A conference: the real focus and the real negotiation, behind an endpoint of ours.
//!
//! Stands in for the tasks of `conference/task.rs` and `call/{incoming,outgoing,connected,dial}.rs`: it carries news of
//! legs to the focus and its decisions to the legs, and decides nothing itself. Left out: media (nobody listens at the
//! ports of its answers), the PIN by keypad, and the lookup of accounts.

mod legs;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use plenary::call::negotiate::{Entropy, LocalMedia, MediaPolicy, Negotiator, Signalling};
use plenary::conference::{
    Action, Actor, AddParticipant, CallAll, Focus, FocusSettings, Output, Pace, Participant, Plan, PlannedMember, Role,
    Roster,
};
use plenary::store::Access;
use plenary_config::Settings;
use plenary_sip::endpoint::{CallId, Command, EndpointSettings};
use plenary_sip::net_types::Source;
use time::OffsetDateTime;

use super::agent::{Agent, Outgoing};
use super::clock::Clock;
use super::doorkeeper::Doorkeeper;
use legs::Leg;

#[derive(Debug)]
pub struct Conference {
    pub(super) agent: Agent,
    focus: Focus,
    doorkeeper: Doorkeeper,
    media: MediaPolicy,
    seed: u64,
    legs: BTreeMap<CallId, Leg>,
    is_over: bool,
}

impl Conference {
    pub(super) fn new(name: &str, host: SocketAddr, clock: Clock, seed: [u8; 32]) -> Self {
        let plan = Plan {
            number: name.to_owned(),
            title: format!("Conference {name}"),
            access: Access::Open,
            pin: None,
            chair_pin: None,
            members: Vec::new(),
            max_participants: 100,
            muted_on_entry: false,
            announcements: false,
            music_when_alone: false,
            tones: false,
            language: None,
            ring_for: Duration::from_secs(45),
            domain: format!("{name}.example"),
        };
        let settings =
            FocusSettings { empty_timeout: Duration::from_secs(60), pace: Pace::default(), legs_per_account: 100 };
        let focus = Focus::new(plan, settings, clock.now(), OffsetDateTime::UNIX_EPOCH);
        Self {
            agent: Agent::new(clock, host, seed, plenary::server::endpoint_settings(&Settings::default())),
            focus,
            doorkeeper: Doorkeeper::new(&format!("{name}.example"), seed),
            media: MediaPolicy::default(),
            seed: u64::from(seed[0]),
            legs: BTreeMap::new(),
            is_over: false,
        }
    }

    // ── What it was planned to be ───────────────────────────────────────────────────────────────────────────

    pub fn is_for(&mut self, access: Access) -> &mut Self {
        self.replan(|plan| plan.access = access)
    }

    pub fn has_members<const N: usize>(&mut self, names: [&str; N]) -> &mut Self {
        let member = |name: &str| PlannedMember { address: address(name), name: Some(name.into()), role: Role::Member };
        self.replan(|plan| plan.members = names.into_iter().map(member).collect())
    }

    pub fn takes_at_most(&mut self, participants: usize) -> &mut Self {
        self.replan(|plan| plan.max_participants = participants)
    }

    pub fn lets_ring_for(&mut self, ring_for: Duration) -> &mut Self {
        self.replan(|plan| plan.ring_for = ring_for)
    }

    pub fn knows(&mut self, account: &str, password: &str) -> &mut Self {
        self.doorkeeper.learn(account, password);
        self
    }

    pub fn set(&mut self, change: impl FnOnce(&mut EndpointSettings)) -> &mut Self {
        self.agent.set(change);
        self
    }

    fn replan(&mut self, change: impl FnOnce(&mut Plan)) -> &mut Self {
        let mut plan = self.focus.plan().clone();
        change(&mut plan);
        self.focus.handle_plan(plan);
        self
    }

    // ── What the owner wishes ───────────────────────────────────────────────────────────────────────────────

    pub fn calls(&mut self, party: &str) {
        let wish = AddParticipant { address: address(party), name: Some(party.to_owned()), role: None };
        self.focus.handle_add(wish, &owner(), self.agent.clock.now()).expect("the owner may add anybody");
    }

    pub fn calls_all(&mut self) {
        self.focus.handle_call_all(CallAll::default(), &owner(), self.agent.clock.now()).expect("it has members");
    }

    pub fn removes(&mut self, party: &str) {
        self.remove(party, false);
    }

    /// Removes and lets never in again.
    pub fn bans(&mut self, party: &str) {
        self.remove(party, true);
    }

    pub fn locks(&mut self) {
        self.act(Action::Lock);
    }

    pub fn ends(&mut self) {
        self.act(Action::End);
    }

    fn remove(&mut self, party: &str, ban: bool) {
        let id = self.participant(party).id.clone();
        self.focus.handle_remove(&id, ban, &owner(), self.agent.clock.now()).expect("the owner may remove anybody");
    }

    fn act(&mut self, action: Action) {
        self.focus.handle_action(action, &owner(), self.agent.clock.now()).expect("the owner may do everything");
    }

    // ── What can be asked of it ─────────────────────────────────────────────────────────────────────────────

    pub fn roster(&self) -> Roster {
        self.focus.roster()
    }

    /// The row of a party. Panics when it has none.
    pub fn participant(&self, party: &str) -> Participant {
        let rows = self.focus.roster().participants;
        let of_party = |row: &Participant| row.address == address(party);
        rows.into_iter().find(of_party).unwrap_or_else(|| panic!("{party} has no row"))
    }

    pub fn has_row_of(&self, party: &str) -> bool {
        self.focus.roster().participants.iter().any(|row| row.address == address(party))
    }

    /// Who is in, by the names of the rows.
    pub fn present(&self) -> Vec<String> {
        use plenary::conference::ParticipantState::{Connected, OnHold};
        let present = |row: &Participant| matches!(row.state, Connected | OnHold);
        self.focus.roster().participants.into_iter().filter(present).map(|row| row.name).collect()
    }

    pub fn is_over(&self) -> bool {
        self.is_over
    }

    // ── On the wire ─────────────────────────────────────────────────────────────────────────────────────────

    pub(super) fn hear(&mut self, octets: &Bytes, source: Source) {
        self.agent.hear(octets, source);
    }

    pub(super) fn handle_timeout(&mut self) {
        self.focus.handle_timeout(self.agent.clock.now());
    }

    pub(super) fn poll_timeout(&self) -> Option<std::time::Instant> {
        self.focus.poll_timeout().filter(|_| !self.is_over)
    }

    pub(super) fn poll_outgoing(&mut self) -> Option<Outgoing> {
        loop {
            if let Some(output) = self.focus.poll_output() {
                self.carry_out(output);
            } else if let Some(event) = self.agent.poll_event() {
                self.handle_event(event);
            } else {
                return self.agent.poll_send();
            }
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Dial { participant, attempt, address, .. } => self.dial(participant, attempt, &address),
            Output::Hangup { participant, attempt } => {
                let of_leg = |(call, leg): (&CallId, &Leg)| leg.is(&participant, attempt).then_some(*call);
                if let Some(call) = self.legs.iter().find_map(of_leg) {
                    self.agent.command(Command::Hangup { call, headers: Vec::new() });
                }
            }
            Output::Close => self.is_over = true,
            // Media, the console and its wishes are not here.
            Output::Transfer { .. }
            | Output::SetMute { .. }
            | Output::SetDeaf { .. }
            | Output::SetGain { .. }
            | Output::SetNoiseSuppression { .. }
            | Output::Music { .. }
            | Output::Say { .. }
            | Output::SayToAll(_)
            | Output::Tone(_)
            | Output::Announce(_) => {}
        }
    }

    fn negotiator(&self, call: CallId) -> Negotiator {
        let rtp_port = 30_000 + 2 * u16::try_from(call.0 % 10_000).unwrap_or_default();
        let local = LocalMedia { address: self.agent.host.ip(), rtp_port, rtcp_port: rtp_port + 1, is_shared: false };
        let signalling = Signalling { secure: false, source: None };
        Negotiator::new(self.media.clone(), local, signalling, Entropy::seeded(self.seed + u64::from(rtp_port)))
    }
}

/// The address-of-record of a party.
fn address(party: &str) -> String {
    format!("sip:{party}@{party}.example")
}

fn owner() -> Actor {
    Actor { name: "owner".into(), role: Role::Owner }
}
