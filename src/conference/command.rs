//! What can be asked of a conference, whichever door the wish came through.

use std::net::IpAddr;

use plenary_sip::message::HeaderName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::roster::{Cause, ParticipantId, Role};

/// Who asks: for the permission check, the log and the audit record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub name: String,
    pub role: Role,
}

/// The body of `call-all`. Empty: every member that is not in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CallAll {
    /// Only members whose last call ended so; `failed` stands for every cause but `left` and `removed`.
    pub only: Option<Vec<Cause>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CallAllReport {
    pub calls: Vec<PlacedCall>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlacedCall {
    pub participant_id: ParticipantId,
    pub address: String,
}

/// Calls one more.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddParticipant {
    /// `sip:`, `sips:` or `tel:` URI, or the bare name of an account of this server.
    pub address: String,
    pub name: Option<String>,
    pub role: Option<Role>,
}

/// Sends a participant elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferParticipant {
    /// Whom the participant's phone shall call: a `sip:`, `sips:` or `tel:` URI, or the bare name of an account of this server.
    pub address: String,
}

/// Calls one more because a REFER asked for it: RFC 4579 §5.5.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Referral {
    /// Who asked, as he was proven: a URI.
    pub by: Option<String>,
    /// Referred-By, as it goes into the INVITE (RFC 3892 §3).
    pub referred_by: Option<String>,
    /// The address that it came from: what Refer-To names has to be within its reach.
    pub asked_from: Option<IpAddr>,
    /// Headers of the INVITE that Refer-To wished for, of those that may be wished for.
    pub headers: Vec<(HeaderName, String)>,
}

impl Referral {
    /// Of a caller who says himself who sent him.
    pub fn seen(by: String) -> Self {
        Self { by: Some(by), ..Self::default() }
    }
}

/// Where a REFER's participant is found: in the roster from this version on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referred {
    pub participant: ParticipantId,
    pub version: u64,
}

/// What of a participant is to change; absent means as it is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ParticipantPatch {
    pub muted: Option<bool>,
    pub deafened: Option<bool>,
    pub video_muted: Option<bool>,
    pub may_speak: Option<bool>,
    pub hand_raised: Option<bool>,
    pub role: Option<Role>,
    pub name: Option<String>,
    /// −40 to +20.
    pub gain_db: Option<f32>,
    /// Whether noise is taken out of what is heard of the participant.
    pub noise_suppression: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    MuteAll,
    UnmuteAll,
    Lock,
    Unlock,
    End,
}

/// Why a wish was not carried out. The HTTP status stands behind each; `api` turns them into problems.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FocusError {
    #[error("there is no conference {number}")]
    NoSuchConference { number: String }, // 404 no-such-conference
    #[error("conference {number} is not running")]
    NotRunning { number: String }, // 404 not-running
    #[error("there is no participant {id} in conference {number}")]
    NoSuchParticipant { number: String, id: String }, // 404 no-such-participant
    #[error("{actor} may not {action} in conference {number}")]
    Forbidden { number: String, actor: String, action: &'static str }, // 403 forbidden
    #[error("{address:?} cannot be called: it {reason}")]
    BadAddress { address: String, reason: String }, // 422 bad-address
    #[error("conference {number} has no members to call")]
    NobodyToCall { number: String }, // 409 nobody-to-call
    #[error("{id} cannot be sent elsewhere: {why}")]
    NotTransferable { id: String, why: &'static str }, // 409 not-transferable
    #[error("gain {gain_db} dB is outside −40 to +20")]
    BadGain { gain_db: f32 }, // 422 bad-gain
    #[error("the server is too busy: {what}")]
    Busy { what: String }, // 503
    #[error("{what}")]
    NotBuilt { what: String }, // 501 not-built
}

impl FocusError {
    /// The SIP status that a wish by SIP is refused with.
    pub fn sip_status(&self) -> u16 {
        match self {
            Self::NoSuchConference { .. } | Self::NotRunning { .. } | Self::NoSuchParticipant { .. } => 404,
            Self::NotTransferable { .. } => 409,
            Self::Forbidden { .. } => 403,
            Self::BadAddress { .. } | Self::BadGain { .. } | Self::NobodyToCall { .. } => 400,
            Self::Busy { .. } => 503,
            Self::NotBuilt { .. } => 501,
        }
    }
}
