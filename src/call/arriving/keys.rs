//! What a caller types before he is in: digits up to `#`.

use std::time::{Duration, Instant};

use plenary_media::engine::{MediaCommand, MediaEvent};
use plenary_sip::endpoint::Event;

use crate::call::arriving::incoming::Incoming;
use crate::call::switchboard::LegInput;
use crate::call::talking::connected::ConnectedLeg;
use crate::conference::LegNews;
use crate::voice::Sentence;

/// Longest silence between two keys, and before the first once the question was asked.
const KEY_WITHIN: Duration = Duration::from_secs(15);
/// A question is at most so long.
const QUESTION: Duration = Duration::from_secs(30);
const LONGEST: usize = 32;

/// Digits so far.
#[derive(Debug)]
struct KeyEntry {
    text: String,
    give_up_at: Instant,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::call) enum Typed {
    /// `#` came: what stood before it.
    Complete(String),
    /// Nothing more came for too long.
    Nothing,
    /// The call ended.
    Gone,
}

impl KeyEntry {
    fn new(now: Instant) -> Self {
        Self { text: String::new(), give_up_at: now + QUESTION + KEY_WITHIN }
    }

    /// What was typed, once it is complete. `*` begins anew.
    fn handle_key(&mut self, key: char, now: Instant) -> Option<String> {
        self.give_up_at = now + KEY_WITHIN;
        match key {
            '#' => return Some(std::mem::take(&mut self.text)),
            '*' => self.text.clear(),
            key if self.text.len() < LONGEST => self.text.push(key),
            _ => {}
        }
        None
    }

    /// The question is over; who thinks still has his time.
    fn handle_played(&mut self, now: Instant) {
        if self.text.is_empty() {
            self.give_up_at = now + KEY_WITHIN;
        }
    }
}

impl Incoming {
    /// Asks by voice and takes the keys; the first key ends the question.
    pub(in crate::call) async fn ask(&mut self, leg: &mut ConnectedLeg, question: &Sentence, tone: Vec<i16>) -> Typed {
        self.say(leg, question, tone).await;
        let mut entry = KeyEntry::new(Instant::now());
        loop {
            let key = match self.next_event(leg, entry.give_up_at).await {
                Waited::Key(key) => key,
                Waited::Played => {
                    entry.handle_played(Instant::now());
                    continue;
                }
                Waited::TooLong => return Typed::Nothing,
                Waited::Gone => return Typed::Gone,
            };
            self.calls.media(MediaCommand::StopPlaying { leg: leg.media.id });
            if let Some(text) = entry.handle_key(key, Instant::now()) {
                return Typed::Complete(text);
            }
        }
    }

    /// Says it to the end before the call is ended.
    pub(in crate::call) async fn last_words(&mut self, leg: &mut ConnectedLeg, words: &Sentence, tone: Vec<i16>) {
        self.say(leg, words, tone).await;
        let until = Instant::now() + QUESTION;
        while let Waited::Key(_) = self.next_event(leg, until).await {}
    }

    async fn say(&self, leg: &ConnectedLeg, words: &Sentence, tone: Vec<i16>) {
        let clip = self.calls.voice.say(words, self.language).await;
        let clip = clip.unwrap_or(plenary_media::engine::Clip { samples: tone });
        self.calls.media(MediaCommand::Play { leg: leg.media.id, clip: clip.into() });
    }

    /// Waits for a key or the end of what is played; re-INVITEs and the like are answered meanwhile.
    async fn next_event(&mut self, leg: &mut ConnectedLeg, until: Instant) -> Waited {
        loop {
            let input = tokio::select! {
                input = self.inbox.recv() => input,
                () = tokio::time::sleep_until(until.into()) => return Waited::TooLong,
            };
            match input {
                Some(LegInput::Media(MediaEvent::Digit { digit, way, .. })) if leg.is_new(digit, way) => {
                    return Waited::Key(digit);
                }
                Some(LegInput::Media(MediaEvent::Played { .. })) => return Waited::Played,
                Some(LegInput::Media(event)) => leg.handle_media(&self.calls, &event),
                Some(LegInput::Asked(_)) => {}
                Some(LegInput::Sip(Event::Ended { call, .. })) if call == self.call => return Waited::Gone,
                Some(LegInput::Sip(event)) => {
                    if let Some(LegNews::Key(key)) = leg.handle_sip(&self.calls, event) {
                        return Waited::Key(key);
                    }
                }
                None => return Waited::Gone,
            }
        }
    }
}

enum Waited {
    Key(char),
    Played,
    TooLong,
    Gone,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_begins_anew_and_a_hash_ends_the_entry() {
        let now = Instant::now();
        let mut entry = KeyEntry::new(now);
        let typed: Vec<_> = "12*3456#".chars().map(|key| entry.handle_key(key, now)).collect();
        assert_eq!(typed.last(), Some(&Some("3456".into())));
        assert!(typed[..7].iter().all(Option::is_none));
    }

    #[test]
    fn the_time_to_think_begins_when_the_question_is_over_and_with_every_key() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let mut entry = KeyEntry::new(now);
        entry.handle_played(now + 4 * second);
        assert_eq!(entry.give_up_at, now + 19 * second);
        entry.handle_key('1', now + 10 * second);
        assert_eq!(entry.give_up_at, now + 25 * second);
        entry.handle_played(now + 11 * second);
        assert_eq!(entry.give_up_at, now + 25 * second, "a key came meanwhile");
    }

    #[test]
    fn an_entry_grows_no_longer_than_a_number_may_be() {
        let now = Instant::now();
        let mut entry = KeyEntry::new(now);
        (0..100).for_each(|_| drop(entry.handle_key('5', now)));
        assert_eq!(entry.handle_key('#', now).map(|text| text.len()), Some(LONGEST));
    }
}
