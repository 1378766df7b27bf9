//! What a save holds: the closures of what was named, or of what is new here, and what it took to build them.

mod error;
mod exclude;
mod lock_file;
mod place;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub use error::SelectError;
use exclude::Pattern;
pub use lock_file::locked_sources;
use snowbank_nix::closure::Closure;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::LocalStore;
use snowbank_nix::store_path::StorePath;

/// What somebody wants to be saved.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    /// Store paths, links to them, or files below them.
    pub paths: &'a [PathBuf],
    /// Everything in the store.
    pub all: bool,
    /// Patterns of names that are left out, with what refers to them.
    pub exclude: &'a [String],
    /// Without `paths`: what was registered at this second of the Unix era or later ...
    pub since: Option<i64>,
    /// ... unless it is one of these, which a restore has brought.
    pub restored: &'a BTreeSet<StorePath>,
    /// The working folder: its `result` links count without `paths`, and its `flake.lock` always.
    pub folder: &'a Path,
}

/// What is to be saved.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// What was meant.
    pub roots: BTreeSet<StorePath>,
    /// Of that, what was named or is linked from the working folder: what the next run will want, too.
    pub named: BTreeSet<StorePath>,
    /// All of it with all that it refers to.
    pub closure: Closure,
    /// What else its derivations, and those that they need, would make: not here, and of use to the next run.
    pub known: BTreeSet<StorePath>,
    /// How many paths were left out because of a pattern.
    pub excluded: usize,
}

/// Decides what is saved: the closures of the roots; the valid outputs in the build closures of their derivations, so
/// that a small change does not rebuild the toolchain; and the sources that `flake.lock` names. Derivations themselves
/// are in it only where something refers to them. Nothing to save is an empty selection.
///
/// # Errors
/// When something that was named is not in the store, a pattern or the lock file cannot be read, or the store cannot.
pub fn select(store: &LocalStore, wish: &Wish<'_>) -> Result<Selection, SelectError> {
    let patterns: Vec<_> = wish.exclude.iter().map(|text| Pattern::new(text)).collect::<Result<_, _>>()?;
    let Roots { named, roots, derivations } = roots(store, wish)?;
    let mut closure = store.closure(&roots)?;
    let mut known = BTreeSet::new();
    if !wish.all {
        let built;
        (built, known) = outputs(store, &closure, derivations)?;
        let sources = lock_file::sources(&wish.folder.join("flake.lock"), store)?;
        let all: BTreeSet<_> = roots.iter().cloned().chain(built).chain(sources).collect();
        closure = store.closure(&all)?;
    }
    let (closure, excluded) = without(closure, &patterns)?;
    Ok(Selection { roots, named, closure, known, excluded })
}

/// The closure of what is named: store paths, links to them, or files below them.
///
/// # Errors
/// When something that was named is not in the store, or the store cannot be read.
pub fn named(store: &LocalStore, paths: &[PathBuf]) -> Result<Closure, SelectError> {
    Ok(store.closure(&resolved(store, paths)?)?)
}

fn resolved(store: &LocalStore, paths: &[PathBuf]) -> Result<BTreeSet<StorePath>, SelectError> {
    let valid = |path: &PathBuf| {
        let found = place::resolve(store.place(), path).ok_or_else(|| unknown(store, path))?;
        if store.is_valid(&found)? { Ok(found) } else { Err(unknown(store, path)) }
    };
    paths.iter().map(valid).collect()
}

/// What was meant.
#[derive(Default)]
struct Roots {
    named: BTreeSet<StorePath>,
    /// All paths.
    roots: BTreeSet<StorePath>,
    /// Derivations whose outputs are meant.
    derivations: BTreeSet<StorePath>,
}

fn roots(store: &LocalStore, wish: &Wish<'_>) -> Result<Roots, SelectError> {
    if wish.all {
        return Ok(Roots { roots: store.valid_paths()?, ..Roots::default() });
    }
    let mut roots = resolved(store, wish.paths)?;
    let mut derivations = BTreeSet::new();
    if wish.paths.is_empty() {
        for link in place::results(wish.folder) {
            // One of another store is none of this one's.
            let found = place::resolve(store.place(), &link);
            if let Some(found) = found.filter(|path| store.is_valid(path).unwrap_or(false)) {
                roots.insert(found);
            }
        }
    }
    let named = roots.clone();
    if wish.paths.is_empty() {
        let new = wish.since.map(|since| store.registered_since(since)).transpose()?.unwrap_or_default();
        let new = new.into_iter().filter(|path| !wish.restored.contains(path));
        let (drvs, others): (BTreeSet<_>, BTreeSet<_>) = new.partition(StorePath::is_derivation);
        derivations.extend(drvs);
        roots.extend(others);
    }
    Ok(Roots { named, roots, derivations })
}

fn unknown(store: &LocalStore, path: &Path) -> SelectError {
    SelectError::Unknown { path: path.to_owned(), store: store.place().store() }
}

/// The outputs in the build closures of `derivations` and of the derivers of `closure`: the valid ones, and the others.
fn outputs(
    store: &LocalStore,
    closure: &Closure,
    mut derivations: BTreeSet<StorePath>,
) -> Result<(BTreeSet<StorePath>, BTreeSet<StorePath>), SelectError> {
    let derivers = closure.iter().filter_map(|info| info.deriver.as_ref());
    for deriver in derivers.collect::<BTreeSet<_>>() {
        if store.is_valid(deriver)? {
            derivations.insert(deriver.clone());
        }
    }
    let (mut built, mut known) = (BTreeSet::new(), BTreeSet::new());
    for info in store.closure(&derivations)?.iter().filter(|info| info.path.is_derivation()) {
        for output in store.derivation_outputs(&info.path)?.into_values() {
            if store.is_valid(&output)? {
                built.insert(output)
            } else {
                known.insert(output)
            };
        }
    }
    Ok((built, known))
}

/// Leaves out what matches a pattern, and what refers to it.
fn without(closure: Closure, patterns: &[Pattern]) -> Result<(Closure, usize), SelectError> {
    if patterns.is_empty() {
        return Ok((closure, 0));
    }
    let mut kept: BTreeMap<&StorePath, &PathInfo> = BTreeMap::new();
    // References come first: what they lack, who refers to them lacks as well.
    for info in closure.references_first() {
        let matches = patterns.iter().any(|pattern| pattern.matches(&info.path));
        let lacks = |reference: &StorePath| *reference != info.path && !kept.contains_key(reference);
        if !matches && !info.references.iter().any(lacks) {
            kept.insert(&info.path, info);
        }
    }
    let excluded = closure.len() - kept.len();
    let rest = Closure::new(kept.into_values().cloned()).map_err(snowbank_nix::store::StoreError::from)?;
    Ok((rest, excluded))
}
