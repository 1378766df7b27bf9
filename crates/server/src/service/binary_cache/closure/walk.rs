//! The walk over a closure, a batch of paths after the other.

use std::collections::{HashSet, VecDeque};

use futures::{StreamExt, TryStreamExt, stream};
use snowbank_binary_cache::bulk::{MAX_PATHS, Planned};
use snowbank_catalog::rooms::{HashPart, Path};
use snowbank_nix::store_path::StorePath;
use tokio::sync::mpsc;

use super::ClosureQuestion;
use super::question::Have;
use crate::service::Result;
use crate::service::binary_cache::CacheView;

/// Paths that are looked up by one statement. Most levels of a closure have fewer.
const BATCH: usize = 1024;

/// Paths that upstreams are asked for at once.
const LEARNING: usize = 16;

/// A path that is to be told of: a root, or one that somebody refers to.
struct Wanted {
    part: HashPart,
    path: Option<StorePath>,
}

/// A walk. Holds the paths that were seen or wait, some 150 bytes each, [`MAX_PATHS`] of them at most.
pub(super) struct Walk {
    view: CacheView,
    have: Have,
    waiting: VecDeque<Wanted>,
    seen: HashSet<HashPart>,
    last: Planned,
    to: mpsc::Sender<Vec<Planned>>,
}

impl Walk {
    pub(super) fn new(view: CacheView, question: ClosureQuestion, to: mpsc::Sender<Vec<Planned>>) -> Self {
        let ClosureQuestion { roots, have } = question;
        let last = Planned { last: true, ..Planned::default() };
        let mut walk = Self { view, have, waiting: VecDeque::new(), seen: HashSet::new(), last, to };
        roots.into_iter().for_each(|part| walk.want(part, None));
        walk
    }

    /// To the end, unless nobody listens any more.
    pub(super) async fn run(mut self) -> Result<()> {
        while !self.waiting.is_empty() && self.last.failed.is_empty() {
            let batch: Vec<Wanted> = self.waiting.drain(..self.waiting.len().min(BATCH)).collect();
            let parts: Vec<HashPart> = batch.iter().map(|wanted| wanted.part).collect();
            let found = self.view.find_all(&parts).await?;
            self.follow(batch, &found);
            if !self.view.tell(found, &self.to).await? {
                return Ok(());
            }
        }
        let _ = self.to.send(vec![self.last]).await;
        Ok(())
    }

    fn follow(&mut self, batch: Vec<Wanted>, found: &[Path]) {
        let there: HashSet<HashPart> = found.iter().map(|path| HashPart::of(&path.info.path)).collect();
        for Wanted { part, path } in batch.into_iter().filter(|wanted| !there.contains(&wanted.part)) {
            match path {
                Some(path) => self.last.elsewhere.push(path.to_string()),
                None => self.last.absent.push(part.to_string()),
            }
        }
        for reference in found.iter().flat_map(|path| &path.info.references) {
            self.want(HashPart::of(reference), Some(reference));
        }
    }

    fn want(&mut self, part: HashPart, path: Option<&StorePath>) {
        if self.have.contains(part) || !self.seen.insert(part) {
            return;
        }
        if self.seen.len() > MAX_PATHS {
            self.last.failed = format!("the closure has more than {MAX_PATHS} paths: pull parts of it");
            return;
        }
        self.waiting.push_back(Wanted { part, path: path.cloned() });
    }
}

impl CacheView {
    /// The paths with these hash parts, those of upstreams among them where the cache pulls through.
    async fn find_all(&self, parts: &[HashPart]) -> Result<Vec<Path>> {
        let mut found = self.service.0.catalog.paths(self.cache.id, &self.views, parts).await?;
        let there: HashSet<HashPart> = found.iter().map(|path| HashPart::of(&path.info.path)).collect();
        let missing: Vec<HashPart> = parts.iter().copied().filter(|part| !there.contains(part)).collect();
        let asking: Vec<_> = missing.into_iter().map(|part| self.learn(part)).collect();
        let learnt: Vec<_> = stream::iter(asking).buffer_unordered(LEARNING).try_collect().await?;
        found.extend(learnt.into_iter().flatten());
        Ok(found)
    }
}
