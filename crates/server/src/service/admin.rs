//! What an administrator sees and does: list, delete, usage.

use snowbank_catalog::ids::EntryId;
use snowbank_catalog::rooms::{Entry, JobKind, Listing, SortBy, Why};

use super::{Kind, Result, Service, ServiceError};

/// Which entries are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheFilter {
    /// `owner/name`; nothing for all repositories.
    pub repository: Option<String>,
    /// Only keys that begin so.
    pub key_prefix: Option<String>,
    /// Only this exact key.
    pub key: Option<String>,
    /// Only this scope.
    pub scope: Option<String>,
}

/// An entry with its repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheRow {
    /// `owner/name`.
    pub repository: String,
    /// The entry.
    pub entry: Entry,
}

/// A repository's use of its limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    /// `owner/name`.
    pub repository: String,
    /// Visible entries.
    pub entries: u64,
    /// Their bytes, as uploaded.
    pub bytes: u64,
    /// What it may have, in bytes.
    pub limit: u64,
}

impl Service {
    /// A page of entries, the latest used first, and how many there are in all.
    pub async fn caches(
        &self,
        filter: &CacheFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(u64, Vec<CacheRow>)> {
        self.write_access_times().await?;
        let Some(listing) = self.listing(filter, offset, limit).await? else { return Ok((0, Vec::new())) };
        let listed = self.0.catalog.list(&listing).await?;
        let rows = listed.entries.into_iter().map(|(repository, entry)| CacheRow { repository, entry });
        Ok((listed.total, rows.collect()))
    }

    /// Deletes the entry of this number; `by` is the subject of who does.
    pub async fn delete_cache(&self, id: EntryId, by: &str) -> Result<()> {
        match self.0.catalog.delete(&[id], Why::Deleted { by }).await? {
            0 => Err(ServiceError::new(Kind::NotFound, format!("there is no cache with the id {id}"))),
            _ => Ok(()),
        }
    }

    /// Deletes every entry that the filter means, and returns how many there were. A filter that means everything
    /// is refused. `by` is the subject of who does.
    pub async fn delete_caches(&self, filter: &CacheFilter, by: &str) -> Result<u64> {
        if *filter == CacheFilter::default() {
            return Err(ServiceError::new(
                Kind::InvalidArgument,
                "say which caches: a repository, a key or a ref",
            ));
        }
        let mut deleted = 0;
        loop {
            let Some(listing) = self.listing(filter, 0, 500).await? else { return Ok(deleted) };
            let page = self.0.catalog.list(&listing).await?.entries;
            let ids: Vec<EntryId> = page.iter().map(|(_, entry)| entry.id).collect();
            if ids.is_empty() {
                return Ok(deleted);
            }
            deleted += self.0.catalog.delete(&ids, Why::Deleted { by }).await?;
        }
    }

    /// What each repository uses.
    pub async fn cache_usage(&self) -> Result<Vec<UsageRow>> {
        let usage = self.0.catalog.usage(None, 0, u64::MAX).await?;
        let cascade = self.whole_cascade().await?;
        let row = |usage: snowbank_catalog::rooms::Usage| UsageRow {
            limit: cascade.of_repository(&usage.repository.name).size.0,
            repository: usage.repository.name,
            entries: usage.entries,
            bytes: usage.bytes,
        };
        Ok(usage.into_iter().map(row).collect())
    }

    /// Bytes that stored objects take: uploads that wait to be recoded, and packs.
    pub async fn disk_usage(&self) -> Result<(u64, u64)> {
        Ok((self.0.catalog.raw_bytes().await?, self.0.catalog.pack_bytes().await?))
    }

    /// How many uploads are still to be recoded, or are being recoded.
    pub async fn recoding(&self) -> Result<u64> {
        let queue = self.0.catalog.queue(JobKind::Recode).await?;
        Ok(queue.ready + queue.running + queue.waiting)
    }

    /// `None` when the filter names a repository that was never used.
    async fn listing(&self, filter: &CacheFilter, offset: u64, limit: u64) -> Result<Option<Listing>> {
        let repo = match &filter.repository {
            Some(name) => match self.0.catalog.find_repository(name).await? {
                Some(repository) => Some(repository.id),
                None => return Ok(None),
            },
            None => None,
        };
        Ok(Some(Listing {
            repo,
            key_prefix: filter.key_prefix.clone(),
            key: filter.key.clone(),
            scopes: filter.scope.clone().map(|scope| vec![scope]),
            sort: SortBy::Accessed,
            descending: true,
            offset,
            limit,
        }))
    }
}
