//! `[admin]`: the first account.

use serde::{Deserialize, Serialize};

use crate::load::Unfit;
use crate::value::Secret;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Admin {
    /// Of the account `admin`, used when there is no account yet. Absent: generated and printed once.
    pub password: Option<Secret>,
}

impl Admin {
    pub(crate) fn check(&self, unfit: &mut Vec<Unfit>) {
        let length = self.password.as_ref().map(|password| password.reveal().chars().count());
        if length.is_some_and(|length| !(8..=256).contains(&length)) {
            let reason = "must have 8 to 256 characters; leave it out to have one made".into();
            unfit.push(Unfit { key: "admin.password", reason });
        }
    }
}
