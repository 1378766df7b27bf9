//! What a layer is made of.

pub(crate) mod entries;
mod error;
mod held;
mod key;
mod output;
mod parts;
mod rules;
mod selected;
mod stream;
mod warning;
mod write;

pub use error::LayerError;
pub use parts::parts;
pub use warning::NotMoved;
pub use write::{MAX_SORTED, write_layer};

use serde::{Deserialize, Serialize};
use snowbank_nix::hash::NarHash;
use snowbank_nix::store_path::StorePath;

/// What a layer is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayerSpec {
    /// The paths. Their order says which of two equal files is written, and nothing else.
    pub paths: Vec<LayerPath>,
}

/// A store path in a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerPath {
    /// The path.
    pub path: StorePath,
    /// The SHA-256 of its NAR, where it is known.
    pub nar_hash: Option<NarHash>,
    /// How its files are renamed and whom they belong to.
    pub options: PathOptions,
    /// Which of its files; all where there is none.
    pub part: Option<Part>,
}

/// How a path's files are renamed and whom they belong to, as nix2container has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathOptions {
    /// How they are renamed.
    #[serde(default, skip_serializing_if = "Rewrite::is_none")]
    pub rewrite: Rewrite,
    /// Whom they belong to. Of those that match, the last counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub perms: Vec<Perm>,
    /// Which files are left out: looked for in what a file is called in the image. A directory is left out with all that is in it
    /// in the store. Empty for none. In Go's syntax of regular expressions. Source: nix2container's branches.
    #[serde(default, rename = "ignoreDestination", skip_serializing_if = "String::is_empty")]
    pub ignore_destination: String,
}

/// How files are renamed: each match in a file's full path is replaced. In Go's syntax of regular expressions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrite {
    /// What is looked for; empty for none.
    #[serde(default)]
    pub regex: String,
    /// What takes its place.
    #[serde(default)]
    pub repl: String,
}

impl Rewrite {
    /// Whether nothing is renamed.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.regex.is_empty()
    }
}

/// Whom files belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Perm {
    /// Which files: looked for in a file's full path in the store.
    #[serde(default)]
    pub regex: String,
    /// Their mode, in octal digits; empty to leave it.
    #[serde(default)]
    pub mode: String,
    /// What is added to their mode, once it is set, in octal digits of at most 7777; empty for nothing. Source: nix2container's pull
    /// request 210.
    #[serde(default, rename = "orMode", skip_serializing_if = "String::is_empty")]
    pub or_mode: String,
    /// Their owner.
    #[serde(default)]
    pub uid: i64,
    /// Their group.
    #[serde(default)]
    pub gid: i64,
    /// Their owner's name; empty to leave it.
    #[serde(default)]
    pub uname: String,
    /// Their group's name; empty to leave it.
    #[serde(default)]
    pub gname: String,
}

/// A part of a path's files: those from `from` on and before `until`, in the order of a NAR. Directories that lead to one
/// of them are in each part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The first, as a path within the store path; from the beginning where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Vec<u8>>,
    /// The first that is not of it; to the end where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Vec<u8>>,
}

#[cfg(test)]
mod tests;
