//! The use cases, one file each, without a word of HTTP.

mod access;
mod admin;
mod auth;
mod binary_cache;
mod caches;
mod chunk_index;
mod dashboard;
mod download;
mod error;
mod events;
mod finalize;
mod health;
#[cfg(test)]
mod interleaving;
mod limits;
mod lookup;
mod metrics;
mod presence;
mod recipe_pages;
mod reserve;
mod signing;
mod snapshots;
mod tokens;
mod upkeep;
mod upload;
mod worker;

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use snowbank_actions::scope::Scopes;
use snowbank_cas::bucket::Bucket;
use snowbank_cas::budget::{Class, Permit};
use snowbank_cas::chunker::Params;
use snowbank_catalog::Catalog;
use snowbank_catalog::rooms::{Cache, Repository};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::settings::Settings;

pub use admin::{CacheFilter, CacheRow, UsageRow};
pub use auth::{
    Authenticator, CacheGrant, CacheGrantError, GithubIssuer, Grant, Identity, ManageGrant, ManageGrantError,
    ManageRight, OidcIssuers, Origin, OwnTokens, Rights, SignedRun,
};
pub use binary_cache::{
    CacheAbout, CacheEvictReport, CachePath, CacheView, ClosureAnswer, ClosureQuestion, FrameRun,
    FrameSource, Lacking, Nameable, NarMade, Served,
};
pub use caches::{CacheQuery, Visitor};
pub use dashboard::{
    Answers, ByDay, CacheLine, Disk, Fates, Going, GoingEntry, GoingFor, Line, LineFate, NamedPack, Order,
    Overview, OverviewQuery, Past, RepositoryLine, Series, Shelf, ShelfQuery,
};
pub use download::Download;
pub use error::{Kind, Result, ServiceError};
pub use events::{EventQuery, Onlooker, why_gone, why_missed};
pub use health::Health;
pub use limits::{LimitsOn, Wanted};
pub use lookup::Found;
pub use metrics::{
    Call, Exposition, JobEnd, Metrics, OpenConnection, Outcome, Place, Protocol, Reason, Reservation,
    StatusClass,
};
pub use reserve::UploadGrant;
pub use signing::{Direction, UrlSigner};
pub use snapshots::packs_of_index;
pub use upkeep::{CheckReport, CollectPlan, CollectReport, Damage, EvictReport};
pub use upload::BodyError;
pub use worker::Worker;

/// A job that proved who it is.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Its repository.
    pub repository: Repository,
    /// What it may read and write.
    pub scopes: Scopes,
}

impl Caller {
    /// The scope that it may write, or why it may not.
    pub(crate) fn write_scope(&self) -> Result<&str> {
        self.scopes.write.as_deref().ok_or_else(|| {
            ServiceError::new(Kind::PermissionDenied, "cache write denied: token has no writable scopes")
        })
    }
}

/// The cache service of one process. Clones share everything.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    settings: Settings,
    catalog: Arc<dyn Catalog>,
    bucket: Bucket,
    authenticator: Authenticator,
    issuers: OidcIssuers,
    signer: UrlSigner,
    session_secret: [u8; 32],
    sums: dashboard::Sums,
    access: access::AccessLog,
    events: events::EventLog,
    presence: presence::Presence,
    repositories: RwLock<HashMap<String, Repository>>,
    caches: RwLock<HashMap<String, Cache>>,
    keys: binary_cache::Keys,
    upstreams: binary_cache::CacheUpstreams,
    fetching: binary_cache::Fetching,
    saved: Notify,
    counted: upkeep::Counted,
    metrics: Metrics,
    figures: metrics::Figures,
    doctor: health::Doctor,
    stopping: CancellationToken,
    params: Params,
}

impl Service {
    /// A service over an open catalog and bucket. Makes its secrets on the first start of all processes that
    /// share the catalog.
    pub async fn open(settings: Settings, catalog: Arc<dyn Catalog>, bucket: Bucket) -> Result<Self> {
        let token_secret = secret(&*catalog, "tokens").await?;
        let signer = UrlSigner::new(&secret(&*catalog, "urls").await?);
        let session_secret = secret(&*catalog, "sessions").await?;
        let params = settings.chunks.params().map_err(|error| {
            ServiceError::caused(Kind::InvalidArgument, "content cannot be cut as the settings say", error)
        })?;
        let authenticator =
            Authenticator::new(OwnTokens::new(&token_secret), &settings.auth, Arc::clone(&catalog));
        let keys = binary_cache::Keys::load(&settings, &*catalog).await?;
        let upstreams = binary_cache::CacheUpstreams::new(&settings)?;
        let issuers = OidcIssuers::new(&settings.oidc);
        let events = events::EventLog::new(!settings.times.events.0.is_zero());
        Ok(Self(Arc::new(Inner {
            settings,
            catalog,
            bucket,
            authenticator,
            issuers,
            signer,
            session_secret,
            sums: dashboard::Sums::default(),
            access: access::AccessLog::default(),
            events,
            presence: presence::Presence::default(),
            repositories: RwLock::default(),
            caches: RwLock::default(),
            keys,
            upstreams,
            fetching: binary_cache::Fetching::default(),
            saved: Notify::new(),
            counted: upkeep::Counted::default(),
            metrics: Metrics::default(),
            figures: metrics::Figures::default(),
            doctor: health::Doctor::default(),
            stopping: CancellationToken::new(),
            params,
        })))
    }

    /// The settings it runs under.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Mints a token of this program's own, for a while: it is on no list. See [`Service::create_token`].
    pub fn mint(&self, rights: &Rights, valid: std::time::Duration) -> Result<String> {
        self.0.authenticator.own().mint(rights, valid)
    }

    /// Who a job is, by its token.
    pub async fn authenticate(&self, token: Option<&str>, origin: Origin<'_>) -> Result<Caller> {
        let identity = self.0.authenticator.identify(token, origin).await?;
        let Some((repository, scopes)) = identity.job() else {
            return Err(ServiceError::new(
                Kind::PermissionDenied,
                match identity {
                    Identity::Admin { .. } => "an admin token names no repository to save or restore for",
                    Identity::Manager { .. } => "a token to manage caches is none to save or restore with",
                    _ => "a token for binary caches names no repository to save or restore for",
                },
            ));
        };
        Ok(Caller { repository: self.repository(repository).await?, scopes: scopes.clone() })
    }

    /// Who somebody is, by the token; nobody where there is none and none is needed to be believed.
    pub async fn identify(&self, token: Option<&str>, origin: Origin<'_>) -> Result<Option<Identity>> {
        self.0.authenticator.identify_anybody(token, origin).await
    }

    /// A token of ours for an identity token of an issuer that the settings name, and how long it holds.
    pub async fn exchange(&self, token: &str) -> Result<(String, std::time::Duration)> {
        let proven = self.0.issuers.prove(token).await?;
        tracing::info!(subject = ?proven.subject, "somebody proved who he is, and gets a token");
        self.0.authenticator.mint_for_proven(proven, self.settings().times.oidc_token.0)
    }

    /// What somebody may do with the binary cache of this name; everybody may pull what is public.
    #[must_use]
    pub fn may(&self, identity: Option<&Identity>, cache: &str) -> Grant {
        let mut grant = identity.map(|identity| identity.may(cache)).unwrap_or_default();
        grant.pull |= self.settings().caches.get(cache).is_some_and(|settings| settings.public);
        grant
    }

    /// Checks that the token is an administrator's. Returns who it is; see [`Identity::subject`].
    pub async fn authenticate_admin(&self, token: Option<&str>, origin: Origin<'_>) -> Result<String> {
        let identity = self.0.authenticator.identify(token, origin).await?;
        if identity.is_admin() {
            return Ok(identity.subject());
        }
        Err(ServiceError::new(Kind::PermissionDenied, "this needs an admin token"))
    }

    /// Room for a body that is read whole: its share of the buffers of uploads, until it is dropped.
    pub async fn room(&self, bytes: u64) -> Permit {
        self.0.bucket.budget().take(Class::Upload, bytes).await
    }

    /// Checks a signed URL.
    pub fn check_url(&self, direction: Direction, id: i64, expires: &str, signature: &str) -> Result<()> {
        self.0.signer.check(direction, id, expires, signature)
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Writes what is still in memory and ends all connections to the catalog; nothing can be asked afterwards.
    pub async fn close(&self) -> Result<()> {
        let written = self.write_access_times().await.and(self.write_events().await);
        self.0.catalog.close().await;
        written
    }

    async fn repository(&self, name: &str) -> Result<Repository> {
        let key = name.to_ascii_lowercase();
        let known = self.0.repositories.read().ok().and_then(|known| known.get(&key).cloned());
        if let Some(repository) = known {
            return Ok(repository);
        }
        check_repository_name(name)?;
        let owner = key.split_once('/').map_or(key.as_str(), |(owner, _)| owner);
        // A number alone does not tell its owner, so such a repository shares with nobody.
        let own = if owner == "id" { key.as_str() } else { owner };
        let domain = if self.settings().share_across_owners { "*" } else { own };
        let repository = self.0.catalog.repository(name, domain).await?;
        if let Ok(mut known) = self.0.repositories.write() {
            known.insert(key, repository.clone());
        }
        Ok(repository)
    }
}

fn check_repository_name(name: &str) -> Result<()> {
    if is_repository_name(name) {
        return Ok(());
    }
    Err(ServiceError::new(
        Kind::InvalidArgument,
        format!("`{}` is no repository: it is written owner/name", name.escape_debug()),
    ))
}

/// Whether a text is written `owner/name`.
fn is_repository_name(name: &str) -> bool {
    name.split_once('/').is_some_and(|(owner, repo)| is_name_part(owner) && is_name_part(repo))
}

/// Whether a text can be an owner, or a repository's name without its owner.
fn is_name_part(part: &str) -> bool {
    (1..=100).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| ServiceError::caused(Kind::Internal, "the system gives no random bytes", error))?;
    Ok(bytes)
}

async fn secret(catalog: &dyn Catalog, name: &str) -> Result<[u8; 32]> {
    let fresh = random::<32>()?;
    let kept = catalog.secret(name, &fresh).await?;
    kept.try_into().map_err(|_| {
        ServiceError::new(Kind::Internal, format!("the secret `{name}` in the catalog is damaged"))
    })
}
