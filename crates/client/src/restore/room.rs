//! How much room there is.

use snowbank_nix::store::Place;

use super::RestoreError;

/// Bytes that are free for everybody on the store's file system.
pub(super) fn free(place: &Place) -> Result<u64, RestoreError> {
    let path = place.store();
    let found =
        rustix::fs::statvfs(&path).map_err(|error| RestoreError::Free { path, error: error.into() })?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Checks that `needed` bytes can be written and `min_free` still are free then.
pub(super) fn check(place: &Place, needed: u64, min_free: u64) -> Result<(), RestoreError> {
    let free = free(place)?;
    if needed.saturating_add(min_free) > free {
        return Err(RestoreError::Room { needed, free, min_free });
    }
    Ok(())
}
