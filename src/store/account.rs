//! Accounts: who may sign in on the web and register by SIP, with one password for both.

mod table;

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::error::Invalid;
use super::password::Password;
use super::rules;

pub(super) use table::AccountRow;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Account {
    /// The user part of its address: `sip:NAME@domain`.
    pub name: String,
    pub display_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    pub roles: Vec<AccountRole>,
    /// May neither sign in nor register.
    pub disabled: bool,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// What an account may do on this server; within a conference the role there decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountRole {
    /// Everything, accounts too.
    Admin,
    /// All conferences: stores, calls and steers them.
    Operator,
    /// The conferences that the account is a member of.
    User,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// 1 to 64 of `a-z 0-9 . _ -`, beginning with a letter or digit.
    pub name: String,
    #[serde(default)]
    pub display_name: String,
    #[serde(default)]
    pub email: Option<String>,
    /// `user` when absent. An empty list is an account for SIP alone.
    #[serde(default = "just_user")]
    pub roles: Vec<AccountRole>,
    #[serde(default)]
    pub disabled: bool,
    /// Without one nobody signs in or registers as this account.
    #[serde(default)]
    pub password: Option<Password>,
}

/// What of an account is to change; absent means as it is, `null` removes.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountChange {
    pub display_name: Option<String>,
    #[serde(default, deserialize_with = "super::column::present")]
    #[schema(value_type = Option<String>)]
    pub email: Option<Option<String>>,
    pub roles: Option<Vec<AccountRole>>,
    pub disabled: Option<bool>,
    pub password: Option<Password>,
}

/// What the registrar needs of an account (RFC 8760: one HA1 for each algorithm).
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The realm that both were made for.
    pub realm: String,
    /// 32 hexadecimal digits.
    pub ha1_md5: String,
    /// 64 hexadecimal digits.
    pub ha1_sha256: String,
    pub disabled: bool,
}

impl Account {
    fn administers(&self) -> bool {
        !self.disabled && self.roles.contains(&AccountRole::Admin)
    }

    fn apply(&mut self, change: AccountChange) {
        let AccountChange { display_name, email, roles, disabled, password: _ } = change;
        self.display_name = display_name.unwrap_or(std::mem::take(&mut self.display_name));
        self.email = email.unwrap_or(self.email.take());
        self.roles = roles.unwrap_or(std::mem::take(&mut self.roles));
        self.disabled = disabled.unwrap_or(self.disabled);
    }

    fn check(&mut self) -> Result<(), Invalid> {
        rules::text("display_name", &self.display_name)?;
        if let Some(email) = &self.email {
            rules::email(email)?;
        }
        self.roles.sort_unstable();
        self.roles.dedup();
        Ok(())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("realm", &self.realm)
            .field("disabled", &self.disabled)
            .finish_non_exhaustive()
    }
}

fn just_user() -> Vec<AccountRole> {
    vec![AccountRole::User]
}
