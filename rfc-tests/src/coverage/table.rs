//! The table of requirements, and its Markdown.

use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::sync::OnceLock;

const ROWS: &str = include_str!("../../rows.tsv");
const UNBUILT: &str = include_str!("../../unbuilt.tsv");

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub id: &'static str,
    pub group: &'static str,
    pub section: &'static str,
    /// `P0`, `P1`, `P2`.
    pub priority: &'static str,
    pub requirement: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Passed,
    PassedInPart,
    Failed,
    NotProven,
    NotImplemented,
}

/// How many rows are in each state: of all, and of those of the first priority.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    counts: Vec<(State, usize, usize)>,
    /// Rows that tests prove though `unbuilt.tsv` lists them.
    pub contradictions: Vec<&'static str>,
}

/// All requirements, in the order of the document.
pub fn rows() -> &'static [Row] {
    static PARSED: OnceLock<Vec<Row>> = OnceLock::new();
    PARSED.get_or_init(|| {
        let row = |line: &'static str| {
            let mut fields = line.split('\t');
            let mut next = || fields.next().unwrap_or_default();
            Row { id: next(), group: next(), section: next(), priority: next(), requirement: next() }
        };
        ROWS.lines().skip(1).map(row).collect()
    })
}

/// The document. `records`: lines of row, outcome, what is missing, test.
pub fn write(records: &str) -> (String, Summary) {
    let mut summary = Summary::default();
    let mut tables = String::new();
    let mut group = "";
    for row in rows() {
        if row.group != group {
            group = row.group;
            let _ = write!(tables, "\n## {group}\n\n{HEAD}");
        }
        let (state, why) = judge(row, records, &mut summary.contradictions);
        summary.count(state, row.priority);
        let cells = [row.id, row.section, row.priority, row.requirement].map(escaped);
        let _ = writeln!(
            tables,
            "| {} | {} | {} | {} | {state} | {} |",
            cells[0],
            cells[1],
            cells[2],
            cells[3],
            escaped(&why)
        );
    }
    (format!("{INTRODUCTION}\n{summary}{tables}"), summary)
}

const INTRODUCTION: &str = "\
# What of the standards is proven

Written by `make test`; do not edit. Every row is a requirement of an RFC (or a lesson of the field) that this server
is measured by. *Passed* means that a test in `rfc-tests` has just shown the whole row, *passed in part* names what it
left out, *not proven yet* that no test claims it, whether the server does it or not.
";

const HEAD: &str = "| row | § | | requirement | state | by, or why |\n|---|---|---|---|---|---|\n";

fn judge(row: &Row, records: &str, contradictions: &mut Vec<&'static str>) -> (State, String) {
    let claims: Vec<Vec<&str>> = records
        .lines()
        .map(|line| line.split('\t').collect())
        .filter(|fields: &Vec<&str>| fields[0] == row.id)
        .collect();
    let tests = |wanted: &dyn Fn(&[&str]) -> bool| {
        let of = claims.iter().filter(|claim| wanted(claim)).filter_map(|claim| claim.get(3));
        of.map(|test| format!("`{test}`")).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
    };
    let failed = tests(&|claim| claim.get(1) == Some(&"failed"));
    if !failed.is_empty() {
        return (State::Failed, failed);
    }
    let unbuilt = unbuilt(row.id);
    let whole = tests(&|claim| claim.get(2) == Some(&""));
    if !whole.is_empty() {
        contradictions.extend(unbuilt.map(|_| row.id));
        return (State::Passed, whole);
    }
    let missing: BTreeSet<&str> = claims.iter().filter_map(|claim| claim.get(2).copied()).collect();
    if !missing.is_empty() {
        let missing = missing.into_iter().collect::<Vec<_>>().join("; ");
        return (State::PassedInPart, format!("{} ({missing})", tests(&|_| true)));
    }
    match unbuilt {
        Some(why) => (State::NotImplemented, why.to_owned()),
        None => (State::NotProven, String::new()),
    }
}

/// Why a row is not implemented. Patterns end in `*` where they mean all that begin so; the first that fits counts.
fn unbuilt(id: &str) -> Option<&'static str> {
    UNBUILT.lines().filter_map(|line| line.split_once('\t')).find_map(|(pattern, why)| {
        let fits = pattern.strip_suffix('*').map_or(pattern == id, |prefix| id.starts_with(prefix));
        fits.then_some(why)
    })
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

impl Summary {
    fn count(&mut self, state: State, priority: &str) {
        let first = usize::from(priority == "P0");
        match self.counts.iter_mut().find(|(of, ..)| *of == state) {
            Some((_, all, firsts)) => {
                *all += 1;
                *firsts += first;
            }
            None => self.counts.push((state, 1, first)),
        }
        self.counts.sort();
    }

    pub fn of(&self, state: State) -> usize {
        self.counts.iter().find(|(of, ..)| *of == state).map_or(0, |(_, all, _)| *all)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| state | rows | of them P0 |\n|---|---|---|")?;
        self.counts.iter().try_for_each(|(state, all, firsts)| writeln!(f, "| {state} | {all} | {firsts} |"))
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passed => "passed",
            Self::PassedInPart => "passed in part",
            Self::Failed => "**failed**",
            Self::NotProven => "not proven yet",
            Self::NotImplemented => "not implemented",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(document: &str, id: &str) -> String {
        let begins = format!("| {id} |");
        document.lines().find(|line| line.starts_with(&begins)).expect("a row").to_owned()
    }

    #[test]
    fn rows_are_complete_and_named_once() {
        let ids: BTreeSet<&str> = rows().iter().map(|row| row.id).collect();
        assert_eq!(ids.len(), rows().len());
        for row in rows() {
            assert!(["P0", "P1", "P2"].contains(&row.priority) && !row.requirement.is_empty(), "{row:?}");
        }
    }

    #[test]
    fn every_pattern_of_what_is_not_built_fits_a_row_and_says_why() {
        for text in UNBUILT.lines() {
            let (pattern, why) = text.split_once('\t').expect(text);
            let fits = |row: &Row| row.id.starts_with(pattern.trim_end_matches('*'));
            assert!(rows().iter().any(fits) && !why.is_empty(), "{text}");
        }
    }

    #[test]
    fn a_failed_test_outweighs_all_and_a_part_is_told() {
        let records = "3261-01\tpassed\t\tflows a\n3261-01\tpassed\t\tflows a\n3261-02\tpassed\tno 404\tflows b\n\
                       3261-03\tpassed\t\tflows a\n3261-03\tfailed\t\tflows c\n";
        let (document, summary) = write(records);
        assert!(line(&document, "3261-01").ends_with("| passed | `flows a` |"));
        assert!(line(&document, "3261-02").ends_with("| passed in part | `flows b` (no 404) |"));
        assert!(line(&document, "3261-03").ends_with("| **failed** | `flows c` |"));
        assert!(line(&document, "3261-04").ends_with("| not proven yet |  |"));
        assert_eq!((summary.of(State::Passed), summary.of(State::Failed)), (1, 1));
    }
}
