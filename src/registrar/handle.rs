//! The way to the registrar: credentials are checked here, bindings by their owner.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use plenary_config::{DigestAlgorithm, Settings};
use plenary_sip::auth::Algorithm;
use plenary_sip::message::{Header, HeaderName, Request, SipUri};
use plenary_sip::net::Silence;
use plenary_sip::net_types::{FlowEnd, Source};
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

use super::binding::{Binding, Registration, Target};
use super::bindings::{Bindings, Limits, Wish};
use super::credentials::{Authenticator, Refused};
use super::gruu::{GruuError, Gruus};
use super::moved::MovedFlow;
use super::patience::Patience;
use super::register::{self, Reply};
use super::task::{Command, Owner, unix_now};
use crate::store::{Store, StoreError};
use crate::telemetry::metrics::{Counter, Family, Metric, Metrics};

const REGISTERS: Metric<1> = Metric::new("sip_registers_total", "REGISTER requests by status class.", ["class"]);

/// Commands waiting; above this a REGISTER is refused with 503.
const MAILBOX: usize = 4096;

/// Why the registrar does not start.
#[derive(Debug, thiserror::Error)]
pub enum RegistrarError {
    #[error("stored registrations cannot be loaded")]
    Store(#[from] StoreError),
    #[error("server.domain {0:?} is no host name")]
    Domain(String),
    #[error("the system gives no random numbers for nonces")]
    Random(#[from] getrandom::Error),
}

#[derive(Clone, Debug)]
pub struct RegistrarSettings {
    /// Also the realm of digest.
    pub domain: String,
    pub aliases: Vec<String>,
    pub limits: Limits,
    /// Of temporary GRUUs; those of an earlier run are read with the same alone.
    pub secret: [u8; 32],
    /// URIs for the Service-Route of every 200 (RFC 3608), first hop first.
    pub service_route: Vec<String>,
    /// Offered for digest.
    pub algorithms: Vec<Algorithm>,
    /// Wrong passwords from one address before it has to wait.
    pub free_failures: u32,
    pub longest_block: Duration,
    /// For those who go on guessing when told to wait; without it each is told so each time.
    pub silence: Option<Silence>,
    /// Who is told of phones that came back by another flow.
    pub moved: Option<mpsc::Sender<MovedFlow>>,
}

/// The way to the registrar, for everybody.
#[derive(Clone, Debug)]
pub struct RegistrarHandle {
    wishes: mpsc::Sender<Command>,
    authenticator: Authenticator,
    domains: Arc<[String]>,
    service_route: Arc<[Header]>,
    registers: Family<Counter, 1>,
}

impl RegistrarSettings {
    /// `secret`: 32 octets of chance that last.
    pub fn of(settings: &Settings, secret: [u8; 32]) -> Self {
        let seconds = |duration: Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
        Self {
            domain: settings.server.domain.clone(),
            aliases: settings.server.aliases.clone(),
            limits: Limits {
                min_expires: seconds(settings.sip.register_min_expires),
                max_expires: seconds(settings.sip.register_max_expires),
                max_bindings: settings.sip.max_bindings,
                flow_timer: seconds(settings.sip.flow_timer),
                flow_timer_udp: seconds(settings.sip.flow_timer_udp),
            },
            secret,
            service_route: settings.sip.service_route.clone(),
            algorithms: settings.security.digest.iter().copied().map(algorithm).collect(),
            free_failures: settings.security.free_failures,
            longest_block: settings.security.longest_block,
            silence: None,
            moved: None,
        }
    }
}

impl RegistrarHandle {
    /// Loads the bindings and starts their owner, which ends with the last handle.
    pub async fn start(settings: RegistrarSettings, store: Store, metrics: &Metrics) -> Result<Self, RegistrarError> {
        let domain = settings.domain.parse().map_err(|_| RegistrarError::Domain(settings.domain.clone()))?;
        let mut bindings = Bindings::new(settings.limits, Gruus::new(domain, &settings.secret));
        let now = unix_now();
        for stored in store.load_bindings().await? {
            let aor = stored.aor.clone();
            match Binding::restored(stored) {
                Some(binding) => bindings.restore(&aor, binding, now),
                None => warn!("a stored binding cannot be read; the phone will register again"),
            }
        }
        let patience = Patience::new(settings.free_failures, settings.longest_block);
        let authenticator =
            Authenticator::new(store.clone(), &settings.domain, &settings.algorithms, patience, settings.silence)?;
        let (wishes, mailbox) = mpsc::channel(MAILBOX);
        tokio::spawn(Owner::new(bindings, store, mailbox, settings.moved, metrics).run());
        let domains = [settings.domain].into_iter().chain(settings.aliases).collect();
        let hop = |uri: &String| Header::new(HeaderName::ServiceRoute, format!("<{uri}>"));
        let service_route = settings.service_route.iter().map(hop).collect();
        Ok(Self { wishes, authenticator, domains, service_route, registers: metrics.counter(REGISTERS) })
    }

    /// The answer to a REGISTER. A 200 is on the disk.
    pub async fn register(&self, request: Arc<Request>, source: Source) -> Reply {
        let mut reply = match self.admit(&request, &source).await {
            Ok((account, wish)) => self.bind(account, wish, request).await,
            Err(reply) => reply,
        };
        if reply.status.is_success() {
            reply.headers.extend(self.service_route.iter().cloned());
        }
        self.registers.with([&format!("{}xx", reply.status.as_u16() / 100)]).add(1);
        reply
    }

    /// The account whose credentials the request carries, whatever its method.
    pub async fn authenticate(&self, request: &Request, source: &Source) -> Result<String, Refused> {
        self.authenticator.authenticate(request, source).await
    }

    /// 401 with a fresh challenge.
    pub fn challenge(&self, request: &Request) -> Refused {
        self.authenticator.challenge(request)
    }

    pub async fn registrations(&self, account: &str) -> Vec<Registration> {
        self.ask(|reply| Command::Registrations { account: account.into(), reply }).await
    }

    /// Where the phones of the account are reached, the preferred ones first.
    pub async fn targets(&self, account: &str) -> Vec<Target> {
        self.ask(|reply| Command::Targets { account: account.into(), reply }).await
    }

    /// The one phone that this GRUU of ours names, and its account.
    pub async fn phone_of(&self, gruu: &SipUri) -> Result<(String, Target), GruuError> {
        self.ask(|reply| Command::Gruu { gruu: gruu.clone(), reply }).await.unwrap_or(Err(GruuError::Unregistered))
    }

    /// A connection is gone, or a phone that registered by datagrams.
    pub async fn flow_ended(&self, end: FlowEnd) {
        let _ = self.wishes.send(Command::FlowEnded { end }).await; // a registrar that is gone has nothing to lose
    }

    /// The account was removed or disabled: its phones are forgotten.
    pub async fn remove(&self, account: &str) {
        self.ask(|reply| Command::Remove { account: account.into(), reply }).await
    }

    async fn admit(&self, request: &Request, source: &Source) -> Result<(String, Wish), Reply> {
        let is_ours = |host: &str| self.is_ours(host);
        register::check(request, is_ours)?;
        let account = self.authenticate(request, source).await;
        let account = account.map_err(|Refused { status, headers }| Reply { status, headers })?;
        register::check_address(request, &account, is_ours)?;
        Ok((account, register::read(request, source)?))
    }

    async fn bind(&self, account: String, wish: Wish, request: Arc<Request>) -> Reply {
        let (reply, answer) = oneshot::channel();
        match self.wishes.try_send(Command::Register { account, wish: Box::new(wish), request, reply }) {
            Ok(()) => answer.await.unwrap_or_else(|_| Reply::busy()),
            Err(_) => Reply::busy(),
        }
    }

    /// The domain, its aliases, and any IP address: whoever typed one into a phone sent the request here by it.
    fn is_ours(&self, host: &str) -> bool {
        let bare = host.trim_matches(['[', ']']);
        bare.parse::<IpAddr>().is_ok()
            || self.domains.iter().any(|domain| domain.trim_matches(['[', ']']).eq_ignore_ascii_case(bare))
    }

    async fn ask<T: Default>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> T {
        let (reply, answer) = oneshot::channel();
        match self.wishes.send(command(reply)).await {
            Ok(()) => answer.await.unwrap_or_default(),
            Err(_) => T::default(),
        }
    }
}

fn algorithm(setting: DigestAlgorithm) -> Algorithm {
    match setting {
        DigestAlgorithm::Sha256 => Algorithm::Sha256,
        DigestAlgorithm::Md5 => Algorithm::Md5,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use plenary_sip::auth::{self, Challenge, Login};
    use plenary_sip::message::{self, Message, StatusCode, parse_datagram};
    use plenary_sip::net_types::{ByFlow, FlowId, Transport};

    use super::*;
    use crate::store::{NewAccount, Password, StoreSettings};

    const DOMAIN: &str = "example.org";

    /// A registrar with the account alice.
    struct Bench {
        store: Store,
        registrar: RegistrarHandle,
    }

    /// A phone at an address of its own.
    struct Phone {
        user: &'static str,
        password: &'static str,
        address_of_record: &'static str,
        remote: &'static str,
    }

    const ALICE: Phone = Phone {
        user: "alice",
        password: "correct horse",
        address_of_record: "sip:alice@example.org",
        remote: "198.51.100.7:5060",
    };

    impl Bench {
        async fn new() -> Self {
            let settings = StoreSettings {
                url: "sqlite::memory:".into(),
                data_dir: std::env::temp_dir(),
                realm: DOMAIN.into(),
                reserved: Vec::new(),
                min_pin: 6,
            };
            let store = Store::open(&settings).await.expect("a database in memory");
            let alice = NewAccount {
                name: "alice".into(),
                display_name: String::new(),
                email: None,
                roles: Vec::new(),
                disabled: false,
                password: Some(Password::new(ALICE.password)),
            };
            store.add_account(alice).await.expect("a good account");
            let registrar = start(&store).await;
            Self { store, registrar }
        }

        /// Asks without credentials first, then answers the first challenge that `takes` accepts.
        async fn register(&self, phone: &Phone, cseq: u32, takes: impl Fn(Algorithm) -> bool) -> Reply {
            let asked = self.registrar.register(phone.request(cseq, None), phone.source()).await;
            assert_eq!(asked.status, StatusCode::UNAUTHORIZED);
            let challenge = challenges(&asked).into_iter().find(|challenge| takes(challenge.algorithm));
            let credentials = phone.answer(&challenge.expect("such a challenge"), 1);
            self.registrar.register(phone.request(cseq + 1, Some(&credentials)), phone.source()).await
        }
    }

    async fn start(store: &Store) -> RegistrarHandle {
        let settings = RegistrarSettings {
            domain: DOMAIN.into(),
            aliases: vec!["sip.example.org".into()],
            limits: Limits {
                min_expires: 60,
                max_expires: 3600,
                max_bindings: 10,
                flow_timer: 120,
                flow_timer_udp: 30,
            },
            secret: [7; 32],
            service_route: Vec::new(),
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            free_failures: 3,
            longest_block: Duration::from_secs(60),
            silence: None,
            moved: None,
        };
        RegistrarHandle::start(settings, store.clone(), &Metrics::default()).await.expect("a good store")
    }

    impl Phone {
        fn source(&self) -> Source {
            let (local, remote) = ("192.0.2.1:5060".parse().unwrap(), self.remote.parse().unwrap());
            Source { transport: Transport::Udp, local, remote, flow: FlowId(7) }
        }

        fn request(&self, cseq: u32, credentials: Option<&str>) -> Arc<Request> {
            let aor = self.address_of_record;
            let authorization = credentials.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
            let text = format!(
                "REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK{cseq}\r\n\
                 From: <{aor}>;tag=1\r\nTo: <{aor}>\r\nCall-ID: 1\r\nCSeq: {cseq} REGISTER\r\nMax-Forwards: 70\r\n\
                 Contact: <sip:alice@10.0.0.9:5060>\r\n{authorization}Content-Length: 0\r\n\r\n"
            );
            match parse_datagram(&Bytes::from(text), &message::Limits::default()) {
                Ok(Message::Request(request)) => Arc::new(request),
                other => panic!("no request: {other:?}"),
            }
        }

        fn answer(&self, challenge: &Challenge, nc: u32) -> String {
            let login = Login { user: self.user.into(), password: self.password.into() };
            let request = self.request(1, None);
            auth::answer(challenge, &login, &request.method, &request.uri, "0a4f113b", nc)
        }
    }

    fn challenges(reply: &Reply) -> Vec<Challenge> {
        let values = reply.headers.iter().filter(|header| *header.name() == HeaderName::WwwAuthenticate);
        values.map(|header| Challenge::parse(&header.value()).expect("a challenge")).collect()
    }

    /// What of a 401 could tell one account from another.
    fn shape(reply: &Reply) -> (StatusCode, Vec<(Algorithm, String, bool)>) {
        let show = |challenge: Challenge| (challenge.algorithm, challenge.realm, challenge.stale);
        (reply.status, challenges(reply).into_iter().map(show).collect())
    }

    #[tokio::test]
    async fn either_algorithm_registers_and_the_phone_is_found() {
        let bench = Bench::new().await;
        for (cseq, algorithm) in [(1, Algorithm::Sha256), (3, Algorithm::Md5)] {
            let reply = bench.register(&ALICE, cseq, |offered| offered == algorithm).await;
            assert_eq!(reply.status, StatusCode::OK, "{algorithm}");
        }
        let targets = bench.registrar.targets("alice").await;
        assert_eq!(targets.len(), 1);
        assert_eq!(targets[0].uri.to_string(), "sip:alice@10.0.0.9:5060");
        assert_eq!(targets[0].flow.map(ByFlow::source), Some(ALICE.source()));
        assert_eq!(bench.registrar.registrations("alice").await.len(), 1);
        assert!(bench.registrar.targets("bob").await.is_empty());
    }

    /// RFC 8760 §2.3.
    #[tokio::test]
    async fn the_challenge_offers_sha_256_before_md5() {
        let bench = Bench::new().await;
        let asked = bench.registrar.register(ALICE.request(1, None), ALICE.source()).await;
        let offered: Vec<_> = challenges(&asked).iter().map(|one| (one.algorithm, one.qop)).collect();
        assert_eq!(offered, [(Algorithm::Sha256, true), (Algorithm::Md5, true)]);
    }

    #[tokio::test]
    async fn a_phone_that_gives_up_on_sha_256_is_offered_md5_alone() {
        let bench = Bench::new().await;
        let mut request = Arc::unwrap_or_clone(ALICE.request(1, None));
        request.headers.push(Header::new(HeaderName::UserAgent, "baresip v1.0.0 (x86_64/linux)"));
        let asked = bench.registrar.register(Arc::new(request), ALICE.source()).await;
        let offered: Vec<_> = challenges(&asked).iter().map(|one| one.algorithm).collect();
        assert_eq!(offered, [Algorithm::Md5]);
    }

    #[tokio::test]
    async fn what_was_answered_with_200_is_there_after_a_restart() {
        let bench = Bench::new().await;
        assert_eq!(bench.register(&ALICE, 1, |_| true).await.status, StatusCode::OK);
        let again = start(&bench.store).await;
        let targets = again.targets("alice").await;
        assert_eq!(targets.len(), 1);
        assert_eq!(targets[0].path[0].to_string(), "<sip:198.51.100.7:5060;transport=udp;lr>");
    }

    #[tokio::test]
    async fn nobody_and_a_wrong_password_look_alike() {
        let bench = Bench::new().await;
        let wrong = bench.register(&Phone { password: "wrong horse", ..ALICE }, 1, |_| true).await;
        let nobody = Phone { user: "nobody", address_of_record: "sip:nobody@example.org", ..ALICE };
        assert_eq!(shape(&bench.register(&nobody, 1, |_| true).await), shape(&wrong));
        assert_eq!(shape(&wrong).0, StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn nobody_registers_for_another() {
        let bench = Bench::new().await;
        let phone = Phone { address_of_record: "sip:bob@example.org", ..ALICE };
        assert_eq!(bench.register(&phone, 1, |_| true).await.status, StatusCode::FORBIDDEN);
        assert!(bench.registrar.targets("bob").await.is_empty());
    }

    #[tokio::test]
    async fn a_replayed_request_is_told_that_its_nonce_is_stale() {
        let bench = Bench::new().await;
        let asked = bench.registrar.register(ALICE.request(1, None), ALICE.source()).await;
        let credentials = ALICE.answer(&challenges(&asked)[0], 1);
        let send = |cseq| bench.registrar.register(ALICE.request(cseq, Some(&credentials)), ALICE.source());
        assert_eq!(send(2).await.status, StatusCode::OK);
        let replayed = send(3).await;
        assert!(challenges(&replayed).iter().all(|challenge| challenge.stale));
        assert_eq!(replayed.status, StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn who_guesses_has_to_wait_and_the_owner_does_not() {
        let bench = Bench::new().await;
        let thief = Phone { password: "wrong horse", remote: "203.0.113.66:5060", ..ALICE };
        let mut last = StatusCode::OK;
        for round in 0..5 {
            last = bench.register(&thief, 1 + round, |_| true).await.status;
        }
        assert_eq!(last, StatusCode::FORBIDDEN);
        assert_eq!(bench.register(&ALICE, 1, |_| true).await.status, StatusCode::OK);
    }

    #[tokio::test]
    async fn a_removed_account_is_reached_no_more() {
        let bench = Bench::new().await;
        assert_eq!(bench.register(&ALICE, 1, |_| true).await.status, StatusCode::OK);
        bench.registrar.remove("alice").await;
        assert!(bench.registrar.targets("alice").await.is_empty());
    }

    /// Many phones at once share their writes and all get through.
    #[tokio::test]
    async fn a_crowd_registers() {
        let bench = Bench::new().await;
        let asked = bench.registrar.register(ALICE.request(1, None), ALICE.source()).await;
        let challenge = &challenges(&asked)[0];
        let mut crowd = tokio::task::JoinSet::new();
        for count in 1..=300 {
            let (registrar, credentials) = (bench.registrar.clone(), ALICE.answer(challenge, count));
            let asked = registrar.authenticate(&ALICE.request(1, Some(&credentials)), &ALICE.source()).await;
            assert_eq!(asked.expect("the right password"), "alice");
            let request = Arc::try_unwrap(ALICE.request(1, None)).expect("one owner");
            let mut wish = register::read(&request, &ALICE.source()).expect("a good request");
            wish.call_id = count.to_string();
            crowd.spawn(async move { registrar.bind(format!("phone{count}"), wish, Arc::new(request)).await.status });
        }
        while let Some(status) = crowd.join_next().await {
            assert_eq!(status.expect("no panic"), StatusCode::OK);
        }
        assert_eq!(bench.store.load_bindings().await.expect("readable").len(), 300);
    }
}
