//! What a conference was planned to be: the stored conference in the focus's own terms.

use std::time::Duration;

use plenary_config::Language;

use super::admission::Proof;
use super::command::FocusError;
use super::roster::Role;
use crate::address::{Address, AddressError, account_of};
use crate::store::{Access, Conference};

/// A conference as it is stored, or as the factory made it up.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub number: String,
    pub title: String,
    pub access: Access,
    pub pin: Option<String>,
    pub chair_pin: Option<String>,
    pub members: Vec<PlannedMember>,
    pub max_participants: usize,
    /// Who comes in is muted, chairs excepted.
    pub muted_on_entry: bool,
    /// Callers by telephone are told by voice where they are and what happens.
    pub announcements: bool,
    /// Who is the only one hears music until the next comes.
    pub music_when_alone: bool,
    /// Everybody hears a tone when somebody comes or goes.
    pub tones: bool,
    /// Of what they are told; absent: the server's.
    pub language: Option<Language>,
    /// How long a called member rings.
    pub ring_for: Duration,
    /// The SIP domain that bare account names belong to.
    pub domain: String,
}

/// What holds where the stored conference says nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanDefaults {
    pub domain: String,
    pub max_participants: usize,
    pub ring_for: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PlannedMember {
    /// A URI that can be called.
    pub address: String,
    pub name: Option<String>,
    pub role: Role,
}

impl Plan {
    /// A member whose address cannot be called any more is left out; the store lets none in.
    pub fn of(stored: Conference, defaults: &PlanDefaults) -> Self {
        let planned = |member: crate::store::Member| {
            let address = Address::read(&member.address).ok()?.uri(&defaults.domain);
            let name = Some(member.name).filter(|name| !name.is_empty());
            Some(PlannedMember { address, name, role: member.role })
        };
        let limit = stored.options.max_participants.map_or(defaults.max_participants, usize::from);
        let ring_for = stored.options.ring_seconds.map(|seconds| Duration::from_secs(seconds.into()));
        Self {
            number: stored.number,
            title: stored.title,
            access: stored.access,
            pin: stored.pin,
            chair_pin: stored.chair_pin,
            members: stored.members.into_iter().filter_map(planned).collect(),
            max_participants: limit,
            muted_on_entry: stored.options.muted_on_entry,
            announcements: stored.options.announcements,
            music_when_alone: stored.options.music_when_alone,
            tones: stored.options.tones,
            language: stored.options.language,
            ring_for: ring_for.unwrap_or(defaults.ring_for),
            domain: defaults.domain.clone(),
        }
    }

    pub fn proof(&self) -> Proof {
        match self.access {
            Access::Open => Proof::Nothing,
            Access::Pin => Proof::Pin,
            Access::Members | Access::Accounts => Proof::Account,
        }
    }

    pub fn members_only(&self) -> bool {
        self.access == Access::Members
    }

    /// The member that this caller is: by account when it was proven, else by address.
    pub fn member(&self, account: Option<&str>, address: &str) -> Option<&PlannedMember> {
        let by_account = account.and_then(|account| {
            self.members.iter().find(|member| self.account_of(&member.address).as_deref() == Some(account))
        });
        by_account.or_else(|| {
            // An unproven From must not lend a chair's rights to a stranger.
            let unproven = self.members.iter().find(|member| member.address == address);
            unproven.filter(|member| matches!(member.role, Role::Member | Role::Participant))
        })
    }

    /// The URI to be called for what a person typed.
    pub fn callable(&self, typed: &str) -> Result<String, FocusError> {
        let bad = |fault: AddressError| FocusError::BadAddress { address: typed.to_owned(), reason: fault.to_string() };
        Ok(Address::read(typed).map_err(bad)?.uri(&self.domain))
    }

    /// The account of this server that the address names.
    pub fn account_of(&self, address: &str) -> Option<String> {
        account_of(address, &self.domain)
    }
}
