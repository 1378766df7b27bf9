//! What the local store has.

use std::collections::{BTreeSet, HashMap};

use snowbank_nix::closure::Closure;
use snowbank_nix::store::{LocalStore, Place, StoreError};
use snowbank_nix::store_path::StorePath;

/// Paths of the same name that are looked into for chunks: a build differs least from the last one or two.
const NEWEST: usize = 2;

/// The valid paths of the local store, in the order in which they were registered.
#[derive(Debug, Default)]
pub(super) struct Here {
    paths: Vec<StorePath>,
    set: BTreeSet<StorePath>,
}

impl Here {
    /// These paths and no others.
    pub(super) fn of(paths: Vec<StorePath>) -> Self {
        Self { set: paths.iter().cloned().collect(), paths }
    }

    /// Reads the store's database. A store that is not there yet has nothing.
    pub(super) fn read(place: &Place) -> Result<Self, StoreError> {
        let paths = match LocalStore::open(place.clone()) {
            Ok(store) => store.in_order()?,
            Err(StoreError::Absent(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        let set = paths.iter().cloned().collect();
        Ok(Self { paths, set })
    }

    pub(super) fn has(&self, path: &StorePath) -> bool {
        self.set.contains(path)
    }

    /// In order of their hash parts.
    pub(super) fn sorted(&self) -> &BTreeSet<StorePath> {
        &self.set
    }

    /// All that these valid paths need.
    pub(super) fn closure(place: &Place, roots: &BTreeSet<StorePath>) -> Result<Closure, StoreError> {
        if roots.is_empty() {
            return Ok(Closure::default());
        }
        LocalStore::open(place.clone())?.closure(roots)
    }

    /// The newest paths of each of these names.
    pub(super) fn named<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<StorePath> {
        let mut left: HashMap<&str, usize> = names.into_iter().map(|name| (name, NEWEST)).collect();
        let newest = self.paths.iter().rev().filter(|path| match left.get_mut(path.name()) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        });
        newest.cloned().collect()
    }
}
