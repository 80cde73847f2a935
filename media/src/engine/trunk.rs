//! Between two parts of one room on two shards: each tells the other its speakers, unmixed, through a ring.
//!
//! ```text
//!   part A, tick 7 ──voices of 7──▶ ┊ ring ┊ ──▶ part B, tick 8        one tick of delay, whoever runs first;
//!   part A, tick 8 ◀── ┊ ring ┊ ◀──voices of 7── part B, tick 7        what comes later than that is not heard
//! ```
//!
//! Unmixed, because each speaker is to hear the sum without itself, and because all parts choose the room's loudest
//! together. Neither side waits for the other: of a part that stalls nothing is heard, and that is all.

use rtrb::{Consumer, Producer, RingBuffer};

use crate::id::LegId;
use crate::mix::{Frame, Guest, Sound};
use crate::rtp::Ssrc;

/// Ticks of voices that a ring holds.
const TICKS: usize = 4;

/// One speaker's tick.
#[derive(Debug)]
pub(super) struct Voice {
    pub tick: u64,
    pub leg: LegId,
    /// As a contributing source.
    pub ssrc: Option<Ssrc>,
    pub dbov: f32,
    /// Silence: a pause between words.
    pub sound: Sound,
    pub frame: Frame,
}

impl Voice {
    pub fn guest(&self) -> Guest {
        Guest { leg: self.leg, dbov: self.dbov }
    }
}

#[derive(Debug)]
pub(super) struct Trunk {
    to: Producer<Voice>,
    from: Consumer<Voice>,
    /// What the other part said in the tick before this one.
    voices: Vec<Voice>,
}

impl Trunk {
    /// Both ends. `most`: how many speakers are heard at once.
    pub fn pair(most: usize) -> (Box<Self>, Box<Self>) {
        let ((to_b, from_a), (to_a, from_b)) = (RingBuffer::new(TICKS * most), RingBuffer::new(TICKS * most));
        let end = |to, from| Box::new(Self { to, from, voices: Vec::with_capacity(most) });
        (end(to_b, from_b), end(to_a, from_a))
    }

    /// Says a voice to the other part. False when that has not listened for a while.
    pub fn say(&mut self, voice: Voice) -> bool {
        self.to.push(voice).is_ok()
    }

    /// Takes what the other part said up to the tick before `tick`. Returns how many voices came too late to be heard.
    pub fn listen(&mut self, tick: u64) -> u64 {
        self.voices.clear();
        let mut late = 0;
        while self.from.peek().is_ok_and(|voice| voice.tick < tick) {
            let Ok(voice) = self.from.pop() else { break };
            if voice.tick + 1 == tick && self.voices.len() < self.voices.capacity() {
                self.voices.push(voice);
            } else {
                late += 1;
            }
        }
        late
    }

    pub fn voices(&self) -> &[Voice] {
        &self.voices
    }

    /// The other part is gone.
    pub fn is_cut(&self) -> bool {
        self.from.is_abandoned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::SILENCE;

    fn voice(tick: u64, leg: u64) -> Voice {
        Voice { tick, leg: LegId(leg), ssrc: None, dbov: -20.0, sound: Sound::Silence, frame: SILENCE }
    }

    fn heard(trunk: &mut Trunk, tick: u64) -> (Vec<u64>, u64) {
        let late = trunk.listen(tick);
        (trunk.voices().iter().map(|voice| voice.leg.0).collect(), late)
    }

    #[test]
    fn a_voice_is_heard_one_tick_later_whoever_runs_first() {
        let (mut a, mut b) = Trunk::pair(2);
        a.say(voice(7, 1));
        a.say(voice(7, 2));
        assert_eq!(heard(&mut b, 7), (vec![], 0));
        a.say(voice(8, 1));
        assert_eq!(heard(&mut b, 8), (vec![1, 2], 0));
        assert_eq!(heard(&mut b, 9), (vec![1], 0));
        assert_eq!(heard(&mut b, 10), (vec![], 0));
        b.say(voice(10, 3));
        assert_eq!(heard(&mut a, 11), (vec![3], 0));
    }

    #[test]
    fn what_waited_for_a_stalled_part_is_not_heard_later() {
        let (mut a, mut b) = Trunk::pair(1);
        let taken = (0..50).filter(|tick| a.say(voice(*tick, 1))).count();
        assert_eq!(taken, TICKS);
        assert_eq!(heard(&mut b, 50), (vec![], TICKS as u64));
        assert!(a.say(voice(50, 1)));
        assert_eq!(heard(&mut b, 51), (vec![1], 0));
        drop(a);
        assert!(b.is_cut());
    }
}
