//! The command line: what may be typed, and which exit status says how it went.
//!
//! 0 done, 1 failed, 2 unusable arguments or configuration.

mod arguments;
mod calls;
mod check;
mod prove;
mod running;
mod serve;
mod user;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use plenary_config::{Settings, Sources};

use arguments::{Arguments, Command, ConfigArguments};

/// How a command ends badly.
#[derive(Debug)]
enum Failure {
    /// Status 2: each line names one fault.
    Unusable(Vec<String>),
    /// Status 1.
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Runs the command that the arguments ask for.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // clap tells `--help` (status 0) from a mistake (status 2).
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let outcome = match arguments.command {
        Command::Serve(config) => settings(&config).and_then(serve::serve),
        Command::Check(config) => check::check(&config),
        Command::Prove(arguments) => prove::prove(&arguments),
        Command::Calls { config, json } => settings(&config).and_then(|settings| calls::calls(&settings, json)),
        Command::Ladder { call_id, config, json } => {
            settings(&config).and_then(|settings| calls::ladder(&settings, &call_id, json))
        }
        Command::User(user) => settings(&user.config).and_then(|settings| user::user(user.action, settings)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Unusable(faults)) => {
            faults.iter().for_each(|fault| eprintln!("plenary: {fault}"));
            ExitCode::from(2)
        }
        Err(Failure::Failed(error)) => {
            eprintln!("plenary: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn settings(config: &ConfigArguments) -> Result<Settings, Failure> {
    let sources = Sources::of_process(config.config.clone(), config.set.clone());
    Settings::load(&sources).map_err(|faults| Failure::Unusable(faults.iter().map(ToString::to_string).collect()))
}
