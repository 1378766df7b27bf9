//! Serving a representation, whole or in ranges.

use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use snowbank_cas::assemble;
use snowbank_cas::bucket::pack_name;
use snowbank_catalog::ids::{EntryId, RepoId, RepresentationId};
use snowbank_catalog::rooms::{Representation, Source};

use super::recipe_pages::RecipePages;
use super::upload::gone;
use super::{Kind, Place, Result, Service, ServiceError};

/// A download that goes on for so long takes care itself that its representation stays.
const RENEW: Duration = Duration::from_secs(60);

/// A representation that can be read.
pub struct Download {
    service: Service,
    representation: Representation,
    /// The entry that its URL was handed out for, and when.
    lookup: Option<(EntryId, Instant)>,
}

impl Download {
    /// The same, asked for by a URL of this signature: then it is known what it was handed out for.
    #[must_use]
    pub fn asked_by(mut self, signature: &str) -> Self {
        self.lookup = self.service.0.events.lookup_of(signature);
        self
    }

    /// Bytes, as served.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.representation.size
    }

    /// The strong entity tag, quoted.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.representation.etag)
    }

    /// The bytes of a range. Fails before the first byte where the parts that it needs are gone.
    pub async fn read(self, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes>>> {
        let Self { service, representation, lookup } = self;
        let id = representation.id;
        let mut sent = Sent {
            service: service.clone(),
            repo: representation.repo,
            bytes: 0,
            left: range.end.saturating_sub(range.start),
            lookup: lookup.filter(|_| range.end == representation.size),
        };
        let bytes = service.bytes_of(&representation, range).await?;
        let owner = service.clone();
        let bytes = bytes.inspect_err(move |error| owner.report_unreadable(&representation, error));
        let bytes = bytes.inspect_ok(move |part| sent.add(part.len() as u64));
        Ok(renewing(service, id, bytes).boxed())
    }
}

impl Service {
    /// Opens a representation for reading.
    pub async fn download(&self, id: RepresentationId) -> Result<Download> {
        match self.0.catalog.representation(id).await? {
            Some(representation) => Ok(Download { service: self.clone(), representation, lookup: None }),
            None => Err(ServiceError::new(Kind::NotFound, "what this URL named is gone")),
        }
    }

    /// The bytes of a range of a representation.
    pub(super) async fn bytes_of(
        &self,
        representation: &Representation,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        let bucket = self.0.bucket.clone();
        let pages = |recipe| RecipePages { catalog: self.0.catalog.clone(), recipe };
        Ok(match representation.source {
            Source::Raw => {
                let parts = self.raw_parts(representation.id, range).await?;
                stream::iter(parts)
                    .flat_map(move |(object, range)| bucket.read(&object, range).map_err(unreadable))
                    .boxed()
            }
            Source::Pack(pack) => bucket.read(&pack_name(pack), range).map_err(unreadable).boxed(),
            Source::Frames(recipe) => {
                assemble::frames(&bucket, pages(recipe), range).map_err(unreadable).boxed()
            }
            Source::Chunks(recipe) => {
                assemble::chunks(&bucket, pages(recipe), range).map_err(unreadable).boxed()
            }
        })
    }

    /// The objects, and the range in each, that make up a range of a raw representation.
    async fn raw_parts(&self, id: RepresentationId, range: Range<u64>) -> Result<Vec<(String, Range<u64>)>> {
        let segments = self.0.catalog.segments(id).await?;
        if segments.is_empty() && !range.is_empty() {
            return Err(gone());
        }
        let mut start = 0;
        let mut parts = Vec::new();
        for segment in segments {
            let end = start + segment.size;
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                parts.push((segment.object, from - start..to - start));
            }
            start = end;
        }
        Ok(parts)
    }

    /// What could not be read is looked at again before the next URL is handed out, and becomes a miss then.
    fn report_unreadable(&self, representation: &Representation, error: &ServiceError) {
        self.0.presence.forget(representation.id);
        self.0.metrics.damaged(Place::Download);
        let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        tracing::error!(representation = %representation.id, %error, cause, "a download broke off");
    }
}

/// Counts what a download sends, and notes it when it ends.
struct Sent {
    service: Service,
    repo: RepoId,
    bytes: u64,
    left: u64,
    /// Of a download up to the last byte.
    lookup: Option<(EntryId, Instant)>,
}

impl Sent {
    fn add(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.left = self.left.saturating_sub(bytes);
        if self.left == 0
            && let Some((entry, begun)) = self.lookup.take()
        {
            self.service.0.events.restored(entry, begun.elapsed());
        }
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.service.0.events.sent(self.repo, self.bytes);
    }
}

pub(super) fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> ServiceError {
    ServiceError::caused(Kind::Unavailable, "stored bytes could not be read", error)
}

/// Keeps the representation held for as long as somebody reads.
fn renewing(
    service: Service,
    id: RepresentationId,
    bytes: impl stream::Stream<Item = Result<Bytes>> + Send + 'static,
) -> impl stream::Stream<Item = Result<Bytes>> + Send + 'static {
    let mut last = Instant::now();
    bytes.inspect(move |_| {
        if last.elapsed() > RENEW {
            last = Instant::now();
            let service = service.clone();
            tokio::spawn(async move {
                if let Err(error) = service.0.catalog.hold(id, RENEW * 5).await {
                    tracing::warn!(representation = %id, %error, "a long download could not be held");
                }
            });
        }
    })
}
