//! Binary caches: paths and their NARs over the one store of chunks.
//!
//! A path belongs to a cache and to a view of it. The view of no name is the cache itself; every other is a git ref, and
//! what a job of that ref pushed: nobody else sees it, and the cache signs nothing of it.

mod about;
mod closure;
mod compose;
mod expire;
mod keep;
mod keys;
mod layers;
mod offer;
mod parcel;
mod pins;
mod publish;
mod pull;
mod retention;
mod rows;
mod sieve;
mod through;
mod upstream;
mod upstreams;

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use snowbank_catalog::rooms::{Cache, MAX_PUSHER, MAX_VIEW};
use snowbank_nix::signature::{PublicKey, SecretKey};
use snowbank_nix::store_path::StoreDir;

use super::auth::{Grant, Origin};
use super::{Kind, Result, Service, ServiceError};

pub use about::{CacheAbout, CachePath};
pub use closure::{ClosureAnswer, ClosureQuestion};
pub use compose::{FrameRun, NarMade};
pub use expire::CacheEvictReport;
pub(super) use keys::Keys;
pub use offer::{FrameSource, Lacking, Nameable};
pub use pull::Served;
pub(super) use upstream::Fetching;
pub(super) use upstreams::CacheUpstreams;

/// The view that is the cache itself.
const ITSELF: &str = "";

/// A cache as somebody sees it, with what he may do.
#[derive(Clone)]
pub struct CacheView {
    service: Service,
    cache: Cache,
    traits: Traits,
    keys: Arc<[SecretKey]>,
    grant: Grant,
    /// The views that are read, the nearest first.
    views: Vec<String>,
    /// Who pushes, as far as he is to be told from others.
    pusher: String,
}

/// What of a cache's settings every request may need.
#[derive(Clone, Copy)]
struct Traits {
    public: bool,
    priority: u32,
    pull_through: bool,
}

impl Service {
    /// The cache of this name, for whoever the token belongs to. A private one does not exist for those who may do
    /// nothing there, and who shows no token is asked for one either way.
    ///
    /// # Errors
    /// When there is no such cache for him.
    pub async fn cache_view(&self, token: Option<&str>, origin: Origin<'_>, name: &str) -> Result<CacheView> {
        let identity = self.identify(token, origin).await?;
        let grant = self.may(identity.as_ref(), name);
        let Some(settings) = self.settings().caches.get(name).filter(|_| grant.pull) else {
            return Err(match identity {
                Some(_) => ServiceError::new(Kind::NotFound, "there is no such cache for this token"),
                None => ServiceError::new(Kind::Unauthenticated, "there is no such cache without a token"),
            });
        };
        let cache = self.cache(name).await?;
        let view = grant.view.clone().filter(|view| view != ITSELF);
        if view.as_ref().is_some_and(|view| view.len() > MAX_VIEW) {
            let message = format!("the job's ref has more than {MAX_VIEW} bytes");
            return Err(ServiceError::new(Kind::InvalidArgument, message));
        }
        Ok(CacheView {
            service: self.clone(),
            keys: self.0.keys.of(name),
            traits: Traits {
                public: settings.public,
                priority: settings.priority,
                pull_through: settings.pull_through,
            },
            cache,
            views: view.into_iter().chain([ITSELF.to_owned()]).collect(),
            pusher: identity.map(|identity| pusher(&identity.subject())).unwrap_or_default(),
            grant,
        })
    }

    /// What the catalog calls the cache. Asked once.
    async fn cache(&self, name: &str) -> Result<Cache> {
        let known = self.0.caches.read().ok().and_then(|known| known.get(name).cloned());
        if let Some(cache) = known {
            return Ok(cache);
        }
        let owner = self.settings().cache_owner(name).unwrap_or(name).to_ascii_lowercase();
        let domain = if self.settings().share_across_owners { "*" } else { &owner };
        let cache = self.0.catalog.cache(name, domain).await?;
        if let Ok(mut known) = self.0.caches.write() {
            known.insert(name.to_owned(), cache.clone());
        }
        Ok(cache)
    }
}

/// Subjects of foreign issuers may be of any length.
fn pusher(subject: &str) -> String {
    if subject.len() <= MAX_PUSHER { subject.to_owned() } else { hex::encode(Sha256::digest(subject)) }
}

impl CacheView {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.cache.name
    }

    /// Whether whoever asks needs no token.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.traits.public
    }

    /// Which caches Nix is to ask first: those with a lower number.
    #[must_use]
    pub fn priority(&self) -> u32 {
        self.traits.priority
    }

    /// The keys that it signs with.
    #[must_use]
    pub fn public_keys(&self) -> Vec<PublicKey> {
        keys::public(&self.keys)
    }

    /// The directory that all its paths are in.
    #[must_use]
    pub fn dir(&self) -> StoreDir {
        StoreDir::default()
    }

    /// Checks that something may be pushed.
    ///
    /// # Errors
    /// When it may not.
    pub fn may_push(&self) -> Result<()> {
        if self.grant.push {
            return Ok(());
        }
        let message = format!("this token may not push to the cache {}", self.name());
        let kind = if self.pusher.is_empty() { Kind::Unauthenticated } else { Kind::PermissionDenied };
        Err(ServiceError::new(kind, message))
    }

    /// The view that is pushed to.
    fn view(&self) -> &str {
        self.views.first().map_or(ITSELF, String::as_str)
    }
}
