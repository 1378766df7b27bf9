//! What has to be restored, and in which order.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::{StoreDir, StorePath};

use super::supply::Supply;
use super::{Miss, Report};
use crate::snapshot::{Recipe, Snapshot, Source};

/// A path that is to be restored.
#[derive(Debug)]
pub(super) struct Need {
    pub(super) info: PathInfo,
    /// Its frames, in order; none when an upstream has it.
    pub(super) frames: Vec<(u32, u32)>,
    pub(super) upstream: bool,
    /// Bytes of its frames.
    stored: u64,
}

/// All that is to be restored: in the order in which the frames lie, so that packs are read from front to back.
#[derive(Debug)]
pub(super) struct Needs {
    needs: Vec<Need>,
    places: BTreeMap<StorePath, usize>,
}

impl Needs {
    /// Of the missing paths those that can be restored; the others are missed, and what refers to them.
    pub(super) fn of(
        snapshot: &Snapshot,
        missing: BTreeSet<StorePath>,
        supply: &Supply,
        dir: &StoreDir,
        report: &mut Report,
    ) -> Self {
        let mut needs = Vec::new();
        for path in &missing {
            let Some(saved) = snapshot.paths.get(path) else { continue };
            let info = saved.info.clone();
            if info.ca.is_some() && !info.is_content_addressed(dir) {
                report.missed.insert(path.clone(), Miss::ContentAddress);
                continue;
            }
            match &saved.source {
                Source::Upstream => {
                    needs.push(Need { info, frames: Vec::new(), upstream: true, stored: 0 });
                }
                Source::Packs(recipe) => match frames(recipe, info.nar_size, supply) {
                    Ok((frames, stored)) => needs.push(Need { info, frames, upstream: false, stored }),
                    Err(miss) => {
                        report.missed.insert(path.clone(), miss);
                    }
                },
            }
        }
        without_dependants(&mut needs, report);
        needs.sort_by_key(|need| need.frames.first().copied());
        let places = needs.iter().enumerate().map(|(at, need)| (need.info.path.clone(), at)).collect();
        Self { needs, places }
    }

    pub(super) fn len(&self) -> usize {
        self.needs.len()
    }

    pub(super) fn paths(&self) -> BTreeSet<StorePath> {
        self.places.keys().cloned().collect()
    }

    /// Bytes of all NARs.
    pub(super) fn bytes(&self) -> u64 {
        self.needs.iter().fold(0, |sum, need| sum.saturating_add(need.info.nar_size))
    }

    /// Bytes of all frames, as often as they are used.
    pub(super) fn stored_bytes(&self) -> u64 {
        self.needs.iter().map(|need| need.stored).sum()
    }

    pub(super) fn get(&self, at: usize) -> &Need {
        &self.needs[at]
    }

    /// The places of those of `paths` that are upstream's or are not.
    pub(super) fn places<'a>(
        &'a self,
        paths: &'a HashSet<StorePath>,
        upstream: bool,
    ) -> impl Iterator<Item = usize> + 'a {
        let chosen = move |need: &Need| need.upstream == upstream && paths.contains(&need.info.path);
        self.needs.iter().enumerate().filter(move |(_, need)| chosen(need)).map(|(at, _)| at)
    }
}

/// The frames of a recipe and their bytes, if they make a stream of `size` bytes.
fn frames(recipe: &Recipe, size: u64, supply: &Supply) -> Result<(Vec<(u32, u32)>, u64), Miss> {
    if recipe.0.iter().any(|run| !supply.has(run.pack)) {
        return Err(Miss::Pack);
    }
    let (mut raw, mut stored) = (0, 0);
    let mut frames = Vec::new();
    for place in recipe.frames() {
        let (_, entry) = supply.frame(place).ok_or(Miss::Recipe)?;
        raw += u64::from(entry.raw_len);
        stored += u64::from(entry.stored_len);
        // A recipe may name one frame again and again.
        if raw > size {
            return Err(Miss::Recipe);
        }
        frames.push(place);
    }
    if raw == size { Ok((frames, stored)) } else { Err(Miss::Recipe) }
}

/// Takes out what refers to missed paths.
fn without_dependants(needs: &mut Vec<Need>, report: &mut Report) {
    let mut referrers: BTreeMap<StorePath, Vec<StorePath>> = BTreeMap::new();
    for need in needs.iter() {
        for reference in &need.info.references {
            referrers.entry(reference.clone()).or_default().push(need.info.path.clone());
        }
    }
    let mut waiting: Vec<_> = report.missed.keys().cloned().collect();
    while let Some(path) = waiting.pop() {
        for referrer in referrers.remove(&path).into_iter().flatten() {
            if !report.missed.contains_key(&referrer) {
                report.missed.insert(referrer.clone(), Miss::Reference);
                waiting.push(referrer);
            }
        }
    }
    needs.retain(|need| !report.missed.contains_key(&need.info.path));
}
