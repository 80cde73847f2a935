//! Reading a ladder figure; its language stands in [the module](super).

use std::time::Duration;

use super::label::Label;
use super::remark::{self, Remark};

#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// As they stand above the lifelines, from the left.
    pub parties: Vec<String>,
    pub rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// As it is written, for whoever reads of its failure.
    pub text: String,
    pub happening: Happening,
    pub remarks: Vec<Remark>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    Message(Arrow),
    /// Two messages that are under way at the same time.
    Crossing(Arrow, Arrow),
    /// Time passes and no message.
    Silence(Duration),
    /// Time passes, and what else passes is not looked at.
    Unseen(Duration),
    Nothing,
}

/// Columns count from the left.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrow {
    pub from: usize,
    pub to: usize,
    pub label: Label,
    pub lost: bool,
}

impl Figure {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let parties: Vec<String> =
            lines.next().ok_or("an empty figure")?.split_whitespace().map(str::to_owned).collect();
        let mut columns = Vec::new();
        let mut rows = Vec::new();
        for line in lines {
            if columns.is_empty() {
                columns = lifelines(line);
            }
            let row = parse_row(line, &columns).map_err(|fault| format!("{fault}, in\n{line}"))?;
            rows.push(row);
        }
        if columns.len() != parties.len() {
            return Err(format!("{} parties stand above {} lifelines", parties.len(), columns.len()));
        }
        Ok(Self { parties, rows })
    }
}

fn is_lifeline(character: char) -> bool {
    matches!(character, '|' | ':')
}

/// Where the lifelines stand: the first row shows them all.
fn lifelines(line: &str) -> Vec<usize> {
    line.chars().enumerate().filter(|(_, c)| *c == '|').map(|(at, _)| at).collect()
}

fn parse_row(line: &str, columns: &[usize]) -> Result<Row, String> {
    let characters: Vec<char> = line.chars().collect();
    // A lifeline that an arrow passes over is not seen.
    let seen: Vec<(usize, usize)> = columns
        .iter()
        .enumerate()
        .filter(|(_, at)| characters.get(**at).copied().is_some_and(is_lifeline))
        .map(|(column, at)| (column, *at))
        .collect();
    let (first, last) = match seen.as_slice() {
        [first, .., last] if first.0 == 0 && last.0 + 1 == columns.len() => (first.1, last.1),
        _ => return Err("the first and the last lifeline do not stand where those above do".into()),
    };
    let dotted = characters.get(first) == Some(&':');
    let remarks = remark::parse_all(&characters[last + 1..].iter().collect::<String>())?;
    let mut arrows = Vec::new();
    for pair in seen.windows(2) {
        let [(left, from), (right, to)] = pair else { continue };
        let segment: String = characters[from + 1..*to].iter().collect();
        parse_segment(segment.trim(), *left, *right, &mut arrows)?;
    }
    let pause = remarks.iter().find_map(|remark| match remark {
        Remark::Pass(span) => Some(*span),
        _ => None,
    });
    let happening = match (arrows.len(), pause) {
        (0, Some(span)) if dotted => Happening::Unseen(span),
        (0, Some(span)) => Happening::Silence(span),
        (0, None) => Happening::Nothing,
        (1, None) => Happening::Message(arrows.remove(0)),
        (2, None) => Happening::Crossing(arrows.remove(0), arrows.remove(0)),
        _ => return Err("too much happens in one row".into()),
    };
    Ok(Row { text: line.trim_end().to_owned(), happening, remarks })
}

/// One arrow, or two that cross: `----BYE----> <----BYE----`.
fn parse_segment(text: &str, left: usize, right: usize, arrows: &mut Vec<Arrow>) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    if let Some((rightward, leftward)) = text.split_once('>').filter(|(_, rest)| !rest.trim().is_empty()) {
        arrows.push(arrow(rightward, left, right, false)?);
        let leftward = leftward.trim().strip_prefix('<').ok_or("what crosses an arrow begins with <")?;
        arrows.push(arrow(leftward, right, left, false)?);
        return Ok(());
    }
    let (label, from, to, lost) = if let Some(label) = text.strip_suffix('>') {
        (label, left, right, false)
    } else if let Some(label) = text.strip_suffix("-x") {
        (label, left, right, true)
    } else if let Some(label) = text.strip_prefix('<') {
        (label, right, left, false)
    } else if let Some(label) = text.strip_prefix("x-") {
        (label, right, left, true)
    } else {
        return Err(format!("{text:?} is no arrow"));
    };
    arrows.push(arrow(label, from, to, lost)?);
    Ok(())
}

fn arrow(text: &str, from: usize, to: usize, lost: bool) -> Result<Arrow, String> {
    let label = Label::parse(text.trim_matches(['-', ' ']))?;
    Ok(Arrow { from, to, label, lost })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happenings(text: &str) -> Vec<Happening> {
        Figure::parse(text).expect("a figure").rows.into_iter().map(|row| row.happening).collect()
    }

    fn message(from: usize, to: usize, label: &str, lost: bool) -> Arrow {
        Arrow { from, to, label: Label::parse(label).expect("a label"), lost }
    }

    #[test]
    fn arrows_pauses_and_remarks() {
        let figure = Figure::parse(
            "
            alice                bob
              |----INVITE (offer)-->|
              |<---180 Ringing------|  Contact has bob; after 1 s
              |                     |  5 s pass
              :                     :  60 s pass
              |                     |  (silence at last)
            ",
        )
        .expect("a figure");
        assert_eq!(figure.parties, ["alice", "bob"]);
        assert_eq!(figure.rows[1].remarks.len(), 2);
        let happenings: Vec<_> = figure.rows.into_iter().map(|row| row.happening).collect();
        let expected = [
            Happening::Message(message(0, 1, "INVITE (offer)", false)),
            Happening::Message(message(1, 0, "180 Ringing", false)),
            Happening::Silence(Duration::from_secs(5)),
            Happening::Unseen(Duration::from_secs(60)),
            Happening::Nothing,
        ];
        assert_eq!(happenings, expected);
    }

    #[test]
    fn messages_are_lost_cross_and_pass_over_others() {
        let read = happenings(
            "
            alice           carol            bob
              |----INVITE---x |               |
              |    x--200 OK--|               |
              |               |--BYE-->  <-BYE|
              |----INVITE-------------------->|
            ",
        );
        let expected = [
            Happening::Message(message(0, 1, "INVITE", true)),
            Happening::Message(message(1, 0, "200 OK", true)),
            Happening::Crossing(message(1, 2, "BYE", false), message(2, 1, "BYE", false)),
            Happening::Message(message(0, 2, "INVITE", false)),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn faults_are_told() {
        for (text, fault) in [
            ("", "an empty figure"),
            ("alice bob\n | |\n  |-INVITE->|", "do not stand"),
            ("alice bob carol\n |--INVITE-->|", "3 parties stand above 2"),
            ("alice bob\n |  INVITE   |", "no arrow"),
            ("alice bob\n |--INVITE-->|  soon", "remark"),
        ] {
            let told = Figure::parse(text).expect_err(text);
            assert!(told.contains(fault), "{told}");
        }
    }
}
