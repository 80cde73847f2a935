//! `a=sendrecv`, `sendonly`, `recvonly`, `inactive`: RFC 8866 §6.7, RFC 3264 §5.1.

use super::Attributes;

/// Seen from whoever wrote the description.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    #[default]
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    const ALL: [Self; 4] = [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive];

    pub fn new(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same stream seen from the other side.
    pub fn reversed(self) -> Self {
        Self::new(self.receives(), self.sends())
    }

    pub fn restricted_to(self, other: Self) -> Self {
        Self::new(self.sends() && other.sends(), self.receives() && other.receives())
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }
}

impl Attributes {
    /// The direction written here; the first, when there are several.
    pub fn direction(&self) -> Option<Direction> {
        self.iter().find_map(|attribute| {
            Direction::ALL.into_iter().find(|direction| attribute.name.eq_ignore_ascii_case(direction.name()))
        })
    }

    pub fn push_direction(&mut self, direction: Direction) {
        self.push_flag(direction.name());
    }
}
