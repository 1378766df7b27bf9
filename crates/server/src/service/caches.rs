//! A repository's caches, to look at and to delete: all of them for who manages the repository; for a job of it what
//! its scopes let it read, and to delete what it may write.

use snowbank_actions::scope::{READ_DENIED, Scopes};
use snowbank_catalog::ids::EntryId;
use snowbank_catalog::rooms::{Entry, Holdings, Listed, Listing, Repository, SortBy, Usage, UsageInAll, Why};

use super::auth::{ManageRight, Origin};
use super::{Kind, Result, Service, ServiceError, UsageRow, check_repository_name};

/// Entries that one call by key deletes at the most.
const MOST_DELETED: u64 = 1000;

/// Who asks about a repository, and what he may see there.
#[derive(Clone, Debug)]
pub struct Visitor {
    name: String,
    /// None where nothing was ever saved.
    repository: Option<Repository>,
    may: May,
    /// Who it is; see [`Identity::subject`](super::Identity::subject).
    subject: String,
}

#[derive(Clone, Debug)]
enum May {
    /// What a job's scopes allow.
    Scopes(Scopes),
    /// The same in all scopes.
    Everywhere(ManageRight),
}

/// Which of a repository's caches, and in which order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheQuery {
    /// Only keys that begin so.
    pub key_prefix: Option<String>,
    /// Only this scope.
    pub scope: Option<String>,
    /// The order.
    pub sort: SortBy,
    /// Largest or latest first.
    pub descending: bool,
    /// Entries left out before the first.
    pub offset: u64,
    /// Entries at most.
    pub limit: u64,
}

impl Visitor {
    /// The scopes whose entries are shown, of those that are asked for; none for all.
    fn shown(&self, asked: Option<&String>) -> Result<Option<Vec<String>>> {
        let May::Scopes(scopes) = &self.may else { return Ok(asked.map(|scope| vec![scope.clone()])) };
        if scopes.read.is_empty() {
            return Err(ServiceError::new(Kind::PermissionDenied, READ_DENIED));
        }
        let wanted = |scope: &&String| asked.is_none_or(|asked| asked == *scope);
        Ok(Some(scopes.read.iter().filter(wanted).cloned().collect()))
    }

    /// Who it is; see [`Identity::subject`](super::Identity::subject).
    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// None where nothing was ever saved.
    pub(super) fn repository(&self) -> Option<&Repository> {
        self.repository.as_ref()
    }

    pub(super) fn sees(&self, scope: &str) -> bool {
        match &self.may {
            May::Scopes(scopes) => self.deletes(scope) || scopes.read.iter().any(|known| known == scope),
            May::Everywhere(_) => true,
        }
    }

    pub(super) fn deletes(&self, scope: &str) -> bool {
        match &self.may {
            May::Scopes(scopes) => scopes.write.as_deref() == Some(scope),
            May::Everywhere(right) => *right >= ManageRight::Write,
        }
    }

    /// `owner/name`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What he may do in all scopes of the repository; of a job, no more than to look at what it comes to.
    #[must_use]
    pub fn right(&self) -> ManageRight {
        match &self.may {
            May::Scopes(_) => ManageRight::Read,
            May::Everywhere(right) => *right,
        }
    }
}

impl Service {
    /// Who a token belongs to, for this repository (`owner/name`). To a job of another one, it does not exist.
    pub async fn visitor(
        &self,
        token: Option<&str>,
        origin: Origin<'_>,
        repository: &str,
    ) -> Result<Visitor> {
        let identity = self.0.authenticator.identify(token, origin).await?;
        let unknown = || ServiceError::new(Kind::NotFound, "there is no such repository for this token");
        check_repository_name(repository).map_err(|_| unknown())?;
        let may = match (identity.job(), identity.manages(repository)) {
            (Some((own, scopes)), _) if own.eq_ignore_ascii_case(repository) => May::Scopes(scopes.clone()),
            (None, Some(right)) => May::Everywhere(right),
            _ => return Err(unknown()),
        };
        let known = self.0.catalog.find_repository(repository).await?;
        let name = known.as_ref().map_or_else(|| repository.to_owned(), |known| known.name.clone());
        Ok(Visitor { name, repository: known, may, subject: identity.subject() })
    }

    /// A page of what the visitor may see.
    pub async fn repository_caches(&self, visitor: &Visitor, query: &CacheQuery) -> Result<Listed> {
        self.write_access_times().await?;
        let scopes = visitor.shown(query.scope.as_ref())?;
        let Some(repository) = &visitor.repository else { return Ok(nothing()) };
        let listing = Listing {
            repo: Some(repository.id),
            key_prefix: query.key_prefix.clone(),
            key: None,
            scopes,
            sort: query.sort,
            descending: query.descending,
            offset: query.offset,
            limit: query.limit,
        };
        Ok(self.0.catalog.list(&listing).await?)
    }

    /// Deletes the repository's entry of this number.
    pub async fn delete_repository_cache(&self, visitor: &Visitor, id: EntryId) -> Result<()> {
        let unknown = || ServiceError::new(Kind::NotFound, format!("there is no cache with the id {id}"));
        let repository = visitor.repository.as_ref().ok_or_else(unknown)?;
        let entry = self.0.catalog.entry(id).await?;
        let entry = entry.filter(|entry| entry.repo == repository.id && visitor.sees(&entry.slot.scope));
        let entry = entry.ok_or_else(unknown)?;
        if !visitor.deletes(&entry.slot.scope) {
            return Err(not_its_own());
        }
        match self.0.catalog.delete(&[id], Why::Deleted { by: &visitor.subject }).await? {
            0 => Err(unknown()),
            _ => Ok(()),
        }
    }

    /// Deletes the entries of exactly this key, in one scope or in all that the visitor may delete from, 1000 at the
    /// most, and returns them.
    pub async fn delete_by_key(
        &self,
        visitor: &Visitor,
        key: &str,
        scope: Option<&String>,
    ) -> Result<Vec<Entry>> {
        let unknown = || ServiceError::new(Kind::NotFound, "there is no cache of this key");
        let repository = visitor.repository.as_ref().ok_or_else(unknown)?;
        let listing = Listing {
            repo: Some(repository.id),
            key_prefix: None,
            key: Some(key.to_owned()),
            scopes: scope.map(|scope| vec![scope.clone()]),
            sort: SortBy::Created,
            descending: true,
            offset: 0,
            limit: MOST_DELETED,
        };
        let found = self.0.catalog.list(&listing).await?.entries.into_iter().map(|(_, entry)| entry);
        let seen: Vec<Entry> = found.filter(|entry| visitor.sees(&entry.slot.scope)).collect();
        if seen.is_empty() {
            return Err(unknown());
        }
        let own: Vec<Entry> = seen.into_iter().filter(|entry| visitor.deletes(&entry.slot.scope)).collect();
        if own.is_empty() {
            return Err(not_its_own());
        }
        let ids: Vec<EntryId> = own.iter().map(|entry| entry.id).collect();
        self.0.catalog.delete(&ids, Why::Deleted { by: &visitor.subject }).await?;
        Ok(own)
    }

    /// What the repositories of an owner, or all, use together.
    pub async fn usage_in_all(&self, owner: Option<&str>) -> Result<UsageInAll> {
        Ok(self.0.catalog.usage_in_all(owner).await?)
    }

    /// What each of them uses that has caches, by name: `limit` of them after `offset`.
    pub async fn usage_by_repository(
        &self,
        owner: Option<&str>,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<Usage>> {
        Ok(self.0.catalog.usage(owner, offset, limit).await?)
    }

    /// What the whole repository uses: no scope has a limit of its own.
    pub async fn repository_usage(&self, visitor: &Visitor) -> Result<UsageRow> {
        let limit = self.limits_of(&visitor.name).await?.size.0;
        let mut usage = UsageRow { repository: visitor.name.clone(), entries: 0, bytes: 0, limit };
        if let Some(repository) = &visitor.repository {
            let Holdings { entries, bytes } = self.0.catalog.holdings(repository.id).await?;
            (usage.entries, usage.bytes) = (entries, bytes);
        }
        Ok(usage)
    }
}

fn nothing() -> Listed {
    Listed { total: 0, entries: Vec::new() }
}

fn not_its_own() -> ServiceError {
    ServiceError::new(Kind::PermissionDenied, "this token may not delete caches of that ref")
}
