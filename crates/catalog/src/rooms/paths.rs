//! The paths of binary caches.

use std::fmt;

use async_trait::async_trait;
use snowbank_nix::hash::NarHash;
use snowbank_nix::nix32;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::{HASH_LEN, StorePath};

use crate::Result;
use crate::ids::{CacheId, NarId, PathId, RecipeId, Timestamp};

/// Signatures that a path keeps at most. What more are sent are left out.
pub const MAX_SIGNATURES: usize = 256;

/// The hash part of a store path, by which a binary cache knows it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HashPart([u8; HASH_LEN]);

impl HashPart {
    /// Reads thirty-two nix32 digits; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: [u8; HASH_LEN] = text.as_bytes().try_into().ok()?;
        digits.iter().all(|&digit| nix32::is_digit(digit)).then_some(Self(digits))
    }

    /// That of this path.
    #[must_use]
    pub fn of(path: &StorePath) -> Self {
        let mut digits = [0; HASH_LEN];
        digits.copy_from_slice(path.hash_part().as_bytes());
        Self(digits)
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Every way to make one checks that these are digits.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for HashPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for HashPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashPart({self})")
    }
}

/// A path to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPath {
    /// What is known of it.
    pub info: PathInfo,
    /// Whether it was copied from an upstream cache: its NAR may come later.
    pub upstream: bool,
}

/// Where a path's NAR is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NarPlace {
    /// Its row.
    pub id: NarId,
    /// Its recipe, served as frames.
    pub recipe: RecipeId,
    /// Bytes of its frames.
    pub stored: u64,
}

/// A path of a binary cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Its row.
    pub id: PathId,
    /// The view that it was published in: "" for all who may read the cache, else a git ref.
    pub view: String,
    /// Whether it is known from an upstream cache only.
    pub upstream: bool,
    /// When it was published.
    pub created: Timestamp,
    /// When it was last published, referred to by a new path, or used, as far as that has been written.
    pub used: Timestamp,
    /// What is known of it.
    pub info: PathInfo,
    /// Its NAR; `None` while an upstream path waits for it.
    pub nar: Option<NarPlace>,
}

/// What retention knows of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRow {
    /// Its row.
    pub id: PathId,
    /// The view that it was published in.
    pub view: String,
    /// Its hash part.
    pub hash_part: HashPart,
    /// The hash parts of what it refers to; its own among them where it does.
    pub references: Vec<HashPart>,
    /// Whether it is known from an upstream cache only.
    pub upstream: bool,
    /// Its NAR, if that is there.
    pub nar: Option<NarId>,
    /// Bytes of its NAR's frames; 0 without one.
    pub stored: u64,
    /// When it was published.
    pub created: Timestamp,
    /// When it was last used; see [`Path::used`].
    pub used: Timestamp,
}

/// Where paths are published, by whom, and what they may rely on.
#[derive(Clone, Copy, Debug)]
pub struct Publication<'a> {
    /// The cache.
    pub cache: CacheId,
    /// The view that the paths become visible in.
    pub view: &'a str,
    /// The views whose NARs and paths may be relied on: those that readers of `view` see.
    pub views: &'a [String],
    /// Whose staged NARs count.
    pub pusher: &'a str,
    /// Paths that the readers find elsewhere, such as in an upstream cache.
    pub elsewhere: &'a [HashPart],
}

/// The answer to a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// All are visible.
    Done {
        /// How many of them the view did not have before.
        added: u64,
    },
    /// Something is missing, and nothing has changed.
    Refused {
        /// Paths whose NAR is neither staged nor in the cache.
        nars: Vec<StorePath>,
        /// Paths, each with a reference that is nowhere.
        references: Vec<(StorePath, StorePath)>,
    },
}

/// Paths. Where several views are named, the first that has a path wins.
#[async_trait]
pub trait Paths {
    /// The path with this hash part. One statement.
    async fn path(&self, cache: CacheId, views: &[String], hash_part: HashPart) -> Result<Option<Path>>;

    /// The paths with these hash parts, in no order. One statement.
    async fn paths(&self, cache: CacheId, views: &[String], hash_parts: &[HashPart]) -> Result<Vec<Path>>;

    /// An upstream path of the cache itself that waits for this NAR. One statement.
    async fn waiting(&self, cache: CacheId, nar: &NarHash) -> Result<Option<Path>>;

    /// Of each of these names (store paths' name parts) the newest path that has its NAR, in no order. One statement.
    async fn latest_named(&self, cache: CacheId, views: &[String], names: &[String]) -> Result<Vec<Path>>;

    /// Makes paths visible, all at once or none: one transaction. Every NAR must be staged by the pusher or be had by a path
    /// of the cache in one of the publication's views, unless its path is an upstream one; every reference must be the path
    /// itself, in `paths`, visible in the views, or elsewhere. What a path relies on counts as used.
    ///
    /// A path that the view has already keeps its content. If the new one is the same (NAR and references), its signatures
    /// are added, at most [`MAX_SIGNATURES`] in all, and so is a NAR that it waited for; a different one changes nothing,
    /// for its signatures would not cover what is there. Staged rows stay until their lease ends.
    ///
    /// Publications in one cache take turns. The caller bounds how many paths there are.
    async fn publish(&self, publication: &Publication<'_>, paths: &[NewPath]) -> Result<Published>;

    /// Sets the time of last use to now. Unknown paths are passed over. One statement.
    async fn touch_paths(&self, paths: &[PathId]) -> Result<()>;

    /// Paths of all views of a cache after `after`, by number.
    async fn walk_paths(&self, cache: CacheId, after: Option<PathId>, limit: u64) -> Result<Vec<PathRow>>;

    /// Deletes paths. With `unused_since`, those that were used after that time stay: whoever takes the database's time,
    /// walks all paths and deletes those that no other one refers to then takes none that a publication has relied on in the
    /// meantime. Returns how many went.
    async fn delete_paths(&self, paths: &[PathId], unused_since: Option<Timestamp>) -> Result<u64>;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_hash_part_is_thirty_two_digits() {
        let path: StorePath = "xv2iccirbrvklck36f1g7vldn5v58vck-myfile".parse().unwrap();
        let part = HashPart::of(&path);
        assert_eq!(part.as_str(), path.hash_part());
        assert_eq!(HashPart::parse(path.hash_part()), Some(part));
        for text in
            ["", "xv2iccirbrvklck36f1g7vldn5v58vc", "ev2iccirbrvklck36f1g7vldn5v58vck", &"é".repeat(16)]
        {
            assert_eq!(HashPart::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_hash_part_is_what_it_was_read_from(text in "\\PC{0,40}|[0-9a-z]{32}") {
            if let Some(part) = HashPart::parse(&text) {
                prop_assert_eq!(part.as_str(), text);
            }
        }
    }
}
