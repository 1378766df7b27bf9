//! What a folder takes on the disk.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Bytes of disk blocks that `folder` and all below it take (as `du` counts, hard links once per name).
///
/// # Errors
/// When a folder cannot be read; what vanishes meanwhile is left out.
pub fn bytes_taken(folder: &Path) -> io::Result<u64> {
    let mut taken = 0;
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            taken += metadata.blocks() * 512;
            if metadata.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(taken)
}

/// The names of all files below `folder`, relative to it, sorted.
///
/// # Errors
/// When a folder cannot be read.
pub fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                files.push(entry.path().strip_prefix(folder).map(Path::to_owned).unwrap_or_default());
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_blocks_and_lists_files_of_all_depths() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        fs::write(folder.path().join("a/b/c"), vec![1; 100_000]).unwrap();
        fs::write(folder.path().join("d"), b"x").unwrap();
        let taken = bytes_taken(folder.path()).unwrap();
        assert!((100_000..200_000).contains(&taken), "{taken}");
        assert_eq!(files_below(folder.path()).unwrap(), [PathBuf::from("a/b/c"), PathBuf::from("d")]);
    }
}
