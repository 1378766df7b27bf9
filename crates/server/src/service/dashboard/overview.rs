//! All repositories and binary caches that somebody may see.

use std::collections::HashMap;

use snowbank_catalog::ids::{RepoId, Timestamp};
use snowbank_catalog::rooms::{Repository, Usage};

use crate::service::{Identity, Result, Service};

/// What somebody sees of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// Repositories that have entries, by name. 150 bytes each.
    pub repositories: Vec<RepositoryLine>,
    /// Binary caches, by name.
    pub caches: Vec<CacheLine>,
    /// The disk; an administrator's to see.
    pub disk: Option<Disk>,
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
    pub async fn overview(&self, identity: Option<&Identity>) -> Result<Overview> {
        self.write_access_times().await?;
        let is_admin = identity.is_some_and(Identity::is_admin);
        let usage = match identity {
            Some(_) if is_admin => self.0.catalog.usage(None, 0, u64::MAX).await?,
            Some(manager @ Identity::Manager { .. }) => {
                let all = self.0.catalog.usage(None, 0, u64::MAX).await?;
                all.into_iter().filter(|usage| manager.manages(&usage.repository.name).is_some()).collect()
            }
            Some(identity) => self.own_usage(identity).await?,
            None => Vec::new(),
        };
        let ids: Vec<RepoId> = usage.iter().map(|usage| usage.repository.id).collect();
        let used: HashMap<RepoId, Timestamp> = self.0.catalog.last_used(&ids).await?.into_iter().collect();
        let cascade = self.whole_cascade().await?;
        let line =
            |Usage { repository: Repository { id, name, .. }, entries, bytes }: Usage| RepositoryLine {
                id,
                limit: cascade.of_repository(&name).size.0,
                used: used.get(&id).copied(),
                name,
                entries,
                bytes,
            };
        let repositories = usage.into_iter().map(line).collect();
        let disk = if is_admin { Some(self.disk().await?) } else { None };
        Ok(Overview { repositories, caches: self.cache_lines(identity).await?, disk })
    }

    /// What a job's own repository has.
    async fn own_usage(&self, identity: &Identity) -> Result<Vec<Usage>> {
        let Some((name, _)) = identity.job() else { return Ok(Vec::new()) };
        let Some(repository) = self.0.catalog.find_repository(name).await? else { return Ok(Vec::new()) };
        let held = self.0.catalog.holdings(repository.id).await?;
        Ok(vec![Usage { repository, entries: held.entries, bytes: held.bytes }])
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
        let (uploads, packs) = self.remembered_disk().await?;
        let limit = self.settings().max_disk.map(|limit| limit.0);
        Ok(Disk { uploads, packs, limit, recoding: self.recoding().await? })
    }
}
