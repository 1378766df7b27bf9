//! Reading packs: the footers first, then whatever frames are wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use futures::{StreamExt, stream};
use snowbank_actions::client::ClientError;
use snowbank_cas::id::ObjectHash;
use snowbank_cas::pack::Footer;

use super::PackSource;
use super::counters::Counters;
use super::index::{Located, Loss, Packs};
use super::report::Reason;
use super::window::{self, Bite};
use crate::observer::{Event, Observer, Stage};
use crate::snapshot::PackRef;
use crate::text;

/// Packs that are looked up at once.
const PACKS: usize = 16;

/// Requests of one window at once.
const REQUESTS: usize = 4;

/// Bytes of all footers together: enough for the packs of a hundred gigabytes.
const MAX_FOOTERS: u64 = 128 << 20;

/// Bytes of a pack, or why they could not be had.
pub(crate) struct Part {
    pub(crate) pack: u32,
    pub(crate) start: u32,
    pub(crate) bytes: Result<Bytes, Loss>,
}

/// Reads packs.
pub(crate) struct Reader<P: PackSource> {
    source: Arc<P>,
    pub(crate) packs: Packs<P::At>,
    pub(super) counters: Counters,
    observer: Arc<dyn Observer>,
    footers: AtomicU64,
    /// Whether the cache service was given up.
    down: AtomicBool,
}

impl<P: PackSource> Reader<P> {
    /// Looks those of `packs` up whose numbers are `needed`, and reads their footers.
    pub(crate) async fn open(
        source: Arc<P>,
        packs: &[PackRef],
        needed: &BTreeSet<u32>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let packs_found = Packs { found: BTreeMap::new(), lost: BTreeMap::new() };
        let mut reader = Self {
            source,
            packs: packs_found,
            counters: Counters::default(),
            observer,
            footers: AtomicU64::new(0),
            down: AtomicBool::new(false),
        };
        let all = needed.iter().filter_map(|&at| Some((at, packs.get(at as usize)?)));
        let this = &reader;
        let loads: Vec<_> = all.map(|(at, pack)| async move { (at, this.load(pack).await) }).collect();
        let loaded: Vec<_> = stream::iter(loads).buffer_unordered(PACKS).collect().await;
        for (at, loaded) in loaded {
            match loaded {
                Ok(located) => drop(reader.packs.found.insert(at, located)),
                Err(loss) => drop(reader.packs.lost.insert(at, loss)),
            }
        }
        reader
    }

    async fn load(&self, pack: &PackRef) -> Result<Located<P::At>, Loss> {
        self.check_up()?;
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
        Ok(Located::new(pack.clone(), &footer, at))
    }

    /// The bytes that a window of `size` bytes needs, in order.
    pub(super) async fn fetch(&self, bites: &[Bite], size: u64) -> Vec<Part> {
        let part = |(pack, range): (u32, Range<u32>)| async move {
            Part { pack, start: range.start, bytes: self.read(pack, range).await }
        };
        let reads: Vec<_> = window::requests(bites, size).into_iter().map(part).collect();
        stream::iter(reads).buffered(REQUESTS).collect().await
    }

    /// Bytes of a pack.
    pub(crate) async fn read(&self, pack: u32, range: Range<u32>) -> Result<Bytes, Loss> {
        let gone = || (Reason::Lost, format!("the pack {pack} is not there any more"));
        let located = self.packs.found.get(&pack).ok_or_else(gone)?;
        let (length, range) = (range.len(), u64::from(range.start)..u64::from(range.end));
        let mut looked = false;
        loop {
            self.check_up()?;
            self.counters.request();
            match self.source.read(&located.at(), range.clone()).await {
                Ok(part) if part.total == located.pack.size && part.bytes.len() == length => {
                    let bytes = length as u64;
                    self.counters.downloaded(bytes);
                    self.observer.tell(Event::Advance { stage: Stage::Download, bytes, paths: 0 });
                    return Ok(part.bytes);
                }
                Ok(_) => {
                    let why = format!("the pack {} has another length", located.pack.hash);
                    return Err((Reason::Lost, why));
                }
                // URLs expire.
                Err(error) if error.is_gone() && !looked => {
                    looked = true;
                    self.counters.request();
                    let found = self.source.locate(&located.pack).await;
                    located.moved(found.map_err(|error| self.failed(&error))?.ok_or_else(gone)?);
                }
                Err(error) => return Err(self.failed(&error)),
            }
        }
    }

    /// Has a service that was given up asked again.
    pub(crate) fn try_again(&self) {
        self.down.store(false, Ordering::Relaxed);
    }

    /// Whether the service is still asked: who does not answer one does not answer the next.
    fn check_up(&self) -> Result<(), Loss> {
        match self.down.load(Ordering::Relaxed) {
            true => Err((Reason::Outage, "the cache service was given up".to_owned())),
            false => Ok(()),
        }
    }

    fn failed(&self, error: &ClientError) -> Loss {
        if error.is_outage() {
            self.down.store(true, Ordering::Relaxed);
            return (Reason::Outage, text::chain(error));
        }
        (Reason::Lost, text::chain(error))
    }
}
