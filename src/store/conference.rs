//! Stored conferences: they stay until deleted, whether they run or not.

mod table;

use plenary_config::Language;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::error::Invalid;
use super::rules;
use crate::conference::Role;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Conference {
    /// The user part of its address: `sip:NUMBER@domain`.
    pub number: String,
    /// A second user part that reaches it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    pub title: String,
    pub access: Access,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    /// Who gives this one comes in as chair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chair_pin: Option<String>,
    pub members: Vec<Member>,
    pub options: ConferenceOptions,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// Who may call it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Anyone.
    Open,
    /// Anyone with the PIN, asked by voice.
    Pin,
    /// Authenticated accounts on its list.
    Members,
    /// Any authenticated account.
    #[default]
    Accounts,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// `sip:`, `sips:` or `tel:` URI, or the bare name of an account of this server.
    pub address: String,
    /// May be left out of a request.
    #[serde(default)]
    #[schema(required = true)]
    pub name: String,
    /// `member` when left out of a request.
    #[serde(default = "plain_member")]
    #[schema(required = true)]
    pub role: Role,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ConferenceOptions {
    /// Who comes in is muted, the chair excepted.
    pub muted_on_entry: bool,
    /// No more than so many at once, 1 to 1000; absent: as many as the server carries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_participants: Option<u16>,
    /// How long a called member rings, 5 to 180; absent: 45.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ring_seconds: Option<u16>,
    /// Callers by telephone are told by voice where they are, and what is done to them; true when absent.
    pub announcements: bool,
    /// Who is the only one hears music until the next comes; false when absent.
    pub music_when_alone: bool,
    /// Everybody hears a tone when somebody comes or goes; false when absent.
    pub tones: bool,
    /// Of what they are told: `en`, `it`, `ru`, `zh`; absent: the server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "it")]
    pub language: Option<Language>,
}

impl Default for ConferenceOptions {
    fn default() -> Self {
        Self {
            muted_on_entry: false,
            max_participants: None,
            ring_seconds: None,
            announcements: true,
            music_when_alone: false,
            tones: false,
            language: None,
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConference {
    /// 1 to 32 of `a-z 0-9 . _ -`, beginning with a letter or digit; absent: the lowest free from 1000 on.
    pub number: Option<String>,
    /// 1 to 64 of the same.
    pub alias: Option<String>,
    /// The number when absent.
    pub title: Option<String>,
    /// `accounts` when absent.
    #[serde(default)]
    pub access: Access,
    /// Digits, as many as the server's `conference.min-pin` says (4) to 16; needed with `access` `pin`.
    pub pin: Option<String>,
    /// As long, and others than the PIN.
    pub chair_pin: Option<String>,
    /// At most 1000.
    #[serde(default)]
    pub members: Vec<Member>,
    #[serde(default)]
    pub options: ConferenceOptions,
}

/// What of a conference is to change; absent means as it is, `null` removes, `members` and `options` are replaced.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConferenceChange {
    #[serde(default, deserialize_with = "super::column::present")]
    #[schema(value_type = Option<String>)]
    pub alias: Option<Option<String>>,
    pub title: Option<String>,
    pub access: Option<Access>,
    #[serde(default, deserialize_with = "super::column::present")]
    #[schema(value_type = Option<String>)]
    pub pin: Option<Option<String>>,
    #[serde(default, deserialize_with = "super::column::present")]
    #[schema(value_type = Option<String>)]
    pub chair_pin: Option<Option<String>>,
    pub members: Option<Vec<Member>>,
    pub options: Option<ConferenceOptions>,
}

impl Conference {
    /// The entry of the list that has one of these addresses.
    pub fn member(&self, addresses: &[String]) -> Option<&Member> {
        self.members.iter().find(|member| addresses.contains(&member.address))
    }

    fn apply(&mut self, change: ConferenceChange) {
        let ConferenceChange { alias, title, access, pin, chair_pin, members, options } = change;
        self.alias = alias.unwrap_or(self.alias.take());
        self.title = title.unwrap_or(std::mem::take(&mut self.title));
        self.access = access.unwrap_or(self.access);
        self.pin = pin.unwrap_or(self.pin.take());
        self.chair_pin = chair_pin.unwrap_or(self.chair_pin.take());
        self.members = members.unwrap_or(std::mem::take(&mut self.members));
        self.options = options.unwrap_or(std::mem::take(&mut self.options));
    }

    fn check(&self) -> Result<(), Invalid> {
        rules::text("title", &self.title)?;
        if let Some(alias) = &self.alias {
            rules::user_part("alias", alias, MAX_ALIAS)?;
        }
        for (field, pin) in [("pin", &self.pin), ("chair_pin", &self.chair_pin)] {
            if let Some(pin) = pin {
                rules::pin(field, pin)?;
            }
        }
        match (&self.pin, &self.chair_pin) {
            (None, _) if self.access == Access::Pin => Err(Invalid::new("pin", "is needed with access \"pin\"")),
            (Some(pin), Some(chair_pin)) if pin == chair_pin => {
                Err(Invalid::new("chair_pin", "is the same as pin; nobody could tell the chair"))
            }
            _ => Ok(()),
        }?;
        self.options.check()?;
        check_members(&self.members)
    }
}

impl ConferenceOptions {
    fn check(&self) -> Result<(), Invalid> {
        let within = |field, value: Option<u16>, range: std::ops::RangeInclusive<u16>| match value {
            Some(value) if !range.contains(&value) => {
                Err(Invalid::new(field, format!("is {value}, outside {} to {}", range.start(), range.end())))
            }
            _ => Ok(()),
        };
        within("options.max_participants", self.max_participants, 1..=1000)?;
        within("options.ring_seconds", self.ring_seconds, 5..=180)
    }
}

fn plain_member() -> Role {
    Role::Member
}

fn check_members(members: &[Member]) -> Result<(), Invalid> {
    if members.len() > rules::MAX_MEMBERS {
        return Err(Invalid::new("members", format!("are {}, at most {}", members.len(), rules::MAX_MEMBERS)));
    }
    let mut seen = std::collections::HashMap::new();
    for (position, member) in members.iter().enumerate() {
        let field = |name| format!("members[{position}].{name}");
        rules::address(&field("address"), &member.address)?;
        rules::text(&field("name"), &member.name)?;
        if let Some(first) = seen.insert(&member.address, position) {
            return Err(Invalid::new(field("address"), format!("repeats members[{first}]")));
        }
    }
    Ok(())
}

const MAX_NUMBER: usize = 32;
const MAX_ALIAS: usize = 64;
