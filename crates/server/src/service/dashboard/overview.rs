//! All repositories and binary caches that somebody may see.

use snowbank_catalog::ids::{RepoId, Timestamp};
use snowbank_catalog::rooms::{
    ListedRepositories, Repository, RepositoryListing, RepositorySort, Usage, UsageInAll,
};

use super::remembered::Held;
use crate::service::{Identity, Result, Service};

/// What somebody sees of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// What all repositories come to that have entries.
    pub all: UsageInAll,
    /// How many of them are meant.
    pub found: u64,
    /// A page of those.
    pub repositories: Vec<RepositoryLine>,
    /// Binary caches, by name.
    pub caches: Vec<CacheLine>,
    /// The disk; an administrator's to see.
    pub disk: Option<Disk>,
}

/// Which repositories a page has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverviewQuery {
    /// Only those with this in their names, in any case.
    pub text: Option<String>,
    /// The order.
    pub sort: RepositorySort,
    /// Largest or latest first.
    pub descending: bool,
    /// Repositories left out before the first.
    pub offset: u64,
    /// Repositories at most.
    pub limit: u64,
}

/// A repository in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryLine {
    /// Its number.
    pub id: RepoId,
    /// `owner/name`.
    pub name: String,
    /// Visible entries.
    pub entries: u64,
    /// Their bytes, as uploaded.
    pub bytes: u64,
    /// What it may have, in bytes.
    pub limit: u64,
    /// When one of them was last used.
    pub used: Option<Timestamp>,
}

/// A binary cache in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheLine {
    /// Its name.
    pub name: String,
    /// Whether everybody may pull from it.
    pub public: bool,
    /// Paths of all views.
    pub paths: u64,
    /// Bytes of their NARs, as stored.
    pub bytes: u64,
    /// Bytes that it may take.
    pub limit: Option<u64>,
}

/// What lies on the disk, or in the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Bytes of uploads that wait to be recoded.
    pub uploads: u64,
    /// Bytes of packs.
    pub packs: u64,
    /// Bytes that both may take.
    pub limit: Option<u64>,
    /// Uploads that wait to be recoded, or are being recoded.
    pub recoding: u64,
}

impl Service {
    /// What somebody may see of the server; who is nobody sees the public caches.
    pub async fn overview(&self, identity: Option<&Identity>, query: &OverviewQuery) -> Result<Overview> {
        self.write_access_times().await?;
        let OverviewQuery { text, sort, descending, offset, limit } = query.clone();
        let of = identity.map_or_else(|| Some(Vec::new()), Identity::sees_repositories);
        let listing = RepositoryListing { of, text, sort, descending, offset, limit };
        let ListedRepositories { all, found, page } = self.0.catalog.repositories(&listing).await?;
        let cascade = self.whole_cascade().await?;
        let line = |(usage, used): (Usage, Option<Timestamp>)| {
            let Usage { repository: Repository { id, name, .. }, entries, bytes } = usage;
            let limit = cascade.of_repository(&name).size.0;
            RepositoryLine { id, name, entries, bytes, limit, used }
        };
        let repositories = page.into_iter().map(line).collect();
        let is_admin = identity.is_some_and(Identity::is_admin);
        let disk = if is_admin { Some(self.disk().await?) } else { None };
        Ok(Overview { all, found, repositories, caches: self.cache_lines(identity).await?, disk })
    }

    async fn cache_lines(&self, identity: Option<&Identity>) -> Result<Vec<CacheLine>> {
        let mut lines = Vec::new();
        for (name, settings) in &self.settings().caches {
            if !self.may(identity, name).pull {
                continue;
            }
            let usage = match self.0.catalog.find_cache(name).await? {
                Some(cache) => self.remembered_cache(cache.id).await?,
                None => Default::default(),
            };
            lines.push(CacheLine {
                name: name.clone(),
                public: settings.public,
                paths: usage.paths,
                bytes: usage.stored,
                limit: settings.size.map(|size| size.0),
            });
        }
        Ok(lines)
    }

    async fn disk(&self) -> Result<Disk> {
        let Held { uploads, packs, recoding } = self.remembered_disk().await?;
        let limit = self.settings().max_disk.map(|limit| limit.0);
        Ok(Disk { uploads, packs, limit, recoding })
    }
}
