//! What was claimed, what is complete, and what is registered: a path once all that it refers to is.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use snowbank_nix::closure::Closure;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::{Claim, Realisation, StoreWriter, WriteError};
use snowbank_nix::store_path::StorePath;

use super::report::Held;
use super::{Miss, Report, RestoreError};

/// Bytes of complete paths after which they are registered: so much is lost at most when the process is killed.
const BATCH: u64 = 512 << 20;

/// The books of a restore; not shared yet.
pub(super) struct Ledger {
    writer: StoreWriter,
    infos: BTreeMap<StorePath, PathInfo>,
    /// All wanted paths, every path behind all that it refers to.
    order: Vec<StorePath>,
    claims: HashMap<StorePath, Claim>,
    /// Complete and not yet registered; whether an upstream gave it.
    done: HashMap<StorePath, bool>,
    valid: BTreeSet<StorePath>,
    waiting: u64,
    now: i64,
    report: Report,
}

/// The books, for all lanes.
pub(super) struct Shared(Mutex<Option<Ledger>>);

impl Ledger {
    /// Over the wanted paths' infos and the paths that are valid.
    pub(super) fn new(
        writer: StoreWriter,
        infos: BTreeMap<StorePath, PathInfo>,
        valid: BTreeSet<StorePath>,
        now: i64,
    ) -> Self {
        Self {
            writer,
            order: infos.keys().cloned().collect(),
            infos,
            claims: HashMap::new(),
            done: HashMap::new(),
            valid,
            waiting: 0,
            now,
            report: Report::default(),
        }
    }

    /// Keeps paths from the garbage collector.
    pub(super) fn keep<'a>(&mut self, paths: impl Iterator<Item = &'a StorePath>) -> Result<(), WriteError> {
        self.writer.keep(paths)
    }

    pub(super) fn into_held(self) -> Held {
        Held { _writer: self.writer }
    }

    pub(super) fn shared(mut self) -> Shared {
        // A decoded snapshot is a closure, and a part of it with all that it needs is one, too.
        if let Ok(closure) = Closure::new(self.infos.values().cloned()) {
            self.order = closure.references_first().map(|info| info.path.clone()).collect();
        }
        Shared(Mutex::new(Some(self)))
    }

    /// Registers what is complete and refers to nothing that is not registered or complete itself.
    fn register(&mut self) -> Result<(), WriteError> {
        let mut ready = Vec::new();
        let mut now_valid = HashSet::new();
        for path in &self.order {
            let (Some(info), true) = (self.infos.get(path), self.done.contains_key(path)) else { continue };
            let there = |reference: &StorePath| {
                reference == path || self.valid.contains(reference) || now_valid.contains(reference)
            };
            if info.references.iter().all(there) {
                now_valid.insert(path.clone());
                ready.push(info.clone());
            }
        }
        self.waiting = 0;
        if ready.is_empty() {
            return Ok(());
        }
        let filled: Vec<_> =
            ready.into_iter().filter_map(|info| Some((self.claims.remove(&info.path)?, info))).collect();
        self.writer.register(&filled, self.now)?;
        for (claim, info) in filled {
            let upstream = self.done.remove(claim.path()).unwrap_or(false);
            let sum = if upstream { &mut self.report.upstream } else { &mut self.report.restored };
            sum.add(info.nar_size);
            self.valid.insert(info.path);
        }
        Ok(())
    }

    fn miss(&mut self, path: &StorePath, miss: Miss) {
        if let Some(claim) = self.claims.remove(path) {
            // Nix removes what stays.
            let _ = claim.discard();
        }
        self.done.remove(path);
        self.report.missed.entry(path.clone()).or_insert(miss);
    }
}

impl Shared {
    /// Claims those of `paths` that nobody has and that are not valid; also returns those that somebody is making.
    pub(super) fn claim(
        &self,
        paths: &BTreeSet<StorePath>,
    ) -> Result<(HashSet<StorePath>, BTreeSet<StorePath>), RestoreError> {
        let mut guard = self.lock();
        let Some(ledger) = guard.as_mut() else { return Err(RestoreError::Lost) };
        let (claims, busy) = ledger.writer.try_claim(paths)?;
        let claimed: HashSet<_> = claims.iter().map(|claim| claim.path().clone()).collect();
        for path in paths.iter().filter(|path| !claimed.contains(*path) && !busy.contains(*path)) {
            ledger.report.others.add(ledger.infos.get(path).map_or(0, |info| info.nar_size));
            ledger.valid.insert(path.clone());
        }
        ledger.claims.extend(claims.into_iter().map(|claim| (claim.path().clone(), claim)));
        Ok((claimed, busy))
    }

    /// Where the files of a claimed path belong.
    pub(super) fn file(&self, path: &StorePath) -> Option<PathBuf> {
        self.lock().as_ref()?.claims.get(path).map(|claim| claim.file().to_owned())
    }

    /// A path's files are complete; waits for the disk.
    pub(super) fn done(&self, path: &StorePath, upstream: bool) -> Result<(), RestoreError> {
        let mut guard = self.lock();
        let Some(ledger) = guard.as_mut() else { return Ok(()) };
        ledger.done.insert(path.clone(), upstream);
        ledger.waiting += ledger.infos.get(path).map_or(0, |info| info.nar_size);
        if ledger.waiting >= BATCH {
            ledger.register()?;
        }
        Ok(())
    }

    /// A path cannot be restored.
    pub(super) fn miss(&self, path: &StorePath, miss: Miss) {
        if let Some(ledger) = self.lock().as_mut() {
            ledger.miss(path, miss);
        }
    }

    /// So many bytes of packs came.
    pub(super) fn downloaded(&self, bytes: u64) {
        if let Some(ledger) = self.lock().as_mut() {
            ledger.report.downloaded += bytes;
        }
    }

    /// So many bytes came from upstream caches.
    pub(super) fn received(&self, bytes: u64) {
        if let Some(ledger) = self.lock().as_mut() {
            ledger.report.received += bytes;
        }
    }

    /// Registers what can be.
    pub(super) fn register(&self) -> Result<(), RestoreError> {
        match self.lock().as_mut() {
            Some(ledger) => Ok(ledger.register()?),
            None => Ok(()),
        }
    }

    /// Registers the rest and the realisations, gives up what cannot be registered, and adds to the report.
    pub(super) fn close(
        &self,
        realisations: &[Realisation],
        report: &mut Report,
    ) -> Result<Held, RestoreError> {
        let Some(mut ledger) = self.lock().take() else { return Err(RestoreError::Lost) };
        ledger.register()?;
        for path in ledger.claims.keys().cloned().collect::<Vec<_>>() {
            ledger.miss(&path, Miss::Reference);
        }
        let there: Vec<_> =
            realisations.iter().filter(|one| ledger.valid.contains(&one.path)).cloned().collect();
        if !there.is_empty() {
            ledger.writer.register_realisations(&there)?;
        }
        let done = std::mem::take(&mut ledger.report);
        report.restored = done.restored;
        report.upstream = done.upstream;
        report.others = done.others;
        report.downloaded = done.downloaded;
        report.received = done.received;
        report.missed.extend(done.missed);
        Ok(ledger.into_held())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Ledger>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    /// A restore that was given up leaves no files behind.
    fn drop(&mut self) {
        if let Some(mut ledger) = self.lock().take() {
            for (_, claim) in ledger.claims.drain() {
                let _ = claim.discard();
            }
        }
    }
}
