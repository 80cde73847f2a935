//! `coverage begin` before the tests, `coverage write` after them: makes `COVERAGE.md` of what they have proven.

use std::path::Path;

use anyhow::{bail, ensure};
use rfc_tests::coverage;

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("begin") => Ok(coverage::forget()?),
        Some("write") => {
            let (document, summary) = coverage::write(&coverage::recorded()?);
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("COVERAGE.md");
            std::fs::write(&file, document)?;
            println!("{summary}");
            let contradictions = &summary.contradictions;
            ensure!(contradictions.is_empty(), "unbuilt.tsv lists what tests have proven: {contradictions:?}");
            Ok(())
        }
        _ => bail!("usage: coverage begin|write"),
    }
}
