//! Rates of signalling: many phones, each with a way of its own, say the same over and over as fast as they are answered.
//!
//! ```text
//!   REGISTER, digest     REGISTER · 401 · REGISTER with credentials · 200
//!   REGISTER, refresh    REGISTER with the nonce that the phone has · 200
//!   call                 INVITE · 200 · ACK · BYE · 200, into a conference
//! ```
//!
//! A phone here is two pieces of text and a socket, so that it costs a fraction of what the server does for it. Whatever
//! is said again for want of an answer is counted: a server that loses messages has no rate worth the name.
//!
//! | file | holds |
//! |---|---|
//! | `bench` | what is measured, of which servers, and the rows of it |
//! | `server` | a server of our own, or one beside it that runs already |
//! | `caller` | what one phone says |
//! | `line` | its socket |
//! | `churn` | calls that come and go until memory must stay as it is |
//! | `comparison` | the table of two or more servers |

mod bench;
mod caller;
mod churn;
mod comparison;
mod line;
mod server;

pub use bench::{Deed, Rate, Work, rate};
pub use churn::{Churn, churn_of_own};
pub use comparison::{CALLS_OPEN, Comparison, Plan, compare};
pub use server::{Beside, Server};
