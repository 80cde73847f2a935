//! A session's token: 256 random bits that only the browser or script holds.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::problem::Problem;
use crate::store::TokenHash;

#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    pub fn new() -> Result<Self, Problem> {
        let mut bits = [0; 32];
        getrandom::fill(&mut bits).map_err(Problem::internal)?;
        Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(bits)))
    }

    pub fn received(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the database keeps of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(&self.0).into())
    }

    /// What a page shows that it runs on this server: derived from the token, which scripts of a page cannot read.
    pub fn csrf(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(format!("csrf:{}", self.0)))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_csrf_token_is_neither_the_token_nor_its_hash() {
        let token = Token::new().unwrap();
        assert_eq!(token.reveal().len(), 43);
        assert_ne!(token.csrf(), token.reveal());
        assert_ne!(token.csrf(), BASE64_URL_SAFE_NO_PAD.encode(token.hash().0));
        assert_ne!(Token::new().unwrap(), token);
    }
}
