//! Paths that come from upstream caches.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{StreamExt, stream};

use super::report::Reason;
use super::rounds::blocking;
use super::shared::Shared;
use super::writer::{NarSink, SinkError, Writer};
use super::{PackSource, RestoreError, UpstreamSource};
use crate::observer::Stage;
use crate::text;

/// Paths at once.
const AT_ONCE: usize = 16;

/// Fetches these paths from upstream caches.
pub(super) async fn fetch<W: Writer, P: PackSource, U: UpstreamSource>(
    shared: Arc<Shared<W, P>>,
    upstream: Arc<U>,
    jobs: Vec<usize>,
) -> Result<(), RestoreError> {
    let mut fetching = stream::iter(jobs)
        .map(|job| one(Arc::clone(&shared), Arc::clone(&upstream), job))
        .buffer_unordered(AT_ONCE);
    while let Some(done) = fetching.next().await {
        done?;
    }
    Ok(())
}

/// A sink, and why it took no more.
struct Tap<S> {
    sink: S,
    trouble: Option<SinkError>,
}

async fn one<W: Writer, P: PackSource, U: UpstreamSource>(
    shared: Arc<Shared<W, P>>,
    upstream: Arc<U>,
    job: usize,
) -> Result<(), RestoreError> {
    if shared.is_over() || !shared.ledger.is_wanted(job) {
        return Ok(());
    }
    let info = shared.jobs[job].info.clone();
    let begin = {
        let (shared, info) = (Arc::clone(&shared), info.clone());
        move || match shared.writer.begin(&info) {
            Ok(sink) => Some(Arc::new(Mutex::new(Some(Tap { sink, trouble: None })))),
            Err(error) => {
                shared.miss(job, &(Reason::Refused, text::chain(&error)));
                None
            }
        }
    };
    let Some(begun) = blocking(begin).await? else { return Ok(()) };
    let (tap, writing) = (Arc::clone(&begun), Arc::clone(&shared));
    let fetched = upstream.fetch(&info, move |bytes| pour(&writing, &tap, job, bytes)).await;
    let end = move || {
        let Some(Tap { sink, trouble }) = lock(&begun).take() else { return };
        match (fetched, trouble) {
            (Ok(received), None) => {
                shared.reader.counters.received(received);
                match sink.finish() {
                    Ok(()) => shared.done(Stage::Upstream, job),
                    Err(error) => shared.refused(job, &error),
                }
            }
            (_, Some(error)) => {
                drop(sink);
                shared.refused(job, &error);
            }
            (Err(error), None) => {
                drop(sink);
                // Who was told to stop is no liar.
                if !shared.is_over() {
                    shared.miss(job, &(Reason::Upstream, text::chain(&error)));
                }
            }
        }
    };
    blocking(end).await
}

fn pour<W: Writer, P: PackSource>(
    shared: &Shared<W, P>,
    tap: &Mutex<Option<Tap<W::Sink>>>,
    job: usize,
    bytes: &[u8],
) -> io::Result<()> {
    if shared.is_over() || !shared.ledger.is_wanted(job) {
        return Err(io::ErrorKind::Interrupted.into());
    }
    let mut tap = lock(tap);
    let Some(tap) = tap.as_mut() else { return Err(io::ErrorKind::BrokenPipe.into()) };
    if let Err(error) = tap.sink.write(bytes) {
        tap.trouble = Some(error);
        return Err(io::Error::other("it could not be written"));
    }
    shared.wrote(Stage::Upstream, bytes.len() as u64);
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
