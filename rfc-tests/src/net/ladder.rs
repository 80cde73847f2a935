//! Printing what passed as a ladder, in the language of the figures, so that it can be compared with one.
//!
//! ```text
//!               alice                         bob
//!    0.000 s      |----INVITE (SDP)------------>|
//!    0.010 s      |       x---180 Ringing-------|
//! ```

use std::time::Duration;

/// Columns are at least so far apart.
const WIDTH: usize = 30;
/// What an arrow has beside its label.
const ARROW: usize = 10;
const MARGIN: usize = 17;

/// One message, as a ladder shows it. Columns count from the left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    pub at: Duration,
    pub from: usize,
    pub to: usize,
    pub label: String,
    pub is_lost: bool,
    /// The one that the reader is to look at.
    pub is_marked: bool,
}

/// Draws the rungs below the names of the columns.
pub fn draw(names: &[String], rungs: &[Rung]) -> String {
    let labels = rungs.iter().map(|rung| rung.label.chars().count() + ARROW);
    let width = labels.chain([WIDTH]).max().unwrap_or(WIDTH);
    let mut ladder = format!("{:MARGIN$}", "");
    for name in names {
        ladder.push_str(&format!("{name:^width$}"));
    }
    for rung in rungs {
        let mark = if rung.is_marked { ">>" } else { "  " };
        ladder.push_str(&format!("\n{mark}{:>9.3} s{:>4}{}", rung.at.as_secs_f64(), "", row(names.len(), width, rung)));
    }
    ladder.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn row(columns: usize, width: usize, rung: &Rung) -> String {
    let at = |column: usize| column * width + width / 2;
    let mut row: Vec<char> = vec![' '; columns * width];
    (0..columns).for_each(|column| row[at(column)] = '|');
    let (left, right) = (rung.from.min(rung.to), rung.from.max(rung.to));
    if left == right || right >= columns {
        return format!("{} (to itself)", rung.label);
    }
    let length = at(right) - at(left) - 1;
    let label = &rung.label;
    let arrow = match (rung.from < rung.to, rung.is_lost) {
        (true, false) => format!("{:-<width$}>", format!("----{label}"), width = length - 1),
        (true, true) => format!("{:-<width$}x  ", format!("----{label}"), width = length - 3),
        (false, false) => format!("<{:-<width$}", format!("---{label}"), width = length - 1),
        (false, true) => format!("  x{:-<width$}", format!("---{label}"), width = length - 3),
    };
    for (place, character) in row[at(left) + 1..at(right)].iter_mut().zip(arrow.chars()) {
        *place = character;
    }
    row.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rung(ms: u64, from: usize, to: usize, label: &str, is_lost: bool) -> Rung {
        let label = label.to_owned();
        Rung { at: Duration::from_millis(ms), from, to, label, is_lost, is_marked: false }
    }

    #[test]
    fn a_ladder_is_drawn() {
        let names = ["alice", "conf-7", "bob"].map(String::from);
        let rungs = [
            rung(0, 0, 1, "INVITE (SDP)", false),
            rung(10, 1, 0, "180 Ringing", true),
            rung(32_000, 2, 0, "BYE", false),
            Rung { is_marked: true, ..rung(32_010, 0, 2, "200 OK (BYE)", true) },
        ];
        let expected = "                             alice                         conf-7                         bob
      0.000 s                   |----INVITE (SDP)------------>|                             |
      0.010 s                   |  x---180 Ringing------------|                             |
     32.000 s                   |<---BYE----------------------------------------------------|
>>   32.010 s                   |----200 OK (BYE)----------------------------------------x  |";
        assert_eq!(draw(&names, &rungs), expected, "\n{}\n", draw(&names, &rungs));
    }

    #[test]
    fn what_is_drawn_can_be_read_as_a_figure() {
        let names = ["alice", "bob"].map(String::from);
        let drawn = draw(&names, &[rung(0, 0, 1, "INVITE (SDP)", true), rung(0, 1, 0, "200 OK (BYE)", false)]);
        let rows = drawn.lines().map(|line| line.get(15..).unwrap_or_default()).collect::<Vec<_>>().join("\n");
        let figure = super::super::figure::Figure::parse(&rows).expect("a figure");
        assert_eq!(figure.rows.len(), 2);
    }
}
