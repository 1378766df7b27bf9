//! Taking packs that our own client pushes: their frames wait for the NARs that are made of them.

use snowbank_cas::id::ObjectHash;
use snowbank_cas::ingest::{AdoptPackError, IngestError, RecipeWriter, take_pack};
use snowbank_catalog::rooms::Sender;

use super::CacheView;
use super::keep::{gone, unspooled};
use crate::service::chunk_index::DomainIndex;
use crate::service::upload::Body;
use crate::service::worker::causes;
use crate::service::{BodyError, Kind, Result, ServiceError};

impl CacheView {
    /// Keeps a pack of this hash for whoever pushes it. Its chunks that are here are not stored again; who sends them may
    /// name them, whoever else has them.
    ///
    /// # Errors
    /// When it is no such pack, when nothing may be pushed, or when it cannot be kept.
    pub async fn put_pack(&self, hash: ObjectHash, body: impl Body) -> Result<()> {
        self.may_push()?;
        let staying = self.service.settings().times.push.0;
        let catalog = &self.service.0.catalog;
        let recipe = catalog.begin_recipe(self.cache.domain, staying).await?;
        let index = DomainIndex {
            catalog: catalog.clone(),
            domain: self.cache.domain,
            recipe: Some(recipe),
            lease: staying,
        };
        let taken = Box::pin(take_pack(&self.service.0.bucket, &index, body)).await.map_err(untaken)?;
        if taken.hash != hash {
            let message = format!("the pack {hash} has the hash {}", taken.hash);
            return Err(ServiceError::new(Kind::InvalidArgument, message));
        }
        let mut writer = RecipeWriter::new(&index);
        for frame in taken.frames {
            // A frame that was here may be going: sent again, it is stored again.
            writer.push(frame).await.map_err(unwritten)?;
        }
        writer.finish().await.map_err(unwritten)?;
        if catalog.keep_parcel(self.sender(), &hash, recipe).await? { Ok(()) } else { Err(gone()) }
    }

    pub(super) fn sender(&self) -> Sender<'_> {
        Sender { cache: self.cache.id, view: self.view(), pusher: &self.pusher }
    }
}

fn untaken(error: AdoptPackError) -> ServiceError {
    match error {
        AdoptPackError::Ingest(IngestError::Source(source)) if source.is::<BodyError>() => {
            ServiceError::new(Kind::BodyCut, source.to_string())
        }
        AdoptPackError::Ingest(error) => unspooled(error),
        error => {
            let message = format!("what is pushed is not kept: {}", causes(&error));
            ServiceError::new(Kind::InvalidArgument, message)
        }
    }
}

pub(super) fn unwritten(error: snowbank_cas::index::IndexError) -> ServiceError {
    ServiceError::caused(Kind::Unavailable, "what is pushed could not be written down: push it again", error)
}
