//! What a cache told of paths, as if it had been saved.

use std::sync::Arc;

use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::StoreDir;

use super::PlannedPath;
use super::layout::Layout;
use super::local::Local;
use super::source::{Counts, PulledPacks};
use crate::site::Site;
use crate::snapshot::{SavedPath, Snapshot, Source};

/// Where the frames come from that are laid out.
pub(super) struct Laid<'a> {
    pub(super) site: &'a Site,
    pub(super) local: Arc<Local>,
    pub(super) counts: Arc<Counts>,
}

impl Laid<'_> {
    /// A snapshot of these paths, and its packs, which nobody has stored. What is in others' caches, or has no frames
    /// yet, comes from upstream caches.
    pub(super) fn out<'a>(
        self,
        dir: &StoreDir,
        paths: impl Iterator<Item = &'a PlannedPath>,
        upstream: impl Iterator<Item = &'a PathInfo>,
    ) -> (Snapshot, PulledPacks) {
        let mut snapshot = Snapshot { dir: dir.clone(), ..Snapshot::default() };
        let (mut layout, mut nars) = (Layout::default(), Vec::new());
        let mut add = |info: &PathInfo, source| {
            let saved = SavedPath { info: info.clone(), source, unused: 0 };
            snapshot.paths.insert(info.path.clone(), saved);
        };
        upstream.for_each(|info| add(info, Source::Upstream));
        for path in paths {
            if path.frames.is_empty() {
                add(&path.info, Source::Upstream);
                continue;
            }
            let recipe = layout.add(nars.len() as u32, &path.frames, &self.local);
            nars.push(path.info.nar_hash);
            add(&path.info, Source::Packs(recipe));
        }
        let (packs, references) = layout.finish();
        snapshot.packs = references;
        let (site, local, counts) = (self.site.clone(), self.local, self.counts);
        (snapshot, PulledPacks { site, packs: packs.into(), nars, local, counts })
    }
}
