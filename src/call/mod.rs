//! Calls: what stands between a SIP dialog and the media of its leg.

pub mod negotiate;
