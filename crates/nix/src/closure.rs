//! Sets of paths that hold all that they refer to.

use std::collections::{BTreeMap, BTreeSet};

use crate::{path_info::PathInfo, store_path::StorePath};

/// A set of path infos closed under references, and without circles other than from a path to itself.
#[derive(Clone, Debug, Default)]
pub struct Closure {
    infos: BTreeMap<StorePath, PathInfo>,
    /// Every path behind all that it refers to.
    order: Vec<StorePath>,
}

/// Why infos are not a closure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClosureError {
    /// The same path twice.
    #[error("{0} is there twice")]
    Twice(StorePath),
    /// A reference to a path that is not there.
    #[error("{path} refers to {reference}, which is not there")]
    Missing {
        /// What refers.
        path: StorePath,
        /// What is not there.
        reference: StorePath,
    },
    /// Paths that refer to each other; Nix allows none.
    #[error("{0} refers to itself through other paths")]
    Circle(StorePath),
}

impl Closure {
    /// The closure of these infos.
    ///
    /// # Errors
    /// When they are none.
    pub fn new(infos: impl IntoIterator<Item = PathInfo>) -> Result<Self, ClosureError> {
        let mut closure = Self::default();
        for info in infos {
            if let Some(earlier) = closure.infos.insert(info.path.clone(), info) {
                return Err(ClosureError::Twice(earlier.path));
            }
        }
        closure.order = order(&closure.infos)?;
        Ok(closure)
    }

    /// How many paths there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.infos.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.infos.is_empty()
    }

    /// What is known of `path`.
    #[must_use]
    pub fn get(&self, path: &StorePath) -> Option<&PathInfo> {
        self.infos.get(path)
    }

    /// Sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = &PathInfo> {
        self.infos.values()
    }

    /// Every path behind all that it refers to; the same order for the same paths.
    pub fn references_first(&self) -> impl Iterator<Item = &PathInfo> {
        self.order.iter().filter_map(|path| self.infos.get(path))
    }

    /// Bytes of all NARs together.
    #[must_use]
    pub fn nar_size(&self) -> u64 {
        self.iter().fold(0, |sum, info| sum.saturating_add(info.nar_size))
    }
}

/// Takes again and again what all the references of were taken (Kahn's way): no recursion, whatever the depth.
fn order(infos: &BTreeMap<StorePath, PathInfo>) -> Result<Vec<StorePath>, ClosureError> {
    let mut waiting: BTreeMap<&StorePath, usize> = BTreeMap::new();
    let mut referrers: BTreeMap<&StorePath, Vec<&StorePath>> = BTreeMap::new();
    for (path, info) in infos {
        for reference in info.references.iter().filter(|reference| *reference != path) {
            if !infos.contains_key(reference) {
                return Err(ClosureError::Missing { path: path.clone(), reference: reference.clone() });
            }
            *waiting.entry(path).or_default() += 1;
            referrers.entry(reference).or_default().push(path);
        }
    }
    let mut ready: BTreeSet<&StorePath> = infos.keys().filter(|path| !waiting.contains_key(path)).collect();
    let mut order = Vec::with_capacity(infos.len());
    while let Some(path) = ready.pop_first() {
        order.push(path.clone());
        for referrer in referrers.remove(path).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(referrer) {
                *count -= 1;
                if *count == 0 {
                    waiting.remove(referrer);
                    ready.insert(referrer);
                }
            }
        }
    }
    match waiting.first_key_value() {
        Some((path, _)) => Err(ClosureError::Circle((*path).clone())),
        None => Ok(order),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hash::NarHash;

    fn path(number: usize) -> StorePath {
        format!("{number:032}-a").parse().unwrap()
    }

    fn info(number: usize, references: &[usize]) -> PathInfo {
        PathInfo {
            path: path(number),
            nar_hash: NarHash::of(b""),
            nar_size: 112,
            references: references.iter().map(|&reference| path(reference)).collect(),
            deriver: None,
            signatures: BTreeSet::new(),
            ca: None,
        }
    }

    #[test]
    fn references_come_first() {
        let closure = Closure::new([info(1, &[1, 2, 3]), info(2, &[3]), info(3, &[]), info(4, &[])]).unwrap();
        let order: Vec<_> = closure.references_first().map(|info| info.path.clone()).collect();
        assert_eq!(order, [3, 2, 1, 4].map(path));
        assert_eq!((closure.len(), closure.nar_size()), (4, 4 * 112));
    }

    #[test]
    fn what_is_no_closure_is_refused() {
        let missing = ClosureError::Missing { path: path(1), reference: path(2) };
        assert_eq!(Closure::new([info(1, &[2])]).unwrap_err(), missing);
        assert_eq!(Closure::new([info(1, &[]), info(1, &[])]).unwrap_err(), ClosureError::Twice(path(1)));
        let circle = [info(0, &[]), info(1, &[2]), info(2, &[3]), info(3, &[1, 0])];
        assert_eq!(Closure::new(circle).unwrap_err(), ClosureError::Circle(path(1)));
    }

    #[test]
    fn a_chain_of_any_length_is_ordered() {
        let closure = Closure::new((0..20_000).map(|at| info(at, &[(at + 1).min(19_999)]))).unwrap();
        assert!(
            closure.references_first().map(|info| &info.path).eq((0..20_000)
                .rev()
                .map(path)
                .collect::<Vec<_>>()
                .iter())
        );
    }

    proptest! {
        #[test]
        fn no_path_comes_before_its_references(edges in prop::collection::vec((0usize..30, 0usize..30), 0..80)) {
            let mut references = vec![Vec::new(); 30];
            for (from, to) in edges {
                references[from.max(to)].push(from.min(to));
            }
            let infos = references.iter().enumerate().map(|(at, to)| info(at, to));
            let closure = Closure::new(infos).unwrap();
            let mut seen = BTreeSet::new();
            for info in closure.references_first() {
                seen.insert(&info.path);
                prop_assert!(info.references.iter().all(|reference| seen.contains(reference)));
            }
            prop_assert_eq!(seen.len(), 30);
        }
    }
}
