//! What a save has to do: pure arithmetic over the last generation and what is to be saved now.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use snowbank_nix::closure::Closure;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::Realisation;
use snowbank_nix::store_path::StorePath;

use crate::snapshot::{MAX_UNUSED, Recipe, SavedPath, SavedTree, Snapshot, Source};

/// What a save has to do.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// What stays of the last generation, its counters advanced and its infos renewed.
    pub(super) kept: Snapshot,
    /// What has to be read and stored, the largest first: many processors then end together.
    pub(super) new: Vec<PathInfo>,
    /// What only has to be written down, because an upstream cache has its bytes.
    pub(super) upstream: Vec<PathInfo>,
    /// Realisations that the last generation did not have.
    pub(super) realisations: Vec<Realisation>,
    /// How many paths of the last generation were left out, unused for too long or with their packs gone.
    pub(super) dropped: usize,
}

impl Plan {
    /// The paths of `closure` whose bytes are left to upstream caches.
    pub(super) fn left_upstream<'a>(&'a self, closure: &'a Closure) -> impl Iterator<Item = &'a PathInfo> {
        let kept = closure.iter().filter(|info| {
            self.kept.paths.get(&info.path).is_some_and(|saved| saved.source == Source::Upstream)
        });
        kept.chain(&self.upstream)
    }

    /// Whether there is anything to save.
    pub(super) fn has_news(&self) -> bool {
        !(self.new.is_empty() && self.upstream.is_empty() && self.realisations.is_empty())
    }
}

/// What is to be saved now.
pub(super) struct Wanted<'a> {
    pub(super) closure: &'a Closure,
    pub(super) realisations: &'a [Realisation],
    /// Whether an upstream cache has a path.
    pub(super) upstream: &'a (dyn Fn(&PathInfo) -> bool + Sync),
    /// What is not here and may be wanted next.
    pub(super) known: &'a BTreeSet<StorePath>,
    pub(super) run: &'a str,
}

/// Plans a save on top of `last`, packs of which are `lost`.
pub(super) fn plan(last: Option<&Snapshot>, lost: &HashSet<u32>, wanted: &Wanted<'_>) -> Plan {
    let mut plan = Plan { kept: last.cloned().unwrap_or_default(), ..Plan::default() };
    let before = plan.kept.paths.len();
    let same_run = plan.kept.run == wanted.run;
    let known = closure_of(&plan.kept, wanted.known);
    for (name, path) in &mut plan.kept.paths {
        if wanted.closure.get(name).is_some() || known.contains(name) {
            path.unused = 0;
        } else if !same_run {
            path.unused += 1;
        }
    }
    // What is wanted and refers to nothing that is not: it never goes with what is dropped here.
    plan.kept.drop_paths(|path| {
        wanted.closure.get(&path.info.path).is_none()
            && (path.unused >= MAX_UNUSED || uses(&path.source, lost))
    });
    plan.dropped = before - plan.kept.paths.len();
    plan.kept.trees.retain(|_, tree| !speaks(&tree.recipe, lost));
    for info in wanted.closure.iter() {
        match plan.kept.paths.get_mut(&info.path) {
            Some(path) if stays(path, info, lost, wanted) => renew(path, info),
            _ => {
                plan.kept.paths.remove(&info.path);
                if (wanted.upstream)(info) { &mut plan.upstream } else { &mut plan.new }.push(info.clone());
            }
        }
    }
    plan.new.sort_by(|one, other| other.nar_size.cmp(&one.nar_size).then_with(|| one.path.cmp(&other.path)));
    let known: BTreeSet<_> = plan.kept.realisations.iter().map(|one| &one.id).collect();
    let new = wanted.realisations.iter().filter(|one| !known.contains(&one.id));
    plan.realisations = new.filter(|one| wanted.closure.get(&one.path).is_some()).cloned().collect();
    plan.kept.run = wanted.run.to_owned();
    plan
}

/// Those of `roots` that the snapshot has, with all that they refer to.
fn closure_of(snapshot: &Snapshot, roots: &BTreeSet<StorePath>) -> BTreeSet<StorePath> {
    let (mut all, mut waiting) = (BTreeSet::new(), roots.iter().collect::<Vec<_>>());
    while let Some(path) = waiting.pop() {
        if let Some(saved) = snapshot.paths.get(path)
            && all.insert(path.clone())
        {
            waiting.extend(&saved.info.references);
        }
    }
    all
}

/// Whether what the last generation says of a wanted path still holds.
fn stays(path: &SavedPath, info: &PathInfo, lost: &HashSet<u32>, wanted: &Wanted<'_>) -> bool {
    let same = path.info.nar_hash == info.nar_hash
        && path.info.nar_size == info.nar_size
        && path.info.references == info.references;
    same && match &path.source {
        // Unless an upstream's paths are now to be kept.
        Source::Upstream => (wanted.upstream)(info),
        Source::Packs(recipe) => !speaks(recipe, lost),
    }
}

/// Takes over what is known here and was not when the path was saved.
fn renew(path: &mut SavedPath, info: &PathInfo) {
    path.info.signatures.extend(info.signatures.iter().cloned());
    path.info.ca = path.info.ca.take().or(info.ca);
    path.info.deriver = path.info.deriver.take().or_else(|| info.deriver.clone());
}

fn uses(source: &Source, packs: &HashSet<u32>) -> bool {
    matches!(source, Source::Packs(recipe) if speaks(recipe, packs))
}

fn speaks(recipe: &Recipe, packs: &HashSet<u32>) -> bool {
    !packs.is_empty() && recipe.0.iter().any(|run| packs.contains(&run.pack))
}

/// The trees among `wanted` that the last generation does not have as they are now.
pub(super) fn new_trees<'a, T>(
    kept: &BTreeMap<String, SavedTree>,
    wanted: &'a [T],
    name: impl Fn(&T) -> (&str, &snowbank_nix::hash::NarHash),
) -> Vec<&'a T> {
    let new = |tree: &&T| {
        let (name, hash) = name(tree);
        kept.get(name).is_none_or(|known| known.nar_hash != *hash)
    };
    wanted.iter().filter(new).collect()
}

#[cfg(test)]
mod tests {
    use snowbank_cas::id::ObjectHash;

    use super::*;
    use crate::snapshot::PackRef;
    use crate::snapshot::samples::{info, name};

    fn pack(byte: u8) -> PackRef {
        let hash = ObjectHash::from_bytes([byte; 32]);
        PackRef { hash, size: 1000, footer_len: 100, footer_hash: hash, copy: 0 }
    }

    fn recipe(pack: u32) -> Recipe {
        let mut recipe = Recipe::default();
        recipe.push(pack, 0);
        recipe
    }

    fn saved(number: u32, references: &[u32], pack: u32, unused: u32) -> (StorePath, SavedPath) {
        let info = info(number, references);
        (info.path.clone(), SavedPath { info, source: Source::Packs(recipe(pack)), unused })
    }

    fn snapshot(paths: impl IntoIterator<Item = (StorePath, SavedPath)>) -> Snapshot {
        let packs = vec![pack(0), pack(1)];
        Snapshot { packs, run: "before".into(), paths: paths.into_iter().collect(), ..Snapshot::default() }
    }

    fn planned(last: &Snapshot, lost: &[u32], run: &str, infos: &[PathInfo]) -> Plan {
        let closure = Closure::new(infos.iter().cloned()).unwrap();
        let lost = lost.iter().copied().collect();
        let known = BTreeSet::new();
        let wanted =
            Wanted { closure: &closure, realisations: &[], upstream: &|_| false, known: &known, run };
        plan(Some(last), &lost, &wanted)
    }

    #[test]
    fn what_was_saved_is_no_news() {
        let last = snapshot([saved(1, &[], 0, 2), saved(2, &[1], 1, 0)]);
        let plan = planned(&last, &[], "now", &[info(1, &[]), info(2, &[1])]);
        assert!(!plan.has_news());
        assert_eq!(plan.kept.paths[&name(1)].unused, 0);
        assert_eq!(plan.dropped, 0);
    }

    #[test]
    fn the_largest_new_path_is_read_first() {
        let large = PathInfo { nar_size: 5000, ..info(3, &[]) };
        let plan =
            planned(&snapshot([saved(1, &[], 0, 0)]), &[], "now", &[info(1, &[]), info(2, &[1]), large]);
        assert_eq!(plan.new.iter().map(|info| &info.path).collect::<Vec<_>>(), [&name(3), &name(2)]);
    }

    #[test]
    fn three_generations_that_do_not_use_a_path_drop_it_and_what_refers_to_it() {
        let last =
            snapshot([saved(1, &[], 0, 1), saved(2, &[1], 0, 1), saved(3, &[], 0, 2), saved(4, &[3], 0, 2)]);
        let plan = planned(&last, &[], "now", &[]);
        assert_eq!(plan.kept.paths.keys().collect::<Vec<_>>(), [&name(1), &name(2)]);
        assert_eq!((plan.kept.paths[&name(1)].unused, plan.dropped), (2, 2));
    }

    #[test]
    fn what_the_next_run_may_want_stays_with_what_it_needs() {
        let last =
            snapshot([saved(1, &[], 0, 2), saved(2, &[1], 0, 2), saved(3, &[], 0, 2), saved(4, &[2], 0, 2)]);
        let (closure, known) = (Closure::default(), BTreeSet::from([name(2), name(9)]));
        let wanted =
            Wanted { closure: &closure, realisations: &[], upstream: &|_| true, known: &known, run: "now" };
        let plan = plan(Some(&last), &HashSet::new(), &wanted);
        assert_eq!(plan.kept.paths.keys().collect::<Vec<_>>(), [&name(1), &name(2)]);
        assert_eq!(plan.kept.paths[&name(1)].unused, 0);
    }

    #[test]
    fn the_jobs_of_one_run_are_no_generations_to_each_other() {
        let last = snapshot([saved(1, &[], 0, 2)]);
        let plan = planned(&last, &[], "before", &[info(2, &[])]);
        assert_eq!(plan.kept.paths[&name(1)].unused, 2);
    }

    #[test]
    fn paths_of_a_lost_pack_are_read_again_or_left_out() {
        let last =
            snapshot([saved(1, &[], 1, 0), saved(2, &[1], 0, 0), saved(3, &[], 1, 0), saved(4, &[3], 0, 0)]);
        let plan = planned(&last, &[1], "now", &[info(1, &[]), info(2, &[1])]);
        assert_eq!(plan.new.iter().map(|info| &info.path).collect::<Vec<_>>(), [&name(1)]);
        assert_eq!(plan.kept.paths.keys().collect::<Vec<_>>(), [&name(2)]);
        assert_eq!(plan.dropped, 2);
    }

    #[test]
    fn another_content_is_news_and_another_signature_is_not() {
        let last = snapshot([saved(1, &[], 0, 0)]);
        let other = PathInfo { nar_hash: snowbank_nix::hash::NarHash::of(b"other"), ..info(1, &[]) };
        assert!(planned(&last, &[], "now", &[other]).has_news());
        let mut signed = info(1, &[]);
        let key = snowbank_nix::signature::SecretKey::generate("a-1").unwrap();
        signed.sign(&snowbank_nix::store_path::StoreDir::default(), &key);
        let plan = planned(&last, &[], "now", std::slice::from_ref(&signed));
        assert!(!plan.has_news());
        assert_eq!(plan.kept.paths[&name(1)].info.signatures, signed.signatures);
    }

    #[test]
    fn what_an_upstream_has_is_written_down_unless_it_is_to_be_kept() {
        let closure = Closure::new([info(1, &[]), info(2, &[1])]).unwrap();
        let known = BTreeSet::new();
        let wanted =
            Wanted { closure: &closure, realisations: &[], upstream: &|_| true, known: &known, run: "now" };
        let first = plan(None, &HashSet::new(), &wanted);
        assert_eq!((first.upstream.len(), first.new.len()), (2, 0));
        let mut last = Snapshot::default();
        for info in first.upstream {
            last.paths.insert(info.path.clone(), SavedPath { info, source: Source::Upstream, unused: 0 });
        }
        assert!(!plan(Some(&last), &HashSet::new(), &wanted).has_news());
        let kept = Wanted { upstream: &|_| false, ..wanted };
        assert_eq!(plan(Some(&last), &HashSet::new(), &kept).new.len(), 2);
    }
}
