//! What is known of layers of images. Who may push to a view decides what the view tells of them; what a pull request
//! notes, the cache itself does not read.

use std::time::Duration;

use snowbank_binary_cache::bulk::{LayerCompression as Told, ToldLayer};
use snowbank_catalog::rooms::{KnownLayer, Layer, LayerCompression, LayerKey};

use super::CacheView;
use crate::service::Result;

/// Layers that a cache knows of at most, some 200 bytes each.
const MOST: u64 = 100_000;

/// How old the last use must be that is written down again: most questions must not cost a write.
const STALE: Duration = Duration::from_secs(3600);

impl CacheView {
    /// What is known of these layers here. That counts as use of them.
    ///
    /// # Errors
    /// When the catalog does not answer.
    pub async fn known_layers(&self, keys: &[LayerKey]) -> Result<Vec<ToldLayer>> {
        let catalog = &self.service.0.catalog;
        let known = catalog.layers(self.cache.id, &self.views, keys).await?;
        let fresh = catalog.now().await?.0 - STALE.as_millis() as i64;
        let stale = known.iter().filter(|known| known.used.0 < fresh).map(|known| known.layer.key);
        catalog.touch_layers(self.cache.id, &self.views, &stale.collect::<Vec<_>>()).await?;
        Ok(known.iter().map(told).collect())
    }

    /// Notes what layers came to, in the view that is pushed to.
    ///
    /// # Errors
    /// When nothing may be pushed, or the catalog does not answer.
    pub async fn note_layers(&self, layers: &[ToldLayer]) -> Result<()> {
        self.may_push()?;
        let layers: Vec<Layer> = layers.iter().map(kept).collect();
        Ok(self.service.0.catalog.keep_layers(self.cache.id, self.view(), &layers, MOST).await?)
    }
}

fn told(KnownLayer { layer, .. }: &KnownLayer) -> ToldLayer {
    ToldLayer {
        key: layer.key,
        diff_id: layer.diff_id,
        diff_size: layer.diff_size,
        digest: layer.digest,
        size: layer.size,
        compression: match layer.compression {
            LayerCompression::None => Told::None,
            LayerCompression::Gzip => Told::Gzip,
            LayerCompression::Zstd => Told::Zstd,
        },
    }
}

fn kept(layer: &ToldLayer) -> Layer {
    Layer {
        key: layer.key,
        diff_id: layer.diff_id,
        diff_size: layer.diff_size,
        digest: layer.digest,
        size: layer.size,
        compression: match layer.compression {
            // One that was not told of was refused.
            Told::None | Told::Unknown => LayerCompression::None,
            Told::Gzip => LayerCompression::Gzip,
            Told::Zstd => LayerCompression::Zstd,
        },
    }
}
