//! The runner's `hashFiles()`: one hash over the content of the files that patterns name.
//!
//! Source: the runner's `hashFiles` script and the `@actions/glob` package, for Linux and macOS. File names are not
//! hashed; the order is that of the walk: search roots in the order of the patterns, names in the order of bytes.

mod pattern;
mod segment;
mod walk;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use pattern::Pattern;

/// The option that may come before the patterns.
const FOLLOW: &str = "--follow-symbolic-links";

/// Bytes of a file that are in memory.
const BUFFER: usize = 64 << 10;

/// Files that could not be hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashFilesError {
    /// A pattern that cannot be used.
    #[error("the pattern `{pattern}` cannot be used: {why}")]
    Pattern {
        /// The line.
        pattern: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A first argument that begins like an option and is none.
    #[error("`{0}` is no option of hashFiles, only `{FOLLOW}` is")]
    Option(String),
    /// The workspace is not there, or its path is not UTF-8.
    #[error("the workspace {} cannot be used", path.display())]
    Workspace {
        /// The folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Something that matches cannot be read: a broken link, or not allowed.
    #[error("could not read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The search came upon too much.
    #[error("the patterns lead to more than {0} files and folders")]
    TooMany(usize),
}

/// Takes the option off the arguments: whether symbolic links are followed, and the patterns.
pub fn arguments(arguments: &[String]) -> Result<(bool, &[String]), HashFilesError> {
    match arguments.split_first() {
        Some((first, patterns)) if first == FOLLOW => Ok((true, patterns)),
        Some((first, _)) if first.starts_with("--") => Err(HashFilesError::Option(first.clone())),
        _ => Ok((false, arguments)),
    }
}

/// The value of `hashFiles(patterns)` in a workspace: lower-case hex, or nothing when no file matches.
///
/// A pattern may have several lines; `~` is the home directory of whoever runs this. A file is read in pieces of 64 KiB.
pub fn hash_files(
    workspace: &Path,
    patterns: &[String],
    follow_symbolic_links: bool,
) -> Result<String, HashFilesError> {
    let no_workspace = |source| HashFilesError::Workspace { path: workspace.to_owned(), source };
    let real = std::fs::canonicalize(workspace).map_err(no_workspace)?;
    let text = real.to_str().ok_or_else(|| no_workspace(io::Error::other("its path is not UTF-8")))?;
    let home = std::env::home_dir();
    let home = home.as_deref().and_then(Path::to_str).filter(|home| home.starts_with('/'));
    let mut all = Vec::new();
    for line in patterns.iter().flat_map(|pattern| pattern.split('\n')).map(pattern::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let pattern = Pattern::parse(line, text, home)?;
        let below = pattern.below();
        all.push(pattern);
        all.extend(below);
    }
    let mut hash = Sha256::new();
    let mut any = false;
    walk::walk(&all, follow_symbolic_links, |path| {
        if path == real || !path.starts_with(&real) {
            return Ok(());
        }
        let digest = digest(path).map_err(|source| HashFilesError::Read { path: path.to_owned(), source })?;
        if let Some(digest) = digest {
            hash.update(digest);
            any = true;
        }
        Ok(())
    })?;
    Ok(if any { hex::encode(hash.finalize()) } else { String::new() })
}

/// The hash of a file's content; none of a link to a folder.
fn digest(path: &Path) -> io::Result<Option<[u8; 32]>> {
    if std::fs::metadata(path)?.is_dir() {
        return Ok(None);
    }
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(Some(hash.finalize().into()));
        }
        hash.update(&buffer[..read]);
    }
}

#[cfg(test)]
mod tests;
