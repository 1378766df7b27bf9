//! Finding the files in the order in which they are hashed.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::HashFilesError;
use super::pattern::{Kinds, Pattern};

/// Entries that are looked at, at the most: links that are followed can make a small tree a very large one.
const MOST_ENTRIES: usize = 10_000_000;

/// Calls `found` with each path that is not a directory and matches, in order.
pub(super) fn walk(
    patterns: &[Pattern],
    follow: bool,
    mut found: impl FnMut(&Path) -> Result<(), HashFilesError>,
) -> Result<(), HashFilesError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| HashFilesError::Read { path, source }
    };
    let mut stack = Vec::new();
    for root in roots(patterns) {
        match fs::symlink_metadata(&root) {
            Ok(_) => stack.push((root, 1)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&root)(error)),
        }
    }
    stack.reverse();
    // The real paths of the directories above, to cut cycles.
    let mut above: Vec<PathBuf> = Vec::new();
    let mut entries = 0;
    while let Some((path, level)) = stack.pop() {
        entries += 1;
        if entries > MOST_ENTRIES {
            return Err(HashFilesError::TooMany(MOST_ENTRIES));
        }
        let names = names(&path);
        let kinds = kinds(patterns, &names);
        let partial = patterns.iter().any(|pattern| !pattern.negated && pattern.may_match_below(&names));
        if kinds == Kinds::default() && !partial {
            continue;
        }
        let metadata = if follow { fs::metadata(&path) } else { fs::symlink_metadata(&path) };
        let directory = match metadata {
            Ok(metadata) => metadata.is_dir(),
            Err(error) if follow && error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(&path)(error)),
        };
        if !directory {
            if kinds.file {
                found(&path)?;
            }
            continue;
        }
        if follow {
            let real = fs::canonicalize(&path).map_err(failed(&path))?;
            above.truncate(level - 1);
            if above.contains(&real) {
                continue;
            }
            above.push(real);
        }
        let mut children: Vec<OsString> = fs::read_dir(&path)
            .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect())
            .map_err(failed(&path))?;
        children.sort_unstable_by(|one, other| other.as_bytes().cmp(one.as_bytes()));
        stack.extend(children.into_iter().map(|name| (path.join(name), level + 1)));
    }
    Ok(())
}

/// Where to search, in the order of the patterns; what is below another root is found from there.
fn roots(patterns: &[Pattern]) -> Vec<PathBuf> {
    let all: Vec<&Path> =
        patterns.iter().filter(|pattern| !pattern.negated).map(|pattern| &*pattern.root).collect();
    let mut roots: Vec<PathBuf> = Vec::new();
    for root in &all {
        let nested = root.ancestors().skip(1).any(|above| all.contains(&above));
        if !nested && !roots.iter().any(|known| known == root) {
            roots.push((*root).to_owned());
        }
    }
    roots
}

fn kinds(patterns: &[Pattern], names: &[Vec<u16>]) -> Kinds {
    let mut kinds = Kinds::default();
    for pattern in patterns {
        let these = pattern.matches(names);
        kinds.directory = if these.directory { !pattern.negated } else { kinds.directory };
        kinds.file = if these.file { !pattern.negated } else { kinds.file };
    }
    kinds
}

/// The names of an absolute path as a pattern has them: nothing before the first slash; of the root alone, nothing
/// behind it either.
fn names(path: &Path) -> Vec<Vec<u16>> {
    path.to_string_lossy().split('/').map(|name| name.encode_utf16().collect()).collect()
}
