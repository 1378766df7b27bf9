//! What is where in the packs that are needed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use futures::{StreamExt, stream};
use snowbank_actions::client::ClientError;
use snowbank_cas::id::{ChunkHash, ObjectHash};
use snowbank_cas::pack::Footer;

use super::PackSource;
use super::counters::Counters;
use super::report::Reason;
use crate::snapshot::{PackRef, Run};
use crate::text;

/// Questions to the service at once.
const AT_ONCE: usize = 16;

/// Bytes of all footers together: enough for the packs of a hundred gigabytes.
const MAX_FOOTERS: u64 = 128 << 20;

/// A frame, and what must come out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) pack: u32,
    pub(super) offset: u32,
    pub(super) stored_len: u32,
    pub(super) raw_len: u32,
    pub(super) chunk: ChunkHash,
}

/// The frames of a pack: 44 bytes each.
#[derive(Debug)]
pub(super) struct PackIndex {
    chunks: Vec<ChunkHash>,
    /// Where each begins, and the last ends.
    offsets: Vec<u32>,
    /// Bytes of the chunks before each, and of all.
    raw: Vec<u64>,
}

impl PackIndex {
    pub(super) fn of(footer: &Footer) -> Self {
        let (mut offset, mut raw) = (0u32, 0u64);
        let mut index = Self { chunks: Vec::new(), offsets: vec![0], raw: vec![0] };
        for entry in &footer.entries {
            // Decoding has seen to it that they add up to the pack.
            offset = offset.saturating_add(entry.stored_len);
            raw += u64::from(entry.raw_len);
            index.chunks.push(entry.chunk);
            index.offsets.push(offset);
            index.raw.push(raw);
        }
        index
    }

    /// A frame of it, as one of the pack with this number.
    pub(super) fn frame(&self, pack: u32, at: u32) -> Option<Frame> {
        let at = at as usize;
        let (offset, end) = (*self.offsets.get(at)?, *self.offsets.get(at + 1)?);
        let raw_len = u32::try_from(self.raw.get(at + 1)? - self.raw.get(at)?).ok()?;
        Some(Frame { pack, offset, stored_len: end - offset, raw_len, chunk: *self.chunks.get(at)? })
    }

    /// Bytes of the frames of a run, stored and raw; none when it is not within the pack.
    pub(super) fn measure(&self, run: &Run) -> Option<(u64, u64)> {
        let (first, end) = (run.first as usize, (run.first as usize).checked_add(run.count as usize)?);
        let stored = self.offsets.get(end)?.checked_sub(*self.offsets.get(first)?)?;
        let raw = self.raw.get(end)?.checked_sub(*self.raw.get(first)?)?;
        Some((u64::from(stored), raw))
    }
}

/// A pack that is there.
pub(super) struct Located<A> {
    pub(super) pack: PackRef,
    pub(super) index: PackIndex,
    at: Mutex<A>,
}

impl<A: Clone> Located<A> {
    pub(super) fn at(&self) -> A {
        self.at.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn moved(&self, at: A) {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
}

/// Why a pack cannot be used.
pub(super) type Loss = (Reason, String);

/// The packs that were found, and why the others were not.
pub(super) struct Packs<A> {
    pub(super) found: BTreeMap<u32, Located<A>>,
    pub(super) lost: BTreeMap<u32, Loss>,
}

/// Looks those of `packs` up whose numbers are `needed`, and reads their footers.
pub(super) async fn load<P: PackSource>(
    source: &P,
    packs: &[PackRef],
    needed: &BTreeSet<u32>,
    counters: &Counters,
) -> Packs<P::At> {
    let loading = Loading { source, counters, down: AtomicBool::new(false), footers: AtomicU64::new(0) };
    let loading = &loading;
    let all = needed.iter().filter_map(|&at| Some((at, packs.get(at as usize)?)));
    let loads: Vec<_> = all.map(|(at, pack)| async move { (at, loading.load(pack).await) }).collect();
    let mut loaded = stream::iter(loads).buffer_unordered(AT_ONCE);
    let (mut found, mut lost) = (BTreeMap::new(), BTreeMap::new());
    while let Some((at, loaded)) = loaded.next().await {
        match loaded {
            Ok(located) => drop(found.insert(at, located)),
            Err(loss) => drop(lost.insert(at, loss)),
        }
    }
    Packs { found, lost }
}

struct Loading<'a, P> {
    source: &'a P,
    counters: &'a Counters,
    down: AtomicBool,
    footers: AtomicU64,
}

impl<P: PackSource> Loading<'_, P> {
    async fn load(&self, pack: &PackRef) -> Result<Located<P::At>, Loss> {
        if self.down.load(Ordering::Relaxed) {
            return Err((Reason::Outage, "the cache service was given up".to_owned()));
        }
        let footer_len = u64::from(pack.footer_len);
        if self.footers.fetch_add(footer_len, Ordering::Relaxed) + footer_len > MAX_FOOTERS {
            return Err((Reason::Recipe, "its packs have too many frames".to_owned()));
        }
        self.counters.request();
        let at = self.source.locate(pack).await.map_err(|error| self.failed(&error))?;
        let lost = |why: &str| (Reason::Lost, format!("the pack {} {why}", pack.hash));
        let at = at.ok_or_else(|| lost("is not there"))?;
        let start = pack.size.saturating_sub(footer_len);
        self.counters.request();
        let tail = self.source.read(&at, start..pack.size).await.map_err(|error| self.failed(&error))?;
        self.counters.downloaded(tail.bytes.len() as u64);
        if tail.total != pack.size {
            return Err(lost("has another length"));
        }
        if ObjectHash::of(&tail.bytes) != pack.footer_hash {
            return Err(lost("has another footer"));
        }
        let footer =
            Footer::decode(&tail.bytes, pack.size).map_err(|error| lost(&format!("is none: {error}")))?;
        Ok(Located { pack: pack.clone(), index: PackIndex::of(&footer), at: Mutex::new(at) })
    }

    fn failed(&self, error: &ClientError) -> Loss {
        if error.is_outage() {
            self.down.store(true, Ordering::Relaxed);
            return (Reason::Outage, text::chain(error));
        }
        (Reason::Lost, text::chain(error))
    }
}
