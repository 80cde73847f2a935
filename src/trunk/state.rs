//! How a trunk stands, as the console shows it.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct TrunkState {
    pub status: TrunkStatus,
    /// Absent: it does not register.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered: Option<bool>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub registered_until: Option<OffsetDateTime>,
    /// Whether it answers OPTIONS; absent: not asked, or not answered yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reachable: Option<bool>,
    /// What is wrong, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrunkStatus {
    /// Switched off.
    Off,
    /// Nothing was heard yet.
    #[default]
    Starting,
    /// Takes calls.
    Up,
    /// `why` says what is wrong.
    Down,
}

impl TrunkState {
    /// `registered`: for a trunk that registers. `why`: of the last failure.
    pub fn of(registered: Option<bool>, reachable: Option<bool>, why: Option<String>) -> Self {
        let status = match (registered, reachable) {
            (Some(false), _) if why.is_none() => TrunkStatus::Starting,
            (Some(false), _) | (_, Some(false)) => TrunkStatus::Down,
            (Some(true), _) | (None, Some(true)) => TrunkStatus::Up,
            (None, None) => TrunkStatus::Starting,
        };
        let silent = (reachable == Some(false)).then(|| "it does not answer OPTIONS".to_owned());
        let why = if status == TrunkStatus::Down { why.or(silent) } else { None };
        Self { status, registered, registered_until: None, reachable, why }
    }

    pub fn off() -> Self {
        Self { status: TrunkStatus::Off, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trunk_is_up_when_it_is_registered_where_it_must_be_and_answers_where_it_is_asked() {
        use TrunkStatus::{Down, Starting, Up};
        for (registered, reachable, why, status) in [
            (None, None, None, Starting),
            (None, Some(true), None, Up),
            (None, Some(false), None, Down),
            (Some(false), None, None, Starting),
            (Some(false), Some(true), Some("401"), Down),
            (Some(true), None, None, Up),
            (Some(true), Some(true), Some("a refresh failed"), Up),
            (Some(true), Some(false), None, Down),
        ] {
            let state = TrunkState::of(registered, reachable, why.map(str::to_owned));
            assert_eq!(state.status, status, "{registered:?} {reachable:?}");
            assert_eq!(state.why.is_some(), status == Down);
        }
    }
}
