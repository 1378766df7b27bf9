//! Sums that cost a walk over many rows, counted again after a while.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use snowbank_catalog::ids::CacheId;
use snowbank_catalog::rooms::CacheUsage;
use tokio::sync::Mutex;

use crate::service::{Result, Service};

/// How long a sum serves at the least. One that took long to count serves a hundred times as long as that took.
const FRESH: Duration = Duration::from_secs(5);
const TIMES: u32 = 100;

/// A sum, and when it is to be counted anew.
struct Sum<T> {
    value: T,
    until: Instant,
}

impl<T> Sum<T> {
    fn counted(value: T, began: Instant) -> Self {
        let now = Instant::now();
        Self { value, until: now + FRESH.max((now - began) * TIMES) }
    }

    fn is_fresh(&self) -> bool {
        Instant::now() < self.until
    }
}

/// What lies on the disk, or in the bucket, and what is still to be done with it.
#[derive(Clone, Copy)]
pub(super) struct Held {
    /// Bytes of uploads that wait to be recoded.
    pub(super) uploads: u64,
    /// Bytes of packs.
    pub(super) packs: u64,
    /// Uploads that wait to be recoded, or are being recoded.
    pub(super) recoding: u64,
}

/// What was counted: one number for the disk, and one for each cache of the settings. Whoever finds a sum too old counts
/// it, and the others wait for him.
#[derive(Default)]
pub(in crate::service) struct Sums {
    disk: Mutex<Option<Sum<Held>>>,
    caches: Mutex<HashMap<CacheId, Sum<CacheUsage>>>,
}

impl Service {
    /// [`Service::disk_usage`] and [`Service::recoding`], some seconds old at the most where counting is quick.
    pub(super) async fn remembered_disk(&self) -> Result<Held> {
        let mut disk = self.0.sums.disk.lock().await;
        if let Some(sum) = disk.as_ref().filter(|sum| sum.is_fresh()) {
            return Ok(sum.value);
        }
        let began = Instant::now();
        let (uploads, packs) = self.disk_usage().await?;
        let value = Held { uploads, packs, recoding: self.recoding().await? };
        *disk = Some(Sum::counted(value, began));
        Ok(value)
    }

    /// What a cache's paths come to, as old as [`Self::remembered_disk`].
    pub(in crate::service) async fn remembered_cache(&self, cache: CacheId) -> Result<CacheUsage> {
        let mut caches = self.0.sums.caches.lock().await;
        if let Some(sum) = caches.get(&cache).filter(|sum| sum.is_fresh()) {
            return Ok(sum.value);
        }
        let began = Instant::now();
        let value = self.0.catalog.cache_usage(cache).await?;
        caches.insert(cache, Sum::counted(value, began));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_long_to_count_serves_longer() {
        let now = Instant::now();
        let long_ago = now.checked_sub(Duration::from_secs(10)).unwrap();
        assert!(Sum::counted((), long_ago).until >= now + Duration::from_secs(1000));
        assert!(Sum::counted((), now).until >= now + FRESH);
        assert!(!Sum { value: (), until: now }.is_fresh());
    }
}
