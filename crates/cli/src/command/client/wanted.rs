//! What a save is to hold.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use snowbank_client::selection::{SelectError, Wish, select};
use snowbank_client::substituter::Usage;
use snowbank_nix::closure::Closure;
use snowbank_nix::store::{LocalStore, Realisation};
use snowbank_nix::store_path::StorePath;

use super::session::{Session, unread};
use crate::args::client::What;
use crate::error::{CliError, Result};

/// What is to be saved.
pub(crate) struct Wanted {
    /// The paths.
    pub closure: Closure,
    /// What outputs of content-addressed derivations came to.
    pub realisations: Vec<Realisation>,
    /// What was built since the restore: paths, and bytes of their NARs.
    pub built: Option<(u64, u64)>,
    /// What is not here and may be wanted next.
    pub known: BTreeSet<StorePath>,
    /// What the run used, in that order: what Nix asked for, and what was named.
    pub used: Vec<StorePath>,
}

/// What a restore has left behind for the save that follows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Before {
    /// The second of the Unix era at which it began.
    pub since: Option<i64>,
    /// The paths that it brought.
    pub restored: BTreeSet<StorePath>,
    /// What Nix has asked for since, where it was served instead.
    pub usage: Usage,
}

/// Decides what is saved.
///
/// # Errors
/// When the store cannot be read, or something named is not in it.
pub(crate) fn wanted(session: &Session, what: &What, paths: &[PathBuf], before: &Before) -> Result<Wanted> {
    let store = LocalStore::open(session.place.clone()).map_err(unread)?;
    let wish = Wish {
        paths,
        all: what.all,
        exclude: &what.exclude,
        since: before.since,
        restored: &before.restored,
        folder: Path::new("."),
    };
    let selection = select(&store, &wish).map_err(refused)?;
    if selection.excluded > 0 {
        session.progress.say(format!("{} paths are left out by --exclude", selection.excluded));
    }
    let mut used = before.usage.paths();
    let asked: BTreeSet<_> = used.iter().cloned().collect();
    let named = store.closure(&selection.named).map_err(unread)?;
    let others = named.references_first().map(|info| &info.path).filter(|path| !asked.contains(*path));
    used.extend(others.cloned());
    let realisations = store.realisations().map_err(unread)?;
    let built = before.since.map(|since| store.built_since(since)).transpose().map_err(unread)?;
    Ok(Wanted { closure: selection.closure, realisations, built, known: selection.known, used })
}

fn refused(error: SelectError) -> CliError {
    match error {
        SelectError::Unknown { .. } => CliError::usage(error.to_string())
            .hint("name a store path that was built, a link to one, or a file in it")
            .hint("a private store is named with --store ROOT"),
        SelectError::Pattern(_) => CliError::usage("--exclude is not valid").because(error),
        error => CliError::failed("could not tell what to save").because(error),
    }
}
