//! Reading from a cache.

use std::ops::Range;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use snowbank_binary_cache::{About, BinaryCache, Bytestream, Content, Kept, NarName, Plain};
use snowbank_cas::assemble;
use snowbank_catalog::ids::RecipeId;
use snowbank_catalog::rooms::{HashPart, Path};
use snowbank_nix::hash::NarHash;
use snowbank_nix::nar::{Listing, MAX_LISTING};
use snowbank_nix::nar_info::{Compression, NarInfo};

use super::{CacheView, ITSELF, keys};
use crate::service::download::unreadable;
use crate::service::recipe_pages::RecipePages;
use crate::service::{Result, Service, ServiceError};

/// Something that is there to be read.
pub struct Served {
    service: Service,
    recipe: RecipeId,
    size: u64,
    /// Whether frames are sent as they lie, or what they hold.
    frames: bool,
}

impl BinaryCache for CacheView {
    type Error = ServiceError;
    type Body = Served;

    fn about(&self) -> About {
        About { dir: self.dir(), priority: self.priority() }
    }

    async fn info(&self, hash_part: &str) -> Result<Option<NarInfo>> {
        let Some(path) = self.find(hash_part).await? else { return Ok(None) };
        self.service.0.access.note_path(path.id);
        let mut info = path.info;
        if path.view == ITSELF {
            keys::sign(&mut info, &self.dir(), &self.keys);
        }
        Ok(Some(NarInfo {
            url: NarName(info.nar_hash).url(),
            info,
            compression: Compression::Zstd,
            file_hash: None,
            file_size: path.nar.map(|nar| nar.stored),
        }))
    }

    async fn nar(&self, name: &NarName) -> Result<Option<Served>> {
        self.stored(&name.0, true).await
    }

    async fn plain(&self, wanted: &Plain) -> Result<Option<Served>> {
        let hash = match wanted {
            Plain::Content(hash) | Plain::Both(_, hash) => *hash,
            Plain::Path(hash_part) => match self.find(hash_part).await? {
                Some(path) => path.info.nar_hash,
                None => return Ok(None),
            },
        };
        self.stored(&hash, false).await
    }

    async fn listing(&self, hash_part: &str) -> Result<Option<Bytes>> {
        let Some(path) = self.find(hash_part).await? else { return Ok(None) };
        let Some(nar) = self.service.0.catalog.nar(self.cache.id, &self.views, &path.info.nar_hash).await?
        else {
            return Ok(None);
        };
        let listing = Listing::new(MAX_LISTING);
        let (recipe, size) = (nar.recipe, nar.size);
        let read = self.service.through(recipe, size, listing, |listing, event, at| listing.event(event, at));
        match read.await?.finish() {
            Ok(json) => Ok(Some(json.into())),
            Err(error) => {
                tracing::debug!(path = %path.info.path, %error, "a NAR has no listing");
                Ok(None)
            }
        }
    }

    async fn kept(&self, kept: &Kept) -> Result<Option<Served>> {
        let found = self.service.0.catalog.file(self.cache.id, &self.views, &kept.name).await?;
        Ok(found.map(|file| Served {
            service: self.service.clone(),
            recipe: file.recipe,
            size: file.size,
            frames: false,
        }))
    }
}

impl CacheView {
    async fn find(&self, hash_part: &str) -> Result<Option<Path>> {
        let Some(hash_part) = HashPart::parse(hash_part) else { return Ok(None) };
        match self.service.0.catalog.path(self.cache.id, &self.views, hash_part).await? {
            Some(path) => Ok(Some(path)),
            None => self.learn(hash_part).await,
        }
    }

    async fn stored(&self, hash: &NarHash, frames: bool) -> Result<Option<Served>> {
        let nar = match self.service.0.catalog.nar(self.cache.id, &self.views, hash).await? {
            Some(nar) => Some(nar),
            None => self.fetch(hash).await?,
        };
        Ok(nar.map(|nar| {
            let size = if frames { nar.stored } else { nar.size };
            Served { service: self.service.clone(), recipe: nar.recipe, size, frames }
        }))
    }
}

impl Content for Served {
    type Error = ServiceError;

    fn size(&self) -> u64 {
        self.size
    }

    async fn read(self, range: Range<u64>) -> Result<Option<Bytestream<ServiceError>>> {
        let bucket = &self.service.0.bucket;
        let pages = RecipePages { catalog: self.service.0.catalog.clone(), recipe: self.recipe };
        let bytes = if self.frames {
            assemble::frames(bucket, pages, range).map_err(unreadable).boxed()
        } else {
            assemble::chunks(bucket, pages, range).map_err(unreadable).boxed()
        };
        Ok(Some(bytes))
    }
}
