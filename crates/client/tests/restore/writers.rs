//! Writers that are not as obliging as the machine's owner.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use snowbank_client::restore::writer::{Claimed, RootSink, RootWriter, Writer, WriterError};
use snowbank_client::restore::{Reason, RestoreError, Stopped};
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::{Realisation, StoreWriter};
use snowbank_nix::store_path::StorePath;

use crate::support::{Made, Target};

/// Holds so few paths at a time, and breaks at a commit.
struct Few {
    root: RootWriter,
    most: usize,
    held: AtomicUsize,
    /// Commits that succeed.
    commits: AtomicUsize,
}

impl Few {
    fn new(to: &Target, most: usize, commits: usize) -> Self {
        let root = RootWriter::open(to.place()).unwrap();
        Self { root, most, held: AtomicUsize::new(0), commits: AtomicUsize::new(commits) }
    }
}

impl Writer for Few {
    type Sink = RootSink;

    fn keep(&self, paths: &BTreeSet<StorePath>) -> Result<BTreeSet<StorePath>, WriterError> {
        self.root.keep(paths)
    }

    fn at_once(&self, _: usize) -> usize {
        self.most
    }

    fn claim(&self, paths: &BTreeSet<StorePath>) -> Result<Claimed, WriterError> {
        let claimed = self.root.claim(paths)?;
        let held = self.held.fetch_add(claimed.claimed.len(), Ordering::Relaxed) + claimed.claimed.len();
        assert!(held <= self.most, "{held} paths are held");
        Ok(claimed)
    }

    fn begin(&self, info: &PathInfo) -> Result<RootSink, WriterError> {
        self.root.begin(info)
    }

    fn commit(&self, infos: &[&PathInfo]) -> Result<Vec<(StorePath, String)>, WriterError> {
        let left =
            self.commits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if left.is_err() {
            return Err(WriterError("no more".into()));
        }
        self.held.fetch_sub(infos.len(), Ordering::Relaxed);
        self.root.commit(infos)
    }

    fn discard(&self, path: &StorePath) {
        self.root.discard(path);
    }

    fn realise(&self, realisations: &[Realisation]) -> Result<(), WriterError> {
        self.root.realise(realisations)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_are_restored_in_rounds_where_not_all_can_be_claimed_at_once() {
    let made = Made::many(20, 5000);
    let to = Target::new();
    let report = to.restore_by(Few::new(&to, 4, usize::MAX), &made.save(30_000)).await.unwrap().report;
    assert!(report.missed.is_empty(), "{:?}", report.missed);
    assert_eq!(to.checked().len(), made.infos.len());
    to.assert_tidy();
}

#[tokio::test(flavor = "multi_thread")]
async fn busy_paths_do_not_block_the_rounds_of_others() {
    let made = Made::many(20, 5000);
    let mut to = Target::new();
    to.options.patience = std::time::Duration::from_millis(300);
    let (busy, free): (BTreeSet<_>, BTreeSet<_>) =
        made.infos.keys().cloned().partition(|path| path.name().starts_with("tree-1"));
    let mut writer = StoreWriter::open(to.place()).unwrap();
    let claims = writer.claim(&busy).unwrap();
    let report =
        to.restore_by(Few::new(&to, made.infos.len(), usize::MAX), &made.save(30_000)).await.unwrap().report;
    drop(claims);
    let direct = report.missed.iter().filter(|(_, miss)| miss.through.is_none());
    assert!(direct.clone().all(|(path, miss)| miss.reason == Reason::Busy && busy.contains(path)));
    assert_eq!(direct.count(), busy.len());
    let there = to.checked();
    assert!(free.iter().all(|path| there.contains(path) || report.missed[path].through.is_some()));
    to.assert_tidy();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_takes_nothing_more_ends_the_restore() {
    let made = Made::many(20, 5000);
    for commits in [0, 2] {
        let to = Target::new();
        let report = to.restore_by(Few::new(&to, 6, commits), &made.save(30_000)).await.unwrap().report;
        assert!(matches!(&report.stopped, Some(Stopped::Store(why)) if why.contains("no more")));
        assert_eq!(to.checked().len() as u64, report.restored.count);
        assert_eq!(report.restored.count > 0, commits > 0);
        to.assert_tidy();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_cannot_claim_is_an_error() {
    let made = Made::small();
    let to = Target::new();
    // A folder where a lock should be cannot be opened for writing.
    std::fs::create_dir(to.place().store().join(format!("{}.lock", made.top))).unwrap();
    let error = to.restore(&made.save(30_000)).await.err().unwrap();
    assert!(matches!(error, RestoreError::Writer(_)), "{error}");
    assert!(snowbank_client::text::chain(&error).contains("cannot open the lock"), "{error}");
    assert_eq!(to.checked().len(), 0);
}
