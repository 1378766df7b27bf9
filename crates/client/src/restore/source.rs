//! Where packs come from.

use std::ops::Range;

use snowbank_actions::client::{CacheClient, ClientError, DownloadUrl, Ranged};

use crate::packs;
use crate::series::Versions;
use crate::snapshot::PackRef;

/// Where packs come from.
pub trait PackSource: Send + Sync + 'static {
    /// Where one was found.
    type At: Clone + Send + Sync;

    /// Looks a pack up; none when it is not there.
    fn locate(&self, pack: &PackRef) -> impl Future<Output = Result<Option<Self::At>, ClientError>> + Send;

    /// Bytes of it, at most 16 MiB, and how many it has in all.
    fn read(
        &self,
        at: &Self::At,
        range: Range<u64>,
    ) -> impl Future<Output = Result<Ranged, ClientError>> + Send;
}

/// The packs of a cache service.
#[derive(Clone, Debug)]
pub struct CachePacks {
    /// The service.
    pub client: CacheClient,
    /// The versions of its entries.
    pub versions: Versions,
}

impl PackSource for CachePacks {
    type At = DownloadUrl;

    async fn locate(&self, pack: &PackRef) -> Result<Option<DownloadUrl>, ClientError> {
        packs::locate(&self.client, &self.versions, pack).await
    }

    async fn read(&self, at: &DownloadUrl, range: Range<u64>) -> Result<Ranged, ClientError> {
        self.client.read(at, range).await
    }
}
