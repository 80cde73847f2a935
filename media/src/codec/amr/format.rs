//! What offer and answer agree on for one payload number (RFC 4867 §8.2).

use super::{Mode, ModeSet};

/// How frames lie in a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layout {
    /// Bit behind bit (§4.3).
    #[default]
    BandwidthEfficient,
    /// `octet-align=1` (§4.4).
    OctetAligned,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AmrFormat {
    pub layout: Layout,
    /// `mode-set`; absent: all.
    pub modes: Option<ModeSet>,
    /// `mode-change-period=2`: the mode changes at every second frame at most.
    pub every_second: bool,
    /// `mode-change-neighbor=1`: only to the next mode of the set.
    pub by_neighbours: bool,
}

impl AmrFormat {
    pub const PLAIN: Self =
        Self { layout: Layout::BandwidthEfficient, modes: None, every_second: false, by_neighbours: false };

    pub fn allowed(&self) -> ModeSet {
        self.modes.unwrap_or(ModeSet::ALL)
    }

    /// What is sent until the peer asks for another.
    pub fn initial(&self) -> Mode {
        self.allowed().at_most(Mode::INITIAL)
    }
}

impl Default for AmrFormat {
    fn default() -> Self {
        Self::PLAIN
    }
}
