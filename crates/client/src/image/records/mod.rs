//! Where records of layers are kept: in a binary cache, or beside a snapshot.
//!
//! A record decides which blob gets into an image, so each is kept where only those write who are trusted with the
//! others: a pull request's are its own.

mod cache;
mod error;
mod kept;
mod series;
#[cfg(test)]
mod tests;
mod told;

use std::collections::HashMap;

use async_trait::async_trait;
use snowbank_oci::record::{LayerKey, LayerRecord};

pub use cache::CacheRecords;
pub use error::RecordsError;
pub use kept::Kept;
pub use series::SeriesRecords;

/// Where records of layers are kept. That it fails is no reason not to push: then layers are made anew.
#[async_trait]
pub trait Records: Send + Sync {
    /// What is known of these layers.
    ///
    /// # Errors
    /// When it cannot be asked.
    async fn known(&self, keys: &[LayerKey]) -> Result<HashMap<LayerKey, LayerRecord>, RecordsError>;

    /// Keeps what layers came to.
    ///
    /// # Errors
    /// When it cannot be kept.
    async fn add(&self, new: &[(LayerKey, LayerRecord)]) -> Result<(), RecordsError>;
}
