//! Role × action, default deny: the one permission check behind every door.

use super::command::Actor;
use super::roster::Role;

/// What somebody wishes to do to a running conference or to somebody in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    CallAll,
    AddParticipant,
    RemoveOther,
    RemoveSelf,
    Transfer,
    MuteOther,
    GrantSpeech,
    RaiseHand,
    ChangeRole,
    Rename,
    SetGain,
    Lock,
    End,
}

impl Deed {
    pub fn name(self) -> &'static str {
        match self {
            Self::CallAll => "call all members",
            Self::AddParticipant => "add a participant",
            Self::RemoveOther => "remove others",
            Self::RemoveSelf => "leave",
            Self::Transfer => "send others elsewhere",
            Self::MuteOther => "mute others",
            Self::GrantSpeech => "let others speak",
            Self::RaiseHand => "raise its hand",
            Self::ChangeRole => "change roles",
            Self::Rename => "rename others",
            Self::SetGain => "set others' loudness",
            Self::Lock => "lock the conference",
            Self::End => "end the conference for all",
        }
    }
}

pub fn may(actor: &Actor, deed: Deed) -> bool {
    use Deed::*;
    match actor.role {
        Role::Owner | Role::Admin => true,
        Role::Chair => !matches!(deed, ChangeRole),
        Role::Member | Role::Participant => matches!(deed, RaiseHand | RemoveSelf),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chair_steers_and_a_participant_only_himself() {
        let actor = |role| Actor { name: "x".into(), role };
        assert!(may(&actor(Role::Owner), Deed::ChangeRole));
        assert!(may(&actor(Role::Chair), Deed::End));
        assert!(!may(&actor(Role::Chair), Deed::ChangeRole));
        for deed in [
            Deed::CallAll,
            Deed::MuteOther,
            Deed::RemoveOther,
            Deed::Transfer,
            Deed::Lock,
            Deed::End,
            Deed::AddParticipant,
        ] {
            assert!(!may(&actor(Role::Participant), deed), "{deed:?}");
            assert!(!may(&actor(Role::Member), deed), "{deed:?}");
        }
        assert!(may(&actor(Role::Participant), Deed::RaiseHand));
    }
}
