//! What a save is to hold: the closures of what the user named, else of what is new here.

use std::path::{Path, PathBuf};

use snowbank_nix::closure::Closure;
use snowbank_nix::store::{LocalStore, Realisation};
use snowbank_nix::store_path::StorePath;

use super::session::Session;
use crate::error::{CliError, Result};

/// Links that lead to a store path at most.
const LINKS: usize = 40;

/// What is to be saved.
pub(crate) struct Wanted {
    /// The paths.
    pub closure: Closure,
    /// What outputs of content-addressed derivations came to.
    pub realisations: Vec<Realisation>,
}

/// The closures of `paths`; of the whole store; or, without both, of the `result` links here and all that was registered
/// since that second.
///
/// # Errors
/// When the store cannot be read, or something named is not in it.
pub(crate) fn wanted(session: &Session, all: bool, paths: &[PathBuf], since: Option<i64>) -> Result<Wanted> {
    let failed = |error| CliError::failed("could not read the Nix store").because(error);
    let store = LocalStore::open(session.place.clone()).map_err(failed)?;
    let mut roots = Vec::new();
    if all {
        roots.extend(store.valid_paths().map_err(failed)?);
    } else if paths.is_empty() {
        if let Some(since) = since {
            roots.extend(store.registered_since(since).map_err(failed)?);
        }
        for link in results() {
            // A result of another store is none of this one's.
            let path = resolve(session, &link);
            roots.extend(path.filter(|path| store.is_valid(path).unwrap_or(false)));
        }
    }
    for path in paths {
        let unknown = || {
            CliError::usage(format!(
                "{} is not in the store {}",
                path.display(),
                session.place.store().display()
            ))
            .hint("name a store path that was built, a link to one, or a file in it")
        };
        let found = resolve(session, path).ok_or_else(unknown)?;
        if !store.is_valid(&found).map_err(failed)? {
            return Err(unknown());
        }
        roots.push(found);
    }
    let closure = store.closure(&roots).map_err(failed)?;
    Ok(Wanted { closure, realisations: store.realisations().map_err(failed)? })
}

/// The `result` links of the working folder.
fn results() -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(".") else { return Vec::new() };
    let is_result = |name: &str| name == "result" || name.starts_with("result-");
    let mut links: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(is_result))
        .map(|entry| entry.path())
        .filter(|path| path.is_symlink())
        .collect();
    links.sort();
    links
}

/// The store path that `path` is, leads to, or lies in.
fn resolve(session: &Session, path: &Path) -> Option<StorePath> {
    let mut path = std::path::absolute(path).ok()?;
    for _ in 0..LINKS {
        if let Some(found) = within(session, &path) {
            return Some(found);
        }
        let target = std::fs::read_link(&path).ok()?;
        path = path.parent()?.join(target);
    }
    None
}

/// The store path in which `path` lies, by its name alone.
fn within(session: &Session, path: &Path) -> Option<StorePath> {
    let logical = Path::new(session.place.dir().as_str()).to_owned();
    let rest = path.strip_prefix(session.place.store()).or_else(|_| path.strip_prefix(logical)).ok()?;
    rest.components().next()?.as_os_str().to_str()?.parse().ok()
}
