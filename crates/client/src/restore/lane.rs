//! A lane: requests run ahead of a thread that decompresses, checks and writes.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::reader::Part;
use super::shared::Shared;
use super::window::{self, Bite, Cutter, Frames, Queue};
use super::write::write;
use super::writer::Writer;
use super::{PackSource, RestoreError};
use crate::snapshot::Source;

/// Windows that wait for the thread.
const WAITING: usize = 1;

/// A window that was fetched.
pub(super) struct Fetched {
    pub(super) bites: Vec<Bite>,
    /// In order.
    pub(super) parts: Vec<Part>,
}

impl<W: Writer, P: PackSource> Frames for &Shared<W, P> {
    fn is_wanted(&self, job: usize) -> bool {
        self.ledger.is_wanted(job)
    }

    fn frame(&self, job: usize, run: usize, at: u32) -> Option<(super::index::Frame, bool)> {
        let Source::Packs(recipe) = &self.jobs[job].source else { return None };
        self.reader.packs.frame(recipe, run, at)
    }
}

/// The order in which paths are taken: large ones first, so that none is left alone at the end; then as their frames
/// lie; or, where the writer can do nothing with a path before, behind what they refer to. Each with the bytes of its
/// frames.
pub(super) fn queue<W: Writer, P: PackSource>(shared: &Shared<W, P>, jobs: &[usize]) -> Queue {
    let mut sizes: Vec<_> = jobs
        .iter()
        .filter_map(|&job| {
            let Source::Packs(recipe) = &shared.jobs[job].source else { return None };
            let stored = |run: &crate::snapshot::Run| {
                Some(shared.reader.packs.found.get(&run.pack)?.index.measure(run)?.0)
            };
            // By the lowest: a rebuilt path then comes next to the one whose chunks it shares.
            let first = recipe.0.iter().map(|run| (run.pack, run.first)).min();
            Some((job, recipe.0.iter().filter_map(stored).sum::<u64>(), first))
        })
        .collect();
    if shared.writer.references_first() {
        // Jobs are numbered so.
        sizes.sort_by_key(|&(job, ..)| job);
        return Queue::new(sizes.into_iter().map(|(job, stored, _)| (job, stored)));
    }
    let all: u64 = sizes.iter().map(|(_, stored, _)| stored).sum();
    let large = (all / (4 * shared.options.lanes as u64)).max(window::size(shared.options.lanes));
    sizes.sort_by_key(|&(_, stored, first)| (stored < large, first));
    Queue::new(sizes.into_iter().map(|(job, stored, _)| (job, stored)))
}

/// Restores paths of the queue until there are no more.
pub(super) async fn lane<W: Writer, P: PackSource>(
    shared: Arc<Shared<W, P>>,
    queue: Arc<Queue>,
) -> Result<(), RestoreError> {
    let (sender, windows) = mpsc::channel(WAITING);
    let writing = tokio::task::spawn_blocking({
        let shared = Arc::clone(&shared);
        move || write(&shared, windows)
    });
    let size = window::size(shared.options.lanes);
    let mut cutter = Cutter::new(&queue, size, &*shared);
    while !shared.is_over() {
        let bites = cutter.next();
        if bites.is_empty() {
            break;
        }
        let parts = shared.reader.fetch(&bites, size).await;
        if sender.send(Fetched { bites, parts }).await.is_err() {
            break;
        }
    }
    drop(sender);
    writing.await.map_err(|_| RestoreError::Lost)
}
