//! What the API tells, read.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use crate::client::error::{Attempt, ClientError};
use crate::client::text::shown;
use crate::messages::rest::Cache;

/// The longest part of a repository's name, in bytes. Source: GitHub's limit for repositories, 100.
const MAX_PART: usize = 100;

/// A repository, written `owner/name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository(String);

/// A text is no repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no repository: it is written OWNER/NAME", .0.escape_debug())]
pub struct RepositoryError(String);

impl FromStr for Repository {
    type Err = RepositoryError;

    fn from_str(text: &str) -> Result<Self, RepositoryError> {
        // It becomes a part of paths, so a part of it must be none of `.` and `..`.
        let part = |part: &str| {
            (1..=MAX_PART).contains(&part.len())
                && !part.bytes().all(|byte| byte == b'.')
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        match text.split_once('/') {
            Some((owner, name)) if part(owner) && part(name) => Ok(Self(text.to_owned())),
            _ => Err(RepositoryError(text.to_owned())),
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An entry of a repository's cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheEntry {
    /// Its number.
    pub id: u64,
    /// The git ref that it was saved under.
    pub scope: String,
    /// Its key.
    pub key: String,
    /// Its version.
    pub version: String,
    /// Its bytes.
    pub size: u64,
    /// When it was saved, by the server's clock.
    pub created: SystemTime,
    /// When it was last used, by the server's clock.
    pub accessed: SystemTime,
}

/// What a repository's caches come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// How many there are.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl CacheEntry {
    pub(super) fn read(cache: Cache, attempt: &Attempt) -> Result<Self, ClientError> {
        let time = |text: &str| {
            humantime::parse_rfc3339(text).map_err(|_| {
                let why = format!("the answer has the time `{}`", shown(text, &[]));
                ClientError::Garbage { attempt: attempt.clone(), why }
            })
        };
        Ok(Self {
            id: cache.id,
            created: time(&cache.created_at)?,
            accessed: time(&cache.last_accessed_at)?,
            scope: cache.scope,
            key: cache.key,
            version: cache.version,
            size: cache.size_in_bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_an_owner_and_a_name() {
        assert_eq!("acme/app.js_2-x".parse::<Repository>().unwrap().to_string(), "acme/app.js_2-x");
        for text in ["", "acme", "acme/", "/app", "a/b/c", "a/..", "./b", "a b/c", "a/é", "a/b?x", "a/b#x"] {
            assert!(text.parse::<Repository>().is_err(), "{text}");
        }
        assert!(format!("a/{}", "x".repeat(101)).parse::<Repository>().is_err());
    }
}
