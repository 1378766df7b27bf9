//! Fetching paths from upstream Nix binary caches, such as cache.nixos.org.
//!
//! What an upstream has signed need not be stored again: a snapshot keeps only its path info, and a restore fetches it
//! from where it came from. A cache says with a `.narinfo` where the NAR is and how it is compressed; what is believed of
//! that is what one of the cache's keys has signed, and that the NAR is what was signed is checked to its last byte.

mod address;
mod cache_info;
mod client;
mod download;
mod error;
mod failure;
mod file;
mod health;
mod http;
mod judge;
mod options;
mod pipe;
mod query;
mod receive;
mod retry;
mod site;
mod thread;
mod transfer;

use std::{fmt, io, sync::Arc};

pub use cache_info::CacheInfo;
pub use error::{ContentProblem, NarInfoProblem, UpstreamError};
pub use failure::{Failure, SetUpProblem};
pub use options::UpstreamOptions;
pub use query::{Found, Presence};
use snowbank_nix::{nar_info::NarInfo, path_info::PathInfo, signature::PublicKey, store_path::StoreDir};
use tokio::sync::Semaphore;
use url::Url;

use client::Web;
use site::Site;
use thread::on_thread;
use transfer::{Transfer, transfer};

/// The key with which cache.nixos.org signs.
pub const NIXOS_KEY: &str = "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=";

/// An upstream cache and the keys that it signs with.
#[derive(Clone)]
pub struct Upstream {
    /// Its root: http, https or file. May hold a login; its query is ignored, for it is Nix's settings for the store.
    pub url: Url,
    /// The keys that it signs with.
    pub keys: Vec<PublicKey>,
}

impl Upstream {
    /// The cache that Nix knows by itself: cache.nixos.org.
    #[must_use]
    pub fn nixos() -> Option<Self> {
        Some(Self { url: Url::parse("https://cache.nixos.org").ok()?, keys: vec![NIXOS_KEY.parse().ok()?] })
    }
}

/// Without the login.
impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        let keys: Vec<_> = self.keys.iter().map(PublicKey::name).collect();
        write!(f, "Upstream({}://{host}{}, {keys:?})", self.url.scheme(), self.url.path())
    }
}

/// A path that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Bytes that were received for it, compressed as they were.
    pub received: u64,
    /// The cache that it came from.
    pub from: String,
}

/// The upstream caches of one run, in the order in which they are asked. One that turns out not to work is not asked
/// again. Cheap to clone.
#[derive(Clone)]
pub struct Upstreams(Arc<Inner>);

struct Inner {
    sites: Vec<Arc<Site>>,
    dir: StoreDir,
    transfers: Semaphore,
    lookups: Semaphore,
    /// Permits of `lookups`.
    at_once: usize,
}

impl Upstreams {
    /// The caches in `list`, for the store in `dir`. Nothing is asked of them yet.
    ///
    /// # Errors
    /// When a URL is not http, https or file.
    pub fn new(list: Vec<Upstream>, dir: StoreDir, options: UpstreamOptions) -> Result<Self, UpstreamError> {
        let web = Arc::new(Web::new(options));
        let sites: Result<_, _> =
            list.into_iter().map(|upstream| Site::new(upstream, Arc::clone(&web)).map(Arc::new)).collect();
        Ok(Self(Arc::new(Inner {
            sites: sites?,
            dir,
            transfers: Semaphore::new(web.options.transfers.max(1)),
            lookups: Semaphore::new(web.options.lookups.max(1)),
            at_once: web.options.lookups.max(1),
        })))
    }

    /// The first upstream whose key made one of the signatures of `info`: then it is said to have the path.
    #[must_use]
    pub fn holder(&self, info: &PathInfo) -> Option<&Upstream> {
        let holder = self.0.sites.iter().find(|site| site.signed(info, &self.0.dir));
        holder.map(|site| site.upstream())
    }

    /// Fetches the NAR of `info` from the first upstream that has it (those that signed `info` are asked first), and hands its bytes in order, in parts of at most
    /// 128 KiB, to `sink` on a thread where it may wait. Only when this returns `Ok` are the bytes known to be what the
    /// upstream has signed, and what `info` says by hash, size and references.
    ///
    /// When it is dropped, the thread ends soon, without another call of `sink` than the one under way.
    ///
    /// # Errors
    /// When no upstream has the path, of the first upstream that has it otherwise or could not say; when one broke off
    /// after `sink` had got bytes; when `sink` failed. Then the bytes so far are worth nothing.
    pub async fn fetch<F>(&self, info: &PathInfo, sink: F) -> Result<Fetched, UpstreamError>
    where
        F: FnMut(&[u8]) -> io::Result<()> + Send + 'static,
    {
        let (mut sink, mut first) = (sink, None);
        let info = Arc::new(info.clone());
        for site in self.in_order(&info).await {
            let error = match self.find(&site, &info).await {
                Ok(None) => continue,
                Ok(Some(found)) => match self.transfer(&site, found, sink).await {
                    Transfer::Done(fetched) => return Ok(fetched),
                    Transfer::Failed(error, Some(unused)) => {
                        sink = unused;
                        error
                    }
                    Transfer::Failed(error, None) => {
                        first = error.or(first);
                        break;
                    }
                },
                Err(error) => Some(error),
            };
            first = first.or(error);
        }
        Err(first.unwrap_or_else(|| UpstreamError::Absent { path: info.path.clone() }))
    }

    /// All upstreams, those that signed `info` first.
    async fn in_order(&self, info: &Arc<PathInfo>) -> Vec<Arc<Site>> {
        let (this, info) = (Arc::clone(&self.0), Arc::clone(info));
        on_thread(move || {
            let mut sites = this.sites.clone();
            sites.sort_by_cached_key(|site| !site.signed(&info, &this.dir));
            sites
        })
        .await
    }

    async fn find(&self, site: &Arc<Site>, info: &Arc<PathInfo>) -> Result<Option<NarInfo>, UpstreamError> {
        // It is never closed.
        let _permit = self.0.lookups.acquire().await;
        site.find(info, &self.0.dir).await
    }

    async fn transfer<F>(&self, site: &Site, found: NarInfo, sink: F) -> Transfer<F>
    where
        F: FnMut(&[u8]) -> io::Result<()> + Send + 'static,
    {
        let _permit = self.0.transfers.acquire().await;
        transfer(site, found, sink).await
    }
}
