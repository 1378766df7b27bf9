//! Files that are there as a whole or not at all.

use std::error::Error;
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;

use crate::destination::DestinationError;

/// A file under a temporary name in a folder, which begins with `prefix` and goes when it is dropped.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn temporary(folder: &Path, prefix: &str) -> io::Result<NamedTempFile> {
    // Images are for others to read, as far as the umask lets them.
    tempfile::Builder::new().prefix(prefix).permissions(Permissions::from_mode(0o666)).tempfile_in(folder)
}

/// The same, where others may write beside: it is locked for as long as it is open, and what writers left who were killed, which nobody
/// has locked, is removed.
///
/// # Errors
/// When it cannot be made, or what was left not be removed.
pub(crate) fn locked_temporary(folder: &Path, prefix: &str) -> io::Result<NamedTempFile> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes())
            && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok())
        {
            fs::remove_file(entry.path())?;
        }
    }
    loop {
        let file = temporary(folder, prefix)?;
        // Between those two, another may have taken it for one that was left.
        if file.as_file().try_lock().is_ok() && file.path().exists() {
            return Ok(file);
        }
    }
}

/// Gives a temporary file its name, in place of what has it; durably.
///
/// # Errors
/// When that cannot be done.
pub(crate) fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder_of(path))?.sync_all()
}

/// The folder that a file is in.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Reads a small file; none where there is none.
///
/// # Errors
/// When it cannot be read, or has more than `most` bytes.
pub(crate) fn read_small(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let text = format!("{} has more than {most} bytes", path.display());
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(Some(bytes))
}

/// Removes the temporary files that writers left in a folder who ended before their time. To be called while none writes there.
///
/// # Errors
/// When the folder cannot be read, or a file not removed.
pub(crate) fn clean(folder: &Path, prefix: &str) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// An error of a destination that nothing more is known of.
pub(crate) fn failed(attempt: String, source: impl Into<Box<dyn Error + Send + Sync>>) -> DestinationError {
    DestinationError { attempt, missing: Vec::new(), refused_blobs: false, hint: None, source: source.into() }
}

/// Works on files on a blocking thread.
///
/// # Errors
/// When the work fails; the error says what was attempted.
pub(crate) async fn blocking<T: Send + 'static, E: Into<Box<dyn Error + Send + Sync>> + Send + 'static>(
    attempt: impl FnOnce() -> String,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, DestinationError> {
    match spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(failed(attempt(), error)),
        Err(error) => Err(failed(attempt(), error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_goes_and_what_is_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(".made-left");
        fs::write(&left, "x").unwrap();
        fs::write(folder.path().join("other"), "x").unwrap();
        let written = locked_temporary(folder.path(), ".made-").unwrap();
        let second = locked_temporary(folder.path(), ".made-").unwrap();
        assert!(!left.exists() && written.path().exists() && second.path().exists());
        persist(written, &folder.path().join("named")).unwrap();
        drop(second);
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["named", "other"]);
    }
}
