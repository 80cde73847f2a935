//! What is wrong with a plan.

/// One fault: file, rule, key. Printed: `plan.toml, rule 2 (trunk calls), when.user: …`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}{}: {reason}", in_rule(.rule), at_key(.key))]
pub struct PlanError {
    pub file: String,
    /// Position from 1 and name; `None` when the file as a whole is at fault.
    pub rule: Option<(usize, String)>,
    /// `when.user`; empty when the rule as a whole is at fault.
    pub key: String,
    pub reason: String,
}

fn in_rule(rule: &Option<(usize, String)>) -> String {
    match rule {
        Some((position, name)) if name.is_empty() => format!(", rule {position}"),
        Some((position, name)) => format!(", rule {position} ({name})"),
        None => String::new(),
    }
}

fn at_key(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!(", {key}") }
}
