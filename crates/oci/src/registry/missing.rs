//! Which blobs a registry misses when it refuses a manifest.

use super::error::RegistryError;
use crate::digest::Digest;

/// The blobs that are named, and whether it is for blobs at all that the registry refused.
pub(super) fn of(error: &RegistryError) -> (Vec<Digest>, bool) {
    match error {
        RegistryError::Refused(refusal)
            if refusal.has("MANIFEST_BLOB_UNKNOWN") || refusal.has("BLOB_UNKNOWN") =>
        {
            (refusal.digests.clone(), true)
        }
        _ => (Vec::new(), false),
    }
}
