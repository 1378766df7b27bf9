//! Restoring: what the store lacks of a snapshot is fetched in large parts over several lanes, checked chunk by chunk,
//! written to its final place under Nix's locks, and registered once everything that it refers to is there.

mod error;
mod lane;
mod ledger;
mod needs;
mod report;
mod sink;
mod supply;
mod upstream;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub use error::RestoreError;
pub use report::{Held, Miss, Report, Restored};
use snowbank_actions::client::CacheClient;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::{LocalStore, Place, StoreWriter};
use snowbank_nix::store_path::StorePath;

use crate::observer::{Event, Observer, Stage};
use crate::series::Versions;
use crate::snapshot::{Snapshot, Source};
use crate::upstream::Upstreams;
use ledger::Ledger;
use needs::Needs;
use supply::Supply;

/// How long somebody else may take to make a path that is needed here.
const OTHERS: Duration = Duration::from_secs(300);

/// How often to look whether they have.
const GLANCE: Duration = Duration::from_millis(200);

/// What to restore, and where.
pub struct Restore<'a> {
    /// The service.
    pub client: &'a CacheClient,
    /// The versions of its entries.
    pub versions: &'a Versions,
    /// What was found.
    pub snapshot: &'a Arc<Snapshot>,
    /// The paths that are wanted with all that they need; all when there are none.
    pub only: &'a [StorePath],
    /// The store, whose owner this process is.
    pub place: &'a Place,
    /// Where to fetch what the snapshot leaves to upstream caches.
    pub upstreams: &'a Upstreams,
    /// Bytes that stay free on the store's disk.
    pub min_free: u64,
    /// Whether NAR hashes are checked beside the chunks' own.
    pub verify_nar: bool,
    /// The second of the Unix era that paths are registered at.
    pub now: i64,
    /// Who is told.
    pub observer: &'a Arc<dyn Observer>,
}

impl Restore<'_> {
    /// Restores. Holds four windows for each of at most eight lanes, 256 MiB in all, and what the snapshot and the
    /// footers of its packs hold.
    ///
    /// When it is dropped, what was registered stays and is complete; the rest is removed.
    ///
    /// # Errors
    /// When the store cannot be read or written, or the service fails as a whole. What is missing or damaged is a miss
    /// of the paths that need it, told in the report.
    pub async fn run(&self) -> Result<Restored, RestoreError> {
        let (wanted, valid) = self.wanted()?;
        let infos: BTreeMap<StorePath, PathInfo> = wanted
            .iter()
            .filter_map(|path| Some((path.clone(), self.snapshot.paths.get(path)?.info.clone())))
            .collect();
        let mut report = Report::default();
        let (found, missing): (Vec<_>, Vec<_>) = infos.values().partition(|info| valid.contains(&info.path));
        report.found.add_all(found.iter().map(|info| info.nar_size));
        let writer = StoreWriter::open(self.place.clone())?;
        let missing: BTreeSet<_> = missing.into_iter().map(|info| info.path.clone()).collect();
        let mut ledger = Ledger::new(writer, infos.clone(), valid, self.now);
        ledger.keep(wanted.iter())?;
        if missing.is_empty() {
            return Ok(Restored { report, held: ledger.into_held() });
        }
        let supply = self.supply(&missing, &mut report).await?;
        let needs = Arc::new(Needs::of(self.snapshot, missing, &supply, self.place.dir(), &mut report));
        self.check_room(needs.bytes())?;
        self.begin(Stage::Download, needs.stored_bytes(), 0);
        self.begin(Stage::Write, needs.bytes(), needs.len() as u64);
        let ledger = Arc::new(ledger.shared());
        self.rounds(&needs, supply, &ledger).await?;
        for stage in [Stage::Download, Stage::Upstream, Stage::Write] {
            self.observer.tell(Event::End { stage });
        }
        let held = ledger.close(&self.snapshot.realisations, &mut report)?;
        Ok(Restored { report, held })
    }

    /// The paths that are wanted, and those that the store has.
    fn wanted(&self) -> Result<(BTreeSet<StorePath>, BTreeSet<StorePath>), RestoreError> {
        let store = LocalStore::open(self.place.clone())?;
        let valid = store.valid_paths()?;
        let all = &self.snapshot.paths;
        if self.only.is_empty() {
            return Ok((all.keys().cloned().collect(), valid));
        }
        let mut wanted = BTreeSet::new();
        let mut waiting: Vec<_> = self.only.iter().filter(|path| all.contains_key(path)).cloned().collect();
        while let Some(path) = waiting.pop() {
            if let Some(saved) = all.get(&path).filter(|_| wanted.insert(path)) {
                waiting.extend(saved.info.references.iter().cloned());
            }
        }
        Ok((wanted, valid))
    }

    /// The packs that the missing paths need.
    async fn supply(
        &self,
        missing: &BTreeSet<StorePath>,
        report: &mut Report,
    ) -> Result<Supply, RestoreError> {
        let recipes = missing.iter().filter_map(|path| match &self.snapshot.paths.get(path)?.source {
            Source::Packs(recipe) => Some(recipe),
            Source::Upstream => None,
        });
        let packs: BTreeSet<u32> = recipes.flat_map(|recipe| &recipe.0).map(|run| run.pack).collect();
        report.packs = packs.len() as u64;
        let supply = Supply::open(self.client, self.versions, Arc::clone(self.snapshot), packs).await?;
        if supply.lost() > 0 {
            let text = format!("{} of {} packs are gone or damaged", supply.lost(), report.packs);
            self.observer.tell(Event::Warning(text));
        }
        Ok(supply)
    }

    /// Restores what can be claimed; what others make meanwhile is waited for, and restored if they do not.
    async fn rounds(
        &self,
        needs: &Arc<Needs>,
        supply: Supply,
        ledger: &Arc<ledger::Shared>,
    ) -> Result<(), RestoreError> {
        let supply = Arc::new(supply);
        let mut todo = needs.paths();
        let begun = std::time::Instant::now();
        loop {
            let (claimed, busy) = ledger.claim(&todo)?;
            if !claimed.is_empty() {
                let lanes = lane::run(self, needs, &supply, ledger, &claimed);
                let upstream = upstream::run(self, needs, ledger, &claimed);
                tokio::try_join!(lanes, upstream)?;
            }
            ledger.register()?;
            if busy.is_empty() {
                return Ok(());
            }
            if begun.elapsed() > OTHERS {
                for path in busy {
                    ledger.miss(&path, Miss::Busy);
                }
                return Ok(());
            }
            tokio::time::sleep(GLANCE).await;
            todo = busy;
        }
    }

    fn check_room(&self, bytes: u64) -> Result<(), RestoreError> {
        let free = free(self.place);
        match free {
            Some(free) if free < bytes.saturating_add(self.min_free) => {
                Err(RestoreError::Room { store: self.place.store(), bytes, free, min_free: self.min_free })
            }
            _ => Ok(()),
        }
    }

    fn begin(&self, stage: Stage, bytes: u64, paths: u64) {
        self.observer.tell(Event::Begin { stage, bytes, paths });
    }
}

/// Bytes that are free on the store's disk, if the system tells.
fn free(place: &Place) -> Option<u64> {
    let stat = rustix::fs::statvfs(place.store()).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}
