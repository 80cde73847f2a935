//! A server of the fleet's own: the same binary, on a loopback address and a data directory that nobody else has.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use plenary_sip::auth::Login;
use plenary_sip::net_types::Transport;
use tokio::time::{Instant, sleep};

use super::http;
use super::load::{MAX_TALKERS, Target};
use super::usage::Usage;
use crate::store::{Access, AccountRole, ConferenceOptions, NewAccount, NewConference, Password, Store, StoreSettings};

/// The first; others follow it.
const CONFERENCE: usize = 3001;
const PASSWORD: &str = "of a phone that is none";
const START_WITHIN: Duration = Duration::from_secs(30);
const ASK_EVERY: Duration = Duration::from_millis(20);
/// Lines of its log that are shown when it does not start.
const LOG_TAIL: usize = 20;

static STARTED: AtomicU8 = AtomicU8::new(0);

/// Killed, and its data removed, when dropped.
#[derive(Debug)]
pub struct Child {
    process: Process,
    address: Ipv4Addr,
    folder: Folder,
}

/// What the child is to be good for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    pub parties: usize,
    pub conferences: usize,
    pub talkers: usize,
    /// That may register, see [`login`].
    pub accounts: usize,
    /// The one core that it may use.
    pub core: Option<usize>,
}

impl Child {
    pub async fn start(wish: Wish) -> anyhow::Result<Self> {
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = Folder::make(number)?;
        let address = own_address(number);
        store(&folder.0.join("data"), address, wish).await?;
        let config = folder.0.join("plenary.toml");
        std::fs::write(&config, settings(&folder.0.join("data"), address, wish))?;
        let log = File::create(folder.log())?;
        // This very program, even when a build has replaced or removed its file meanwhile.
        let program = format!("/proc/{}/exe", std::process::id());
        let mut command = match wish.core {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.args(["--cpu-list", &core.to_string(), &program]);
                command
            }
            None => {
                let mut command = Command::new(program);
                command.arg0("plenary");
                command
            }
        };
        command.args(["serve", "--config"]).arg(&config);
        // Nothing of this machine's own settings is to reach it.
        command.env_clear().env("PATH", "/usr/bin:/bin");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = command.spawn().context("the server cannot be started")?;
        let mut child = Self { process, address, folder };
        child.wait_until_ready().await?;
        Ok(child)
    }

    pub fn target(&self, transport: Transport) -> Target {
        target_at(self.address.into(), transport)
    }

    pub fn usage(&self) -> anyhow::Result<Usage> {
        Usage::of(self.process.id())
    }

    pub fn address(&self) -> IpAddr {
        self.address.into()
    }

    /// Its `/metrics`.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        http::get(self.http(), "/metrics").await
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let give_up = Instant::now() + START_WITHIN;
        while http::get(self.http(), "/readyz").await.is_err() {
            if let Some(status) = self.process.try_wait()? {
                bail!("the server ended with {status}:\n{}", self.folder.log_tail());
            }
            if Instant::now() > give_up {
                bail!("the server did not start within {START_WITHIN:?}:\n{}", self.folder.log_tail());
            }
            sleep(ASK_EVERY).await;
        }
        Ok(())
    }

    fn http(&self) -> SocketAddr {
        (self.address, 8080).into()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Gone already is as good.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A server with the accounts and the conference of ours, on the ports of SIP.
pub fn target_at(address: IpAddr, transport: Transport) -> Target {
    let port = if transport == Transport::Tls { 5061 } else { 5060 };
    Target { host: address.to_string(), address: (address, port).into(), conference: CONFERENCE.to_string() }
}

/// One of the accounts.
pub fn login(number: usize) -> Login {
    Login { user: format!("phone-{number}"), password: PASSWORD.into() }
}

/// Of 127.90.0.0/15 and by our process number, so that two fleets on one machine do not meet.
fn own_address(number: u8) -> Ipv4Addr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 90 + (high & 1), middle ^ number, low.clamp(1, 254))
}

/// Its first content: conferences open to all, and accounts.
async fn store(data: &Path, address: Ipv4Addr, wish: Wish) -> anyhow::Result<()> {
    let settings = StoreSettings {
        url: "sqlite:plenary.db".into(),
        data_dir: data.to_owned(),
        realm: address.to_string(),
        reserved: Vec::new(),
        min_pin: 6,
    };
    let store = Store::open(&settings).await?;
    for after in 0..wish.conferences.max(1) {
        // Nobody is greeted: what is heard must be the talkers alone.
        let options = ConferenceOptions { announcements: false, ..ConferenceOptions::default() };
        let number = Some((CONFERENCE + after).to_string());
        store
            .add_conference(NewConference { number, access: Access::Open, options, ..NewConference::default() })
            .await?;
    }
    for number in 0..wish.accounts {
        let Login { user, password } = login(number);
        let account = NewAccount {
            display_name: user.clone(),
            name: user,
            email: None,
            roles: vec![AccountRole::User],
            disabled: false,
            password: Some(Password::new(password)),
        };
        store.add_account(account).await?;
    }
    Ok(())
}

/// The whole fleet has one address, and what it may send is not what is measured.
const UNBOUND: u32 = 1_000_000;

fn settings(data: &Path, address: Ipv4Addr, wish: Wish) -> String {
    format!(
        "server.domain = \"{address}\"\n\
         server.data-dir = {data:?}\n\
         server.advertised-address = \"{address}\"\n\
         sip.udp = [\"{address}:5060\"]\n\
         sip.tcp = [\"{address}:5060\"]\n\
         sip.tls = [\"{address}:5061\"]\n\
         http.listen = \"{address}:8080\"\n\
         http.tls = false\n\
         media.bind = \"{address}\"\n\
         media.speakers = {speakers}\n\
         conference.max-participants = {parties}\n\
         admin.password = {PASSWORD:?}\n\
         security.address-rate = {UNBOUND}\n\
         security.network-rate = {UNBOUND}\n\
         security.strangers-rate = {UNBOUND}\n\
         security.phones-rate = {UNBOUND}\n\
         log.level = \"warn\"\n",
        // More than there are tones need not all be heard.
        speakers = if wish.talkers > MAX_TALKERS { 8 } else { wish.talkers.max(8) },
        parties = wish.parties.max(100),
    )
}

/// Goes away when dropped.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn make(number: u8) -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("plenary-prove-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
        Ok(Self(path))
    }

    fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_settings_can_be_read() {
        let text =
            settings(Path::new("/tmp/a \"b\""), own_address(3), Wish { parties: 200, talkers: 3, ..Wish::default() });
        let file = std::env::temp_dir().join(format!("plenary-prove-settings-{}.toml", std::process::id()));
        std::fs::write(&file, text).expect("written");
        let sources = plenary_config::Sources::of_process(Some(file.clone()), Vec::new());
        let settings = plenary_config::Settings::load(&sources).expect("readable");
        assert_eq!(settings.server.data_dir, Path::new("/tmp/a \"b\""));
        assert_eq!(settings.conference.max_participants, 200);
        std::fs::remove_file(file).expect("removed");
    }
}
