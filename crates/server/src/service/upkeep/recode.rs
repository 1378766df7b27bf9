//! Recoding: what was uploaded becomes a recipe of shared chunks, is read back, and takes the upload's place.

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use snowbank_cas::check::read_checked;
use snowbank_cas::ingest::{AdoptPackError, IngestError, Ingested, Options, Plan, adopt_pack, ingest};
use snowbank_cas::pack::{Footer, trailer_len};
use snowbank_cas::verify::verify;
use snowbank_catalog::ids::{DomainId, RecipeId, RepresentationId};
use snowbank_catalog::rooms::{Claim, Form, Recoded, Representation, Source, Why};

use super::CheckReport;
use crate::service::chunk_index::DomainIndex;
use crate::service::download::unreadable;
use crate::service::recipe_pages::RecipePages;
use crate::service::{Kind, Place, Result, Service, ServiceError};

/// What became of a recode job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) enum Outcome {
    /// The entry is served from its recipe, or from the pack that it is.
    Swapped,
    /// The entry went, or another process did the work.
    Superseded,
}

impl Service {
    /// Recodes the raw representation that the claim is about.
    pub(in crate::service) async fn recode(&self, claim: &Claim) -> Result<Outcome> {
        let id = RepresentationId(claim.subject);
        let Some(raw) = self.0.catalog.representation(id).await?.filter(|raw| raw.entry.is_some()) else {
            return Ok(Outcome::Superseded);
        };
        let Some(domain) = self.0.catalog.domain_of(id).await? else { return Ok(Outcome::Superseded) };
        let recoded = match self.recoded(&raw, domain).await {
            Ok(recoded) => recoded,
            Err(error) if self.blocks_are_whole(&raw, &mut CheckReport::default()).await? => {
                return Err(error);
            }
            Err(error) => {
                self.0.metrics.damaged(Place::Recode);
                tracing::error!(representation = %id, %error, "an upload was damaged on the disk: it becomes a miss");
                self.0.catalog.delete(raw.entry.as_slice(), Why::Damaged).await?;
                return Ok(Outcome::Superseded);
            }
        };
        if self.0.catalog.swap(claim, id, &recoded).await? {
            self.0.events.deduplicated(raw.repo, raw.size.saturating_sub(recoded.added));
            return Ok(Outcome::Swapped);
        }
        self.superseded(claim, id).await
    }

    /// Why a swap was refused: somebody else has the job or the entry is gone, or else a lease ran out before the swap
    /// and a collection took what was made, which has to be made again.
    async fn superseded(&self, claim: &Claim, id: RepresentationId) -> Result<Outcome> {
        let raw = self.0.catalog.representation(id).await?;
        let shown = raw.is_some_and(|raw| raw.entry.is_some());
        if shown && self.0.catalog.renew(claim, self.settings().times.lease.0).await? {
            let message = "what was recoded was collected before its entry could name it";
            return Err(ServiceError::new(Kind::Unavailable, message));
        }
        Ok(Outcome::Superseded)
    }

    async fn recoded(&self, raw: &Representation, domain: DomainId) -> Result<Recoded> {
        match self.adopt(raw, domain).await? {
            Some(recoded) => Ok(recoded),
            None => self.cut(raw, domain).await,
        }
    }

    /// Takes over a pack of our own format as it lies, if the upload is one.
    async fn adopt(&self, raw: &Representation, domain: DomainId) -> Result<Option<Recoded>> {
        if raw.size < trailer_len() {
            return Ok(None);
        }
        let tail = self.bytes_of(raw, raw.size - trailer_len()..raw.size).await?;
        let tail = tail.try_fold(Vec::new(), |mut all, part| async move {
            all.extend_from_slice(&part);
            Ok(all)
        });
        if Footer::len_from_trailer(&tail.await?, raw.size).is_err() {
            return Ok(None);
        }
        let index = self.index(domain, None);
        let source = self.checked_blocks(raw).await?;
        match adopt_pack(&self.0.bucket, &index, source).await {
            Ok(adopted) => Ok(Some(Recoded {
                source: Source::Pack(adopted.pack),
                size: adopted.size,
                etag: adopted.hash,
                added: adopted.size,
            })),
            Err(error @ (AdoptPackError::NotAPack(_) | AdoptPackError::Frame { .. })) => {
                tracing::warn!(representation = %raw.id, %error, "an upload that looks like a pack is none: kept as it came");
                Ok(None)
            }
            Err(error) => Err(ServiceError::caused(Kind::Unavailable, "a pack could not be adopted", error)),
        }
    }

    /// Cuts the upload: as the archive in it where that is allowed and there is one, else as it came.
    async fn cut(&self, raw: &Representation, domain: DomainId) -> Result<Recoded> {
        if raw.form == Form::Archive && self.recodes(raw).await? {
            match self.ingest(raw, domain, Plan::ZstdTar).await {
                Ok((recipe, done)) => {
                    return Ok(Recoded {
                        source: Source::Frames(recipe),
                        size: done.stored_size,
                        etag: done.etag,
                        added: done.new_stored_bytes,
                    });
                }
                Err(Attempt::Unfit(error)) => {
                    tracing::info!(representation = %raw.id, %error, "an upload is not an archive to recode: kept bit for bit");
                }
                Err(Attempt::Failed(error)) => return Err(error),
            }
        }
        match self.ingest(raw, domain, Plan::Plain).await {
            Ok((recipe, done)) => Ok(Recoded {
                source: Source::Chunks(recipe),
                size: done.raw_size,
                etag: done.etag,
                added: done.new_stored_bytes,
            }),
            Err(Attempt::Unfit(error) | Attempt::Failed(error)) => Err(error),
        }
    }

    async fn recodes(&self, raw: &Representation) -> Result<bool> {
        let entry = match raw.entry {
            Some(entry) => self.0.catalog.entry(entry).await?,
            None => None,
        };
        let Some(entry) = entry else { return Ok(false) };
        let name = self.0.catalog.repository_name(entry.repo).await?;
        Ok(name.is_none_or(|name| self.settings().may_recode(&name)))
    }

    async fn ingest(
        &self,
        raw: &Representation,
        domain: DomainId,
        plan: Plan,
    ) -> std::result::Result<(RecipeId, Ingested), Attempt> {
        let recipe = self
            .0
            .catalog
            .begin_recipe(domain, self.settings().times.lease.0)
            .await
            .map_err(ServiceError::from)?;
        let index = self.index(domain, Some(recipe));
        let source = self.checked_blocks(raw).await?;
        let done = Box::pin(ingest(&self.0.bucket, &index, source, plan, self.ingest_options()))
            .await
            .map_err(|error| {
                if matches!(error, IngestError::NotATar(_) | IngestError::Guard(_)) {
                    Attempt::Unfit(ServiceError::caused(Kind::InvalidArgument, error.to_string(), error))
                } else {
                    Attempt::Failed(ServiceError::caused(
                        Kind::Unavailable,
                        "an upload could not be recoded",
                        error,
                    ))
                }
            })?;
        let pages = RecipePages { catalog: self.0.catalog.clone(), recipe };
        verify(&self.0.bucket, pages, &done).await.map_err(|error| {
            ServiceError::caused(Kind::Internal, "what was recoded does not read back as it came", error)
        })?;
        self.0.metrics.cut(done.stored_size, done.new_stored_bytes);
        Ok((recipe, done))
    }

    pub(in crate::service) fn index(&self, domain: DomainId, recipe: Option<RecipeId>) -> DomainIndex {
        DomainIndex { catalog: self.0.catalog.clone(), domain, recipe, lease: self.settings().times.lease.0 }
    }

    pub(in crate::service) fn ingest_options(&self) -> Options {
        let chunks = &self.settings().chunks;
        Options { params: self.0.params, level: chunks.level, pack_size: chunks.pack.0, ..Options::default() }
    }

    /// The upload's bytes, each block checked against its hash as it passes.
    async fn checked_blocks(&self, raw: &Representation) -> Result<BoxStream<'static, Result<Bytes>>> {
        let segments = self.0.catalog.segments(raw.id).await?;
        let bucket = self.0.bucket.clone();
        let blocks = stream::iter(segments).flat_map(move |segment| {
            read_checked(&bucket, &segment.object, segment.size, segment.hash).map_err(unreadable)
        });
        Ok(blocks.boxed())
    }
}

/// Why one way of cutting did not work out.
enum Attempt {
    /// The content is not of that kind; another way may do.
    Unfit(ServiceError),
    /// Something that has nothing to do with the content.
    Failed(ServiceError),
}

impl From<ServiceError> for Attempt {
    fn from(error: ServiceError) -> Self {
        Self::Failed(error)
    }
}

impl From<IngestError> for ServiceError {
    fn from(error: IngestError) -> Self {
        Self::caused(Kind::Unavailable, "an upload could not be recoded", error)
    }
}
