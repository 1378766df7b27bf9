//! Saving: what is new is read, cut and compressed on all processors while full packs are sent beside it; then one
//! index makes all of it a generation.

mod bound;
mod carry;
mod error;
mod lay;
mod plan;
mod send;
mod within;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use crate::packing::{ReadError, ShelfError};
pub use error::SaveError;
use snowbank_actions::client::{CacheClient, DownloadUrl};
use snowbank_nix::closure::Closure;
use snowbank_nix::hash::NarHash;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::{Place, Realisation};
use snowbank_nix::store_path::StorePath;

use crate::observer::{Event, Observer, Stage};
use crate::packing::Item;
use crate::packs;
use crate::series::{Found, Key, Naming, Published, Versions, find, publish};
use crate::snapshot::Snapshot;
use lay::There;
use plan::{Plan, Wanted, plan};

/// Bytes of frames in a full pack: with its footer it can be sent as one body through proxies that take 100 MB.
pub const PACK: u64 = 90 << 20;

/// Bytes of frames in the fullest pack of a save that stores much.
const LARGEST: u64 = 240 << 20;

/// Packs that one save makes, when what it reads is all new and compresses to half: services count new entries by the minute.
const PACKS: u64 = 36;

/// What is needed of packs of which little is needed is stored anew, up to so many hundredths of what is read.
const CARRIED: u64 = 10;

/// What to save, and as what.
pub struct Save<'a> {
    /// The service.
    pub client: &'a CacheClient,
    /// The versions of what is saved.
    pub versions: &'a Versions,
    /// The store.
    pub place: &'a Place,
    /// The paths.
    pub closure: &'a Closure,
    /// What outputs of content-addressed derivations among them came to.
    pub realisations: &'a [Realisation],
    /// Files and folders beside the store.
    pub trees: &'a [Tree],
    /// Whether an upstream cache has a path, so that only its info is kept.
    pub upstream: &'a (dyn Fn(&PathInfo) -> bool + Sync),
    /// The series.
    pub key: &'a Key,
    /// Where else to look for packs that can be used again: prefixes of keys.
    pub prefixes: &'a [String],
    /// How its entries are called.
    pub naming: Naming,
    /// Paths that are not here and that the next run may want: earlier generations' word for them counts on.
    pub known: &'a BTreeSet<StorePath>,
    /// What the run used, in that order; what it did not come to know is what the last generation says.
    pub used: &'a [StorePath],
    /// Names the run: saves of one run are no generations to each other.
    pub run: &'a str,
    /// The zstd level of new frames.
    pub level: i32,
    /// How much it may store.
    pub bounds: Bounds,
    /// Bytes of frames in a full pack, usually [`PACK`]. A save that reads many gigabytes fills its packs with more, for them
    /// to be few: with up to 240 MiB.
    pub pack: u64,
    /// A folder with room for some packs.
    pub spool: PathBuf,
    /// Ends the reading of paths when it is set; what was read by then is saved.
    pub stop: &'a Arc<AtomicBool>,
    /// Who is told.
    pub observer: &'a Arc<dyn Observer>,
}

/// How much a save may store.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// Bytes of all packs that the generation names. What is not wanted goes for it, the longest unused first; what is
    /// wanted only when that is not enough. What other jobs have saved meanwhile is united with it all the same, and the
    /// next save deals with that.
    pub size: Option<u64>,
    /// Bytes of new packs.
    pub new: Option<u64>,
    /// Store only what the generation that it builds upon lacks: packs of which little is needed are not carried over.
    /// For generations that others are not built upon.
    pub only_new: bool,
}

/// A file or folder beside the store.
#[derive(Clone, Debug)]
pub struct Tree {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub file: PathBuf,
    /// The SHA-256 of its NAR.
    pub nar_hash: NarHash,
    /// Bytes of its NAR.
    pub nar_size: u64,
}

/// What a save did.
#[derive(Clone, Debug, Default)]
pub struct Saved {
    /// What became of it; none when there was nothing new.
    pub published: Option<Published>,
    /// The entry that it builds upon.
    pub last: Option<String>,
    /// Paths that were wanted.
    pub wanted: u64,
    /// Paths that were read and saved, and the bytes of their NARs.
    pub read: Amount,
    /// Paths that an upstream cache has, of those that were wanted.
    pub upstream: Amount,
    /// Bytes of what was read that nobody had stored; the rest was there in other paths.
    pub fresh: u64,
    /// Packs that were sent, and their bytes.
    pub sent: Amount,
    /// Paths of earlier generations that were left out.
    pub dropped: u64,
    /// Packs that were read only so that the service keeps them.
    pub refreshed: u64,
    /// Wanted paths that could not be saved, each with the reason.
    pub left: Vec<(StorePath, String)>,
}

/// How many, and how large together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Amount {
    pub(crate) fn of<'a>(infos: impl Iterator<Item = &'a PathInfo>) -> Self {
        infos.fold(Self::default(), |sum, info| Self {
            count: sum.count + 1,
            bytes: sum.bytes + info.nar_size,
        })
    }
}

impl Save<'_> {
    /// Saves. Holds 26 batches of 5 MiB at most, what the index holds, and some 150 bytes a chunk.
    ///
    /// # Errors
    /// When the service, or the temporary folder, fails; nothing is visible then but packs that nobody names.
    pub async fn run(&self) -> Result<Saved, SaveError> {
        let found = self.last().await?;
        let last = found.as_ref().map(|found| &found.snapshot);
        let mut urls = match last {
            Some(last) => packs::locate_all(self.client, self.versions, &last.packs).await?,
            None => Vec::new(),
        };
        let mut plan = self.plan(last, &urls);
        let mut footers = HashMap::new();
        if let Some(last) = last.filter(|_| self.has_news(&plan)) {
            let lost;
            (footers, lost) = packs::footers(self.client, &last.packs, &urls).await?;
            if !lost.is_empty() {
                lost.iter().for_each(|&at| urls[at as usize] = None);
                plan = self.plan(Some(last), &urls);
            }
        }
        let mut saved = Saved {
            last: found.as_ref().map(|found| found.entry.clone()),
            wanted: self.closure.len() as u64,
            upstream: Amount::of(plan.left_upstream(self.closure)),
            dropped: plan.dropped as u64,
            ..Saved::default()
        };
        if !self.has_news(&plan) {
            if let Some(last) = last {
                saved.refreshed = packs::refresh(self.client, &last.packs, &urls).await;
            }
            return Ok(saved);
        }
        let newest =
            found.as_ref().filter(|found| found.key == *self.key).map_or(0, |found| found.generation);
        let snapshot = self.store(plan, &There { footers: &footers, urls: &urls }, &mut saved).await?;
        let Some(snapshot) = snapshot else { return Ok(saved) };
        let published = publish(self.client, self.versions, self.naming, self.key, newest, snapshot).await?;
        saved.published = Some(published);
        Ok(saved)
    }

    /// The newest generation, or what of other series may share packs with it. What cannot be read is as good as none.
    async fn last(&self) -> Result<Option<Found>, SaveError> {
        self.begin(Stage::Find, Amount::default());
        let found = match find(self.client, self.versions, self.naming, self.key, self.prefixes).await {
            Ok(found) => found.filter(|found| found.snapshot.dir == *self.place.dir()),
            Err(crate::series::FindError::Client(error)) => return Err(error.into()),
            Err(error) => {
                let text = format!("saved anew, because {}", crate::text::chain(&error));
                self.observer.tell(Event::Warning(text));
                None
            }
        };
        self.observer.tell(Event::End { stage: Stage::Find });
        Ok(found)
    }

    fn plan(&self, last: Option<&Snapshot>, urls: &[Option<DownloadUrl>]) -> Plan {
        let lost: HashSet<u32> =
            urls.iter().zip(0u32..).filter_map(|(url, at)| url.is_none().then_some(at)).collect();
        let wanted = Wanted {
            closure: self.closure,
            realisations: self.realisations,
            upstream: self.upstream,
            known: self.known,
            run: self.run,
        };
        let mut plan = plan(last, &lost, &wanted);
        plan.kept.dir = self.place.dir().clone();
        if !self.used.is_empty() {
            plan.kept.used = self.used.to_vec();
        }
        plan
    }

    /// Trees change with every evaluation, so one that is known goes along with other news and is none itself.
    fn has_news(&self, plan: &Plan) -> bool {
        plan.has_news() || self.trees.iter().any(|tree| !plan.kept.trees.contains_key(&tree.name))
    }

    fn new_trees(&self, plan: &Plan) -> Vec<&Tree> {
        plan::new_trees(&plan.kept.trees, self.trees, |tree| (&tree.name, &tree.nar_hash))
    }

    /// Reads and sends what is new; the snapshot of all that is stored then, or none when nothing new came of it.
    async fn store(
        &self,
        mut plan: Plan,
        there: &There<'_>,
        saved: &mut Saved,
    ) -> Result<Option<Snapshot>, SaveError> {
        let trees: Vec<Tree> = self.new_trees(&plan).into_iter().cloned().collect();
        let room = self.room(&plan, there);
        if room < plan.new.iter().map(|info| info.nar_size).sum() {
            // Not all of it may fit: many paths rather than few.
            plan.new.reverse();
        }
        let items: Vec<Item> = plan
            .new
            .iter()
            .map(|info| Item {
                file: self.place.file(&info.path),
                nar_hash: info.nar_hash,
                nar_size: info.nar_size,
            })
            .chain(trees.iter().map(|tree| Item {
                file: tree.file.clone(),
                nar_hash: tree.nar_hash,
                nar_size: tree.nar_size,
            }))
            .collect();
        self.begin(Stage::Read, Amount::of(plan.new.iter()));
        let budget = plan.new.iter().map(|info| info.nar_size / 100 * CARRIED).sum();
        let carried = match self.bounds.only_new {
            true => BTreeMap::new(),
            false => carry::choose(&plan.kept, there.footers, budget),
        };
        let first = plan.kept.packs.len() as u32;
        let laid = self.lay(items, room, there, &carried, first).await?;
        carry::moved(&mut plan.kept, &carried, |entry| laid.carried.get(&entry.chunk).copied());
        saved.sent = laid.sent;
        saved.fresh = laid.fresh;
        let mut lengths = bound::Lengths::new();
        for ((pack, frames), number) in laid.packs.into_iter().zip(first..) {
            plan.kept.packs.push(pack);
            lengths.insert(number, frames);
        }
        let mut outcomes = laid.outcomes.into_iter();
        let read = std::mem::take(&mut plan.new);
        let new = read.iter().cloned().zip(outcomes.by_ref());
        let mut snapshot = lay::fill(&mut plan, new.collect(), saved);
        let mut new_trees = false;
        for (tree, outcome) in trees.into_iter().zip(outcomes) {
            if let Ok(recipe) = outcome {
                let Tree { name, nar_hash, nar_size, .. } = tree;
                snapshot.trees.insert(name, crate::snapshot::SavedTree { nar_hash, nar_size, recipe });
                new_trees = true;
            }
        }
        let less = self.within(&mut snapshot, lengths, first, there, saved).await?;
        saved.read = Amount::of(read.iter().filter(|info| snapshot.paths.contains_key(&info.path)));
        let nothing = saved.read.count == 0 && laid.carried.is_empty() && plan.upstream.is_empty();
        if nothing && !new_trees && !less && plan.realisations.is_empty() {
            return Ok(None);
        }
        Ok(Some(snapshot.without_unused_packs()))
    }

    fn begin(&self, stage: Stage, amount: Amount) {
        self.observer.tell(Event::Begin { stage, bytes: amount.bytes, paths: amount.count });
    }
}
