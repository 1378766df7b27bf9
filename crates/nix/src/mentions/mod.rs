//! Which store paths some content may refer to: those whose hash part stands in it.
//!
//! That is how Nix finds the references of what it has built (`references.cc`), for paths that it knows to look for. Here
//! it is found out before anybody says which paths they are, so whatever looks like a hash part is noted.

mod scan;

pub use scan::MentionScanner;

use crate::{
    nix32,
    store_path::{HASH_LEN, StorePath},
};

/// Hash parts that are noted at most; content with more may mention anything.
pub const MAX_MENTIONS: usize = 1 << 16;

/// Bytes of a hash part's digest that are noted, its first ones.
const NOTED: usize = 8;

/// Whatever in some content looks like the hash part of a store path; at most [`MAX_MENTIONS`], so 512 KiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mentions(Vec<[u8; NOTED]>);

/// Why bytes are no [`Mentions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MentionsError {
    /// A part of a digest too many.
    #[error("{0} bytes are not a row of digests of {NOTED} bytes")]
    Length(usize),
    /// More than there may be.
    #[error("there are {0} digests, and may be {MAX_MENTIONS}")]
    TooMany(usize),
    /// Digests that do not rise.
    #[error("the digests are not in order, or one is there twice")]
    Unsorted,
}

impl Mentions {
    /// Whether the content may refer to `path`: the beginning of its digest is noted.
    #[must_use]
    pub fn mentions(&self, path: &StorePath) -> bool {
        // The digits were checked when the path was read.
        let digest = nix32::decode(path.hash_part()).unwrap_or_default();
        digest.first_chunk().is_some_and(|noted| self.0.binary_search(noted).is_ok())
    }

    /// How many are noted.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the content refers to nothing at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is noted, one behind the other: of each digest the first eight bytes, in rising order.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.concat()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// When it wrote something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MentionsError> {
        let (noted, rest) = bytes.as_chunks::<NOTED>();
        if !rest.is_empty() {
            return Err(MentionsError::Length(bytes.len()));
        }
        if noted.len() > MAX_MENTIONS {
            return Err(MentionsError::TooMany(noted.len()));
        }
        if noted.is_sorted_by(|before, next| before < next) {
            Ok(Self(noted.to_vec()))
        } else {
            Err(MentionsError::Unsorted)
        }
    }
}

/// The first bytes of the digest whose last digits have this value: the last digits say the first bits.
const fn noted(value: u64) -> [u8; NOTED] {
    value.to_le_bytes()
}

const _: () = assert!(HASH_LEN * 5 == 160, "a hash part has no bits to spare");
