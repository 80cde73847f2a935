//! RFC 4579: SIP call control, conferencing for user agents.

mod dial_in;
