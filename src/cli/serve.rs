//! `plenary serve`: the server in the foreground, until a signal.

use plenary_config::Settings;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use super::Failure;
use crate::server::Server;
use crate::telemetry::log;

pub(super) fn serve(settings: Settings) -> Result<(), Failure> {
    log::start(&settings.log).map_err(|error| anyhow::anyhow!(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let server = Server::start(settings).await?;
        print!("{}", server.welcome());
        tokio::select! {
            _ = terminate.recv() => info!("SIGTERM: stopping"),
            _ = interrupt.recv() => info!("SIGINT: stopping"),
        }
        tokio::select! {
            () = server.stop() => info!("stopped"),
            _ = terminate.recv() => info!("second signal: ending at once"),
            _ = interrupt.recv() => info!("second signal: ending at once"),
        }
        Ok(())
    })
}
