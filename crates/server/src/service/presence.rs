//! Is what a URL would name really there? A client takes the body of a 404 for the archive, so a URL is handed
//! out only when its objects have been seen.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt, TryStreamExt};
use snowbank_cas::bucket::pack_name;
use snowbank_catalog::ids::RepresentationId;
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

impl Service {
    /// Whether every object of the representation is there with its size.
    pub(super) async fn is_present(&self, representation: &Representation) -> Result<bool> {
        if self.0.presence.seen(representation.id) {
            return Ok(true);
        }
        let objects = self.objects_of(representation).await?;
        let sizes =
            stream::iter(objects)
                .map(|(object, size)| async move {
                    Ok::<_, ServiceError>(self.size_of(&object).await? == Some(size))
                })
                .buffer_unordered(AT_ONCE);
        let present = sizes.try_fold(true, |all, one| async move { Ok(all && one) }).await?;
        if present {
            self.0.presence.note(representation.id);
        }
        Ok(present)
    }

    async fn size_of(&self, object: &str) -> Result<Option<u64>> {
        let size = self.0.bucket.size(object).await;
        size.map_err(|error| {
            ServiceError::caused(Kind::Unavailable, "the server's storage does not answer", error)
        })
    }

    async fn objects_of(&self, representation: &Representation) -> Result<Vec<(String, u64)>> {
        if representation.source == Source::Raw {
            let segments = self.0.catalog.segments(representation.id).await?;
            return Ok(segments.into_iter().map(|segment| (segment.object, segment.size)).collect());
        }
        let Some(entry) = representation.entry else { return Ok(Vec::new()) };
        let packs = self.0.catalog.packs_of(entry).await?;
        Ok(packs.into_iter().map(|(pack, size)| (pack_name(pack), size)).collect())
    }
}
