//! What a conference tells a caller by voice, or by a tone where no words are recorded.

use plenary_media::tone;

use super::plan::Plan;
use crate::voice::{Phrase, Piece, Sentence};

/// So many names are read aloud at most.
const NAMES: usize = 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// To who came in.
    Entered {
        others: usize,
    },
    Muted,
    Open,
    MutedByChair,
    HandRaised,
    HandLowered,
    Softer,
    Louder,
    NotAllowed,
    AllMuted,
    Locked,
    Unlocked,
    /// `*1`
    Here {
        names: Vec<String>,
    },
    /// `*2`
    Standing {
        muted: bool,
    },
    /// `*#`
    Help {
        chair: bool,
    },
}

impl Notice {
    pub fn sentence(&self, plan: &Plan) -> Sentence {
        match self {
            Self::Entered { others } => {
                let (title, number) = (plan.title.clone(), plan.number.clone());
                let entered = Sentence::from(Phrase::ConferenceIs).then(Piece::Title { title, number });
                match others {
                    0 => entered.then(Phrase::First),
                    others => entered.then(Phrase::Others).then(Piece::Count(*others)),
                }
            }
            Self::Muted => Phrase::Muted.into(),
            Self::Open => Phrase::Open.into(),
            Self::MutedByChair => Phrase::MutedByChair.into(),
            Self::HandRaised => Phrase::HandRaised.into(),
            Self::HandLowered => Phrase::HandLowered.into(),
            Self::Softer => Phrase::Softer.into(),
            Self::Louder => Phrase::Louder.into(),
            Self::NotAllowed => Phrase::NotAllowed.into(),
            Self::AllMuted => Phrase::AllMuted.into(),
            Self::Locked => Phrase::Locked.into(),
            Self::Unlocked => Phrase::Unlocked.into(),
            Self::Here { names } => {
                let counted = Sentence::from(Phrase::Here).then(Piece::Count(names.len()));
                names.iter().take(NAMES).fold(counted, |told, name| told.then(Piece::Name(name.clone())))
            }
            Self::Standing { muted } => {
                Sentence::from(if *muted { Phrase::Muted } else { Phrase::Open }).then(Phrase::NotRecorded)
            }
            Self::Help { chair: false } => Phrase::Help.into(),
            Self::Help { chair: true } => Sentence::from(Phrase::Help).then(Phrase::HelpChair),
        }
    }

    /// 48 kHz.
    pub fn tone(&self) -> Vec<i16> {
        match self {
            Self::Entered { .. } => tone::entry_beep(),
            Self::NotAllowed => tone::pin_wrong(),
            _ => tone::confirmed(),
        }
    }
}
