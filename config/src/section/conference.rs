//! `[conference]`: addresses of the conference services, and limits of every conference.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::load::Unfit;
use crate::value::duration;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Conference {
    /// User part of the conference factory's URI (RFC 4579 §5.4).
    pub factory: String,
    /// User part of the echo test's URI.
    pub echo: String,
    /// User part of the spoken entrance's URI, where callers key in number and PIN.
    pub entrance: String,
    /// An ad-hoc conference without participants ends after this.
    #[serde(with = "duration")]
    pub empty_timeout: Duration,
    /// How long a called participant may ring.
    #[serde(with = "duration")]
    pub ring_timeout: Duration,
    /// Changes are collected so long before subscribers of the conference package hear of them (RFC 4575 §3.9).
    #[serde(with = "duration")]
    pub notify_interval: Duration,
    /// 2 to 10000.
    pub max_participants: u32,
    /// What session descriptions of conferences say in `u=`, `e=` and `p=` (RFC 4579 §5.1); `{number}` is the conference's.
    pub info_uri: Option<String>,
    pub info_email: Option<String>,
    pub info_phone: Option<String>,
    /// Legs of one account in one conference at once: 1 to 1000.
    pub legs_per_account: u32,
    /// Digits that a new PIN has at least: 4 to 16.
    pub min_pin: u8,
}

impl Default for Conference {
    fn default() -> Self {
        Self {
            factory: "conference".into(),
            echo: "echo".into(),
            entrance: "access".into(),
            empty_timeout: Duration::from_secs(60),
            ring_timeout: Duration::from_secs(60),
            notify_interval: Duration::from_millis(200),
            max_participants: 500,
            info_uri: None,
            info_email: None,
            info_phone: None,
            legs_per_account: 100,
            min_pin: 4,
        }
    }
}

impl Conference {
    pub(crate) fn check(&self, unfit: &mut Vec<Unfit>) {
        let users = [
            ("conference.factory", &self.factory),
            ("conference.echo", &self.echo),
            ("conference.entrance", &self.entrance),
        ];
        for (at, (key, user)) in users.iter().enumerate() {
            if user.is_empty() || !user.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+*".contains(c)) {
                let reason = "must be letters, digits, or - _ . + *: it is the user part of a SIP address".into();
                unfit.push(Unfit { key, reason });
            }
            if let Some((other, _)) = users[..at].iter().find(|(_, earlier)| earlier == user) {
                unfit.push(Unfit { key, reason: format!("is the same as {other}") });
            }
        }
        let told = [
            ("conference.info-uri", &self.info_uri),
            ("conference.info-email", &self.info_email),
            ("conference.info-phone", &self.info_phone),
        ];
        for (key, text) in told {
            if text.as_ref().is_some_and(|text| text.is_empty() || text.len() > 500 || text.contains(char::is_control))
            {
                unfit.push(Unfit { key, reason: "must be 1 to 500 characters on one line".into() });
            }
        }
        if !(2..=10_000).contains(&self.max_participants) {
            unfit.push(Unfit { key: "conference.max-participants", reason: "must be 2 to 10000".into() });
        }
        if !(1..=1000).contains(&self.legs_per_account) {
            unfit.push(Unfit { key: "conference.legs-per-account", reason: "must be 1 to 1000".into() });
        }
        if !(4..=16).contains(&self.min_pin) {
            unfit.push(Unfit { key: "conference.min-pin", reason: "must be 4 to 16".into() });
        }
        if self.notify_interval > Duration::from_secs(60) {
            unfit.push(Unfit { key: "conference.notify-interval", reason: "must be at most 1m".into() });
        }
        if !(5..=600).contains(&self.ring_timeout.as_secs()) {
            unfit.push(Unfit { key: "conference.ring-timeout", reason: "must be 5s to 10m".into() });
        }
    }
}
