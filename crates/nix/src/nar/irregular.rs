//! What in a tree has not the modes that a store gives.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// The files and directories at and below `path`, at most `most` of them, whose modes are not those of a store: 0444, or
/// 0555 for directories and what can be executed. Links have none, and none is followed.
///
/// # Errors
/// When something cannot be read.
pub fn irregular(path: &Path, most: usize) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![path.to_owned()];
    while found.len() < most
        && let Some(path) = waiting.pop()
    {
        let metadata = fs::symlink_metadata(&path)?;
        if metadata.is_dir() {
            let mut names =
                fs::read_dir(&path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
            names.sort_unstable_by(|one, other| other.cmp(one));
            waiting.append(&mut names);
        }
        let mode = metadata.permissions().mode() & 0o7777;
        let regular = metadata.is_symlink() || mode == 0o555 || (mode == 0o444 && metadata.is_file());
        if !regular {
            found.push(path);
        }
    }
    Ok(found)
}
