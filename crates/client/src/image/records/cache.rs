//! Records in a binary cache of a Snowbank server.

use std::collections::HashMap;

use async_trait::async_trait;
use snowbank_binary_cache::bulk::ToldLayer;
use snowbank_oci::record::{LayerKey, LayerRecord};

use super::{Records, RecordsError, told};
use crate::site::Site;

/// Records in a binary cache of a Snowbank server, in the view that the token pushes to; read are its own, then the
/// cache's.
#[derive(Clone, Debug)]
pub struct CacheRecords {
    /// The cache.
    pub site: Site,
}

#[async_trait]
impl Records for CacheRecords {
    async fn known(&self, keys: &[LayerKey]) -> Result<HashMap<LayerKey, LayerRecord>, RecordsError> {
        let keys: Vec<[u8; 32]> = keys.iter().map(|key| *key.bytes()).collect();
        let known = self.site.known_layers(&keys).await.map_err(RecordsError::Cache)?;
        Ok(known.iter().filter_map(told::record).collect())
    }

    async fn add(&self, new: &[(LayerKey, LayerRecord)]) -> Result<(), RecordsError> {
        let layers: Vec<ToldLayer> = new.iter().map(|(key, record)| told::told(key, record)).collect();
        self.site.note_layers(&layers).await.map_err(RecordsError::Cache)
    }
}
