//! A store that the process may write to itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::{Claim, Place, Realisation, StoreWriter, WriteError};
use snowbank_nix::store_path::StorePath;

use super::limit;
use super::unpack::Unpacker;
use super::{Claimed, NarSink, SinkError, Writer, WriterError};

/// A store that the process owns, written as Nix itself writes it. Holds one open file for each path that is claimed.
pub struct RootWriter {
    // Before the store: what is removed must still be locked, and kept.
    held: Arc<Held>,
    store: Mutex<StoreWriter>,
}

/// What is claimed and not committed.
#[derive(Default)]
struct Held {
    waiting: Mutex<BTreeMap<StorePath, Guard>>,
    finished: Mutex<BTreeMap<StorePath, Guard>>,
}

/// A claim that leaves nothing behind.
struct Guard(Option<Claim>);

impl Guard {
    fn into_claim(mut self) -> Option<Claim> {
        self.0.take()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(claim) = self.0.take() {
            // Nix removes what cannot be removed now.
            let _ = claim.discard();
        }
    }
}

impl RootWriter {
    /// Opens the store at `place`, whose owner the process must be.
    ///
    /// # Errors
    /// When there is none, it may not be written to, or it is of a newer Nix.
    pub fn open(place: Place) -> Result<Self, WriteError> {
        Ok(Self { held: Arc::default(), store: Mutex::new(StoreWriter::open(place)?) })
    }
}

impl Writer for RootWriter {
    type Sink = RootSink;

    fn keep(&self, paths: &BTreeSet<StorePath>) -> Result<BTreeSet<StorePath>, WriterError> {
        let mut store = lock(&self.store);
        store.keep(paths).map_err(failed)?;
        let mut valid = store.store().valid_paths().map_err(|error| WriterError(Box::new(error)))?;
        valid.retain(|path| paths.contains(path));
        Ok(valid)
    }

    fn at_once(&self, wanted: usize) -> usize {
        limit::allow(wanted)
    }

    fn claim(&self, paths: &BTreeSet<StorePath>) -> Result<Claimed, WriterError> {
        let (claims, busy) = lock(&self.store).try_claim(paths).map_err(failed)?;
        let claimed: BTreeSet<_> = claims.iter().map(|claim| claim.path().clone()).collect();
        let valid =
            paths.iter().filter(|path| !claimed.contains(*path) && !busy.contains(*path)).cloned().collect();
        let guards = claims.into_iter().map(|claim| (claim.path().clone(), Guard(Some(claim))));
        lock(&self.held.waiting).extend(guards);
        Ok(Claimed { claimed, busy, valid })
    }

    fn begin(&self, info: &PathInfo) -> Result<RootSink, WriterError> {
        let guard = lock(&self.held.waiting).remove(&info.path);
        let Some(Guard(Some(claim))) = &guard else {
            return Err(failed(WriteError::Claim(info.path.clone())));
        };
        let (path, unpacker) = (info.path.clone(), Unpacker::new(claim.file()));
        Ok(RootSink { path, unpacker, guard, held: Arc::clone(&self.held) })
    }

    fn commit(&self, infos: &[&PathInfo]) -> Result<Vec<(StorePath, String)>, WriterError> {
        let (mut filled, mut refused) = (Vec::new(), Vec::new());
        for info in infos {
            match lock(&self.held.finished).remove(&info.path).and_then(Guard::into_claim) {
                Some(claim) => filled.push((claim, (*info).clone())),
                None => refused.push((info.path.clone(), "it was not written".to_owned())),
            }
        }
        let mut store = lock(&self.store);
        match store.register(&filled, now()) {
            Ok(()) => return Ok(refused),
            Err(error) if is_fatal(&error) => {
                filled.into_iter().for_each(|(claim, _)| drop(Guard(Some(claim))));
                return Err(failed(error));
            }
            Err(_) => {}
        }
        // One that cannot be registered must not be in the way of the others.
        for pair in filled {
            if let Err(error) = store.register(std::slice::from_ref(&pair), now()) {
                refused.push((pair.1.path, crate::text::chain(&error)));
                drop(Guard(Some(pair.0)));
            }
        }
        Ok(refused)
    }

    fn discard(&self, path: &StorePath) {
        let waiting = lock(&self.held.waiting).remove(path);
        let finished = lock(&self.held.finished).remove(path);
        drop((waiting, finished));
    }

    fn realise(&self, realisations: &[Realisation]) -> Result<(), WriterError> {
        lock(&self.store).register_realisations(realisations).map(drop).map_err(failed)
    }
}

/// A path that is being written.
pub struct RootSink {
    path: StorePath,
    unpacker: Unpacker,
    guard: Option<Guard>,
    held: Arc<Held>,
}

impl NarSink for RootSink {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.unpacker.write(bytes)
    }

    fn finish(self) -> Result<(), SinkError> {
        self.unpacker.finish()?;
        if let Some(guard) = self.guard {
            lock(&self.held.finished).insert(self.path, guard);
        }
        Ok(())
    }
}

fn is_fatal(error: &WriteError) -> bool {
    matches!(error, WriteError::Store(_) | WriteError::Database(_) | WriteError::Collector(_))
}

fn failed(error: WriteError) -> WriterError {
    WriterError(Box::new(error))
}

/// The second that paths are registered at.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
