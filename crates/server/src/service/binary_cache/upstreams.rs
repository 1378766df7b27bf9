//! The upstream caches of each cache: what they have, a closure that is pushed may leave out.

use std::collections::HashMap;

use snowbank_binary_cache::upstream::{Upstream, UpstreamOptions, Upstreams};
use snowbank_nix::store_path::StoreDir;

use crate::service::{Kind, Result, ServiceError};
use crate::settings::Settings;

/// The upstreams of every cache that has any, by the cache's name.
#[derive(Default)]
pub(in crate::service) struct CacheUpstreams(HashMap<String, Upstreams>);

impl CacheUpstreams {
    /// As the settings say. Nothing is asked of them yet.
    pub(in crate::service) fn new(settings: &Settings) -> Result<Self> {
        let mut all = HashMap::new();
        for (name, cache) in settings.caches.iter().filter(|(_, cache)| !cache.upstreams.is_empty()) {
            let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
                ServiceError::caused(
                    Kind::InvalidArgument,
                    format!("the upstreams of the cache {name} cannot be used"),
                    error,
                )
            };
            let mut list = Vec::new();
            for upstream in &cache.upstreams {
                let url = upstream.url.parse().map_err(|error: url::ParseError| wrong(error.into()))?;
                let keys = upstream.keys.iter().map(|key| key.parse()).collect::<std::result::Result<_, _>>();
                let keys = keys.map_err(|error: snowbank_nix::signature::LineError| wrong(error.into()))?;
                list.push(Upstream { url, keys });
            }
            let upstreams = Upstreams::new(list, StoreDir::default(), UpstreamOptions::default());
            all.insert(name.clone(), upstreams.map_err(|error| wrong(error.into()))?);
        }
        Ok(Self(all))
    }

    /// Those of a cache.
    pub(super) fn of(&self, cache: &str) -> Option<&Upstreams> {
        self.0.get(cache)
    }
}
