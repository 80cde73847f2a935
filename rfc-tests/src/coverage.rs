//! Which requirements of the standards the tests prove: claims while they run, and the table made of them.
//!
//! `rows.tsv` lists the requirements, `unbuilt.tsv` those that are not implemented and why. A test claims what it
//! proves; what it says of itself while running is all that counts, so the table cannot promise more than was run.

mod table;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

pub use table::{Row, State, Summary, rows, write};

/// The rows that the running test proves, in force until it is dropped at the test's end.
#[derive(Debug)]
#[must_use = "a claim lasts as long as it is held"]
pub struct Claim {
    rows: Vec<&'static str>,
    missing: Option<&'static str>,
    pending: bool,
}

/// Claims rows of `rows.tsv`. Panics when there is no such row.
///
/// ```no_run
/// let _proven = rfc_tests::coverage::covers(["3261-07"]);
/// // … the test …
/// ```
///
/// A test that may end early by `?` says so, and says at its end that it came there:
///
/// ```no_run
/// let claim = rfc_tests::coverage::covers(["3261-07"]).pending();
/// // … the test, with `?` …
/// claim.proven();
/// ```
pub fn covers<const N: usize>(rows: [&'static str; N]) -> Claim {
    for row in rows {
        assert!(table::rows().iter().any(|known| known.id == row), "there is no row {row}");
    }
    Claim { rows: rows.to_vec(), missing: None, pending: false }
}

impl Claim {
    /// Proves them in part; this is what the test leaves out.
    pub fn but(mut self, missing: &'static str) -> Self {
        self.missing = Some(missing);
        self
    }

    /// Counts as failed until [`Claim::proven`]: for tests that return a `Result`, whose early end is no panic.
    pub fn pending(mut self) -> Self {
        self.pending = true;
        self
    }

    /// The test came to its end.
    pub fn proven(mut self) {
        self.pending = false;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let outcome = if std::thread::panicking() || self.pending { "failed" } else { "passed" };
        let missing = self.missing.unwrap_or_default();
        let test = test_name();
        let lines = self.rows.iter().map(|row| format!("{row}\t{outcome}\t{missing}\t{test}\n")).collect::<String>();
        if let Err(error) = append(&lines) {
            eprintln!("the claim on {:?} is not recorded: {error}", self.rows);
        }
    }
}

/// Forgets what earlier runs proved.
pub fn forget() -> io::Result<()> {
    match fs::remove_file(claims()?) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What has been claimed since, line by line.
pub fn recorded() -> io::Result<String> {
    match fs::read_to_string(claims()?) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read,
    }
}

fn append(lines: &str) -> io::Result<()> {
    let path = claims()?;
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    // One write for all lines: tests run side by side.
    OpenOptions::new().create(true).append(true).open(path)?.write_all(lines.as_bytes())
}

/// Beside the binaries: `target/<profile>/proven/claims.tsv`.
fn claims() -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
    Ok(folder.unwrap_or(&own).join("proven").join("claims.tsv"))
}

/// `flows rfc3261::cancel::busy`: the binary and its test.
fn test_name() -> String {
    let own = std::env::current_exe().unwrap_or_default();
    let stem = own.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let binary = stem.rsplit_once('-').map_or(stem.as_str(), |(name, _)| name);
    format!("{binary} {}", std::thread::current().name().unwrap_or("?"))
}
