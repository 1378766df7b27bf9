//! How much room there is.

use std::path::Path;

use super::RestoreError;

/// Bytes that are free for everybody on the file system of `path`.
pub(super) fn free(path: &Path) -> Result<u64, RestoreError> {
    let failed = |error: rustix::io::Errno| RestoreError::Free { path: path.to_owned(), error: error.into() };
    let found = rustix::fs::statvfs(path).map_err(failed)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Checks that `needed` bytes can be written and `min_free` still are free then.
pub(super) fn check(path: &Path, needed: u64, min_free: u64) -> Result<(), RestoreError> {
    let free = free(path)?;
    if needed.saturating_add(min_free) > free {
        return Err(RestoreError::Room { needed, free, min_free });
    }
    Ok(())
}
