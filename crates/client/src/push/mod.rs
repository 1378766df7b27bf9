//! Pushing a closure to a binary cache of a Snowbank server: one question for what is missing, then only the chunks that
//! the cache lacks, then one publication, with which all of it becomes visible.
//!
//! What was sent waits there, so a push that was cut off is taken up where it was: its packs need not be sent again.

mod error;
mod making;
mod missing;
mod nars;
mod send;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prost::Message;
use reqwest::Method;
use snowbank_binary_cache::bulk::{MAX_MESSAGE, MAX_PATHS, Publish, WireInfo};
use snowbank_cas::chunker::Params;
use snowbank_nix::closure::Closure;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::Place;
use snowbank_nix::store_path::StorePath;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

pub use error::PushError;
pub use missing::Lacking;

use crate::observer::{Event, Observer, Stage};
use crate::packing::{ClosedPack, Item, Outcome, ReadError, Reading, Shelf, read, recipe};
use crate::save::Amount;
use crate::site::Site;
use making::Making;
use missing::{Sources, missing};
use nars::Made;
use send::{Sent, send};

/// Bytes of frames in a full pack: with its footer it is sent as one body through proxies that take 32 MiB.
const PACK: u64 = 31 << 20;

/// Bytes of NARs that are read before NARs are made of what was sent; the next ones are read beside that.
const WAVE: u64 = 256 << 20;

/// Packs that wait to be sent.
const WAITING: usize = 1;

/// What to push, and where to.
pub struct Push<'a> {
    /// The cache.
    pub site: &'a Site,
    /// The store.
    pub place: &'a Place,
    /// The paths.
    pub closure: &'a Closure,
    /// Whether an upstream cache has a path, so that the cache need not have it.
    pub upstream: &'a (dyn Fn(&PathInfo) -> bool + Sync),
    /// The zstd level of new frames.
    pub level: i32,
    /// A folder with room for some packs of 32 MiB.
    pub spool: PathBuf,
    /// Who is told.
    pub observer: &'a Arc<dyn Observer>,
}

/// What a push did.
#[derive(Clone, Debug, Default)]
pub struct Pushed {
    /// Paths that an upstream cache has.
    pub upstream: Amount,
    /// Paths that the cache had.
    pub there: Amount,
    /// Paths that were read, and the bytes of their NARs.
    pub read: Amount,
    /// Bytes of what was read that the cache did not have.
    pub fresh: u64,
    /// Packs that were sent, and their bytes.
    pub sent: Amount,
    /// Paths that became visible.
    pub published: Amount,
    /// Paths that could not be pushed, each with the reason.
    pub left: Vec<(StorePath, String)>,
}

/// Tells threads that nobody waits for them any more.
struct Halt(Arc<AtomicBool>);

impl Drop for Halt {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Push<'_> {
    /// Pushes. Holds 26 batches of 5 MiB at most, four packs under way, and some 150 bytes a chunk.
    ///
    /// # Errors
    /// When the cache does not answer or refuses; nothing is visible then. A path that cannot be read is no error: it is
    /// left, with what refers to it, and the rest is published.
    pub async fn run(&self) -> Result<Pushed, PushError> {
        let (upstream, wanted): (Vec<&PathInfo>, Vec<&PathInfo>) =
            self.closure.iter().partition(|info| (self.upstream)(info));
        if wanted.len() > MAX_PATHS {
            return Err(PushError::TooMany { paths: wanted.len(), most: MAX_PATHS });
        }
        let mut pushed = Pushed { upstream: Amount::of(upstream.into_iter()), ..Pushed::default() };
        self.begin(Stage::Find, 0, 0);
        let lacking = missing(self.site, &wanted).await?;
        self.observer.tell(Event::End { stage: Stage::Find });
        let of = |places: &[usize]| places.iter().map(|&at| wanted[at]).collect::<Vec<_>>();
        let (nars, infos) = (of(&lacking.nars), of(&lacking.infos));
        let lacks: BTreeSet<&StorePath> = nars.iter().chain(&infos).map(|info| &info.path).collect();
        pushed.there = Amount::of(wanted.iter().copied().filter(|info| !lacks.contains(&info.path)));
        let read = self.read(nars, lacking.sources, &mut pushed).await?;
        let publish = self.without_left(infos.into_iter().chain(read), &mut pushed);
        if !publish.is_empty() {
            self.publish(&publish).await?;
            pushed.published = Amount::of(publish.into_iter());
        }
        Ok(pushed)
    }

    /// Reads and sends what the cache lacks, wave by wave. Returns what came to wait there.
    async fn read<'b>(
        &self,
        mut nars: Vec<&'b PathInfo>,
        sources: Sources,
        pushed: &mut Pushed,
    ) -> Result<Vec<&'b PathInfo>, PushError> {
        nars.sort_by_key(|info| std::cmp::Reverse(info.nar_size));
        self.begin(Stage::Read, nars.iter().map(|info| info.nar_size).sum(), nars.len() as u64);
        let dropped = Arc::new(AtomicBool::new(false));
        let _halt = Halt(Arc::clone(&dropped));
        let shelf = Arc::new(Shelf::new(self.spool.clone(), PACK, sources.places(), sources.len()));
        let (packs, to_send) = mpsc::channel(WAITING);
        let (told, sent) = watch::channel(Sent::new());
        // Tasks of a set end when it is dropped.
        let mut sending = JoinSet::new();
        sending.spawn(send(self.site.clone(), to_send, shelf.spares(), Arc::clone(self.observer), told));
        let mut making = Making::new(self.site.clone(), sources, sent);
        let mut read = Vec::new();
        for wave in waves(&nars) {
            let outcomes = match self.wave(wave, &shelf, &packs, &dropped).await {
                // A pack that cannot be sent is why nobody wants more of them.
                Err(PushError::Read(ReadError::Unwanted)) => break,
                outcomes => outcomes?,
            };
            let mut made = Vec::new();
            for (info, outcome) in wave.iter().zip(outcomes) {
                match recipe(outcome, &shelf) {
                    Ok(recipe) => {
                        made.push(Made { hash: info.nar_hash, size: info.nar_size, recipe });
                        read.push(*info);
                    }
                    Err(why) => pushed.left.push((info.path.clone(), why)),
                }
            }
            making.add(made)?;
        }
        // The sending ends when nobody holds the other end any more.
        drop(packs);
        while let Some(done) = sending.join_next().await {
            pushed.sent = done.map_err(|_| PushError::Lost)??;
        }
        let refused = making.end().await?;
        read.retain(|info| match refused.get(&info.nar_hash) {
            Some(why) => {
                pushed.left.push((info.path.clone(), why.clone()));
                false
            }
            None => true,
        });
        self.observer.tell(Event::End { stage: Stage::Read });
        self.observer.tell(Event::End { stage: Stage::Upload });
        pushed.read = Amount::of(read.iter().copied());
        pushed.fresh = shelf.fresh();
        Ok(read)
    }

    /// Reads some paths and hands their new chunks on.
    async fn wave(
        &self,
        wave: &[&PathInfo],
        shelf: &Arc<Shelf>,
        packs: &mpsc::Sender<ClosedPack>,
        dropped: &Arc<AtomicBool>,
    ) -> Result<Vec<Outcome>, PushError> {
        let item = |info: &&PathInfo| Item {
            file: self.place.file(&info.path),
            nar_hash: info.nar_hash,
            nar_size: info.nar_size,
        };
        let items: Vec<Item> = wave.iter().map(item).collect();
        let (shelf, packs, dropped) = (Arc::clone(shelf), packs.clone(), Arc::clone(dropped));
        let (level, observer) = (self.level, Arc::clone(self.observer));
        let reading = move || {
            let reading = Reading {
                items: &items,
                shelf: &shelf,
                params: Params::default(),
                // The server reads each NAR against its hash.
                check: false,
                level,
                packs: packs.clone(),
                observer: &*observer,
                stop: &dropped,
                dropped: &dropped,
            };
            let outcomes = read(&reading)?;
            for last in shelf.finish()? {
                packs.blocking_send(last).map_err(|_| ReadError::Unwanted)?;
            }
            Ok::<_, ReadError>(outcomes)
        };
        Ok(tokio::task::spawn_blocking(reading).await.map_err(|_| PushError::Lost)??)
    }

    /// What can be published: not what refers to something that is left.
    fn without_left<'b>(
        &self,
        ready: impl Iterator<Item = &'b PathInfo>,
        pushed: &mut Pushed,
    ) -> Vec<&'b PathInfo> {
        let ready: BTreeMap<&StorePath, &PathInfo> = ready.map(|info| (&info.path, info)).collect();
        let mut left: BTreeSet<StorePath> = pushed.left.iter().map(|(path, _)| path.clone()).collect();
        if left.is_empty() {
            return ready.into_values().collect();
        }
        for info in self.closure.references_first() {
            let lost = info.references.iter().any(|reference| left.contains(reference));
            if lost && ready.contains_key(&info.path) && left.insert(info.path.clone()) {
                let why = "it refers to a path that could not be pushed".to_owned();
                pushed.left.push((info.path.clone(), why));
            }
        }
        ready.into_values().filter(|info| !left.contains(&info.path)).collect()
    }

    async fn publish(&self, infos: &[&PathInfo]) -> Result<(), PushError> {
        let paths = infos.iter().map(|&info| WireInfo::from(info)).collect();
        let message = Publish { paths }.encode_to_vec();
        if message.len() > MAX_MESSAGE {
            return Err(PushError::TooMany { paths: infos.len(), most: MAX_PATHS });
        }
        self.site.send("publish the closure", Method::POST, "paths", message.into(), MAX_MESSAGE).await?;
        Ok(())
    }

    fn begin(&self, stage: Stage, bytes: u64, paths: u64) {
        self.observer.tell(Event::Begin { stage, bytes, paths });
    }
}

/// Paths that are read together: so many that they come to [`WAVE`].
fn waves<'a, 'b>(mut nars: &'a [&'b PathInfo]) -> impl Iterator<Item = &'a [&'b PathInfo]> {
    std::iter::from_fn(move || {
        let mut bytes = 0u64;
        let full = nars.iter().position(|info| {
            bytes = bytes.saturating_add(info.nar_size);
            bytes >= WAVE
        });
        let (wave, rest) = nars.split_at(full.map_or(nars.len(), |at| at + 1));
        nars = rest;
        (!wave.is_empty()).then_some(wave)
    })
}
