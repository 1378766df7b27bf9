//! Keeping a repository's cache tidy, by GitHub's REST API: what a save has superseded goes, what belongs together is
//! shown together, and what a deletion frees goes along.
//!
//! Packs are never deleted in doubt. What is certain: an index names only packs that were there before it, in its own
//! ref, its base's or the default branch's.

mod free;
mod group;
mod kinds;
mod knowledge;
mod superseded;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use free::{Freed, freed};
pub use group::{Group, Members, group};
pub use kinds::{Kind, Kinds};
pub use knowledge::{Knowledge, may_name, readable, within_bounds};
use snowbank_actions::client::rest::{CacheEntry, Filter, Listed, Repository, RestClient};
use snowbank_actions::client::{CacheClient, ClientError};
pub use superseded::{Superseded, superseded};

use crate::save::Amount;

/// Entries of a repository that are looked at: a page of a hundred is a request.
const MOST_LISTED: usize = 2000;

/// How long the API may take to show what was just saved.
const LAG: Duration = Duration::from_secs(2);

/// What is to be tidied up after a save.
#[derive(Debug)]
pub struct Tidy<'a> {
    /// The API of the repository's server.
    pub rest: &'a RestClient,
    /// The repository.
    pub repository: &'a Repository,
    /// Its cache service, with the job's token.
    pub client: &'a CacheClient,
    /// What its entries are.
    pub kinds: &'a Kinds,
    /// The key of the entry that was just saved.
    pub saved: &'a str,
    /// Its version.
    pub version: &'a str,
    /// Its bytes.
    pub size: u64,
}

/// What was freed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Older generations.
    pub generations: Amount,
    /// Packs that no snapshot names.
    pub packs: Amount,
}

impl Tidy<'_> {
    /// Deletes what the save has superseded, 50 entries at the most. Does nothing when the API does not show what was
    /// saved: it is of another service then.
    ///
    /// # Errors
    /// When the API or the service does not answer as it should; [`ClientError::Denied`] and [`ClientError::Missing`] when
    /// the token may not look or delete. What was deleted until then is in `tidied`.
    pub async fn run(&self, tidied: &mut Tidied) -> Result<(), ClientError> {
        let scopes = self.client.scopes();
        let mut listed = self.list().await?;
        if self.published(&listed).is_none() {
            tokio::time::sleep(LAG).await;
            listed = self.list().await?;
        }
        let Some(published) = self.published(&listed) else { return Ok(()) };
        let plan = superseded(&listed.entries, listed.complete, self.kinds, published, scopes.as_ref());
        for entry in &plan.generations {
            self.delete(entry, &mut tidied.generations).await?;
        }
        if !plan.packs.is_empty() {
            let known = Knowledge::read(self.client, &plan.read).await?;
            for pack in plan.unnamed(&known) {
                self.delete(pack, &mut tidied.packs).await?;
            }
        }
        Ok(())
    }

    async fn list(&self) -> Result<Listed, ClientError> {
        self.rest.list(self.repository, &Filter::default(), MOST_LISTED).await
    }

    /// What was just saved, as the API shows it: in the ref that the token may write.
    fn published<'a>(&self, listed: &'a Listed) -> Option<&'a CacheEntry> {
        let scope = self.client.scopes().and_then(|scopes| scopes.write);
        let mut same = listed.entries.iter().filter(|entry| {
            let of_scope = scope.as_ref().is_none_or(|scope| entry.scope == *scope);
            of_scope && entry.key == self.saved && entry.version == self.version && entry.size == self.size
        });
        // Of several it is not known which it is.
        same.next().filter(|_| same.next().is_none())
    }

    async fn delete(&self, entry: &CacheEntry, freed: &mut Amount) -> Result<(), ClientError> {
        if self.rest.delete(self.repository, entry.id).await? {
            freed.count += 1;
            freed.bytes += entry.size;
        }
        Ok(())
    }
}
