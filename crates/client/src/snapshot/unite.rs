//! Two snapshots in one.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{PackRef, Recipe, Run, SavedPath, Snapshot, Source};

/// Generations in a row that may leave a path unused; the next one drops it.
pub const MAX_UNUSED: u32 = 3;

impl Snapshot {
    /// This snapshot and what only `other` has: of what both have this one's word counts, except that a path which
    /// either used is used. Packs that no recipe speaks of any more are left out.
    #[must_use]
    pub fn unite(self, other: &Self) -> Self {
        let mut all = self;
        let moved = all.take_packs(&other.packs);
        for (path, theirs) in &other.paths {
            match all.paths.get_mut(path) {
                Some(ours) => ours.unused = ours.unused.min(theirs.unused),
                None => {
                    let theirs = SavedPath { source: theirs.source.moved(&moved), ..theirs.clone() };
                    all.paths.insert(path.clone(), theirs);
                }
            }
        }
        let known: BTreeSet<_> = all.realisations.iter().map(|one| one.id.clone()).collect();
        all.realisations.extend(other.realisations.iter().filter(|one| !known.contains(&one.id)).cloned());
        for (name, tree) in &other.trees {
            let recipe = tree.recipe.moved(&moved);
            all.trees.entry(name.clone()).or_insert_with(|| super::SavedTree { recipe, ..tree.clone() });
        }
        let known: BTreeSet<_> = all.used.iter().cloned().collect();
        all.used.extend(other.used.iter().filter(|path| !known.contains(*path)).cloned());
        all.without_unused_packs()
    }

    /// Adds packs that are not there yet; says where each of them is now.
    fn take_packs(&mut self, packs: &[PackRef]) -> Vec<u32> {
        let mut places: HashMap<_, _> = self.packs.iter().cloned().zip(0u32..).collect();
        let place = |pack: &PackRef| {
            *places.entry(pack.clone()).or_insert_with(|| {
                self.packs.push(pack.clone());
                self.packs.len() as u32 - 1
            })
        };
        packs.iter().map(place).collect()
    }

    /// The same without packs that no recipe speaks of.
    #[must_use]
    pub fn without_unused_packs(mut self) -> Self {
        let used: HashSet<u32> = self.recipes().flat_map(|recipe| &recipe.0).map(|run| run.pack).collect();
        let mut places = vec![0; self.packs.len()];
        let mut kept = Vec::with_capacity(used.len());
        for (pack, at) in std::mem::take(&mut self.packs).into_iter().zip(0u32..) {
            if used.contains(&at) {
                places[at as usize] = kept.len() as u32;
                kept.push(pack);
            }
        }
        self.packs = kept;
        for path in self.paths.values_mut() {
            path.source = path.source.moved(&places);
        }
        for tree in self.trees.values_mut() {
            tree.recipe = tree.recipe.moved(&places);
        }
        self
    }

    /// Puts others in the place of all recipes.
    pub(crate) fn change_recipes(&mut self, change: impl Fn(&Recipe) -> Recipe) {
        for path in self.paths.values_mut() {
            if let Source::Packs(recipe) = &mut path.source {
                *recipe = change(recipe);
            }
        }
        for tree in self.trees.values_mut() {
            tree.recipe = change(&tree.recipe);
        }
    }

    /// The recipes of all paths and trees.
    pub fn recipes(&self) -> impl Iterator<Item = &Recipe> {
        let paths = self.paths.values().filter_map(|path| match &path.source {
            Source::Packs(recipe) => Some(recipe),
            Source::Upstream => None,
        });
        paths.chain(self.trees.values().map(|tree| &tree.recipe))
    }

    /// Leaves out the paths that `goes` names, and what refers to them; says how many those were.
    pub fn drop_paths(&mut self, mut goes: impl FnMut(&SavedPath) -> bool) -> usize {
        let mut gone: HashSet<_> =
            self.paths.iter().filter(|(_, path)| goes(path)).map(|(name, _)| name.clone()).collect();
        let mut referrers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (name, path) in &self.paths {
            for reference in path.info.references.iter().filter(|reference| *reference != name) {
                referrers.entry(reference.clone()).or_default().push(name.clone());
            }
        }
        let mut waiting: Vec<_> = gone.iter().cloned().collect();
        while let Some(name) = waiting.pop() {
            for referrer in referrers.remove(&name).into_iter().flatten() {
                if gone.insert(referrer.clone()) {
                    waiting.push(referrer);
                }
            }
        }
        self.paths.retain(|name, _| !gone.contains(name));
        self.realisations.retain(|one| !gone.contains(&one.path));
        self.used.retain(|path| !gone.contains(path));
        gone.len()
    }
}

impl Source {
    /// The same where packs have other places.
    fn moved(&self, places: &[u32]) -> Self {
        match self {
            Self::Upstream => Self::Upstream,
            Self::Packs(recipe) => Self::Packs(recipe.moved(places)),
        }
    }
}

impl Recipe {
    /// The same where packs have other places.
    pub(crate) fn moved(&self, places: &[u32]) -> Self {
        let pack = |pack: u32| places.get(pack as usize).copied().unwrap_or(pack);
        Self(self.0.iter().map(|run| Run { pack: pack(run.pack), ..*run }).collect())
    }

    /// Adds a frame at the end.
    pub fn push(&mut self, pack: u32, frame: u32) {
        match self.0.last_mut() {
            Some(run) if run.pack == pack && run.first + run.count == frame => run.count += 1,
            _ => self.0.push(Run { pack, first: frame, count: 1 }),
        }
    }

    /// Its frames, as places in packs.
    pub fn frames(&self) -> impl Iterator<Item = (u32, u32)> {
        self.0.iter().flat_map(|run| (0..run.count).map(|at| (run.pack, run.first.saturating_add(at))))
    }
}
