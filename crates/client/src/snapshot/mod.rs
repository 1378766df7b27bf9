//! Snapshots: what a generation of a series holds and where its bytes are.

mod decode;
mod encode;
mod error;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
mod unite;
mod wire;

use std::collections::BTreeMap;

use snowbank_cas::id::ObjectHash;
use snowbank_nix::hash::NarHash;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::Realisation;
use snowbank_nix::store_path::{StoreDir, StorePath};

pub use error::SnapshotError;
pub use unite::MAX_UNUSED;

/// What the entry of an index begins with.
const MAGIC: [u8; 8] = *b"SNOWINDX";

/// The version of the index's layout.
const VERSION: u32 = 1;

/// Bytes before the message: magic, version, bytes and BLAKE3 of the message.
const HEADER: usize = 8 + 4 + 8 + 32;

/// Bytes of the largest message: a path takes some 300, so there is room for several hundred thousand.
pub const MAX_MESSAGE: u64 = 128 << 20;

/// Bytes of the largest entry.
pub const MAX_INDEX: u64 = MAX_MESSAGE + (1 << 20);

/// What the keys of packs begin with.
pub(crate) const PACK_PREFIX: &str = "snowbank-pack-";

/// A closure as it was saved. Every path's references are in it, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The directory that all paths are in.
    pub dir: StoreDir,
    /// Names the run that saved it: saves of one run (the jobs of a matrix) are no generations to each other.
    pub run: String,
    /// The packs that recipes speak of, by number.
    pub packs: Vec<PackRef>,
    /// The paths.
    pub paths: BTreeMap<StorePath, SavedPath>,
    /// What outputs of content-addressed derivations came to.
    pub realisations: Vec<Realisation>,
    /// Files and folders of Nix's own caches, by their names in `~/.cache/nix`.
    pub trees: BTreeMap<String, SavedTree>,
    /// The paths that the last run used, in the order in which it did.
    pub used: Vec<StorePath>,
}

/// A pack, an entry of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PackRef {
    /// BLAKE3 of the whole object.
    pub hash: ObjectHash,
    /// Bytes of the object.
    pub size: u64,
    /// Bytes of the footer that ends it.
    pub footer_len: u32,
    /// BLAKE3 of the footer; the footer holds the hashes of all frames and chunks.
    pub footer_hash: ObjectHash,
    /// Told apart from others of the same hash: an entry whose save was killed cannot be made again for a while.
    pub copy: u32,
}

impl PackRef {
    /// The key of its entry.
    #[must_use]
    pub fn key(&self) -> String {
        match self.copy {
            0 => format!("{PACK_PREFIX}{}", self.hash),
            copy => format!("{PACK_PREFIX}{}-{copy}", self.hash),
        }
    }
}

/// A path of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedPath {
    /// What Nix knows of it.
    pub info: PathInfo,
    /// Where its bytes are.
    pub source: Source,
    /// How many generations in a row did not use it.
    pub unused: u32,
}

/// Where a path's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In an upstream cache; the path's signatures tell that it was there.
    Upstream,
    /// In packs: the recipe of its NAR.
    Packs(Recipe),
}

/// A file or folder that is saved beside the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedTree {
    /// The SHA-256 of its NAR.
    pub nar_hash: NarHash,
    /// Bytes of its NAR.
    pub nar_size: u64,
    /// The recipe of its NAR.
    pub recipe: Recipe,
}

/// The frames of a stream, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipe(pub Vec<Run>);

/// Frames that lie one behind the other in a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// The pack's place in [`Snapshot::packs`].
    pub pack: u32,
    /// The first frame's place in the pack.
    pub first: u32,
    /// How many frames there are, at least one.
    pub count: u32,
}
