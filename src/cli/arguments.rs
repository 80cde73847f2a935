//! What may be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::prove::Beside;
use crate::store::AccountRole;

#[derive(Debug, Parser)]
#[command(name = "plenary", version, about = "A self-hosted SIP conferencing server", arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the server in the foreground
    Serve(ConfigArguments),
    /// Check the configuration and print it, secrets masked
    Check(ConfigArguments),
    /// Add, list, change and remove accounts
    User(UserArguments),
    /// List the recent calls of the running server, the newest first
    Calls {
        /// As the API gives it
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// Show what passed in a call, secrets masked: an arrow for each message, then all of them in full
    Ladder {
        /// SIP's Call-ID, as `plenary calls` lists it
        call_id: String,
        /// As the API gives it
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// Load this machine with a synthetic fleet and report what it carries
    Prove(ProveArguments),
}

#[derive(Clone, Debug, Args)]
pub(super) struct ConfigArguments {
    /// Configuration file; without it ./plenary.toml, then /etc/plenary/plenary.toml, then built-in defaults
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// One setting, before file and environment; may be repeated
    #[arg(long, value_name = "section.key=value", global = true)]
    pub set: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct UserArguments {
    #[command(subcommand)]
    pub action: UserAction,
    #[command(flatten)]
    pub config: ConfigArguments,
}

#[derive(Debug, Subcommand)]
pub(super) enum UserAction {
    /// Add an account; its password serves the console and SIP
    Add {
        name: String,
        #[arg(long, value_name = "TEXT", default_value = "")]
        display_name: String,
        /// What the account may do; may be repeated [default: user]
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<RoleName>,
        /// Read the password from the first line of standard input; else one is made and printed
        #[arg(long)]
        password_stdin: bool,
    },
    /// List all accounts
    List,
    /// Give an account a new password
    Passwd {
        name: String,
        /// Read the password from the first line of standard input; else one is made and printed
        #[arg(long)]
        password_stdin: bool,
    },
    /// Remove an account
    Remove { name: String },
}

#[derive(Debug, Args)]
pub(super) struct ProveArguments {
    /// Legs in one conference
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(2..=5000))]
    pub parties: u16,
    /// Conferences of that size at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub conferences: u16,
    /// How long is measured, once everybody is in
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=604_800))]
    pub seconds: u32,
    /// How many of them speak at once [default: 3, or all of 2]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u8).range(1..=15))]
    pub talkers: Option<u8>,
    #[arg(long, value_name = "CODEC", default_value = "pcmu")]
    pub codec: CodecName,
    /// Encrypt: SIP over TLS, media by SRTP
    #[arg(long)]
    pub srtp: bool,
    /// Calls placed a second while joining
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub joins_per_second: u16,
    /// Load this running server instead of one of its own; its CPU is not reported then
    #[arg(long, value_name = "HOST[:PORT]")]
    pub target: Option<String>,
    /// The conference to call there; its access must be open
    #[arg(long, value_name = "NUMBER", default_value = "3001", requires = "target")]
    pub conference: String,
    /// Measure the whole table: conferences of 10 to 200 legs, calls and registrations a second, churn; some six minutes
    #[arg(long, conflicts_with_all = ["parties", "conferences", "seconds", "talkers", "codec", "srtp", "joins_per_second", "target"])]
    pub table: bool,
    /// Measure registrations and calls a second, for --seconds each
    #[arg(long, conflicts_with_all = ["parties", "conferences", "talkers", "codec", "srtp", "target", "table"])]
    pub signalling: bool,
    /// Set up and end so many calls at an even pace, and see what memory they leave; 21000 take as long as it needs
    #[arg(long, value_name = "CALLS", conflicts_with_all = ["signalling", "parties", "conferences", "talkers", "codec", "srtp", "target", "table"])]
    pub churn: Option<usize>,
    /// How many phones are at it at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000), requires = "signalling")]
    pub phones: u16,
    /// The only core that the server may use
    #[arg(long, value_name = "CORE", requires = "signalling")]
    pub server_core: Option<usize>,
    /// A server that runs already and has the same accounts, to compare with: see deploy/compare/kamailio.sh
    #[arg(long, value_name = "NAME=ADDRESS,PROCESS", requires = "signalling")]
    pub beside: Vec<Beside>,
    /// Figures as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum CodecName {
    Opus,
    G722,
    Pcma,
    Pcmu,
    /// All of them, leg by leg
    Mixed,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum RoleName {
    /// Everything, accounts too
    Admin,
    /// All conferences
    Operator,
    /// The conferences that the account is a member of
    User,
}

impl From<RoleName> for AccountRole {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Admin => Self::Admin,
            RoleName::Operator => Self::Operator,
            RoleName::User => Self::User,
        }
    }
}
