//! A list of what is in an image (an SBOM), in two formats, attached to the image's manifest.
//!
//! The same image makes the same bytes, on every machine that knows the same of its store paths: no clock, no random number and
//! no release's number is in them.

mod attach;
mod contents;
mod cyclonedx;
mod error;
mod format;
mod spdx;
#[cfg(test)]
mod tests;
mod write;

pub use attach::{Attached, KNOWN, attach};
pub use contents::Contents;
pub use error::SbomError;
pub use format::Format;
pub use write::{MOST_BYTES, write};

use crate::digest::Digest;

/// What a list is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The repository, `ghcr.io/owner/image`; none in a folder, whose name is a matter of one machine.
    pub repository: Option<String>,
    /// The digest of its manifest.
    pub manifest: Digest,
}

impl Image {
    /// What it is called: the repository, or the digest.
    fn name(&self) -> String {
        self.repository.clone().unwrap_or_else(|| self.manifest.to_string())
    }

    /// Its package URL (purl-spec, type `oci`); none where nothing but the digest is known. Store paths have none: there is no
    /// type for them.
    fn purl(&self, architecture: &str) -> Option<String> {
        let repository = self.repository.as_ref()?;
        let name = repository.rsplit('/').next()?;
        // Names of repositories have no other character that must be escaped.
        let (digest, repository) =
            (self.manifest.to_string().replace(':', "%3A"), repository.replace(':', "%3A"));
        let plain = architecture.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let architecture = if plain { format!("arch={architecture}&") } else { String::new() };
        Some(format!("pkg:oci/{name}@{digest}?{architecture}repository_url={repository}"))
    }
}
