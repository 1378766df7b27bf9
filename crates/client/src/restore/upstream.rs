//! Paths that a snapshot leaves to upstream caches.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt, stream};
use snowbank_nix::store_path::StorePath;

use super::ledger::Shared;
use super::needs::Needs;
use super::sink::Sink;
use super::{Miss, Restore, RestoreError};
use crate::observer::{Event, Stage};
use crate::text;

/// Paths at once.
const AT_ONCE: usize = 16;

/// Fetches the claimed paths that upstream caches have. What none of them gives is a miss.
pub(super) async fn run(
    restore: &Restore<'_>,
    needs: &Needs,
    ledger: &Arc<Shared>,
    claimed: &HashSet<StorePath>,
) -> Result<(), RestoreError> {
    let places: Vec<_> = needs.places(claimed, true).collect();
    if places.is_empty() {
        return Ok(());
    }
    let bytes = places.iter().map(|&at| needs.get(at).info.nar_size).sum();
    restore.observer.tell(Event::Begin { stage: Stage::Upstream, bytes, paths: places.len() as u64 });
    let fetches = stream::iter(places).map(|at| async move {
        let info = &needs.get(at).info;
        let Some(file) = ledger.file(&info.path) else { return Ok::<_, RestoreError>(()) };
        let sink = Arc::new(Mutex::new(Some(Sink::new(&file, false))));
        let fetched = restore.upstreams.fetch(info, into(&sink)).await;
        let sink = lock(&sink).take();
        let written = match (fetched, sink) {
            (Ok(fetched), Some(sink)) => sink.finish(&info.nar_hash).map(|()| fetched.received),
            (Ok(_), None) => Err(Miss::Write("its file could not be written".to_owned())),
            (Err(error), _) => Err(Miss::Upstream(text::chain(&error))),
        };
        match written {
            Ok(received) => {
                ledger.received(received);
                let done = Arc::clone(ledger);
                let path = info.path.clone();
                // Registering waits for the disk.
                tokio::task::spawn_blocking(move || done.done(&path, true))
                    .await
                    .map_err(|_| RestoreError::Lost)??;
            }
            Err(miss) => ledger.miss(&info.path, miss),
        }
        let advance = Event::Advance { stage: Stage::Upstream, bytes: info.nar_size, paths: 1 };
        restore.observer.tell(advance);
        Ok(())
    });
    let mut fetches = std::pin::pin!(fetches.buffer_unordered(AT_ONCE));
    while let Some(done) = fetches.next().await {
        done?;
    }
    Ok(())
}

/// Hands bytes on; a sink that has failed is taken out.
fn into(sink: &Arc<Mutex<Option<Sink>>>) -> impl FnMut(&[u8]) -> io::Result<()> + Send + 'static {
    let sink = Arc::clone(sink);
    move |bytes| {
        let mut slot = lock(&sink);
        let Some(open) = slot.as_mut() else { return Err(io::Error::other("the restore has ended")) };
        open.write(bytes).map_err(|miss| {
            *slot = None;
            io::Error::other(miss)
        })
    }
}

fn lock(sink: &Mutex<Option<Sink>>) -> std::sync::MutexGuard<'_, Option<Sink>> {
    sink.lock().unwrap_or_else(PoisonError::into_inner)
}
