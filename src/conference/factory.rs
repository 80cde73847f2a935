//! The conference factory: RFC 4579 §5.4. What it makes is stored nowhere and ends when nobody is left in it.

use std::collections::BTreeMap;

use super::admission::JoinError;
use super::plan::{Plan, PlanDefaults, PlannedMember};
use super::roster::Role;
use crate::store::{Access, ConferenceOptions};

/// More than a person needs at once, and few enough that a phone gone wild harms nobody else.
const MOST_OF_ONE: usize = 10;

/// Who calls the factory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creator {
    pub account: String,
    pub name: String,
}

#[derive(Debug, Default)]
pub(super) struct Factory {
    /// By number: whose it is, and how it was planned.
    made: BTreeMap<String, (String, Plan)>,
}

impl Factory {
    /// A conference with its creator as chair, for whoever has an account and knows its URI. `secret` makes that URI:
    /// 128 bits, so that nobody comes in by guessing.
    pub fn create(&mut self, creator: Creator, secret: u128, defaults: &PlanDefaults) -> Result<Plan, JoinError> {
        let Creator { account, name } = creator;
        if self.made.values().filter(|(of, _)| *of == account).count() >= MOST_OF_ONE {
            return Err(JoinError::TooManyMade { account, limit: MOST_OF_ONE });
        }
        let chair = PlannedMember {
            address: format!("sip:{account}@{}", defaults.domain),
            name: Some(name.clone()),
            role: Role::Chair,
        };
        let plan = Plan {
            number: format!("adhoc-{secret:032x}"),
            title: name,
            access: Access::Accounts,
            pin: None,
            chair_pin: None,
            members: vec![chair],
            max_participants: defaults.max_participants,
            muted_on_entry: false,
            announcements: ConferenceOptions::default().announcements,
            music_when_alone: ConferenceOptions::default().music_when_alone,
            tones: ConferenceOptions::default().tones,
            language: None,
            ring_for: defaults.ring_for,
            domain: defaults.domain.clone(),
        };
        self.made.insert(plan.number.clone(), (account, plan.clone()));
        Ok(plan)
    }

    pub fn plan(&self, number: &str) -> Option<&Plan> {
        self.made.get(number).map(|(_, plan)| plan)
    }

    pub fn forget(&mut self, number: &str) {
        self.made.remove(number);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn defaults() -> PlanDefaults {
        PlanDefaults { domain: "example.org".into(), max_participants: 100, ring_for: Duration::from_secs(45) }
    }

    fn alice() -> Creator {
        Creator { account: "alice".into(), name: "Alice".into() }
    }

    #[test]
    fn the_creator_is_the_chair_of_a_conference_of_an_own_address() {
        let mut factory = Factory::default();
        let one = factory.create(alice(), 1, &defaults()).expect("the first");
        let two = factory.create(alice(), u128::MAX, &defaults()).expect("the second");
        assert_ne!(one.number, two.number);
        assert_eq!(one.number.len(), two.number.len());
        assert_eq!(one.member(Some("alice"), "").map(|member| member.role), Some(Role::Chair));
        assert_eq!(one.member(None, "sip:alice@example.org"), None, "a From proves nothing");
        assert_eq!(factory.plan(&two.number), Some(&two));
    }

    #[test]
    fn nobody_fills_the_server_with_conferences() {
        let mut factory = Factory::default();
        for secret in 0..10 {
            factory.create(alice(), secret, &defaults()).expect("below the limit");
        }
        assert!(matches!(factory.create(alice(), 99, &defaults()), Err(JoinError::TooManyMade { limit: 10, .. })));
        let bob = Creator { account: "bob".into(), ..alice() };
        assert!(factory.create(bob, 99, &defaults()).is_ok());
        factory.forget(&format!("adhoc-{:032x}", 3));
        assert!(factory.create(alice(), 100, &defaults()).is_ok());
    }
}
