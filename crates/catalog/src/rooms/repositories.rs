//! Repositories, domains and the server's secrets.

use async_trait::async_trait;

use crate::Result;
use crate::ids::{DomainId, RepoId, Timestamp};

/// A repository as the catalog knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Its row.
    pub id: RepoId,
    /// `owner/name`, in the case of its first use; names are compared without regard to ASCII case.
    pub name: String,
    /// Who it shares chunks with.
    pub domain: DomainId,
}

/// What a repository's visible entries come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The repository.
    pub repository: Repository,
    /// Visible entries.
    pub entries: u64,
    /// The sum of their sizes as uploaded, in bytes.
    pub bytes: u64,
}

/// What the visible entries of one repository come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Visible entries.
    pub entries: u64,
    /// The sum of their sizes as uploaded, in bytes.
    pub bytes: u64,
}

/// What several repositories have together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageInAll {
    /// Repositories that have entries.
    pub repositories: u64,
    /// Their entries.
    pub holdings: Holdings,
}

/// Repositories, and the few facts that belong to the whole server.
#[async_trait]
pub trait Repositories {
    /// The repository of this name, made if it is new. `domain` names those with whom it shares chunks and
    /// counts only when the repository is made.
    async fn repository(&self, name: &str, domain: &str) -> Result<Repository>;

    /// The repository of this name, if it was ever used.
    async fn find_repository(&self, name: &str) -> Result<Option<Repository>>;

    /// The name of the repository with this number.
    async fn repository_name(&self, id: RepoId) -> Result<Option<String>>;

    /// What the repository's visible entries come to.
    async fn holdings(&self, id: RepoId) -> Result<Holdings>;

    /// Repositories that have entries, of one owner or of all, by name: `limit` at the most, after `offset` of them.
    async fn usage(&self, owner: Option<&str>, offset: u64, limit: u64) -> Result<Vec<Usage>>;

    /// What the repositories of one owner, or all, have together.
    async fn usage_in_all(&self, owner: Option<&str>) -> Result<UsageInAll>;

    /// The secret of this name: `fresh` is kept if there was none, else what is there is returned. Two
    /// processes that ask at once get the same.
    async fn secret(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>>;

    /// The database's time. Fails when the database cannot be reached, so it serves as the health check.
    async fn now(&self) -> Result<Timestamp>;

    /// Ends all connections when their work is done; nothing can be asked afterwards. SQLite then folds its log into
    /// its file.
    async fn close(&self);
}
