//! The notifier's side of a subscription: RFC 6665 §4.2, and the one that a REFER implies (RFC 3515 §2.4.4); of the
//! subscriber's side what a REFER of ours implies (`referral`).
//!
//! ```text
//!   SUBSCRIBE, REFER ─▶ package: known? long enough? ─▶ the user: may he? ─▶ Notifier ─▶ NOTIFY, one at a time
//!                        489, 423, 406                                        ▲ refresh, unsubscribe, expiry
//! ```
//!
//! A subscription lives in a dialog of its own, or within that of a call, which it outlives (RFC 5057 §4.1).
//! Left out: SUBSCRIBE; nothing here asks for more than a REFER brings.

mod delivery;
mod notifier;
mod package;
mod referral;

pub use delivery::{Delivery, delivery_of};
pub use notifier::{Notifier, NotifierAct, Subscriber};
pub use package::{Asked, EventPackage, NewSubscription, allow_events, asked};
pub use referral::Referral;
