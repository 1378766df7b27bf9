//! Who may ask what happened, and what he is told: an administrator everything, a job what concerns its repository.

use snowbank_catalog::ids::RepoId;
use snowbank_catalog::rooms::{
    Day, EventFilter, ImagePush, Lookup, NewImagePush, Outcome, Pusher, Removal, Sample, Save, Unfinished,
};

use crate::service::auth::Origin;
use crate::service::{Kind, Result, Service, ServiceError, Visitor, check_repository_name};

/// Image pushes of a repository or cache that are kept.
const PUSHES: u64 = 2000;
/// Days that are told at the most.
const DAYS: u64 = 400;

/// What somebody may be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onlooker {
    /// All repositories.
    Everything,
    /// One repository.
    Repository(RepoId),
    /// One that was never used, so that there is nothing to tell.
    Nothing,
}

/// Which events, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Only keys that begin so; see [`EventFilter::key_prefix`].
    pub key_prefix: Option<String>,
    /// Only those before this one.
    pub before: Option<i64>,
    /// Events at most.
    pub limit: u64,
}

impl Onlooker {
    /// None where there is nothing.
    fn filter(self, query: &EventQuery) -> Result<Option<EventFilter>> {
        let repo = match self {
            Self::Nothing => return Ok(None),
            Self::Everything => None,
            Self::Repository(repo) => Some(repo),
        };
        if repo.is_none() && query.key_prefix.is_some() {
            let message = "say of which repository: the keys of all are not searched";
            return Err(ServiceError::new(Kind::InvalidArgument, message));
        }
        let EventQuery { key_prefix, before, limit } = query.clone();
        Ok(Some(EventFilter { repo, key_prefix, before, limit }))
    }
}

impl Visitor {
    /// What he may be told of: who may see what a repository comes to, may know what happened there.
    #[must_use]
    pub fn onlooker(&self) -> Onlooker {
        self.repository().map_or(Onlooker::Nothing, |repository| Onlooker::Repository(repository.id))
    }
}

impl Service {
    /// What the bearer of a token may be told of: of `repository` (`owner/name`), if one is named. To a job of another
    /// one, it does not exist.
    pub async fn onlooker(
        &self,
        token: Option<&str>,
        origin: Origin<'_>,
        repository: Option<&str>,
    ) -> Result<Onlooker> {
        let identity = self.0.authenticator.identify(token, origin).await?;
        let name = match (identity.job(), repository) {
            (Some((own, _)), asked) if asked.is_none_or(|asked| own.eq_ignore_ascii_case(asked)) => own,
            (None, Some(asked)) if identity.is_admin() => asked,
            (None, None) if identity.is_admin() => return Ok(Onlooker::Everything),
            (Some(_), _) => {
                let message = "there is no such repository for this token";
                return Err(ServiceError::new(Kind::NotFound, message));
            }
            (None, _) => {
                let message = "this needs an admin token, or that of a job of the repository";
                return Err(ServiceError::new(Kind::PermissionDenied, message));
            }
        };
        check_repository_name(name)?;
        let found = self.0.catalog.find_repository(name).await?;
        Ok(found.map_or(Onlooker::Nothing, |found| Onlooker::Repository(found.id)))
    }

    /// Who a push of an image is noted for: the bearer's repository, or the binary cache that he may push to.
    pub async fn image_pusher(
        &self,
        token: Option<&str>,
        origin: Origin<'_>,
        cache: Option<&str>,
    ) -> Result<Pusher> {
        let identity = self.0.authenticator.identify(token, origin).await?;
        if let Some((repository, _)) = identity.job() {
            return Ok(Pusher::Repository(self.repository(repository).await?.id));
        }
        let cache = cache.filter(|cache| {
            self.settings().caches.contains_key(*cache) && self.may(Some(&identity), cache).push
        });
        cache.map(|cache| Pusher::Cache(cache.to_owned())).ok_or_else(|| {
            let message =
                "this needs a job's token, or one that may push to the binary cache that `cache` names";
            ServiceError::new(Kind::PermissionDenied, message)
        })
    }

    /// Notes an image push.
    pub async fn note_image_push(&self, pusher: &Pusher, push: &NewImagePush) -> Result<()> {
        if self.settings().times.events.0.is_zero() {
            return Ok(());
        }
        Ok(self.0.catalog.note_image_push(pusher, push, PUSHES).await?)
    }

    /// Lookups; only those of one outcome where one is named.
    pub async fn events_of_lookups(
        &self,
        onlooker: Onlooker,
        query: &EventQuery,
        outcome: Option<Outcome>,
    ) -> Result<Vec<Lookup>> {
        self.write_events().await?;
        let Some(filter) = onlooker.filter(query)? else { return Ok(Vec::new()) };
        Ok(self.0.catalog.lookups(&filter, outcome).await?)
    }

    /// Entries that went.
    pub async fn events_of_removals(&self, onlooker: Onlooker, query: &EventQuery) -> Result<Vec<Removal>> {
        let Some(filter) = onlooker.filter(query)? else { return Ok(Vec::new()) };
        Ok(self.0.catalog.removals(&filter).await?)
    }

    /// Uploads that ended without an entry.
    pub async fn events_of_unfinished(
        &self,
        onlooker: Onlooker,
        query: &EventQuery,
    ) -> Result<Vec<Unfinished>> {
        let Some(filter) = onlooker.filter(query)? else { return Ok(Vec::new()) };
        Ok(self.0.catalog.unfinished(&filter).await?)
    }

    /// Saves; packs beside their snapshots only where `parts` says so.
    pub async fn events_of_saves(
        &self,
        onlooker: Onlooker,
        query: &EventQuery,
        parts: bool,
    ) -> Result<Vec<Save>> {
        self.write_events().await?;
        let Some(filter) = onlooker.filter(query)? else { return Ok(Vec::new()) };
        Ok(self.0.catalog.saves(&filter, parts).await?)
    }

    /// Image pushes.
    pub async fn events_of_image_pushes(
        &self,
        onlooker: Onlooker,
        query: &EventQuery,
    ) -> Result<Vec<ImagePush>> {
        let Some(filter) = onlooker.filter(query)? else { return Ok(Vec::new()) };
        Ok(self.0.catalog.image_pushes(&filter).await?)
    }

    /// Counts of the last so many days.
    pub async fn days(&self, onlooker: Onlooker, days: u64, limit: u64) -> Result<Vec<Day>> {
        self.write_events().await?;
        let repo = match onlooker {
            Onlooker::Nothing => return Ok(Vec::new()),
            Onlooker::Everything => None,
            Onlooker::Repository(repo) => Some(repo),
        };
        Ok(self.0.catalog.days(repo, days.min(DAYS), limit).await?)
    }

    /// Samples of what is stored: of the whole server for who may see everything, else of the repository.
    pub async fn samples(&self, onlooker: Onlooker, limit: u64) -> Result<Vec<Sample>> {
        let repo = match onlooker {
            Onlooker::Nothing => return Ok(Vec::new()),
            Onlooker::Everything => None,
            Onlooker::Repository(repo) => Some(repo),
        };
        Ok(self.0.catalog.samples(repo, limit).await?)
    }
}
