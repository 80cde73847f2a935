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
        if self.password.as_ref().is_some_and(|password| password.reveal().is_empty()) {
            unfit.push(Unfit { key: "admin.password", reason: "is empty; leave it out to have one made".into() });
        }
    }
}
