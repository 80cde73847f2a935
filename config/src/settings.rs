//! All settings, as plain structs.

use serde::{Deserialize, Serialize};

use crate::load::Unfit;
use crate::section::{Admin, Conference, Database, Dialplan, Http, Log, Media, Security, Server, Sip, Voice};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    pub server: Server,
    pub database: Database,
    pub sip: Sip,
    pub http: Http,
    pub media: Media,
    pub conference: Conference,
    pub voice: Voice,
    pub security: Security,
    pub admin: Admin,
    pub dialplan: Dialplan,
    pub log: Log,
}

impl Settings {
    /// The settings in force as TOML, with secrets masked: for people to read, not to load again.
    pub fn masked_toml(&self) -> String {
        toml::to_string_pretty(self).expect("plain tables of plain values")
    }

    pub(crate) fn check(&self) -> Vec<Unfit> {
        let mut unfit = Vec::new();
        self.server.check(&mut unfit);
        self.sip.check(&mut unfit);
        self.http.check(&mut unfit);
        self.media.check(&mut unfit);
        self.conference.check(&mut unfit);
        self.security.check(&mut unfit);
        self.admin.check(&mut unfit);
        self.log.check(&mut unfit);
        unfit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{DatabaseUrl, Secret};

    #[test]
    fn the_printed_settings_hold_no_secret() {
        let mut settings = Settings::default();
        settings.admin.password = Some(Secret::new("correct horse"));
        settings.database.url = DatabaseUrl::new("postgres://plenary:battery@db.example/plenary");
        for printed in [settings.masked_toml(), format!("{settings:?}")] {
            assert!(!printed.contains("horse") && !printed.contains("battery"), "{printed}");
            assert!(printed.contains("postgres://plenary:********@db.example/plenary"), "{printed}");
        }
    }
}
