//! Pins: what is kept whatever else goes.

use std::time::Duration;

use snowbank_catalog::rooms::{HashPart, MAX_NAME, Pin};
use snowbank_nix::store_path::StorePath;

use super::{CacheView, ITSELF};
use crate::service::{Kind, Result, ServiceError};

impl CacheView {
    /// The pins of the cache, by name.
    ///
    /// # Errors
    /// When the catalog does not answer.
    pub async fn pins(&self) -> Result<Vec<Pin>> {
        Ok(self.service.0.catalog.pins(self.cache.id).await?)
    }

    /// Keeps a path, with all that it refers to, under a name, for this long or for good.
    ///
    /// # Errors
    /// When it may not be pinned, or is not in the cache.
    pub async fn pin(&self, name: &str, path: &StorePath, expires: Option<Duration>) -> Result<()> {
        self.may_pin()?;
        if name.is_empty() || name.len() > MAX_NAME {
            let message = format!("a pin's name is 1 to {MAX_NAME} bytes");
            return Err(ServiceError::new(Kind::InvalidArgument, message));
        }
        let views = [ITSELF.to_owned()];
        let found = self.service.0.catalog.path(self.cache.id, &views, HashPart::of(path)).await?;
        if found.is_none_or(|found| found.info.path != *path) {
            let message = format!("the cache {} does not have {path}: push it first", self.name());
            return Err(ServiceError::new(Kind::NotFound, message));
        }
        Ok(self.service.0.catalog.pin(self.cache.id, name, path, expires).await?)
    }

    /// Removes a pin.
    ///
    /// # Errors
    /// When there is none of this name, or it may not be removed.
    pub async fn unpin(&self, name: &str) -> Result<()> {
        self.may_pin()?;
        if self.service.0.catalog.unpin(self.cache.id, name).await? {
            return Ok(());
        }
        let message = format!("the cache {} has no pin `{}`", self.name(), name.escape_debug());
        Err(ServiceError::new(Kind::NotFound, message))
    }

    /// Checks that something may be pinned.
    ///
    /// # Errors
    /// When it may not.
    pub fn may_pin(&self) -> Result<()> {
        if self.grant.pin {
            return Ok(());
        }
        let message = format!("this token may not pin in the cache {}", self.name());
        let kind = if self.pusher.is_empty() { Kind::Unauthenticated } else { Kind::PermissionDenied };
        Err(ServiceError::new(kind, message))
    }
}
