//! `.narinfo` files: how a binary cache tells of a store path.

mod compression;
mod error;
mod parse;

use std::fmt::Write as _;

pub use compression::Compression;
pub use error::{LineProblem, NarInfoError};

use crate::{hash::Digest, path_info::PathInfo, store_path::StoreDir};

/// Bytes of the largest text that is read: more than [`MAX_REFERENCES`] of usual length need.
pub const MAX_TEXT: usize = 8 << 20;

/// References of one path that are read.
pub const MAX_REFERENCES: usize = 1 << 16;

/// Signatures of one path that are read.
pub const MAX_SIGNATURES: usize = 256;

/// Bytes of the longest URL that is read.
pub const MAX_URL: usize = 8 << 10;

/// What a binary cache tells of a store path: the path's info, and where its NAR is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NarInfo {
    /// The path's info.
    pub info: PathInfo,
    /// Where the NAR is: a URL, or a part of one from the cache's root on.
    pub url: String,
    /// How the NAR is compressed.
    pub compression: Compression,
    /// The hash of the compressed NAR; no client checks it.
    pub file_hash: Option<Digest>,
    /// Bytes of the compressed NAR.
    pub file_size: Option<u64>,
}

impl NarInfo {
    /// The text, with its lines in the order in which Nix writes them.
    #[must_use]
    pub fn to_text(&self, dir: &StoreDir) -> String {
        let mut text = String::new();
        let info = &self.info;
        let mut line = |name: &str, value: &dyn std::fmt::Display| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name}: {value}");
        };
        line("StorePath", &dir.display(&info.path));
        line("URL", &self.url);
        line("Compression", &self.compression.name());
        if let Some(hash) = &self.file_hash {
            line("FileHash", hash);
        }
        if let Some(size) = self.file_size.filter(|&size| size > 0) {
            line("FileSize", &size);
        }
        line("NarHash", &info.nar_hash);
        line("NarSize", &info.nar_size);
        line(
            "References",
            &info.references.iter().map(|path| path.base_name()).collect::<Vec<_>>().join(" "),
        );
        if let Some(deriver) = &info.deriver {
            line("Deriver", deriver);
        }
        for signature in &info.signatures {
            line("Sig", signature);
        }
        if let Some(ca) = &info.ca {
            line("CA", ca);
        }
        text
    }
}
