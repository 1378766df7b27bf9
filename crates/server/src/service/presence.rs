//! Is what a URL would name really there? A client takes the body of a 404 for the archive, so a URL is handed
//! out only when its objects have been seen.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt, TryStreamExt};
use snowbank_cas::bucket::pack_name;
use snowbank_catalog::ids::{EntryId, RepresentationId};
use snowbank_catalog::rooms::{Representation, Source};

use super::{Kind, Result, Service, ServiceError};

/// How long a look is believed.
const BELIEVED: Duration = Duration::from_secs(600);
/// Looks are forgotten all together beyond this many.
const MAX_LOOKS: usize = 100_000;
/// Objects asked for at once.
const AT_ONCE: usize = 16;

/// Representations whose objects were seen not long ago.
#[derive(Default)]
pub(super) struct Presence(Mutex<HashMap<RepresentationId, Instant>>);

impl Presence {
    fn seen(&self, id: RepresentationId) -> bool {
        self.0.lock().is_ok_and(|looks| looks.get(&id).is_some_and(|at| at.elapsed() < BELIEVED))
    }

    fn note(&self, id: RepresentationId) {
        if let Ok(mut looks) = self.0.lock() {
            if looks.len() >= MAX_LOOKS {
                looks.clear();
            }
            looks.insert(id, Instant::now());
        }
    }

    pub(super) fn forget(&self, id: RepresentationId) {
        if let Ok(mut looks) = self.0.lock() {
            looks.remove(&id);
        }
    }
}

/// What a look showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Every object is there with its size.
    Whole,
    /// An object is not there, but the entry does not need it any more: it was recoded, or packed anew, or deleted
    /// since it was looked up.
    Outdated,
    /// An object that the entry needs is not there.
    Lost,
}

impl Service {
    /// Looks for the objects of an entry's representation.
    pub(super) async fn look(&self, entry: EntryId, representation: &Representation) -> Result<Look> {
        if self.0.presence.seen(representation.id) {
            return Ok(Look::Whole);
        }
        let Some(missing) = self.missing(entry, representation).await? else {
            self.0.presence.note(representation.id);
            return Ok(Look::Whole);
        };
        // Nothing that a current representation names is ever deleted, so what it still names was lost. Asked in this
        // order: first the object was not there, and then it was still needed.
        let needed = match self.0.catalog.current(entry).await? {
            Some(current) if current.id == representation.id => self.objects_of(entry, &current).await?,
            _ => Vec::new(),
        };
        let lost = needed.iter().any(|(object, _)| *object == missing);
        Ok(if lost { Look::Lost } else { Look::Outdated })
    }

    /// One of the representation's objects that is not there with its size.
    async fn missing(&self, entry: EntryId, representation: &Representation) -> Result<Option<String>> {
        let objects = self.objects_of(entry, representation).await?;
        let absent = stream::iter(objects)
            .map(|(object, size)| async move {
                let there = self.size_of(&object).await? == Some(size);
                Ok::<_, ServiceError>((!there).then_some(object))
            })
            .buffer_unordered(AT_ONCE)
            .try_filter_map(|absent| async move { Ok(absent) });
        std::pin::pin!(absent).try_next().await
    }

    async fn size_of(&self, object: &str) -> Result<Option<u64>> {
        let size = self.0.bucket.size(object).await;
        size.map_err(|error| {
            ServiceError::caused(Kind::Unavailable, "the server's storage does not answer", error)
        })
    }

    async fn objects_of(
        &self,
        entry: EntryId,
        representation: &Representation,
    ) -> Result<Vec<(String, u64)>> {
        if representation.source == Source::Raw {
            let segments = self.0.catalog.segments(representation.id).await?;
            return Ok(segments.into_iter().map(|segment| (segment.object, segment.size)).collect());
        }
        let packs = self.0.catalog.packs_of(entry).await?;
        Ok(packs.into_iter().map(|(pack, size)| (pack_name(pack), size)).collect())
    }
}
