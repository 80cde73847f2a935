//! The table as Markdown, and the ratios that are quoted of it.

use std::fmt;

use super::report::{Report, ServerUse};
use super::signalling::Rate;
use super::spread::Spread;
use super::table::{SETTLED, Table};

const CONFERENCE_HEAD: &str = "\
| media | legs | talk | CPU, cores | RSS, MiB | kB a leg | encodes/s | in | out | out ÷ in | late | lost | INVITE→200, ms | →RTP, ms | delay added, ms | heard right |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";
const SIGNALLING_HEAD: &str = "\
| what | a second | CPU, ms each | CPU, cores | to the 200, ms | said again | RSS before → after → settled, MiB |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |";

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let window = self.conferences.first().map_or(0.0, |report| report.seconds);
        writeln!(f, "Measured on {}. Windows of {window:.0} s; CPU is of the server alone,", self.machine)?;
        writeln!(f, "in seconds a second; pairs of times are p50 / p95.\n")?;
        writeln!(f, "{CONFERENCE_HEAD}")?;
        self.conferences.iter().try_for_each(|report| write_conference(f, report))?;
        let settled = SETTLED.as_secs();
        writeln!(
            f,
            "\nSettled: {settled} s later, when the last transaction is forgotten (RFC 3261 §17, timers H and J).\n"
        )?;
        writeln!(f, "{SIGNALLING_HEAD}")?;
        self.signalling.iter().try_for_each(|rate| write_rate(f, rate))?;
        write!(f, "\n{}", self.churn)?;
        let ratios = ratios(self);
        if !ratios.is_empty() {
            writeln!(f, "\n| ratio | |\n| --- | ---: |")?;
        }
        ratios.iter().try_for_each(|(what, value)| writeln!(f, "| {what} | {value:.2} |"))
    }
}

fn write_conference(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let Report { media, talkers, packets, heard_right, server, seconds, .. } = report;
    write!(f, "| {media} | {} | {talkers} ", report.size())?;
    match server {
        Some(ServerUse { cores, memory_mib, idle_memory_mib, encodes, .. }) => {
            let each_kb = (memory_mib - idle_memory_mib) * f64::from(1 << 20) / 1000.0 / report.legs() as f64;
            write!(f, "| {cores:.3} | {memory_mib:.1} | {each_kb:.0} | {:.0} ", *encodes as f64 / seconds)?;
        }
        None => write!(f, "| – | – | – | – ")?,
    }
    write!(f, "| {} | {} ", packets.sent_in, packets.out)?;
    write!(f, "| {:.3} | {} | {} ", packets.out_by_in(), packets.late, packets.lost)?;
    for spread in [report.answered_ms, report.first_packet_ms, report.delay_ms] {
        write!(f, "| {} ", pair(spread))?;
    }
    writeln!(f, "| {heard_right} |")
}

fn write_rate(f: &mut fmt::Formatter<'_>, rate: &Rate) -> fmt::Result {
    let Rate { what, per_second, server_cpu_ms_each, server_cores, took_ms, repeats, .. } = rate;
    let took = pair(*took_ms);
    write!(f, "| {what} | {per_second:.0} | {server_cpu_ms_each:.3} | {server_cores:.2} | {took} | {repeats} ")?;
    let ([before, after], settled) = (rate.memory_mib, rate.settled_mib.unwrap_or_default());
    writeln!(f, "| {before:.1} → {after:.1} → {settled:.1} |")
}

fn pair(spread: Option<Spread>) -> String {
    spread.map_or_else(|| "–".into(), |Spread { p50, p95, .. }| format!("{p50:.1} / {p95:.1}"))
}

/// CPU against CPU, both of this run: what stays true on another machine.
fn ratios(table: &Table) -> Vec<(&'static str, f64)> {
    let cores =
        |media: &str, parties| Some(table.conference(media, parties)?.server?.cores).filter(|cores| *cores > 0.0);
    let wanted = [
        ("PCMU, 200 legs ÷ 100 legs", ("PCMU", 200), ("PCMU", 100)),
        ("Opus, 200 legs ÷ 100 legs", ("Opus", 200), ("Opus", 100)),
        ("Opus ÷ PCMU, 100 legs", ("Opus", 100), ("PCMU", 100)),
        ("SRTP ÷ plain, PCMU, 100 legs", ("PCMU, SRTP", 100), ("PCMU", 100)),
        ("SRTP ÷ plain, Opus, 100 legs", ("Opus, SRTP", 100), ("Opus", 100)),
    ];
    let ratio = |(name, over, under): (_, (&str, usize), (&str, usize))| {
        Some((name, cores(over.0, over.1)? / cores(under.0, under.1)?))
    };
    wanted.into_iter().filter_map(ratio).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prove::machine::Machine;
    use crate::prove::report::Packets;
    use crate::prove::signalling::Churn;

    fn report(media: &str, parties: usize, cores: f64) -> Report {
        let (memory_mib, idle_memory_mib) = (30.0, 20.0);
        let server =
            ServerUse { cores, memory_mib, idle_memory_mib, late: 0, refused: 0, tick_overruns: 0, encodes: 500 };
        Report {
            parties,
            conferences: 1,
            talkers: 3,
            media: media.into(),
            seconds: 5.0,
            server: Some(server),
            fleet_cores: 0.1,
            fleet_overruns: 0,
            packets: Packets { sent_in: 1000, out: 1000, ..Packets::default() },
            answered_ms: Some(Spread { p50: 2.04, p95: 5.0, max: 9.0 }),
            first_packet_ms: None,
            delay_ms: None,
            jitter_ms: None,
            heard_right: parties,
            faults: vec!["leg 3: refused with 503".into()],
            machine: machine(),
        }
    }

    fn machine() -> Machine {
        Machine { cores: 2, cpu: "A CPU".into(), load: 0.5, release_build: true }
    }

    #[test]
    fn rows_ratios_and_faults_of_a_table() {
        let conferences = vec![report("PCMU", 100, 0.2), report("PCMU", 200, 0.3), report("Opus", 100, 0.5)];
        let churn = Churn {
            calls: 7,
            per_second: 300.0,
            memory_mib: [20.0, 30.0, 30.5],
            settled_mib: 25.0,
            repeats: 0,
            faults: Vec::new(),
        };
        let table = Table { machine: machine(), conferences, signalling: Vec::new(), churn };
        let text = table.to_string();
        assert!(
            text.contains(
                "| PCMU | 100 | 3 | 0.200 | 30.0 | 105 | 100 | 1000 | 1000 | 1.000 | 0 | 0 | 2.0 / 5.0 | – | – | 100 |"
            ),
            "{text}"
        );
        assert!(text.contains("| PCMU, 200 legs ÷ 100 legs | 1.50 |"), "{text}");
        assert!(text.contains("| Opus ÷ PCMU, 100 legs | 2.50 |"), "{text}");
        assert!(!text.contains("SRTP ÷"), "{text}");
        assert_eq!(table.faults()[0], "PCMU, 100 legs: leg 3: refused with 503");
    }
}
