//! Header fields, RFC 3261 §7.3 and §20: lines kept as sent, values read on demand.

mod cseq;
mod dialog_id;
mod line;
mod lines;
mod name;
mod name_addr;
mod parameterized;
mod params;
mod typed;
mod via;

pub use cseq::CSeq;
pub use dialog_id::DialogId;
pub use line::Header;
pub use lines::Headers;
pub use name::HeaderName;
pub use name_addr::{Contacts, NameAddr};
pub use parameterized::Parameterized;
pub use params::Params;
pub use via::Via;
