//! Finding a server: RFC 3263 §4. From a host, a port and a transport, as far as named, to addresses in order of trial.
//!
//! ```text
//!   address or port given ─────────────────────────────▶ A/AAAA
//!   transport given ───────────────▶ SRV of it ────┬───▶ A/AAAA of each target
//!   neither ──▶ NAPTR ──▶ SRV of the best ─────────┤
//!                 └none─▶ SRV of each transport ───┤
//!                                           none ──┴───▶ A/AAAA of the host, UDP (sips: TLS)
//! ```
//!
//! A name without a dot (`localhost`, a container's) has no records of its own: only its address is asked for.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::dns::{Names, Service};
use super::error::SendError;
use crate::guard::may_reach;
use crate::net_types::Transport;

/// One address to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) transport: Transport,
    pub(super) address: SocketAddr,
}

/// What is asked: the parts of a URI that decide (§4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) transport: Option<Transport>,
    /// `sips`.
    pub(super) secure: bool,
    pub(super) host: String,
    pub(super) port: Option<u16>,
    /// Where whoever named the host is, if he is none of ours.
    pub(super) named_by: Option<IpAddr>,
}

impl Query {
    /// Of the addresses that were found those that may be used; if there are none, why.
    ///
    /// This comes after every look-up, not before the first: the next answer to the same question may be another.
    pub(super) fn permitted(&self, mut found: Vec<Target>) -> Result<Vec<Target>, SendError> {
        found.retain(|target| !self.secure || target.transport.is_secure());
        if found.is_empty() {
            return Err(SendError::NotSecure { host: self.host.clone() });
        }
        if let Some(asker) = self.named_by {
            found.retain(|target| may_reach(asker, target.address.ip()));
            if found.is_empty() {
                return Err(SendError::OutOfReach { host: self.host.clone(), named_by: asker });
            }
        }
        Ok(found)
    }

    /// The transport that the URI fixes, or that holds when the records say nothing.
    fn transport(&self) -> Transport {
        match (self.transport, self.secure) {
            (Some(Transport::Tcp) | None, true) => Transport::Tls,
            (Some(transport), _) => transport,
            (None, false) => Transport::Udp,
        }
    }

    /// The answer that needs no look-up: the host is an address.
    pub(super) fn numeric(&self) -> Option<Target> {
        let ip = self.host.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
        Some(self.at(ip))
    }

    fn at(&self, ip: IpAddr) -> Target {
        let transport = self.transport();
        Target { transport, address: SocketAddr::new(ip, self.port.unwrap_or(transport.default_port())) }
    }

    fn not_found(&self, reason: impl ToString) -> SendError {
        SendError::NotFound { host: self.host.clone(), reason: reason.to_string() }
    }
}

/// Transports that have records in the DNS, in the order of our own preference (§4.1: UDP is what everybody has).
const SERVICES: [(Transport, &str, &str); 3] = [
    (Transport::Udp, "SIP+D2U", "_sip._udp"),
    (Transport::Tcp, "SIP+D2T", "_sip._tcp"),
    (Transport::Tls, "SIPS+D2T", "_sips._tcp"),
];
const MAX_TARGETS: usize = 16;
/// Records that are followed, of all that a name has: what lies behind one of them may cost a look-up of its own.
const MAX_QUESTIONS: usize = 6;
const MAX_SERVICES: usize = 16;
/// For all look-ups of one request together; after it, what is known must do.
const RESOLVE_WITHIN: Duration = Duration::from_secs(8);

/// `spoken`: the transports that we can send by. `chance`: numbers for weighted choice (RFC 2782).
pub(super) async fn resolve(
    query: &Query,
    spoken: &[Transport],
    names: &impl Names,
    mut chance: impl FnMut() -> u64,
) -> Result<Vec<Target>, SendError> {
    if let Some(target) = query.numeric() {
        return Ok(vec![target]);
    }
    let host = query.host.trim_end_matches('.').to_ascii_lowercase();
    let has_records = query.port.is_none() && host.contains('.') && !host.ends_with(".invalid");
    if has_records {
        let mut targets = Vec::new();
        let deadline = Instant::now() + RESOLVE_WITHIN;
        let late = || query.not_found("the name servers take too long");
        let found = timeout_at(deadline, services_of(query, spoken, names)).await.map_err(|_| late())?;
        let mut left = MAX_SERVICES;
        for (transport, mut services) in found {
            sort_services(&mut services, &mut chance);
            services.truncate(left);
            left -= services.len();
            for service in services {
                let found = timeout_at(deadline, names.addresses(&service.host)).await;
                let found = found.unwrap_or_else(|_| Ok(Vec::new())).unwrap_or_default();
                targets.extend(found.into_iter().map(|ip| Target { transport, address: (ip, service.port).into() }));
            }
        }
        if !targets.is_empty() {
            targets.truncate(MAX_TARGETS);
            return Ok(targets);
        }
    }
    // RFC 7118 §5.3, RFC 5626 §4.2.1: such a name is nowhere, and nobody is asked for it.
    if host.ends_with(".invalid") {
        return Err(query.not_found("reserved for names that do not exist"));
    }
    let found = names.addresses(&query.host).await.map_err(|reason| query.not_found(reason))?;
    if found.is_empty() {
        return Err(query.not_found("no address record"));
    }
    Ok(found.into_iter().take(MAX_TARGETS).map(|ip| query.at(ip)).collect())
}

/// The SRV records to follow, transport by transport in order.
async fn services_of(query: &Query, spoken: &[Transport], names: &impl Names) -> Vec<(Transport, Vec<Service>)> {
    let allowed = |transport: Transport| spoken.contains(&transport) && (!query.secure || transport.is_secure());
    let mut questions: Vec<(Transport, String)> = Vec::new();
    if query.transport.is_none() {
        let mut pointers = names.pointers(&query.host).await;
        pointers.sort_by_key(|pointer| (pointer.order, pointer.preference));
        for pointer in pointers {
            let known =
                SERVICES.iter().find(|(transport, service, _)| *service == pointer.service && allowed(*transport));
            questions.extend(known.map(|(transport, ..)| (*transport, pointer.replacement)));
        }
    }
    if questions.is_empty() {
        let fixed = query.transport.map(|_| query.transport());
        let wanted = |transport: Transport| fixed.is_none_or(|fixed| fixed == transport) && allowed(transport);
        let direct = SERVICES.iter().filter(|(transport, ..)| wanted(*transport));
        questions.extend(direct.map(|(transport, _, prefix)| (*transport, format!("{prefix}.{}", query.host))));
    }
    let mut answers = Vec::new();
    for (transport, name) in questions.into_iter().take(MAX_QUESTIONS) {
        answers.push((transport, names.services(&name).await));
    }
    answers
}

/// By priority; within one, by weight and chance (RFC 2782).
fn sort_services(services: &mut Vec<Service>, chance: &mut impl FnMut() -> u64) {
    let mut left = std::mem::take(services);
    left.sort_by_key(|service| (service.priority, service.weight));
    while let Some(priority) = left.first().map(|service| service.priority) {
        let same = left.iter().take_while(|service| service.priority == priority);
        let weights: Vec<u64> = same.map(|service| u64::from(service.weight)).collect();
        let mut mark = chance() % (weights.iter().sum::<u64>() + 1);
        let chosen = weights.iter().position(|weight| {
            let here = mark <= *weight;
            mark = mark.saturating_sub(*weight);
            here
        });
        services.push(left.remove(chosen.unwrap_or(0)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::dns::Pointer;
    use super::*;

    #[derive(Default)]
    struct Table {
        addresses: Vec<(&'static str, &'static str)>,
        services: Vec<(&'static str, u16, u16, u16, &'static str)>,
        pointers: Vec<(u16, &'static str, &'static str)>,
    }

    impl Names for Table {
        async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, String> {
            let of_host = self.addresses.iter().filter(|(name, _)| *name == host.trim_end_matches('.'));
            Ok(of_host.filter_map(|(_, address)| address.parse().ok()).collect())
        }
        async fn services(&self, name: &str) -> Vec<Service> {
            let of_name = self.services.iter().filter(|(service, ..)| *service == name);
            of_name
                .map(|(_, priority, weight, port, host)| Service {
                    priority: *priority,
                    weight: *weight,
                    port: *port,
                    host: (*host).into(),
                })
                .collect()
        }
        async fn pointers(&self, _: &str) -> Vec<Pointer> {
            self.pointers
                .iter()
                .map(|(order, service, replacement)| Pointer {
                    order: *order,
                    preference: 0,
                    service: (*service).into(),
                    replacement: (*replacement).into(),
                })
                .collect()
        }
    }

    fn query(transport: Option<Transport>, secure: bool, host: &str, port: Option<u16>) -> Query {
        Query { transport, secure, host: host.into(), port, named_by: None }
    }

    /// Rebinding: the address is judged, not the name, and each time.
    #[test]
    fn what_a_stranger_names_leads_nowhere_inside() {
        let at = |address: &str| Target {
            transport: Transport::Udp,
            address: format!("{address}:5060").parse().expect("an address"),
        };
        let of_stranger = Query { named_by: "203.0.113.9".parse().ok(), ..query(None, false, "a.example", None) };
        let mixed = vec![at("127.0.0.1"), at("198.51.100.1"), at("10.0.0.1")];
        assert_eq!(of_stranger.permitted(mixed.clone()), Ok(vec![at("198.51.100.1")]));
        for inside in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0", "[::1]", "[::ffff:10.0.0.1]", "[fd00::1]"]
        {
            let refused = of_stranger.permitted(vec![at(inside)]);
            assert!(matches!(refused, Err(SendError::OutOfReach { .. })), "{inside}: {refused:?}");
        }
        let own = query(None, false, "a.example", None);
        assert_eq!(own.permitted(mixed.clone()), Ok(mixed), "what an administrator wrote down");
    }

    /// RFC 5630 §4: never by anything but TLS, whatever records or parameters say.
    #[test]
    fn sips_goes_over_tls_or_not_at_all() {
        let udp = query(Some(Transport::Udp), true, "192.0.2.7", None);
        let found = udp.numeric().into_iter().collect();
        assert_eq!(udp.permitted(found), Err(SendError::NotSecure { host: "192.0.2.7".into() }));
        let tls = query(None, true, "192.0.2.7", None);
        assert!(tls.permitted(tls.numeric().into_iter().collect()).is_ok());
    }

    async fn found(query: Query, table: &Table) -> Vec<String> {
        let spoken = [Transport::Udp, Transport::Tcp, Transport::Tls];
        let targets = resolve(&query, &spoken, table, || 0).await.unwrap_or_default();
        targets.iter().map(|target| format!("{} {}", target.transport, target.address)).collect()
    }

    /// §4.1 and §4.2: what an address, a port or a transport in the URI fixes.
    #[tokio::test]
    async fn numbers_and_ports_need_no_records() {
        use Transport::{Tcp, Tls, Udp};
        let table = Table {
            addresses: vec![("example.com", "192.0.2.1")],
            services: vec![("_sip._udp.example.com", 0, 0, 9999, "example.com")],
            ..Table::default()
        };
        let rows = [
            (query(None, false, "192.0.2.7", None), "UDP 192.0.2.7:5060"),
            (query(None, true, "192.0.2.7", None), "TLS 192.0.2.7:5061"),
            (query(Some(Tcp), false, "192.0.2.7", None), "TCP 192.0.2.7:5060"),
            (query(Some(Tcp), true, "192.0.2.7", None), "TLS 192.0.2.7:5061"),
            (query(Some(Tls), false, "[2001:db8::1]", Some(7000)), "TLS [2001:db8::1]:7000"),
            (query(None, false, "example.com", Some(7000)), "UDP 192.0.2.1:7000"),
            (query(Some(Udp), false, "example.com", Some(7000)), "UDP 192.0.2.1:7000"),
            (query(Some(Tcp), false, "example.com", None), "TCP 192.0.2.1:5060"),
        ];
        for (query, expected) in rows {
            assert_eq!(found(query.clone(), &table).await, [expected], "{query:?}");
        }
    }

    #[tokio::test]
    async fn pointers_lead_to_services_and_on_to_addresses() {
        let table = Table {
            addresses: vec![("a.example.com", "192.0.2.1"), ("b.example.com", "192.0.2.2")],
            services: vec![
                ("_sip._udp.example.com", 0, 0, 5060, "b.example.com"),
                ("_sips._tcp.pool", 20, 0, 5071, "b.example.com"),
                ("_sips._tcp.pool", 10, 0, 5061, "a.example.com"),
            ],
            pointers: vec![
                (90, "SIP+D2U", "_sip._udp.example.com"),
                (50, "SIPS+D2T", "_sips._tcp.pool"),
                (1, "X", "y"),
            ],
        };
        let all = found(query(None, false, "example.com", None), &table).await;
        assert_eq!(all, ["TLS 192.0.2.1:5061", "TLS 192.0.2.2:5071", "UDP 192.0.2.2:5060"]);
        let secure = found(query(None, true, "example.com", None), &table).await;
        assert_eq!(secure, ["TLS 192.0.2.1:5061", "TLS 192.0.2.2:5071"]);
        let udp = found(query(Some(Transport::Udp), false, "example.com", None), &table).await;
        assert_eq!(udp, ["UDP 192.0.2.2:5060"]);
    }

    #[tokio::test]
    async fn names_without_records_are_hosts() {
        let table = Table { addresses: vec![("pbx", "192.0.2.1"), ("a.example", "192.0.2.2")], ..Table::default() };
        assert_eq!(found(query(None, false, "pbx", None), &table).await, ["UDP 192.0.2.1:5060"]);
        assert_eq!(found(query(None, true, "a.example", None), &table).await, ["TLS 192.0.2.2:5061"]);
        assert!(found(query(None, false, "nobody.example", None), &table).await.is_empty());
    }

    #[tokio::test]
    async fn of_endless_records_few_are_followed_and_invalid_names_are_nowhere() {
        let table = Table {
            addresses: vec![("a.example", "192.0.2.1"), ("b.invalid", "192.0.2.2")],
            services: (0..500).map(|port| ("_sip._udp.example.com", 0, 0, port, "a.example")).collect(),
            ..Table::default()
        };
        assert_eq!(found(query(None, false, "example.com", None), &table).await.len(), 16);
        assert!(found(query(Some(Transport::Tcp), false, "b.invalid", None), &table).await.is_empty());
    }

    #[test]
    fn services_are_drawn_by_weight() {
        let service = |weight, port| Service { priority: 1, weight, port, host: String::new() };
        let order = |chance: u64| {
            let mut services = vec![service(10, 1), service(60, 2), service(0, 3)];
            sort_services(&mut services, &mut || chance);
            services.iter().map(|service| service.port).collect::<Vec<_>>()
        };
        assert_eq!(order(0), [3, 1, 2]);
        assert_eq!(order(70).first(), Some(&2));
    }
}
