//! Tokens that were given to somebody.

use std::time::Duration;

use async_trait::async_trait;

use crate::Result;
use crate::ids::Timestamp;

/// A token that is to be listed.
#[derive(Clone, Copy, Debug)]
pub struct NewToken<'a> {
    /// What tells it from all others; what it says as `jti`.
    pub id: &'a str,
    /// Somebody's words for it.
    pub note: &'a str,
    /// What it allows, for people.
    pub rights: &'a str,
    /// How long it is valid.
    pub valid: Duration,
}

/// A token that was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedToken {
    /// See [`NewToken::id`].
    pub id: String,
    /// See [`NewToken::note`].
    pub note: String,
    /// See [`NewToken::rights`].
    pub rights: String,
    /// When it was listed.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// Whether it still counts.
    pub state: TokenState,
}

/// Whether a token counts; its end is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenState {
    /// It does.
    Valid,
    /// Somebody took it back.
    Revoked,
}

/// Tokens that were given to somebody. They are made by hand, so all of them fit in memory.
#[async_trait]
pub trait Tokens {
    /// Lists a token. Those that ended a day ago and more are forgotten: they are refused for their age.
    async fn add_token(&self, token: &NewToken<'_>) -> Result<()>;

    /// Every token that has not ended, the oldest first, the revoked among them.
    async fn tokens(&self) -> Result<Vec<ListedToken>>;

    /// Takes a token back; it does not count from now on, for any process. `false` when it is not listed. One that was
    /// revoked already stays so.
    async fn revoke_token(&self, id: &str) -> Result<bool>;

    /// Whether a token counts. `None` when it was never listed, or has been forgotten.
    async fn token_state(&self, id: &str) -> Result<Option<TokenState>>;
}
