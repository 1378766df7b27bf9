//! What is to be restored, references first.

use std::collections::{BTreeMap, BTreeSet};

use snowbank_nix::closure::{Closure, ClosureError};
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::{StoreDir, StorePath};

use super::index::{Loss, Packs};
use super::report::Reason;
use crate::snapshot::{Snapshot, Source};

/// A path that is missing.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) info: PathInfo,
    pub(super) source: Source,
    /// Missing paths that it needs, by number; not itself.
    pub(super) references: Vec<usize>,
    /// Missing paths that need it, by number.
    pub(super) referrers: Vec<usize>,
}

/// `roots` and all that they need; all of the snapshot where there are no roots. Also roots that it does not have.
pub(super) fn wanted(
    snapshot: &Snapshot,
    roots: Option<&BTreeSet<StorePath>>,
) -> (BTreeSet<StorePath>, Vec<StorePath>) {
    let Some(roots) = roots else { return (snapshot.paths.keys().cloned().collect(), Vec::new()) };
    let (mut wanted, mut absent) = (BTreeSet::new(), Vec::new());
    let mut waiting: Vec<_> = roots.iter().collect();
    while let Some(path) = waiting.pop() {
        match snapshot.paths.get(path) {
            None => absent.push(path.clone()),
            Some(saved) => {
                if wanted.insert(path.clone()) {
                    waiting.extend(&saved.info.references);
                }
            }
        }
    }
    (wanted, absent)
}

/// The jobs for what of `wanted` is not `valid`, every one behind those that it needs.
///
/// # Errors
/// When the references make no closure.
pub(super) fn jobs(
    snapshot: &Snapshot,
    wanted: &BTreeSet<StorePath>,
    valid: &BTreeSet<StorePath>,
) -> Result<Vec<Job>, ClosureError> {
    let infos = wanted.iter().filter_map(|path| Some(snapshot.paths.get(path)?.info.clone()));
    let closure = Closure::new(infos)?;
    let missing: Vec<&PathInfo> =
        closure.references_first().filter(|info| !valid.contains(&info.path)).collect();
    let numbers: BTreeMap<&StorePath, usize> =
        missing.iter().enumerate().map(|(number, info)| (&info.path, number)).collect();
    let mut jobs: Vec<Job> = missing
        .iter()
        .filter_map(|info| {
            let others = info.references.iter().filter(|reference| **reference != info.path);
            Some(Job {
                info: (*info).clone(),
                source: snapshot.paths.get(&info.path)?.source.clone(),
                references: others.filter_map(|reference| numbers.get(reference).copied()).collect(),
                referrers: Vec::new(),
            })
        })
        .collect();
    for number in 0..jobs.len() {
        for reference in jobs[number].references.clone() {
            jobs[reference].referrers.push(number);
        }
    }
    Ok(jobs)
}

/// The packs that the jobs name.
pub(super) fn needed(jobs: &[Job]) -> BTreeSet<u32> {
    let recipes = jobs.iter().filter_map(|job| match &job.source {
        Source::Packs(recipe) => Some(recipe),
        Source::Upstream => None,
    });
    recipes.flat_map(|recipe| &recipe.0).map(|run| run.pack).collect()
}

/// Bytes of a path's frames, stored; or why it cannot be restored, as far as can be seen before anything is fetched.
pub(crate) fn check<A>(
    info: &PathInfo,
    source: &Source,
    packs: &Packs<A>,
    dir: &StoreDir,
) -> Result<u64, Loss> {
    if info.ca.is_some() && !info.is_content_addressed(dir) {
        return Err((Reason::Recipe, "its path does not follow from its content address".to_owned()));
    }
    match source {
        Source::Upstream => Ok(0),
        Source::Packs(recipe) => packs.measure(recipe, info.nar_size),
    }
}
