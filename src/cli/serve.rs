//! `plenary serve`: the server in the foreground, until a signal.

use plenary_config::Settings;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use super::Failure;
use crate::server::Server;
use crate::telemetry::{log, memory};

pub(super) fn serve(settings: Settings) -> Result<(), Failure> {
    memory::settle();
    log::start(&settings.log).map_err(|error| anyhow::anyhow!(error.to_string()))?;
    memory::keep_giving_back();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let server = Server::start(settings).await?;
        print!("{}", server.welcome());
        loop {
            tokio::select! {
                _ = hangup.recv() => server.renew_certificates(),
                _ = terminate.recv() => break info!("SIGTERM: stopping"),
                _ = interrupt.recv() => break info!("SIGINT: stopping"),
            }
        }
        tokio::select! {
            () = server.stop() => info!("stopped"),
            _ = terminate.recv() => info!("second signal: ending at once"),
            _ = interrupt.recv() => info!("second signal: ending at once"),
        }
        Ok(())
    })
}
