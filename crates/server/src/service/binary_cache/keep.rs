//! Taking what plain Nix pushes: a NAR, before the info that names it; and files that are kept as they came.

use std::error::Error;
use std::io::{self, BufReader, Read};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use snowbank_binary_cache::Kept;
use snowbank_cas::bucket::SpooledFile;
use snowbank_cas::ingest::{IngestError, Ingested, Plan, ingest, ingest_with};
use snowbank_catalog::ids::RecipeId;
use snowbank_catalog::rooms::{KeptNar, NewNar, Stage, StoredNar};
use snowbank_nix::nar_info::Compression;

use super::CacheView;
use super::sieve::{Sieved, Unfit, sieve};
use crate::service::upload::Body;
use crate::service::worker::causes;
use crate::service::{BodyError, Kind, Result, ServiceError};

/// Bytes of the largest file that may be pushed: of a NAR as it comes.
pub(super) const MOST: u64 = 1 << 38;

/// Bytes that are read at once of what was spooled.
const BUFFER: usize = 256 << 10;

impl CacheView {
    /// Keeps a NAR that is pushed under this name, `compression` as the name says; where it says nothing, the first bytes
    /// do. It waits there for the info that names it, and only who pushed it can name it. A slow sender holds a file and
    /// no memory: it is taken apart when all of it has come.
    ///
    /// # Errors
    /// When it is no NAR, when nothing may be pushed, or when it cannot be kept.
    pub async fn put_nar(&self, name: &str, compression: Option<Compression>, body: impl Body) -> Result<()> {
        self.may_push()?;
        let spooled = self.spool(body, MOST).await?;
        let compression = compression.unwrap_or_else(|| by_beginning(&spooled));
        let staying = self.service.settings().times.push.0;
        match self.keep(spooled, compression, &self.stage(name), staying).await? {
            Some(_) => Ok(()),
            None => Err(gone()),
        }
    }

    /// Whether a NAR waits under this name for an info of this pusher's.
    ///
    /// # Errors
    /// When the catalog does not answer.
    pub async fn waits(&self, name: &str) -> Result<bool> {
        Ok(self.grant.push && self.service.0.catalog.staged(&self.stage(name)).await?.is_some())
    }

    /// Keeps a file as it comes.
    ///
    /// # Errors
    /// When nothing may be pushed, or when it cannot be kept.
    pub async fn put_kept(&self, kept: &Kept, content: Bytes) -> Result<()> {
        self.may_push()?;
        let size = content.len() as u64;
        let recipe = self.service.0.catalog.begin_recipe(self.cache.domain, self.lease()).await?;
        let index = self.service.index(self.cache.domain, Some(recipe));
        let source = stream::iter([Ok::<_, io::Error>(content)]);
        let options = self.service.ingest_options();
        Box::pin(ingest(&self.service.0.bucket, &index, source, Plan::Plain, options))
            .await
            .map_err(unkept)?;
        let kept =
            self.service.0.catalog.keep_file(self.cache.id, self.view(), &kept.name, recipe, size).await?;
        if kept { Ok(()) } else { Err(gone()) }
    }

    /// Takes a NAR apart and keeps it, staged there for so long. None when it was collected before it could be.
    pub(super) async fn keep(
        &self,
        spooled: SpooledFile,
        compression: Compression,
        stage: &Stage,
        staying: Duration,
    ) -> Result<Option<StoredNar>> {
        let recipe = self.service.0.catalog.begin_recipe(self.cache.domain, self.lease()).await?;
        let (done, sieved) = self.take_apart(spooled, compression, recipe).await?;
        self.service.0.metrics.cut(done.stored_size, done.new_stored_bytes);
        let nar = NewNar {
            recipe,
            hash: sieved.hash,
            size: sieved.size,
            stored: done.stored_size,
            mentions: sieved.mentions.map(|mentions| mentions.to_bytes()),
        };
        Ok(match self.service.0.catalog.keep_nar(stage, &nar, None, staying).await? {
            KeptNar::New(nar) | KeptNar::Known(nar) => Some(nar),
            KeptNar::Gone => None,
        })
    }

    async fn take_apart(
        &self,
        spooled: SpooledFile,
        compression: Compression,
        recipe: RecipeId,
    ) -> Result<(Ingested, Sieved)> {
        let index = self.service.index(self.cache.domain, Some(recipe));
        let params = self.service.0.params;
        let packed = spooled.size();
        let taking = ingest_with(
            &self.service.0.bucket,
            &index,
            stream::empty::<io::Result<Bytes>>(),
            move |_, cuts| {
                let source = BufReader::with_capacity(BUFFER, Spooled { file: spooled, at: 0 });
                sieve(Box::new(source), packed, compression, params, cuts).map_err(Into::into)
            },
            self.service.ingest_options(),
        );
        Box::pin(taking).await.map_err(unkept)
    }

    /// Brings a body to the disk.
    async fn spool(&self, body: impl Body, most: u64) -> Result<SpooledFile> {
        let mut spooled = self.service.0.bucket.spool().await.map_err(unspooled)?;
        let mut body = std::pin::pin!(body);
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(cut_off)?;
            if spooled.size() + piece.len() as u64 > most {
                let message = format!("what is pushed has more than {most} bytes");
                return Err(ServiceError::new(Kind::InvalidArgument, message));
            }
            let appended = tokio::task::spawn_blocking(move || {
                let appended = spooled.append(&piece);
                (spooled, appended)
            });
            let outcome = appended.await.map_err(|error| unspooled(io::Error::other(error)))?;
            spooled = outcome.0;
            outcome.1.map_err(unspooled)?;
        }
        Ok(spooled)
    }

    pub(super) fn stage(&self, name: &str) -> Stage {
        Stage {
            cache: self.cache.id,
            view: self.view().to_owned(),
            pusher: self.pusher.clone(),
            name: name.to_owned(),
        }
    }

    pub(super) fn lease(&self) -> Duration {
        self.service.settings().times.lease.0
    }
}

/// A spooled file, read from its beginning.
struct Spooled {
    file: SpooledFile,
    at: u64,
}

impl Read for Spooled {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.file.size() - self.at;
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        self.file.read_exact_at(&mut buffer[..len], self.at)?;
        self.at += len as u64;
        Ok(len)
    }
}

/// Nix's names of NARs have no ending for gzip (`binary-cache-store.cc`).
fn by_beginning(spooled: &SpooledFile) -> Compression {
    let mut magic = [0; 2];
    let gzip = spooled.read_exact_at(&mut magic, 0).is_ok() && magic == [0x1f, 0x8b];
    if gzip { Compression::Gzip } else { Compression::None }
}

fn cut_off(error: BodyError) -> ServiceError {
    ServiceError::caused(Kind::BodyCut, error.to_string(), error)
}

pub(super) fn gone() -> ServiceError {
    ServiceError::new(
        Kind::Unavailable,
        "what was pushed was collected before it could be named: push it again",
    )
}

pub(super) fn unspooled(error: impl Error + Send + Sync + 'static) -> ServiceError {
    if is_full(&error) {
        return ServiceError::caused(
            Kind::OutOfSpace,
            "the server's disk is full; nothing of this was kept",
            error,
        );
    }
    ServiceError::caused(Kind::Unavailable, "what comes could not be put on the disk", error)
}

fn is_full(error: &(dyn Error + 'static)) -> bool {
    let full =
        |error: &io::Error| matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    error.downcast_ref().is_some_and(full) || error.source().is_some_and(is_full)
}

/// The sender is to blame for what is no NAR, and for nothing else.
fn unkept(error: IngestError) -> ServiceError {
    match error {
        IngestError::Refused(source) if source.downcast_ref().is_some_and(Unfit::is_the_senders) => {
            let message = format!("what is pushed is not kept: {}", causes(&*source));
            ServiceError::new(Kind::InvalidArgument, message)
        }
        error if is_full(&error) => unspooled(error),
        error => ServiceError::caused(Kind::Unavailable, "what is pushed could not be kept", error),
    }
}
