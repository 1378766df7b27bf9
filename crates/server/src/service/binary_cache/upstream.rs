//! Pulling through: what a cache does not have and an upstream has is fetched once, kept, and served on. When the
//! upstream is down, what was kept is served all the same.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use snowbank_binary_cache::upstream::{Found, Upstreams};
use snowbank_catalog::rooms::{HashPart, NewPath, Path, Publication, Stage, StoredNar};
use snowbank_nix::hash::NarHash;
use snowbank_nix::nar_info::Compression;

use super::keep::unspooled;
use super::{CacheView, ITSELF};
use crate::service::Result;
use crate::service::worker::causes;

/// Who brings what comes from an upstream.
const PUSHER: &str = "upstream";

/// NARs that are on their way from an upstream, so that each is fetched once however many ask for it.
#[derive(Default)]
pub(in crate::service) struct Fetching(Mutex<HashMap<NarHash, Arc<tokio::sync::Mutex<()>>>>);

impl Fetching {
    fn turn(&self, hash: &NarHash) -> Arc<tokio::sync::Mutex<()>> {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody waits for any more.
        under_way.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(under_way.entry(*hash).or_default())
    }
}

impl CacheView {
    /// The upstreams that the cache pulls through, if it does.
    fn pulled_through(&self) -> Option<Upstreams> {
        let upstreams = self.service.0.upstreams.of(self.name());
        upstreams.filter(|_| self.traits.pull_through).cloned()
    }

    /// A path that an upstream has, noted as one of the cache's own. One that cannot be asked has nothing.
    pub(super) async fn learn(&self, hash_part: HashPart) -> Result<Option<Path>> {
        let Some(upstreams) = self.pulled_through() else { return Ok(None) };
        let found = match upstreams.query(hash_part.as_str()).await {
            Ok(Some(found)) => found.narinfo.info,
            Ok(None) => return Ok(None),
            Err(error) => {
                let cause = causes(&error);
                tracing::warn!(cache = self.name(), cause, "an upstream cache could not be asked");
                return Ok(None);
            }
        };
        // The upstream answers for what it refers to.
        let elsewhere: Vec<HashPart> = found.references.iter().map(HashPart::of).collect();
        let views = [ITSELF.to_owned()];
        let publication = Publication {
            cache: self.cache.id,
            view: ITSELF,
            views: &views,
            pusher: PUSHER,
            elsewhere: &elsewhere,
        };
        let paths = [NewPath { info: found, upstream: true }];
        self.service.0.catalog.publish(&publication, &paths).await?;
        Ok(self.service.0.catalog.path(self.cache.id, &views, hash_part).await?)
    }

    /// The NAR of a path that an upstream has, fetched and kept. None when there is no such path, or the upstream does not
    /// give it.
    pub(super) async fn fetch(&self, hash: &NarHash) -> Result<Option<StoredNar>> {
        let Some(upstreams) = self.pulled_through() else { return Ok(None) };
        let turn = self.service.0.fetching.turn(hash);
        let _turn = turn.lock().await;
        let Some(waiting) = self.service.0.catalog.waiting(self.cache.id, hash).await? else {
            // Somebody else has fetched it meanwhile, or there is none.
            return Ok(self.service.0.catalog.nar(self.cache.id, &self.views, hash).await?);
        };
        let found = match upstreams.query(waiting.info.path.hash_part()).await {
            Ok(found) => found.filter(|found| found.narinfo.info.nar_hash == *hash),
            Err(error) => return Ok(self.not_fetched(&waiting, &error)),
        };
        let Some(found) = found else { return Ok(None) };
        self.bring(&upstreams, found, &waiting).await
    }

    async fn bring(&self, upstreams: &Upstreams, found: Found, waiting: &Path) -> Result<Option<StoredNar>> {
        let spooled = self.service.0.bucket.spool().await.map_err(unspooled)?;
        let spooled = Arc::new(Mutex::new(spooled));
        let sink = Arc::clone(&spooled);
        let append = move |bytes: &[u8]| sink.lock().unwrap_or_else(PoisonError::into_inner).append(bytes);
        if let Err(error) = upstreams.fetch_found(found, append).await {
            return Ok(self.not_fetched(waiting, &error));
        }
        let spooled =
            Arc::into_inner(spooled).ok_or_else(|| unspooled(io::Error::other("it is still written to")))?;
        let spooled = spooled.into_inner().unwrap_or_else(PoisonError::into_inner);
        let stage = Stage {
            cache: self.cache.id,
            view: ITSELF.to_owned(),
            pusher: PUSHER.to_owned(),
            name: waiting.info.nar_hash.to_string(),
        };
        self.keep(spooled, Compression::None, &stage, self.lease()).await
    }

    fn not_fetched<T>(&self, waiting: &Path, error: &(dyn std::error::Error + 'static)) -> Option<T> {
        let (path, cause) = (&waiting.info.path, causes(error));
        tracing::warn!(cache = self.name(), %path, cause, "a path could not be fetched from its upstream cache");
        None
    }
}
