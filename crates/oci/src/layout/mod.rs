//! Images in a folder: the layout of the OCI image specification, which skopeo, podman, crane and others read.
//!
//! Files are written under temporary names, synced and renamed. Several processes may write to one folder at once: a lock on
//! `.snowbank.lock` guards each change of `index.json`, and each process holds one on `blobs/.snowbank.lock` together with the
//! others, so that who has it alone knows that leftovers belong to nobody.

mod destination;
mod folder;
mod index;
#[cfg(test)]
mod tests;

pub use destination::LayoutDestination;
pub use index::LayoutError;
