//! What must last: accounts, stored conferences, bindings of the registrar, trunks and web sessions, in one SQLite
//! file.
//!
//! One thread owns the connection ([`Store`] is a handle to it), every change is one transaction, and a change is
//! answered only once it is on the disk. One file per entity; `rules.rs` says what may be written,
//! `user_part.rs` that no two things answer to the same `sip:` user part.
//!
//! Left out: PostgreSQL, which takes the same functions over the same tables.

mod account;
mod binding;
mod column;
mod conference;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod open;
mod owner;
mod page;
mod password;
mod rules;
mod schema;
mod session;
mod trunk;
mod user_part;

pub use account::{Account, AccountChange, AccountRole, Credentials, NewAccount};
pub use binding::{BindingChange, StoredBinding};
pub use conference::{Access, Conference, ConferenceChange, ConferenceOptions, Member, NewConference};
pub use error::{Invalid, StoreError};
pub use open::{Store, StoreSettings};
pub use page::{Page, PageOf};
pub use password::{GeneratedPassword, Password};
pub use session::{StoredSession, TokenHash};
pub use trunk::{
    SecretTrunk, Trunk, TrunkCodec, TrunkFields, TrunkIdentity, TrunkNumber, TrunkSettings, TrunkSrtp, TrunkTransport,
};
