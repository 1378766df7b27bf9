//! Tokens that are given to somebody: made, listed, and taken back.

use std::collections::BTreeSet;
use std::time::Duration;

use snowbank_catalog::rooms::{ListedToken, NewToken};

use super::auth::{CacheGrant, Grant, Rights};
use super::{Kind, Result, Service, ServiceError};

/// The longest note, in bytes.
const MAX_NOTE: usize = 200;
/// Fewer letters than this are no way to name a token: they would soon mean another one.
const MIN_PREFIX: usize = 4;

impl Service {
    /// Makes a token that is listed under `note` and holds for `valid`, unless it is revoked before.
    pub async fn create_token(&self, rights: &Rights, note: &str, valid: Duration) -> Result<String> {
        if note.len() > MAX_NOTE || note.chars().any(char::is_control) {
            let message = format!("a note is one line of at most {MAX_NOTE} bytes");
            return Err(ServiceError::new(Kind::InvalidArgument, message));
        }
        let id = hex::encode(super::random::<16>()?);
        let rights_told = rights.to_string();
        let token = self.0.authenticator.own().mint_listed(&id, rights, valid)?;
        let listed = NewToken { id: &id, note, rights: &rights_told, valid };
        self.0.catalog.add_token(&listed).await?;
        Ok(token)
    }

    /// The patterns among these that no cache has which is in the settings or ever held anything; none where there is no
    /// such cache at all, for then the settings at hand need not be the server's.
    pub async fn unmatched(&self, grants: &[CacheGrant]) -> Result<Vec<String>> {
        let mut known: BTreeSet<String> = self.settings().caches.keys().cloned().collect();
        known.extend(self.0.catalog.caches().await?.into_iter().map(|cache| cache.name));
        let has = |grant: &CacheGrant| {
            let grant = std::slice::from_ref(grant);
            known.iter().any(|name| Grant::of(grant, name) != Grant::default())
        };
        let unmatched = grants.iter().filter(|grant| !known.is_empty() && !has(grant));
        Ok(unmatched.map(|grant| grant.pattern.clone()).collect())
    }

    /// Every listed token that has not ended, the oldest first.
    pub async fn tokens(&self) -> Result<Vec<ListedToken>> {
        Ok(self.0.catalog.tokens().await?)
    }

    /// Takes tokens back, by their ids or by prefixes that mean one token each. It holds at once, in every process.
    /// Returns the ids. When one of them means none or several, nothing is done.
    pub async fn revoke_tokens(&self, prefixes: &[String]) -> Result<Vec<String>> {
        let listed = self.0.catalog.tokens().await?;
        let ids: Vec<String> = prefixes.iter().map(|prefix| meant(&listed, prefix)).collect::<Result<_>>()?;
        for id in &ids {
            self.0.catalog.revoke_token(id).await?;
        }
        Ok(ids)
    }
}

fn meant(listed: &[ListedToken], prefix: &str) -> Result<String> {
    let shown = prefix.escape_debug();
    if prefix.len() < MIN_PREFIX {
        let message = format!("`{shown}` is too short for a token's id: {MIN_PREFIX} letters are the least");
        return Err(ServiceError::new(Kind::InvalidArgument, message));
    }
    let mut meant = listed.iter().filter(|token| token.id.starts_with(prefix));
    match (meant.next(), meant.next()) {
        (Some(token), None) => Ok(token.id.clone()),
        (None, _) => Err(ServiceError::new(Kind::NotFound, format!("there is no token `{shown}`"))),
        (Some(_), Some(_)) => {
            let message = format!("`{shown}` is the beginning of several tokens' ids");
            Err(ServiceError::new(Kind::InvalidArgument, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use snowbank_catalog::ids::Timestamp;
    use snowbank_catalog::rooms::TokenState;

    use super::*;

    #[test]
    fn a_prefix_means_one_token_or_none() {
        let token = |id: &str| ListedToken {
            id: id.to_owned(),
            note: String::new(),
            rights: String::new(),
            created: Timestamp(0),
            expires: Timestamp(1),
            state: TokenState::Valid,
        };
        let listed = ["abcd1", "abcd2", "ef012"].map(token);
        assert_eq!(meant(&listed, "abcd1").unwrap(), "abcd1");
        assert_eq!(meant(&listed, "ef01").unwrap(), "ef012");
        for (prefix, kind) in [
            ("abcd", Kind::InvalidArgument),
            ("ef0", Kind::InvalidArgument),
            ("", Kind::InvalidArgument),
            ("0000", Kind::NotFound),
        ] {
            assert_eq!(meant(&listed, prefix).unwrap_err().kind(), kind, "{prefix}");
        }
    }
}
