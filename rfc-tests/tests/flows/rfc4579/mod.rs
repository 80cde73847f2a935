//! RFC 4579: SIP call control, conferencing for user agents.

mod call_all;
mod dial_in;
mod dial_out;
mod leaving;
