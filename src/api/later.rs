//! Calls that are promised and not built: the answer says so, instead of 404.

use super::problem::{Problem, ProblemType};

pub(super) const PATHS: &[&str] = &["/contacts", "/contacts/{id}"];

pub(super) async fn not_built() -> Problem {
    Problem::new(ProblemType::NotBuilt, "the address book is not built yet")
}
