//! Calls that are promised and not built: the answer says so, instead of 404.

use axum::extract::Request;

use super::problem::{Problem, ProblemType};

pub(super) const PATHS: &[&str] = &["/contacts", "/contacts/{id}", "/trunks", "/trunks/{name}", "/dialplan/test"];

pub(super) async fn not_built(request: Request) -> Problem {
    let part = request.uri().path().split('/').find(|part| matches!(*part, "contacts" | "trunks" | "dialplan"));
    let part = match part {
        Some("contacts") => "the address book is",
        Some("trunks") => "trunks are",
        _ => "testing the dialplan by HTTP is",
    };
    Problem::new(ProblemType::NotBuilt, format!("{part} not built yet"))
}
