//! New certificates without a restart: on request (SIGHUP), and when the files have changed.
//!
//! New connections take the new ones; those that stand keep what they agreed on. A file that cannot be used changes
//! nothing: the old certificate goes on, and the log says what is wrong.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use axum_server::tls_rustls::RustlsConfig;
use plenary_sip::net::TlsConfigs;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use super::files::{CertificateFiles, Material};
use super::watched::{Stamp, Watched};

/// The owner of the running server's certificates.
#[derive(Debug)]
pub struct Renewal {
    files: CertificateFiles,
    every: Duration,
    sip: watch::Sender<TlsConfigs>,
    https: Option<RustlsConfig>,
    watched: Watched,
    requests: mpsc::Receiver<()>,
}

/// To ask for new ones now.
#[derive(Clone, Debug)]
pub struct RenewalHandle(mpsc::Sender<()>);

impl RenewalHandle {
    pub fn renew(&self) {
        // One request that waits serves all.
        let _ = self.0.try_send(());
    }
}

impl Renewal {
    /// `every`: how often the files are looked at; zero, never. `https`: the listener's, where there is one.
    pub fn new(
        files: CertificateFiles,
        every: Duration,
        sip: watch::Sender<TlsConfigs>,
        https: Option<RustlsConfig>,
    ) -> (Self, RenewalHandle) {
        let (request, requests) = mpsc::channel(1);
        let watched = Watched::new(stamps(&files.paths()));
        (Self { files, every, sip, https, watched, requests }, RenewalHandle(request))
    }

    /// Ends with the last handle.
    pub async fn run(mut self) {
        let mut looks = interval(if self.every.is_zero() { Duration::from_secs(3600) } else { self.every });
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                request = self.requests.recv() => match request {
                    Some(()) => {
                        self.watched.handle_read(stamps(&self.files.paths()));
                        self.renew();
                    }
                    None => return,
                },
                _ = looks.tick(), if !self.every.is_zero() => {
                    if self.watched.handle_look(stamps(&self.files.paths())) {
                        self.renew();
                    }
                }
            }
        }
    }

    fn renew(&self) {
        match self.files.load() {
            Ok(Material { sip, https, .. }) => {
                self.sip.send_replace(sip);
                if let Some(listener) = &self.https {
                    listener.reload_from_config(https);
                }
                info!("certificates read anew");
            }
            Err(error) => warn!(%error, "new certificates cannot be used: the old ones stay"),
        }
    }
}

fn stamps(paths: &[PathBuf]) -> Vec<Option<Stamp>> {
    let stamp = |path: &PathBuf| {
        let file = fs::metadata(path).ok()?;
        Some(Stamp { modified: file.modified().ok(), length: file.len(), inode: file.ino() })
    };
    paths.iter().map(stamp).collect()
}
