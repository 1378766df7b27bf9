//! From items to recipes: reading and sending side by side, and what comes of both.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use snowbank_actions::client::DownloadUrl;
use snowbank_cas::chunker::Params;
use snowbank_cas::id::ChunkHash;
use snowbank_cas::pack::Footer;
use snowbank_nix::path_info::PathInfo;
use tokio::sync::mpsc;

use super::carry::{Live, carry};
use super::plan::Plan;
use super::send::{Sent, send};
use super::{Amount, LARGEST, PACKS, Save, SaveError, Saved};
use crate::observer::{Event, Stage};
use crate::packing::{ClosedPack, FramePlace, Item, ReadError, Reading, Shelf, read, recipe};
use crate::snapshot::{PackRef, Recipe, SavedPath, Snapshot, Source};
use crate::text;

/// Packs that wait to be sent.
const WAITING: usize = 1;

/// What came of the items.
pub(super) struct Laid {
    /// The new packs, numbered from the first that was given, and the lengths of their frames.
    pub(super) packs: Vec<(PackRef, Vec<u32>)>,
    pub(super) sent: Amount,
    /// Bytes of the items' chunks that nobody had stored.
    pub(super) fresh: u64,
    /// Where the chunks are that were carried over.
    pub(super) carried: HashMap<ChunkHash, FramePlace>,
    /// Of each item its recipe, or why it has none.
    pub(super) outcomes: Vec<Result<Recipe, String>>,
}

/// What is there already of the last generation's packs.
pub(super) struct There<'a> {
    pub(super) footers: &'a HashMap<u32, Footer>,
    pub(super) urls: &'a [Option<DownloadUrl>],
}

/// Ends the reading when the save is dropped: the threads look at it.
struct Halt(Arc<AtomicBool>);

impl Drop for Halt {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Save<'_> {
    /// Carries packs over, reads `items`, sends their new chunks in packs numbered from `first`, and makes their recipes. An
    /// item whose new chunks are more than there is room for has none.
    pub(super) async fn lay(
        &self,
        items: Vec<Item>,
        room: u64,
        there: &There<'_>,
        carried: &BTreeMap<u32, Live>,
        first: u32,
    ) -> Result<Laid, SaveError> {
        let (packs, to_send) = mpsc::channel(WAITING);
        // What is carried over has no place until it has arrived.
        let stays = there.footers.iter().filter(|(pack, _)| !carried.contains_key(pack));
        let known = stays.flat_map(|(&pack, footer)| {
            footer.entries.iter().zip(0u32..).map(move |(entry, frame)| (entry.chunk, (pack, frame)))
        });
        let bytes: u64 = items.iter().map(|item| item.nar_size).sum();
        let pack = (bytes / 2 / PACKS).clamp(self.pack, LARGEST.max(self.pack));
        let shelf = Arc::new(Shelf::new(self.spool.clone(), pack, known.collect(), first));
        let dropped = Arc::new(AtomicBool::new(false));
        let _halt = Halt(Arc::clone(&dropped));
        let (level, observer, stop) = (self.level, Arc::clone(self.observer), Arc::clone(self.stop));
        let reader = Arc::clone(&shelf);
        let to = packs.clone();
        let reading = move || {
            let shelf = reader;
            let reading = Reading {
                items: &items,
                shelf: &shelf,
                params: Params::default(),
                check: true,
                level,
                packs: packs.clone(),
                observer: &*observer,
                stop: &stop,
                dropped: &dropped,
            };
            let outcomes = read(&reading)?;
            for last in shelf.finish()? {
                packs.blocking_send(last).map_err(|_| ReadError::Unwanted)?;
            }
            observer.tell(Event::End { stage: Stage::Read });
            let recipes = outcomes.into_iter().map(|outcome| recipe(outcome, &shelf));
            Ok::<Vec<_>, ReadError>(recipes.collect())
        };
        let reading = async {
            self.carry(there.urls, carried, &shelf, &to).await;
            shelf.allow(room);
            let carried = shelf.fresh();
            // The sending ends when nobody holds the other end any more.
            drop(to);
            let read = tokio::task::spawn_blocking(reading).await.map_err(|_| SaveError::Lost)?;
            read.map(|outcomes| (outcomes, shelf.fresh() - carried)).map_err(SaveError::from)
        };
        let spares = shelf.spares();
        let sending = send(self.client, self.versions, to_send, &spares, &**self.observer);
        let (read, sent) = tokio::join!(reading, sending);
        // A pack that cannot be sent is why nobody wants more of them.
        let Sent { packs, sent } = sent?;
        let (outcomes, fresh) = read?;
        self.observer.tell(Event::End { stage: Stage::Upload });
        // Numbers of packs that became a part of others are left out.
        let mut places: Vec<u32> = (0..first).collect();
        for (&number, place) in packs.keys().zip(first..) {
            places.resize(number as usize, 0);
            places.push(place);
        }
        let outcomes = outcomes
            .into_iter()
            .map(|outcome: Result<Recipe, String>| outcome.map(|recipe| recipe.moved(&places)))
            .collect();
        let chunks = carried.values().flatten().map(|(.., entry)| entry.chunk);
        let carried = chunks
            .filter_map(|chunk| {
                let (pack, frame) = shelf.place(&chunk)?;
                Some((chunk, (places.get(pack as usize).copied().unwrap_or(pack), frame)))
            })
            .collect();
        Ok(Laid { packs: packs.into_values().collect(), sent, fresh, carried, outcomes })
    }

    /// Carries over what is needed of packs of which little is needed. What does not work is left as it is.
    async fn carry(
        &self,
        urls: &[Option<DownloadUrl>],
        carried: &BTreeMap<u32, Live>,
        shelf: &Arc<Shelf>,
        to: &mpsc::Sender<ClosedPack>,
    ) {
        for (pack, live) in carried {
            let Some(Some(url)) = urls.get(*pack as usize) else { continue };
            match carry(self.client, url, live.clone(), shelf, 0).await {
                Ok(full) => {
                    for pack in full {
                        // The sending has failed and tells why.
                        let _ = to.send(pack).await;
                    }
                }
                Err(error) => {
                    let text = format!("a pack was not carried over: {}", text::chain(&error));
                    self.observer.tell(Event::Warning(text));
                }
            }
        }
    }
}

/// The snapshot of what stays and what was read; what could not be read is left out, and what refers to it.
pub(super) fn fill(
    plan: &mut Plan,
    new: Vec<(PathInfo, Result<Recipe, String>)>,
    saved: &mut Saved,
) -> Snapshot {
    let mut snapshot = std::mem::take(&mut plan.kept);
    let mut wanted = Vec::new();
    let mut add = |info: PathInfo, source: Source| {
        wanted.push(info.path.clone());
        snapshot.paths.insert(info.path.clone(), SavedPath { info, source, unused: 0 });
    };
    for (info, outcome) in new {
        match outcome {
            Ok(recipe) => add(info, Source::Packs(recipe)),
            Err(why) => saved.left.push((info.path, why)),
        }
    }
    plan.upstream.iter().for_each(|info| add(info.clone(), Source::Upstream));
    let left: std::collections::HashSet<_> = saved.left.iter().map(|(path, _)| path.clone()).collect();
    if !left.is_empty() {
        snapshot.drop_paths(|path| path.info.references.iter().any(|reference| left.contains(reference)));
        let why = "it refers to a path that could not be saved";
        let dropped = wanted.into_iter().filter(|path| !snapshot.paths.contains_key(path));
        saved.left.extend(dropped.map(|path| (path, why.to_owned())));
    }
    let paths = &snapshot.paths;
    let (there, _): (Vec<_>, Vec<_>) =
        plan.realisations.iter().cloned().partition(|one| paths.contains_key(&one.path));
    snapshot.realisations.extend(there);
    snapshot
}
