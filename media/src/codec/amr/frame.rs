//! Modes and frames of AMR-WB (3GPP TS 26.201 §2.2, table 1a).

/// 20 ms at 16 kHz.
pub const FRAME_SAMPLES: usize = 320;

/// A rate that speech is coded at: 0 is 6.6 kbit/s, 8 is 23.85.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mode(u8);

impl Mode {
    pub const HIGHEST: Self = Self(8);
    /// 12.65 kbit/s: what TS 26.114 §7.5.2.1.6 starts with at most.
    pub const INITIAL: Self = Self(2);

    pub fn new(number: u8) -> Option<Self> {
        (number <= Self::HIGHEST.0).then_some(Self(number))
    }

    pub fn number(self) -> u8 {
        self.0
    }
}

/// The modes that a session may use (`mode-set`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModeSet(u16);

impl ModeSet {
    pub const ALL: Self = Self(0x1ff);

    /// `None`: a set of no modes.
    pub fn new(modes: impl IntoIterator<Item = Mode>) -> Option<Self> {
        let bits = modes.into_iter().fold(0, |bits, mode| bits | 1 << mode.0);
        (bits != 0).then_some(Self(bits))
    }

    pub fn holds(self, mode: Mode) -> bool {
        self.0 & 1 << mode.0 != 0
    }

    /// From the lowest rate up; never empty.
    pub fn modes(self) -> impl DoubleEndedIterator<Item = Mode> {
        (0..=Mode::HIGHEST.0).map(Mode).filter(move |mode| self.holds(*mode))
    }

    /// The highest that is no higher than `most`, else the lowest of all.
    pub fn at_most(self, most: Mode) -> Mode {
        self.modes().rev().find(|mode| *mode <= most).or(self.modes().next()).unwrap_or(most)
    }

    /// The next towards `goal`.
    pub fn step(self, from: Mode, goal: Mode) -> Mode {
        let next = match from.cmp(&goal) {
            std::cmp::Ordering::Less => self.modes().find(|mode| *mode > from),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => self.modes().rev().find(|mode| *mode < from),
        };
        next.unwrap_or(goal)
    }
}

/// What a frame holds (FT, RFC 4867 §4.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameType {
    Speech(Mode),
    /// Comfort noise of a pause (SID).
    Silence,
    /// Damaged on its way.
    Lost,
    NoData,
}

impl FrameType {
    /// Numbers 10 to 13 are of no use, and a payload with one of them is discarded.
    pub fn new(number: u8) -> Option<Self> {
        match number {
            9 => Some(Self::Silence),
            14 => Some(Self::Lost),
            15 => Some(Self::NoData),
            _ => Mode::new(number).map(Self::Speech),
        }
    }

    pub fn number(self) -> u8 {
        match self {
            Self::Speech(mode) => mode.0,
            Self::Silence => 9,
            Self::Lost => 14,
            Self::NoData => 15,
        }
    }

    pub fn bits(self) -> usize {
        const SPEECH: [usize; 9] = [132, 177, 253, 285, 317, 365, 397, 461, 477];
        match self {
            Self::Speech(mode) => SPEECH.get(usize::from(mode.0)).copied().unwrap_or(0),
            Self::Silence => 40,
            Self::Lost | Self::NoData => 0,
        }
    }

    pub fn octets(self) -> usize {
        self.bits().div_ceil(8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: &[u8]) -> ModeSet {
        ModeSet::new(numbers.iter().filter_map(|number| Mode::new(*number))).expect("modes")
    }

    #[test]
    fn a_set_gives_what_is_no_higher_and_else_its_lowest() {
        let modes = set(&[1, 2, 5]);
        let table = [(0, 1), (1, 1), (4, 2), (8, 5)];
        assert!(table.iter().all(|(most, got)| modes.at_most(Mode(*most)) == Mode(*got)));
        assert_eq!(ModeSet::new([]), None);
    }

    #[test]
    fn steps_go_by_neighbours_of_the_set() {
        let modes = set(&[0, 2, 8]);
        assert_eq!(modes.step(Mode(0), Mode(8)), Mode(2));
        assert_eq!(modes.step(Mode(8), Mode(0)), Mode(2));
        assert_eq!(modes.step(Mode(2), Mode(2)), Mode(2));
    }
}
