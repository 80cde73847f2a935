//! `[log]`

use serde::{Deserialize, Serialize};

use crate::load::Unfit;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`; or with exceptions: `info,plenary_sip=debug`.
    pub level: String,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    #[default]
    Text,
    /// One object a line.
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Text }
    }
}

impl Log {
    pub(crate) fn check(&self, unfit: &mut Vec<Unfit>) {
        let is_level = |text: &str| ["off", "error", "warn", "info", "debug", "trace"].contains(&text);
        let is_good = |part: &str| match part.split_once('=') {
            None => is_level(part),
            Some((module, level)) => {
                !module.is_empty()
                    && module.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
                    && is_level(level)
            }
        };
        if !self.level.split(',').all(|part| is_good(part.trim())) {
            let reason = "must be error, warn, info, debug or trace, or such a list: info,plenary_sip=debug".into();
            unfit.push(Unfit { key: "log.level", reason });
        }
    }
}
