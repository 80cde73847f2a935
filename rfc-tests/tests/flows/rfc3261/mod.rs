//! RFC 3261: SIP.

mod s08_requests;
mod s09_cancel;
mod s10_register;
mod s11_options;
mod s12_dialogs;
mod s13_calls;
mod s14_offers;
mod s15_hangup;
mod s17_transactions;
mod s18_transport;
