//! The guard itself: one verdict a message, one a datagram that we answer with.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::bucket::{Bucket, Rate};
use super::glimpse::{contains_ignoring_case, user_agent};
use super::network::{host_of, network_of};
use super::reason::Reason;
use super::strangers::Strangers;
use crate::net_types::Source;

const MAX_NETWORKS: usize = 65_536;
const MAX_ACQUAINTANCES: usize = 100_000;
const MAX_SILENCED: usize = 65_536;
/// Tidying walks the whole table: not more often than this.
const TIDY_EVERY: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
pub struct GuardSettings {
    /// From one address that has proven nothing.
    pub address: Rate,
    /// From one network of such addresses.
    pub network: Rate,
    /// From all of them together.
    pub strangers: Rate,
    /// From one address that has proven a password.
    pub acquaintance: Rate,
    /// How long after its last proof an address is an acquaintance.
    pub remember: Duration,
    /// Parts of the User-Agent of those who get no answer, in lower case.
    pub scanners: Vec<String>,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            address: Rate(200),
            network: Rate(400),
            // Within the 32 s that a transaction lasts they must not fill the table of transactions.
            strangers: Rate(2000),
            acquaintance: Rate(5000),
            remember: Duration::from_secs(2 * 3600),
            scanners: Vec::new(),
        }
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// Only on streams: read on after this time, and the peer will slow down.
    Wait(Duration),
    /// Without a word.
    Drop(Reason),
}

/// A response as far as it matters to whoever did not ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    Provisional,
    Final,
    /// 2xx to INVITE: has to arrive, and is repeated until the ACK (§13.3.1.4). Only an open conference says it to a
    /// stranger, and not for ever: his address may be a victim's.
    Accepting,
}

#[derive(Debug)]
pub struct Guard {
    settings: GuardSettings,
    strangers: Strangers,
    networks: HashMap<IpAddr, Bucket>,
    all: Option<Bucket>,
    acquaintances: HashMap<IpAddr, Acquaintance>,
    /// Who is not heard at all, and until when.
    silenced: HashMap<IpAddr, Instant>,
    /// When the table of networks was last gone through.
    tidied: Option<Instant>,
}

#[derive(Debug)]
struct Acquaintance {
    until: Instant,
    bucket: Bucket,
}

impl Guard {
    pub fn new(settings: GuardSettings) -> Self {
        let strangers = Strangers::new(settings.address);
        Self {
            settings,
            strangers,
            networks: HashMap::new(),
            all: None,
            acquaintances: HashMap::new(),
            silenced: HashMap::new(),
            tidied: None,
        }
    }

    /// `octets`: the message, unread.
    pub fn handle_message(&mut self, octets: &[u8], source: &Source, now: Instant) -> Verdict {
        let address = source.remote.ip().to_canonical();
        let patient = source.transport.is_reliable();
        if let Some(acquaintance) = self.acquaintances.get_mut(&address) {
            if now <= acquaintance.until {
                return ask(&mut acquaintance.bucket, self.settings.acquaintance, patient, Reason::Address, now);
            }
            self.acquaintances.remove(&address);
        }
        if !self.silenced.is_empty() && self.silenced.get(&host_of(address)).is_some_and(|until| now < *until) {
            return Verdict::Drop(Reason::Guesser);
        }
        if self.is_scanner(octets) {
            return Verdict::Drop(Reason::Scanner);
        }
        let verdict = self.ask_all(address, patient, now);
        if !matches!(verdict, Verdict::Drop(_)) && !patient {
            self.strangers.credit(address, octets.len());
        }
        verdict
    }

    /// Whether a response of so many octets may go to this address over UDP.
    pub fn handle_response(&mut self, response: Response, octets: usize, to: IpAddr, now: Instant) -> bool {
        let address = to.to_canonical();
        let is_acquaintance = self.acquaintances.get(&address).is_some_and(|known| now <= known.until);
        match response {
            _ if is_acquaintance => true,
            Response::Accepting => self.strangers.debit_accepting(address, octets),
            Response::Provisional => self.strangers.debit(address, octets, true),
            Response::Final => self.strangers.debit(address, octets, false),
        }
    }

    /// Somebody at this address has proven a password.
    pub fn handle_proof(&mut self, address: IpAddr, now: Instant) {
        let address = address.to_canonical();
        let until = now + self.settings.remember;
        if let Some(known) = self.acquaintances.get_mut(&address) {
            known.until = until;
            return;
        }
        if self.acquaintances.len() >= MAX_ACQUAINTANCES {
            self.acquaintances.retain(|_, known| now <= known.until);
        }
        if self.acquaintances.len() < MAX_ACQUAINTANCES {
            let bucket = Bucket::full(self.settings.acquaintance, now);
            self.acquaintances.insert(address, Acquaintance { until, bucket });
            self.strangers.forget(address);
        }
    }

    /// Nothing more is heard from this address for so long, unless somebody there has proven a password.
    pub fn handle_guesser(&mut self, address: IpAddr, until: Instant, now: Instant) {
        if self.silenced.len() >= MAX_SILENCED {
            self.silenced.retain(|_, until| now < *until);
        }
        if self.silenced.len() < MAX_SILENCED {
            self.silenced.insert(host_of(address.to_canonical()), until);
        }
    }

    fn is_scanner(&self, octets: &[u8]) -> bool {
        let scanners = &self.settings.scanners;
        !scanners.is_empty()
            && user_agent(octets)
                .is_some_and(|name| scanners.iter().any(|scanner| contains_ignoring_case(name, scanner)))
    }

    /// The narrowest bucket first: what it refuses costs the others nothing.
    fn ask_all(&mut self, address: IpAddr, patient: bool, now: Instant) -> Verdict {
        let GuardSettings { address: rate, network, strangers, .. } = self.settings;
        let mut longest = Duration::ZERO;
        let own = self.strangers.entry(address, now).map(|bucket| ask(bucket, rate, patient, Reason::Address, now));
        match own {
            Some(Verdict::Drop(reason)) => return Verdict::Drop(reason),
            Some(Verdict::Wait(wait)) => longest = wait,
            Some(Verdict::Pass) | None => {}
        }
        let (networks, all) = (&mut self.networks, &mut self.all);
        let is_due = |last: Instant| now.saturating_duration_since(last) >= TIDY_EVERY;
        if networks.len() >= MAX_NETWORKS && self.tidied.is_none_or(is_due) {
            self.tidied = Some(now);
            networks.retain(|_, bucket| !bucket.is_full(network, now));
        }
        // With a table full of busy networks only the bucket of all is left to ask.
        if networks.len() < MAX_NETWORKS || networks.contains_key(&network_of(address)) {
            let bucket = networks.entry(network_of(address)).or_insert_with(|| Bucket::full(network, now));
            match ask(bucket, network, patient, Reason::Network, now) {
                Verdict::Drop(reason) => return Verdict::Drop(reason),
                Verdict::Wait(wait) => longest = longest.max(wait),
                Verdict::Pass => {}
            }
        }
        let all = all.get_or_insert_with(|| Bucket::full(strangers, now));
        match ask(all, strangers, patient, Reason::Strangers, now) {
            Verdict::Drop(reason) => Verdict::Drop(reason),
            Verdict::Wait(wait) => Verdict::Wait(longest.max(wait)),
            Verdict::Pass if longest.is_zero() => Verdict::Pass,
            Verdict::Pass => Verdict::Wait(longest),
        }
    }
}

fn ask(bucket: &mut Bucket, rate: Rate, patient: bool, reason: Reason, now: Instant) -> Verdict {
    if !patient {
        return if bucket.take(rate, now) { Verdict::Pass } else { Verdict::Drop(reason) };
    }
    match bucket.book(rate, now) {
        Some(Duration::ZERO) => Verdict::Pass,
        Some(wait) => Verdict::Wait(wait),
        None => Verdict::Drop(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net_types::{FlowId, Transport};

    const OPTIONS: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nUser-Agent: friendly-scanner\r\n\r\n";
    const PLAIN: &[u8] = b"OPTIONS sip:a SIP/2.0\r\n\r\n";

    fn guard() -> Guard {
        let scanners = vec!["friendly-scanner".to_owned()];
        let (address, network, strangers) = (Rate(10), Rate(20), Rate(30));
        Guard::new(GuardSettings { address, network, strangers, scanners, ..GuardSettings::default() })
    }

    fn source(transport: Transport, remote: &str) -> Source {
        let local = "192.0.2.1:5060".parse().expect("an address");
        Source { transport, local, remote: format!("{remote}:5060").parse().expect("an address"), flow: FlowId(1) }
    }

    fn udp(remote: &str) -> Source {
        source(Transport::Udp, remote)
    }

    fn flood(guard: &mut Guard, remote: &str, now: Instant) -> Vec<Verdict> {
        (0..1000).map(|_| guard.handle_message(PLAIN, &udp(remote), now)).collect()
    }

    fn passed(verdicts: &[Verdict]) -> usize {
        verdicts.iter().filter(|verdict| **verdict == Verdict::Pass).count()
    }

    #[test]
    fn a_flood_from_one_address_leaves_room_for_its_neighbour() {
        let now = Instant::now();
        let mut guard = guard();
        let verdicts = flood(&mut guard, "198.51.100.1", now);
        assert_eq!(passed(&verdicts), 100);
        assert_eq!(verdicts.last(), Some(&Verdict::Drop(Reason::Address)));
        assert_eq!(guard.handle_message(PLAIN, &udp("198.51.100.2"), now), Verdict::Pass);
    }

    #[test]
    fn a_network_and_all_strangers_have_their_bounds_too() {
        let now = Instant::now();
        let mut guard = guard();
        for host in 1..=2 {
            assert_eq!(passed(&flood(&mut guard, &format!("198.51.100.{host}"), now)), 100);
        }
        assert_eq!(flood(&mut guard, "198.51.100.3", now)[0], Verdict::Drop(Reason::Network));
        assert_eq!(passed(&flood(&mut guard, "203.0.113.1", now)), 100);
        assert_eq!(flood(&mut guard, "192.0.2.77", now)[0], Verdict::Drop(Reason::Strangers));
    }

    #[test]
    fn an_acquaintance_is_served_while_strangers_flood() {
        let now = Instant::now();
        let mut guard = guard();
        guard.handle_proof("203.0.113.1".parse().expect("an address"), now);
        for network in 0..4 {
            flood(&mut guard, &format!("198.51.{network}.1"), now);
        }
        assert_eq!(flood(&mut guard, "192.0.2.77", now)[0], Verdict::Drop(Reason::Strangers));
        assert_eq!(passed(&flood(&mut guard, "203.0.113.1", now)), 1000);
        assert_eq!(guard.handle_message(OPTIONS, &udp("203.0.113.1"), now), Verdict::Pass, "whatever it calls itself");
        let much_later = now + Duration::from_secs(3 * 3600);
        let verdict = guard.handle_message(OPTIONS, &udp("203.0.113.1"), much_later);
        assert_eq!(verdict, Verdict::Drop(Reason::Scanner), "a proof grows old");
    }

    #[test]
    fn a_guesser_is_not_heard_for_a_while_and_neighbours_are() {
        let now = Instant::now();
        let mut guard = guard();
        let until = now + Duration::from_secs(60);
        for address in ["198.51.100.1", "2001:db8::1", "203.0.113.1"] {
            guard.handle_guesser(address.parse().expect("an address"), until, now);
        }
        guard.handle_proof("203.0.113.1".parse().expect("an address"), now);
        let mut verdict = |remote: &str, at| guard.handle_message(PLAIN, &udp(remote), at);
        for silenced in ["198.51.100.1", "[2001:db8::1]", "[2001:db8::2]"] {
            assert_eq!(verdict(silenced, now), Verdict::Drop(Reason::Guesser), "{silenced}");
        }
        assert_eq!(verdict("198.51.100.2", now), Verdict::Pass);
        assert_eq!(verdict("203.0.113.1", now), Verdict::Pass, "somebody there knows a password");
        assert_eq!(verdict("198.51.100.1", until), Verdict::Pass);
    }

    /// Forged sources of every network there is: each message must cost the same, however many there were.
    #[test]
    fn a_full_table_of_networks_is_not_walked_for_every_message() {
        let now = Instant::now();
        let rate = Rate(1_000_000);
        let settings = GuardSettings { address: Rate(1), network: rate, strangers: rate, ..GuardSettings::default() };
        let mut guard = Guard::new(settings);
        let mut send = |count: u32| {
            let begun = Instant::now();
            for number in 0..count {
                let [_, a, b, c] = number.to_be_bytes();
                let remote = format!("{}.{b}.{c}.1", 11 + a);
                guard.handle_message(PLAIN, &udp(&remote), now);
            }
            begun.elapsed()
        };
        let filling = send(70_000);
        assert!(send(70_000) < filling * 10 + Duration::from_secs(1), "{filling:?}");
    }

    #[test]
    fn scanners_are_not_heard() {
        let now = Instant::now();
        assert_eq!(guard().handle_message(OPTIONS, &udp("198.51.100.1"), now), Verdict::Drop(Reason::Scanner));
    }

    #[test]
    fn a_stream_is_slowed_down_before_anything_is_lost() {
        let now = Instant::now();
        let mut guard = guard();
        let tcp = source(Transport::Tcp, "198.51.100.1");
        let verdicts: Vec<_> = (0..200).map(|_| guard.handle_message(PLAIN, &tcp, now)).collect();
        assert_eq!(passed(&verdicts), 100);
        assert!(matches!(verdicts[120], Verdict::Wait(wait) if wait > Duration::from_secs(1)), "{:?}", verdicts[120]);
        assert_eq!(verdicts[199], Verdict::Drop(Reason::Address));
    }

    #[test]
    fn a_stranger_gets_back_twice_what_he_sent_and_an_acquaintance_what_he_needs() {
        let now = Instant::now();
        let mut guard = guard();
        let remote: IpAddr = "198.51.100.1".parse().expect("an address");
        guard.handle_message(&[b'x'; 300], &udp("198.51.100.1"), now);
        assert!(guard.handle_response(Response::Final, 600, remote, now));
        assert!(!guard.handle_response(Response::Final, 600, remote, now));
        assert!(guard.handle_response(Response::Accepting, 900, remote, now));
        guard.handle_proof(remote, now);
        assert!(guard.handle_response(Response::Final, 6000, remote, now));
    }

    #[test]
    fn ipv4_inside_ipv6_is_the_same_address() {
        let now = Instant::now();
        let mut guard = guard();
        flood(&mut guard, "198.51.100.1", now);
        let verdict = guard.handle_message(PLAIN, &udp("[::ffff:198.51.100.1]"), now);
        assert_eq!(verdict, Verdict::Drop(Reason::Address));
    }
}
