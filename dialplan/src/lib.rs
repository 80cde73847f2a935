//! The dialplan: facts of a request go in, where the call goes comes out. No I/O, no clock, no state.
//!
//! Rules stand in TOML and are tried in order; `plans/default.toml` is the built-in plan and explains the format.
//!
//! ```
//! use plenary_dialplan::{Action, Caller, Facts, Plan};
//!
//! let plan = Plan::parse(
//!     r#"
//!     [[rule]]
//!     name = "short numbers"
//!     when = { local = true, user = "{extension:3}" }
//!     then = { account = "phone-{extension}" }
//!     "#,
//!     "short.toml",
//! )?;
//! let decision = plan.decide(&Facts { user: "200", local: true, caller: Caller::Account("alice"), ..Facts::default() });
//! assert_eq!(decision.rule, Some("short numbers"));
//! assert_eq!(decision.action, Action::Account("phone-200".into()));
//! # Ok::<(), Vec<plenary_dialplan::PlanError>>(())
//! ```

mod error;
mod facts;
mod pattern;
mod plan;
mod rule;
mod template;

pub use error::PlanError;
pub use facts::{Caller, Facts, Known};
pub use plan::{Action, Decision, Plan};
