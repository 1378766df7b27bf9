//! Images in an archive: the tar that `docker save` writes and `docker load`, podman and skopeo read.
//!
//! Its `manifest.json` names the files of the config and of the layers; both are called as in the layout of OCI,
//! `blobs/sha256/<hex>`, which is what Docker itself does since its release 25.

mod destination;
mod tape;
#[cfg(test)]
mod tests;

pub use destination::{ArchiveDestination, ArchiveError};
