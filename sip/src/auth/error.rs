//! Why credentials are not taken.

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// To be answered with 400. All others: with 401 or 407 and a new challenge.
    #[error("credentials are malformed: {0}")]
    Malformed(&'static str),
    #[error("scheme {0} instead of Digest")]
    OtherScheme(String),
    #[error("algorithm {0} was not offered")]
    OtherAlgorithm(String),
    #[error("user name is hashed or encoded, which was not offered")]
    HashedUser,
    #[error("qop is not auth")]
    OtherQop,
    #[error("realm {0} is not ours")]
    OtherRealm(String),
    #[error("credentials are for another URI than that of the request")]
    OtherUri,
    #[error("no such user, or another password")]
    Wrong,
    /// The password is right: the challenge says `stale=true`, and nobody need be asked again.
    #[error("nonce is too old, or not of this server")]
    Stale,
    /// As [`Self::Stale`].
    #[error("nonce count {0} came before")]
    Replayed(u32),
}

impl AuthError {
    /// Whether 400 is the answer rather than a challenge.
    pub fn is_malformed(&self) -> bool {
        matches!(self, Self::Malformed(_))
    }

    /// Whether the new challenge says `stale=true`.
    pub fn is_stale(&self) -> bool {
        matches!(self, Self::Stale | Self::Replayed(_))
    }
}
