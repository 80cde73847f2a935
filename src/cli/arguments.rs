//! What may be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
