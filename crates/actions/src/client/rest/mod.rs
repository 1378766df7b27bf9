//! A client of GitHub's REST API for caches: GitHub's own at `GITHUB_API_URL`, or a Snowbank server's.
//!
//! Bounds: an answer 4 MiB, a listing as many entries as its caller says. Calls are made one after the other, as GitHub
//! asks for.

mod entry;
mod request;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use reqwest::{Method, StatusCode};

pub use entry::{CacheEntry, Repository, RepositoryError, Usage};

use super::access::Access;
use super::error::{Attempt, ClientError};
use super::http::Http;
use super::{Options, Traffic};
use crate::messages::rest::{CacheList, CacheUsage, StorageLimit};

/// Entries of a page, the most that GitHub gives.
const PAGE: usize = 100;

/// A client of one server with one token; cheap to clone.
#[derive(Clone, Debug)]
pub struct RestClient {
    server: Arc<Access>,
    http: Http,
}

/// Which entries a listing holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only keys that begin so.
    pub key_prefix: Option<String>,
    /// Only this git ref.
    pub scope: Option<String>,
}

/// What a listing came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// The entries, the last saved first, each once.
    pub entries: Vec<CacheEntry>,
    /// Whether these are all: there were no more than was asked for.
    pub complete: bool,
}

impl RestClient {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// When the address or the token cannot be used.
    pub fn new(options: Options) -> Result<Self, ClientError> {
        let Options { url, token, user_agent, patience } = options;
        Ok(Self { server: Arc::new(Access::new(&url, token)?), http: Http::new(patience, &user_agent)? })
    }

    /// The entries of a repository, `most` at the most: so many are held, of some 300 bytes each.
    ///
    /// # Errors
    /// When the server does not answer as it should; [`ClientError::Denied`] and [`ClientError::Missing`] where the token
    /// may not look.
    pub async fn list(
        &self,
        repository: &Repository,
        filter: &Filter,
        most: usize,
    ) -> Result<Listed, ClientError> {
        let attempt = self.attempt(&format!("list the caches of {repository}"));
        let mut query = vec![("per_page", PAGE.to_string()), ("sort", "created_at".to_owned())];
        query.push(("direction", "desc".to_owned()));
        query.extend(filter.key_prefix.clone().map(|prefix| ("key", prefix)));
        query.extend(filter.scope.clone().map(|scope| ("ref", scope)));
        let mut listed = Listed::default();
        // What is saved meanwhile moves entries to the next page, where they come again.
        let mut seen = HashSet::new();
        for page in 1..=most.div_ceil(PAGE) {
            let mut query = query.clone();
            query.push(("page", page.to_string()));
            let list: CacheList = self.read(repository, "caches", &query, &attempt).await?;
            let full = list.actions_caches.len() >= PAGE;
            for cache in list.actions_caches {
                let entry = CacheEntry::read(cache, &attempt)?;
                if seen.insert(entry.id) {
                    listed.entries.push(entry);
                }
            }
            if !full {
                listed.complete = listed.entries.len() <= most;
                break;
            }
        }
        listed.entries.truncate(most);
        Ok(listed)
    }

    /// Deletes the entry of this number. Returns whether it was there.
    ///
    /// # Errors
    /// When the server does not answer as it should, or the token may not delete it.
    pub async fn delete(&self, repository: &Repository, id: u64) -> Result<bool, ClientError> {
        let attempt = self.attempt(&format!("delete the cache {id} of {repository}"));
        let deleted = self.send(Method::DELETE, repository, &format!("caches/{id}"), &[], &attempt).await;
        found(deleted.map(drop))
    }

    /// Deletes the entries of this very key, in one ref or in all. Returns what was there.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub async fn delete_key(
        &self,
        repository: &Repository,
        key: &str,
        scope: Option<&str>,
    ) -> Result<Vec<CacheEntry>, ClientError> {
        let attempt =
            Attempt::new(&format!("delete caches of {repository},"), Some(key), &self.server.host());
        let mut query = vec![("key", key.to_owned())];
        query.extend(scope.map(|scope| ("ref", scope.to_owned())));
        let body = match self.send(Method::DELETE, repository, "caches", &query, &attempt).await {
            Err(ClientError::Missing { .. }) => return Ok(Vec::new()),
            body => body?,
        };
        let list: CacheList = self.parse(&body, &attempt)?;
        list.actions_caches.into_iter().map(|cache| CacheEntry::read(cache, &attempt)).collect()
    }

    /// What a repository's caches come to. GitHub's figure is some minutes old.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn usage(&self, repository: &Repository) -> Result<Usage, ClientError> {
        let attempt = self.attempt(&format!("ask what caches {repository} has"));
        let usage: CacheUsage = self.read(repository, "cache/usage", &[], &attempt).await?;
        Ok(Usage { entries: usage.active_caches_count, bytes: usage.active_caches_size_in_bytes })
    }

    /// The bytes that a repository's caches may have; none where this token is not told.
    ///
    /// # Errors
    /// When the server does not answer as it should.
    pub async fn limit(&self, repository: &Repository) -> Result<Option<u64>, ClientError> {
        let attempt = self.attempt(&format!("ask for the limit of {repository}"));
        let limit = self.read::<StorageLimit>(repository, "cache/storage-limit", &[], &attempt).await;
        match limit {
            Ok(limit) => Ok(limit.max_cache_size_gb.count()),
            Err(ClientError::Missing { .. } | ClientError::Denied { status: StatusCode::FORBIDDEN, .. }) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// What this client and its clones have sent and received so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.http.counters.now()
    }

    fn attempt(&self, what: &str) -> Attempt {
        Attempt::new(what, None, &self.server.host())
    }
}

/// Whether something was there to be deleted.
fn found(deleted: Result<(), ClientError>) -> Result<bool, ClientError> {
    match deleted {
        Ok(()) => Ok(true),
        Err(ClientError::Missing { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
