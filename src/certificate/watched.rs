//! Whether files have changed since they were last read. Without I/O: whoever looks at the files hands in what it saw.

use std::time::SystemTime;

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub modified: Option<SystemTime>,
    pub length: u64,
    pub inode: u64,
}

/// The files that were read, and what was seen since. A file that is not there has no stamp.
#[derive(Debug)]
pub struct Watched {
    read: Vec<Option<Stamp>>,
    seen: Vec<Option<Stamp>>,
}

impl Watched {
    /// `stamps`: of the files, as they were read.
    pub fn new(stamps: Vec<Option<Stamp>>) -> Self {
        Self { seen: stamps.clone(), read: stamps }
    }

    /// Whether the files are to be read anew: they have changed, and since the last look no more. A certificate and its
    /// key are two files, and between the two nothing fits.
    pub fn handle_look(&mut self, stamps: Vec<Option<Stamp>>) -> bool {
        let settled = stamps == self.seen;
        self.seen = stamps;
        let due = settled && self.seen != self.read;
        if due {
            self.read.clone_from(&self.seen);
        }
        due
    }

    /// The files were read without waiting for this.
    pub fn handle_read(&mut self, stamps: Vec<Option<Stamp>>) {
        *self = Self::new(stamps);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamps(lengths: &[u64]) -> Vec<Option<Stamp>> {
        let stamp = |length: &u64| (*length > 0).then_some(Stamp { modified: None, length: *length, inode: 1 });
        lengths.iter().map(stamp).collect()
    }

    #[test]
    fn a_change_counts_once_and_only_when_it_is_over() {
        let mut watched = Watched::new(stamps(&[1, 1]));
        assert!(!watched.handle_look(stamps(&[1, 1])));
        assert!(!watched.handle_look(stamps(&[2, 1])), "perhaps the key comes next");
        assert!(!watched.handle_look(stamps(&[2, 0])), "still going on");
        assert!(!watched.handle_look(stamps(&[2, 2])));
        assert!(watched.handle_look(stamps(&[2, 2])));
        assert!(!watched.handle_look(stamps(&[2, 2])), "read already, well or badly");
    }

    #[test]
    fn what_was_read_on_request_is_not_read_again() {
        let mut watched = Watched::new(stamps(&[1]));
        watched.handle_read(stamps(&[2]));
        assert!(!watched.handle_look(stamps(&[2])));
    }
}
