//! The simulated network: its parties, its clock, and what passed between them.

use std::time::{Duration, Instant};

use plenary_sip::endpoint::Rng;

use super::clock::Clock;
use super::conference::Conference;
use super::label::Label;
use super::ladder::{self, Rung};
use super::party::Party;
use super::passage::Passage;
use super::phone::Phone;
use super::registrar::Registrar;
use super::stranger::Stranger;
use super::weather::Weather;
use super::wire::Wire;

/// Longer than every timer of SIP by far: what is not over then will never be.
const TO_REST: Duration = Duration::from_secs(600);

#[derive(Debug)]
pub struct Net {
    seed: u64,
    pub(super) clock: Clock,
    chance: Rng,
    pub(super) wire: Wire,
    pub(super) parties: Vec<(String, Party)>,
    /// How many passages a figure has accounted for.
    pub(super) accounted: usize,
    /// A failure has been told with its ladder.
    pub(super) has_reported: bool,
}

impl Net {
    /// The same seed does the same again, to the octet.
    pub fn with_seed(seed: u64) -> Self {
        let mut octets = [0; 32];
        octets[..8].copy_from_slice(&seed.to_be_bytes());
        let mut chance = Rng::new(octets);
        let clock = Clock::new();
        let wire = Wire::new(clock.clone(), chance.split());
        Self { seed, clock, chance, wire, parties: Vec::new(), accounted: 0, has_reported: false }
    }

    /// Datagrams meet this weather from now on.
    pub fn has(&mut self, weather: Weather) {
        self.wire.weather = weather;
    }

    // ── The parties ─────────────────────────────────────────────────────────────────────────────────────────

    /// A phone of that name; it is there from the first mention on.
    pub fn phone(&mut self, name: &str) -> &mut Phone {
        let make = |host, clock, seed| Party::Phone(Box::new(Phone::new(name, host, clock, seed)));
        match self.party(name, make) {
            Party::Phone(phone) => phone,
            _ => panic!("{name} is no phone"),
        }
    }

    pub fn stranger(&mut self, name: &str) -> &mut Stranger {
        let make = |host, _, _| Party::Stranger(Box::new(Stranger::new(name, host)));
        match self.party(name, make) {
            Party::Stranger(stranger) => stranger,
            _ => panic!("{name} is no stranger"),
        }
    }

    /// A conference of that number, at a server of its own.
    pub fn focus(&mut self, name: &str) -> &mut Conference {
        let make = |host, clock, seed| Party::Conference(Box::new(Conference::new(name, host, clock, seed)));
        match self.party(name, make) {
            Party::Conference(conference) => conference,
            _ => panic!("{name} is no conference"),
        }
    }

    pub fn registrar(&mut self, name: &str) -> &mut Registrar {
        let make = |host, clock, seed| Party::Registrar(Box::new(Registrar::new(name, host, clock, seed)));
        match self.party(name, make) {
            Party::Registrar(registrar) => registrar,
            _ => panic!("{name} is no registrar"),
        }
    }

    fn party(&mut self, name: &str, make: impl FnOnce(std::net::SocketAddr, Clock, [u8; 32]) -> Party) -> &mut Party {
        let at = self.find(name).unwrap_or_else(|| {
            let host = self.wire.add_host(name);
            let mut seed = [0; 32];
            seed.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&self.chance.number().to_be_bytes()));
            self.parties.push((name.to_owned(), make(host, self.clock.clone(), seed)));
            self.parties.len() - 1
        });
        &mut self.parties[at].1
    }

    /// Puts a NAT before a party that has not said anything yet.
    pub fn puts_behind_nat(&mut self, name: &str) {
        let at = self.index(name);
        let host = self.wire.put_behind_nat(at);
        match &mut self.parties[at].1 {
            Party::Stranger(stranger) => stranger.host = host,
            party => party.agent_mut().into_iter().for_each(|agent| agent.host = host),
        }
    }

    /// Cuts all connections between two parties; what is in them is lost, and nobody is told.
    pub fn cuts(&mut self, one: &str, other: &str) {
        let (one, other) = (self.index(one), self.index(other));
        self.wire.cut(one, other);
    }

    // ── Time ────────────────────────────────────────────────────────────────────────────────────────────────

    /// Lets time pass.
    pub fn runs_for(&mut self, span: Duration) {
        let until = self.clock.now() + span;
        self.collect();
        while self.step(until) {}
        self.clock.advance(until);
        self.accounted = self.wire.passages.len();
    }

    /// Lets time pass until nothing is open any more. Panics when something stays open: that would be a leak.
    pub fn comes_to_rest(&mut self) {
        let give_up = self.clock.now() + TO_REST;
        self.collect();
        while !self.is_at_rest() {
            let left = self.leftovers();
            assert!(self.step(give_up), "left open for ever:\n{left}");
        }
        self.accounted = self.wire.passages.len();
    }

    pub fn is_at_rest(&self) -> bool {
        let open =
            |party: &Party| party.agent().map_or(0, |agent| agent.endpoint.calls() + agent.endpoint.transactions());
        self.wire.next_arrival().is_none() && self.parties.iter().all(|(_, party)| open(party) == 0)
    }

    fn leftovers(&self) -> String {
        let told = self.parties.iter().filter_map(|(name, party)| {
            let endpoint = &party.agent()?.endpoint;
            Some(format!("{name}: {} calls, {} transactions\n", endpoint.calls(), endpoint.transactions()))
        });
        told.collect()
    }

    /// Goes to the next thing that happens; false when nothing does until then.
    pub(super) fn step(&mut self, until: Instant) -> bool {
        let wake = self.parties.iter().filter_map(|(_, party)| party.poll_timeout()).min();
        let arrival = self.wire.next_arrival();
        let Some(next) = [wake, arrival].into_iter().flatten().min().filter(|next| *next <= until) else {
            return false;
        };
        self.clock.advance(next);
        if arrival.is_some_and(|at| at <= next) {
            if let Some(passage) = self.wire.arrived() {
                self.parties[passage.to].1.hear(&passage.octets, passage.source);
            }
        } else {
            let due = self.parties.iter_mut().filter(|(_, party)| party.poll_timeout().is_some_and(|at| at <= next));
            due.for_each(|(_, party)| party.handle_timeout());
        }
        self.collect();
        true
    }

    /// Sends what the parties have to send.
    pub(super) fn collect(&mut self) {
        for at in 0..self.parties.len() {
            while let Some(outgoing) = self.parties[at].1.poll_outgoing() {
                let way = self.wire.way(at, &outgoing.destination);
                if let Some(way) = &way {
                    let octets = self.parties[at].1.print(outgoing.content, way.sender);
                    self.wire.send(at, way, octets);
                }
                if let Some(send) = outgoing.send {
                    self.parties[at].1.handle_sent(send, way.map(|way| way.sender));
                }
            }
        }
    }

    // ── What passed ─────────────────────────────────────────────────────────────────────────────────────────

    /// Everything that was sent, lost or not.
    pub fn passages(&self) -> &[Passage] {
        &self.wire.passages
    }

    /// Messages that a party sent, as `200 OK (BYE)` for instance.
    pub fn sent_by(&self, name: &str) -> Vec<String> {
        let from = self.index(name);
        let labels = self.wire.passages.iter().filter(|passage| passage.from == from).filter_map(|passage| {
            let mut label = Label::of(passage.message.as_ref()?);
            label.notes.retain(|note| *note != super::label::Note::Description);
            Some(label.to_string())
        });
        labels.collect()
    }

    /// The ladder of all that has passed so far.
    pub fn ladder(&self) -> String {
        self.draw(None)
    }

    pub(super) fn draw(&self, marked: Option<usize>) -> String {
        let names: Vec<String> = self.parties.iter().map(|(name, _)| name.clone()).collect();
        let rungs = self.wire.passages.iter().enumerate().map(|(at, passage)| Rung {
            at: self.clock.since_start(passage.sent_at),
            from: passage.from,
            to: passage.to,
            label: passage.message.as_ref().map_or("(unreadable)".into(), |message| Label::of(message).to_string()),
            is_lost: passage.is_lost,
            is_marked: marked == Some(at),
        });
        format!("seed {}\n{}", self.seed, ladder::draw(&names, &rungs.collect::<Vec<_>>()))
    }

    pub(super) fn index(&self, name: &str) -> usize {
        self.find(name).unwrap_or_else(|| panic!("nobody here is called {name}"))
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.parties.iter().position(|(known, _)| known == name)
    }
}

/// A test that fails beside its figures shows the ladder too.
impl Drop for Net {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.has_reported {
            eprintln!("{}", self.ladder());
        }
    }
}
