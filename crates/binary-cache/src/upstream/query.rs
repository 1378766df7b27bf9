//! Asking upstream caches for paths of which nothing is known here.

use std::{fmt, io, sync::Arc};

use futures::{StreamExt as _, stream};
use snowbank_nix::{
    nar_info::NarInfo,
    nix32,
    store_path::{HASH_LEN, StorePath},
};

use super::{Fetched, Upstream, UpstreamError, Upstreams, site::Site, transfer::Transfer};

/// A path that an upstream cache has.
#[derive(Clone)]
pub struct Found {
    /// What the cache tells of it. Its URL is where the NAR is in that cache.
    pub narinfo: NarInfo,
    /// The cache, as people are told of it: host and path.
    pub from: String,
    site: Arc<Site>,
}

impl Found {
    /// The cache.
    #[must_use]
    pub fn upstream(&self) -> &Upstream {
        self.site.upstream()
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found").field("narinfo", &self.narinfo).field("from", &self.from).finish()
    }
}

/// Which of many paths upstream caches have.
#[derive(Debug, Default)]
pub struct Presence {
    /// For each path, in the order in which they were asked for, whether a cache has it. False where that could not be
    /// found out.
    pub present: Vec<bool>,
    /// Paths of which it could not be found out.
    pub failed: usize,
    /// Why not, for the first of them.
    pub error: Option<UpstreamError>,
}

impl Upstreams {
    /// Asks the upstreams, in order, for the path whose name begins with these thirty-two digits. What is found is
    /// signed by a key of the upstream that has it, or content-addressed so that it follows from its NAR's hash; nothing
    /// else about it is known to be good, its references among it. `None` when no upstream has such a path, or no path
    /// can begin so.
    ///
    /// # Errors
    /// When no upstream has the path, of the first upstream that could not say or told what cannot be believed.
    pub async fn query(&self, hash_part: &str) -> Result<Option<Found>, UpstreamError> {
        // Nothing else may find its way into a URL.
        if hash_part.len() != HASH_LEN || !hash_part.bytes().all(nix32::is_digit) {
            return Ok(None);
        }
        let mut first = None;
        for site in &self.0.sites {
            // It is never closed.
            let permit = self.0.lookups.acquire().await;
            let answer = site.query(hash_part, &self.0.dir).await;
            drop(permit);
            match answer {
                Ok(Some(narinfo)) => {
                    return Ok(Some(Found { narinfo, from: site.name(), site: Arc::clone(site) }));
                }
                Ok(None) => {}
                Err(error) => first = first.or(Some(error)),
            }
        }
        first.map_or(Ok(None), Err)
    }

    /// Fetches the NAR of what [`query`](Self::query) found, from the cache that has it; as
    /// [`fetch`](Self::fetch) does otherwise.
    ///
    /// # Errors
    /// When the cache does not have the NAR any more, or sends another, or breaks off; when `sink` failed.
    pub async fn fetch_found<F>(&self, found: Found, sink: F) -> Result<Fetched, UpstreamError>
    where
        F: FnMut(&[u8]) -> io::Result<()> + Send + 'static,
    {
        let path = found.narinfo.info.path.clone();
        match self.transfer(&found.site, found.narinfo, sink).await {
            Transfer::Done(fetched) => Ok(fetched),
            Transfer::Failed(error, _) => Err(error.unwrap_or(UpstreamError::Absent { path })),
        }
    }

    /// Which of these paths an upstream has, as [`query`](Self::query) finds it. At most as many are asked for at once
    /// as [`lookups`](super::UpstreamOptions::lookups) allows.
    pub async fn present(&self, paths: &[StorePath]) -> Presence {
        let asked = paths.iter().cloned().map(|path| {
            let this = self.clone();
            async move {
                let found = this.query(path.hash_part()).await?;
                Ok::<_, UpstreamError>(found.is_some_and(|found| found.narinfo.info.path == path))
            }
        });
        // More would only wait for the same permits.
        let mut answers = stream::iter(asked).buffered(self.0.at_once);
        let mut presence = Presence { present: Vec::with_capacity(paths.len()), ..Presence::default() };
        while let Some(answer) = answers.next().await {
            presence.present.push(matches!(answer, Ok(true)));
            if let Err(error) = answer {
                presence.failed += 1;
                presence.error.get_or_insert(error);
            }
        }
        presence
    }
}
