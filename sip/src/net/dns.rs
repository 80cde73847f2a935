//! Names looked up: the system's resolver behind the few questions that RFC 3263 asks.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use tracing::warn;

/// Octets of an answer over UDP, as in the recommendation of the DNS flag day: it fits into one packet anywhere.
const LONGEST_ANSWER: u16 = 1232;

/// One answer to an SRV question, RFC 2782.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    pub(super) host: String,
}

/// One answer to a NAPTR question that leads to SRV (flag `s`), RFC 3263 §4.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    pub(super) order: u16,
    pub(super) preference: u16,
    /// `SIP+D2U`, `SIP+D2T`, `SIPS+D2T`.
    pub(super) service: String,
    pub(super) replacement: String,
}

/// Who answers: the resolver, or in tests a table. No answer and no such name are the same: an empty list.
pub(super) trait Names {
    fn addresses(&self, host: &str) -> impl Future<Output = Result<Vec<IpAddr>, String>> + Send;
    fn services(&self, name: &str) -> impl Future<Output = Vec<Service>> + Send;
    fn pointers(&self, domain: &str) -> impl Future<Output = Vec<Pointer>> + Send;
}

/// Without a readable `/etc/resolv.conf` only the host file and numbers are left.
#[derive(Clone)]
pub(super) struct SystemNames(Option<Arc<TokioResolver>>);

impl std::fmt::Debug for SystemNames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SystemNames").field(&self.0.is_some()).finish()
    }
}

impl SystemNames {
    /// Asks these servers, or where there are none those of the system.
    pub(super) fn new(servers: &[SocketAddr]) -> Self {
        let builder = match servers.is_empty() {
            true => TokioResolver::builder_tokio(),
            false => Ok(TokioResolver::builder_with_config(asking(servers), TokioRuntimeProvider::default())),
        };
        let resolver = builder.and_then(|mut builder| {
            // Long answers: EDNS first, TCP when that was not enough.
            builder.options_mut().edns_payload_len = LONGEST_ANSWER;
            builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
            // A caller waits: better no answer soon than an answer after the call timed out.
            builder.options_mut().timeout = Duration::from_secs(2);
            builder.options_mut().attempts = 2;
            builder.build()
        });
        match resolver {
            Ok(resolver) => Self(Some(Arc::new(resolver))),
            Err(error) => {
                warn!(%error, "no DNS: only addresses and names of the host file can be called");
                Self(None)
            }
        }
    }

    async fn records(&self, name: &str, kind: RecordType) -> Vec<RData> {
        let Some(resolver) = &self.0 else { return Vec::new() };
        // The dot at the end keeps the search domains of this machine out.
        let name = format!("{}.", name.trim_end_matches('.'));
        match resolver.lookup(name, kind).await {
            Ok(found) => found.answers().iter().map(|record| record.data.clone()).collect(),
            Err(_) => Vec::new(),
        }
    }
}

fn asking(servers: &[SocketAddr]) -> ResolverConfig {
    let server = |address: &SocketAddr| {
        let ways = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
        let ways = ways.map(|way| {
            let mut way = way;
            way.port = address.port();
            way
        });
        NameServerConfig::new(address.ip(), true, ways.into())
    };
    ResolverConfig::from_name_servers(servers.iter().map(server).collect())
}

impl Names for SystemNames {
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        match &self.0 {
            Some(resolver) => {
                resolver.lookup_ip(host).await.map(|found| found.iter().collect()).map_err(|error| error.to_string())
            }
            None => tokio::net::lookup_host((host, 0))
                .await
                .map(|found| found.map(|address| address.ip()).collect())
                .map_err(|error| error.to_string()),
        }
    }

    async fn services(&self, name: &str) -> Vec<Service> {
        let records = self.records(name, RecordType::SRV).await;
        let service = |record| match record {
            // RFC 2782: a target of "." says that the service is not there.
            RData::SRV(srv) if !srv.target.is_root() => {
                Some(Service { priority: srv.priority, weight: srv.weight, port: srv.port, host: srv.target.to_utf8() })
            }
            _ => None,
        };
        records.into_iter().filter_map(service).collect()
    }

    async fn pointers(&self, domain: &str) -> Vec<Pointer> {
        let records = self.records(domain, RecordType::NAPTR).await;
        let pointer = |record| match record {
            RData::NAPTR(naptr) if naptr.flags.eq_ignore_ascii_case(b"s") => Some(Pointer {
                order: naptr.order,
                preference: naptr.preference,
                service: String::from_utf8_lossy(&naptr.services).to_ascii_uppercase(),
                replacement: naptr.replacement.to_utf8(),
            }),
            _ => None,
        };
        records.into_iter().filter_map(pointer).collect()
    }
}
