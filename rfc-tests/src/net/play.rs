//! Playing a figure: each of its rows in turn is made to happen, and what happens is compared with it.

use std::time::{Duration, Instant};

use super::figure::{Arrow, Figure, Happening, Row};
use super::network::Net;
use super::passage::Passage;
use super::remark::Remark;

/// How long a message without a time of its own may take: 100 Trying comes within 200 ms.
const AT_ONCE: Duration = Duration::from_millis(250);

/// Where the figure and what happened part.
struct Difference {
    told: String,
    /// The message that should have been another.
    passage: Option<usize>,
}

impl From<String> for Difference {
    fn from(told: String) -> Self {
        Self { told, passage: None }
    }
}

/// A figure with its parties found.
struct Cast<'a> {
    names: &'a [String],
    parties: Vec<usize>,
    began: Instant,
}

impl Net {
    /// Plays a figure, whose language stands in [the module](super). Panics where something else happens, with the
    /// ladder that did.
    pub fn plays(&mut self, figure: &str) {
        let figure = Figure::parse(figure).unwrap_or_else(|fault| panic!("the figure cannot be read: {fault}"));
        let parties = figure.parties.iter().map(|name| self.index(name)).collect();
        self.collect();
        let cast = Cast { names: &figure.parties, parties, began: self.clock.now() };
        for row in &figure.rows {
            if let Err(difference) = self.play(row, &cast) {
                self.report(&format!("in the row\n{}\n{}", row.text, difference.told), difference.passage);
            }
        }
        self.let_arrive(&cast);
        if let Some(more) = self.next_passage(&cast) {
            self.report("the figure ends, and more passes", Some(more));
        }
    }

    fn report(&mut self, told: &str, passage: Option<usize>) -> ! {
        self.has_reported = true;
        let text = passage.and_then(|at| self.wire.passages.get(at)).map(Passage::text);
        let ladder = self.draw(passage);
        panic!(
            "{told}\n\n{ladder}\n\n{}",
            text.map(|text| format!("what passed there:\n\n{text}")).unwrap_or_default()
        );
    }

    fn play(&mut self, row: &Row, cast: &Cast<'_>) -> Result<(), Difference> {
        match &row.happening {
            Happening::Nothing => Ok(()),
            Happening::Message(arrow) => self.play_message(arrow, &row.remarks, cast),
            Happening::Crossing(one, other) => self.play_crossing(one, other, &row.remarks, cast),
            Happening::Silence(span) => {
                let until = self.clock.now() + *span;
                while self.next_passage(cast).is_none() && self.step(until) {}
                match self.next_passage(cast) {
                    Some(passage) => Err(Difference { told: "something passes".into(), passage: Some(passage) }),
                    None => {
                        self.clock.advance(until);
                        Ok(())
                    }
                }
            }
            Happening::Unseen(span) => {
                self.runs_for(*span);
                Ok(())
            }
        }
    }

    fn play_message(&mut self, arrow: &Arrow, remarks: &[Remark], cast: &Cast<'_>) -> Result<(), Difference> {
        let last = self.accounted.checked_sub(1).and_then(|at| self.wire.passages.get(at));
        let before = last.map_or(cast.began, |passage| passage.sent_at);
        self.let_arrive(cast);
        let time = remarks.iter().find_map(|remark| match remark {
            Remark::After(span) => Some(before + *span.start()..=before + *span.end()),
            Remark::At(span) => Some(cast.began + *span.start()..=cast.began + *span.end()),
            _ => None,
        });
        // What has its time comes by itself.
        if self.next_passage(cast).is_none() && time.is_none() {
            self.act(arrow, remarks, cast)?;
        }
        let patience = time.as_ref().map_or(self.clock.now() + AT_ONCE, |time| *time.end());
        while self.next_passage(cast).is_none() && self.step(patience) {}
        let passage = self.next_passage(cast).ok_or_else(|| "nothing passes".to_owned())?;
        self.check(passage, arrow, remarks, cast).map_err(|told| Difference { told, passage: Some(passage) })?;
        let sent_at = self.wire.passages[passage].sent_at;
        if time.is_some_and(|time| !time.contains(&sent_at)) {
            let told = format!("it passes {:?} after the one before", sent_at - before);
            return Err(Difference { told, passage: Some(passage) });
        }
        if arrow.lost {
            self.wire.lose(passage);
        }
        self.accounted = passage + 1;
        Ok(())
    }

    /// Both are sent before either arrives.
    fn play_crossing(
        &mut self,
        one: &Arrow,
        other: &Arrow,
        remarks: &[Remark],
        cast: &Cast<'_>,
    ) -> Result<(), Difference> {
        self.let_arrive(cast);
        for arrow in [one, other] {
            let from = cast.parties[arrow.from];
            if !self.wire.passages[self.accounted..].iter().any(|passage| passage.from == from) {
                self.act(arrow, remarks, cast)?;
            }
        }
        for _ in 0..2 {
            let passage = self.next_passage(cast).ok_or_else(|| "one of the two does not pass".to_owned())?;
            let arrow = if self.wire.passages[passage].from == cast.parties[one.from] { one } else { other };
            self.check(passage, arrow, remarks, cast).map_err(|told| Difference { told, passage: Some(passage) })?;
            self.accounted = passage + 1;
        }
        Ok(())
    }

    fn act(&mut self, arrow: &Arrow, remarks: &[Remark], cast: &Cast<'_>) -> Result<(), String> {
        let party = &mut self.parties[cast.parties[arrow.from]].1;
        if let Some(oddity) = arrow.label.oddity().filter(|_| !party.is_stranger()) {
            return Err(format!("{oddity:?} is for strangers"));
        }
        party.act(&arrow.label, remarks, &cast.names[arrow.to]);
        self.collect();
        Ok(())
    }

    fn check(&self, at: usize, arrow: &Arrow, remarks: &[Remark], cast: &Cast<'_>) -> Result<(), String> {
        let passage = &self.wire.passages[at];
        let name = |party: usize| self.parties[party].0.as_str();
        if (passage.from, passage.to) != (cast.parties[arrow.from], cast.parties[arrow.to]) {
            return Err(format!("it goes from {} to {}", name(passage.from), name(passage.to)));
        }
        let message = passage.message.as_ref().ok_or("nobody can read it")?;
        // A stranger's notes and remarks are how it came to say this.
        if self.parties[passage.from].1.is_stranger() {
            return arrow.label.check_kind(message);
        }
        let before: Vec<_> = self.wire.passages[..at].iter().filter_map(|earlier| earlier.message.as_ref()).collect();
        arrow.label.check(message, &before)?;
        remarks.iter().try_for_each(|remark| remark.check(message))
    }

    /// Lets arrive what is under way, until something new passes.
    fn let_arrive(&mut self, cast: &Cast<'_>) {
        while self.next_passage(cast).is_none() {
            let Some(arrival) = self.wire.next_arrival() else { return };
            self.step(arrival);
        }
    }

    /// The next message between parties of the figure that it has not accounted for.
    fn next_passage(&self, cast: &Cast<'_>) -> Option<usize> {
        let plays = |party: &usize| cast.parties.contains(party);
        let next =
            self.wire.passages[self.accounted..].iter().position(|passage| plays(&passage.from) && plays(&passage.to));
        next.map(|offset| self.accounted + offset)
    }
}
