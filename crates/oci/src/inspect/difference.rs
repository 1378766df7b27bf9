//! What is between two images.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};
use snowbank_nix::store_path::StorePath;

use super::{LayerView, Viewed};
use crate::digest::Digest;
use crate::package::Package;

/// What is between an old image and a new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Layers that both have, in the new one's order.
    pub kept: Vec<Blob>,
    /// Layers that only the new one has.
    pub added: Vec<Blob>,
    /// Layers that only the old one has.
    pub removed: Vec<Blob>,
    /// Bytes of layers that are fetched by whoever has the old image and pulls the new one.
    pub bytes_to_fetch: u64,
    /// Store paths.
    pub paths: PathChanges,
}

/// A layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blob {
    /// What people call it.
    pub name: String,
    /// Its digest.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
}

/// How the store paths of two images differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PathChanges {
    /// Paths of packages that only the new image has.
    #[serde(serialize_with = "base_names")]
    pub added: Vec<StorePath>,
    /// Paths of packages that only the old image has.
    #[serde(serialize_with = "base_names")]
    pub removed: Vec<StorePath>,
    /// Packages that both have, of another version or another hash.
    pub updated: Vec<Update>,
    /// Layers, of those that were added or removed, whose paths are not known: then the lists above are not complete.
    pub unknown_layers: usize,
}

/// A path that became another of the same package and output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Update {
    /// The old image's.
    #[serde(serialize_with = "base_name")]
    pub old: StorePath,
    /// The new image's.
    #[serde(serialize_with = "base_name")]
    pub new: StorePath,
}

fn base_names<S: Serializer>(paths: &[StorePath], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(StorePath::base_name))
}

fn base_name<S: Serializer>(path: &StorePath, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(path.base_name())
}

/// What is between two images. Layers are the same where their blobs are; a layer that is there twice counts once.
#[must_use]
pub fn diff(old: &Viewed, new: &Viewed) -> Difference {
    let in_old: BTreeSet<Digest> = old.layers.iter().map(|layer| layer.digest).collect();
    let in_new: BTreeSet<Digest> = new.layers.iter().map(|layer| layer.digest).collect();
    let (kept, added): (Vec<_>, Vec<_>) =
        once(&new.layers).into_iter().partition(|layer| in_old.contains(&layer.digest));
    let mut removed = once(&old.layers);
    removed.retain(|layer| !in_new.contains(&layer.digest));
    let unknown = added.iter().chain(&removed).filter(|layer| layer.paths.is_none()).count();
    let paths = path_changes(old, new, unknown);
    let blobs = |layers: &[&LayerView]| layers.iter().map(|layer| blob(layer)).collect();
    Difference {
        bytes_to_fetch: added.iter().fold(0, |sum: u64, layer| sum.saturating_add(layer.size)),
        kept: blobs(&kept),
        added: blobs(&added),
        removed: blobs(&removed),
        paths,
    }
}

fn once(layers: &[LayerView]) -> Vec<&LayerView> {
    let mut seen = BTreeSet::new();
    layers.iter().filter(|layer| seen.insert(layer.digest)).collect()
}

fn blob(layer: &LayerView) -> Blob {
    Blob { name: layer.name.clone(), digest: layer.digest, size: layer.size }
}

fn path_changes(old: &Viewed, new: &Viewed, unknown_layers: usize) -> PathChanges {
    // Of a layer that both have, one may tell what the other does not.
    let mut told: BTreeMap<Digest, &[StorePath]> = BTreeMap::new();
    for layer in old.layers.iter().chain(&new.layers) {
        if let Some(paths) = &layer.paths {
            told.entry(layer.digest).or_insert(paths);
        }
    }
    let paths = |image: &Viewed| -> BTreeSet<StorePath> {
        let known = image.layers.iter().filter_map(|layer| told.get(&layer.digest));
        known.flat_map(|paths| paths.iter().cloned()).collect()
    };
    let (in_old, in_new) = (paths(old), paths(new));
    let mut changes = PathChanges { unknown_layers, ..PathChanges::default() };
    let mut packages: BTreeMap<_, Changed<'_>> = BTreeMap::new();
    for path in in_old.difference(&in_new) {
        packages.entry(package(path)).or_default().olds.push(path);
    }
    for path in in_new.difference(&in_old) {
        packages.entry(package(path)).or_default().news.push(path);
    }
    for changed in packages.into_values() {
        changed.pair(&mut changes);
    }
    changes.added.sort_by(by_name);
    changes.removed.sort_by(by_name);
    changes.updated.sort_by(|one, other| by_name(&one.new, &other.new));
    changes
}

fn package(path: &StorePath) -> (&str, Option<&str>) {
    let package = Package::of_name(path.name());
    (package.name, package.output)
}

fn by_name(one: &StorePath, other: &StorePath) -> std::cmp::Ordering {
    one.name().cmp(other.name()).then_with(|| one.cmp(other))
}

/// The paths of a package that only one of the images has.
#[derive(Default)]
struct Changed<'a> {
    olds: Vec<&'a StorePath>,
    news: Vec<&'a StorePath>,
}

impl Changed<'_> {
    /// Pairs them: first those of one version, then the others in order.
    fn pair(self, changes: &mut PathChanges) {
        let Self { mut olds, mut news } = self;
        olds.sort_by(|one, other| by_name(one, other));
        news.sort_by(|one, other| by_name(one, other));
        let mut same: BTreeMap<&str, Vec<&StorePath>> = BTreeMap::new();
        for old in olds.iter().rev() {
            same.entry(old.name()).or_default().push(old);
        }
        let mut updated = Vec::new();
        news.retain(|new| match same.get_mut(new.name()).and_then(Vec::pop) {
            Some(old) => {
                updated.push((old, *new));
                false
            }
            None => true,
        });
        let left: BTreeSet<&StorePath> = same.into_values().flatten().collect();
        olds.retain(|old| left.contains(old));
        let pairs = olds.len().min(news.len());
        updated.extend(olds.drain(..pairs).zip(news.drain(..pairs)));
        let update = |(old, new): (&StorePath, &StorePath)| Update { old: old.clone(), new: new.clone() };
        changes.updated.extend(updated.into_iter().map(update));
        changes.removed.extend(olds.into_iter().cloned());
        changes.added.extend(news.into_iter().cloned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::samples::{path, viewed};

    fn names(blobs: &[Blob]) -> Vec<&str> {
        blobs.iter().map(|blob| blob.name.as_str()).collect()
    }

    #[test]
    fn layers_are_kept_added_and_removed() {
        let old = viewed("old", &[("base", 100, None), ("a", 10, Some(&[])), ("b", 1, Some(&[]))]);
        let new =
            viewed("new", &[("b", 1, Some(&[])), ("base", 100, None), ("c", 7, Some(&[])), ("c", 7, None)]);
        let difference = diff(&old, &new);
        assert_eq!(names(&difference.kept), ["b", "base"]);
        assert_eq!(names(&difference.added), ["c"]);
        assert_eq!(names(&difference.removed), ["a"]);
        assert_eq!(difference.bytes_to_fetch, 7);
        assert_eq!(difference.paths, PathChanges::default());
        assert_eq!(diff(&new, &new).bytes_to_fetch, 0);
    }

    #[test]
    fn packages_are_followed_from_one_image_to_the_other() {
        let old = [
            path('a', "pillow-1.0"),
            path('b', "glibc-2.38"),
            path('b', "glibc-2.38-bin"),
            path('c', "gone-1"),
            path('d', "same-1"),
            path('f', "two-1"),
            path('g', "two-2"),
        ];
        let new = [
            path('h', "pillow-2.0"),
            path('i', "glibc-2.38"),
            path('i', "glibc-2.39-bin"),
            path('j', "new-1"),
            path('d', "same-1"),
            path('k', "two-2"),
            path('l', "two-3"),
            path('m', "two-4"),
        ];
        let changes = diff(
            &viewed("old", &[("x", 1, Some(&old[..3])), ("y", 1, Some(&old[2..]))]),
            &viewed("new", &[("z", 1, Some(&new))]),
        )
        .paths;
        let updated: Vec<_> = changes.updated.iter().map(|one| (one.old.clone(), one.new.clone())).collect();
        let wanted = [(1, 1), (2, 2), (0, 0), (6, 5), (5, 6)];
        assert_eq!(
            updated,
            wanted.map(|(one, other): (usize, usize)| (old[one].clone(), new[other].clone()))
        );
        assert_eq!(changes.removed, [old[3].clone()]);
        assert_eq!(changes.added, [new[3].clone(), new[7].clone()]);
        assert_eq!(changes.unknown_layers, 0);
    }

    #[test]
    fn one_image_may_tell_what_the_other_does_not() {
        let paths = [path('a', "a")];
        let old = viewed("old", &[("x", 1, Some(&paths)), ("y", 1, None)]);
        let new = viewed("new", &[("x", 1, None), ("z", 1, None)]);
        let changes = diff(&old, &new).paths;
        assert_eq!(changes, PathChanges { unknown_layers: 2, ..PathChanges::default() });
    }
}
