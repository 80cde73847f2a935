//! `plenary prove`: what this machine carries.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, bail};
use plenary_media::plan::AudioCodec;
use plenary_sip::net_types::Transport;
use tokio::signal::unix::{SignalKind, signal};

use super::Failure;
use super::arguments::{CodecName, ProveArguments};
use crate::prove::{self, Load, MIXED, Plan, Target};

pub(super) fn prove(arguments: &ProveArguments) -> Result<(), Failure> {
    let load = load(arguments).map_err(|fault| Failure::Unusable(vec![fault]))?;
    let target = arguments.target.as_deref().map(|target| find(target, &load, &arguments.conference)).transpose()?;
    // One thread: the machine is for the server.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let faults = runtime.block_on(async {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::select! {
            faults = measure(arguments, &load, target.as_ref()) => faults,
            // What is dropped here takes its server with it.
            _ = terminate.recv() => bail!("stopped by SIGTERM"),
            _ = interrupt.recv() => bail!("stopped by SIGINT"),
        }
    })?;
    match faults {
        0 => Ok(()),
        faults => Err(anyhow::anyhow!("{faults} faults").into()),
    }
}

/// Prints what was measured. Returns how many faults there were.
async fn measure(arguments: &ProveArguments, load: &Load, target: Option<&Target>) -> anyhow::Result<usize> {
    if arguments.table {
        let table = prove::table().await?;
        let faults = table.faults();
        faults.iter().for_each(|fault| eprintln!("FAULT {fault}"));
        print(arguments.json, &table)?;
        return Ok(faults.len());
    }
    if let Some(calls) = arguments.churn {
        let churn = prove::churn_of_own(calls, prove::CHURN_PER_SECOND).await?;
        churn.faults.iter().for_each(|fault| eprintln!("FAULT {fault}"));
        print(arguments.json, &churn)?;
        return Ok(churn.faults.len());
    }
    if arguments.signalling {
        let plan = Plan {
            phones: arguments.phones.into(),
            window: load.window,
            core: arguments.server_core,
            beside: arguments.beside.clone(),
        };
        let comparison = prove::compare(&plan).await?;
        let faults = comparison.faults();
        faults.iter().for_each(|fault| eprintln!("FAULT {fault}"));
        print(arguments.json, &comparison)?;
        return Ok(faults.len());
    }
    let report = prove::run(load, target).await?;
    print(arguments.json, &report)?;
    Ok(report.faults.len())
}

fn print(json: bool, figures: &(impl serde::Serialize + std::fmt::Display)) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(figures)?);
    } else {
        print!("{figures}");
    }
    Ok(())
}

fn load(arguments: &ProveArguments) -> Result<Load, String> {
    let parties = usize::from(arguments.parties);
    let talkers = arguments.talkers.map_or(parties.min(3), usize::from);
    if talkers > parties {
        return Err(format!("--talkers {talkers} are more than --parties {parties}"));
    }
    Ok(Load {
        parties,
        conferences: arguments.conferences.into(),
        talkers,
        codecs: match arguments.codec {
            CodecName::Opus => &[AudioCodec::Opus],
            CodecName::G722 => &[AudioCodec::G722],
            CodecName::Pcma => &[AudioCodec::Pcma],
            CodecName::Pcmu => &[AudioCodec::Pcmu],
            CodecName::Mixed => &MIXED,
        },
        srtp: arguments.srtp,
        window: Duration::from_secs(arguments.seconds.into()),
        joins_per_second: arguments.joins_per_second.into(),
    })
}

fn find(target: &str, load: &Load, conference: &str) -> anyhow::Result<Target> {
    let default_port = if load.transport() == Transport::Tls { 5061 } else { 5060 };
    let (host, port) = match target.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse()?),
        _ => (target, default_port),
    };
    let addresses = (host.trim_matches(['[', ']']), port).to_socket_addrs();
    let address: SocketAddr =
        addresses.with_context(|| host.to_owned())?.next().with_context(|| format!("{host} has no address"))?;
    Ok(Target { host: host.to_owned(), address, conference: conference.to_owned() })
}
