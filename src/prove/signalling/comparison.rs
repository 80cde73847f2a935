//! Two or more servers under the same work, one after the other: the table that says how they compare.

use std::fmt;
use std::time::Duration;

use plenary_sip::net_types::Transport;
use serde::Serialize;

use super::bench::{Deed, Rate, Work, rate};
use super::server::{Beside, Server};
use crate::prove::child::{Child, Wish};
use crate::prove::machine::Machine;

const HEAD: &str = "\
| what | server | a second | ÷ | CPU, ms each | cores | to the 200, ms | said again |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |";

/// All in one conference.
pub const CALLS_OPEN: usize = 8;

#[derive(Clone, Debug)]
pub struct Plan {
    /// Phones at it at once.
    pub phones: usize,
    /// How long each row is measured.
    pub window: Duration,
    /// The one core that our own server may use.
    pub core: Option<usize>,
    /// Servers that run already.
    pub beside: Vec<Beside>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    pub machine: Machine,
    pub rows: Vec<Rate>,
}

/// Registrations of every server, calls of our own: others have no conferences.
pub async fn compare(plan: &Plan) -> anyhow::Result<Comparison> {
    let machine = Machine::here();
    let wish = Wish { accounts: plan.phones, core: plan.core, ..Wish::default() };
    let mut servers = vec![Server::Own(Box::new(Child::start(wish).await?))];
    servers.extend(plan.beside.iter().cloned().map(Server::Beside));
    let mut rows = Vec::new();
    let transports = [Transport::Udp, Transport::Tls];
    for deed in [Deed::Register, Deed::Refresh, Deed::Call] {
        for transport in transports {
            for server in &servers {
                let is_ours = matches!(server, Server::Own(_));
                if is_ours || deed != Deed::Call {
                    let open = if deed == Deed::Call { CALLS_OPEN } else { plan.phones };
                    let row = rate(server, Work { deed, transport, open }, plan.window).await?;
                    eprintln!("{}: {}: {:.0} a second", row.server, row.what, row.per_second);
                    rows.push(row);
                }
            }
        }
    }
    Ok(Comparison { machine, rows })
}

impl Comparison {
    pub fn faults(&self) -> Vec<String> {
        let of = |row: &Rate| {
            let (server, what) = (row.server.clone(), row.what.clone());
            row.faults.iter().map(move |fault| format!("{server}: {what}: {fault}")).collect::<Vec<_>>()
        };
        self.rows.iter().flat_map(of).collect()
    }

    /// Our own rate over this row's, of the same work.
    fn ours_over(&self, row: &Rate) -> Option<f64> {
        let ours = self.rows.iter().find(|ours| ours.what == row.what)?;
        (ours.server != row.server).then(|| ours.per_second / row.per_second)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Measured on {}. CPU is of the server alone; times are p50 / p95;", self.machine)?;
        writeln!(f, "÷ is our rate over that server's.\n\n{HEAD}")?;
        for row in &self.rows {
            let Rate { what, server, per_second, server_cpu_ms_each, server_cores, repeats, .. } = row;
            let over = self.ours_over(row).map_or_else(String::new, |ratio| format!("{ratio:.2}"));
            let took = row.took_ms.map_or_else(|| "–".into(), |took| format!("{:.1} / {:.1}", took.p50, took.p95));
            writeln!(
                f,
                "| {what} | {server} | {per_second:.0} | {over} | {server_cpu_ms_each:.3} | {server_cores:.2} | {took} \
                 | {repeats} |"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(server: &str, per_second: f64) -> Rate {
        Rate {
            server: server.into(),
            what: "REGISTER".into(),
            per_second,
            server_cpu_ms_each: 0.125,
            server_cores: 1.0,
            took_ms: None,
            repeats: 0,
            memory_mib: [0.0; 2],
            settled_mib: None,
            faults: vec!["401".into()],
        }
    }

    #[test]
    fn each_is_set_against_ours() {
        let rows = vec![row("Plenary", 3000.0), row("Another", 4000.0)];
        let comparison = Comparison { machine: Machine::here(), rows };
        let text = comparison.to_string();
        assert!(text.contains("| REGISTER | Plenary | 3000 |  | 0.125 | 1.00 | – | 0 |"), "{text}");
        assert!(text.contains("| REGISTER | Another | 4000 | 0.75 |"), "{text}");
        assert_eq!(comparison.faults()[1], "Another: REGISTER: 401");
    }
}
